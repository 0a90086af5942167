//! The rail as it is: it names a payout as it likes, its list may lag, and a key may be another account's, or revoked.

use payonce_protocol::fact::FactName;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payonce_end_to_end::{Desk, PAYEE, World, filed, key_of, payment, payment_in_group};
use payonce_local::sandbox_rail::STRANGER;
use payonce_local::stack::sandbox_secret;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_rails::RailSecret;
use payonce_runtime::telemetry::{Captured, Level, subscriber};

use crate::further_attempts::{attempted, case_of, not_sent, propose, why};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// The rail pays, and nobody is told.
const PAYS_AND_DIES: &str = "acct_sandboxExecutesThenDies";

fn paying() -> String {
    sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap()
}

/// What the case says of the last look-up: the word, and why it is blind.
async fn looked_up(world: &World, key: &PayoutKey) -> (String, String) {
    let evidence = filed(world, &case_of(world, key).await.id()).await.evidence;
    (evidence.get(FactName::LookedUp).unwrap().to_owned(), evidence.get(FactName::Blind).unwrap().to_owned())
}

/// An accepted payout, which the sweeper has seen: look-ups can show by it that they see.
async fn another_is_accepted(world: &World, name: &str) {
    assert_eq!(world.deliver(&payment(name, PAYEE, world.clock.now())).await.outcome(), "accepted");
    world.leave_out_empty_minutes().await;
    world.sweeper().run().await.unwrap();
}

#[tokio::test]
async fn charge_with_its_own_group_is_accepted_and_found() {
    let world = World::start().await;
    let own = payment_in_group("own", PAYEE, world.clock.now());
    let plain = payment("plain", PAYEE, world.clock.now());
    for (event, group) in [(&own, "ORDER95"), (&plain, "group_pi_plain")] {
        assert_eq!(world.deliver(event).await.outcome(), "accepted");
        assert_eq!(world.executed(&key_of(event))[0].transfer_group.as_deref(), Some(group));
    }
    let lost = payment_in_group("lost", PAYS_AND_DIES, world.clock.now());
    assert_eq!(world.deliver(&lost).await.outcome(), "unknown");
    world.minutes_pass(5).await;
    assert_eq!(looked_up(&world, &key_of(&lost)).await.0, "found");
    let payout = world.ledger.payout(&key_of(&lost)).await.unwrap();
    let payonce_ledger::Seen::Found(found) = &payout.look_ups[0].seen else { panic!("{payout:?}") };
    assert_eq!((found[0].amount, found[0].destination.as_deref()), (4200, Some(PAYS_AND_DIES)));
    assert_eq!(world.reasons().await, [(Reason::PayoutUnknown, 1)].into());
}

/// The rail paid, and its list does not show it: a day later two people would have paid again.
#[tokio::test]
async fn absent_without_sight_offers_no_second_payout() {
    let world = World::start().await;
    let mut desk = Desk::new();
    another_is_accepted(&world, "before").await;
    world.clock.advance(MINUTE_MS);
    let event = payment("hidden", PAYS_AND_DIES, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "unknown");
    let key = key_of(&event);
    world.rail.set_list_lag_ms(72 * HOUR_MS);
    let shown = propose(&world, &desk, &key, 2, 2).await;
    world.clock.advance(26 * HOUR_MS);
    // What was accepted before the attempt shows nothing of a list that lags since.
    for _ in 0..2 {
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), "look_up_first");
        let (word, why) = looked_up(&world, &key).await;
        assert!(
            word == "blind" && why.starts_with("no payout is known to be accepted since 2026-11-2"),
            "{word} {why}"
        );
        world.clock.advance(HOUR_MS);
    }
    // What was accepted since is hidden by the same lag, and that is said.
    another_is_accepted(&world, "since").await;
    for _ in 0..2 {
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), "look_up_first");
        let (word, why) = looked_up(&world, &key).await;
        assert!(word == "blind" && why.starts_with("the search does not find tr_sandbox"), "{word} {why}");
        world.clock.advance(HOUR_MS);
    }
    // The list catches up: there it is.
    world.rail.set_list_lag_ms(0);
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "not_offered");
    assert_eq!((looked_up(&world, &key).await.0, world.executed(&key).len()), ("found".to_owned(), 1));
}

/// It was never paid; two look-ups that see let it be paid once, ones that do not see let nothing be paid.
#[tokio::test]
async fn only_look_ups_that_see_count() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let event = payment("dead", "acct_sandboxDies", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "unknown");
    let key = key_of(&event);
    let shown = propose(&world, &desk, &key, 2, 2).await;
    world.clock.advance(26 * HOUR_MS);
    let mut ask = async |expected: &str| {
        let request = desk.approves(&world, &shown);
        assert_eq!(why(&desk.ask(&world, &request).await), expected);
        world.clock.advance(HOUR_MS);
        looked_up(&world, &key).await
    };
    assert_eq!(ask("look_up_first").await.0, "blind");
    assert_eq!(ask("look_up_first").await.0, "blind");
    another_is_accepted(&world, "since").await;
    assert_eq!(ask("look_up_first").await, ("absent".to_owned(), String::new()));
    let request = desk.approves(&world, &shown);
    // The payee is one at which the rail dies again: what counts is that the attempt is made now, and not before.
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "unknown"));
    assert_eq!(world.ledger.read_claim(&key, 2).await.unwrap().unwrap().key_generation, 2);
}

