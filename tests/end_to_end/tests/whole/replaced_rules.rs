//! One event under two payout keys, because rules were replaced, or a version was taken back, between two of its deliveries.

use payer::Answer;
use payonce_end_to_end::{Desk, PAYEE, World, key_of, payment};
use payonce_ledger::Wish;
use payonce_protocol::case::Ending;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_protocol::release::SEEN_AFTER_MS;
use payonce_suite::faults::Fault;
use serde_json::Value;

use crate::endings::{closed, its_time_is_over, never_came_back};
use crate::further_attempts::{case_of, why};

const FRESH_MS: u64 = 4_000;

fn as_it_is(text: String) -> String {
    text
}

/// Every key of this provider is another one.
pub fn renamed(text: String) -> String {
    text.replacen("scheme = \"stripe\"", "scheme = \"stripe\"\nnamespace = \"stripe_eu\"", 1)
}

fn renamed_key(event: &Value) -> PayoutKey {
    PayoutKey::new(key_of(event).as_str().replacen("stripe/", "stripe_eu/", 1)).unwrap()
}

pub async fn hold(world: &World, hold: Hold) {
    world.ledger.set_hold(hold, "a person", "a test", world.clock.now()).await.unwrap();
    world.clock.advance(FRESH_MS);
}

pub async fn accept(world: &World) {
    let rules = world.config.key_rules().iter().find(|rules| rules.provider == "stripe").unwrap();
    world.ledger.accept_keys(rules, Wish::default(), "a person", world.clock.now()).await.unwrap();
}

/// Held for long enough that rules may be accepted; an event from then, which the rules of now refused.
async fn refused_while_held(world: &World) -> Value {
    hold(world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    let event = payment("held", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "hold");
    event
}

#[tokio::test]
async fn refused_by_one_rule_and_paid_by_the_next_is_not_filed_as_lost() {
    let mut world = World::start().await;
    let event = refused_while_held(&world).await;
    world.restart_with(renamed).await;
    accept(&world).await;
    hold(&world, Hold::Pay).await;
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    assert_eq!(world.executed(&renamed_key(&event)).len(), 1);
    its_time_is_over(&world).await;
    assert_eq!(world.reasons().await.get(&Reason::RefusedNotRedelivered), None, "it was paid");
}

#[tokio::test]
async fn refused_by_a_version_that_was_taken_back_is_not_filed_as_lost() {
    let mut world = World::start().await;
    world.restart_with(renamed).await;
    let event = payment("tried", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "rules_not_accepted");
    world.restart_with(as_it_is).await;
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    its_time_is_over(&world).await;
    assert_eq!(world.reasons().await.get(&Reason::RefusedNotRedelivered), None, "it was paid");
}

/// Refused under both keys and never paid, it is one case.
#[tokio::test]
async fn one_case_for_an_event_that_was_refused_under_two_keys() {
    let mut world = World::start().await;
    let event = refused_while_held(&world).await;
    world.restart_with(renamed).await;
    accept(&world).await;
    assert_eq!(world.deliver(&event).await.reason(), "hold");
    its_time_is_over(&world).await;
    world.minutes_pass(10).await;
    assert_eq!(world.reasons().await.get(&Reason::RefusedNotRedelivered), Some(&1));
    // What people say of it binds the event under either key, whichever version meets it.
    let case = world.cases().await.remove(0).id();
    assert_eq!(Desk::new().ends(&world, &case, Ending::PaidElsewhere).await, closed(&case));
    for key in [key_of(&event), renamed_key(&event)] {
        assert!(world.ledger.standing(&key, 1).await.unwrap().is_some(), "{key} is free");
    }
    hold(&world, Hold::Pay).await;
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    assert_eq!(world.payout_requests(), 0);
}

/// Closed under the one key while nobody knew of the other.
#[tokio::test]
async fn an_ending_binds_its_event_under_rules_that_came_later() {
    let mut world = World::start().await;
    let event = payment("lost", PAYEE, world.clock.now() + 60 * 86_400_000);
    never_came_back(&world, &event).await;
    let case = case_of(&world, &key_of(&event)).await.id();
    assert_eq!(Desk::new().ends(&world, &case, Ending::PaidElsewhere).await, closed(&case));
    hold(&world, Hold::Refuse).await;
    world.clock.advance(SEEN_AFTER_MS);
    world.restart_with(renamed).await;
    accept(&world).await;
    hold(&world, Hold::Pay).await;
    // Its provider says that it is younger than the rules.
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    assert_eq!(world.payout_requests(), 0, "it was paid by hand");
}

#[tokio::test]
async fn a_case_is_not_ended_as_paid_by_hand_when_its_event_was_paid_under_another_key() {
    let mut world = World::start().await;
    let event = refused_while_held(&world).await;
    world.restart_with(renamed).await;
    accept(&world).await;
    its_time_is_over(&world).await;
    let case = case_of(&world, &key_of(&event)).await.id();
    hold(&world, Hold::Pay).await;
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    let mut desk = Desk::new();
    let refused = desk.ends(&world, &case, Ending::PaidElsewhere).await;
    assert!(!matches!(refused, Answer::Closed { .. }), "paid twice: {refused:?}");
    assert_eq!(why(&refused), "came_after_all");
}

#[tokio::test]
async fn an_event_whose_other_key_cannot_be_written_is_not_paid() {
    let mut world = World::start().await;
    let event = refused_while_held(&world).await;
    world.restart_with(renamed).await;
    accept(&world).await;
    hold(&world, Hold::Pay).await;
    world.proxy.plan(100, "PutItem", "#alias#", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.reason(), "claim_uncertain");
    assert_eq!(world.payout_requests(), 0);
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
}
