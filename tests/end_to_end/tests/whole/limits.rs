//! A rightful payout that a limit of ours alone refused: two people lift it, and it is paid once.

use payer::{OneCase, Request};
use payonce_end_to_end::{Desk, PAYEE, Shown, World, cut_after, filed, key_of, payment};
use payonce_protocol::approval::Hand;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::hold::Hold;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};
use serde_json::{Value, json};

use crate::further_attempts::{attempted, case_of, set_hold, why};

const HOUR_MS: u64 = 3_600_000;

pub(crate) struct OverLimit {
    pub world: World,
    pub desk: Desk,
    pub event: Value,
    pub key: PayoutKey,
}

pub(crate) fn limited(text: String) -> String {
    text.replacen("eur = 500000", "eur = 1000", 1)
}

impl OverLimit {
    pub async fn new() -> Self {
        Self::with(limited).await
    }

    pub async fn with(change: impl Fn(String) -> String) -> Self {
        let world = World::with(change).await;
        let event = payment("1", PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "invalid_event");
        world.clock.advance(HOUR_MS);
        let key = key_of(&event);
        Self { world, desk: Desk::new(), event, key }
    }

    pub async fn proposed(&self, attempt: u16) -> Shown {
        let case = case_of(&self.world, &self.key).await;
        self.desk.propose(&self.world, &case, Ending::LiftLimit, attempt, 1).await
    }

    /// Ann proposed it; Ben approves.
    pub async fn approved(&mut self, shown: &Shown) -> payer::Answer {
        let request = self.desk.approves(&self.world, shown);
        self.desk.ask(&self.world, &request).await
    }

    pub fn paid(&self) -> usize {
        self.world.executed(&self.key).len()
    }
}

#[tokio::test]
async fn pays_once_when_two_people_lift_the_limit() {
    let mut it = OverLimit::new().await;
    assert!(case_of(&it.world, &it.key).await.offers(Ending::LiftLimit, None));
    let shown = it.proposed(1).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(it.desk.ask(&it.world, &request).await, attempted(&it.key, 1, "accepted"));
    let claim = it.world.ledger.read_claim(&it.key, 1).await.unwrap().unwrap();
    assert_eq!(claim.event.as_str(), it.event["id"]);
    let case = filed(&it.world, &shown.case).await;
    assert_eq!((case.status, case.resolution.unwrap().attempt), (Status::Resolved, Some(1)));
    // The very same approval again, and the event again, under the limit and without it.
    assert_eq!(why(&it.desk.ask(&it.world, &request).await), "not_awaited");
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "duplicate");
    it.world.restart_with(|text| text).await;
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "duplicate");
    it.world.minutes_pass(30).await;
    assert_eq!(it.paid(), 1);
    assert!(it.world.cases().await.is_empty());
}

#[tokio::test]
async fn same_event_with_another_sum_is_a_case_after_the_limit_was_lifted() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
    let mut other = it.event.clone();
    other["data"]["object"]["amount_received"] = json!(4_300);
    assert_eq!(it.world.deliver(&other).await.outcome(), "filed");
    assert_eq!(it.world.reasons().await, [(Reason::InvalidEvent, 1)].into());
    assert_eq!(it.paid(), 1);
}

/// The event's redelivery once the limit was raised, and two pairs of people, all at once.
#[tokio::test]
async fn lifting_and_the_event_itself_at_once_pay_once() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    let dee = it.desk.token(&it.world, "dee", "approver", Hand::Checker, &shown.approval);
    let dee = Request::Case(OneCase { case: shown.case.to_string(), checker: dee });
    let ben = it.desk.approves(&it.world, &shown);
    it.world.restart_with(|text| text).await;
    let payers = [it.desk.payer(&it.world), it.desk.payer(&it.world)];
    let deadline = it.world.clock.now() + 25_000;
    let _ = tokio::join!(
        payers[0].answer(&ben, "1", deadline),
        payers[1].answer(&dee, "2", deadline),
        it.world.deliver(&it.event)
    );
    it.world.minutes_pass(30).await;
    assert_eq!(it.paid(), 1);
}

#[tokio::test]
async fn refuses_what_two_people_may_not_lift() {
    // The owner's own limit for people.
    let capped = |text: String| limited(text).replacen("max_amount", "max_approved = { eur = 1100 }\nmax_amount", 1);
    let mut it = OverLimit::with(capped).await;
    assert!(!case_of(&it.world, &it.key).await.offers(Ending::LiftLimit, None), "nobody is offered what payer refuses");
    let shown = it.proposed(1).await;
    assert_eq!(why(&it.approved(&shown).await), "other_order");
    assert_eq!(it.paid(), 0);

    // A currency that the owner named no limit for.
    let unnamed = |text: String| text.replacen("eur = 500000, ", "", 1);
    let mut it = OverLimit::with(unnamed).await;
    let shown = it.proposed(1).await;
    assert_eq!(why(&it.approved(&shown).await), "other_order");

    // Anything else that is wrong with it.
    let mut it = OverLimit::with(|text| {
        limited(text).replacen("max_amount", "destination_pattern = \"acct_nobody\"\nmax_amount", 1)
    })
    .await;
    let mut seen = filed(&it.world, &case_of(&it.world, &it.key).await.id()).await;
    seen.case.destination = Some(payonce_protocol::order::Destination::new(PAYEE).unwrap());
    let approval = payonce_end_to_end::approval(&it.world, &seen, Ending::LiftLimit, 1, 1);
    let token = it.desk.token(&it.world, "ann", "analyst", Hand::Maker, &approval);
    it.desk.propose_with(&it.world, &seen, &approval, token).await;
    let shown = Shown { case: seen.case.id(), approval };
    assert_eq!(why(&it.approved(&shown).await), "other_order");
    assert_eq!(it.paid(), 0);
}

