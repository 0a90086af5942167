//! A blocking event whose pointer is wrong bars nothing, and nobody hears of it. So each one that a preset names is tried with a
//! body in the form of the provider's own documentation (the pages stand in `src/preset/reversals.rs`), against the shipped
//! configuration: its bar must lie on the very key that the paying rule derives.

use std::collections::{BTreeMap, BTreeSet};

use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::preset::{self, Preset};
use payonce_providers::{Block, Misfit, NoPayout, Provider, ProviderConfig, RouteContext, Routed, unbarred};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::damage::parse_with;
use crate::presets::{TEST, sample};
use crate::{TOML, config};

/// The sandbox's tables, each of which is shipped to be copied.
fn shipped() -> BTreeMap<String, ProviderConfig> {
    let text = include_str!("../../../../infra/local/payonce.toml");
    let whole: toml::Table = toml::from_str(text).unwrap();
    whole["providers"].clone().try_into().unwrap()
}

/// By the table of this name, whose secret's form is the scheme's.
fn route(table: &str, body: &Value) -> Routed {
    let config = &shipped()[table];
    let provider = Provider::new(table, config).unwrap();
    provider.route(&parse_with(&provider, sample(&config.scheme).secret, body)[0], &TEST)
}

fn barred(table: &str, body: &Value) -> Block {
    match route(table, body) {
        Routed::Block(block) => block,
        other => panic!("{table}: bars nothing: {other:?}\n{body}"),
    }
}

/// What a table pays for, and what takes it back, by the table that it comes to.
#[derive(Deserialize)]
struct Tried {
    pays: Value,
    bars: BTreeMap<String, Vec<Value>>,
}

fn tried() -> BTreeMap<String, Tried> {
    serde_json::from_str(include_str!("../reversals.json")).unwrap()
}

/// The body that this table's blocking event has in the file, by a text that it holds.
fn one(table: &str, text: &str) -> Value {
    let mut bodies = tried().into_values().filter_map(|mut tried| tried.bars.remove(table)).flatten();
    bodies.find(|body| body.to_string().contains(text)).unwrap()
}

#[test]
fn the_bar_of_each_blocking_event_lies_on_the_key_that_its_rule_pays() {
    for (table, Tried { pays, bars }) in tried() {
        let Routed::Order(order) = route(&table, &pays) else { panic!("{table}: {:?}", route(&table, &pays)) };
        for (from, bodies) in bars {
            for body in bodies {
                assert_eq!(barred(&from, &body).key, order.key, "{from}: {body}");
            }
        }
    }
}

/// A body for each, and each in the shipped configuration, with the pointer and the condition that the preset knows.
#[test]
fn every_blocking_event_of_a_preset_is_shipped_and_tried() {
    let shipped = shipped();
    let mut tried_types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, bodies) in tried().into_values().flat_map(|tried| tried.bars) {
        let config = &shipped[&table];
        let provider = Provider::new(&table, config).unwrap();
        let events = bodies.iter().flat_map(|body| parse_with(&provider, sample(&config.scheme).secret, body));
        tried_types.entry(config.scheme.clone()).or_default().extend(events.map(|event| event.event_type));
    }
    for preset in preset::ALL {
        let known: BTreeSet<String> = preset.blocks.iter().map(|block| block.event.to_owned()).collect();
        assert_eq!(tried_types.remove(preset.name).unwrap_or_default(), known, "{}", preset.name);
        // Either there are some, or it is said why there are none.
        assert_eq!(preset.blocks.is_empty(), preset.no_blocks.is_some(), "{}", preset.name);
        let tables = shipped.values().filter(|config| config.scheme == preset.name);
        let written = tables.flat_map(|config| &config.blocks).map(|block| {
            let when = block.when.iter().map(|(at, expected)| (at.clone(), expected.pays()[0].to_string())).next();
            (block.event.clone(), block.key.as_slice().to_vec(), when, block.subject.clone())
        });
        let owned = |(at, value): (&str, &str)| (at.to_owned(), value.to_owned());
        let known = preset.blocks.iter().map(|block| {
            let subject = block.subject.map(str::to_owned);
            (block.event.to_owned(), vec![block.payment.to_owned()], block.when.map(owned), subject)
        });
        assert_eq!(written.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>(), "{}", preset.name);
    }
}

