//! What people decide binds the machine: an event whose case they ended is not paid later, and what is filed is an open case.

use payer::{Answer, Request};
use payonce_end_to_end::{Desk, PAYEE, Shown, World, approval, cut_after, filed, key_of, payment};
use payonce_ledger::{Acted, CaseAct, Closing, Standing, Who};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::approval::Hand;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::Reason;
use payonce_protocol::sweep::MINUTE_MS;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

use crate::further_attempts::{attempted, case_of, why};

const ENDINGS: [Ending; 4] = [Ending::PaidElsewhere, Ending::NotPaid, Ending::WrittenOff, Ending::DuplicateOf];

/// Why an event has a case and no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    BeforeCutover,
    /// The rule allows less than the event asks for.
    TooMuch,
    /// The provider did not come back after a 503.
    Refused,
    SecondEvent,
}

const CAUSES: [Cause; 4] = [Cause::BeforeCutover, Cause::TooMuch, Cause::Refused, Cause::SecondEvent];

fn configured(cause: Cause) -> impl Fn(String) -> String {
    let key = "key = \"/data/object/id\"";
    move |text| match cause {
        Cause::BeforeCutover => text.replacen(key, &format!("paid_from = \"2026-11-23T00:00:00Z\"\n{key}"), 1),
        Cause::TooMuch => text.replacen("eur = 500000", "eur = 1000", 1),
        Cause::Refused | Cause::SecondEvent => text,
    }
}

pub struct Claimless {
    pub world: World,
    pub desk: Desk,
    pub case: CaseId,
    pub event: Value,
    /// Under which the event would be paid.
    pub key: PayoutKey,
}

impl Claimless {
    pub async fn of(cause: Cause) -> Self {
        let world = World::with(configured(cause)).await;
        let warm = payment("warm", PAYEE, world.clock.now());
        world.deliver(&warm).await;
        let mut event = payment("1", PAYEE, world.clock.now());
        match cause {
            Cause::BeforeCutover => {
                event["created"] = json!(world.clock.now() / 1000 - 60);
                assert_eq!(world.deliver(&event).await.reason(), "before_cutover");
            }
            Cause::TooMuch => assert_eq!(world.deliver(&event).await.reason(), "invalid_event"),
            Cause::Refused => never_came_back(&world, &event).await,
            Cause::SecondEvent => {
                world.deliver(&payment("1", PAYEE, world.clock.now())).await;
                event["id"] = json!("evt_another");
                // Nothing is left of the first one's charge.
                event["data"]["object"]["latest_charge"] = json!("ch_another_4200eur");
                assert_eq!(world.deliver(&event).await.reason(), "second_event_for_key");
            }
        }
        let (key, case) = (key_of(&event), case_of(&world, &key_of(&event)).await.id());
        let key = match cause {
            Cause::SecondEvent => key.of_own_order(&id_of(&event)).unwrap(),
            _ => key,
        };
        // Hours later, as people are.
        world.clock.advance(90 * MINUTE_MS);
        Self { world, desk: Desk::new(), case, event, key }
    }

    pub async fn ends(&mut self, ending: Ending) -> Answer {
        self.desk.ends(&self.world, &self.case, ending).await
    }

    /// The cause goes away, and the event is sent again.
    async fn comes_again(&mut self) -> String {
        self.world.clock.advance(MINUTE_MS);
        self.world.restart_with(|text| text).await;
        let answer = self.world.deliver(&self.event).await;
        assert_eq!(answer.status, 200);
        if answer.outcome() == "filed" {
            let open = self.world.cases().await;
            let says_so = open.iter().any(|case| case.event == Some(id_of(&self.event)));
            assert!(says_so, "filed as {}, and no open case says so", answer.reason());
        }
        answer.outcome().to_owned()
    }

    async fn closing(&self) -> Option<Closing> {
        match self.world.ledger.standing(&self.key, 1).await.unwrap() {
            Some(Standing::Closing(closing)) => Some(closing),
            _ => None,
        }
    }

