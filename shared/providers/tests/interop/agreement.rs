//! Where we and the libraries agree: what one side signs the other accepts, and both refuse one changed byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use payonce_providers::{Refused, preset};
use serde_json::json;

use crate::oracle::{Language, Oracle};
use crate::random::Random;
use crate::wire::{Case, Delivery, Encoding, NOW, NOW_S};

pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// Text of the characters that encoders, decoders and line ends treat differently.
fn text(random: &mut Random) -> String {
    const CHARACTERS: [char; 14] = ['a', 'Z', '0', ' ', '"', '\\', '\n', '\r', '\t', '.', 'é', '✓', '😀', '\u{2028}'];
    random.bytes(80).into_iter().map(|byte| CHARACTERS[usize::from(byte) % CHARACTERS.len()]).collect()
}

/// The body of an event as a provider might write it, and worse.
fn bodies(random: &mut Random) -> Vec<Vec<u8>> {
    let mut bodies = vec![
        b"{}".to_vec(),
        b"[]".to_vec(),
        b"[{\"id\":\"evt_1\"},\r\n {\"id\":\"evt_2\"}]".to_vec(),
        b"{\r\n  \"id\": \"evt_1\"\r\n}\r\n".to_vec(),
        "{\"note\":\"h\u{e9} \u{2713} \u{1F600} \\u00e9 \\\" \\\\ \\/ \\n\",\"zero\":\"\\u0000\"}".into(),
        "{\"\u{2028}\":\"\u{7f}\u{85}\u{feff}\"}".into(),
        [BOM, b"{}"].concat(),
        format!("{{\"pad\":\"{}\"}}", "\u{2713}x".repeat(1 << 18)).into_bytes(),
    ];
    for _ in 0..30 {
        bodies.push(json!({"id": format!("evt_{}", random.below(1 << 30)), "note": text(random)}).to_string().into());
        bodies.push(format!("{{{}}}", text(random)).into());
    }
    assert!(bodies.iter().any(|body| body.len() >= 1 << 20));
    bodies
}

pub fn agrees(provider: &'static str) {
    let mut oracles = Oracle::both(provider);
    for oracle in &mut oracles {
        let mut random = Random::new(&oracle.name());
        for body in bodies(&mut random) {
            // Its decoder drops a byte order mark before hashing: one of the differences.
            if provider == "stripe" && oracle.language == Language::Node && body.starts_with(BOM) {
                continue;
            }
            let case = Case::random(provider, &mut random);
            let t = NOW_S - random.below(300) as u64;
            let delivery = case.we_sign(&body, t);
            if oracle.signs {
                let id = case.wire.id.map_or("", |name| &delivery.headers[name]);
                let theirs = oracle.sign(&case, id, &body, t);
                assert_eq!(case.we_say(&delivery.with(case.wire.header, theirs.clone())), Ok(()), "{}", oracle.name());
                assert_eq!(case.signature(&delivery), theirs, "{}", oracle.name());
            }
            assert_eq!(case.we_say(&delivery), Ok(()));
            assert!(oracle.accepts(&case, &delivery), "{}: {delivery:?}", oracle.name());
            // The megabyte goes through the first few alone, for the sake of time.
            let most = if body.len() < 1 << 20 { usize::MAX } else { 2 };
            for (what, case, delivery) in changes(&case, &delivery, t, &mut random).into_iter().take(most) {
                assert!(case.we_say(&delivery).is_err(), "{what}: {delivery:?}");
                assert!(!oracle.accepts(&case, &delivery), "{}: {what}: {delivery:?}", oracle.name());
            }
            let anything = random.one_changed(case.signature(&delivery).as_bytes());
            let anything = delivery.with(case.wire.header, String::from_utf8_lossy(&anything));
            assert!(case.we_say(&anything).is_err(), "{anything:?}");
        }
    }
    is_the_library_of_the_table(provider, &oracles);
}

