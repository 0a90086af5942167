//! Closing claims: what an ending by people leaves in the audit table, and who it stops.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{
    Agreed, Bar, Case, CaseAct, Claim, Closed, Closing, Filed, FiledCase, FoundPayout, FurtherDecision, LookUpRecord,
    RefusalNote, Seen, Standing,
};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::closing::{ClosedBy, ClosingFacts};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::{AttemptId, Digest};
use payonce_protocol::order::EventId;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;

use crate::acts::approve;
use crate::bench::{Bench, MINUTE, NOW, case_of, claim, closing, outcome, person, proposal};
use crate::index::rows;

/// A case whose event has no claim, as it awaits approval of an ending that Ann proposed.
async fn awaiting(bench: &Bench, object: &str, ending: Ending) -> FiledCase {
    let mut case = case_of(&claim(object, 1), Reason::BeforeCutover);
    (case.attempt, case.money, case.destination) = (None, None, None);
    bench.ledger.open_case(&case).await.unwrap();
    let seen = bench.ledger.case(&case.id()).await.unwrap().unwrap();
    let propose = CaseAct::Propose(proposal(&seen, ending, &person("ann")), None);
    bench.ledger.act(&seen, &propose, &person("ann"), NOW).await.unwrap();
    bench.ledger.case(&case.id()).await.unwrap().unwrap()
}

async fn close(bench: &Bench, closing: &Closing, seen: &FiledCase, who: &str) -> Closed {
    let agreed = Agreed { case: seen, checker: &person(who), note: "seen", at: NOW };
    bench.ledger.close(closing, &[], agreed).await.unwrap()
}

async fn again(bench: &Bench, seen: &FiledCase) -> FiledCase {
    bench.ledger.case(&seen.case.id()).await.unwrap().unwrap()
}

pub async fn an_event_is_found_and_closed_under_each_of_its_keys(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    let ours = closing(&seen.case, "pi_1");
    let event = seen.case.event.clone().unwrap();
    let others = ["pi_2", "pi_3"].map(|object| claim(object, 1).key);
    bench.ledger.add_alias(&event, &ours.key, &others[0]).await.unwrap();
    bench.ledger.add_alias(&event, &others[0], &others[1]).await.unwrap();
    bench.ledger.add_alias(&event, &others[0], &others[1]).await.unwrap();
    let unrelated = claim("pi_4", 1);
    bench.ledger.add_alias(&EventId::new("evt_other").unwrap(), &ours.key, &unrelated.key).await.unwrap();
    for start in [&ours.key, &others[0], &others[1]] {
        let mut keys: Vec<_> =
            bench.ledger.places(start, Some(&event)).await.unwrap().into_iter().map(|place| place.key).collect();
        keys.sort();
        assert_eq!(keys, [ours.key.clone(), others[0].clone(), others[1].clone()]);
    }
    assert_eq!(bench.ledger.bound(&seen).await, Ok(None));
    let agreed = Agreed { case: &seen, checker: &person("ben"), note: "seen", at: NOW };
    assert_eq!(bench.ledger.close(&ours, &others, agreed).await, Ok(Closed::Done));
    // So many that nobody follows more of them: an event has one or two.
    for number in 5..20 {
        bench.ledger.add_alias(&event, &others[1], &claim(&format!("pi_{number}"), 1).key).await.unwrap();
    }
    assert_eq!(bench.ledger.places(&ours.key, Some(&event)).await.unwrap().len(), 8);
    for key in &others {
        assert!(matches!(bench.ledger.standing(key, 1).await, Ok(Some(Standing::Closing(_)))), "{key} is free");
    }
    assert_eq!(bench.ledger.standing(&unrelated.key, 1).await, Ok(None));
    assert!(bench.ledger.payout(&ours.key).await.unwrap().closed.is_some(), "its other keys are no part of a payout");
}