    fn paid(&self) -> usize {
        self.world.executed(&self.key).len()
    }
}

pub fn id_of(event: &Value) -> EventId {
    EventId::new(event["id"].as_str().unwrap()).unwrap()
}

/// Refused because the rail was down, until its provider will not come back.
pub async fn never_came_back(world: &World, event: &Value) {
    world.rail.set_weather(Weather::Down).await;
    assert_eq!(world.deliver(event).await.reason(), "rail_unreachable");
    world.rail.set_weather(Weather::Fair).await;
    its_time_is_over(world).await;
}

pub async fn its_time_is_over(world: &World) {
    let patience = world.provider.patience();
    world.clock.advance(patience.refuse_for_ms + patience.longest_gap_ms - MINUTE_MS);
    world.ledger.set_round(world.clock.now() / MINUTE_MS).await.unwrap();
    world.minutes_pass(10).await;
}

pub fn closed(case: &CaseId) -> Answer {
    Answer::Closed { case: case.to_string() }
}

/// Every ending, for every reason. A payee who was paid by hand has the money of this order once.
#[tokio::test]
async fn ending_of_a_case_without_an_attempt_binds_its_event() {
    for cause in CAUSES {
        for ending in ENDINGS {
            let mut it = Claimless::of(cause).await;
            assert_eq!(it.ends(ending).await, closed(&it.case), "{cause:?} {ending}");
            let by_hand = usize::from(ending == Ending::PaidElsewhere);
            let closing = it.closing().await.expect("a closing claim");
            assert_eq!((closing.ending, &closing.case), (ending, &it.case));
            // The sum and the payee are vouched for by the kept body, or by the note of the refusal; the rule that does not
            // allow the event says nothing.
            assert_eq!(closing.terms.is_some(), cause != Cause::TooMuch, "{cause:?}");
            let seen = filed(&it.world, &it.case).await;
            assert_eq!((seen.status, seen.resolution.unwrap().approved_by.subject.as_str()), (Status::Resolved, "ben"));
            let outcome = it.comes_again().await;
            let expected = if matches!(cause, Cause::BeforeCutover | Cause::Refused) { "duplicate" } else { "filed" };
            assert_eq!(outcome, expected, "{cause:?} {ending}");
            it.world.minutes_pass(30).await;
            assert_eq!(it.paid(), 0, "{cause:?} {ending}: it was ended, and is paid");
            assert!(it.paid() + by_hand <= 1);
        }
    }
}

/// Of the very same event the sum was changed meanwhile: nobody decided about that.
#[tokio::test]
async fn closed_event_with_other_terms_is_a_case() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.ends(Ending::NotPaid).await;
    it.world.restart_with(|text| text).await;
    it.event["data"]["object"]["amount_received"] = json!(4300);
    let answer = it.world.deliver(&it.event).await;
    assert_eq!((answer.outcome(), answer.reason()), ("filed", "conflicting_duplicate"));
    let mut other = payment("1", PAYEE, it.world.clock.now());
    other["id"] = json!("evt_other");
    assert_eq!(it.world.deliver(&other).await.reason(), "second_event_for_key");
    assert_eq!(it.paid(), 0);
    // While payouts are held a closed event is a duplicate as well.
    it.event["data"]["object"]["amount_received"] = payment("1", PAYEE, 0)["data"]["object"]["amount_received"].clone();
    it.world.rail.set_weather(Weather::Down).await;
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "duplicate");
}

