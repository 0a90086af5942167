//! The saved query of a payout finds every line about it: each function's lines carry what it filters by.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use payonce_ledger::RefusalNote;
use payonce_local::hand::end_by_two;
use payonce_local::sender::{Expected, Payout};
use payonce_local::stack::{Options, Stack};
use payonce_protocol::case::Ending;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::{Destination, EventId, PayoutKey};
use payonce_runtime::clock::Clock;
use payonce_runtime::telemetry::{Captured, Level, subscriber};
use serde_json::{Value, json};

const QUERY: &str = include_str!("../../queries/payout.txt");
const GOOD: &str = "acct_1Payee";

/// What the query keeps: a field of the line, or a text anywhere in it.
struct Filter {
    field: String,
    text: String,
}

impl Filter {
    /// As it is written. A condition of another kind is not known here.
    fn of(query: &str) -> Self {
        let mut commands = query.lines().filter(|line| !line.starts_with('#'));
        let filter = commands.find_map(|line| line.strip_prefix("| filter ")).unwrap();
        let (field, text) = filter.split_once(" or ").unwrap();
        let (field, value) = field.split_once(" = ").unwrap();
        let text = text.strip_prefix("@message like '").unwrap().strip_suffix('\'').unwrap();
        assert_eq!(value, "'PAYOUT_KEY'");
        assert!(text.contains("PAYOUT_KEY"), "{text}");
        Self { field: field.to_owned(), text: text.to_owned() }
    }

    fn finds(&self, line: &Value, key: &str) -> bool {
        line[self.field.as_str()] == key || line.to_string().contains(&self.text.replace("PAYOUT_KEY", key))
    }
}

fn event(stack: &Stack, name: &str, payee: &str, minor: u64) -> Value {
    let sample = include_str!("../../../events/stripe/payment_intent.succeeded.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["id"] = json!(format!("evt_{name}"));
    event["created"] = json!(stack.clock.now() / 1000);
    event["data"]["object"]["id"] = json!(format!("pi_{name}"));
    event["data"]["object"]["metadata"]["payee"] = json!(payee);
    event["data"]["object"]["latest_charge"] = json!(format!("ch_{name}_{minor}eur"));
    event["data"]["object"]["amount_received"] = json!(minor);
    event
}

async fn send(stack: &Stack, event: &Value) {
    let payout = Payout { key: String::new(), amount: 0, currency: String::new(), payee: String::new() };
    stack.sender.deliver(event, Expected::Payout(payout)).await.unwrap();
}

fn key(name: &str) -> PayoutKey {
    PayoutKey::new(format!("stripe/pi_{name}")).unwrap()
}

/// Plays what each function has a line for.
async fn played(stack: &Stack) {
    for (name, payee) in [("paid", GOOD), ("refused", "acct_sandboxRefuses"), ("unknown", "acct_sandboxDies")] {
        send(stack, &event(stack, name, payee, 4_200)).await;
    }
    send(stack, &event(stack, "paid", GOOD, 4_200)).await;
    send(stack, &event(stack, "paid", GOOD, 9_900)).await;
    // Two events of one payout, and one that no rule allows.
    let mut second = event(stack, "paid", GOOD, 4_200);
    second["id"] = json!("evt_second");
    send(stack, &second).await;
    send(stack, &event(stack, "large", GOOD, 900_000_000_000)).await;
    let mut refund: Value = serde_json::from_str(include_str!("../../../events/stripe/charge.refunded.json")).unwrap();
    refund["id"] = json!("evt_refund");
    refund["created"] = json!(stack.clock.now() / 1000);
    refund["data"]["object"]["payment_intent"] = json!("pi_paid");
    send(stack, &refund).await;
    // People: an ending of an event without an attempt, by payer.
    let large = stack.ledger.cases_of_key("stripe/pi_large").await.unwrap().remove(0).case.id();
    end_by_two(stack, &large, Ending::NotPaid).await.unwrap();
    send(stack, &event(stack, "large", GOOD, 900_000_000_000)).await;
    let refused = stack.ledger.cases_of_key("stripe/pi_refused").await.unwrap().remove(0).case.id();
    end_by_two(stack, &refused, Ending::PaidElsewhere).await.unwrap();
    // Held, and one that never came back.
    let now = stack.clock.now();
    stack.ledger.set_hold(Hold::Refuse, "olu", "closed", now).await.unwrap();
    send(stack, &event(stack, "held", GOOD, 4_200)).await;
    let note = RefusalNote {
        key: key("gone"),
        event: EventId::new("evt_gone").unwrap(),
        provider: "stripe".to_owned(),
        money: payonce_protocol::money::Money::new(4_200, 2, "EUR".parse().unwrap()).unwrap(),
        destination: Destination::new(GOOD).unwrap(),
        refused_at: now,
        final_after: now,
    };
    stack.ledger.note_refusal(&note).await.unwrap();
    stack.ledger.set_hold(Hold::Pay, "olu", "open", stack.clock.now()).await.unwrap();
    send(stack, &event(stack, "lost", GOOD, 4_200)).await;
    assert!(stack.rail.change("stripe/pi_lost", |_| None));
    stack.sweep_as_if_in(5).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    stack.reconcile().await.unwrap();
}

/// Whatever the tables call a payout, its attempts, events and cases, by that name.
async fn names(stack: &Stack) -> BTreeMap<String, BTreeSet<String>> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in ["paid", "refused", "unknown", "large", "held", "gone", "lost"] {
        let key = key(name);
        let payout = stack.ledger.payout(&key).await.unwrap();
        let attempts = payout.attempts.iter().flat_map(|attempt| {
            let claim = &attempt.claim;
            [claim.attempt_id.to_string(), claim.event.to_string(), claim.rail_key.clone()]
        });
        let cases = stack.ledger.cases_of_key(key.as_str()).await.unwrap();
        let cases = cases.iter().flat_map(|filed| {
            [Some(filed.case.id().to_string()), filed.case.event.as_ref().map(ToString::to_string)]
                .into_iter()
                .flatten()
        });
        for id in attempts.chain(cases).chain([key.to_string()]) {
            names.entry(id).or_default().insert(key.to_string());
        }
    }
    names
}

