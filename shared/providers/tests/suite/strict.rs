//! Bodies with something odd in them, signed all the same: what is needed and can be read is paid; else one case carries
//! whatever can be read, and is the same case whenever the event comes again, in whatever bytes.

use http::HeaderMap;
use payonce_protocol::order::{EventId, Mode, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_providers::{BodyMisfit, EventMisfit, Misfit, ParsedEvent, Provider, RouteContext, Routed};
use serde_json::{Value, json};

use crate::{T, T_S, config, provider_with, secrets};

const LIVE: RouteContext = RouteContext { rail_mode: Mode::Live, paid_from: None, files_undated: false, now: 0 };

/// What stands in a signed body, and cannot be read.
const ODD: [&[u8]; 7] = [
    br#""Chair \ud83d""#,
    br#""\udc00""#,
    b"\"\xff\xfe\"",
    b"1e400",
    b"-1e+999",
    b"\"\xed\xa0\xbd\"",
    b"{\"a\":1,\"a\":2}",
];

fn event() -> Value {
    json!({
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": T_S, "livemode": true,
        "account": null,
        "data": { "object": {
            "id": "pi_1", "object": "payment_intent", "amount_received": 1099, "currency": "eur", "status": "succeeded",
            "description": "Chair", "latest_charge": "ch_1", "metadata": { "payee": "acct_1", "note": "a" },
        }},
    })
}

/// The body with these bytes in this place.
fn with_token(pointer: &str, token: &[u8]) -> Vec<u8> {
    const PLACE: &str = "\"the place\"";
    let mut event = event();
    *event.pointer_mut(pointer).unwrap() = "the place".into();
    let text = event.to_string();
    let (before, after) = text.split_once(PLACE).unwrap();
    [before.as_bytes(), token, after.as_bytes()].concat()
}

fn parse(provider: &Provider, body: &[u8]) -> Result<ParsedEvent, BodyMisfit> {
    let held = secrets(&["whsec_1"]);
    let headers: HeaderMap = provider.sign(&held, body, T).into_iter().collect();
    let verified = provider.verify(&held, &headers, body, T).unwrap();
    provider.events(&verified).map(|mut events| events.remove(0).unwrap())
}

fn route(provider: &Provider, body: &[u8]) -> Routed {
    provider.route(&parse(provider, body).unwrap(), &LIVE)
}

fn order(routed: Routed) -> PayoutOrder {
    match routed {
        Routed::Order(order) => order,
        other => panic!("not paid: {other:?}"),
    }
}

fn misfit(routed: Routed) -> Misfit {
    match routed {
        Routed::Misfit(misfit) => misfit,
        other => panic!("no case: {other:?}"),
    }
}

/// Key, money and payee, where a case carries them.
fn carried(misfit: &Misfit) -> [Option<String>; 3] {
    let text = |text: Option<&dyn std::fmt::Display>| text.map(ToString::to_string);
    [
        text(misfit.key.as_ref().map(|key| key as _)),
        text(misfit.money.as_ref().map(|money| money as _)),
        text(misfit.destination.as_ref().map(|payee| payee as _)),
    ]
}

const ALL: [Option<&str>; 3] = [Some("stripe/pi_1"), Some("10.99 EUR"), Some("acct_1")];

fn assert_carries(misfit: &Misfit, expected: [Option<&str>; 3]) {
    assert_eq!(carried(misfit).each_ref().map(Option::as_deref), expected, "{misfit:?}");
}

#[test]
fn pays_when_what_is_odd_is_not_needed() {
    let provider = provider_with("rail_fields = { source_transaction = '/data/object/latest_charge' }");
    let plain = order(route(&provider, event().to_string().as_bytes()));
    for token in ODD {
        for place in ["/data/object/description", "/data/object/metadata/note", "/object"] {
            let body = with_token(place, token);
            assert_eq!(order(route(&provider, &body)), plain, "{place}: {:?}", String::from_utf8_lossy(token));
        }
    }
    let text = event().to_string();
    let twice = text.replace("\"description\"", "\"description\":\"x\",\"description\"");
    let name = text.replace("\"note\"", "\"n\\ud83d\"");
    for body in [format!("\u{feff}{text}"), twice, name] {
        assert_eq!(order(route(&provider, body.as_bytes())), plain, "{body}");
    }
}

#[test]
fn one_case_carries_what_can_be_read_when_a_needed_place_is_odd() {
    let provider = provider_with("rail_fields = { source_transaction = '/data/object/latest_charge' }");
    let [key, money, payee] = ALL;
    for token in ODD {
        for (place, expected) in [
            ("/data/object/id", [None, money, payee]),
            ("/data/object/amount_received", [key, None, payee]),
            ("/data/object/currency", [key, None, payee]),
            ("/data/object/metadata/payee", [key, money, None]),
            ("/data/object/latest_charge", ALL),
            ("/created", ALL),
            ("/livemode", ALL),
            // There, and not to be read: a connected account's event for all that anybody knows.
            ("/account", ALL),
            ("/data/object/metadata", [key, money, None]),
            ("/data", [None, None, None]),
        ] {
            // An object with other names takes the place of its parent's, in which nothing is found.
            if token.starts_with(b"{") && matches!(place, "/data/object/metadata" | "/data") {
                continue;
            }
            let parsed = parse(&provider, &with_token(place, token)).unwrap();
            assert_eq!(parsed.id.as_str(), "evt_1");
            match provider.route(&parsed, &LIVE) {
                Routed::Misfit(misfit) => {
                    assert_eq!(misfit.reason, Reason::InvalidEvent);
                    assert_carries(&misfit, expected);
                }
                // The rule's `when` lies below it.
                Routed::NoPayout(_) if place == "/data" => {}
                other => panic!("{place}: {other:?}"),
            }
        }
    }
}

#[test]
fn two_amounts_under_one_name_are_no_amount() {
    let provider = provider_with("");
    let text = event().to_string();
    for (from, to) in [
        ("\"amount_received\"", "\"amount_received\":1,\"amount_received\""),
        ("\"currency\"", "\"curr\\u0065ncy\":\"usd\",\"currency\""),
    ] {
        let misfit = misfit(route(&provider, text.replace(from, to).as_bytes()));
        assert_carries(&misfit, [ALL[0], None, ALL[2]]);
    }
}

#[test]
fn a_case_carries_what_can_be_read_whatever_else_is_wrong() {
    let with = |pointer: &str, value: Value| {
        let mut event = event();
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string()
    };
    let [key, money, payee] = ALL;
    let limit = "max_amount = { eur = 1000 }";
    let charge = "rail_fields = { source_transaction = '/data/object/latest_charge' }";
    for (lines, body, expected) in [
        (limit, event().to_string(), ALL),
        ("max_amount = { usd = 1000 }", event().to_string(), ALL),
        ("paid_from = 2030-01-01T00:00:00Z", event().to_string(), ALL),
        ("", with("/livemode", json!(false)), ALL),
        ("", with("/account", json!("acct_2")), ALL),
        (charge, with("/data/object/latest_charge", json!(null)), ALL),
        ("", with("/data/object/amount_received", json!(null)), [key, None, payee]),
        ("", with("/data/object/amount_received", json!(0)), [key, None, payee]),
        ("", with("/data/object/currency", json!("xxx")), [key, None, payee]),
        ("", with("/data/object/id", json!(null)), [None, money, payee]),
        // What does not look like a payee is not shown as one: it may be anything.
        ("", with("/data/object/metadata/payee", json!("planted@example.com")), [key, money, None]),
    ] {
        assert_carries(&misfit(route(&provider_with(lines), body.as_bytes())), expected);
    }
}

#[test]
fn an_event_that_cannot_be_read_is_named_by_its_id_in_whatever_bytes() {
    let provider = provider_with("");
    for token in ODD.into_iter().chain([&b"7"[..], b"null", b"\"a b\"", b"\"\""]) {
        let misfit = parse(&provider, &with_token("/type", token)).err();
        let Some(BodyMisfit::Event(EventMisfit { event, shared: None, .. })) = misfit else { panic!("{misfit:?}") };
        assert_eq!(event, EventId::new("evt_1").ok());
        let misfit = parse(&provider, &with_token("/id", token)).err();
        let named_by_number = token == b"7";
        assert_eq!(matches!(misfit, Some(BodyMisfit::Event(EventMisfit { event: None, .. }))), !named_by_number);
    }
}

#[test]
fn an_optional_part_of_an_identity_is_left_out_only_where_it_is_absent() {
    let text = "scheme = 'adyen_balance_platform'\nsecrets = ['env:A']\n[[payouts]]\nevent = 't'\nkey = '/data/id'\n\
        amount = '/data/amount/value'\ncurrency = '/data/amount/currency'\ndestination = '/data/to'\n\
        destination_pattern = '^a$'";
    let provider = Provider::new("p", &config(text)).unwrap();
    let key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
    let id = |number: &str| {
        let body = format!(r#"{{"type":"t","environment":"live","data":{{"id":"TR1"{number}}}}}"#);
        let headers: HeaderMap = provider.sign(&secrets(&[key]), body.as_bytes(), T).into_iter().collect();
        let verified = provider.verify(&secrets(&[key]), &headers, body.as_bytes(), T).unwrap();
        provider.events(&verified).ok().map(|events| events[0].as_ref().unwrap().id.to_string())
    };
    assert_eq!(id("").as_deref(), Some("t/TR1"));
    assert_eq!(id(",\"sequenceNumber\":null").as_deref(), Some("t/TR1"));
    assert_eq!(id(",\"sequenceNumber\":2").as_deref(), Some("t/TR1/2"));
    for odd in [
        ",\"sequenceNumber\":1e400",
        ",\"sequenceNumber\":1,\"sequenceNumber\":2",
        ",\"sequenceNumber\":\"\\ud83d\"",
        ",\"sequenceNumber\":1.5",
        ",\"sequenceNumber\":{}",
    ] {
        assert_eq!(id(odd), None, "{odd}");
    }
}
