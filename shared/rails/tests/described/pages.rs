//! Answers and lists of APIs of other shapes than the two examples': decimals, statuses, other ways from page to page.

use std::sync::{Arc, Mutex};

use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;
use payonce_rails::{LookUpFailure, Rail, RailPayout};
use serde_json::{Value, json};

use crate::injection::API;
use crate::sandbox::{Answer, Request, Sandbox};
use crate::{book, now, order, pay, rail_at};

/// Amounts as decimal texts, everything echoed.
fn decimal_api() -> String {
    let echo = r#"status = "/data/state"
accepted = ["NEW"]
refused = ["DENIED"]
echo = { amount = "/data/sum", currency = "/data/currency", reference = "/data/ref", destination = "/data/to" }"#;
    let api = API
        .replace("decimal_number", "decimal_text")
        .replace("id = \"/id\"\necho = { reference = \"/reference\" }", &format!("id = \"/data/id\"\n{echo}"));
    api.replace("/{field.segment}", "")
        .replace(", segment = 50", "")
        .replace("{field.note}", "n")
        .replace("note = 200", "")
}

fn answer() -> Value {
    json!({"data": {"id": "p_1", "state": "NEW", "sum": "12.30", "currency": "EUR", "ref": "ns/1", "to": "acct_1"}})
}

fn outcome(body: Value) -> (Outcome, Option<&'static str>) {
    let sandbox = Sandbox::start(move |_| Some(Answer::json(201, body.clone())));
    let payment = pay(&rail_at(&sandbox.url(), &decimal_api(), "k"), &order("ns/1", 1230, "EUR", "acct_1"), 1).unwrap();
    (payment.verdict.outcome, payment.evidence.failure)
}

#[test]
fn unknown_when_the_answer_repeats_another_order() {
    assert_eq!(outcome(answer()), (Outcome::Accepted, None));
    for (name, value, doubt) in [
        ("sum", json!("12.31"), "other_order"),
        ("sum", json!("1230"), "other_order"),
        ("sum", json!(1230), "other_order"),
        ("sum", json!("12,30"), "other_order"),
        ("sum", json!(null), "other_order"),
        ("currency", json!("USD"), "other_order"),
        ("currency", json!("eur"), "other_order"),
        ("ref", json!("ns/2"), "other_order"),
        ("to", json!("acct_2"), "other_order"),
        ("id", json!(""), "no_payout_id"),
        ("id", json!("Jane Doe"), "no_payout_id"),
        ("state", json!("HELD"), "unlisted_status"),
        ("state", json!(null), "unlisted_status"),
    ] {
        let mut body = answer();
        body["data"][name] = value.clone();
        assert_eq!(outcome(body), (Outcome::Unknown, Some(doubt)), "{name} {value}");
    }
    for same in [json!("12.3"), json!(12.3), json!("12.300")] {
        let mut body = answer();
        body["data"]["sum"] = same.clone();
        assert_eq!(outcome(body).0, Outcome::Accepted, "{same}");
    }
    let mut refused = answer();
    refused["data"]["state"] = json!("DENIED");
    assert_eq!(outcome(refused), (Outcome::Rejected, None));
}

/// The decimal goes out as a text, and as one.
#[test]
fn writes_an_amount_as_a_decimal_text() {
    let sandbox = Sandbox::start(|_| Some(Answer::json(201, answer())));
    let rail = rail_at(&sandbox.url(), &decimal_api(), "k");
    pay(&rail, &order("ns/1", 1230, "EUR", "acct_1"), 1).unwrap();
    assert_eq!(sandbox.requests()[0].json()["sum"], json!({"currency": "EUR", "value": "12.30"}));
}

fn item(id: u32, reference: &str) -> Value {
    json!({"id": format!("p_{id}"), "amount": 12.3, "currency": "EUR", "reference": reference, "created": 1_700_000_000_000_u64})
}

/// The API's books, and a list whose next page is asked for as `next` says.
fn books(next: &str, more: &str) -> String {
    let list =
        format!("{more}\nlist = {{ path = \"/l\", query = {{ s = \"{{since}}\" }}, since_as = \"rfc3339\"{next} }}");
    API.replace("full_page = 2", &list)
}

fn listed(
    text: &str,
    handler: impl FnMut(&Request) -> Option<Answer> + Send + 'static,
) -> (Result<Vec<String>, LookUpFailure>, Vec<String>) {
    let sandbox = Sandbox::start(handler);
    let rail = rail_at(&sandbox.url(), text, "k");
    let listed = now(book(&rail, 1_700_000_000_000..1_700_000_000_001));
    let ids = listed.map(|payouts| payouts.into_iter().map(|payout| payout.id).collect());
    (ids, sandbox.requests().into_iter().map(|request| request.target).collect())
}