/// The people did not know that it came; what payonce paid is not paid by hand as well.
#[tokio::test]
async fn ending_is_refused_when_the_event_came_meanwhile() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.desk.proposes(&it.world, &it.case, Ending::NotPaid).await;
    assert_eq!(it.comes_again().await, "accepted");
    let asked = Desk::closes(&it.case, "ben");
    assert_eq!(why(&it.desk.ask(&it.world, &asked).await), "came_after_all");
    let back = CaseAct::SendBack("it was paid".to_owned());
    let who = Who::function("ben");
    it.world.clock.advance(MINUTE_MS);
    it.world.ledger.act(&filed(&it.world, &it.case).await, &back, &who, it.world.clock.now()).await.unwrap();
    assert_eq!(why(&it.ends(Ending::PaidElsewhere).await), "came_after_all", "it was paid, and by hand again");
    it.world.ledger.act(&filed(&it.world, &it.case).await, &back, &who, it.world.clock.now()).await.unwrap();
    assert_eq!(it.ends(Ending::WrittenOff).await, closed(&it.case), "they know, and end its case");
    assert_eq!((it.closing().await, it.paid()), (None, 1));
}

/// The event and the approval at once: one of them is first, and the other one hears of it.
#[tokio::test]
async fn event_and_its_ending_at_once_are_not_both() {
    for first in ["the event", "the ending"] {
        let mut it = Claimless::of(Cause::BeforeCutover).await;
        it.desk.proposes(&it.world, &it.case, Ending::PaidElsewhere).await;
        it.world.restart_with(|text| text).await;
        it.world.proxy.forget();
        let (target, held) =
            if first == "the event" { ("TransactWriteItems", "closing") } else { ("PutItem", "#claim") };
        it.world.proxy.plan(1, target, held, Fault::Hold);
        let payer = it.desk.payer(&it.world);
        let (asked, deadline) = (Desk::closes(&it.case, "ben"), it.world.clock.now() + 25_000);
        let (ended, came) = tokio::join!(payer.answer(&asked, "1", deadline), it.world.deliver(&it.event));
        it.world.proxy.release_held().await;
        let is_ended = ended == closed(&it.case);
        let is_paid = came.outcome() == "accepted";
        assert!(!(is_ended && is_paid), "{first}: {ended:?} {came:?}");
        assert!(it.paid() + usize::from(is_ended) <= 1, "{first}");
    }
}

/// A second event of a key, ended by hand, is not paid as its own order; one that was paid so is not paid by hand.
#[tokio::test]
async fn second_event_is_paid_by_one_hand_only() {
    let mut it = Claimless::of(Cause::SecondEvent).await;
    assert_eq!(it.ends(Ending::PaidElsewhere).await, closed(&it.case));
    it.desk.reopens(&it.world, &it.case).await;
    let case = filed(&it.world, &it.case).await.case;
    let shown = it.desk.propose(&it.world, &case, Ending::OwnOrder, 1, 1).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(why(&it.desk.ask(&it.world, &request).await), "claimed");
    assert_eq!(it.paid(), 0);

    let mut it = Claimless::of(Cause::SecondEvent).await;
    let case = filed(&it.world, &it.case).await.case;
    let shown = it.desk.propose(&it.world, &case, Ending::OwnOrder, 1, 1).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(it.desk.ask(&it.world, &request).await, attempted(&it.key, 1, "accepted"));
    it.desk.reopens(&it.world, &it.case).await;
    it.world.clock.advance(MINUTE_MS);
    assert_eq!(why(&it.ends(Ending::PaidElsewhere).await), "came_after_all");
    assert_eq!(it.paid(), 1);
}

