//! An order's values come from strangers. Whatever they hold, a parser that is not ours must find each value where
//! it belongs, whole, and nothing else changed.

use std::sync::{Arc, Mutex};

use payonce_protocol::ids::RailKey;
use payonce_protocol::order::{Destination, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Outcome;
use payonce_rails::{Misfit, Rail};
use serde_json::{Value, json};

use crate::sandbox::{Answer, Request, Sandbox};
use crate::{order, pay, rail_at};

/// Placeholders everywhere that one may stand.
pub const API: &str = r#"
[rail]
kind = "http"
url = "https://bank.example"
secret = "env:RAIL"

[rail.http]
mode = "test"
account = "bank/1"
scheme = "header"
secret_header = "X-API-Key"
settle_minutes = 5
reference = "key"

[rail.http.amount]
as = "decimal_number"
units = { EUR = 2, JPY = 0 }

[rail.http.key]
header = "X-Key"
shape = "hex"

[rail.http.request]
method = "PUT"
path = "/accounts/{destination}/payouts/{field.segment}"
headers = { X-Fixed = "a=b; c" }
fields = { note = 200, segment = 50 }

[rail.http.request.body]
sum = { value = "{amount}", currency = "{currency}" }
to = ["{destination}", 7, true]
note = "{field.note}"
ours = { reference = "{reference}", payout = "{payout_key}", key = "{rail_key}", "a.b/c~" = "fixed" }

[rail.http.answer]
id = "/id"
echo = { reference = "/reference" }

[rail.http.books]
full_page = 2
id = "/id"
amount = "/amount"
currency = "/currency"
reference = "/reference"
created = "/created"
created_as = "millis"
find = { path = "/payouts", query = { ref = "{reference}", "who&what" = "a b&c=d" } }
"#;

/// The same as a form, with everything in the body.
fn as_form() -> String {
    let (head, _) = API.split_once("path = \"/accounts").unwrap();
    let (_, tail) = API.split_once("[rail.http.answer]").unwrap();
    format!(
        r#"{head}
path = "/payouts"
body_as = "form"
headers = {{ X-Fixed = "a=b; c" }}
fields = {{ note = 200 }}

[rail.http.request.body]
amount = "{{amount}}"
currency = "{{currency}}"
"to[account]" = "{{destination}}"
note = "{{field.note}}"
reference = "{{reference}}"
fixed = "x&y=z"
flag = true

[rail.http.answer]{tail}"#
    )
}

/// Visible ASCII, as keys and payees are; without a slash where a path must take it.
const SPITEFUL: &[&str] = &[
    r#"x","amount":900000,"y":""#,
    r#"\",\"amount\":9,\"#,
    r"\u0022",
    "a&amount=900000",
    "a=b",
    "a;b",
    "a+b",
    "a?amount=9#b",
    "%2f..%2frefunds",
    "%2F%00%0d%0a",
    "%",
    "{amount}",
    "{field.note}",
    "$(id)`id`",
    "<!--",
    "...",
    "acct_1:2@3,4",
    "[]{}|^~!*'()",
    "true",
    "1e9",
];

/// Fields may hold any text.
const VILE: &[&str] = &[
    "a\r\nX-Injected: 1\r\n\r\nPOST / HTTP/1.1\r\n",
    "a\0b",
    "Zoë & Søn – 東京 \u{1F4B6} \u{202E}txt\u{FEFF}",
    "../../refunds",
    "a/b\\c",
    "\"}],\"amount\":1",
    " ",
    "%0d%0a",
];

fn sandbox(reference: Arc<Mutex<String>>) -> Sandbox {
    Sandbox::start(move |_| Some(Answer::json(200, json!({"id": "p_1", "reference": *reference.lock().unwrap()}))))
}

fn with(key: &str, destination: &str, note: &str, segment: Option<&str>) -> PayoutOrder {
    let fields = [("note", Some(note)), ("segment", segment)];
    PayoutOrder {
        rail_fields: fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect(),
        ..order(key, 1230, "EUR", destination)
    }
}

/// Pays, and gives what arrived.
fn arrived(rail: &Rail, sandbox: &Sandbox, reference: &Mutex<String>, order: &PayoutOrder) -> Request {
    *reference.lock().unwrap() = order.key.to_string();
    let payment = pay(rail, order, 1).unwrap();
    assert_eq!(payment.verdict.outcome, Outcome::Accepted, "{order:?} {:?}", payment.evidence);
    let mut requests = sandbox.requests();
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    let ours = ["host", "content-type", "content-length", "x-key", "x-fixed", "x-api-key"];
    assert_eq!(names, ours, "{order:?}");
    assert_eq!(request.header("x-fixed"), Some("a=b; c"));
    assert_eq!(request.header("x-api-key"), Some("sk_planted"));
    request
}

fn texts() -> impl Iterator<Item = String> {
    let vile = VILE.iter().map(|text| (*text).to_owned());
    SPITEFUL.iter().map(|text| (*text).to_owned()).chain(vile)
}

#[test]
fn value_stays_one_value_in_json_and_in_the_path() {
    let reference = Arc::new(Mutex::new(String::new()));
    let sandbox = sandbox(reference.clone());
    let in_path = rail_at(&sandbox.url(), API, "sk_planted");
    let in_body = rail_at(&sandbox.url(), &API.replace("/accounts/{destination}", "/accounts/acct_0"), "sk_planted");
    for payee in SPITEFUL.iter().chain(&["acct/../../refunds"]) {
        let leads_out = payee.contains(['/', '\\']);
        let (rail, segment) = if leads_out { (&in_body, "acct_0") } else { (&in_path, *payee) };
        for note in texts() {
            let key = format!("ns/{payee}/x");
            let order = with(&key, payee, &note, Some("seg+1"));
            let request = arrived(rail, &sandbox, &reference, &order);
            let rail_key = RailKey::new(&order.key, 1).to_string().replace('-', "");
            assert_eq!(request.method, "PUT");
            assert_eq!(request.segments(), ["accounts", segment, "payouts", "seg+1"]);
            assert!(!request.target.contains(['?', '#']), "{}", request.target);
            let expected: Value = json!({
                "sum": {"value": 12.30, "currency": "EUR"},
                "to": [payee, 7, true],
                "note": note,
                "ours": {"reference": key, "payout": key, "key": rail_key, "a.b/c~": "fixed"},
            });
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body, expected);
            // The amount goes out with its own digits, and no name comes twice.
            let written = String::from_utf8(request.body.clone()).unwrap();
            assert_eq!(written.replace("12.30", "12.3"), body.to_string());
            assert_eq!(request.header("x-key"), Some(rail_key.as_str()));
        }
    }
}

