//! Pages of what others have: a rail's books, a provider's list, the state of a source payment. The name of who answers with
//! `200`, headers, a body.
//!
//! * A payout of a rail's books has the sum and the id that stand in its item, and each item is one payout.
//! * What a provider lists holds, letter for letter, the item that the provider wrote.
//! * A source payment counts as paid only where the answer says so of this payment.
//! * A page of which one thing is not as documented is none: it is never a shorter page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Response;
use payonce_lists::{ListConfig, ProviderList, Source, SourceConfig};
use payonce_protocol::order::Mode;
use payonce_rails::RailSecret;
use serde_json::Value;
use serde_json::value::RawValue;
use toml::Table;

use crate::answers::{RAILS, answer};

struct List {
    name: &'static str,
    list: ProviderList,
    items: &'static str,
}

static LISTS: LazyLock<[List; 3]> = LazyLock::new(|| {
    let stripe = "kind = 'stripe'\nurl = 'https://api.stripe.com'\nsecret = 'env:LIST'\n";
    let described = |text: &str, name: &str| -> ListConfig {
        let table: Table = toml::from_str(text).unwrap();
        table["providers"][name]["list"].clone().try_into().unwrap()
    };
    let list = |name, config: &ListConfig, items| {
        let secret = RailSecret::new("rk_test_planted_list_secret").unwrap();
        List { name, list: ProviderList::new(config, &secret, Mode::Test, None).unwrap(), items }
    };
    [
        list("stripe-events", &toml::from_str(stripe).unwrap(), "/data"),
        list("gocardless", &described(include_str!("../../../infra/lists/gocardless.toml"), "gocardless"), "/events"),
        list("square", &described(include_str!("../../../infra/lists/square.toml"), "square"), "/payments"),
    ]
});

const SOURCE: &str = r#"
url = "https://api.stripe.com"
path = "/v1/payment_intents/{object}"
secret = "env:SOURCE"
object = "/data/object/id"
must_hold = { "/id" = "{object}", "/status" = "succeeded" }
blocks = ["/latest_charge/refunded", "/latest_charge/disputed", "/latest_charge/amount_refunded"]
"#;

static A_SOURCE: LazyLock<Source> = LazyLock::new(|| {
    let config: SourceConfig = toml::from_str(SOURCE).unwrap();
    Source::new(&config, &RailSecret::new("rk_test_planted_source_secret").unwrap(), None).unwrap()
});

pub fn run(input: &[u8]) {
    let Some((name, answer)) = answer(input) else { return };
    if let Some(known) = RAILS.iter().find(|known| known.name == name) {
        books(known, &answer);
    } else if let Some(list) = LISTS.iter().find(|list| list.name == name) {
        listed(list, &answer);
    } else if name == "source" {
        source(answer.body());
    }
}

fn books(known: &crate::answers::Known, answer: &Response<Bytes>) {
    let Some(payouts) = known.rail.read_page(answer) else { return };
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let items = ["/data", "/items", ""].iter().find_map(|at| body.pointer(at)?.as_array()).unwrap();
    assert_eq!(items.len(), payouts.len(), "an item is no payout");
    for (item, payout) in items.iter().zip(&payouts) {
        assert_eq!(whole(&item["amount"]), Some(payout.amount));
        assert!(!payout.id.is_empty());
        assert_eq!(item["currency"].as_str().map(str::to_ascii_uppercase).as_deref(), Some(&*payout.currency));
    }
}

/// A whole number, or its digits as a text.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn listed(List { name, list, items }: &List, answer: &Response<Bytes>) {
    let Some((events, next)) = list.read_page(answer) else { return };
    assert!(next.is_none_or(|next| next.bytes().all(|byte| byte.is_ascii_graphic())));
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(answer.body()).unwrap();
    let written: Vec<&RawValue> = serde_json::from_str(fields[&items[1..]].get()).unwrap();
    assert_eq!(written.len(), events.len(), "an item is no event");
    for (item, event) in written.iter().zip(&events) {
        assert!(event.body.contains(item.get()), "{name}: the item was written anew");
        assert!(serde_json::from_str::<&RawValue>(&event.body).is_ok(), "{name}: what is made of an item is no JSON");
        assert!(event.id.bytes().all(|byte| byte.is_ascii_graphic()) && !event.id.is_empty());
    }
}

fn source(body: &Bytes) {
    let Some(state) = A_SOURCE.read_answer("pi_1", body) else { return };
    let answer: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(state.paid, answer["id"] == "pi_1" && answer["status"] == "succeeded");
    let charge = &answer["latest_charge"];
    if state.blocked_by.is_empty() {
        let means_no = |value: &Value| matches!(written(value).as_str(), "null" | "false" | "0" | "\"\"" | "[]" | "{}");
        assert!(["refunded", "disputed", "amount_refunded"].iter().all(|name| means_no(&charge[*name])));
    }
    assert!(state.facts.values().all(|fact| fact.len() <= 64 && fact.bytes().all(|byte| byte.is_ascii_graphic())));
}

fn written(value: &Value) -> String {
    value.to_string()
}