/// A closing that was wrong is mended as any other attempt is: two people, and attempt 2.
#[tokio::test]
async fn closed_case_is_reopened_and_paid_once() {
    for cause in [Cause::BeforeCutover, Cause::TooMuch, Cause::SecondEvent] {
        let mut it = Claimless::of(cause).await;
        it.ends(Ending::NotPaid).await;
        it.world.restart_with(|text| text).await;
        let shown = reissue(&mut it).await;
        let dee = it.desk.token(&it.world, "dee", "approver", Hand::Checker, &shown.approval);
        let dee = Request::Case(payer::OneCase { case: it.case.to_string(), checker: dee });
        let ben = it.desk.approves(&it.world, &shown);
        let payers = [it.desk.payer(&it.world), it.desk.payer(&it.world)];
        let deadline = it.world.clock.now() + 25_000;
        let (one, two) = tokio::join!(payers[0].answer(&ben, "1", deadline), payers[1].answer(&dee, "2", deadline));
        let paid = [&one, &two].into_iter().filter(|answer| **answer == attempted(&it.key, 2, "accepted")).count();
        assert_eq!((paid, it.paid()), (1, 1), "{cause:?}: {one:?} {two:?}");
        let second = it.world.ledger.read_claim(&it.key, 2).await.unwrap().unwrap();
        assert_eq!((second.key_generation, second.event), (1, id_of(&it.event)));
        // Reopened once more, and sent again: the attempt stands.
        it.desk.reopens(&it.world, &it.case).await;
        let again = reissue_of(&it, 3).await;
        let request = it.desk.approves(&it.world, &again);
        assert_eq!(why(&it.desk.ask(&it.world, &request).await), "not_awaited");
        it.comes_again().await;
        it.world.minutes_pass(30).await;
        assert_eq!(it.paid(), 1, "{cause:?}");
    }
}

pub async fn reissue(it: &mut Claimless) -> Shown {
    it.desk.reopens(&it.world, &it.case).await;
    reissue_of(it, 2).await
}

async fn reissue_of(it: &Claimless, attempt: u16) -> Shown {
    let seen = filed(&it.world, &it.case).await;
    // As the page shows it: what the kept body asks for, under the key of the closing.
    let mut known = seen.clone();
    known.case = seen.case.clone().with_order(&order_of(it));
    let mut shown = approval(&it.world, &known, Ending::Reissue, attempt, 1);
    shown.key = it.key.clone();
    let token = it.desk.token(&it.world, "ann", "analyst", Hand::Maker, &shown);
    it.desk.propose_with(&it.world, &seen, &shown, token).await;
    Shown { case: it.case.clone(), approval: shown }
}

fn order_of(it: &Claimless) -> payonce_protocol::order::PayoutOrder {
    let body = it.event.to_string();
    let named = payonce_protocol::ids::Digest::of(&body);
    let event = it.world.provider.kept(body.as_bytes(), named, &id_of(&it.event)).unwrap();
    let rail_mode = payonce_protocol::order::Mode::Test;
    let context = payonce_providers::RouteContext { rail_mode, paid_from: None, files_undated: false, now: 0 };
    match it.world.provider.route_by_people(&event, &context) {
        payonce_providers::Routed::Order(order) => order,
        other => panic!("{other:?}"),
    }
}

/// Of an event that was refused no body was kept: there is nothing to derive an order from.
#[tokio::test]
async fn closed_case_without_a_body_is_not_paid() {
    let mut it = Claimless::of(Cause::Refused).await;
    it.ends(Ending::NotPaid).await;
    let shown = reissue(&mut it).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(why(&it.desk.ask(&it.world, &request).await), "no_body");
    assert_eq!(it.paid(), 0);
}

/// The handler is dropped at its k-th wait, for every k: the case is open, or it is closed and its place is taken.
#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_closing() {
    for cause in [Cause::BeforeCutover, Cause::SecondEvent] {
        let mut waits = 1;
        loop {
            let mut it = Claimless::of(cause).await;
            it.desk.proposes(&it.world, &it.case, Ending::PaidElsewhere).await;
            let asked = Desk::closes(&it.case, "ben");
            let payer = it.desk.payer(&it.world);
            let deadline = it.world.clock.now() + 25_000;
            let whole = cut_after(waits, payer.answer(&asked, "1", deadline)).await.is_some();
            let is_closed = filed(&it.world, &it.case).await.status == Status::Resolved;
            assert_eq!(it.closing().await.is_some(), is_closed, "cut after {waits} waits");
            let again = it.desk.ask(&it.world, &asked).await;
            assert!(again == closed(&it.case) || why(&again) == "not_awaited", "{again:?}");
            assert!(it.closing().await.is_some());
            if whole {
                break;
            }
            waits += 1;
            assert!(waits < 500);
        }
        assert!(waits > 3, "a closing waits more often than {waits} times");
    }
}

