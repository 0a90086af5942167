//! Lists that the configuration describes: the two examples of infra/lists against sandboxes that behave as those companies' pages
//! say, every way to the next page, and every mistake in a description.

use payonce_lists::{End, Gap, ListConfig, ProviderList};
use payonce_protocol::order::Mode;
use payonce_providers::Provider;
use payonce_wire::ApiSecret;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Request, Sandbox};
use crate::{AMPLE, SECRET, ids, list, read, why};

const DAY: u64 = 24 * 3_600_000;
/// 2026-11-24T00:00:00Z
const NOW: u64 = 1_795_478_400_000;
const WINDOW: std::ops::Range<u64> = NOW - 2 * DAY..NOW;

fn example(text: &str, provider: &str, url: &str) -> ProviderList {
    let file: toml::Table = toml::from_str(text).unwrap();
    let config = serde_json::to_value(&file["providers"][provider]["list"]).unwrap();
    list(with(config, "/url", json!(url)))
}

fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[name] = value;
    config
}

fn provider(scheme: &str, besides: &str) -> Provider {
    let text = format!("scheme = \"{scheme}\"\nsecrets = [\"env:X\"]\nmode = \"test\"\n{besides}");
    Provider::new(scheme, &toml::from_str(&text).unwrap()).unwrap()
}

#[test]
fn reads_gocardless_events_as_they_would_be_delivered() {
    let delivery: Value =
        serde_json::from_str(include_str!("../../../../events/gocardless/payments.confirmed.json")).unwrap();
    let events = delivery["events"].as_array().unwrap().clone();
    let sandbox = Sandbox::start(move |request| {
        if request.path() == "/creditors" {
            return Some(Answer::json(200, json!({"creditors": [{"id": "CREDITOR_ID"}], "meta": {}})));
        }
        let query = request.query();
        // <https://developer.gocardless.com/api-reference/#making-requests-missing-or-invalid-parameters>: times as RFC 3339.
        if query["created_at[gte]"].as_str() < "2026-06-01" {
            return Some(Answer::json(410, json!({"error": {"code": 410}})));
        }
        let after =
            query.get("after").map_or(0, |after| events.iter().position(|it| it["id"] == after.as_str()).unwrap() + 1);
        let page: Vec<_> = events.iter().skip(after).take(2).collect();
        let next = if after + 2 < events.len() { page[1]["id"].clone() } else { Value::Null };
        Some(Answer::json(
            200,
            json!({"events": page, "meta": {"cursors": {"before": null, "after": next}, "limit": 500}}),
        ))
    });
    let list = example(include_str!("../../../../infra/lists/gocardless.toml"), "gocardless", &sandbox.url());
    let (pages, end) = read(&list, WINDOW, NOW, AMPLE);
    assert_eq!((ids(&pages), end), (vec!["EVsample0001x1", "EVsample0001x2", "EVsample0001x3"], End::Complete));
    assert_eq!(pages[0][0].created_at, 1_795_428_000_404);
    let requests = sandbox.requests();
    assert_eq!(requests[1].query()["created_at[gte]"], "2026-11-22T00:00:00Z");
    assert_eq!(requests[1].query()["created_at[lt]"], "2026-11-24T00:00:00Z");
    assert_eq!(requests[1].header("gocardless-version"), Some("2015-07-06"));
    assert_eq!(requests[2].query()["after"], "EVsample0001x2");
    let provider = provider("gocardless", "");
    for listed in pages.iter().flatten() {
        let event = provider.listed(listed.body.as_bytes()).unwrap().remove(0).unwrap();
        assert_eq!((event.id.as_str(), event.event_type.as_str()), (listed.id.as_str(), "payments/confirmed"));
        assert_eq!(event.created_at, Some(listed.created_at));
    }
    // What it keeps no longer, by its clock and not by the description's.
    let early = NOW - 200 * DAY;
    assert_eq!(why(read(&list, early..early + DAY, early + 2 * DAY, AMPLE).1), Some(Gap::Gone));
    assert_eq!(why(read(&list, early..early + DAY, NOW, AMPLE).1), Some(Gap::Before(NOW - 180 * DAY)));
}

