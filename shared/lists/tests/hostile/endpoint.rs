//! Whether Stripe sends here, by its own word.

use std::collections::BTreeSet;

use payonce_lists::{Gap, ListConfig, NotSent, ProviderList};
use payonce_protocol::order::Mode;
use payonce_wire::ApiSecret;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};
use crate::{AMPLE, SECRET};

const OURS: &str = "https://hooks.example.com/webhooks/stripe";

fn asked(pages: Vec<Value>) -> (Result<Vec<NotSent>, Gap>, Vec<String>) {
    let mut pages = pages.into_iter();
    let sandbox = Sandbox::start(move |request| {
        assert_eq!((request.method.as_str(), request.path().as_str()), ("GET", "/v1/webhook_endpoints"));
        pages.next().map(|page| Answer::json(200, page))
    });
    let config = json!({"kind": "stripe", "url": sandbox.url(), "secret": "env:LIST", "endpoint": OURS});
    let config: ListConfig = serde_json::from_value(config).unwrap();
    let list = ProviderList::new(&config, &ApiSecret::new(SECRET).unwrap(), Mode::Test, None).unwrap();
    let types = BTreeSet::from(["payment_intent.succeeded".to_owned(), "charge.refunded".to_owned()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(list.not_sent(&types, AMPLE)).unwrap();
    (found, sandbox.requests().into_iter().map(|request| request.target).collect())
}

fn endpoint(id: &str, url: &str, status: &str, types: &[&str]) -> Value {
    json!({"id": id, "object": "webhook_endpoint", "url": url, "status": status, "enabled_events": types})
}

fn page(endpoints: &[Value], has_more: bool) -> Value {
    json!({"object": "list", "data": endpoints, "has_more": has_more})
}

#[test]
fn an_enabled_endpoint_that_takes_every_type_sends_here() {
    let other = endpoint("we_1", "https://elsewhere.example.com", "disabled", &["*"]);
    for types in [&["*"][..], &["charge.refunded", "payment_intent.succeeded"]] {
        let slash = format!("{OURS}/");
        let pages =
            vec![page(std::slice::from_ref(&other), true), page(&[endpoint("we_2", &slash, "enabled", types)], false)];
        let (found, targets) = asked(pages);
        assert_eq!(found, Ok(vec![]));
        assert_eq!(targets[1], "/v1/webhook_endpoints?limit=100&starting_after=we_1");
    }
}

#[test]
fn names_whatever_keeps_events_away() {
    let of = |status, types: &[&str]| asked(vec![page(&[endpoint("we_1", OURS, status, types)], false)]).0;
    assert_eq!(asked(vec![page(&[], false)]).0, Ok(vec![NotSent::NotRegistered]));
    assert_eq!(of("disabled", &["*"]), Ok(vec![NotSent::Disabled]));
    assert_eq!(of("a new word", &["*"]), Ok(vec![NotSent::Disabled]));
    let kind = NotSent::Type("charge.refunded".to_owned());
    assert_eq!(of("enabled", &["payment_intent.succeeded"]), Ok(vec![kind]));
}

#[test]
fn what_is_not_as_documented_says_nothing() {
    let mut bare = endpoint("we_1", OURS, "enabled", &["*"]);
    bare.as_object_mut().unwrap().remove("status");
    assert_eq!(asked(vec![page(&[bare], false)]).0, Err(Gap::Unreadable));
    assert_eq!(asked(vec![page(&[], true)]).0, Err(Gap::Circle));
    let full = page(&[endpoint("we_1", "https://elsewhere.example.com", "enabled", &["*"])], true);
    assert_eq!(asked(vec![full; 9]).0, Err(Gap::TooLong(5)));
    assert!(matches!(asked(vec![]).0, Err(Gap::NoAnswer(_))));
}