pub async fn closing_is_no_attempt(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    assert_eq!(bench.ledger.bound(&seen).await, Ok(None));
    let ours = closing(&seen.case, "pi_1");
    assert_eq!(close(&bench, &ours, &seen, "ben").await, Closed::Done);
    assert_eq!(bench.ledger.standing(&ours.key, 1).await, Ok(Some(Standing::Closing(ours.clone()))));
    let payout = bench.ledger.payout(&ours.key).await.unwrap();
    assert_eq!((&payout.closed, payout.attempts.len()), (&Some(ours.clone()), 0));
    assert!(payout.is_closed_for(&seen.case));
    let of_same_event = case_of(&claim("pi_1", 1), Reason::SecondEventForKey);
    assert!(!payout.is_closed_for(&of_same_event), "another case's");
    let mut passed_on = payout.clone();
    passed_on.closed.as_mut().unwrap().ending = Ending::DuplicateOf;
    assert!(passed_on.is_closed_for(&of_same_event), "the same event's, and said to be so");
    assert!(!passed_on.is_closed_for(&case_of(&claim("pi_2", 1), Reason::SecondEventForKey)));
    // Nobody sweeps it, and nobody takes it for a claim.
    assert_eq!(rows(&bench, MINUTE).await, vec![]);
    assert_eq!(bench.ledger.read_claim(&ours.key, 1).await, Ok(None));
    assert_eq!(bench.ledger.attempt(&ours.key, 1).await, Ok(None));
    let after = again(&bench, &seen).await;
    let expected = (Status::Resolved, Some(ours.key.clone()), Some(1), Some(claim("pi_1", 1).money));
    assert_eq!((after.status, after.case.key, after.case.attempt, after.case.money), expected);
    let history = bench.ledger.history(&seen.case.id()).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.act.as_str(), last.facts.get(FactName::Closed).unwrap()), ("approve", ours.key.as_str()));
}

pub async fn claim_is_told_what_closed_its_place(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    let ours = closing(&seen.case, "pi_1");
    close(&bench, &ours, &seen, "ben").await;
    let event = claim("pi_1", 7);
    let facts =
        ClosingFacts { by: ClosedBy::People, event: Some(event.facts().event), terms: Some(event.facts().terms) };
    assert_eq!(bench.ledger.put_claim(&event).await, ClaimAnswer::Closed(facts));
    // Without verified terms, of a newer schema, or unreadable: it closes, and vouches for nobody.
    let mut item = bench.audit(&ours.key, "0001#claim").await.unwrap();
    let nobody = ClaimAnswer::Closed(ClosingFacts { by: ClosedBy::People, event: None, terms: None });
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.audit, item.clone()).await;
    assert_eq!(bench.ledger.put_claim(&event).await, nobody);
    item.insert("v".to_owned(), AttributeValue::N("1".to_owned()));
    item.remove("rail");
    bench.plant(&bench.tables.audit, item).await;
    assert_eq!(bench.ledger.put_claim(&event).await, nobody);
}

/// All of it or nothing: a place that is taken, a maker, a case that somebody changed, an ending that was not proposed.
pub async fn closing_and_ending_are_one(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    let ours = closing(&seen.case, "pi_1");
    assert_eq!(close(&bench, &ours, &seen, "ann").await, Closed::Changed, "the maker");
    let mut lie = seen.clone();
    lie.proposal.as_mut().unwrap().by = person("somebody");
    assert_eq!(close(&bench, &ours, &lie, "ann").await, Closed::Changed, "the maker, and a lie");
    let other = Closing { ending: Ending::PaidElsewhere, ..ours.clone() };
    assert_eq!(close(&bench, &other, &seen, "ben").await, Closed::Changed, "another ending");
    bench.ledger.act(&seen, &CaseAct::Assign(person("dee")), &person("dee"), NOW).await.unwrap();
    assert_eq!(close(&bench, &ours, &seen, "ben").await, Closed::Changed, "changed");
    assert_eq!(bench.ledger.standing(&ours.key, 1).await, Ok(None));
    let seen = again(&bench, &seen).await;
    assert_eq!(bench.ledger.put_claim(&claim("pi_1", 9)).await, ClaimAnswer::Written);
    assert_eq!(close(&bench, &ours, &seen, "ben").await, Closed::Taken);
    assert_eq!(again(&bench, &seen).await, seen);
    // Now the place is taken, and that is proof enough: of this case, as it stands.
    let agreed = approve(&bench, &seen, "seen").await;
    let other = awaiting(&bench, "pi_2", Ending::WrittenOff).await;
    let acted = bench.ledger.act(&other, &agreed, &person("ben"), NOW).await;
    assert_eq!(acted, Ok(payonce_ledger::Acted::NotNow), "another case's proof");
    let acted = bench.ledger.act(&seen, &agreed, &person("ben"), NOW).await.unwrap();
    assert!(matches!(acted, payonce_ledger::Acted::Done(_)));
}

