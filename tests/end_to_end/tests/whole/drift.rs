//! What providers change, and what they say of their own events: a field that is gone is not a "no", a trial is not paid with
//! real money, another account's event is not ours, and one event at two endpoints is paid as the user wrote it.

use payonce_protocol::fact::FactName;
use std::pin::pin;

use payer::Answer;
use payonce_end_to_end::{Desk, PAYEE, World, cut_after, key_of, payment};
use payonce_ledger::{Case, Filed, Standing};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::outcome::Reason;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

use crate::endings::its_time_is_over;

const BY_INVOICE: &str = r#"
[[providers.stripe.payouts]]
event = "invoice.paid"
key = "/data/object/id"
amount = "/data/object/amount_paid"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
when = { "/data/object/paid" = true }
"#;

async fn world() -> World {
    World::with(|text| format!("{text}\n{BY_INVOICE}")).await
}

/// As Stripe sends it since API version 2025-03-31, which dropped `paid`.
fn invoice(world: &World, name: &str) -> Value {
    json!({
        "id": format!("evt_{name}"), "object": "event", "api_version": "2025-03-31.basil", "type": "invoice.paid",
        "created": world.clock.now() / 1000, "livemode": false, "data": { "object": {
            "id": format!("in_{name}"), "object": "invoice", "amount_paid": 4200, "currency": "eur", "status": "paid",
            "metadata": { "payee": PAYEE }, "parent": null,
        }},
    })
}

async fn only_case(world: &World) -> Case {
    let mut cases = world.cases().await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    cases.remove(0)
}

/// What the case's history says of the events that share it.
async fn further(world: &World, case: &Case) -> Vec<(String, String)> {
    let history = world.ledger.history(&case.id()).await.unwrap();
    let events = history.into_iter().filter(|record| record.version.is_none());
    events
        .map(|record| {
            (
                record.facts.get(FactName::Event).unwrap().to_owned(),
                record.facts.get(FactName::PayoutKey).unwrap().to_owned(),
            )
        })
        .collect()
}

#[tokio::test]
async fn one_case_per_rule_and_problem_names_every_event() {
    let world = world().await;
    for name in ["one", "two", "three"] {
        for _ in 0..2 {
            let answer = world.deliver(&invoice(&world, name)).await;
            assert_eq!((answer.status, answer.outcome(), answer.reason()), (200, "filed", "invalid_event"));
        }
        let body = Digest::of(invoice(&world, name).to_string().as_bytes());
        assert!(world.ledger.body(body).await.unwrap().is_some(), "{name}: the body is kept");
    }
    assert_eq!(world.payout_requests(), 0);
    let case = only_case(&world).await;
    assert_eq!(case.details.get(FactName::Problem).unwrap(), "payouts[1]: /data/object/paid is not there");
    assert_eq!(case.event.as_ref().unwrap().as_str(), "evt_one");
    assert_eq!(case.key.as_ref().unwrap().as_str(), "stripe/in_one");
    assert_eq!(case.money.unwrap().to_string(), "42.00 EUR");
    assert_eq!(case.destination.as_ref().unwrap().as_str(), PAYEE);
    let mut events = further(&world, &case).await;
    events.sort();
    let named = |name: &str| (format!("evt_{name}"), format!("stripe/in_{name}"));
    assert_eq!(events, [named("three"), named("two")], "once each, however often they come");
    // Whoever looks for an event finds the case that speaks of it.
    for name in ["evt_one", "evt_two", "evt_three"] {
        let found = world.ledger.cases_of_event(name).await.unwrap();
        assert_eq!(found.iter().map(|found| found.case.id()).collect::<Vec<_>>(), [case.id()], "{name}");
    }
    // Another problem of the same rule is another case.
    let mut odd = invoice(&world, "odd");
    odd["data"]["object"]["paid"] = Value::Null;
    assert_eq!(world.deliver(&odd).await.outcome(), "filed");
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 2)].into());
}

#[tokio::test]
async fn many_events_at_once_share_a_case_and_none_is_lost() {
    let world = world().await;
    let events: Vec<Value> = (0..40).map(|number| invoice(&world, &format!("n{number}"))).collect();
    let answers = futures_util::future::join_all(events.iter().map(|event| world.deliver(event))).await;
    assert!(answers.iter().all(|answer| (answer.status, answer.outcome()) == (200, "filed")));
    let case = only_case(&world).await;
    assert_eq!(further(&world, &case).await.len(), 39);
}

#[tokio::test]
async fn a_case_of_a_rule_is_open_again_when_the_problem_comes_again() {
    let world = world().await;
    let mut desk = Desk::new();
    world.deliver(&invoice(&world, "one")).await;
    let case = only_case(&world).await;
    desk.ends(&world, &case.id(), Ending::NotPaid).await;
    assert!(world.cases().await.is_empty());
    world.deliver(&invoice(&world, "two")).await;
    assert_eq!(only_case(&world).await.id(), case.id());
    let seen = world.ledger.case(&case.id()).await.unwrap().unwrap();
    assert_eq!(seen.status, Status::Reopened);
    assert_eq!(further(&world, &case).await.len(), 1);
    assert_eq!(world.ledger.file_case(&case).await.unwrap(), Filed::Open);
}

