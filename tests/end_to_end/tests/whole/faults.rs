//! Tables that lose answers, on the way of a real payout.

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;
use serde_json::Value;

const CLAIM: &str = "#claim";
const OUTCOME: &str = "#outcome";

async fn warm() -> (World, Value) {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.proxy.forget();
    let event = payment("faulty", PAYEE, world.clock.now());
    (world, event)
}

/// The SDK would have called this a duplicate, and the payout would have been lost without a word.
#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_recognised_and_paid_once() {
    for fault in [Fault::DropAnswer, Fault::AnswerAfter(500, "InternalServerError")] {
        let (world, event) = warm().await;
        world.proxy.plan(1, "PutItem", CLAIM, fault);
        assert_eq!(world.deliver(&event).await.outcome(), "accepted", "{fault:?}");
        assert_eq!(world.executed(&key_of(&event)).len(), 1, "{fault:?}");
        assert!(world.cases().await.is_empty());
    }
}

#[tokio::test]
async fn a_claim_that_never_arrived_is_put_once_more() {
    for fault in [Fault::DropRequest, Fault::SERVER_ERROR, Fault::THROTTLE] {
        let (world, event) = warm().await;
        world.proxy.plan(1, "PutItem", CLAIM, fault);
        assert_eq!(world.deliver(&event).await.outcome(), "accepted", "{fault:?}");
        assert_eq!(world.executed(&key_of(&event)).len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_uncertain_claim_is_not_paid_and_the_sweeper_files_it() {
    let (world, event) = warm().await;
    world.proxy.plan(2, "PutItem", CLAIM, Fault::DropAnswer);
    let answer = world.deliver(&event).await;
    assert_eq!((answer.status, answer.reason()), (503, "claim_uncertain"));
    assert_eq!(world.payout_requests(), 1, "the warm one only");
    // It stuck: the redelivery is a duplicate, and without the sweeper nobody would ever know.
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    world.minutes_pass(5).await;
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 1)].into());
}

/// Two invocations with one Lambda request id, as when the platform retries: the second must not take the first one's
/// claim for its own.
#[tokio::test]
async fn the_same_request_id_is_not_the_same_attempt() {
    let (world, event) = warm().await;
    world.proxy.plan(2, "PutItem", CLAIM, Fault::DropAnswer);
    assert_eq!(world.deliver(&event).await.status, 503);
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    assert_eq!(world.payout_requests(), 1, "the warm one only");
}

#[tokio::test]
async fn a_conflicting_transaction_is_not_claimed_over() {
    let (world, event) = warm().await;
    world.proxy.plan(1, "PutItem", CLAIM, Fault::Conflict);
    assert_eq!(world.deliver(&event).await.reason(), "claim_uncertain");
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
}

#[tokio::test]
async fn an_outcome_whose_answer_is_lost_is_written_once() {
    let (world, event) = warm().await;
    world.proxy.plan(1, "PutItem", OUTCOME, Fault::DropAnswer);
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::Accepted));
    assert!(world.cases().await.is_empty(), "no false late outcome");
}

#[tokio::test]
async fn an_outcome_that_cannot_be_recorded_is_200_and_the_sweeper_files_it() {
    let (world, event) = warm().await;
    world.proxy.plan(100, "PutItem", OUTCOME, Fault::SERVER_ERROR);
    let answer = world.deliver(&event).await;
    assert_eq!((answer.status, answer.reason()), (200, "unrecorded"));
    assert_eq!(world.outcome(&key_of(&event)).await, None);
    world.proxy.forget();
    world.minutes_pass(5).await;
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 1)].into());
    // The sweeper asked the rail: whoever opens the case sees that the payout was made.
    let id = world.cases().await[0].id();
    let evidence = world.ledger.case(&id).await.unwrap().unwrap().evidence;
    assert_eq!(evidence.get(FactName::LookedUp).unwrap(), "found", "{evidence:?}");
}

/// Every payout has a connection of its own: one that was left open may be dead by the next.
#[tokio::test]
async fn no_connection_to_the_rail_is_used_twice() {
    let world = World::start().await;
    for number in 0..5 {
        world.deliver(&payment(&format!("fresh{number}"), PAYEE, world.clock.now())).await;
    }
    assert_eq!(world.payout_requests(), 5);
    assert_eq!(world.rail.connections(), 5);
}

#[tokio::test]
async fn a_lost_body_costs_no_payout() {
    let (world, event) = warm().await;
    world.proxy.plan(100, "PutItem", "-bodies", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    let claim = world.ledger.read_claim(&key_of(&event), 1).await.unwrap().unwrap();
    assert!(world.ledger.body(claim.body).await.unwrap().is_none(), "its hash stays in the claim");
}