/// What GoCardless itself tries again may be confirmed yet; an outgoing payment that was returned is none that came in.
#[test]
fn bars_nothing_while_the_provider_says_that_nothing_is_lost() {
    let nothing = |table: &str, text: &str, at: &str, value: Value| {
        let mut body = one(table, text);
        *body.pointer_mut(at).unwrap() = value;
        assert!(matches!(route(table, &body), Routed::NoPayout(NoPayout::WhenNotMet)), "{body}");
    };
    nothing("gocardless", "will_attempt_retry", "/events/0/details/will_attempt_retry", json!(true));
    nothing("modern_treasury", "returned", "/data/object", json!("payment_order"));
    nothing("adyen", "REFUND", "/notificationItems/0/NotificationRequestItem/success", json!("false"));
}

/// They are one case: by the id of the refund or dispute, and not by the event's.
#[test]
fn the_events_of_one_refund_or_dispute_name_it_alike() {
    let subjects = |table: &str| {
        let bodies = tried().into_values().filter_map(|mut tried| tried.bars.remove(table)).flatten();
        let subjects = bodies.filter_map(|body| barred(table, &body).subject);
        subjects.collect::<Vec<_>>()
    };
    assert_eq!(subjects("razorpay"), ["x_9"; 2]);
    assert_eq!(subjects("mollie"), ["re_9"; 3]);
    assert_eq!(subjects("checkout"), ["dsp_9"; 2]);
    assert_eq!(subjects("adyen"), ["OTHER00000000009"; 5]);
    // What cannot be read is no reason not to bar.
    for odd in [Value::Null, json!({}), json!("two words"), json!("x".repeat(300))] {
        let mut body = one("razorpay", "refund.created");
        body["payload"]["refund"]["entity"]["id"] = odd;
        assert_eq!(barred("razorpay", &body).subject, None);
    }
}

/// A thin event names the refund and not the payment: nothing can be barred by it, and that is said.
#[test]
fn a_thin_event_of_a_refund_is_a_case() {
    let mut thin = one("mollie", "refund.pending");
    thin.as_object_mut().unwrap().remove("_embedded");
    let Routed::Misfit(Misfit { reason, problem, shared, .. }) = route("mollie", &thin) else { panic!("silent") };
    assert_eq!(reason, Reason::InvalidEvent);
    assert!(problem.contains("/_embedded/entity/paymentId is missing"), "{problem}");
    assert!(shared.is_some(), "one case for all of them");
}

const BLOCK: &str = "[[blocks]]\nevent = 'charge.refunded'\nkey = '/data/object/payment_intent'";

fn refund(name: &str, value: Value) -> Value {
    let mut event = one("stripe", "charge.refunded");
    event["livemode"] = true.into();
    event[name] = value;
    event
}