/// Anybody who may write the sweeper's items could plant a sample; the audit table says what was accepted.
#[tokio::test]
async fn sample_that_was_never_accepted_gives_no_sight() {
    let world = World::start().await;
    let event = payment("dead", "acct_sandboxDies", world.clock.now());
    world.deliver(&event).await;
    world.minutes_pass(12).await;
    let refused = payment("refused", "acct_sandboxRefuses", world.clock.now());
    world.deliver(&refused).await;
    let claim = world.ledger.read_claim(&key_of(&refused), 1).await.unwrap().unwrap();
    world.ledger.remember_accepted(&payonce_ledger::Sample::of(&claim)).await.unwrap();
    world.minutes_pass(13).await;
    let (word, why) = looked_up(&world, &key_of(&event)).await;
    assert!(word == "blind" && why.starts_with("no payout is known to be accepted"), "{word} {why}");
}

#[tokio::test]
async fn look_up_key_of_another_account_is_blind() {
    let mut world = World::start().await;
    let event = payment("paid", PAYS_AND_DIES, world.clock.now());
    world.deliver(&event).await;
    another_is_accepted(&world, "since").await;
    world.rail.admit_stranger("rk_test_stranger");
    world.restart_with_rail(world.rail_with(&paying(), Some("rk_test_stranger"))).await;
    world.minutes_pass(5).await;
    let (word, why) = looked_up(&world, &key_of(&event)).await;
    assert!(word == "blind" && why.contains(STRANGER), "{word} {why}");
}

/// A restricted key that may not read the account is not known to be of another: its search shows whether it sees.
#[tokio::test]
async fn key_that_may_not_read_the_account_still_sees() {
    let mut world = World::start().await;
    world.rail.set_secrets([paying(), "rk_test_reads".to_owned()]);
    world.rail.set_account_hidden(true);
    world.restart_with_rail(world.rail_with(&paying(), Some("rk_test_reads"))).await;
    let event = payment("dead", "acct_sandboxDies", world.clock.now());
    world.deliver(&event).await;
    world.minutes_pass(12).await;
    another_is_accepted(&world, "since").await;
    world.minutes_pass(13).await;
    assert_eq!(looked_up(&world, &key_of(&event)).await.0, "absent");
}

#[tokio::test]
async fn refuses_a_paying_key_of_another_account() {
    let (mut world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    world.rail.admit_stranger("sk_test_stranger");
    let rail = world.rail_with("sk_test_stranger", Some(&paying()));
    world.restart_with_rail(rail).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "other_account");
    assert_eq!(world.ledger.read_claim(&key, 2).await, Ok(None));
}

#[tokio::test]
async fn pays_once_with_a_rotated_key() {
    let (mut world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    world.rail.set_secrets(["sk_test_rotated".to_owned(), "sk_test_rotated".to_owned()]);
    let rail = world.rail_with("sk_test_rotated", None);
    world.restart_with_rail(rail).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "accepted"));
}

/// The attempt that got the 401 is over; the next payout uses the secret that is kept now.
#[tokio::test]
async fn revoked_key_is_read_anew_before_the_next_payout() {
    let mut world = World::start().await;
    let read = Arc::new(AtomicUsize::new(0));
    let reads = read.clone();
    let rail = world.rail_with(&paying(), None).rereading(Box::new(move || {
        reads.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Some((RailSecret::new("sk_test_rotated").unwrap(), None)) })
    }));
    world.restart_with_rail(rail).await;
    let deliver = async |name: &str| world.deliver(&payment(name, PAYEE, world.clock.now())).await.outcome().to_owned();
    assert_eq!(deliver("before").await, "accepted");
    assert_eq!(read.load(Ordering::SeqCst), 0);

    world.rail.set_secrets(["sk_test_rotated".to_owned(), "sk_test_rotated".to_owned()]);
    let connections = world.rail.connections();
    assert_eq!(deliver("turnedaway").await, "rejected");
    assert_eq!(world.rail.connections(), connections + 1, "one request, and no second one");
    assert_eq!(deliver("after").await, "accepted");
    assert_eq!(deliver("later").await, "accepted");
    assert_eq!(read.load(Ordering::SeqCst), 1);
    let key = PayoutKey::new("stripe/pi_turnedaway").unwrap();
    let (_, outcome) = world.ledger.attempt(&key, 1).await.unwrap().unwrap();
    let verdict = outcome.unwrap().verdict;
    assert_eq!((verdict.outcome, verdict.not_begun), (Outcome::Rejected, true));
    assert_eq!(world.executed(&key).len(), 0);
}

/// More payouts to one payee than a page holds.
#[tokio::test]
async fn finds_a_payout_to_a_busy_payee() {
    let world = World::start().await;
    let event = payment("lost", PAYS_AND_DIES, world.clock.now());
    world.deliver(&event).await;
    let first = world.executed(&key_of(&event))[0].clone();
    world.rail.plant((0..230).map(|number| payonce_local::sandbox_rail::Transfer {
        id: format!("tr_planted{number}"),
        source_transaction: None,
        metadata: Default::default(),
        ..first.clone()
    }));
    world.minutes_pass(5).await;
    assert_eq!(looked_up(&world, &key_of(&event)).await.0, "found");
}

/// It may name a payee, so it stands in the record, which finance reads, and nowhere else.
#[tokio::test]
async fn keeps_the_rails_own_sentence_with_the_outcome_and_out_of_the_log() {
    let world = World::start().await;
    let log = Captured::default();
    let _quiet = tracing::subscriber::set_default(subscriber(Level::Debug, world.clock.clone(), log.clone()));
    let event = payment("refused", "acct_sandboxRefuses", world.clock.now());
    world.deliver(&event).await;
    let outcome = world.ledger.payout(&key_of(&event)).await.unwrap().attempts[0].outcome.clone().unwrap();
    assert_eq!(
        outcome.evidence.get(FactName::RailSays).unwrap(),
        "You have insufficient funds in your Stripe account."
    );
    let lines = format!("{:?}", log.lines());
    assert!(lines.contains("balance_insufficient") && !lines.contains("insufficient funds"), "{lines}");
}
