//! An event that the provider's books have and that never reached us: two people replay it, and it is paid once.

use payer::Request;
use payonce_end_to_end::{Desk, PAYEE, Shown, World, cut_after, filed, key_of, payment};
use payonce_ledger::Case;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey};
use payonce_protocol::outcome::Reason;
use serde_json::{Value, json};

use crate::blocks::refund;
use crate::further_attempts::{attempted, case_of, why};

struct Missing {
    world: World,
    desk: Desk,
    event: Value,
    key: PayoutKey,
}

impl Missing {
    async fn new() -> Self {
        Self::with(|text| text, |_| {}).await
    }

    /// As the reconciler files it: with the event as the provider's list gave it.
    async fn with(change: impl Fn(String) -> String, alter: impl Fn(&mut Value)) -> Self {
        let world = World::with(change).await;
        let mut event = payment("1", PAYEE, world.clock.now());
        alter(&mut event);
        let (key, now) = (key_of(&event), world.clock.now());
        let body = event.to_string();
        let digest = Digest::of(&body);
        world.ledger.put_body(digest, body.as_bytes(), now, 30).await.unwrap();
        let sum = event["data"]["object"]["amount_received"].as_u64().unwrap();
        let case = Case {
            provider: Some("stripe".to_owned()),
            key: Some(key.clone()),
            event: Some(EventId::new(event["id"].as_str().unwrap()).unwrap()),
            money: Some(Money::new(sum, 2, "EUR".parse().unwrap()).unwrap()),
            destination: Some(Destination::new(PAYEE).unwrap()),
            body: Some(digest),
            ..Case::new(Reason::EventMissing, vec![key.to_string(), "event_missing:provider:0:evt".to_owned()], now)
        };
        world.ledger.open_case(&case).await.unwrap();
        world.clock.advance(3_600_000);
        Self { world, desk: Desk::new(), event, key }
    }

    async fn proposed(&self) -> Shown {
        let case = case_of(&self.world, &self.key).await;
        self.desk.propose(&self.world, &case, Ending::Replay, 1, 1).await
    }

    async fn approved(&mut self, shown: &Shown) -> payer::Answer {
        let request = self.desk.approves(&self.world, shown);
        self.desk.ask(&self.world, &request).await
    }

    fn paid(&self) -> usize {
        self.world.executed(&self.key).len()
    }
}

#[tokio::test]
async fn pays_once_when_two_people_replay_a_missing_event() {
    let mut it = Missing::new().await;
    assert!(case_of(&it.world, &it.key).await.offers(Ending::Replay, None));
    let shown = it.proposed().await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
    let case = filed(&it.world, &shown.case).await;
    assert_eq!((case.status, case.resolution.unwrap().attempt), (Status::Resolved, Some(1)));
    assert_eq!(why(&it.approved(&shown).await), "not_awaited");
    // It comes after all.
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "duplicate");
    it.world.minutes_pass(30).await;
    assert_eq!((it.paid(), it.world.cases().await.len()), (1, 0));
}

#[tokio::test]
async fn refuses_to_replay_what_came_meanwhile() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "accepted");
    assert_eq!(why(&it.approved(&shown).await), "claimed");
    assert_eq!(it.paid(), 1);
}

/// Every rule holds for it: no limit is lifted by the way, and what is too old stays unpaid.
#[tokio::test]
async fn refuses_to_replay_what_its_rule_would_not_pay() {
    let mut it = Missing::with(|text| text.replacen("eur = 500000", "eur = 1000", 1), |_| {}).await;
    let shown = it.proposed().await;
    assert_eq!(why(&it.approved(&shown).await), "other_order");
    assert_eq!(it.paid(), 0);

    let aged = |text: String| text.replacen("max_amount", "max_age = \"96h\"\nmax_amount", 1);
    let old = |event: &mut Value| {
        let signed = event["created"].as_u64().unwrap();
        event["created"] = json!(signed - 97 * 3600);
    };
    let mut it = Missing::with(aged, old).await;
    let shown = it.proposed().await;
    assert_eq!(why(&it.approved(&shown).await), "other_order");
    assert_eq!(it.paid(), 0);
}