/// What a trial or a stranger's account gives back is not what we pay out, even where its id is that of one of our payments. In
/// doubt it bars.
#[test]
fn a_refund_of_another_mode_or_account_bars_nothing_and_is_one_case() {
    let live = RouteContext { rail_mode: Mode::Live, ..TEST };
    let routed = |lines: &str, body: &Value| {
        let provider = Provider::new("stripe", &config(&format!("{TOML}\n{lines}\n{BLOCK}"))).unwrap();
        provider.route(&parse_with(&provider, "whsec_1", body)[0], &live)
    };
    let allows = "allow_connected_accounts = true";
    assert!(matches!(routed("", &refund("livemode", json!(true))), Routed::Block(_)));
    for (name, value) in
        [("livemode", json!(false)), ("account", json!("acct_1Other")), ("context", json!("acct_1Other"))]
    {
        let Routed::Misfit(Misfit { reason, problem, key, shared, .. }) = routed("", &refund(name, value.clone()))
        else {
            panic!("{name} bars")
        };
        assert_eq!((reason, key), (Reason::InvalidEvent, None));
        assert!(problem.starts_with(&format!("blocks[0]: /{name} ")), "{problem}");
        assert_eq!(shared.unwrap().len(), 3, "{name}");
        let is_paid_for_too = name != "livemode";
        assert_eq!(matches!(routed(allows, &refund(name, value)), Routed::Block(_)), is_paid_for_too, "{name}");
    }
    for odd in [Value::Null, json!("true"), json!(1)] {
        assert!(matches!(routed("", &refund("livemode", odd)), Routed::Block(_)), "in doubt it bars");
    }
    // A merchant chooses Paystack's references, so a trial may have the one of a live payment.
    let text = "scheme = 'paystack'\nsecrets = ['env:A']\nmode = 'live'\n[[blocks]]\nevent = 'refund.pending'\n\
                key = '/data/transaction_reference'";
    let provider = Provider::new("paystack", &config(text)).unwrap();
    let of_domain = |domain: &str| {
        let mut body = one("paystack", "refund.pending");
        body["data"]["domain"] = domain.into();
        provider.route(&parse_with(&provider, sample("paystack").secret, &body)[0], &live)
    };
    assert!(matches!(of_domain("test"), Routed::Misfit(_)) && matches!(of_domain("live"), Routed::Block(_)));
}

fn shop(namespace: &str, topic: &str, rest: &str) -> ProviderConfig {
    config(&format!(
        "scheme = 'shopify'\nnamespace = '{namespace}'\nmode = 'test'\nsecrets = ['env:A']\nevent_type = '{topic}'\n{rest}"
    ))
}

const PAYS: &str = "[[payouts]]\nevent = 'orders/paid'\nkey = '/id'\namount = '/total_price'\ncurrency = '/currency'\n\
                    destination = '/to'\ndestination_pattern = '^a$'";
const REFUNDS: &str = "[[blocks]]\nevent = 'refunds/create'\nkey = '/order_id'";

#[test]
fn check_says_where_nothing_bars_and_where_a_bar_is_met_by_no_rule() {
    let said = |tables: &[(&str, &ProviderConfig)]| {
        let found = unbarred(tables.iter().copied());
        found.into_iter().map(|found| format!("{}: {}", found.path, found.problem)).collect::<Vec<_>>()
    };
    let pays = shop("shop", "orders/paid", PAYS);
    let [alone] = &said(&[("one", &pays)])[..] else { panic!("one warning") };
    assert!(
        alone.starts_with("providers.one.blocks: none") && alone.contains("refunds/create, orders/cancelled"),
        "{alone}"
    );
    let refunds = shop("shop", "refunds/create", REFUNDS);
    assert_eq!(said(&[("one", &pays), ("two", &refunds)]), [""; 0], "a block of another table counts");
    let elsewhere = shop("other", "refunds/create", REFUNDS);
    let apart = said(&[("one", &pays), ("two", &elsewhere)]);
    assert_eq!(apart.len(), 2);
    assert!(apart[1].starts_with("providers.two.blocks: bar nothing"), "{}", apart[1]);
    assert_eq!(said(&[("one", &config(TOML))]).len(), 1);
    assert!(Preset::by_name("svix").unwrap().blocks.is_empty());
    let svix = config(&TOML.replace("scheme = \"stripe\"", "scheme = \"svix\"\nmode = \"test\""));
    assert_eq!(said(&[("one", &svix)]), [""; 0], "nobody knows the sender's events");
}

fn stripe(event: &str, key: &str, block: &str) -> ProviderConfig {
    let text = format!("{TOML}\n{BLOCK}\n{block}").replace("payment_intent.succeeded", event);
    config(&text.replace("key = \"/data/object/id\"", &format!("key = \"{key}\"")))
}