#[tokio::test]
async fn two_approvers_at_once_close_once() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.desk.proposes(&it.world, &it.case, Ending::PaidElsewhere).await;
    let payers = [it.desk.payer(&it.world), it.desk.payer(&it.world)];
    let deadline = it.world.clock.now() + 25_000;
    let (ben, dee) = (Desk::closes(&it.case, "ben"), Desk::closes(&it.case, "dee"));
    let (ben, dee) = tokio::join!(payers[0].answer(&ben, "1", deadline), payers[1].answer(&dee, "2", deadline));
    let closed = [&ben, &dee].into_iter().filter(|answer| **answer == closed(&it.case)).count();
    assert_eq!(closed, 1, "{ben:?} {dee:?}");
    let other = [&ben, &dee].into_iter().map(why).find(|why| *why != "closed").unwrap();
    assert!(["changed", "not_awaited"].contains(&other), "{other}");
    let approvals = it.world.ledger.history(&it.case).await.unwrap();
    assert_eq!(approvals.iter().filter(|record| record.act == "approve").count(), 1);
}

/// Whoever owns the console can ask for anything.
#[tokio::test]
async fn console_that_lies_closes_nothing() {
    let mut it = Claimless::of(Cause::SecondEvent).await;
    let ask = |case: &CaseId, who: &str| Desk::closes(case, who);
    let nobody = CaseId::new(Reason::InvalidEvent, &["nobody"]);
    for (request, expected) in [(ask(&nobody, "ben"), "no_case"), (ask(&it.case, "ben"), "not_awaited")] {
        assert_eq!(why(&it.desk.ask(&it.world, &request).await), expected);
    }
    // Awaiting approval of a payout, which is for two fresh sign-ins.
    let case = filed(&it.world, &it.case).await.case;
    it.desk.propose(&it.world, &case, Ending::OwnOrder, 1, 1).await;
    assert_eq!(why(&it.desk.ask(&it.world, &ask(&it.case, "ben")).await), "not_awaited");
    let back = CaseAct::SendBack("no".to_owned());
    let seen = filed(&it.world, &it.case).await;
    it.world.ledger.act(&seen, &back, &Who::function("ben"), it.world.clock.now()).await.unwrap();
    // The maker's own.
    it.desk.proposes(&it.world, &it.case, Ending::PaidElsewhere).await;
    assert_eq!(why(&it.desk.ask(&it.world, &ask(&it.case, "ann")).await), "same_person");
    assert_eq!(it.closing().await, None);
    // Past payer: the ledger knows no ending without a place that is taken.
    let seen = filed(&it.world, &it.case).await;
    assert_eq!(it.world.ledger.bound(&seen).await, Ok(None));
    let elsewhere = Claimless::of(Cause::SecondEvent).await;
    let first = case_with_a_claim(&it.world).await;
    let bound = it.world.ledger.bound(&first).await.unwrap().expect("it has an attempt");
    let approve = CaseAct::Approve("a lie".to_owned(), bound);
    let acted = it.world.ledger.act(&seen, &approve, &Who::function("ben"), it.world.clock.now()).await;
    assert_eq!(acted, Ok(Acted::NotNow));
    drop(elsewhere);
}

async fn case_with_a_claim(world: &World) -> payonce_ledger::FiledCase {
    let event = payment("refused", "acct_sandboxRefuses", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "rejected");
    filed(world, &case_of(world, &key_of(&event)).await.id()).await
}

/// A case about an attempt ends without payer: its claim stands.
#[tokio::test]
async fn ending_of_a_case_with_an_attempt_needs_no_closing_claim() {
    let world = World::start().await;
    let seen = case_with_a_claim(&world).await;
    let mut desk = Desk::new();
    assert_eq!(desk.ends(&world, &seen.case.id(), Ending::PaidElsewhere).await, closed(&seen.case.id()));
    let standing = world.ledger.standing(seen.case.key.as_ref().unwrap(), 1).await.unwrap();
    assert!(matches!(standing, Some(Standing::Claim(_))));
}