/// The case promises one sum, and the kept event asks for another.
#[tokio::test]
async fn refuses_to_replay_an_event_that_is_not_the_one_of_its_case() {
    let mut it = Missing::with(|text| text, |_| {}).await;
    let case = case_of(&it.world, &it.key).await;
    let mut other = it.event.clone();
    other["data"]["object"]["amount_received"] = json!(1);
    let body = other.to_string();
    it.world.ledger.put_body(Digest::of(&body), body.as_bytes(), 0, 30).await.unwrap();
    let case = Case { body: Some(Digest::of(&body)), subject: vec!["another".to_owned()], ..case };
    it.world.ledger.open_case(&case).await.unwrap();
    let shown = it.desk.propose(&it.world, &case, Ending::Replay, 1, 1).await;
    assert_eq!(why(&it.approved(&shown).await), "other_order");
    assert_eq!(it.paid(), 0);
}

/// The payment was given back: its refund came here, or was lost with it and stands in the provider's list.
#[tokio::test]
async fn refuses_to_replay_what_was_given_back() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    assert_eq!(it.world.deliver(&refund("1", 1, it.world.clock.now())).await.status, 200);
    assert_eq!(why(&it.approved(&shown).await), "barred");

    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    let mut lost = Case {
        event: Some(EventId::new("evt_back").unwrap()),
        ..Case::new(Reason::EventMissing, vec![it.key.to_string(), "event_missing:provider:0:evt_back".to_owned()], 1)
    };
    lost.key = Some(it.key.clone());
    lost.say(payonce_protocol::fact::FactName::BlockedBy, "evt_back");
    it.world.ledger.open_case(&lost).await.unwrap();
    assert_eq!(why(&it.approved(&shown).await), "barred");
    assert_eq!(it.paid(), 0);
}

/// Without the event itself nobody can say what it asks for: such a case ends by hand.
#[tokio::test]
async fn replay_is_offered_only_where_the_event_is_kept() {
    let it = Missing::new().await;
    let case = case_of(&it.world, &it.key).await;
    assert!(!Case { body: None, ..case.clone() }.offers(Ending::Replay, None));
    assert!(!Case { destination: None, ..case.clone() }.offers(Ending::Replay, None));
    assert!(!Case { reason: Reason::StaleEvent, ..case }.offers(Ending::Replay, None));
}

#[tokio::test]
async fn replay_and_the_event_itself_at_once_pay_once() {
    for _ in 0..4 {
        let mut it = Missing::new().await;
        let shown = it.proposed().await;
        let request = it.desk.approves(&it.world, &shown);
        let payer = it.desk.payer(&it.world);
        let deadline = it.world.clock.now() + 25_000;
        let _ = tokio::join!(payer.answer(&request, "1", deadline), it.world.deliver(&it.event));
        it.world.minutes_pass(30).await;
        assert_eq!(it.paid(), 1);
    }
}

/// Cut off at every wait, then approved again and delivered: never twice, and never without a case or a payout.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_cut_off_anywhere_pays_at_most_once_and_loses_nothing() {
    for waits in (1..).step_by(3) {
        let mut it = Missing::new().await;
        let shown = it.proposed().await;
        let request: Request = it.desk.approves(&it.world, &shown);
        let payer = it.desk.payer(&it.world);
        let deadline = it.world.clock.now() + 25_000;
        let ended = cut_after(waits, payer.answer(&request, "1", deadline)).await.is_some();
        it.world.minutes_pass(30).await;
        it.world.deliver(&it.event).await;
        it.world.minutes_pass(30).await;
        it.world.assert_at_most_once_and_never_lost(&it.key, &format!("cut at wait {waits}")).await;
        if ended {
            assert!(waits > 12, "only {waits} places to be cut off at");
            break;
        }
    }
}
