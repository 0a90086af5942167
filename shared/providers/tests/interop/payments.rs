//! Adyen's payment webhooks: eight fields of each item are signed, not the body, and the signature stands in the item. What
//! the libraries read otherwise than we do is in [`ways`].

use payonce_providers::Refused::{self, MalformedSignature, Mismatch};
use serde_json::{Value, json};

use crate::agreement::is_the_library_of_the_table;
use crate::differences::{BOTH, NEITHER, NODE, PYTHON};
use crate::oracle::Oracle;
use crate::random::Random;
use crate::wire::{Case, Delivery, NOW, NOW_S};

const SIGNED: [&str; 8] = [
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];
const SIGNATURE: &str = "/additionalData/hmacSignature";

/// Text without a colon, which only `merchantReference` may hold.
fn text(random: &mut Random, more: &[char]) -> String {
    const CHARACTERS: [char; 10] = ['a', 'Z', '0', ' ', '"', '\\', '/', 'é', '😀', '-'];
    let all = [&CHARACTERS, more].concat();
    random.bytes(20).into_iter().map(|byte| all[usize::from(byte) % all.len()]).collect()
}

fn item(random: &mut Random) -> Value {
    let mut item = json!({
        "pspReference": format!("psp{}", text(random, &[])),
        "originalReference": text(random, &[]),
        "merchantAccountCode": format!("shop{}", text(random, &[])),
        "merchantReference": text(random, &[':', '\n']),
        "amount": {"value": random.below(1 << 30), "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": if random.below(2) == 0 { "true" } else { "false" },
        "eventDate": "2026-11-23T10:00:00+01:00",
        "paymentMethod": text(random, &[':']),
        "reason": text(random, &[':']),
        "operations": ["CANCEL", "CAPTURE"],
        "additionalData": {"expiryDate": "1/2030"},
    });
    // Not sent for most events.
    if random.below(2) == 0 {
        item.as_object_mut().unwrap().remove("originalReference");
    }
    item
}

/// The item with the signature that this library makes of it.
fn signed(oracle: &mut Oracle, case: &Case, mut item: Value) -> Value {
    let signature = oracle.sign(case, "", item.to_string().as_bytes(), NOW_S);
    item["additionalData"]["hmacSignature"] = signature.into();
    item
}

fn delivery(items: &[Value], pretty: bool) -> Delivery {
    let items: Vec<Value> = items.iter().map(|item| json!({"NotificationRequestItem": item})).collect();
    let body = json!({"live": "false", "notificationItems": items});
    let body = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) };
    Delivery { headers: [].into(), body: body.unwrap(), now: NOW }
}

/// The item with another value in this place.
fn changed(item: &Value, pointer: &str) -> Value {
    let mut item = item.clone();
    match item.pointer_mut(pointer) {
        Some(Value::String(text)) => text.push('0'),
        Some(value) => *value = (value.as_u64().unwrap() + 1).into(),
        None => item[&pointer[1..]] = "0".into(),
    }
    item
}

#[test]
fn one_changed_field_is_refused_by_all() {
    let mut random = Random::new("adyen");
    let oracles = Oracle::both("adyen");
    is_the_library_of_the_table("adyen", &oracles);
    let [mut node, mut python] = oracles;
    for _ in 0..40 {
        let case = Case::random("adyen", &mut random);
        let items: Vec<Value> = (0..1 + random.below(4))
            .map(|at| signed(if at % 2 == 0 { &mut node } else { &mut python }, &case, item(&mut random)))
            .collect();
        let pretty = random.below(2) == 0;
        let good = delivery(&items, pretty);
        assert_eq!(case.we_say(&good), Ok(()), "{good:?}");
        assert!(node.accepts(&case, &good) && python.accepts(&case, &good), "{good:?}");

        let at = random.below(items.len());
        let mut bad: Vec<(Value, &str)> = SIGNED.map(|pointer| (changed(&items[at], pointer), pointer)).into();
        bad.push((changed(&items[at], SIGNATURE), SIGNATURE));
        let mut unsigned = items[at].clone();
        unsigned["additionalData"].as_object_mut().unwrap().remove("hmacSignature");
        bad.push((unsigned, "no signature"));
        for (item, what) in bad {
            let items = [&items[..at], &[item], &items[at + 1..]].concat();
            let delivery = delivery(&items, pretty);
            assert!(case.we_say(&delivery).is_err(), "{what}: {delivery:?}");
            // Behind the signature's padding it reads nothing: one of the differences.
            assert!(what == SIGNATURE || !node.accepts(&case, &delivery), "{what}: {delivery:?}");
            // It looks at the first item only: one of the differences.
            assert!(at > 0 || !python.accepts(&case, &delivery), "{what}: {delivery:?}");
        }
        let another = Case::random("adyen", &mut random);
        assert!(another.we_say(&good).is_err());
        assert!(!node.accepts(&another, &good) && !python.accepts(&another, &good));
    }
}

