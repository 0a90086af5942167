//! What two people approve above a limit is looked at as any other payout before its claim, and no less.

use payonce_end_to_end::{Desk, PAYEE, World, filed, key_of, payment};
use payonce_ledger::Books;
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::case::Ending;
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::{Outcome, Reason};
use serde_json::json;

use crate::further_attempts::{attempted, case_of, provider_says, why};
use crate::limits::{OverLimit, limited};

#[tokio::test]
async fn refuses_to_lift_what_the_provider_gave_back() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    it.desk.sources = Some(("stripe".to_owned(), provider_says(true).0));
    assert_eq!(why(&it.approved(&shown).await), "source_blocks");
    assert_eq!(it.paid(), 0);
}

/// Somebody else may have paid it, with our mark upon it.
#[tokio::test]
async fn refuses_to_lift_what_the_rail_has() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    let mut small = payment("2", PAYEE, it.world.clock.now());
    small["data"]["object"]["amount_received"] = json!(900);
    assert_eq!(it.world.deliver(&small).await.outcome(), "accepted");
    let mut transfer = it.world.executed(&key_of(&small))[0].clone();
    let mark = transfer.metadata.values_mut().find(|value| *value == key_of(&small).as_str()).unwrap();
    *mark = it.key.to_string();
    transfer.id = "tr_of_another".to_owned();
    it.world.rail.plant([transfer]);
    assert_eq!(why(&it.approved(&shown).await), "not_offered");
    // What was found is found for everybody, and by a rail that is silent now, too.
    let found = filed(&it.world, &case_of(&it.world, &it.key).await.id()).await;
    assert!(it.world.ledger.rail_has_it(&found).await.unwrap(), "{:?}", found.evidence);
    assert!(found.evidence.get(FactName::Found).unwrap().contains("tr_of_another"), "{:?}", found.evidence);
    it.world.rail.set_weather(Weather::Down).await;
    assert_eq!(why(&it.approved(&shown).await), "not_offered");
    assert_eq!(it.world.ledger.read_claim(&it.key, 1).await.unwrap(), None);
}

/// It may have been paid with our mark upon it: no answer is not "not there".
#[tokio::test]
async fn refuses_to_lift_while_the_rail_cannot_be_asked() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    it.world.rail.set_weather(Weather::Down).await;
    assert_eq!(why(&it.approved(&shown).await), "rail_silent");
    assert_eq!((it.paid(), it.world.ledger.read_claim(&it.key, 1).await.unwrap()), (0, None));
    it.world.rail.set_weather(Weather::Fair).await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
}

/// Restored tables know nothing of what was paid since: an event from then is not paid by people either.
#[tokio::test]
async fn refuses_to_lift_what_is_from_before_the_books() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    let backup = it.world.backup().await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
    it.world.move_to(backup).await;
    assert_eq!(why(&it.approved(&shown).await), "not_released");
    it.world.clock.advance(1_000);
    it.world.ledger.release(Books::Restored, "a person", "restored", it.world.clock.now()).await.unwrap();
    assert_eq!(why(&it.approved(&shown).await), "before_books");
    assert_eq!((it.paid(), it.world.payout_requests()), (1, 1));
}

/// One decision lifts one limit.
#[tokio::test]
async fn refuses_to_lift_age_and_limit_at_once() {
    let both = |text: String| limited(text).replacen("max_amount", "max_age = \"96h\"\nmax_amount", 1);
    let world = World::with(both).await;
    let mut event = payment("1", PAYEE, world.clock.now());
    event["created"] = json!(world.clock.now() / 1000 - 97 * 3600);
    assert_eq!(world.deliver(&event).await.reason(), "stale_event");
    let (key, mut desk) = (key_of(&event), Desk::new());
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::LiftLimit, 1, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "other_order");
    assert!(world.executed(&key).is_empty());
}

/// The rail made it and never said so. Neither the event, under the limit or without it, nor the same people pay it again.
#[tokio::test]
async fn pays_once_when_a_lifted_payout_is_unknown() {
    let mut world = World::with(limited).await;
    let event = payment("1", "acct_sandboxExecutesThenDies", world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "invalid_event");
    let (key, mut desk) = (key_of(&event), Desk::new());
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::LiftLimit, 1, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 1, "unknown"));
    assert_eq!(why(&desk.ask(&world, &request).await), "not_awaited");
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    world.restart_with(|text| text).await;
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    world.minutes_pass(30).await;
    assert_eq!(world.outcome(&key).await, Some(Outcome::Unknown));
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::Reissue, 2, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "not_offered");
    assert_eq!(world.reasons().await, [(Reason::PayoutUnknown, 1)].into());
    assert_eq!(world.executed(&key).len(), 1);
}