#[test]
fn value_stays_one_value_in_a_form() {
    let reference = Arc::new(Mutex::new(String::new()));
    let sandbox = sandbox(reference.clone());
    let rail = rail_at(&sandbox.url(), &as_form(), "sk_planted");
    for payee in SPITEFUL.iter().chain(&["acct/../../refunds", "../x"]) {
        for note in texts() {
            let key = format!("ns/{payee}/x");
            let request = arrived(&rail, &sandbox, &reference, &with(&key, payee, &note, None));
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            assert_eq!(request.target, "/payouts");
            assert_eq!(
                request.form(),
                [
                    pair("amount", "12.30"),
                    pair("currency", "EUR"),
                    pair("fixed", "x&y=z"),
                    pair("flag", "true"),
                    pair("note", &note),
                    pair("reference", &key),
                    pair("to[account]", payee),
                ]
            );
        }
    }
}

/// A server may decode a path before it routes, so what could lead to another segment never gets there.
#[test]
fn refuses_a_value_that_leads_out_of_its_segment() {
    let rail = rail_at("http://127.0.0.1:1", API, "sk_planted");
    for payee in ["..", ".", "acct/../../refunds", "a\\..\\b", "/", "//evil.example"] {
        assert_eq!(rail.prepare(&with("ns/1", payee, "n", Some("s")), 1), Err(Misfit::Path), "{payee}");
    }
    for segment in ["..", "a/b", "a\0", "a\r\nb", "a\u{85}b"] {
        assert_eq!(rail.prepare(&with("ns/1", "acct_1", "n", Some(segment)), 1), Err(Misfit::Path), "{segment:?}");
    }
}