/// A payout is made while we read: everything moves on by one.
#[test]
fn reads_each_payout_once_while_others_move_the_offset() {
    let text = books(", next = \"skip\", next_by = \"offset\"", "full_page = 2");
    let (ids, targets) = listed(&text, |request| {
        let page = match request.query().get("skip").map(String::as_str) {
            None => json!([item(5, "e"), item(4, "d")]),
            Some("2") => json!([item(4, "d"), item(3, "c")]),
            Some("4") => json!([item(2, "b")]),
            other => panic!("{other:?}"),
        };
        Some(Answer::json(200, page))
    });
    assert_eq!(ids.unwrap(), ["p_5", "p_4", "p_3", "p_2"]);
    assert_eq!(
        targets,
        [
            "/l?s=2023-11-14T22%3A13%3A20Z",
            "/l?s=2023-11-14T22%3A13%3A20Z&skip=2",
            "/l?s=2023-11-14T22%3A13%3A20Z&skip=4"
        ]
    );
}

#[test]
fn follows_the_next_page_of_a_header() {
    let text = books(", next = \"after\", next_by = \"header\"", "more_header = \"X-After\"");
    let (ids, targets) = listed(&text, |request| {
        let (page, after) = match request.query().get("after").map(String::as_str) {
            None => (json!([item(2, "b")]), "a&b=c"),
            Some("a&b=c") => (json!([item(1, "a")]), ""),
            other => panic!("{other:?}"),
        };
        Some(Answer::json(200, page).with("x-after", after))
    });
    assert_eq!(ids.unwrap(), ["p_2", "p_1"]);
    assert_eq!(targets[1], "/l?s=2023-11-14T22%3A13%3A20Z&after=a%26b%3Dc");
}

#[test]
fn fails_when_a_list_cannot_be_read_to_its_end() {
    let full = |_: &Request| Some(Answer::json(200, json!([item(2, "b"), item(1, "a")])));
    let (ids, targets) = listed(&books("", "full_page = 2"), full);
    assert!(matches!(ids, Err(LookUpFailure::TooLong)), "{ids:?}");
    assert_eq!(targets.len(), 1);
    let two = |_: &Request| Some(Answer::json(200, json!([item(1, "a")])).with("x-after", "a").with("x-after", "b"));
    let (ids, targets) = listed(&books(", next = \"after\", next_by = \"header\"", "more_header = \"X-After\""), two);
    assert!(matches!(ids, Err(LookUpFailure::Unreadable)), "{ids:?}");
    assert_eq!(targets.len(), 1);
}

fn found(rail: &Rail) -> Result<Vec<RailPayout>, LookUpFailure> {
    now(crate::find(rail, &PayoutKey::new("ns/1").unwrap()))
}

#[test]
fn an_item_that_is_not_as_described_is_not_absent() {
    let page = Arc::new(Mutex::new(json!([item(1, "ns/1")])));
    let said = page.clone();
    let sandbox = Sandbox::start(move |_| Some(Answer::json(200, said.lock().unwrap().clone())));
    let text =
        API.replace("full_page = 2", "full_page = 2\nstatus = \"/status\"\nreturned = { \"/status\" = [\"back\"] }");
    let rail = rail_at(&sandbox.url(), &text, "k");
    let mut right = item(1, "ns/1");
    right["status"] = json!("back");
    *page.lock().unwrap() = json!([right]);
    let payout = found(&rail).unwrap().remove(0);
    assert_eq!((payout.amount, payout.currency.as_str(), payout.returned), (1230, "EUR", true));
    assert_eq!((payout.status.as_deref(), payout.created_at), (Some("back"), 1_700_000_000_000));
    for (name, value) in [
        ("id", json!(null)),
        ("id", json!("")),
        ("amount", json!("x")),
        ("amount", json!(12.345)),
        ("currency", json!(null)),
        ("currency", json!("XXX")),
        ("created", json!("2023-11-14T22:13:20Z")),
        ("reference", json!("ns/2")),
        ("reference", json!(null)),
        ("status", json!(null)),
    ] {
        let mut wrong = right.clone();
        wrong[name] = value.clone();
        *page.lock().unwrap() = json!([wrong]);
        assert!(matches!(found(&rail), Err(LookUpFailure::Unreadable)), "{name} {value}");
    }
    let mut unknown_unit = right.clone();
    (unknown_unit["amount"], unknown_unit["currency"]) = (json!(12), json!("XXX"));
    *page.lock().unwrap() = json!([unknown_unit]);
    assert!(matches!(found(&rail), Err(LookUpFailure::Unreadable)));
    *page.lock().unwrap() = json!([right, item(2, "ns/1")]);
    assert!(found(&rail).is_err());
    *page.lock().unwrap() = json!([]);
    assert_eq!(found(&rail).unwrap(), []);
}

/// Nobody asked, so nobody said "absent".
#[test]
fn asks_nothing_of_a_rail_without_books() {
    let sandbox = Sandbox::start(|_| Some(Answer::json(200, json!([]))));
    let (head, _) = API.split_once("[rail.http.books]").unwrap();
    let rail = rail_at(&sandbox.url(), head, "k");
    assert!(matches!(found(&rail), Err(LookUpFailure::NotOffered)));
    assert!(matches!(now(book(&rail, 0..1)), Err(LookUpFailure::NotOffered)));
    let rail = rail_at(&sandbox.url(), API, "k");
    assert!(matches!(now(book(&rail, 0..1)), Err(LookUpFailure::NotOffered)));
    assert!(sandbox.requests().is_empty());
}