#[tokio::test]
async fn refuses_while_held_barred_or_with_a_token_for_other_terms() {
    let mut it = OverLimit::new().await;
    let shown = it.proposed(1).await;
    // Signed for as a further attempt, and for the maker's hand.
    for wrong in [
        it.desk.token(&it.world, "ben", "approver", Hand::Maker, &shown.approval),
        it.desk.token(&it.world, "ben", "approver", Hand::Checker, &{
            let mut other = shown.approval.clone();
            other.ending = Ending::Reissue;
            other
        }),
        it.desk.token(&it.world, "ann", "approver", Hand::Checker, &shown.approval),
    ] {
        let request = Request::Case(OneCase { case: shown.case.to_string(), checker: wrong });
        assert!(["token", "same_person"].contains(&why(&it.desk.ask(&it.world, &request).await)));
    }
    set_hold(&mut it.world, Hold::Refuse).await;
    assert_eq!(why(&it.approved(&shown).await), "held");
    it.world.ledger.set_hold(Hold::Pay, "a person", "a test", it.world.clock.now()).await.unwrap();
    it.world.restart_with(limited).await;
    let bar = payonce_ledger::Bar {
        key: it.key.clone(),
        event: EventId::new("evt_refund").unwrap(),
        provider: "stripe".to_owned(),
        body: payonce_protocol::ids::Digest::of("a refund"),
        received_at: it.world.clock.now(),
        barred_at: it.world.clock.now(),
    };
    it.world.ledger.bar(&bar).await.unwrap();
    assert_eq!(why(&it.approved(&shown).await), "barred");
    assert_eq!(it.paid(), 0);
}

/// Closed as not to be paid, which was wrong: its place keeps the closing, so this is attempt 2.
#[tokio::test]
async fn closed_over_its_limit_is_reopened_and_paid_once() {
    let mut it = OverLimit::new().await;
    let id = case_of(&it.world, &it.key).await.id();
    it.desk.ends(&it.world, &id, Ending::NotPaid).await;
    it.desk.reopens(&it.world, &id).await;
    let shown = it.proposed(2).await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 2, "accepted"));
    it.world.deliver(&it.event).await;
    it.world.minutes_pass(30).await;
    assert_eq!(it.paid(), 1);
}

/// An event that came too late is too old for its rule, and for nothing else.
#[tokio::test]
async fn stale_event_is_paid_once_when_two_people_lift_its_age() {
    let world = World::with(|text| text.replacen("max_amount", "max_age = \"96h\"\nmax_amount", 1)).await;
    let mut event = payment("1", PAYEE, world.clock.now());
    event["created"] = json!(world.clock.now() / 1000 - 97 * 3600);
    assert_eq!(world.deliver(&event).await.reason(), "stale_event");
    let (key, mut desk) = (key_of(&event), Desk::new());
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::LiftLimit, 1, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 1, "accepted"));
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    assert_eq!(world.executed(&key).len(), 1);
}

/// The handler is dropped at its k-th wait, for every k; then the same people ask again, the event comes again, and the sweeper
/// goes round.
#[tokio::test]
async fn survives_a_crash_at_any_step_of_lifting_a_limit() {
    let mut waits = 1;
    loop {
        let mut it = OverLimit::new().await;
        let shown = it.proposed(1).await;
        let request = it.desk.approves(&it.world, &shown);
        let payer = it.desk.payer(&it.world);
        let deadline = it.world.clock.now() + 25_000;
        let whole = cut_after(waits, payer.answer(&request, "1", deadline)).await.is_some();
        let again = it.desk.ask(&it.world, &request).await;
        it.world.deliver(&it.event).await;
        it.world.minutes_pass(6).await;
        let what = format!("cut after {waits} waits, then {}", why(&again));
        assert!(it.paid() <= 1, "{what}: paid {} times", it.paid());
        let outcome = it.world.ledger.attempt(&it.key, 1).await.unwrap().and_then(|(_, outcome)| outcome);
        let accepted = outcome.is_some_and(|outcome| outcome.verdict.outcome == Outcome::Accepted);
        let open = it.world.cases().await.iter().any(|case| case.key.as_ref() == Some(&it.key));
        assert!((accepted && it.paid() == 1) || open, "{what}: neither paid and recorded, nor a case");
        if whole {
            break;
        }
        waits += 1;
        assert!(waits < 500);
    }
    assert!(waits > 12, "lifting a limit waits more often than {waits} times");
}

/// The claim stands for just these terms: a further attempt at it needs no other decision about the limit.
#[tokio::test]
async fn further_attempt_follows_a_lifted_one_that_the_rail_refused() {
    let world = World::with(limited).await;
    let event = payment("1", "acct_sandboxRefuses", world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "invalid_event");
    let (key, mut desk) = (key_of(&event), Desk::new());
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::LiftLimit, 1, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 1, "rejected"));
    let shown = desk.propose(&world, &case_of(&world, &key).await, Ending::Reissue, 2, 2).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&key, 2, "rejected"));
    assert!(world.executed(&key).is_empty());
}
