//! What a provider sends, and what it is told.

use std::sync::Arc;

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_ledger::write_units;
use payonce_protocol::outcome::{Outcome, Reason};
use serde_json::Value;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_redelivery_pays_nothing() {
    let world = World::start().await;
    let mut event = payment("once", PAYEE, world.clock.now());
    let first = world.deliver(&event).await;
    assert_eq!((first.status, first.outcome()), (200, "accepted"));
    assert_eq!(first.body["events"][0]["payout_key"], "stripe/pi_once");
    // A provider's redelivery is a new request with a new signature, and not even the same bytes.
    world.clock.advance(3_600_000);
    event["pending_webhooks"] = 0.into();
    let second = world.deliver(&event).await;
    assert_eq!((second.status, second.outcome()), (200, "duplicate"));
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
    assert_eq!(world.payout_requests(), 1);
    assert!(world.cases().await.is_empty());
}

#[tokio::test]
async fn the_rail_is_paid_what_the_event_says() {
    let world = World::start().await;
    let event = payment("exact", PAYEE, world.clock.now());
    world.deliver(&event).await;
    let [transfer] = &world.executed(&key_of(&event))[..] else { panic!("one transfer") };
    assert_eq!((transfer.amount, transfer.currency.as_str(), transfer.destination.as_str()), (4200, "eur", PAYEE));
}

#[tokio::test]
async fn pays_once_for_sixty_four_copies_at_once() {
    let world = Arc::new(World::start().await);
    let event = payment("storm", PAYEE, world.clock.now());
    let mut copies = JoinSet::new();
    for _ in 0..64 {
        let (world, event) = (world.clone(), event.clone());
        copies.spawn(async move { world.deliver(&event).await.status });
    }
    let answers = copies.join_all().await;
    assert_eq!(answers, vec![200; 64]);
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
    assert_eq!(world.payout_requests(), 1);
}