fn texts(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(all.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| texts(value, all)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, all)),
        _ => {}
    }
}

#[tokio::test]
async fn query_of_a_payout_finds_every_line_that_names_it_in_any_function() {
    let (log, measured) = (Captured::default(), Captured::default());
    tracing::subscriber::set_global_default(subscriber(Level::Info, Clock::system(), log.clone())).unwrap();
    let lines = measured.clone();
    let metrics = Box::new(move |line: &str| writeln!(lines.clone(), "{line}").unwrap());
    let stack = Stack::start(Options { port: 0, data: None, metrics }).await.unwrap();
    played(&stack).await;
    let (filter, names) = (Filter::of(QUERY), names(&stack).await);
    let is_functions = |line: &Value| line["target"].as_str().is_none_or(|target| !target.starts_with("dynoxide"));
    let lines: Vec<Value> = log.lines().into_iter().chain(measured.lines()).filter(is_functions).collect();
    let (mut found, mut told) = (0, BTreeSet::new());
    for line in &lines {
        let mut said = BTreeSet::new();
        texts(line, &mut said);
        for (id, keys) in names.iter().filter(|(id, _)| said.contains(*id)) {
            assert!(keys.iter().any(|key| filter.finds(line, key)), "{id} of {keys:?} is not found in {line}");
            found += 1;
            let target = line["target"].as_str().unwrap_or("measured");
            told.insert(target.split("::").next().unwrap().to_owned());
        }
    }
    for function in ["webhook", "payonce_attempt", "sweeper", "payer", "reconciler", "payonce_ledger", "measured"] {
        assert!(told.contains(function), "no line of {function} names a payout: {told:?}");
    }
    assert!(found > 50, "{found}");
    let roots: BTreeSet<&str> = lines.iter().filter_map(|line| line["steps"]["name"].as_str()).collect();
    assert_eq!(roots, ["delivery", "reconciliation", "sweep"].into(), "what was not plain tells its steps");
    // A key that begins alike is another's.
    let other = json!({ "payout_key": "stripe/pi_paid2", "events": [{ "payout_key": "stripe/pi_paid2" }] });
    assert!(!filter.finds(&other, "stripe/pi_paid"));
}