pub async fn recognises_its_own_closing_after_a_lost_answer(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    let ours = closing(&seen.case, "pi_1");
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "", Fault::DropAnswer);
    assert_eq!(close(&bench, &ours, &seen, "ben").await, Closed::Done, "the second try is told of the first");
    let conflicting = awaiting(&bench, "pi_2", Ending::WrittenOff).await;
    bench.proxy.plan(1, "TransactWriteItems", "", Fault::Conflict);
    assert_eq!(close(&bench, &closing(&conflicting.case, "pi_2"), &conflicting, "ben").await, Closed::Done);
}

/// The attempt after a closing needs the closing, and no other attempt does.
pub async fn further_claim_follows_a_closing(bench: Bench) {
    let seen = awaiting(&bench, "pi_1", Ending::WrittenOff).await;
    let ours = closing(&seen.case, "pi_1");
    close(&bench, &ours, &seen, "ben").await;
    let proposed = awaiting(&bench, "pi_3", Ending::Reissue).await;
    let further = |object: &str, number: u8| {
        let digest = Digest::of(format!("{} closed {number}", bench.tables.audit));
        let mut id = [0; 16];
        id.copy_from_slice(&digest.0[..16]);
        Claim { attempt: 2, attempt_id: AttemptId(id), ..claim(object, 1) }
    };
    let (ben, facts) = (person("ben"), Default::default());
    let unless_barred = &ours.key;
    let decided = |after_closing| FurtherDecision {
        case: &proposed,
        checker: &ben,
        facts: &facts,
        unless_barred,
        after_closing,
        at: NOW,
    };
    assert_eq!(
        bench.ledger.put_further_claim(None, &further("pi_1", 1), decided(false)).await,
        ClaimAnswer::NotApplied
    );
    assert_eq!(
        bench.ledger.put_further_claim(None, &further("pi_none", 2), decided(true)).await,
        ClaimAnswer::NotApplied
    );
    bench.ledger.put_claim(&claim("pi_claimed", 3)).await;
    assert_eq!(
        bench.ledger.put_further_claim(None, &further("pi_claimed", 4), decided(true)).await,
        ClaimAnswer::NotApplied
    );
    // A blocking event that came between payer's look and its claim.
    let back = claim("pi_back", 6);
    let (event, provider, body) = (back.event, back.provider, back.body);
    let bar = Bar { key: back.key, event, provider, body, received_at: NOW, barred_at: NOW };
    assert_eq!(bench.ledger.is_barred(&bar.key).await, Ok(false));
    assert_eq!(bench.ledger.bar(&bar).await, Ok(vec![]));
    assert_eq!(bench.ledger.is_barred(&bar.key).await, Ok(true));
    let barred = FurtherDecision { unless_barred: &bar.key, ..decided(true) };
    assert_eq!(bench.ledger.put_further_claim(None, &further("pi_1", 6), barred).await, ClaimAnswer::NotApplied);
    let second = further("pi_1", 5);
    assert_eq!(bench.ledger.put_further_claim(None, &second, decided(true)).await, ClaimAnswer::Written);
    let payout = bench.ledger.payout(&ours.key).await.unwrap();
    assert_eq!((payout.attempts.len(), payout.is_closed_for(&seen.case)), (1, false));
    assert_eq!(payout.attempts[0].claim, second);
}