/// The event's own record is durable before the 200, or the provider is asked to come again.
#[tokio::test]
async fn an_event_that_cannot_be_noted_beside_its_case_is_asked_for_again() {
    let world = world().await;
    world.deliver(&invoice(&world, "one")).await;
    let two = invoice(&world, "two");
    world.proxy.plan(100, "TransactWriteItems", "event#evt_two", Fault::SERVER_ERROR);
    let status = world.deliver(&two).await.status;
    world.proxy.forget();
    let case = only_case(&world).await;
    assert_eq!((status, further(&world, &case).await.len()), (503, 0));
    assert_eq!(world.deliver(&two).await.status, 200);
    assert_eq!(further(&world, &case).await.len(), 1);
}

/// An ending binds each event of a case that it shares: each has a case of its own before.
#[tokio::test]
async fn ends_a_shared_case_when_each_event_has_a_case_of_its_own() {
    let world = world().await;
    let mut desk = Desk::new();
    for name in ["one", "two", "three"] {
        world.deliver(&invoice(&world, name)).await;
    }
    let shared = only_case(&world).await;
    desk.proposes(&world, &shared.id(), Ending::PaidElsewhere).await;
    let ben = Desk::closes(&shared.id(), "ben");
    let Answer::Refused { why, .. } = desk.ask(&world, &ben).await else {
        panic!("its further event is bound by nothing")
    };
    assert_eq!(why, "spread");
    assert_eq!(world.cases().await.len(), 3);
    assert_eq!(desk.ask(&world, &ben).await, Answer::Closed { case: shared.id().to_string() });
    for case in world.cases().await {
        assert_eq!(case.id(), CaseId::new(Reason::InvalidEvent, &["stripe", case.event.as_ref().unwrap().as_str()]));
        assert_eq!((case.money, &case.destination), (shared.money, &shared.destination));
        let ended = desk.ends(&world, &case.id(), Ending::PaidElsewhere).await;
        assert_eq!(ended, Answer::Closed { case: case.id().to_string() });
        let standing = world.ledger.standing(case.key.as_ref().unwrap(), 1).await.unwrap();
        assert!(matches!(standing, Some(Standing::Closing(_))), "{standing:?}");
    }
    assert!(world.cases().await.is_empty());
}

/// At whatever moment of it: the event stands beside a case that is open, or has one of its own.
#[tokio::test]
async fn an_event_that_comes_while_its_case_is_ended_is_somebodys_to_decide() {
    let mut waits = 1;
    loop {
        let world = world().await;
        let mut desk = Desk::new();
        world.deliver(&invoice(&world, "one")).await;
        let shared = only_case(&world).await.id();
        desk.proposes(&world, &shared, Ending::NotPaid).await;
        let (ben, payer) = (Desk::closes(&shared, "ben"), desk.payer(&world));
        let mut closing = pin!(payer.answer(&ben, "1", world.clock.now() + 25_000));
        let whole = cut_after(waits, closing.as_mut()).await;
        assert_eq!(world.deliver(&invoice(&world, "two")).await.status, 200);
        if whole.is_none() {
            closing.await;
        }
        let is_beside = world.ledger.stands_beside(&shared).await.unwrap();
        let open = world.cases().await;
        let is_open = open.iter().any(|case| if is_beside { case.id() == shared } else { is_of(case, "evt_two") });
        assert!(is_open, "it came at wait {waits}; beside the case: {is_beside}");
        if whole.is_some() {
            break;
        }
        waits += 1;
    }
    assert!(waits > 5, "an ending waits more often than {waits} times");
}

fn is_of(case: &Case, event: &str) -> bool {
    case.event.as_ref().is_some_and(|one| one.as_str() == event)
}

/// A second case would let it be paid by hand twice.
#[tokio::test]
async fn one_case_for_an_event_that_was_refused_and_then_shared_one() {
    let by_status = BY_INVOICE.replace("/data/object/paid\" = true", "/data/object/status\" = \"paid\"");
    let mut world = World::with(|text| format!("{text}\n{by_status}")).await;
    let two = invoice(&world, "two");
    let now = world.clock.now();
    world.ledger.set_hold(Hold::Refuse, "a person", "a test", now).await.unwrap();
    world.restart_with(|text| format!("{text}\n{by_status}")).await;
    assert_eq!(world.deliver(&two).await.status, 503);
    world.ledger.set_hold(Hold::Pay, "a person", "a test", now).await.unwrap();
    world.restart_with(|text| format!("{text}\n{BY_INVOICE}")).await;
    for event in [&invoice(&world, "one"), &two] {
        assert_eq!(world.deliver(event).await.reason(), "invalid_event");
    }
    its_time_is_over(&world).await;
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 1)].into());
}

