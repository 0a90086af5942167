//! An event that the provider's books have and that never reached us: two people replay it, and it is paid once.

use payer::Request;
use payonce_end_to_end::{Desk, PAYEE, Shown, World, cut_after, filed, key_of, payment};
use payonce_ledger::{Books, Case};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey};
use payonce_protocol::outcome::Reason;
use serde_json::{Value, json};

use crate::blocks::refund;
use crate::further_attempts::{attempted, case_of, provider_says, why};
use crate::replaced_rules::hold;

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
        self.provider_says(false);
        self.desk.ask(&self.world, &request).await
    }

    /// Whether the payment was given back; each payer asks for itself.
    fn provider_says(&mut self, refunded: bool) {
        self.desk.sources.get_or_insert_with(|| ("stripe".to_owned(), provider_says(refunded).0));
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

/// A refund or dispute that came before the replay, be it before the proposal or after it.
#[tokio::test]
async fn a_replay_whose_refund_came_first_is_refused() {
    for comes_before_the_proposal in [true, false] {
        let mut it = Missing::new().await;
        let refund = refund("1", 1, it.world.clock.now());
        let gives_back = async |world: &World| assert_eq!(world.deliver(&refund).await.outcome(), "barred");
        if comes_before_the_proposal {
            gives_back(&it.world).await;
        }
        let shown = it.proposed().await;
        if !comes_before_the_proposal {
            gives_back(&it.world).await;
        }
        assert_eq!(why(&it.approved(&shown).await), "barred");
        assert_eq!(it.paid(), 0);
    }
}

#[tokio::test]
async fn refuses_to_replay_what_the_provider_gave_back() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    it.provider_says(true);
    assert_eq!(why(&it.approved(&shown).await), "source_blocks");
    assert_eq!(it.paid(), 0);
}

/// Whoever sends no payments here sends no refunds either, and a refund since the books were read stands in none of them: where nobody
/// can ask the provider, nobody knows.
#[tokio::test]
async fn refuses_to_replay_where_the_provider_cannot_be_asked_for_the_payment() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(why(&it.desk.ask(&it.world, &request).await), "source_unknown");
    assert_eq!(it.paid(), 0);
    // Nor after an ending that was wrong.
    for ending in [Ending::Replay, Ending::Reissue] {
        let mut it = Missing::new().await;
        let case = case_of(&it.world, &it.key).await;
        it.desk.ends(&it.world, &case.id(), Ending::NotPaid).await;
        it.desk.reopens(&it.world, &case.id()).await;
        let shown = it.desk.propose(&it.world, &case, ending, 2, 1).await;
        let request = it.desk.approves(&it.world, &shown);
        assert_eq!(why(&it.desk.ask(&it.world, &request).await), "source_unknown", "{ending}");
        assert_eq!(it.paid(), 0, "{ending}");
    }
}

/// Somebody else may have paid it, with our mark upon it.
#[tokio::test]
async fn refuses_to_replay_what_the_rail_has_or_may_have() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    it.world.rail.set_weather(Weather::Down).await;
    assert_eq!(why(&it.approved(&shown).await), "rail_silent");
    it.world.rail.set_weather(Weather::Fair).await;
    let other = payment("2", PAYEE, it.world.clock.now());
    assert_eq!(it.world.deliver(&other).await.outcome(), "accepted");
    let mut transfer = it.world.executed(&key_of(&other))[0].clone();
    let mark = transfer.metadata.values_mut().find(|value| *value == key_of(&other).as_str()).unwrap();
    *mark = it.key.to_string();
    transfer.id = "tr_of_another".to_owned();
    it.world.rail.plant([transfer]);
    assert_eq!(why(&it.approved(&shown).await), "not_offered");
    assert_eq!(it.world.ledger.read_claim(&it.key, 1).await.unwrap(), None);
}

/// What stops webhooks stops a replay, and what is from before the books whole books cannot be told of.
#[tokio::test]
async fn refuses_to_replay_while_payouts_are_held_and_what_is_from_before_the_books() {
    let mut it = Missing::new().await;
    let shown = it.proposed().await;
    hold(&it.world, Hold::Refuse).await;
    assert_eq!(why(&it.approved(&shown).await), "held");
    hold(&it.world, Hold::Pay).await;
    let backup = it.world.backup().await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
    it.world.move_to(backup).await;
    assert_eq!(why(&it.approved(&shown).await), "not_released");
    it.world.clock.advance(1_000);
    it.world.ledger.release(Books::Restored, "a person", "restored", it.world.clock.now()).await.unwrap();
    assert_eq!(why(&it.approved(&shown).await), "before_books");
    assert_eq!(it.paid(), 1);
}

/// A list of another mode, or of a connected account: whose money it is the event says itself.
#[tokio::test]
async fn refuses_to_replay_an_event_of_another_mode_or_account() {
    let strangers: [fn(&mut Value); 2] =
        [|event| event["livemode"] = json!(true), |event| event["account"] = json!("acct_of_another")];
    for stranger in strangers {
        let mut it = Missing::with(|text| text, stranger).await;
        let shown = it.proposed().await;
        assert_eq!(why(&it.approved(&shown).await), "other_order");
        assert_eq!(it.paid(), 0);
    }
}

/// Two cases of one event, by which runs and under which names ever: one payout.
#[tokio::test]
async fn two_cases_of_one_event_are_one_payout() {
    let mut it = Missing::new().await;
    let first = case_of(&it.world, &it.key).await;
    let second =
        Case { subject: vec![it.key.to_string(), "event_missing:provider:0:other".to_owned()], ..first.clone() };
    it.world.ledger.open_case(&second).await.unwrap();
    let shown = it.desk.propose(&it.world, &first, Ending::Replay, 1, 1).await;
    let again = it.desk.propose(&it.world, &second, Ending::Replay, 1, 1).await;
    assert_eq!(it.approved(&shown).await, attempted(&it.key, 1, "accepted"));
    assert_eq!(why(&it.approved(&again).await), "claimed");
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

/// Its refund was lost with it, and stands in the provider's list.
#[tokio::test]
async fn refuses_to_replay_what_a_lost_refund_gave_back() {
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
        it.provider_says(false);
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
        it.provider_says(false);
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
