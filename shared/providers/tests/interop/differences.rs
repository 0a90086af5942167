//! Every known case in which we answer otherwise than a library, in one table. Whatever is tried here and does not stand in
//! it is answered alike by all three.

use std::collections::BTreeSet;

use payonce_providers::Refused::{self, Future, MalformedSignature, MissingSignature, Stale, UnusableSecret};
use payonce_providers::scheme::{MAX_HEADER_BYTES, MAX_SIGNATURES};

use crate::agreement::BOM;
use crate::oracle::Oracle;
use crate::random::Random;
use crate::wire::{Case, Delivery, Encoding, NOW, NOW_S};

/// The providers, what is done, the languages whose library accepts it, and what we say.
type Row = (&'static [&'static str], &'static str, &'static [&'static str], Result<(), Refused>);

pub const BOTH: &[&str] = &["node", "python"];
pub const NODE: &[&str] = &["node"];
pub const PYTHON: &[&str] = &["python"];
pub const NEITHER: &[&str] = &[];
const STANDARD: &[&str] = &["standard_webhooks", "svix"];
const TIMED: &[&str] = &["stripe", "standard_webhooks", "svix"];

static DIFFERENCES: &[Row] = &[
    // Bytes that are no text cannot be given to libraries that want text, or they replace what they cannot read.
    (
        &[
            "stripe",
            "standard_webhooks",
            "svix",
            "square",
            "razorpay",
            "mollie",
            "modern_treasury",
            "coinbase_commerce",
        ],
        "a body that is not UTF-8",
        NEITHER,
        Ok(()),
    ),
    (&["adyen_balance_platform", "shopify", "github"], "a body that is not UTF-8", PYTHON, Ok(())),
    (&["stripe"], "a byte order mark", PYTHON, Ok(())),
    // They take an empty body for a missing one.
    (&["square"], "an empty body", NODE, Ok(())),
    (&["shopify", "github"], "an empty body", PYTHON, Ok(())),
    // Decoders that let things pass: the same bytes, written otherwise.
    (&["gocardless"], "upper case", NODE, Err(MalformedSignature)),
    (&["gocardless"], "letters behind", NODE, Err(MalformedSignature)),
    (&["gocardless"], "half a byte behind", NODE, Err(MalformedSignature)),
    (&["gocardless"], "the signature twice", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "no padding", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "more padding", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "other last bits", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "white space inside", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "junk inside", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "the alphabet of URLs", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "letters behind", NODE, Err(MalformedSignature)),
    (&["adyen_balance_platform"], "the signature twice", NODE, Err(MalformedSignature)),
    (STANDARD, "more padding", PYTHON, Err(MalformedSignature)),
    (STANDARD, "other last bits", PYTHON, Err(MalformedSignature)),
    (STANDARD, "white space inside", PYTHON, Err(MalformedSignature)),
    (STANDARD, "junk inside", PYTHON, Err(MalformedSignature)),
    (STANDARD, "letters behind", PYTHON, Err(MalformedSignature)),
    // Servers join repeated headers so; the libraries want a list.
    (&["mollie"], "the signature twice", NEITHER, Ok(())),
    // Only age is checked there; a recorded signature with a far time would be good for ever.
    (&["stripe"], "an hour ahead", BOTH, Err(Future)),
    (&["stripe"], "half a second early", BOTH, Err(Future)),
    // Node's libraries count whole seconds.
    (TIMED, "half a second late", NODE, Err(Stale)),
    // There is one way to write the time: these read a number and sign what they have read.
    (TIMED, "letters behind the time", NODE, Err(MalformedSignature)),
    (TIMED, "a sign before the time", BOTH, Err(MalformedSignature)),
    (TIMED, "a space before the time", BOTH, Err(MalformedSignature)),
    (TIMED, "a nought before the time", BOTH, Err(MalformedSignature)),
    (TIMED, "a grouped time", PYTHON, Err(MalformedSignature)),
    (&["stripe"], "a time with a fraction", NODE, Err(MalformedSignature)),
    (STANDARD, "a time with a fraction", BOTH, Err(MalformedSignature)),
    (STANDARD, "a time with an exponent", PYTHON, Err(MalformedSignature)),
    // One bad part of a header spoils it all: a sender that we know writes none.
    (&["stripe"], "two times, the first signed", PYTHON, Err(MalformedSignature)),
    (&["stripe"], "two times, the last signed", NODE, Err(MalformedSignature)),
    (&["stripe"], "a comma at the end", BOTH, Err(MalformedSignature)),
    (&["stripe"], "something behind the signature", BOTH, Err(MalformedSignature)),
    (STANDARD, "something behind the signature", NODE, Err(MalformedSignature)),
    (STANDARD, "the signature twice", NODE, Err(MalformedSignature)),
    (STANDARD, "two spaces", NODE, Err(MalformedSignature)),
    (TIMED, "an element without a value", BOTH, Err(MalformedSignature)),
    (TIMED, "a bad signature beside the good", BOTH, Err(MalformedSignature)),
    (TIMED, "many signatures", BOTH, Err(MalformedSignature)),
    (TIMED, "a long header", BOTH, Err(MalformedSignature)),
    // The specification forbids the dot, which could move a boundary of what is signed.
    (STANDARD, "a dot in the id", BOTH, Err(MalformedSignature)),
    (STANDARD, "a long id", BOTH, Err(MalformedSignature)),
    (STANDARD, "a secret without padding", BOTH, Err(UnusableSecret)),
    // One set of headers for each preset.
    (&["svix"], "the headers of Standard Webhooks", BOTH, Err(MissingSignature)),
    (&["shopify"], "the headers of the newer events", NODE, Err(MissingSignature)),
    // The headers that it misses are not signed; the topic is pinned by the configuration.
    (&["shopify"], "no topic", PYTHON, Ok(())),
];

/// One way to bend a delivery.
type Way = (&'static str, Case, Delivery);

fn ways(provider: &str) -> Vec<Way> {
    let mut random = Random::new(provider);
    let (case, good) = loop {
        let case = Case::random(provider, &mut random);
        let good = case.we_sign(b"{}", NOW_S);
        // Base64 is to have a letter that URLs write otherwise.
        if case.wire.encoding == Encoding::Hex || case.mac(&good).contains(['+', '/']) {
            break (case, good);
        }
    };
    let wire = case.wire;
    let (header, mac) = (case.signature(&good), case.mac(&good));
    let same = || case.with_secret(case.secret.clone());
    let mut ways: Vec<Way> = vec![
        ("an empty body", same(), case.we_sign(b"", NOW_S)),
        ("a byte order mark", same(), case.we_sign(&[BOM, b"{}"].concat(), NOW_S)),
        ("a body that is not UTF-8", same(), case.we_sign(b"{\"a\":\"\xff\"}", NOW_S)),
    ];
    let mut spell = |what, value: String| ways.push((what, same(), good.with(wire.header, value)));
    let mut spell_mac = |what, value: String| spell(what, header.replace(&mac, &value));
    match wire.encoding {
        Encoding::Hex => {
            spell_mac("upper case", mac.to_uppercase());
            spell_mac("letters behind", format!("{mac}zz"));
            spell_mac("half a byte behind", format!("{mac}a"));
            spell_mac("0x before", format!("0x{mac}"));
        }
        Encoding::Base64 => {
            // The last letter before the padding carries bits that belong to no byte.
            let (rest, last) = mac.trim_end_matches('=').split_at(mac.trim_end_matches('=').len() - 1);
            let other_last = char::from(last.as_bytes()[0] + 1);
            spell_mac("no padding", mac.trim_end_matches('=').to_owned());
            spell_mac("more padding", format!("{mac}="));
            spell_mac("other last bits", format!("{rest}{other_last}="));
            spell_mac("white space inside", format!("{}\t{}", &mac[..20], &mac[20..]));
            spell_mac("junk inside", format!("{}!{}", &mac[..20], &mac[20..]));
            spell_mac("the alphabet of URLs", mac.replace('+', "-").replace('/', "_"));
            spell_mac("letters behind", format!("{mac}zz"));
        }
    }
    spell("an empty header", String::new());
    spell("the signature twice", format!("{header}, {header}"));
    if wire.mark.is_empty() {
        spell("a mark before", format!("sha256={header}"));
    } else {
        spell("no mark", header.replace(wire.mark, ""));
        spell("the mark twice", header.replace(wire.mark, &wire.mark.repeat(2)));
        spell("the mark in upper case", header.replace(wire.mark, &wire.mark.to_uppercase()));
    }
    let mut all = ways;
    if let Some(name) = wire.time {
        let time = |text: &str| match name {
            "t" => good.with(wire.header, header.replace(&format!("t={NOW_S}"), &format!("t={text}"))),
            name => good.with(name, text),
        };
        for (what, text) in [
            ("letters behind the time", format!("{NOW_S}abc")),
            ("a sign before the time", format!("+{NOW_S}")),
            ("a space before the time", format!(" {NOW_S}")),
            ("a nought before the time", format!("0{NOW_S}")),
            ("a grouped time", "1_790_000_000".to_owned()),
            ("a time with a fraction", format!("{NOW_S}.0")),
            ("a time with an exponent", "1.79e9".to_owned()),
            ("no digits in the time", String::new()),
        ] {
            all.push((what, same(), time(&text)));
        }
        all.push(("an hour ahead", same(), Delivery { now: NOW - 3_600_000, ..good.clone() }));
        all.push(("half a second late", same(), Delivery { now: NOW + 300_500, ..good.clone() }));
        all.push(("half a second early", same(), Delivery { now: NOW - 300_500, ..good.clone() }));
    }
    all.extend(match provider {
        "stripe" => of_stripe(&case, &good),
        "standard_webhooks" | "svix" => of_standard_webhooks(&case, &good),
        "shopify" => of_shopify(&case, &good),
        _ => vec![],
    });
    all
}

fn of_stripe(case: &Case, good: &Delivery) -> Vec<Way> {
    let (header, mac, other) = (case.signature(good), case.mac(good), "0".repeat(64));
    [
        ("the time last", format!("v1={mac},t={NOW_S}")),
        ("another signature first", format!("t={NOW_S},v1={other},v1={mac}")),
        ("another scheme beside it", format!("t={NOW_S},v0={other},v1={mac}")),
        ("another scheme alone", format!("t={NOW_S},v0={mac}")),
        ("a space behind the comma", format!("t={NOW_S}, v1={mac}")),
        ("no time", format!("v1={mac}")),
        ("two times, the first signed", format!("t={NOW_S},t={},v1={mac}", NOW_S - 1)),
        ("two times, the last signed", format!("t={},t={NOW_S},v1={mac}", NOW_S - 1)),
        ("an element without a value", format!("{header},junk")),
        ("a comma at the end", format!("{header},")),
        ("a bad signature beside the good", format!("{header},v1=bad")),
        ("something behind the signature", format!("{header}=junk")),
        ("many signatures", format!("{header}{}", format!(",v1={other}").repeat(MAX_SIGNATURES))),
        ("a long header", format!("{header},x={}", "y".repeat(MAX_HEADER_BYTES))),
    ]
    .map(|(what, header)| (what, case.with_secret(case.secret.clone()), good.with(case.wire.header, header)))
    .into()
}

fn of_standard_webhooks(case: &Case, good: &Delivery) -> Vec<Way> {
    let wire = case.wire;
    let (header, mac) = (case.signature(good), case.mac(good));
    let other = format!("v1,{}=", "A".repeat(43));
    let mut ways: Vec<Way> = [
        ("another signature first", format!("{other} {header}")),
        ("another version beside it", format!("v1a,{mac} {header}")),
        ("another version alone", format!("v2,{mac}")),
        ("a bad signature beside the good", format!("{header} v1,bad")),
        ("an element without a value", format!("{header} junk")),
        ("two spaces", format!("{other}  {header}")),
        ("something behind the signature", format!("{header},junk")),
        ("many signatures", format!("{header}{}", format!(" {other}").repeat(MAX_SIGNATURES))),
        ("a long header", format!("{header} v2,{}", "y".repeat(MAX_HEADER_BYTES))),
    ]
    .map(|(what, header)| (what, case.with_secret(case.secret.clone()), good.with(wire.header, header)))
    .into();
    let same = || case.with_secret(case.secret.clone());
    ways.push(("a secret without its mark", case.with_secret(case.secret["whsec_".len()..].to_owned()), good.clone()));
    let unpadded = case.secret.trim_end_matches('=').to_owned();
    ways.push(("a secret without padding", case.with_secret(unpadded), good.clone()));
    // Signed by the library itself, since we sign no such thing.
    let mut python = Oracle::start(crate::oracle::Language::Python, wire.provider);
    for (what, id) in [("a dot in the id", "msg.1".to_owned()), ("a long id", "m".repeat(129))] {
        let header = python.sign(case, &id, b"{}", NOW_S);
        ways.push((what, same(), good.with(wire.header, header).with(wire.id.unwrap(), id)));
    }
    if wire.provider == "svix" {
        let headers = good.headers.iter().map(|(name, value)| (name.replace("svix", "webhook"), value.clone()));
        ways.push((
            "the headers of Standard Webhooks",
            same(),
            Delivery { headers: headers.collect(), ..good.clone() },
        ));
        let both = good.with("webhook-signature", other).with("webhook-id", "msg_2").with("webhook-timestamp", "0");
        ways.push(("other headers of Standard Webhooks beside its own", same(), both));
    }
    ways
}

fn of_shopify(case: &Case, good: &Delivery) -> Vec<Way> {
    let events = good.headers.iter().map(|(name, value)| (name.replace("x-shopify", "shopify"), value.clone()));
    let events = Delivery { headers: events.collect(), ..good.clone() }.with("shopify-event-id", "unsigned");
    let same = || case.with_secret(case.secret.clone());
    vec![
        ("no topic", same(), good.without("x-shopify-topic")),
        ("the headers of the newer events", same(), events.with("shopify-hmac-sha256", case.signature(good))),
    ]
}

pub fn are_as_listed(provider: &'static str) {
    let mut listed: BTreeSet<&str> = rows(provider).map(|row| row.1).collect();
    let mut oracles = Oracle::both(provider);
    let mut surprises = Vec::new();
    for (what, case, delivery) in ways(provider) {
        let accepted_by: Vec<&str> = oracles
            .iter_mut()
            .filter_map(|oracle| oracle.accepts(&case, &delivery).then_some(oracle.language.name()))
            .collect();
        let ours = case.we_say(&delivery);
        let alike: &[&str] = if ours.is_ok() { BOTH } else { NEITHER };
        let row = rows(provider).find(|row| row.1 == what);
        let as_expected = match row {
            Some((_, _, theirs, expected)) => ours == *expected && accepted_by == *theirs && *theirs != alike,
            None => accepted_by == alike,
        };
        if !as_expected {
            surprises.push(format!("{provider}, {what}: accepted by {accepted_by:?}, ours {ours:?}; listed {row:?}"));
        }
        listed.remove(what);
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(listed.is_empty(), "not tried: {listed:?}");
}

fn rows(provider: &'static str) -> impl Iterator<Item = &'static Row> {
    DIFFERENCES.iter().filter(move |row| row.0.contains(&provider))
}
