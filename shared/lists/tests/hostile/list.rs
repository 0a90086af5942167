//! Stripe's list of events: as its pages say, and at a server that does everything wrong. A list that came short never counts as
//! complete.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use payonce_lists::{End, Gap, ListConfig, ProviderList};
use payonce_protocol::order::Mode;
use payonce_providers::{Provider, RouteContext, Routed};
use payonce_wire::ApiSecret;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Request, Sandbox};
use crate::server::{Do, Door, Script, Server};
use crate::{AMPLE, SECRET, http, ids, list, read, why};

const DAY: u64 = 24 * 3_600_000;
const NOW: u64 = 20_000 * DAY;
/// In seconds.
const START: u64 = (NOW - 3 * DAY) / 1000;
const WINDOW: std::ops::Range<u64> = NOW - 3 * DAY..NOW - DAY;

fn event(number: u64) -> Value {
    json!({"id": format!("evt_{number}"), "object": "event", "livemode": false, "created": START + number})
}

fn page(events: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "url": "/v1/events", "data": events, "has_more": has_more})
}

fn stripe(url: &str) -> ProviderList {
    list(json!({"kind": "stripe", "url": url, "secret": "env:LIST", "pages_at_most": 5}))
}

/// Newest first, as <https://docs.stripe.com/api/events/list> says, in pages of `size`.
fn answer(events: &[Value], size: usize, request: &Request) -> Answer {
    let query = request.query();
    let number = |name: &str| query[name].parse::<u64>().unwrap();
    let mut found: Vec<Value> = events.to_vec();
    found.retain(|event| (number("created[gte]")..number("created[lt]")).contains(&event["created"].as_u64().unwrap()));
    found.sort_by_key(|event| std::cmp::Reverse(event["created"].as_u64()));
    if let Some(last) = query.get("starting_after") {
        let at = found.iter().position(|event| event["id"] == last.as_str()).unwrap();
        found.drain(..=at);
    }
    let has_more = found.len() > size;
    found.truncate(size);
    Answer::json(200, page(&found, has_more))
}

#[test]
fn reads_every_page_of_stripes_events_as_they_were_delivered() {
    let delivered: Value =
        serde_json::from_str(include_str!("../../../../events/stripe/payment_intent.succeeded.json")).unwrap();
    let mut events: Vec<Value> = (0..7).map(event).collect();
    events[3] = Value::Object({
        let mut sample = delivered.as_object().unwrap().clone();
        sample.insert("created".to_owned(), json!(START + 3));
        sample
    });
    let sent = events[3].clone();
    let sandbox = Sandbox::start(move |request| Some(answer(&events, 3, request)));
    let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
    assert_eq!(end, End::Complete);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let requests = sandbox.requests();
    assert_eq!(
        requests[0].target,
        format!("/v1/events?limit=100&created%5Bgte%5D={START}&created%5Blt%5D={}", START + 2 * 86_400)
    );
    assert_eq!(requests[1].query()["starting_after"], "evt_4");
    for request in &requests {
        assert_eq!((request.method.as_str(), request.body.len()), ("GET", 0));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
        assert!(request.header("stripe-version").is_some());
    }
    // The provider's own rules make the order of it, as of a delivery.
    let listed = pages.iter().flatten().find(|event| event.id == "evt_3SamplePayonce0001").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&listed.body).unwrap(), sent);
    assert_eq!(listed.created_at, (START + 3) * 1000);
    let config = toml::from_str(
        r#"
        scheme = "stripe"
        secrets = ["env:STRIPE"]
        [[payouts]]
        event = "payment_intent.succeeded"
        key = "/data/object/id"
        amount = "/data/object/amount_received"
        currency = "/data/object/currency"
        destination = "/data/object/metadata/payee"
        when = { "/data/object/status" = { pays = "succeeded", not = ["processing"] } }
        "#,
    );
    let provider = Provider::new("stripe", &config.unwrap()).unwrap();
    let event = provider.listed(listed.body.as_bytes()).unwrap().remove(0).unwrap();
    let context = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: NOW };
    let Routed::Order(order) = provider.route(&event, &context) else { panic!("a case") };
    assert_eq!(order.key.as_str(), "stripe/pi_3SamplePayonce0001");
    assert!(!format!("{listed:?}").contains("pi_3"));
}

