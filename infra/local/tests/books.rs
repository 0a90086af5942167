//! The books must be able to disagree: each test spoils one side and expects to be told, by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]

use std::collections::BTreeMap;

use payonce_ledger::Case;
use payonce_local::books::{BookedAttempt, Books, Closed, EndedCase, Fault, Records};
use payonce_local::hand::ByHand;
use payonce_local::sandbox_rail::Transfer;
use payonce_local::sender::{Expected, Payout, Sent};
use payonce_protocol::case::Ending;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};

fn sent(number: u64, expected: Expected) -> Sent {
    let name = format!("evt_{number}");
    Sent { about: vec![name.clone()], name, expected, acknowledged: true }
}

fn payout(number: u64) -> Payout {
    Payout { key: format!("stripe/pi_{number}"), amount: 100, currency: "eur".into(), payee: "acct_1".into() }
}

fn transfer(number: u64) -> Transfer {
    Transfer {
        id: format!("tr_{number}"),
        amount: 100,
        currency: "eur".into(),
        destination: "acct_1".into(),
        source_transaction: None,
        // Another's, or nobody's: the books do not go by it.
        transfer_group: Some("stripe/pi_another".into()),
        metadata: [("payout_key".to_owned(), format!("stripe/pi_{number}"))].into(),
        idempotency_key: format!("rail-key-{number}"),
        created: 1,
        amount_reversed: 0,
    }
}

fn attempt(number: u64, outcome: Option<Outcome>) -> (String, Vec<BookedAttempt>) {
    let attempt = BookedAttempt { rail_key: format!("rail-key-{number}"), event: format!("evt_{number}"), outcome };
    (format!("stripe/pi_{number}"), vec![attempt])
}

fn by_hand(number: u64) -> ByHand {
    ByHand { event: format!("evt_{number}"), payout: payout(number) }
}

fn case(reason: Reason, number: u64) -> Case {
    let (event, key) = (format!("evt_{number}"), format!("stripe/pi_{number}"));
    Case {
        key: Some(PayoutKey::new(key.clone()).unwrap()),
        event: Some(EventId::new(event.clone()).unwrap()),
        ..Case::new(reason, vec![key, event], 1)
    }
}

/// 1 is paid, 2 is executed and unknown with its case, 3 is refused with its case, 4 asks for nothing, 5 is invalid, 6 was
/// ended by people and paid by hand.
fn kept() -> Records {
    Records {
        sent: vec![
            sent(1, Expected::Payout(payout(1))),
            sent(2, Expected::Payout(payout(2))),
            sent(3, Expected::Payout(payout(3))),
            sent(4, Expected::Nothing),
            sent(5, Expected::Case("invalid_event".into())),
            sent(6, Expected::Payout(payout(6))),
        ],
        by_hand: vec![by_hand(6)],
        executed: vec![transfer(1), transfer(2)],
        requests: (1..=3).map(|number| (format!("stripe/pi_{number}"), 1)).collect(),
        claims: 3,
        attempts: BTreeMap::from([
            attempt(1, Some(Outcome::Accepted)),
            attempt(2, Some(Outcome::Unknown)),
            attempt(3, Some(Outcome::Rejected)),
        ]),
        cases: vec![case(Reason::PayoutUnknown, 2), case(Reason::PayoutRejected, 3), case(Reason::InvalidEvent, 5)],
        ..Records::default()
    }
}

fn faults(spoil: impl Fn(&mut Records)) -> Vec<(Fault, String)> {
    let mut kept = kept();
    spoil(&mut kept);
    Books::compare(&kept).faults.into_iter().collect()
}

fn only(fault: Fault, about: &str) -> Vec<(Fault, String)> {
    vec![(fault, about.to_owned())]
}

#[test]
fn books_in_order_agree() {
    let books = Books::compare(&kept());
    assert!(books.agree(), "{:?}", books.faults);
    assert_eq!((books.claims, books.requests, books.payouts, books.confirmed), (3, 3, 2, 1));
    assert_eq!((books.cases["payout_unknown"], books.by_hand), (1, 1));
}