/// Opened, found open, or open again, in whatever state people left it.
pub async fn case_that_came_again_is_open(bench: Bench) {
    let claim = claim("pi_1", 1);
    bench.ledger.put_claim(&claim).await;
    let mut case = case_of(&claim, Reason::SecondEventForKey);
    // Its event names it: it shares its case with no other.
    case.subject = vec![claim.key.to_string(), claim.event.to_string()];
    case.say(FactName::Problem, "another event");
    assert_eq!(bench.ledger.file_case(&case).await, Ok(Filed::New));
    assert_eq!(bench.ledger.file_case(&case).await, Ok(Filed::Open));
    let stands = async || bench.ledger.case(&case.id()).await.unwrap().unwrap();
    let act = async |doing: CaseAct, who: &str| {
        bench.ledger.act(&stands().await, &doing, &person(who), NOW).await.unwrap();
    };
    act(CaseAct::Assign(person("ann")), "ann").await;
    assert_eq!(bench.ledger.file_case(&case).await, Ok(Filed::Open));
    act(CaseAct::Propose(proposal(&stands().await, Ending::NotPaid, &person("ann")), None), "ann").await;
    let awaits = stands().await;
    assert_eq!(bench.ledger.file_case(&case).await, Ok(Filed::Open));
    assert_eq!(stands().await, awaits, "work under way is left alone");
    act(approve(&bench, &awaits, "seen").await, "ben").await;
    assert_eq!(bench.ledger.open_cases(9).await.unwrap().len(), 0);
    bench.proxy.forget();
    assert_eq!(bench.ledger.file_case(&case).await, Ok(Filed::Reopened));
    assert_eq!(bench.proxy.count("GetItem"), 0, "the refusal brings the case along");
    let open = stands().await;
    assert_eq!((open.status, &open.proposal, &open.resolution), (Status::Reopened, &None, &None));
    assert_eq!(bench.ledger.open_cases(9).await.unwrap().len(), 1);
    let last = bench.ledger.history(&case.id()).await.unwrap().pop().unwrap();
    assert_eq!((last.act.as_str(), last.by.subject.as_str()), ("reopened", "payonce"));
    assert_eq!(
        (last.facts.get(FactName::Event).unwrap(), last.facts.get(FactName::Problem).unwrap()),
        (claim.event.as_str(), "another event")
    );
    // The sweeper never opens one again.
    act(CaseAct::Propose(proposal(&stands().await, Ending::NotPaid, &person("ann")), None), "ann").await;
    act(approve(&bench, &stands().await, "seen").await, "ben").await;
    bench.ledger.open_case(&case).await.unwrap();
    assert_eq!(stands().await.status, Status::Resolved);
    // A resolved case of a newer schema is not ours to write, and is not said to be open.
    let mut item = bench.reconcile(case.id(), "case").await.unwrap();
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.reconcile, item).await;
    assert!(bench.ledger.file_case(&case).await.is_err());
}

/// An outcome is durable together with an open case, even when people had resolved one of that name.
pub async fn outcome_whose_case_is_resolved_opens_it(bench: Bench) {
    let claim = claim("pi_1", 1);
    bench.ledger.put_claim(&claim).await;
    let case = case_of(&claim, Reason::PayoutRejected);
    bench.ledger.open_case(&case).await.unwrap();
    let seen = bench.ledger.case(&case.id()).await.unwrap().unwrap();
    let propose = CaseAct::Propose(proposal(&seen, Ending::NotPaid, &person("ann")), None);
    bench.ledger.act(&seen, &propose, &person("ann"), NOW).await.unwrap();
    let seen = bench.ledger.case(&case.id()).await.unwrap().unwrap();
    let agreed = approve(&bench, &seen, "seen").await;
    bench.ledger.act(&seen, &agreed, &person("ben"), NOW).await.unwrap();
    assert_eq!(bench.ledger.record(&claim, &outcome(Outcome::Rejected), Some(&case)).await, Recorded::Durable);
    assert_eq!(bench.ledger.open_cases(9).await.unwrap().len(), 1);
}

