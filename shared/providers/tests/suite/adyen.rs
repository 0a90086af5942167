//! Adyen's payment webhooks beyond the plain item: what a colon makes uncertain, and what nobody signed. Whatever fits its
//! signature is let in, as a refusal would hold back everything behind it.

use http::HeaderMap;
use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::{ItemMisfit, Misfit, NoPayout, ParsedEvent, Provider, Refused, RouteContext, Routed};
use serde_json::{Value, json};

use crate::{T, config, secrets};

const KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const TEST: RouteContext = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: 0 };
const REPORT: &str = "settlement_report_2026-11-01T00:00:00_2026-11-02T23:59:59.csv";

fn provider(ignore: &str) -> Provider {
    let text = format!(
        "scheme = 'adyen'\nsecrets = ['env:A']\nmode = 'test'\nignore = {ignore}\n[[payouts]]\nevent = 'AUTHORISATION'\n\
         key = '/pspReference'\namount = '/amount/value'\ncurrency = '/amount/currency'\n\
         destination = '/merchantReference'\ndestination_pattern = '^acct_[A-Za-z0-9:_]+$'"
    );
    Provider::new("adyen", &config(&text)).unwrap()
}

fn item(changes: Value) -> Value {
    let mut item = json!({
        "pspReference": "PSP1", "originalReference": "", "merchantAccountCode": "Shop", "merchantReference": "acct_1",
        "amount": {"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION", "success": "true",
        "eventDate": "2026-11-23T10:00:00+01:00", "additionalData": {},
    });
    for (name, value) in changes.as_object().unwrap() {
        item[name] = value.clone();
    }
    item
}

/// Signed as Adyen signs it, each item on its own.
fn body(items: &[Value]) -> String {
    let items: Vec<Value> = items.iter().map(|item| json!({"NotificationRequestItem": item})).collect();
    let body = json!({"live": "false", "notificationItems": items}).to_string();
    String::from_utf8(provider("[]").seal(&secrets(&[KEY]), body.as_bytes()).into_owned()).unwrap()
}

fn events(body: &str) -> Result<Vec<Result<ParsedEvent, ItemMisfit>>, Refused> {
    let (provider, held) = (provider("[]"), secrets(&[KEY]));
    let verified = provider.verify(&held, &HeaderMap::new(), body.as_bytes(), T)?;
    Ok(provider.events(&verified).unwrap())
}

fn routed(ignore: &str, body: &str) -> Vec<Routed> {
    let found = events(body).unwrap().into_iter();
    found.map(|event| provider(ignore).route(&event.unwrap(), &TEST)).collect()
}

fn is_paid(routed: &Routed) -> bool {
    matches!(routed, Routed::Order(order) if order.key.as_str() == "adyen/PSP1" && order.money.minor() == 1130)
}

#[test]
fn pays_once_beside_a_report_whose_reference_holds_colons() {
    let report = item(
        json!({"pspReference": REPORT, "eventCode": "REPORT_AVAILABLE", "merchantReference": "", "amount": {"value": 0, "currency": "EUR"}}),
    );
    let both = body(&[report, item(json!({}))]);
    let unrouted = Routed::Unrouted { event_type: "REPORT_AVAILABLE".to_owned() };
    for (ignore, expected) in [
        ("[]", &unrouted),
        ("['REPORT_AVAILABLE']", &Routed::NoPayout(NoPayout::Ignored)),
        ("['*']", &Routed::NoPayout(NoPayout::Ignored)),
    ] {
        let [report, payment] = &routed(ignore, &both)[..] else { panic!("two items") };
        assert_eq!(report, expected);
        assert!(is_paid(payment), "{payment:?}");
    }
}

#[test]
fn never_pays_an_item_whose_references_could_be_cut_in_another_place() {
    let mut ids = vec![];
    for (reference, account, payee) in
        [("PSP1:", "Shop", "acct_1"), ("PSP1", "a:Shop", "acct_1"), ("PSP1", "Shop:a", "acct_1")]
    {
        let one = body(&[item(
            json!({"pspReference": reference, "merchantAccountCode": account, "merchantReference": payee}),
        )]);
        let [Routed::Misfit(Misfit { reason: Reason::InvalidEvent, key: None, money, destination: None, .. })] =
            &routed("['*']", &one)[..]
        else {
            panic!("{:?}", routed("['*']", &one))
        };
        assert_eq!(money.unwrap().to_string(), "11.30 EUR", "the sum is certain all the same");
        ids.push(events(&one).unwrap().remove(0).unwrap().id);
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    // The attack: one signed text, cut in two places. The cuts have one name.
    let whole = body(&[item(json!({"merchantReference": "acct_1:b", "merchantAccountCode": "Shop:x"}))]);
    let moved = whole.replace("\"Shop:x\"", "\"Shop:x:acct_1\"").replace("\"acct_1:b\"", "\"b\"");
    let id = |body: &str| events(body).unwrap().remove(0).unwrap().id;
    assert!(whole != moved && id(&whole) == id(&moved));
    // Nor can a payment be cut into an ignored type: the last four fields are found from the end.
    assert!(is_paid(&routed("['*']", &body(&[item(json!({"merchantReference": "acct_1:REPORT_AVAILABLE"}))]))[0]));
}

#[test]
fn one_case_for_all_items_whose_last_fields_are_no_adyens() {
    for (changes, other) in [
        (json!({"success": "TRUE"}), json!({"success": "maybe", "pspReference": "PSP2"})),
        (json!({"success": ""}), json!({"success": null, "pspReference": "PSP2"})),
        (json!({"eventCode": "AUTHORISATION:x"}), json!({"eventCode": "AUTHORISATION:x", "pspReference": "PSP2"})),
        (json!({"amount": {"value": 1, "currency": "EUR:1"}}), json!({"amount": {"value": 2, "currency": "a:b"}})),
        (
            json!({"amount": {"value": "1:1", "currency": "EUR"}}),
            json!({"amount": {"value": "2:2", "currency": "EUR"}}),
        ),
    ] {
        let found = events(&body(&[item(changes), item(json!({})), item(other)])).unwrap();
        let [Err(first), Ok(payment), Err(second)] = &found[..] else { panic!("{found:?}") };
        assert!(is_paid(&provider("[]").route(payment, &TEST)));
        assert!(first.misfit.shared.is_some(), "{first:?}");
        assert_eq!(first.misfit.shared, second.misfit.shared);
    }
}

#[test]
fn pays_when_only_what_is_not_signed_is_odd() {
    let plain = body(&[item(json!({"reason": "@"}))]);
    for odd in [r#""\ud83d""#, "1e400", r#"1,"reason":2"#, r#"{"a":1,"a":2}"#] {
        let odd = plain.replace("\"@\"", odd);
        assert!(is_paid(&routed("[]", &odd)[0]), "{odd}");
    }
    let inside = plain.replace("\"hmacSignature\"", r#""shopperName":"\ud83d","a":1e400,"a":2,"hmacSignature""#);
    assert!(is_paid(&routed("[]", &inside)[0]), "{inside}");
    assert!(is_paid(&routed("[]", &format!("\u{feff}{plain}"))[0]));
}

/// Nobody can say what was signed there: other readers see the first value, or the last.
#[test]
fn refuses_an_item_of_which_a_signed_field_has_two_readings() {
    let plain = body(&[item(json!({}))]);
    for (from, to) in [
        ("\"pspReference\"", r#""pspReference":"PSP0","pspReference""#),
        ("\"originalReference\"", r#""originalReference":"","originalReference""#),
        ("\"value\"", r#""value":1,"value""#),
        ("\"success\"", r#""success":"false","success""#),
        ("\"amount\"", r#""amount":{},"amount""#),
        ("\"PSP1\"", r#""PSP1\ud83d""#),
        ("1130", "1e400"),
        ("1130", "1130.0"),
        ("\"additionalData\"", r#""additionalData":{},"additionalData""#),
        ("\"hmacSignature\"", r#""hmacSignature":"","hmacSignature""#),
        ("\"NotificationRequestItem\"", r#""NotificationRequestItem":{},"NotificationRequestItem""#),
        ("\"notificationItems\"", r#""notificationItems":[],"notificationItems""#),
    ] {
        let odd = plain.replace(from, to);
        assert!(odd != plain && events(&odd).is_err(), "{odd}");
    }
}

/// Joined as they are written, they fit; read, they are none of what belongs there.
#[test]
fn never_pays_a_signed_field_of_another_type() {
    for changes in [
        json!({"success": true}),
        json!({"amount": {"value": "1130", "currency": "EUR"}}),
        json!({"merchantReference": 7}),
        json!({"pspReference": 7}),
    ] {
        let found = events(&body(&[item(changes.clone()), item(json!({}))])).unwrap();
        let paid = |event: &Result<ParsedEvent, ItemMisfit>| {
            event.as_ref().is_ok_and(|event| is_paid(&provider("[]").route(event, &TEST)))
        };
        assert!(!paid(&found[0]) && paid(&found[1]), "{changes}");
    }
}

#[test]
fn an_item_that_cannot_be_read_is_one_case_in_whatever_company_and_bytes() {
    let nameless = |note: &str| item(json!({"pspReference": "", "reason": note}));
    let shared = |items: &[Value]| {
        let misfit = events(&body(items)).unwrap().into_iter().find_map(Result::err).unwrap();
        misfit.misfit.shared.unwrap()
    };
    assert_eq!(shared(&[nameless("a")]), shared(&[item(json!({})), nameless("b")]));
}

#[test]
fn a_body_that_is_signed_is_sealed_as_it_is() {
    let odd = body(&[item(json!({"reason": "@"}))]).replace("\"@\"", r#""\ud83d""#);
    assert_eq!(*provider("[]").seal(&secrets(&[KEY]), odd.as_bytes()), *odd.as_bytes());
}