#[test]
fn reads_squares_payments_as_the_events_that_tell_of_them() {
    let payment = |number: u64, status: &str| {
        json!({"id": format!("sqpay_{number}"), "status": status, "location_id": "LOCATION_ID",
            "created_at": format!("2026-11-23T10:00:0{number}.412Z"), "amount_money": {"amount": 4200, "currency": "USD"},
            "reference_id": "acct_1SampleWorkshop"})
    };
    let sandbox = Sandbox::start(move |request| {
        Some(Answer::json(
            200,
            match (request.path().as_str(), request.query().get("cursor").map(String::as_str)) {
                ("/v2/merchants/me", _) => json!({"merchant": {"id": "MERCHANT_ID"}}),
                (_, None) => json!({"payments": [payment(1, "COMPLETED")], "cursor": "c/1+="}),
                // A page may be empty and not the last.
                (_, Some("c/1+=")) => json!({"payments": [], "cursor": "c2"}),
                (_, Some("c2")) => json!({"payments": [payment(2, "FAILED")]}),
                _ => return None,
            },
        ))
    });
    let list = example(include_str!("../../../../infra/lists/square.toml"), "square", &sandbox.url());
    let (pages, end) = read(&list, WINDOW, NOW, AMPLE);
    assert_eq!((ids(&pages), end), (vec!["sqpay_1", "sqpay_2"], End::Complete));
    assert_eq!(sandbox.requests()[1].query()["location_id"], "LOCATION_ID");
    let provider = provider("square", "url = \"https://example.com/square\"");
    let listed = &pages[0][0];
    let event = provider.listed(listed.body.as_bytes()).unwrap().remove(0).unwrap();
    assert_eq!((event.event_type.as_str(), event.created_at), ("payment.updated", Some(listed.created_at)));
    assert_eq!(event.text_at("/data/object/payment/reference_id"), Some("acct_1SampleWorkshop"));
}

fn plain(url: &str, next: Value) -> Value {
    let http = json!({"path": "/items", "query": {"from": "{since}"}, "times_as": "millis", "items": "/items", "id": "/id",
        "created": "/at", "created_as": "millis", "askable_days": 90, "next": next});
    json!({"kind": "http", "url": url, "secret": "env:LIST", "pages_at_most": 9, "http": http})
}

fn items(numbers: &[u64]) -> Value {
    numbers.iter().map(|number| json!({"id": format!("i{number}"), "at": NOW - DAY})).collect()
}

#[test]
fn reads_to_the_end_whichever_way_the_next_page_is_asked_for() {
    type Reply = fn(&Request) -> Answer;
    let ways: [(Value, Reply); 4] = [
        (json!({"by": "last_id", "query": "after", "full_page": 2}), |request| {
            let first = !request.query().contains_key("after");
            Answer::json(200, json!({"items": if first { items(&[1, 2]) } else { items(&[3]) }}))
        }),
        (json!({"by": "cursor", "query": "page", "at": "/next"}), |request| match request.query().get("page") {
            None => Answer::json(200, json!({"items": items(&[1, 2]), "next": "two"})),
            Some(_) => Answer::json(200, json!({"items": items(&[3]), "next": ""})),
        }),
        (json!({"by": "header", "query": "page", "at": "x-next"}), |request| match request.query().get("page") {
            None => Answer::json(200, json!({"items": items(&[1, 2])})).with("x-next", "two"),
            Some(_) => Answer::json(200, json!({"items": items(&[3])})),
        }),
        (json!({"by": "link", "at": "/links/next"}), |request| {
            let here = format!("http://{}", request.header("host").unwrap());
            match request.query().get("page") {
                None => {
                    let next = format!("{here}/items?page=two&from=1");
                    Answer::json(200, json!({"items": items(&[1, 2]), "links": {"next": next}}))
                }
                Some(_) => Answer::json(200, json!({"items": items(&[3]), "links": {}})),
            }
        }),
    ];
    for (next, reply) in ways {
        let sandbox = Sandbox::start(move |request| Some(reply(request)));
        let (pages, end) = read(&list(plain(&sandbox.url(), next.clone())), WINDOW, NOW, AMPLE);
        assert_eq!((ids(&pages), end), (vec!["i1", "i2", "i3"], End::Complete), "{next}");
        assert_eq!(sandbox.requests().len(), 2, "{next}");
    }
}

#[test]
fn incomplete_is_a_circle_of_cursors() {
    let cursor = json!({"by": "cursor", "query": "page", "at": "/meta/next"});
    let sandbox = Sandbox::start(|request| {
        let (numbers, next) = match request.query().get("page").map(String::as_str) {
            None => ([1], "a"),
            Some("a") => ([2], "b"),
            _ => ([3], "a"),
        };
        Some(Answer::json(200, json!({"items": items(&numbers), "meta": {"next": next}})))
    });
    let (pages, end) = read(&list(plain(&sandbox.url(), cursor.clone())), WINDOW, NOW, AMPLE);
    assert_eq!((pages.len(), why(end)), (2, Some(Gap::Circle)));
    // Another cursor each time, and nothing new behind it.
    let sandbox = Sandbox::start(|request| {
        let next = request.query().get("page").map_or(1, |page| page.len() + 1);
        Some(Answer::json(200, json!({"items": items(&[1, 2]), "meta": {"next": "x".repeat(next)}})))
    });
    let (pages, end) = read(&list(plain(&sandbox.url(), cursor.clone())), WINDOW, NOW, AMPLE);
    assert_eq!((pages.len(), why(end)), (1, Some(Gap::Circle)));
    // A cursor is not missing where the place for it is.
    let sandbox = Sandbox::start(|_| Some(Answer::json(200, json!({"items": items(&[1])}))));
    assert_eq!(why(read(&list(plain(&sandbox.url(), cursor)), WINDOW, NOW, AMPLE).1), Some(Gap::Unreadable));
}

