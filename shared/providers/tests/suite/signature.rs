//! Signatures: published vectors, every way to bend a header, and forgeries by one byte.

use http::{HeaderMap, HeaderValue};
use payonce_providers::scheme::{
    Algorithm, Container, Encoding, KeyDecoding, MAX_HEADER_BYTES, MAX_SIGNATURES, Piece, STANDARD_WEBHOOKS, STRIPE,
    Scheme,
};
use payonce_providers::{Refused, Secrets};
use serde_json::Value;

use crate::random::Random;
use crate::{T, T_S, TOML, config, provider_with, secrets};

/// Made up of the pieces that the two above leave out.
const PREFIXED_SHA512: Scheme = Scheme {
    header: "x-signature",
    prefix: "sha512=",
    prefix_optional: false,
    container: Container::Single,
    separator: ",",
    groups: None,
    algorithm: Algorithm::HmacSha512,
    key: KeyDecoding::Hex,
    encoding: Encoding::Hex,
    signed: &[Piece::Url, Piece::Body],
    time: None,
    id_header: None,
};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn signed(scheme: &Scheme, secrets: &Secrets, body: &[u8], now: u64) -> HeaderMap {
    scheme.sign(secrets, "", body, now).into_iter().collect()
}

fn stripe_header(secret: &str, body: &[u8]) -> String {
    signed(&STRIPE, &secrets(&[secret]), body, T)["stripe-signature"].to_str().unwrap().to_owned()
}

fn v1(secret: &str, body: &[u8]) -> String {
    stripe_header(secret, body).split_once("v1=").unwrap().1.to_owned()
}

fn check(header: &str, body: &[u8]) -> Result<(), Refused> {
    STRIPE.verify(&secrets(&["whsec_1"]), "", &headers(&[("stripe-signature", header)]), body, T)
}