/// A refund bars its payment intent, and the rule pays an invoice: given back, and paid.
#[test]
fn check_names_a_block_whose_key_is_no_rules() {
    let said = |tables: &[(&str, &ProviderConfig)]| {
        let found = unbarred(tables.iter().copied());
        found.into_iter().map(|found| format!("{}: {}", found.path, found.problem)).collect::<Vec<_>>()
    };
    let intents = stripe("payment_intent.succeeded", "/data/object/id", "");
    assert_eq!(said(&[("stripe", &intents)]), [""; 0]);
    let invoices = stripe("invoice.paid", "/data/object/id", "");
    let [invoice] = &said(&[("stripe", &invoices)])[..] else { panic!("one warning") };
    let of_key = "providers.stripe.blocks[0].key: names another object than the key of invoice.paid (/data/object/id)";
    assert!(invoice.starts_with(of_key), "{invoice}");
    // An event of which nothing is known may name the payment.
    assert_eq!(said(&[("stripe", &stripe("transfer.created", "/data/object/id", ""))]), [""; 0]);
    // One part is never two.
    let mut parts = intents.clone();
    parts.payouts[0].key = toml::Value::from(vec!["/data/object/id", "/data/object/currency"]).try_into().unwrap();
    assert_eq!(said(&[("stripe", &parts)]).len(), 1);
    // Blocks at one of two namespaces bar nothing of the other.
    let mut other = intents.clone();
    other.blocks.clear();
    let [apart] = &said(&[("one", &intents), ("two", &other)])[..] else { panic!("one warning") };
    assert!(apart.starts_with("providers.two.blocks: none"), "{apart}");
}

/// What was paid under the former key is given back under it, too.
#[test]
fn check_asks_for_a_blocks_former_key_where_its_rule_has_another() {
    let said = |rule: &str, block: &str| {
        let mut config = stripe("payment_intent.succeeded", "/data/object/metadata/order", block);
        config.payouts[0].formerly = toml::from_str::<ProviderConfig>(&format!(
            "scheme = 'stripe'\nsecrets = []\n[[payouts]]\nevent = 'x'\nkey = '/k'\namount = '/a'\ncurrency = 'EUR'\n\
             destination = '/d'\nformerly = [{rule}]"
        ))
        .unwrap()
        .payouts[0]
            .formerly
            .clone();
        config.blocks[0].key = toml::Value::from("/data/object/metadata/order").try_into().unwrap();
        let found = unbarred([("stripe", &config)]);
        found.into_iter().map(|found| found.path).filter(|path| path.ends_with("formerly")).count()
    };
    let by = |key: &str| format!("{{ namespace = 'stripe', event = 'payment_intent.succeeded', key = '{key}' }}");
    let rule = by("/data/object/id");
    assert_eq!(said(&rule, ""), 1);
    assert_eq!(said(&rule, &format!("formerly = [{}]", by("/data/object/payment_intent"))), 0);
    assert_eq!(said("", ""), 0);
    assert_eq!(said(&by("/data/object/metadata/order"), ""), 0, "of another namespace alone");
}

/// A topic that never comes to this endpoint would pay, or bar, nothing for ever.
#[test]
fn refuses_a_rule_or_block_of_another_topic_than_its_endpoints() {
    let paths = |config: &ProviderConfig| match Provider::new("x", config) {
        Ok(_) => vec![],
        Err(errors) => errors.into_iter().map(|error| error.path).collect::<Vec<_>>(),
    };
    assert_eq!(paths(&shop("shop", "refunds/create", REFUNDS)), [""; 0]);
    assert_eq!(paths(&shop("shop", "orders/paid", REFUNDS)), ["providers.x.blocks[0].event"]);
    assert_eq!(paths(&shop("shop", "orders/create", PAYS)), ["providers.x.payouts[0].event"]);
}