#[tokio::test]
async fn a_forged_delivery_touches_nothing() {
    let world = World::start().await;
    let event = payment("forged", PAYEE, world.clock.now());
    let body = event.to_string();
    let signed = world.provider.sign(&world.secrets, body.as_bytes(), world.clock.now());
    let raised = body.replacen("4200", "4201", 1);
    let mut late = signed.clone();
    late[0].1 = late[0].1.to_str().unwrap().replacen("t=1", "t=2", 1).parse().unwrap();
    for (body, headers) in [(raised.as_str(), signed), (&body, vec![]), (&body, late), ("", vec![])] {
        let answer = world.send(world.request_with(body.as_bytes(), headers)).await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(world.proxy.seen().len(), 0, "not even a read");
    assert_eq!(world.payout_requests(), 0);
}

#[tokio::test]
async fn a_body_above_the_limit_is_not_even_hashed() {
    let world = World::start().await;
    let answer = world.send(world.request(&vec![b' '; (1 << 20) + 1])).await;
    assert_eq!(answer.status, 413);
    assert_eq!(world.proxy.seen().len(), 0);
}

/// Claim, payout, outcome: three sequential trips after connecting; the body goes beside them. At most seven write units,
/// by AWS's rule over the bytes that were sent.
#[tokio::test]
async fn a_warm_delivery_makes_three_trips_and_writes_six_units() {
    let world = World::start().await;
    world.deliver(&payment("cold", PAYEE, world.clock.now())).await;
    let event = payment("warm", PAYEE, world.clock.now());
    let size = event.to_string().len();
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");

    let seen = world.proxy.seen();
    let puts_in = |table: &str| seen.iter().filter(|seen| seen.body["TableName"] == table).count();
    assert!(seen.iter().all(|seen| seen.target == "PutItem"), "only puts: {seen:?}");
    assert_eq!(puts_in(&world.tables.audit), 2, "a claim and an outcome");
    assert_eq!(puts_in(&world.tables.bodies), 1, "one body, beside them");
    assert_eq!(seen.len(), 3);
    assert_eq!(world.payout_requests(), 2, "one payout for each delivery");

    let units: usize = seen.iter().map(|seen| units_of(&seen.body["Item"])).sum();
    println!("{units} write units for an event of {size} bytes");
    assert_eq!(units, 6);
    assert!(size > 1_800, "the sample is as large as a real event: {size}");

    world.proxy.forget();
    world.deliver(&event).await;
    let seen = world.proxy.seen();
    assert_eq!(seen.len(), 1, "a duplicate is one conditional put");
    assert_eq!(write_units(item_bytes(&seen[0].body["Item"])), 1);
}

/// A claim is listed in three indexes too, each of which costs a unit of its own.
fn units_of(item: &Value) -> usize {
    let indexed = ["bucket", "event", "rail_key"].iter().filter(|name| item.get(**name).is_some()).count();
    write_units(item_bytes(item)) + indexed
}

/// Names and values as AWS counts them: texts and binaries by their bytes, numbers by half their digits and one more.
fn item_bytes(item: &Value) -> usize {
    fn value_bytes(value: &Value) -> usize {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value) {
            ("S", Value::String(text)) => text.len(),
            ("B", Value::String(text)) => text.trim_end_matches('=').len() * 3 / 4,
            ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
            ("M", Value::Object(map)) => {
                3 + map.iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>()
            }
            ("L", Value::Array(list)) => 3 + list.iter().map(|value| 1 + value_bytes(value)).sum::<usize>(),
            _ => 1,
        }
    }
    item.as_object().unwrap().iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

#[tokio::test]
async fn another_event_for_a_paid_key_is_a_case_once() {
    let world = World::start().await;
    let event = payment("twin", PAYEE, world.clock.now());
    world.deliver(&event).await;
    let mut twin = event.clone();
    twin["id"] = "evt_other".into();
    for _ in 0..3 {
        let answer = world.deliver(&twin).await;
        assert_eq!((answer.status, answer.reason()), (200, "second_event_for_key"));
    }
    assert_eq!(world.reasons().await, [(Reason::SecondEventForKey, 1)].into());
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
}

#[tokio::test]
async fn the_same_event_with_another_sum_or_payee_is_a_case_once() {
    let world = World::start().await;
    let event = payment("changed", PAYEE, world.clock.now());
    world.deliver(&event).await;
    let mut sum = event.clone();
    sum["data"]["object"]["amount_received"] = 4300.into();
    let mut payee = event.clone();
    payee["data"]["object"]["metadata"]["payee"] = "acct_other".into();
    let mut currency = event.clone();
    currency["data"]["object"]["currency"] = "usd".into();
    for changed in [&sum, &payee, &currency, &sum] {
        assert_eq!(world.deliver(changed).await.reason(), "conflicting_duplicate");
    }
    assert_eq!(world.reasons().await, [(Reason::ConflictingDuplicate, 3)].into());
    assert_eq!(world.payout_requests(), 1);
}

#[tokio::test]
async fn answers_duplicate_while_the_first_is_still_paying() {
    let world = Arc::new(World::start().await);
    let event = payment("slow", "acct_sandboxExecutesThenHangs", world.clock.now());
    let first = tokio::spawn({
        let (world, event) = (world.clone(), event.clone());
        async move { world.deliver(&event).await }
    });
    while world.payout_requests() == 0 {
        tokio::task::yield_now().await;
    }
    let second = world.deliver(&event).await;
    assert_eq!((second.status, second.outcome()), (200, "duplicate"));
    let first = first.await.unwrap();
    assert_eq!((first.status, first.outcome()), (200, "unknown"));
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
    assert_eq!(world.reasons().await, [(Reason::PayoutUnknown, 1)].into());
}

/// Every way in which the sandbox rail misbehaves: what we say of it, and what is true.
#[tokio::test]
async fn every_failure_of_the_rail_is_a_case_and_never_a_second_payout() {
    let world = World::start().await;
    for (payee, expected, executes) in [
        ("acct_sandboxRefuses", Outcome::Rejected, 0),
        ("acct_sandboxLimits", Outcome::Rejected, 0),
        ("acct_sandboxHtml", Outcome::Unknown, 0),
        ("acct_sandboxHangs", Outcome::Unknown, 0),
        ("acct_sandboxExecutesThenHangs", Outcome::Unknown, 1),
        ("acct_sandboxAnswers500", Outcome::Unknown, 0),
        ("acct_sandboxExecutesThen500", Outcome::Unknown, 1),
        ("acct_sandboxDies", Outcome::Unknown, 0),
        ("acct_sandboxExecutesThenDies", Outcome::Unknown, 1),
    ] {
        let event = payment(&payee["acct_".len()..], payee, world.clock.now());
        let key = key_of(&event);
        let before = world.payout_requests();
        let answer = world.deliver(&event).await;
        assert_eq!((answer.status, answer.outcome()), (200, expected.as_str()), "{payee}");
        assert_eq!(world.outcome(&key).await, Some(expected), "{payee}");
        assert_eq!(world.deliver(&event).await.outcome(), "duplicate", "{payee}");
        assert_eq!(world.payout_requests() - before, 1, "{payee}");
        assert_eq!(world.executed(&key).len(), executes, "{payee}");
        world.assert_at_most_once_and_never_lost(&key, payee).await;
    }
}

/// Without it nobody knows how much time there is, or by which name to ask Lambda about it.
#[tokio::test]
async fn refuses_a_delivery_without_lambdas_context() {
    let world = World::start().await;
    let event = payment("1", PAYEE, world.clock.now());
    let mut request = world.request(event.to_string().as_bytes());
    request.extensions_mut().clear();
    assert_eq!(world.send(request).await.status, 503);
    assert_eq!(world.ledger.read_claim(&key_of(&event), 1).await, Ok(None));
    assert!(world.cases().await.is_empty());
}