#[test]
fn follows_no_link_to_another_host_or_another_list() {
    let elsewhere = Sandbox::start(|_| Some(Answer::json(200, json!({"items": [], "links": {}}))));
    let there = elsewhere.url();
    for link in [
        format!("{there}/items?page=2"),
        "HERE/payouts?page=2".to_owned(),
        "/items?page=2".to_owned(),
        "http://user@HERE/items".to_owned(),
    ] {
        let sandbox = Sandbox::start(move |request| {
            let host = request.header("host").unwrap();
            let here = if link.starts_with("http") { host.to_owned() } else { format!("http://{host}") };
            Some(Answer::json(200, json!({"items": items(&[1]), "links": {"next": link.replace("HERE", &here)}})))
        });
        let config = plain(&sandbox.url(), json!({"by": "link", "at": "/links/next"}));
        let (pages, end) = read(&list(config), WINDOW, NOW, AMPLE);
        assert_eq!((pages.len(), why(end)), (1, Some(Gap::Unreadable)));
        assert_eq!(sandbox.requests().len(), 1);
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn names_every_mistake_of_a_description_with_its_key() {
    let config = plain("https://api.example.com", json!({"by": "cursor", "query": "page", "at": "/next"}));
    let keys = |config: Value| -> Vec<String> {
        let config: ListConfig = serde_json::from_value(config).unwrap();
        config.check().into_iter().map(|found| found.path).collect()
    };
    assert_eq!(keys(config.clone()), [""; 0]);
    for (pointer, value, key) in [
        ("/url", json!("http://api.example.com"), "url"),
        ("/secret", json!(" "), "secret"),
        ("/pages_at_most", json!(0), "pages_at_most"),
        ("/account", json!("acct_1"), "account"),
        ("/kind", json!("stripe"), "http"),
        ("/http", Value::Null, "http"),
        ("/http/path", json!("/items/../payouts"), "http.path"),
        ("/http/path", json!("/items?x=1"), "http.path"),
        ("/http/query", json!({"limit": "100"}), "http.query"),
        ("/http/query/to", json!("x{until}"), "http.query.to"),
        ("/http/headers", json!({"Authorization": "x"}), "http.headers"),
        ("/http/secret_header", json!("x-key"), "http.secret_header"),
        ("/http/scheme", json!("header"), "http.secret_header"),
        ("/http/items", json!("items"), "http.items"),
        ("/http/id", json!("id"), "http.id"),
        ("/http/created", json!("at"), "http.created"),
        ("/http/item_must_hold", json!({"mode": "test"}), "http.item_must_hold"),
        ("/http/askable_days", json!(0), "http.askable_days"),
        ("/http/account", json!({"path": "/me", "at": "/id"}), "account"),
        ("/http/event", json!({"id": "{id}"}), "http.event"),
        ("/http/next", json!({"by": "cursor", "query": "page"}), "http.next.at"),
        ("/http/next", json!({"by": "cursor", "at": "/next"}), "http.next.query"),
        ("/http/next", json!({"by": "last_id", "query": "after"}), "http.next.more"),
        ("/http/next", json!({"by": "last_id", "query": "after", "full_page": 0}), "http.next.full_page"),
        ("/http/next", json!({"by": "link", "at": "/next", "query": "page"}), "http.next.query"),
        ("/http/next", json!({"by": "header", "at": "not a header", "query": "page"}), "http.next.at"),
    ] {
        assert!(
            keys(with(config.clone(), pointer, value.clone())).iter().any(|found| found == key),
            "{pointer} {value}"
        );
    }
    let unknown = with(config.clone(), "/http/retries", json!(3));
    assert!(serde_json::from_value::<ListConfig>(unknown).is_err());
    let basic: ListConfig = serde_json::from_value(with(config, "/http/scheme", json!("basic"))).unwrap();
    let made = ProviderList::new(&basic, &ApiSecret::new(SECRET).unwrap(), Mode::Test, None);
    assert_eq!(made.map(drop).map_err(|error| error.path), Err("secret".to_owned()));
}