#[test]
fn reads_events_that_arrive_or_come_twice_while_it_turns_the_pages() {
    let asked = AtomicUsize::new(0);
    let sandbox = Sandbox::start(move |_| {
        Some(Answer::json(
            200,
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 => page(&[event(5), event(4), event(4)], true),
                // Two arrived since, and moved the others on.
                1 => page(&[event(5), event(4), event(3)], true),
                _ => page(&[event(3), event(2)], false),
            },
        ))
    });
    let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
    assert_eq!((ids(&pages), end), (vec!["evt_5", "evt_4", "evt_3", "evt_2"], End::Complete));
}

#[test]
fn leaves_out_what_lies_outside_the_window() {
    let events = [
        event(2 * 86_400),
        event(1),
        json!({"id": "evt_old", "object": "event", "livemode": false, "created": START - 1}),
    ];
    let sandbox = Sandbox::start(move |_| Some(Answer::json(200, page(&events, false))));
    let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
    assert_eq!((ids(&pages), end), (vec!["evt_1"], End::Complete));
}

#[test]
fn incomplete_is_what_cannot_be_asked_for_or_is_not_over() {
    let sandbox = Sandbox::start(move |_| Some(Answer::json(200, page(&[event(1)], false))));
    let list = stripe(&sandbox.url());
    let first_day = NOW - 30 * DAY;
    let (pages, end) = read(&list, first_day - 1..NOW - DAY, NOW, AMPLE);
    // What there is was read, from the first moment that can be asked for.
    assert_eq!((ids(&pages), why(end)), (vec!["evt_1"], Some(Gap::Before(first_day))));
    assert_eq!(sandbox.requests()[0].query()["created[gte]"], (first_day / 1000).to_string());
    assert_eq!(read(&list, first_day..NOW - DAY, NOW, AMPLE).1, End::Complete);
    assert_eq!(why(read(&list, NOW - DAY..NOW + 1, NOW, AMPLE).1), Some(Gap::NotOver));
    sandbox.requests();
    // Nothing of it can be asked for, and nothing is.
    assert_eq!(why(read(&list, 0..first_day, NOW, AMPLE).1), Some(Gap::Before(first_day)));
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(why(list.book(WINDOW, NOW).end()), Some(Gap::Unread));
}

#[test]
fn a_page_that_failed_is_asked_for_again() {
    let asked = AtomicUsize::new(0);
    let sandbox = Sandbox::start(move |request| {
        let events: Vec<Value> = (0..4).map(event).collect();
        match asked.fetch_add(1, Ordering::SeqCst) {
            1 => Some(Answer::json(429, json!({})).with("retry-after", "1")),
            2 => Some(Answer::json(500, json!({}))),
            3 => None,
            _ => Some(answer(&events, 2, request)),
        }
    });
    let list = stripe(&sandbox.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut book = list.book(WINDOW, NOW);
        assert_eq!(book.next(AMPLE).await.unwrap().unwrap().len(), 2);
        for gap in [Gap::Refused(429), Gap::Refused(500)] {
            assert_eq!(book.next(AMPLE).await, Err(gap));
            assert!(gap.may_pass());
            assert_eq!(why(book.end()), Some(gap));
        }
        assert!(matches!(book.next(AMPLE).await, Err(Gap::NoAnswer(_))));
        assert_eq!(book.next(AMPLE).await.unwrap().unwrap().len(), 2);
        assert_eq!(book.next(AMPLE).await, Ok(None));
        assert_eq!(book.end(), End::Complete);
    });
    let requests = sandbox.requests();
    assert!(requests[1..].iter().all(|request| request.query()["starting_after"] == "evt_2"));
}

#[test]
fn incomplete_is_a_list_that_never_ends() {
    let made = AtomicUsize::new(0);
    let sandbox = Sandbox::start(move |_| {
        Some(Answer::json(200, page(&[event(made.fetch_add(1, Ordering::SeqCst) as u64)], true)))
    });
    let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
    assert_eq!((pages.len(), why(end)), (5, Some(Gap::TooLong(5))));
    let sandbox = Sandbox::start(move |_| Some(Answer::json(200, page(&[], true))));
    assert_eq!(why(read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE).1), Some(Gap::Unreadable));
    let sandbox = Sandbox::start(move |_| Some(Answer::json(200, page(&[event(2), event(1)], true))));
    let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
    assert_eq!((ids(&pages), why(end)), (vec!["evt_2", "evt_1"], Some(Gap::Circle)));
}