/// A resolved case swallowed its type for ever.
#[tokio::test]
async fn filed_is_answered_only_when_an_open_case_says_so() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let mut unrouted = payment("unrouted", PAYEE, world.clock.now());
    unrouted["type"] = json!("payment_intent.unheard_of");
    let mut invalid = payment("invalid", PAYEE, world.clock.now());
    invalid["data"]["object"]["amount_received"] = json!(0);
    let paid = payment("paid", PAYEE, world.clock.now());
    world.deliver(&paid).await;
    let (mut second, mut conflicting) = (paid.clone(), paid.clone());
    second["id"] = json!("evt_another");
    conflicting["data"]["object"]["amount_received"] = json!(4300);
    for (event, reason) in [
        (unrouted, Reason::UnroutedEvent),
        (invalid, Reason::InvalidEvent),
        (second, Reason::SecondEventForKey),
        (conflicting, Reason::ConflictingDuplicate),
    ] {
        assert_eq!(world.deliver(&event).await.outcome(), "filed");
        let case = world.cases().await.into_iter().find(|case| case.reason == reason).unwrap().id();
        assert_eq!(desk.ends(&world, &case, Ending::NotPaid).await, closed(&case), "{reason}");
        assert_eq!(world.reasons().await.get(&reason), None);
        // Several at once: one of them opens it again, and all find it open.
        let (one, two, three) = tokio::join!(world.deliver(&event), world.deliver(&event), world.deliver(&event));
        for answer in [one, two, three] {
            assert_eq!((answer.outcome(), answer.reason()), ("filed", reason.as_str()));
        }
        assert_eq!(world.reasons().await.get(&reason), Some(&1), "{reason}: filed, and no open case");
        let seen = filed(&world, &case).await;
        assert_eq!((seen.status, &seen.resolution, &seen.proposal), (Status::Reopened, &None, &None));
        let history = world.ledger.history(&case).await.unwrap();
        let reopened: Vec<_> = history.iter().filter(|record| record.act == "reopened").collect();
        assert_eq!(reopened.len(), 1, "{reason}");
        assert_eq!((reopened[0].by.subject.as_str(), &reopened[0].by.name), ("payonce", &None));
        assert_eq!(reopened[0].facts.get(FactName::Event).unwrap(), event["id"].as_str().unwrap());
        assert_eq!(reopened[0].facts.get(FactName::BodySha256).unwrap().len(), 64);
    }
}

/// An open case could not be ensured: the provider is to come back.
#[tokio::test]
async fn case_that_cannot_be_reopened_is_not_answered_as_filed() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let mut event = payment("invalid", PAYEE, world.clock.now());
    event["data"]["object"]["amount_received"] = json!(0);
    world.deliver(&event).await;
    let case = case_of(&world, &key_of(&event)).await.id();
    desk.ends(&world, &case, Ending::NotPaid).await;
    world.proxy.plan(100, "TransactWriteItems", "reopened", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.status, 503);
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.outcome(), "filed");
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 1)].into());
}