#[test]
fn published_vectors_are_accepted_and_made() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap_or_default().to_owned();
    let mut seen = 0;
    // The others stand in `presets.rs`.
    let ours = ["stripe", "standard-webhooks"];
    for vector in vectors.iter().filter(|vector| ours.contains(&vector["provider"].as_str().unwrap())) {
        let secrets = secrets(&[&text(vector, "secret")]);
        let (body, header) = (text(vector, "body"), text(vector, "header"));
        let now = vector["timestamp"].as_u64().unwrap_or_default() * 1000;
        match (text(vector, "provider").as_str(), text(vector, "kind").as_str()) {
            ("stripe", "primitive") => {
                let plain = Scheme { signed: &[Piece::Body], container: Container::Single, time: None, ..STRIPE };
                let made = signed(&plain, &secrets, text(vector, "signed").as_bytes(), 0);
                assert_eq!(made["stripe-signature"], text(vector, "sig").as_str());
            }
            ("stripe", _) => {
                let made = signed(&STRIPE, &secrets, body.as_bytes(), now);
                assert_eq!(made["stripe-signature"], header.as_str());
                assert_eq!(STRIPE.verify(&secrets, "", &made, body.as_bytes(), now), Ok(()));
            }
            ("standard-webhooks", _) => {
                let sent = headers(&[
                    ("webhook-id", &text(vector, "id")),
                    ("webhook-timestamp", &(now / 1000).to_string()),
                    ("webhook-signature", &header),
                ]);
                assert_eq!(STANDARD_WEBHOOKS.verify(&secrets, "", &sent, body.as_bytes(), now), Ok(()));
            }
            other => panic!("unknown vector {other:?}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn a_signature_from_the_future_or_too_old_is_refused() {
    let verify = |now| {
        let secrets = secrets(&["whsec_1"]);
        STRIPE.verify(&secrets, "", &signed(&STRIPE, &secrets, b"{}", T), b"{}", now)
    };
    assert_eq!(verify(T), Ok(()));
    assert_eq!(verify(T + 300_000), Ok(()));
    assert_eq!(verify(T + 300_001), Err(Refused::Stale));
    assert_eq!(verify(T - 300_000), Ok(()));
    assert_eq!(verify(T - 300_001), Err(Refused::Future));
    assert_eq!(verify(0), Err(Refused::Future));
}

#[test]
fn a_time_that_two_readers_would_read_differently_is_refused() {
    let mac = v1("whsec_1", b"{}");
    for time in [
        "1700000000abc",
        "+1700000000",
        "01700000000",
        "0999999999",
        "1.7e9",
        "1700000000.0",
        " 1700000000",
        "",
        "-1",
        "99999999999",
    ] {
        assert_eq!(check(&format!("t={time},v1={mac}"), b"{}"), Err(Refused::MalformedSignature), "{time:?}");
    }
    assert_eq!(check(&format!("v1={mac}"), b"{}"), Err(Refused::MalformedSignature));
    assert_eq!(check(&format!("t={T_S},t={T_S},v1={mac}"), b"{}"), Err(Refused::MalformedSignature));
    assert_eq!(check(&format!("v1={mac},t={T_S}"), b"{}"), Ok(()));
}

#[test]
fn a_signature_written_otherwise_is_refused() {
    let mac = v1("whsec_1", b"{}");
    let upper = mac.to_uppercase();
    for bent in [upper.as_str(), &mac[..62], &mac[..63], &format!("{mac}00"), &format!("{mac} "), "", "zz"] {
        assert_eq!(check(&format!("t={T_S},v1={bent}"), b"{}"), Err(Refused::MalformedSignature), "{bent:?}");
    }
    for header in ["", ",", "t", "t=1700000000", "t=1700000000,", "v1", &format!("t={T_S},v1={mac},junk")] {
        assert_eq!(check(header, b"{}"), Err(Refused::MalformedSignature), "{header:?}");
    }
}

#[test]
fn only_v1_signatures_count() {
    let mac = v1("whsec_1", b"{}");
    assert_eq!(check(&format!("t={T_S},v0={mac}"), b"{}"), Err(Refused::MalformedSignature));
    assert_eq!(check(&format!("t={T_S},v2={mac}"), b"{}"), Err(Refused::MalformedSignature));
    assert_eq!(check(&format!("t={T_S}, v1={mac}"), b"{}"), Err(Refused::MalformedSignature));
    assert_eq!(check(&format!("t={T_S},v0=anything,v1={mac}"), b"{}"), Ok(()));
    let other = "0".repeat(64);
    assert_eq!(check(&format!("t={T_S},v0={mac},v1={other}"), b"{}"), Err(Refused::Mismatch));
}

#[test]
fn a_rotation_with_several_signatures_and_secrets_is_accepted() {
    let (old, new, other) = (v1("whsec_old", b"{}"), v1("whsec_new", b"{}"), "0".repeat(64));
    let verify = |held: &[&str], header: &str| {
        STRIPE.verify(&secrets(held), "", &headers(&[("stripe-signature", header)]), b"{}", T)
    };
    for held in [&["whsec_old"][..], &["whsec_new"], &["whsec_none", "whsec_new"]] {
        assert_eq!(verify(held, &format!("t={T_S},v1={old},v1={new}")), Ok(()));
    }
    assert_eq!(verify(&["whsec_none"], &format!("t={T_S},v1={old},v1={new}")), Err(Refused::Mismatch));
    // The right one last, at the bound and above it.
    let padded = |count: usize| format!("t={T_S}{},v1={new}", format!(",v1={other}").repeat(count - 1));
    assert_eq!(verify(&["whsec_new"], &padded(MAX_SIGNATURES)), Ok(()));
    assert_eq!(verify(&["whsec_new"], &padded(MAX_SIGNATURES + 1)), Err(Refused::MalformedSignature));
    // Both secrets sign while the key rotates.
    let both = signed(&STRIPE, &secrets(&["whsec_old", "whsec_new"]), b"{}", T);
    assert_eq!(both["stripe-signature"], format!("t={T_S},v1={old},v1={new}").as_str());
}

#[test]
fn a_missing_repeated_or_endless_header_is_refused() {
    let secrets = secrets(&["whsec_1"]);
    let verify = |headers: &HeaderMap| STRIPE.verify(&secrets, "", headers, b"{}", T);
    let good = stripe_header("whsec_1", b"{}");
    assert_eq!(verify(&HeaderMap::new()), Err(Refused::MissingSignature));
    let twice = headers(&[("stripe-signature", &good), ("stripe-signature", &good)]);
    assert_eq!(verify(&twice), Err(Refused::RepeatedSignature));
    let fill = |length: usize| format!("{good},x={}", "y".repeat(length - good.len() - 3));
    assert_eq!(verify(&headers(&[("stripe-signature", &fill(MAX_HEADER_BYTES))])), Ok(()));
    let endless = headers(&[("stripe-signature", &fill(MAX_HEADER_BYTES + 1))]);
    assert_eq!(verify(&endless), Err(Refused::MalformedSignature));
    let mut not_ascii = HeaderMap::new();
    not_ascii.insert("stripe-signature", HeaderValue::from_bytes(b"t=1,v1=\xff").unwrap());
    assert_eq!(verify(&not_ascii), Err(Refused::MalformedSignature));
}

#[test]
fn the_raw_bytes_are_hashed_whatever_they_are() {
    for body in [&b""[..], b"\xef\xbb\xbf{}", b"{}\r\n", b"\xff\xfe\x00", b"{ }"] {
        assert_eq!(check(&stripe_header("whsec_1", body), body), Ok(()));
        assert_eq!(check(&stripe_header("whsec_1", body), b"{}"), Err(Refused::Mismatch));
    }
}

#[test]
fn one_changed_byte_is_refused() {
    let mut random = Random::new("one_changed_byte_is_refused");
    for _ in 0..2_000 {
        let mut body = random.bytes(400);
        body.push(b'}');
        let secret = format!("whsec_{}", random.below(1 << 30));
        let now = T + random.below(1_000_000_000) as u64;
        let held = secrets(&["whsec_other", &secret]);
        let good = signed(&STRIPE, &secrets(&[&secret]), &body, now);
        assert_eq!(STRIPE.verify(&held, "", &good, &body, now), Ok(()));

        let other_body = random.one_changed(&body);
        assert_eq!(STRIPE.verify(&held, "", &good, &other_body, now), Err(Refused::Mismatch));

        let header = good["stripe-signature"].as_bytes();
        if let Ok(value) = HeaderValue::from_bytes(&random.one_changed(header)) {
            let bent = HeaderMap::from_iter([("stripe-signature".parse().unwrap(), value)]);
            assert!(STRIPE.verify(&held, "", &bent, &body, now).is_err(), "{bent:?}");
        }

        let seconds = now / 1000;
        let other_time = seconds - 100 + random.below(100) as u64;
        let moved = String::from_utf8(header.to_vec()).unwrap().replace(&seconds.to_string(), &other_time.to_string());
        let moved = headers(&[("stripe-signature", &moved)]);
        assert_eq!(STRIPE.verify(&held, "", &moved, &body, now), Err(Refused::Mismatch));
    }
}

#[test]
fn engine_verifies_schemes_of_any_description() {
    let mut random = Random::new("engine_verifies_schemes_of_any_description");
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (scheme, held) in [(STANDARD_WEBHOOKS, secrets(&[secret])), (PREFIXED_SHA512, secrets(&["00ff", "ABCD"]))] {
        for _ in 0..200 {
            let body = [random.bytes(100), vec![b'}']].concat();
            let sent: HeaderMap = scheme.sign(&held, "https://a.example/hook", &body, T).into_iter().collect();
            let verify = |url: &str, sent: &HeaderMap, body: &[u8]| scheme.verify(&held, url, sent, body, T);
            assert_eq!(verify("https://a.example/hook", &sent, &body), Ok(()));
            let changed = random.one_changed(&body);
            assert_eq!(verify("https://a.example/hook", &sent, &changed), Err(Refused::Mismatch));
            for name in sent.keys() {
                let mut without = sent.clone();
                without.remove(name);
                assert_eq!(verify("https://a.example/hook", &without, &body), Err(Refused::MissingSignature));
            }
        }
    }
    let sent: HeaderMap = PREFIXED_SHA512.sign(&secrets(&["00ff"]), "https://a", b"{}", T).into_iter().collect();
    assert!(sent["x-signature"].to_str().unwrap().starts_with("sha512="));
    let elsewhere = PREFIXED_SHA512.verify(&secrets(&["00ff"]), "https://b", &sent, b"{}", T);
    assert_eq!(elsewhere, Err(Refused::Mismatch));
}

#[test]
fn an_id_cannot_move_the_boundary_of_what_is_signed() {
    let held = secrets(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let mut sent = signed(&STANDARD_WEBHOOKS, &held, b"{}", T);
    sent.insert("webhook-id", HeaderValue::from_static("msg_1.1700000000"));
    assert_eq!(STANDARD_WEBHOOKS.verify(&held, "", &sent, b"{}", T), Err(Refused::MalformedSignature));
}

#[test]
fn a_secret_that_is_no_key_is_our_fault_not_the_senders() {
    let good = secrets(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let sent = signed(&STANDARD_WEBHOOKS, &good, b"{}", T);
    // Unpadded, with another mark, and of no bytes.
    for bad in ["whsec_YQ", "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"] {
        let refused = STANDARD_WEBHOOKS.verify(&secrets(&[bad]), "", &sent, b"{}", T);
        assert_eq!(refused, Err(Refused::UnusableSecret), "{bad}");
    }
    let unmarked = secrets(&["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    assert_eq!(STANDARD_WEBHOOKS.verify(&unmarked, "", &sent, b"{}", T), Ok(()));
}

#[test]
fn a_provider_verifies_what_it_signs() {
    let provider = provider_with("");
    let held = secrets(&["whsec_1"]);
    let sent: HeaderMap = provider.sign(&held, b"{}", T).into_iter().collect();
    assert_eq!(provider.verify(&held, &sent, b"{}", T).unwrap().body(), b"{}");
    assert_eq!(provider.verify(&held, &sent, b"[]", T).unwrap_err(), Refused::Mismatch);
    assert!(!format!("{:?}", provider.verify(&held, &sent, b"{}", T)).contains("{}"));
    // The configuration holds references, but somebody will write a secret there.
    let pasted = config(&TOML.replace("env:STRIPE", "whsec_pasted"));
    assert!(!format!("{pasted:?}").contains("pasted"));
}
