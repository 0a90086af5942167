//! Whatever says the same of every payout holds payouts.

use std::time::Duration;

use payonce_end_to_end::{PAYEE, World, payment};
use payonce_ledger::cause_of_incident;
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::hold::Hold;
use payonce_protocol::sweep::MINUTE_MS;
use tokio::time::timeout;

const ATTEMPTS: u64 = 14;

async fn fourteen_end(world: &World, payee: &str, outcome: &str, created_ago_ms: u64) {
    for number in 0..ATTEMPTS {
        let event = payment(&format!("n{number}"), payee, world.clock.now() - created_ago_ms);
        assert_eq!(world.deliver(&event).await.outcome(), outcome);
    }
}

/// Why payouts are held after the next run.
async fn held(world: &World) -> String {
    world.minutes_pass(1).await;
    let control = world.ledger.control().await.unwrap().unwrap();
    assert_eq!((control.hold, control.set_by.as_str()), (Hold::Refuse, "sweeper"));
    control.why
}

#[tokio::test]
async fn a_revoked_paying_key_holds_payouts() {
    let mut world = World::start().await;
    world.revoke_paying_key().await;
    fourteen_end(&world, PAYEE, "rejected", 0).await;
    let why = held(&world).await;
    let begins = "14 of the last 14 attempts were not made, all for one cause: rejected 401";
    assert!(why.starts_with(begins), "{why}");
}

#[tokio::test]
async fn a_429_storm_holds_payouts() {
    let world = World::start().await;
    fourteen_end(&world, "acct_sandboxLimits", "rejected", 0).await;
    let why = held(&world).await;
    assert!(why.ends_with("rejected 429 invalid_request_error rate_limit"), "{why}");
    let incidents = world.cases().await.into_iter().map(|case| cause_of_incident(&case.incident.unwrap()).to_owned());
    assert_eq!(incidents.collect::<Vec<_>>(), vec!["payout_rejected/rate_limit"; 14], "one thing to understand");
}

#[tokio::test]
async fn an_empty_balance_holds_payouts() {
    let world = World::start().await;
    fourteen_end(&world, "acct_sandboxRefuses", "rejected", 0).await;
    let why = held(&world).await;
    assert!(why.ends_with("rejected 400 invalid_request_error balance_insufficient"), "{why}");
}

/// The providers' patience is over, so that events are claimed although nobody can be paid.
#[tokio::test]
async fn refused_connections_hold_payouts() {
    let world = World::start().await;
    world.rail.set_weather(Weather::Down).await;
    let patience = world.provider.patience().refuse_for_ms;
    fourteen_end(&world, PAYEE, "not_sent", patience).await;
    let why = held(&world).await;
    assert!(why.ends_with("for one cause: not_sent not_tried"), "{why}");
}

#[tokio::test]
async fn what_was_counted_before_a_person_released_payouts_is_not_counted_again() {
    let world = World::start().await;
    fourteen_end(&world, "acct_sandboxLimits", "rejected", 0).await;
    held(&world).await;
    world.clock.advance(1_000);
    world.ledger.set_hold(Hold::Pay, "ann", "the limit was raised", world.clock.now()).await.unwrap();
    world.clock.advance(MINUTE_MS / 4);
    world.sweeper().run().await.unwrap();
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay);
}

/// What was claimed and filed while a person held payouts says nothing of the rail.
#[tokio::test]
async fn attempts_that_were_held_hold_no_payouts_after_the_release() {
    let world = World::start().await;
    world.ledger.set_hold(Hold::Record, "a person", "drill", world.clock.now()).await.unwrap();
    world.clock.advance(4_000);
    fourteen_end(&world, PAYEE, "not_sent", 0).await;
    // By a clock that is ahead of the sweeper's.
    world.ledger.set_hold(Hold::Pay, "a person", "over", world.clock.now() + 30_000).await.unwrap();
    world.sweeper().run().await.unwrap();
    let control = world.ledger.control().await.unwrap().unwrap();
    assert_eq!((control.hold, control.set_by.as_str()), (Hold::Pay, "a person"));
}

/// What kills one worker may kill all, and then there is no outcome to count.
#[tokio::test]
async fn workers_that_die_before_they_record_hold_payouts() {
    let world = World::start().await;
    for number in 0..ATTEMPTS {
        let event = payment(&format!("n{number}"), "acct_sandboxHangs", world.clock.now());
        let killed = timeout(Duration::from_millis(200), world.deliver(&event)).await;
        assert!(killed.is_err(), "it ended before it was killed");
    }
    // Younger than any worker gets: they may still be at work.
    world.clock.advance(MINUTE_MS - 1);
    world.sweeper().run().await.unwrap();
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay);
    let why = held(&world).await;
    assert_eq!(why, "14 of the last 14 attempts ended unknown");
}