/// Whatever speaks for a refused event keeps it from having a second case.
pub async fn payout_of_a_case_is_its_own_events(bench: Bench) {
    let case = |object: &str, event: &str| Case {
        event: EventId::new(event).ok(),
        ..case_of(&claim(object, 1), Reason::SecondEventForKey)
    };
    let of = async |case: &Case| {
        let (key, payout) = bench.ledger.payout_of(case).await.unwrap().expect("a key");
        (key, payout.attempts.len())
    };
    let (first, other) = (claim("pi_1", 1), claim("pi_2", 1));
    assert_eq!(of(&case("pi_1", first.event.as_str())).await, (first.key.clone(), 0));
    bench.ledger.put_claim(&first).await;
    assert_eq!(of(&case("pi_1", first.event.as_str())).await, (first.key.clone(), 1));
    // Another event has the key's place: this one would be an order of its own.
    let (own, attempts) = of(&case("pi_1", "evt_second")).await;
    assert!(own.is_own_order_of(&first.key) && attempts == 0, "{own}");
    // Other rules gave the event another key, and it was paid there.
    bench.ledger.put_claim(&other).await;
    bench.ledger.add_alias(&other.event, &claim("pi_new", 1).key, &other.key).await.unwrap();
    assert_eq!(of(&case("pi_new", other.event.as_str())).await, (other.key, 1));
}

/// Its key may be another event's: what was seen of that one's payout says nothing of this.
pub async fn rail_has_what_was_seen_of_the_cases_own_payout(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.ledger.put_claim(&ours).await;
    let found = FoundPayout {
        id: "tr_1".to_owned(),
        amount: 1,
        exponent: None,
        currency: "EUR".to_owned(),
        destination: None,
        created_at: NOW,
        returned: false,
    };
    let look_up = LookUpRecord { at: NOW, seen: Seen::Found(vec![found]), by: "sweeper".to_owned() };
    bench.ledger.add_look_up(&ours.key, 1, &look_up).await.unwrap();
    for (reason, has_it) in [(Reason::PayoutUnknown, true), (Reason::SecondEventForKey, false)] {
        let seen = FiledCase::opened(case_of(&ours, reason));
        assert_eq!(bench.ledger.rail_has_it(&seen).await, Ok(has_it), "{reason}");
    }
}

pub async fn refused_event_is_known_by_its_own_claim_or_closing(bench: Bench) {
    let of = |object: &str| {
        let claim = claim(object, 1);
        RefusalNote {
            key: claim.key,
            event: claim.event,
            provider: claim.provider,
            money: claim.money,
            destination: claim.destination,
            refused_at: NOW,
            final_after: NOW,
        }
    };
    let knows = async |object: &str| bench.ledger.is_accounted_for(&of(object)).await.unwrap();
    assert!(!knows("pi_nobody").await);
    bench.ledger.put_claim(&claim("pi_claimed", 1)).await;
    assert!(knows("pi_claimed").await);
    let other = Claim { event: claim("pi_other", 1).event, ..claim("pi_shared", 1) };
    bench.ledger.put_claim(&other).await;
    assert!(!knows("pi_shared").await, "another event's claim");
    let seen = awaiting(&bench, "pi_closed", Ending::WrittenOff).await;
    close(&bench, &closing(&seen.case, "pi_closed"), &seen, "ben").await;
    assert!(knows("pi_closed").await);
    let of_provider = [Reason::InvalidEvent, Reason::BeforeCutover, Reason::StaleEvent].map(|reason| (reason, true));
    let of_key = [
        Reason::SecondEventForKey,
        Reason::ConflictingDuplicate,
        Reason::InvalidEvent,
        Reason::BlockedBeforePayout,
        Reason::RefusedNotRedelivered,
    ]
    .map(|reason| (reason, false));
    for (number, (reason, is_of_provider)) in of_provider.into_iter().chain(of_key).enumerate() {
        let claim = claim(&format!("pi_case{number}"), 1);
        let first = if is_of_provider { claim.provider.clone() } else { claim.key.to_string() };
        let mut subject = vec![first, claim.event.to_string()];
        if reason == Reason::ConflictingDuplicate {
            subject.push(claim.facts().terms.to_string());
        }
        bench.ledger.open_case(&Case::new(reason, subject, NOW)).await.unwrap();
        assert!(knows(&format!("pi_case{number}")).await, "{reason}");
    }
    // A case that says nothing of whether it is paid, and another provider's event of the same id.
    for (reason, provider) in [(Reason::UnroutedEvent, "stripe"), (Reason::InvalidEvent, "adyen")] {
        let mut case = case_of(&claim("pi_elsewhere", 1), reason);
        case.provider = Some(provider.to_owned());
        bench.ledger.open_case(&case).await.unwrap();
        assert!(!knows("pi_elsewhere").await, "{reason} of {provider}");
    }
}