/// The preset names the libraries that were asked, in the version that is installed.
pub fn is_the_library_of_the_table(provider: &str, oracles: &[Oracle]) {
    let preset = preset::ALL.iter().find(|preset| preset.name == provider).unwrap();
    let named: Vec<_> =
        preset.checked_with.iter().map(|library| (library.registry, library.package, library.version)).collect();
    let asked: Vec<_> = oracles
        .iter()
        .filter_map(|oracle| {
            let (package, version) = oracle.package.as_ref()?;
            Some((oracle.language.registry(), package.as_str(), version.as_str()))
        })
        .collect();
    assert_eq!(named, asked);
}

/// Everything that both sides must refuse: one byte of the body (kept UTF-8, since most libraries want text), of the
/// signature, of the time, the id, the address or the secret; another encoding; a late or early arrival.
fn changes(case: &Case, delivery: &Delivery, t: u64, random: &mut Random) -> Vec<(&'static str, Case, Delivery)> {
    let wire = case.wire;
    let same = || case.with_secret(case.secret.clone());
    let header = case.signature(delivery);
    let mac = case.mac(delivery);
    let mut changes = Vec::new();

    let mut body = delivery.body.clone();
    let ascii: Vec<usize> = (0..body.len()).filter(|at| body[*at].is_ascii()).collect();
    body[ascii[random.below(ascii.len())]] ^= 1;
    changes.push(("body", same(), Delivery { body, ..delivery.clone() }));

    // Another letter, not the same one in another case, and not one of the last three, which carry less.
    let at = random.below(mac.len() - 3);
    let letter = if mac.as_bytes()[at].eq_ignore_ascii_case(&b'a') { "b" } else { "a" };
    let other_mac = format!("{}{letter}{}", &mac[..at], &mac[at + 1..]);
    changes.push(("signature", same(), delivery.with(wire.header, header.replace(&mac, &other_mac))));

    let other_encoding = match wire.encoding {
        Encoding::Hex => BASE64.encode(hex_bytes(&mac)),
        Encoding::Base64 => BASE64.decode(&mac).unwrap().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    changes.push(("encoding", same(), delivery.with(wire.header, header.replace(&mac, &other_encoding))));
    changes.push((
        "a signature cut short",
        same(),
        delivery.with(wire.header, header.replace(&mac, &mac[..mac.len() / 2])),
    ));
    changes.push(("no signature", same(), delivery.without(wire.header)));

    match wire.time {
        Some("t") => {
            let other = header.replace(&format!("t={t}"), &format!("t={}", t - 1));
            changes.push(("time", same(), delivery.with(wire.header, other)));
        }
        Some(name) => {
            changes.push(("time", same(), delivery.with(name, (t - 1).to_string())));
            changes.push(("no time", same(), delivery.without(name)));
            changes.push(("too early", same(), Delivery { now: t * 1000 - 301_000, ..delivery.clone() }));
        }
        None => {}
    }
    if wire.time.is_some() {
        changes.push(("too late", same(), Delivery { now: t * 1000 + 301_000, ..delivery.clone() }));
    }
    if let Some(name) = wire.id {
        changes.push(("id", same(), delivery.with(name, format!("{}0", delivery.headers[name]))));
        changes.push(("no id", same(), delivery.without(name)));
    }

    if !case.url.is_empty() {
        changes.push(("address", case.with_url(format!("{}0", case.url)), delivery.clone()));
    }
    let another = crate::wire::secret(wire.provider, random);
    changes.push(("secret", case.with_secret(another), delivery.clone()));
    changes
}

fn hex_bytes(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn stale_and_future_are_told_apart() {
    for provider in ["standard_webhooks", "svix"] {
        let case = Case::random(provider, &mut Random::new(provider));
        let signed = case.we_sign(b"{}", NOW_S);
        for (seconds, ours) in [(-301, Err(Refused::Future)), (-300, Ok(())), (300, Ok(())), (301, Err(Refused::Stale))]
        {
            let now = NOW.checked_add_signed(seconds * 1000).unwrap();
            let delivery = Delivery { now, ..signed.clone() };
            assert_eq!(case.we_say(&delivery), ours, "{seconds}");
            for mut oracle in Oracle::both(provider) {
                assert_eq!(oracle.accepts(&case, &delivery), ours.is_ok(), "{}: {seconds}", oracle.name());
            }
        }
    }
}