/// A payee has the money of one order at most once, by whichever hand.
#[test]
fn hand_payment_beside_another_is_told() {
    let told = |key: &str| only(Fault::PaidByHandAsWell, key);
    assert_eq!(faults(|kept| kept.by_hand.push(by_hand(1))), told("stripe/pi_1"), "the rail paid, and so did a person");
    assert_eq!(faults(|kept| kept.by_hand.push(by_hand(2))), told("stripe/pi_2"), "its unknown payout was executed");
    assert_eq!(faults(|kept| kept.by_hand.push(by_hand(6))), told("stripe/pi_6"), "twice by hand");
    // As an order of its own: another key, the same event.
    let own = |event: &str| {
        let event = EventId::new(event).unwrap();
        PayoutKey::new("stripe/pi_1").unwrap().of_own_order(&event).unwrap().to_string()
    };
    let second = |paid: &'static str| {
        faults(move |kept| {
            kept.by_hand.push(ByHand { event: "evt_second".into(), payout: payout(1) });
            kept.executed.push(Transfer { metadata: [("payout_key".to_owned(), own(paid))].into(), ..transfer(7) });
            let attempt =
                BookedAttempt { rail_key: "rail-key-7".into(), event: paid.into(), outcome: Some(Outcome::Accepted) };
            kept.attempts.insert(own(paid), vec![attempt]);
            kept.executed_before = 3;
        })
    };
    assert_eq!(second("evt_second"), told("stripe/pi_1"));
    assert_eq!(second("evt_third"), [], "another event's order");
}

#[test]
fn hand_payment_on_other_terms_is_told() {
    assert_eq!(faults(|kept| kept.by_hand[0].payout.amount = 99), only(Fault::OtherTerms, "stripe/pi_6"));
    assert_eq!(faults(|kept| drop(kept.by_hand.pop())), only(Fault::Lost, "evt_6"), "nobody paid it");
}

#[test]
fn second_payout_is_told() {
    let twice = faults(|kept| kept.executed.push(transfer(1)));
    assert_eq!(twice, only(Fault::PaidTwice, "stripe/pi_1"));
    let twice = faults(|kept| kept.executed.push(transfer(2)));
    assert_eq!(twice, only(Fault::PaidTwice, "stripe/pi_2"), "its case does not excuse it");
}

#[test]
fn second_request_is_told() {
    let asked = faults(|kept| kept.requests.extend([("stripe/pi_3".into(), 2)]));
    assert_eq!(asked, only(Fault::AskedTwice, "stripe/pi_3"));
}

#[test]
fn lost_payout_is_told() {
    assert_eq!(faults(|kept| drop(kept.cases.remove(1))), only(Fault::Lost, "evt_3"));
    // Executed, and nobody knows: a claim without outcome and without a case.
    assert_eq!(faults(|kept| drop(kept.cases.remove(0))), only(Fault::Lost, "evt_2"));
    // An outcome that says accepted, and nothing at the rail.
    assert_eq!(faults(|kept| drop(kept.executed.remove(0))), only(Fault::Lost, "evt_1"));
    // An event that left no trace at all.
    assert_eq!(faults(|kept| kept.sent.push(sent(9, Expected::Payout(payout(9))))), only(Fault::Lost, "evt_9"));
    assert_eq!(faults(|kept| drop(kept.cases.remove(2))), only(Fault::Lost, "evt_5"));
}

#[test]
fn case_about_something_else_hides_no_loss() {
    for other in [Reason::ConflictingDuplicate, Reason::SecondEventForKey] {
        let lost = faults(|kept| kept.cases[1] = case(other, 3));
        assert_eq!(lost, only(Fault::Lost, "evt_3"), "{other}");
    }
    let wrong_reason = faults(|kept| kept.cases[2] = case(Reason::UnroutedEvent, 5));
    assert_eq!(wrong_reason, only(Fault::Lost, "evt_5"));
}

#[test]
fn payout_that_nobody_asked_for_is_told() {
    let unasked = |before: usize| {
        faults(|kept| {
            kept.executed.push(transfer(4));
            kept.attempts.extend([attempt(4, Some(Outcome::Accepted))]);
            kept.executed_before = before;
        })
    };
    assert_eq!(unasked(0), only(Fault::Unasked, "stripe/pi_4"));
    // From an earlier run, when a person may have sent it.
    assert_eq!(unasked(3), []);
}