/// It was refused, came back and has a case: a second one would let it be paid by hand beside its own order.
#[tokio::test]
async fn refused_event_that_came_back_as_a_case_is_not_filed_twice() {
    for is_ended in [false, true] {
        let mut world = World::start().await;
        let mut desk = Desk::new();
        let first = payment("1", PAYEE, world.clock.now());
        world.deliver(&first).await;
        let mut others = vec![];
        for (name, pointer, value) in [
            ("evt_second", "/id", json!("evt_second")),
            ("evt_invalid", "/data/object/metadata/payee", json!("acct_1/../x")),
        ] {
            let mut good = payment(name.trim_start_matches("evt_"), PAYEE, world.clock.now());
            if name == "evt_second" {
                good["data"]["object"]["id"] = first["data"]["object"]["id"].clone();
            }
            let mut back = good.clone();
            *back.pointer_mut(pointer).unwrap() = value;
            others.push((good, back));
        }
        // A second event finds the first one's claim even while the rail is away, so payouts are refused for want of time.
        let whole = std::mem::replace(&mut world.function_ms, 0);
        world.proxy.plan(100, "GetItem", "0001#claim", Fault::SERVER_ERROR);
        for (good, _) in &others {
            assert_eq!(world.deliver(good).await.reason(), "no_time");
        }
        world.proxy.forget();
        world.function_ms = whole;
        for (_, back) in &others {
            assert_eq!(world.deliver(back).await.outcome(), "filed");
        }
        for case in world.cases().await {
            if is_ended {
                assert_eq!(desk.ends(&world, &case.id(), Ending::PaidElsewhere).await, closed(&case.id()));
            }
        }
        its_time_is_over(&world).await;
        assert_eq!(world.reasons().await.get(&Reason::RefusedNotRedelivered), None, "ended: {is_ended}");
    }
}

/// A body that names no key gives none to close. Once its rule is right, the kept body does; until then the ending binds nothing.
#[tokio::test]
async fn ending_of_a_case_without_a_key_closes_what_its_body_names_now() {
    let wrong = |text: String| text.replacen("key = \"/data/object/id\"", "key = \"/data/object/nothing\"", 1);
    for is_mended in [true, false] {
        let mut world = World::with(wrong).await;
        let event = payment("1", PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "invalid_event");
        let case = world.cases().await.remove(0);
        assert_eq!(case.key, None);
        if is_mended {
            world.restart_with(|text| text).await;
        }
        assert_eq!(Desk::new().ends(&world, &case.id(), Ending::NotPaid).await, closed(&case.id()));
        let standing = world.ledger.standing(&key_of(&event), 1).await.unwrap();
        assert_eq!(standing.is_some(), is_mended);
        if is_mended {
            assert_eq!(filed(&world, &case.id()).await.case.key, Some(key_of(&event)));
            assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
        }
        assert_eq!(world.payout_requests(), 0);
    }
}

/// A refused event has a case, comes very late as the second of its key, and people say which of the two cases stays: that one
/// is then paid, once.
#[tokio::test]
async fn duplicate_of_leaves_the_other_case_its_payout() {
    let world = World::start().await;
    let mut desk = Desk::new();
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    let first = payment("1", PAYEE, world.clock.now());
    let mut second = first.clone();
    second["id"] = json!("evt_another");
    // Nothing is left of the first one's charge.
    second["data"]["object"]["latest_charge"] = json!("ch_another_4200eur");
    world.rail.set_weather(Weather::Down).await;
    assert_eq!(world.deliver(&second).await.reason(), "rail_unreachable");
    world.rail.set_weather(Weather::Fair).await;
    its_time_is_over(&world).await;
    let refused = case_of(&world, &key_of(&first)).await;
    let now = payment("1", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&now).await.outcome(), "accepted");
    assert_eq!(world.deliver(&second).await.reason(), "second_event_for_key");
    assert_eq!(desk.ends(&world, &refused.id(), Ending::DuplicateOf).await, closed(&refused.id()));
    let stays = case_of(&world, &key_of(&first)).await;
    assert_eq!(stays.reason, Reason::SecondEventForKey);
    let own = key_of(&first).of_own_order(&id_of(&second)).unwrap();
    let seen = filed(&world, &stays.id()).await;
    let mut shown = approval(&world, &seen, Ending::Reissue, 2, 1);
    shown.key = own.clone();
    let token = desk.token(&world, "ann", "analyst", Hand::Maker, &shown);
    desk.propose_with(&world, &seen, &shown, token).await;
    let request = desk.approves(&world, &Shown { case: stays.id(), approval: shown });
    assert_eq!(desk.ask(&world, &request).await, attempted(&own, 2, "accepted"));
    assert_eq!((world.executed(&key_of(&first)).len(), world.executed(&own).len()), (1, 1));
}