#[test]
fn key_stays_one_value_in_a_query() {
    let sandbox = Sandbox::start(|_| Some(Answer::json(200, json!([]))));
    let rail = rail_at(&sandbox.url(), API, "sk_planted");
    for text in SPITEFUL.iter().chain(&["../../x", "a/b"]) {
        let key = PayoutKey::new(format!("ns/{text}")).unwrap();
        assert_eq!(crate::now(crate::find(&rail, &key)).unwrap(), []);
        let requests = sandbox.requests();
        assert_eq!((requests.len(), requests[0].method.as_str(), requests[0].path().as_str()), (1, "GET", "/payouts"));
        let query: Vec<_> = requests[0].query().into_iter().collect();
        assert_eq!(query, [("ref".to_owned(), key.to_string()), ("who&what".to_owned(), "a b&c=d".to_owned())]);
        assert!(requests[0].body.is_empty());
    }
}

#[test]
fn refuses_unknown_missing_and_unfit_fields() {
    let rail = rail_at("http://127.0.0.1:1", API, "sk_planted");
    let prepare = |order: &PayoutOrder| rail.prepare(order, 1).map(|_| ());
    let mut order = with("ns/1", "acct_1", "n", Some("s"));
    assert_eq!(prepare(&order), Ok(()));
    order.rail_fields.insert("amount".into(), "9".into());
    assert_eq!(prepare(&order), Err(Misfit::Field("amount".into())));
    assert_eq!(prepare(&with("ns/1", "acct_1", "n", None)), Err(Misfit::MissingField("segment".into())));
    assert_eq!(prepare(&with("ns/1", "acct_1", "", Some("s"))), Err(Misfit::FieldValue("note".into())));
    // Characters, not bytes.
    assert_eq!(prepare(&with("ns/1", "acct_1", &"é".repeat(200), Some("s"))), Ok(()));
    assert_eq!(prepare(&with("ns/1", "acct_1", &"é".repeat(201), Some("s"))), Err(Misfit::FieldValue("note".into())));
}

#[test]
fn refuses_a_currency_or_a_sum_that_the_rail_does_not_know() {
    let rail = rail_at("http://127.0.0.1:1", API, "sk_planted");
    let prepare = |minor, currency| {
        let order =
            PayoutOrder { money: order("ns/1", minor, currency, "a").money, ..with("ns/1", "a", "n", Some("s")) };
        rail.prepare(&order, 1).map(|prepared| prepared.money().minor())
    };
    assert_eq!((prepare(1234, "EUR"), prepare(500, "JPY")), (Ok(1234), Ok(5)));
    assert_eq!((prepare(1234, "USD"), prepare(501, "JPY")), (Err(Misfit::Currency), Err(Misfit::Amount)));
    let far = Destination::new("a".repeat(128)).unwrap();
    assert!(rail.prepare(&PayoutOrder { destination: far, ..with("ns/1", "a", "n", Some("s")) }, 1).is_ok());
}

/// A re-issue under the same key must send these very bytes again, from whichever release and however the file is sorted.
#[test]
fn golden_request_never_changes() {
    let rail = rail_at("http://127.0.0.1:1", API, "sk_planted");
    let prepared = rail.prepare(&with("ns/1", "acct_1", "n", Some("s")), 1).unwrap();
    assert_eq!(
        String::from_utf8(prepared.bytes()).unwrap(),
        "PUT /accounts/acct_1/payouts/s HTTP/1.1\r\n\
        host: 127.0.0.1:1\r\n\
        content-type: application/json\r\n\
        content-length: 176\r\n\
        x-key: a991f71b6ea8813a9666e886eee0f266\r\n\
        x-fixed: a=b; c\r\n\
        \r\n\
        {\"note\":\"n\",\"ours\":{\"a.b/c~\":\"fixed\",\"key\":\"a991f71b6ea8813a9666e886eee0f266\",\
        \"payout\":\"ns/1\",\"reference\":\"ns/1\"},\"sum\":{\"currency\":\"EUR\",\"value\":12.30},\
        \"to\":[\"acct_1\",7,true]}"
    );
}