#[test]
fn payout_on_other_terms_is_told() {
    assert_eq!(faults(|kept| kept.executed[0].amount = 1000), only(Fault::OtherTerms, "stripe/pi_1"));
    assert_eq!(faults(|kept| kept.executed[0].currency = "usd".into()), only(Fault::OtherTerms, "stripe/pi_1"));
    assert_eq!(faults(|kept| kept.executed[1].destination = "acct_2".into()), only(Fault::OtherTerms, "stripe/pi_2"));
}

#[test]
fn payout_without_its_claim_is_told() {
    let other_key = faults(|kept| kept.executed[0].idempotency_key = "somebody's".into());
    assert_eq!(other_key, only(Fault::Unclaimed, "stripe/pi_1"));
    let no_claim = faults(|kept| drop(kept.attempts.remove("stripe/pi_2")));
    assert_eq!(no_claim, only(Fault::Unclaimed, "stripe/pi_2"));
}

#[test]
fn event_that_was_never_acknowledged_is_told() {
    assert_eq!(faults(|kept| kept.sent[3].acknowledged = false), only(Fault::NotTaken, "evt_4"));
}

/// As two people end its case.
fn ends(number: u64, ending: Ending) -> impl Fn(&mut Records) {
    move |kept| {
        let name = format!("evt_{number}");
        let of = kept.cases.iter().position(|case| case.subject.contains(&name)).unwrap();
        let case = kept.cases.remove(of);
        kept.ended.push(EndedCase { case, ending });
    }
}

#[test]
fn a_case_that_people_ended_accounts_for_its_event() {
    for ending in [Ending::PaidElsewhere, Ending::NotPaid, Ending::WrittenOff, Ending::DuplicateOf] {
        assert_eq!(faults(ends(3, ending)), [], "{ending}: refused by the rail");
        assert_eq!(faults(ends(5, ending)), [], "{ending}: invalid");
    }
    assert_eq!(faults(ends(2, Ending::ConfirmedAccepted)), [], "the rail has it");
    let mut kept = kept();
    ends(3, Ending::PaidElsewhere)(&mut kept);
    assert_eq!(Books::compare(&kept).ended, BTreeMap::from([("paid_elsewhere", 1)]));
}

#[test]
fn an_ending_that_the_rail_contradicts_is_told() {
    let key = |number: u64| format!("stripe/pi_{number}");
    assert_eq!(faults(ends(2, Ending::PaidElsewhere)), only(Fault::PaidByHandAsWell, &key(2)));
    assert_eq!(faults(ends(2, Ending::NotPaid)), only(Fault::PaidThoughEnded, &key(2)));
    assert_eq!(faults(ends(3, Ending::ConfirmedAccepted)), only(Fault::Lost, "evt_3"), "nothing is there");
    assert_eq!(faults(ends(3, Ending::Reissue)), only(Fault::Lost, "evt_3"), "decided, and nothing came of it");
}

/// Two people decided on it: it has a claim and a rail key of its own.
#[test]
fn a_further_attempt_is_no_second_request() {
    let again = |kept: &mut Records| {
        ends(3, Ending::Reissue)(kept);
        let second =
            BookedAttempt { rail_key: "rail-key-3-2".into(), event: "evt_3".into(), outcome: Some(Outcome::Accepted) };
        kept.attempts.get_mut("stripe/pi_3").unwrap().push(second);
        kept.requests.insert("stripe/pi_3".into(), 2);
        kept.executed.push(Transfer { idempotency_key: "rail-key-3-2".into(), ..transfer(3) });
    };
    assert_eq!(faults(again), []);
    let and_again = |kept: &mut Records| {
        again(kept);
        kept.requests.insert("stripe/pi_3".into(), 3);
    };
    assert_eq!(faults(and_again), only(Fault::AskedTwice, "stripe/pi_3"));
}

#[test]
fn a_closing_claim_accounts_for_the_event_that_it_was_written_for() {
    let closed = |event: &'static str| {
        faults(move |kept| {
            kept.sent.push(sent(9, Expected::Payout(payout(9))));
            kept.closed.insert("stripe/pi_9".into(), Closed { event: Some(event.into()), ending: Ending::NotPaid });
        })
    };
    assert_eq!(closed("evt_9"), []);
    assert_eq!(closed("evt_1"), only(Fault::Lost, "evt_9"));
}
