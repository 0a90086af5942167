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

/// More than a person allows: whoever makes payouts that nobody meant makes many. Somebody looks at them, and what they looked at does
/// not stop payouts again.
#[tokio::test]
async fn payouts_are_held_when_more_is_accepted_within_an_hour_than_is_allowed() {
    let allowed = |text: String| text.replace("[watch]\n", "[watch]\naccepted_an_hour = { eur = 5000 }\n");
    let world = World::with(allowed).await;
    let sum = payment("0", PAYEE, 0)["data"]["object"]["amount_received"].as_u64().unwrap();
    let some = usize::try_from(5_000 / sum).unwrap();
    let pay = async |from: usize, to: usize| {
        for number in from..to {
            let event = payment(&number.to_string(), PAYEE, world.clock.now());
            assert_eq!(world.deliver(&event).await.outcome(), "accepted");
        }
    };
    pay(0, some).await;
    world.minutes_pass(6).await;
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay, "as much as is allowed");
    pay(some, some + 1).await;
    world.minutes_pass(5).await;
    let control = world.ledger.control().await.unwrap().unwrap();
    assert_eq!((control.hold, control.set_by.as_str()), (Hold::Refuse, "sweeper"));
    assert!(control.why.contains("EUR's smallest unit were accepted within an hour"), "{}", control.why);
    assert!(
        world
            .measured
            .lines()
            .iter()
            .any(|line| line["HoldTripped"] == 1 && line["AcceptedHourPercent"].as_u64() > Some(100))
    );

    // By a clock that is ahead, or while a run of the sweeper is under way.
    world.ledger.set_hold(Hold::Pay, "a person", "a sale", world.clock.now() + 90_000).await.unwrap();
    world.minutes_pass(10).await;
    assert_eq!(
        world.ledger.control().await.unwrap().unwrap().hold,
        Hold::Pay,
        "what was looked at is not counted again"
    );
    world.clock.advance(HOUR_MS);
    world.minutes_pass(2).await;
    pay(some + 1, some + 2).await;
    world.minutes_pass(6).await;
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay, "an hour is over");
}