/// Its provider never comes again, and the note of it is all that there is.
#[tokio::test]
async fn an_event_noted_in_vain_stands_beside_its_case_after_a_sweep() {
    let world = world().await;
    world.deliver(&invoice(&world, "one")).await;
    world.proxy.plan(1000, "TransactWriteItems", "", Fault::SERVER_ERROR);
    let statuses =
        [world.deliver(&invoice(&world, "two")).await.status, world.deliver(&invoice(&world, "three")).await.status];
    world.proxy.forget();
    let case = only_case(&world).await;
    assert_eq!((statuses, further(&world, &case).await.len()), ([503, 503], 0));
    world.minutes_pass(5).await;
    assert_eq!(further(&world, &case).await.len(), 2);
}

#[tokio::test]
async fn pays_when_the_provider_says_so_and_nothing_when_it_says_no() {
    let world = world().await;
    let with = |name: &str, paid: bool| {
        let mut event = invoice(&world, name);
        event["data"]["object"]["paid"] = paid.into();
        event
    };
    assert_eq!(world.deliver(&with("no", false)).await.outcome(), "no_payout");
    assert_eq!(world.deliver(&with("yes", true)).await.outcome(), "accepted");
    let mut odd = payment("odd", PAYEE, world.clock.now());
    odd["data"]["object"]["status"] = "SUCCEEDED".into();
    assert_eq!(world.deliver(&odd).await.outcome(), "filed");
    assert_eq!((world.payout_requests(), world.cases().await.len()), (1, 1));
}

async fn shop() -> World {
    World::of_own("shopify", |text| text).await
}

/// The rail's key is a test key here. That an order is no trial does not make its shop's money real; a mark that cannot be read
/// is a case.
#[tokio::test]
async fn an_order_whose_mark_cannot_be_read_is_a_case() {
    for (test, outcome) in
        [(json!(true), "accepted"), (json!(false), "accepted"), (Value::Null, "filed"), (json!("true"), "filed")]
    {
        let world = shop().await;
        let created = jiff::Timestamp::from_millisecond(world.clock.now() as i64).unwrap();
        let order = json!({
            "id": 820_000_000_000_u64, "confirmation_number": "W0RKSH0P", "created_at": created.to_string(),
            "currency": "USD", "financial_status": "paid", "total_price": "10.10", "test": test,
            "note_attributes": [{ "name": "payee", "value": PAYEE }],
        });
        assert_eq!(world.deliver(&order).await.outcome(), outcome, "{test}");
        assert_eq!(world.payout_requests(), u64::from(outcome == "accepted"));
    }
}

#[tokio::test]
async fn an_organisations_event_is_a_case_as_a_connected_accounts_is() {
    let world = World::start().await;
    for (name, value, outcome) in [
        ("context", json!("acct_1OtherWorkshop"), "filed"),
        ("account", json!("acct_1OtherWorkshop"), "filed"),
        ("context", Value::Null, "accepted"),
    ] {
        let mut event = payment(&format!("{name}{outcome}"), PAYEE, world.clock.now());
        event[name] = value;
        assert_eq!(world.deliver(&event).await.outcome(), outcome, "{name}");
    }
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 2)].into());
}

/// The sandbox's Stripe, and a second endpoint of the same account.
fn two_tables(text: &str, first: &str, second: &str) -> String {
    let stripe =
        text.split_once("[providers.stripe]").unwrap().1.split_once("[providers.standard_webhooks]").unwrap().0;
    let namespace = |name: &str| format!("scheme = \"stripe\"\nnamespace = \"{name}\"");
    let added =
        stripe.replace("providers.stripe.", "providers.again.").replace("scheme = \"stripe\"", &namespace(second));
    let text = text.replace("scheme = \"stripe\"", &namespace(first));
    format!("{text}\n[providers.again]{added}")
}

#[tokio::test]
async fn one_event_at_two_endpoints_of_one_namespace_is_paid_once() {
    for (first, second) in [("stripe", "again"), ("again", "stripe")] {
        let change = |text: String| two_tables(&text, "stripe", "stripe");
        let mut world = World::of(first, change).await;
        let event = payment("both", PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.outcome(), "accepted");
        world.switch_to(second, "PAYONCE_SANDBOX_STRIPE", change).await;
        assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
        assert_eq!((world.payout_requests(), world.cases().await.len()), (1, 0));
        let standing = world.ledger.standing(&key_of(&event), 1).await.unwrap();
        let Some(Standing::Claim(claim)) = standing else { panic!("no claim") };
        assert_eq!(claim.provider, first);
    }
}

#[tokio::test]
async fn one_event_at_two_endpoints_of_two_namespaces_is_paid_at_each_as_written() {
    let change = |text: String| two_tables(&text, "one", "two");
    let mut world = World::of("stripe", change).await;
    let event = payment("both", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    world.switch_to("again", "PAYONCE_SANDBOX_STRIPE", change).await;
    let mut other = event.clone();
    other["data"]["object"]["latest_charge"] = payment("other", PAYEE, 0)["data"]["object"]["latest_charge"].clone();
    assert_eq!(world.deliver(&other).await.outcome(), "accepted");
}
