//! When payouts are not made: by a person, for want of time, before the cutover.

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_protocol::hold::Hold;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;

const HOUR_MS: u64 = 3_600_000;

async fn held(hold: Hold) -> World {
    let mut world = World::start().await;
    world.deliver(&payment("before", PAYEE, world.clock.now())).await;
    world.ledger.set_hold(hold, "a person", "a test", world.clock.now()).await.unwrap();
    world.restart_with(|text| text).await;
    world
}

#[tokio::test]
async fn held_event_claims_nothing_and_a_duplicate_is_200() {
    let mut world = held(Hold::Refuse).await;
    let event = payment("held", PAYEE, world.clock.now());
    let answer = world.deliver(&event).await;
    assert_eq!((answer.status, answer.reason()), (503, "hold"));
    assert!(world.ledger.read_claim(&key_of(&event), 1).await.unwrap().is_none());
    let before = payment("before", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&before).await.outcome(), "duplicate");

    world.ledger.set_hold(Hold::Pay, "a person", "over", world.clock.now()).await.unwrap();
    world.restart_with(|text| text).await;
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    assert!(world.cases().await.is_empty());
}

#[tokio::test]
async fn recording_hold_claims_and_files_without_paying() {
    let world = held(Hold::Record).await;
    let before = world.payout_requests();
    let event = payment("recorded", PAYEE, world.clock.now());
    let answer = world.deliver(&event).await;
    assert_eq!((answer.status, answer.outcome(), answer.reason()), (200, "not_sent", "payout_not_sent"));
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::NotSent));
    assert_eq!(world.reasons().await, [(Reason::PayoutNotSent, 1)].into());
    assert_eq!(world.payout_requests(), before);
}

#[tokio::test]
async fn refusing_has_an_end() {
    let world = held(Hold::Refuse).await;
    let event = payment("patient", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.status, 503);
    world.clock.advance(48 * HOUR_MS);
    let answer = world.deliver(&event).await;
    assert_eq!((answer.status, answer.outcome()), (200, "not_sent"));
    assert_eq!(world.reasons().await, [(Reason::PayoutNotSent, 1)].into());
}

#[tokio::test]
async fn an_unreadable_control_item_refuses() {
    let world = World::start().await;
    let event = payment("blind", PAYEE, world.clock.now());
    world.proxy.plan(100, "GetItem", "\"control\"", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.status, 503);
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
}

#[tokio::test]
async fn an_event_from_before_the_cutover_is_a_case() {
    let world = World::with(|text| {
        text.replace("key = \"/data/object/id", "paid_from = \"2026-11-23T00:00:00Z\"\nkey = \"/data/object/id")
    })
    .await;
    let old = payment("old", PAYEE, world.clock.now() - 1_000);
    assert_eq!(world.deliver(&old).await.reason(), "before_cutover");
    assert_eq!(world.deliver(&payment("new", PAYEE, world.clock.now())).await.outcome(), "accepted");
    assert_eq!(world.reasons().await, [(Reason::BeforeCutover, 1)].into());
}

/// A cold start may eat the time: with less than the budget nothing is claimed and nothing is paid.
#[tokio::test]
async fn too_little_time_refuses_before_the_claim() {
    let mut world = World::start().await;
    let budget = world.config.limits.delivery_ms();
    let event = payment("hurried", PAYEE, world.clock.now());
    for function_ms in [0, 1, budget / 2, budget - 1] {
        world.function_ms = function_ms;
        let answer = world.deliver(&event).await;
        assert_eq!((answer.status, answer.reason()), (503, "no_time"), "{function_ms} ms");
        assert!(world.ledger.read_claim(&key_of(&event), 1).await.unwrap().is_none());
    }
    assert_eq!(world.payout_requests(), 0);
    world.function_ms = budget;
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
}