/// The console that asks for it may not have looked.
#[tokio::test]
async fn what_the_rail_has_is_not_ended_as_unpaid() {
    let world = World::start().await;
    let event = payment("1", "acct_sandboxExecutesThenDies", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "unknown");
    world.minutes_pass(30).await;
    let case = case_of(&world, &key_of(&event)).await.id();
    let mut desk = Desk::new();
    assert_eq!(why(&desk.ends(&world, &case, Ending::NotPaid).await), "not_offered");
    let seen = filed(&world, &case).await;
    assert_eq!((seen.status, world.ledger.bound(&seen).await.unwrap()), (Status::AwaitingApproval, None));
}

/// An ending was wrong, and payonce paid after all: the closing that stands must not hide that.
#[tokio::test]
async fn what_was_paid_after_an_ending_is_not_paid_by_hand_as_well() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.ends(Ending::NotPaid).await;
    it.world.restart_with(|text| text).await;
    let shown = reissue(&mut it).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(it.desk.ask(&it.world, &request).await, attempted(&it.key, 2, "accepted"));
    it.desk.reopens(&it.world, &it.case).await;
    it.world.clock.advance(MINUTE_MS);
    assert_eq!(why(&it.ends(Ending::PaidElsewhere).await), "came_after_all");
    assert_eq!(it.paid(), 1);
}

/// One event has two cases, because its rule changed between its deliveries: people would pay it by hand for each.
#[tokio::test]
async fn pays_by_hand_once_when_one_event_has_two_cases() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    it.world.restart_with(configured(Cause::TooMuch)).await;
    assert_eq!(it.world.deliver(&it.event).await.reason(), "invalid_event");
    let cases = it.world.cases().await;
    let other = cases.iter().find(|case| case.reason == Reason::InvalidEvent).unwrap().id();
    assert_eq!(it.ends(Ending::PaidElsewhere).await, closed(&it.case));
    it.world.clock.advance(MINUTE_MS);
    assert_eq!(why(&it.desk.ends(&it.world, &other, Ending::PaidElsewhere).await), "came_after_all");
    // What pays nothing more may end it.
    assert_eq!(filed(&it.world, &other).await.status, Status::AwaitingApproval);
}

/// Still before the cutover, and decided: it is no work again.
#[tokio::test]
async fn ended_event_that_is_sent_again_before_its_cutover_is_a_duplicate() {
    let mut it = Claimless::of(Cause::BeforeCutover).await;
    assert_eq!(it.ends(Ending::PaidElsewhere).await, closed(&it.case));
    assert_eq!(it.world.deliver(&it.event).await.outcome(), "duplicate");
    assert_eq!(filed(&it.world, &it.case).await.status, Status::Resolved);
}

/// Whoever owns the console writes a case that closes the own order of an event which has its payout already.
#[tokio::test]
async fn own_order_of_the_first_event_is_not_paid_after_a_closing() {
    let world = World::start().await;
    let event = payment("1", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
    let claim = world.ledger.read_claim(&key_of(&event), 1).await.unwrap().unwrap();
    let own = claim.key.of_own_order(&claim.event).unwrap();
    let forged = payonce_ledger::Case {
        provider: Some(claim.provider.clone()),
        event: Some(claim.event.clone()),
        key: Some(own.clone()),
        money: Some(claim.money),
        destination: Some(claim.destination.clone()),
        body: Some(claim.body),
        ..payonce_ledger::Case::new(Reason::BeforeCutover, vec!["forged".to_owned()], world.clock.now())
    };
    world.ledger.open_case(&forged).await.unwrap();
    world.clock.advance(90 * MINUTE_MS);
    let mut it = Claimless { world, desk: Desk::new(), case: forged.id(), event, key: own };
    it.ends(Ending::NotPaid).await;
    let shown = reissue(&mut it).await;
    let request = it.desk.approves(&it.world, &shown);
    assert_eq!(why(&it.desk.ask(&it.world, &request).await), "claimed");
    assert_eq!((it.paid(), it.world.payout_requests()), (0, 1));
}