#[test]
fn incomplete_is_every_answer_that_is_not_as_documented() {
    let good = page(&[event(1)], false);
    let with = |pointer: &str, value: Value| {
        let mut page = good.clone();
        *page.pointer_mut(pointer).unwrap() = value;
        page.to_string()
    };
    let live = with("/data/0/livemode", json!(true));
    let cases = [
        ("no list", with("/object", json!("event"))),
        ("no items", with("/data", Value::Null)),
        ("no word of more", with("/has_more", Value::Null)),
        ("more in words", with("/has_more", json!("false"))),
        ("a payment", with("/data/0/object", json!("payment_intent"))),
        ("real money", live),
        ("no id", with("/data/0/id", Value::Null)),
        ("an id with a line break", with("/data/0/id", json!("evt\r\n1"))),
        ("no time", with("/data/0/created", json!("yesterday"))),
        ("cut", good.to_string()[..40].to_owned()),
        ("a page of a proxy", "<html>".to_owned()),
        ("nothing", String::new()),
    ];
    for (what, body) in cases {
        let sandbox = Sandbox::start(move |_| Some(Answer { status: 200, headers: vec![], body: body.clone() }));
        let (pages, end) = read(&stripe(&sandbox.url()), WINDOW, NOW, AMPLE);
        assert_eq!((pages.len(), why(end)), (0, Some(Gap::Unreadable)), "{what}");
        assert!(!Gap::Unreadable.may_pass());
    }
}

#[test]
fn incomplete_is_what_a_hostile_server_answers() {
    let whole = http("200 OK", "", &page(&[event(1)], false).to_string());
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let say = |status: &str, headers: &str| vec![Do::ReadRequest, Do::Send(http(status, headers, "{}"))];
    let cases = [
        (say("410 Gone", ""), Some(Gap::Gone)),
        (say("403 Forbidden", ""), Some(Gap::Refused(403))),
        (say("302 Found", "location: /v1/transfers\r\n"), Some(Gap::Refused(302))),
        (say("204 No Content", ""), None),
        (vec![Do::ReadRequest, Do::Send(whole[..whole.len() - 3].to_vec()), Do::Fin], None),
        (vec![Do::ReadRequest, Do::Reset], None),
        (vec![Do::ReadRequest], Some(Gap::NoAnswer("timed_out"))),
        (vec![Do::ReadRequest, Do::Send(head), Do::Flood(vec![b' '; 1 << 16])], None),
    ];
    for (number, (after, expected)) in cases.into_iter().enumerate() {
        let server = Server::start(Door::Plain, vec![Script { before: vec![], after }]);
        let within = if expected == Some(Gap::NoAnswer("timed_out")) { Duration::from_millis(300) } else { AMPLE };
        let (pages, end) = read(&stripe(&server.url()), WINDOW, NOW, within);
        let gap = why(end);
        assert!(pages.is_empty() && gap.is_some(), "{number}: {end:?}");
        assert!(expected.is_none() || gap == expected, "{number}: {gap:?}");
        let seen = server.finish();
        assert_eq!((seen.accepted, seen.requests().0.len()), (1, 1), "{number}: asked again");
    }
}

#[test]
fn incomplete_is_the_list_of_another_account() {
    let config = |url: &str| json!({"kind": "stripe", "url": url, "secret": "env:LIST", "account": "acct_1Ours"});
    for (account, expected) in [
        (json!({"object": "account", "id": "acct_1Ours"}), None),
        (json!({"object": "account", "id": "acct_1Theirs"}), Some(Gap::OtherAccount)),
        (json!({"id": "acct_1Ours"}), Some(Gap::Unreadable)),
    ] {
        let sandbox = Sandbox::start(move |request| {
            Some(Answer::json(
                200,
                match request.path().as_str() {
                    "/v1/account" => account.clone(),
                    _ => page(&[event(1)], false),
                },
            ))
        });
        let (pages, end) = read(&list(config(&sandbox.url())), WINDOW, NOW, AMPLE);
        assert_eq!((pages.len(), why(end)), (usize::from(expected.is_none()), expected));
        assert_eq!(sandbox.requests().len(), if expected.is_none() { 2 } else { 1 });
    }
}

#[test]
fn refuses_a_key_of_the_other_mode() {
    let config = json!({"kind": "stripe", "url": "https://api.stripe.com", "secret": "env:LIST"});
    let config: ListConfig = serde_json::from_value(config).unwrap();
    let key = |secret: &str, mode| {
        let made = ProviderList::new(&config, &ApiSecret::new(secret).unwrap(), mode, None);
        made.map(|list| assert!(!format!("{list:?}").contains("planted"))).map_err(|error| error.path)
    };
    assert_eq!(key("rk_live_planted", Mode::Live), Ok(()));
    for (secret, mode) in
        [("rk_live_planted", Mode::Test), ("rk_test_planted", Mode::Live), ("whsec_planted", Mode::Test)]
    {
        assert_eq!(key(secret, mode), Err("secret".to_owned()));
    }
}