/// What we sign, for the local sender and the samples, the libraries accept.
#[test]
fn what_we_sign_is_accepted() {
    let mut random = Random::new("adyen, ours");
    let [mut node, mut python] = Oracle::both("adyen");
    for _ in 0..40 {
        let case = Case::random("adyen", &mut random);
        let delivery = case.we_sign(&delivery(&[item(&mut random)], random.below(2) == 0).body, NOW_S);
        assert_eq!(case.we_say(&delivery), Ok(()), "{delivery:?}");
        assert!(node.accepts(&case, &delivery) && python.accepts(&case, &delivery), "{delivery:?}");
    }
}

/// Name, the deliveries, the languages whose library accepts it, and what we say.
type Way = (&'static str, Delivery, &'static [&'static str], Result<(), Refused>);

fn ways(case: &Case, node: &mut Oracle) -> Vec<Way> {
    let plain = json!({
        "pspReference": "psp1",
        "originalReference": "",
        "merchantAccountCode": "shop",
        "merchantReference": "order-1",
        "amount": {"value": 1000, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
        "reason": "",
        "additionalData": {},
    });
    let good = signed(node, case, plain.clone());
    let one = |item: Value| delivery(&[item], false);
    // Other content with the signature of the good one, and other content signed as it is.
    let with = |pointer: &str, value: Value| {
        let mut item = good.clone();
        *item.pointer_mut(pointer).unwrap() = value;
        one(item)
    };
    let mut sign_with = |pointer: &str, value: Value| {
        let mut item = plain.clone();
        *item.pointer_mut(pointer).unwrap() = value;
        one(signed(node, case, item))
    };
    let mac = good.pointer(SIGNATURE).unwrap().as_str().unwrap().to_owned();
    let mut twice = one(good.clone());
    twice.body = String::from_utf8(twice.body)
        .unwrap()
        .replace("\"eventCode\"", "\"eventCode\":\"REFUND\",\"eventCode\"")
        .into();
    let odd = |token: &str| {
        let mut odd = with("/reason", "@".into());
        odd.body = String::from_utf8(odd.body).unwrap().replace("\"@\"", token).into();
        odd
    };
    vec![
        // Nobody signed it.
        ("half a character in an unsigned field", odd(r#""Ann \ud83d""#), BOTH, Ok(())),
        ("an unsigned field twice", odd(r#"1,"reason":2"#), BOTH, Ok(())),
        ("an unsigned number out of range", odd("1e400"), BOTH, Ok(())),
        // The same text is signed for `psp1:x` + ``, and for `psp1` + `x`: let in, and never paid.
        ("a colon in a field", sign_with("/pspReference", "psp1:x".into()), BOTH, Ok(())),
        ("a colon in the reference", sign_with("/merchantReference", "a:b".into()), BOTH, Ok(())),
        (
            "a false second item",
            delivery(&[good.clone(), changed(&good, "/amount/value")], false),
            PYTHON,
            Err(Mismatch),
        ),
        // These are let in as well, and never paid.
        ("success that is no text", with("/success", true.into()), NODE, Ok(())),
        ("success in capitals", sign_with("/success", "TRUE".into()), BOTH, Ok(())),
        ("no success", sign_with("/success", "".into()), BOTH, Ok(())),
        ("an amount as text", with("/amount/value", "1000".into()), BOTH, Ok(())),
        ("an amount with a fraction", with("/amount/value", json!(1000.0)), NODE, Err(MalformedSignature)),
        ("null for an empty field", with("/originalReference", Value::Null), NODE, Ok(())),
        ("no padding", with(SIGNATURE, mac.trim_end_matches('=').into()), NODE, Err(MalformedSignature)),
        (
            "white space in the signature",
            with(SIGNATURE, format!("{}\n{}", &mac[..9], &mac[9..]).into()),
            NODE,
            Err(MalformedSignature),
        ),
        ("letters behind the signature", with(SIGNATURE, format!("{mac}zz").into()), NODE, Err(MalformedSignature)),
        ("an empty signature", with(SIGNATURE, "".into()), NEITHER, Err(Mismatch)),
        ("a field twice, the last one signed", twice, BOTH, Err(MalformedSignature)),
        // Nothing of it is ever read.
        ("an unsigned field", with("/reason", "other".into()), BOTH, Ok(())),
    ]
}

#[test]
fn items_are_read_more_strictly_as_listed() {
    let case = Case::random("adyen", &mut Random::new("adyen"));
    let mut oracles = Oracle::both("adyen");
    let ways = ways(&case, &mut oracles[0]);
    let mut surprises = Vec::new();
    for (what, delivery, theirs, ours) in ways {
        let accepted_by: Vec<&str> = oracles
            .iter_mut()
            .filter_map(|oracle| oracle.accepts(&case, &delivery).then_some(oracle.language.name()))
            .collect();
        if (case.we_say(&delivery), &accepted_by[..]) != (ours, theirs) {
            surprises.push(format!("{what}: accepted by {accepted_by:?}, ours {:?}", case.we_say(&delivery)));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
