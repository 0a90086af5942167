//! Books of one key that agree, and copies of them in which one thing is wrong.

mod chain;
mod kinds;

use super::breaks::BreakKind;
use super::facts::Facts;
use super::finding::{Finding, Found, Life, find};
use super::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum, Units};
use super::run::{Before, ChainError, Run, RunVerdict, Window, all_gaps};
use super::suggestion::suggestions;
use super::terms::{Gap, Lack, Settle, Terms, Why};
use crate::case::Ending;
use crate::money::Money;
use crate::order::{Destination, EventId, PayoutKey};
use crate::outcome::{Outcome, Reason};

const KEY: &str = "stripe/pi_1";
const LATE: u64 = 1_000_000;
const SETTLE: Settle = Settle { provider_ms: 1_000, ours_ms: 100, rail_ms: 500, bank_ms: 5_000 };

fn eur(minor: u64) -> Sum {
    Sum::new(minor, "EUR".parse().unwrap()).unwrap()
}

fn event(id: &str) -> EventId {
    EventId::new(id).unwrap()
}

fn row(id: &str, at: u64, record: Record) -> Row {
    let names = matches!(record, Record::Event { .. } | Record::Claim { .. } | Record::Payout { .. });
    let payee = names.then(|| Destination::new("acct_1").unwrap());
    Row { key: BookKey::parse(KEY).unwrap(), id: RowId::new(id).unwrap(), at, carried: false, payee, record }
}

fn terms(as_of: u64) -> Terms {
    Terms { as_of, settle: SETTLE, gaps: vec![], unread: Default::default() }
}

fn said(rows: &[Row]) -> Found {
    find(&BookKey::parse(KEY).unwrap(), rows, &terms(LATE))
}

fn names(found: &Found) -> Vec<(BreakKind, Book)> {
    found.breaks.iter().map(|(it, _)| (it.kind, it.book)).collect()
}

fn case(reason: Reason, attempt: Option<u16>, is_open: bool) -> Record {
    Record::Case {
        reason,
        attempt,
        event: Some(event("evt_1")),
        is_open,
        ending: None,
        subject: None,
        sum: Some(eur(100)),
    }
}

/// All four books agree.
fn paid() -> Vec<Row> {
    vec![
        row("evt_1", 10, Record::Event { sum: Some(eur(100)) }),
        row("0001#claim", 20, Record::Claim { attempt: 1, event: event("evt_1"), sum: eur(100), expires_at: 50 }),
        row("0001#outcome", 30, Record::Outcome { attempt: 1, outcome: Outcome::Accepted }),
        row("tr_1", 25, Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: true }),
        row("line_1", 40, Record::Line { sum: eur(100), direction: Direction::Out }),
    ]
}

fn by_hand() -> Vec<Row> {
    let mut rows = paid();
    rows[2] = row("0001#outcome", 30, Record::Outcome { attempt: 1, outcome: Outcome::Rejected });
    rows[3] = row("case_1", 60, Record::ByHand { sum: eur(100), shows_at_bank: true });
    rows.push(row("case_1", 31, case(Reason::PayoutRejected, Some(1), false)));
    rows
}

fn without(rows: Vec<Row>, id: &str) -> Vec<Row> {
    rows.into_iter().filter(|row| row.id.as_str() != id).collect()
}

fn with(mut rows: Vec<Row>, id: &str, record: Record) -> Vec<Row> {
    let at = rows.iter().find(|row| row.id.as_str() == id).map_or(35, |row| row.at);
    rows.retain(|row| row.id.as_str() != id);
    rows.push(row(id, at, record));
    rows
}

/// One row names another payee.
fn to_another(rows: Vec<Row>, id: &str) -> Vec<Row> {
    let another = |row: Row| Row { payee: Some(Destination::new("acct_2").unwrap()), ..row };
    rows.into_iter().map(|row| if row.id.as_str() == id { another(row) } else { row }).collect()
}

fn payout(minor: u64, state: RailState) -> Record {
    Record::Payout { sum: eur(minor), state, shows_at_bank: true }
}

fn line(minor: u64, direction: Direction) -> Record {
    Record::Line { sum: eur(minor), direction }
}

#[test]
fn books_that_agree_are_reconciled() {
    assert_eq!(said(&paid()), Found { finding: Finding::Reconciled, breaks: vec![], gone: vec![] });
    assert_eq!(said(&by_hand()), Found { finding: Finding::ByHand, breaks: vec![], gone: vec![] });
}

/// One row dropped, altered or added in each book; and no kind of break without its copy.
#[test]
fn each_check_fires_on_a_corrupted_copy() {
    use Book::{Bank, Ours, Provider, Rail};
    use BreakKind::*;
    let claim = |sum| Record::Claim { attempt: 1, event: event("evt_1"), sum, expires_at: 50 };
    let claim_of = |attempt| Record::Claim { attempt, event: event("evt_1"), sum: eur(100), expires_at: 50 };
    let closing = Record::Closing { event: Some(event("evt_1")), is_bar: false, sum: None };
    let refused = Record::Refused { event: event("evt_2"), sum: eur(5), final_after: 90 };
    let late = Record::Late { attempt: 1, outcome: Outcome::Accepted };
    let outcome = |outcome| Record::Outcome { attempt: 1, outcome };
    type Corrupted = (Vec<Row>, Vec<(BreakKind, Book)>);
    let corrupted: Vec<Corrupted> = vec![
        (without(paid(), "evt_1"), vec![(EventOrphan, Provider)]),
        (with(paid(), "evt_9", Record::Event { sum: None }), vec![(EventMissing, Provider)]),
        (with(paid(), "evt_1", Record::Event { sum: Some(eur(99)) }), vec![(AmountMismatch, Provider)]),
        (without(paid(), "0001#outcome"), vec![(OutcomeMissing, Ours)]),
        (without(paid(), "0001#claim"), vec![(ClaimMissing, Ours), (EventMissing, Provider), (PayoutOrphan, Rail)]),
        (without(by_hand(), "0001#claim"), vec![(ClaimMissing, Ours)]),
        (
            with(paid(), "0001#claim", claim(eur(99))),
            vec![(AmountMismatch, Bank), (AmountMismatch, Provider), (AmountMismatch, Rail)],
        ),
        (with(paid(), "0001#outcome", outcome(Outcome::Unknown)), vec![(CaseMissing, Ours)]),
        (with(paid(), "0001#outcome", outcome(Outcome::NotSent)), vec![(CaseMissing, Ours), (PayoutOrphan, Rail)]),
        (with(paid(), "0001#late", late), vec![(LateOutcome, Ours)]),
        (with(paid(), "0001#x", Record::Overwritten), vec![(ClaimOverwritten, Ours)]),
        (with(paid(), "0000#refused#1", refused), vec![(CaseMissing, Ours), (EventOrphan, Provider)]),
        (with(paid(), "case_1", Record::ByHand { sum: eur(100), shows_at_bank: true }), vec![(PaidTwice, Rail)]),
        (with(by_hand(), "0001#outcome", outcome(Outcome::Accepted)), vec![(PayoutMissing, Rail)]),
        (without(paid(), "tr_1"), vec![(PayoutMissing, Rail), (PayoutOrphan, Bank)]),
        (with(paid(), "tr_1", payout(99, RailState::Paid)), vec![(AmountMismatch, Rail)]),
        (to_another(paid(), "tr_1"), vec![(PayeeMismatch, Rail)]),
        (to_another(paid(), "evt_1"), vec![(PayeeMismatch, Provider)]),
        (to_another(paid(), "0001#claim"), vec![(PayeeMismatch, Provider), (PayeeMismatch, Rail)]),
        (
            with(paid(), "0002#claim", claim_of(2))
                .into_iter()
                .map(|row| match row.id.as_str() {
                    "0002#claim" => Row { payee: Some(Destination::new("acct_2").unwrap()), ..row },
                    _ => row,
                })
                .collect(),
            vec![(OutcomeMissing, Ours), (PayeeMismatch, Ours), (PayeeMismatch, Provider)],
        ),
        (with(paid(), "tr_1", payout(100, RailState::Returned)), vec![(PayoutReturned, Rail)]),
        (with(paid(), "tr_1", payout(100, RailState::Failed)), vec![(PayoutReturned, Rail)]),
        (with(paid(), "tr_2", payout(100, RailState::Pending)), vec![(PaidTwice, Rail)]),
        (with(by_hand(), "tr_2", payout(100, RailState::Paid)), vec![(PaidTwice, Rail), (PayoutOrphan, Rail)]),
        (without(paid(), "line_1"), vec![(PayoutMissing, Bank)]),
        (without(by_hand(), "line_1"), vec![(PayoutMissing, Bank)]),
        (with(paid(), "line_1", line(99, Direction::Out)), vec![(AmountMismatch, Bank)]),
        (with(paid(), "line_2", line(100, Direction::Out)), vec![(PaidTwice, Bank)]),
        (with(paid(), "line_2", line(100, Direction::Back)), vec![(PayoutReturned, Bank)]),
        (vec![row("line_1", 40, line(100, Direction::Out))], vec![(PayoutOrphan, Bank)]),
        (
            vec![row("0001#claim", 20, closing), row("tr_1", 25, payout(100, RailState::Paid))],
            vec![(EventOrphan, Provider), (PayoutMissing, Bank), (PayoutOrphan, Rail)],
        ),
    ];
    let mut fired = std::collections::BTreeSet::new();
    for (rows, expected) in corrupted {
        let found = said(&rows);
        assert_eq!(names(&found), expected, "{rows:#?}");
        assert_eq!(found.finding, Finding::Break);
        fired.extend(expected.into_iter().map(|(kind, _)| kind));
    }
    assert_eq!(fired.into_iter().collect::<Vec<_>>(), BreakKind::ALL);
}

fn ended(reason: Reason, ending: Ending) -> Record {
    let Record::Case { attempt, event, subject, sum, .. } = case(reason, Some(1), false) else { unreachable!() };
    Record::Case { reason, attempt, event, is_open: false, ending: Some(ending), subject, sum }
}

/// Claimed, and nobody knows whether it was paid; a case is open, or ended so.
fn unknown(case: Record) -> Vec<Row> {
    let mut rows = without(paid(), "line_1");
    rows.retain(|row| row.id.as_str() != "tr_1");
    let rows = with(rows, "0001#outcome", Record::Outcome { attempt: 1, outcome: Outcome::Unknown });
    with(rows, "case_1", case)
}

#[test]
fn an_unknown_payout_that_the_rail_has_stays_open_until_its_case_ends() {
    let paid = Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: false };
    let seen = |of| said(&with(unknown(of), "tr_1", paid.clone()));
    assert_eq!(seen(case(Reason::PayoutUnknown, Some(1), true)).finding, Finding::Unknown);
    assert_eq!(seen(ended(Reason::PayoutUnknown, Ending::ConfirmedAccepted)).finding, Finding::Reconciled);
}

#[test]
fn an_ending_that_a_book_contradicts_is_a_break() {
    let paid = Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: false };
    for ending in [Ending::NotPaid, Ending::WrittenOff] {
        let found = said(&with(unknown(ended(Reason::PayoutUnknown, ending)), "tr_1", paid.clone()));
        assert_eq!(names(&found), [(BreakKind::PayoutOrphan, Book::Rail)], "{ending}");
        assert_eq!(said(&unknown(ended(Reason::PayoutUnknown, ending))).finding, Finding::Closed, "{ending}");
    }
    let confirmed = said(&unknown(ended(Reason::PayoutUnknown, Ending::ConfirmedAccepted)));
    assert_eq!(names(&confirmed), [(BreakKind::PayoutMissing, Book::Rail)]);
}

#[test]
fn each_payout_beyond_the_first_is_a_break_of_its_own() {
    let mut rows = paid();
    rows.push(row("tr_2", 60, payout(100, RailState::Paid)));
    let twice = |found: &Found| -> Vec<String> {
        let of = found.breaks.iter().filter(|(it, _)| it.kind == BreakKind::PaidTwice);
        of.map(|(it, _)| it.which.clone()).collect()
    };
    let second = said(&rows);
    assert_eq!(twice(&second), ["tr_2"]);
    let Record::Case { reason, attempt, event, sum, .. } = case(Reason::PayoutOrphan, None, false) else {
        unreachable!()
    };
    let subject = Some(second.breaks[0].0.subject());
    let of_break = Record::Case { reason, attempt, event, is_open: false, ending: None, subject, sum };
    rows.push(row("case_2", 70, of_break));
    assert_eq!(said(&rows).finding, Finding::Closed);
    rows.push(row("tr_3", 80, payout(100, RailState::Paid)));
    assert_eq!(twice(&said(&rows)), ["tr_3"]);
}

#[test]
fn several_breaks_of_one_key_are_all_named() {
    let mut rows = with(paid(), "tr_2", payout(90, RailState::Returned));
    rows = with(rows, "tr_3", payout(80, RailState::Paid));
    rows = with(rows, "evt_9", Record::Event { sum: None });
    let found = said(&rows);
    let which: Vec<String> = found.breaks.iter().map(|(it, _)| it.subject()).collect();
    assert_eq!(
        which,
        [
            "amount_mismatch:rail:0:tr_2",
            "amount_mismatch:rail:0:tr_3",
            "event_missing:provider:0:evt_9",
            "paid_twice:rail:0:tr_3",
            "payout_returned:rail:0:tr_2",
        ]
    );
    let (returned, life) = &found.breaks[4];
    assert_eq!((*life, returned.expected, returned.found), (Life::New, Some(eur(100)), Some(eur(90))));
    // Both sides, as they stood.
    assert_eq!((returned.evidence.ours.len(), returned.evidence.theirs.len()), (2, 3));
}

/// Changing any of these opens every break's case a second time.
#[test]
fn golden_break_ids_never_change() {
    let found = said(&without(paid(), "tr_1"));
    let ids: Vec<String> = found.breaks.iter().map(|(it, _)| it.id().to_string()).collect();
    assert_eq!(
        ids,
        [
            "4dea4d572b384d2d6bbdd42618f52a21af5add80b24c9bb31102dfc99b9b0626",
            "3747be00489a22e7f0d9a833a795bf03317fe982236aed7e333d4793f4f33494",
        ]
    );
    assert_eq!(found.breaks[0].0.case().unwrap().as_str(), "c4cf1df8-8ca9-853f-ad61-a0691eca8acd");
}

#[test]
fn a_late_outcome_is_the_case_that_its_worker_filed() {
    let late = Record::Late { attempt: 1, outcome: Outcome::Accepted };
    let found = said(&with(paid(), "0001#late", late));
    let filed = crate::ids::CaseId::new(Reason::LateOutcome, &[KEY, "1"]);
    assert_eq!(found.breaks[0].0.case(), Some(filed));
}

#[test]
fn a_missing_case_is_filed_under_its_outcomes_own_reason() {
    for (outcome, reason) in [
        (Outcome::Rejected, Reason::PayoutRejected),
        (Outcome::NotSent, Reason::PayoutNotSent),
        (Outcome::Unknown, Reason::PayoutUnknown),
    ] {
        let rows = without(with(by_hand(), "0001#outcome", Record::Outcome { attempt: 1, outcome }), "case_1");
        let found = said(&rows);
        let missing = found.breaks.iter().find(|(it, _)| it.kind == BreakKind::CaseMissing).unwrap();
        assert_eq!(missing.0.reason(), Some(reason));
    }
}

#[test]
fn within_settle_time_nothing_is_missing() {
    let cases = [("0001#outcome", 150), ("tr_1", 530), ("line_1", 5_025), ("evt_1", 1_020)];
    for (id, due) in cases {
        let rows: Vec<Row> =
            without(paid(), id).into_iter().filter(|row| id != "tr_1" || row.id.as_str() != "line_1").collect();
        let find = |as_of| find(&BookKey::parse(KEY).unwrap(), &rows, &terms(as_of)).finding;
        assert_eq!((find(due - 1), find(due)), (Finding::Pending, Finding::Break), "{id}");
    }
    let only_event = vec![row("evt_1", 10, Record::Event { sum: Some(eur(100)) })];
    let find = |as_of| find(&BookKey::parse(KEY).unwrap(), &only_event, &terms(as_of)).finding;
    assert_eq!((find(1_009), find(1_010)), (Finding::Pending, Finding::Break));
    assert_eq!(said(&with(paid(), "tr_1", payout(100, RailState::Pending))).finding, Finding::Pending);
}

/// A rail that counts in whole seconds, or whose clock is behind, has a payout in the window before its claim.
#[test]
fn a_payout_at_the_end_of_a_window_is_nobodys_only_when_its_claim_had_time_to_come() {
    let alone = [row("tr_1", 1_000, payout(100, RailState::Paid))];
    let said = |as_of| find(&BookKey::parse(KEY).unwrap(), &alone, &terms(as_of));
    assert_eq!((said(1_001).finding, names(&said(1_001))), (Finding::Pending, vec![]));
    assert_eq!(said(1_000 + SETTLE.ours_ms - 1).finding, Finding::Pending);
    assert!(names(&said(1_000 + SETTLE.ours_ms)).contains(&(BreakKind::PayoutOrphan, Book::Rail)));
}

#[test]
fn an_incomplete_source_concludes_no_absence() {
    for (dropped, book) in [("evt_1", Book::Provider), ("0001#outcome", Book::Ours), ("line_1", Book::Bank)] {
        let hides = |why: &&Why| Gap { book, from: 0, until: 1, why: **why }.hides();
        for why in Why::ALL.iter().filter(hides) {
            let rows = without(paid(), dropped);
            let mut terms = terms(LATE);
            terms.gaps = vec![Gap { book, from: 40, until: 45, why: *why }];
            let found = find(&BookKey::parse(KEY).unwrap(), &rows, &terms);
            assert_eq!((found.finding, found.breaks.len()), (Finding::Incomplete, 0), "{dropped}");
            // Of another time, or another book, it says nothing.
            terms.gaps = vec![Gap { book, from: 900_000, until: 900_001, why: *why }];
            assert_eq!(find(&BookKey::parse(KEY).unwrap(), &rows, &terms).finding, Finding::Break);
            let other = if book == Book::Rail { Book::Bank } else { Book::Rail };
            terms.gaps = vec![Gap { book: other, from: 0, until: LATE, why: *why }];
            assert_eq!(find(&BookKey::parse(KEY).unwrap(), &rows, &terms).finding, Finding::Break);
        }
    }
}

/// Its signed deliveries are its book: one that another provider's list does not have is still an orphan, and the run is incomplete.
#[test]
fn a_provider_that_nobody_can_ask_conceals_nothing_of_another() {
    let gap = Gap { book: Book::Provider, from: 0, until: LATE, why: Why::NotAskable };
    let rows = without(paid(), "evt_1");
    let found = find(&BookKey::parse(KEY).unwrap(), &rows, &Terms { gaps: vec![gap], ..terms(LATE) });
    assert_eq!(names(&found), [(BreakKind::EventOrphan, Book::Provider)]);
    assert_eq!(run(&[&paid()], vec![gap]).verdict(), RunVerdict::Incomplete);
}

#[test]
fn what_an_incomplete_source_does_show_is_a_break() {
    let mut terms = terms(LATE);
    terms.gaps = Book::ALL.iter().map(|book| Gap { book: *book, from: 0, until: LATE, why: Why::PageLost }).collect();
    let rows = with(paid(), "tr_2", payout(99, RailState::Returned));
    let found = find(&BookKey::parse(KEY).unwrap(), &rows, &terms);
    assert_eq!(names(&found), [(BreakKind::AmountMismatch, Book::Rail), (BreakKind::PayoutReturned, Book::Rail)]);
}

fn carried(rows: &[Row], found: &Found) -> Vec<Row> {
    let mut carried: Vec<Row> = rows.iter().map(|row| Row { carried: true, ..row.clone() }).collect();
    for (it, _) in &found.breaks {
        let (kind, book, attempt, which) = (it.kind, it.book, it.attempt, it.which.clone());
        let id = RowId::of_subject(it.subject()).unwrap();
        let record = Record::WasBreak { kind, book, attempt, which };
        carried.push(Row { id, carried: true, ..row("x", 1, record) });
    }
    carried.push(Row { carried: true, ..row("open", 1, Record::WasOpen { finding: found.finding }) });
    carried
}

#[test]
fn a_break_is_gone_only_with_the_record_that_explains_it() {
    let rows = without(paid(), "tr_1");
    let rows = without(rows, "line_1");
    let found = said(&rows);
    assert_eq!(names(&found), [(BreakKind::PayoutMissing, Book::Rail)]);

    // A book that fell silent takes nothing back.
    let mut silent = terms(LATE);
    silent.gaps = vec![Gap { book: Book::Rail, from: 0, until: LATE, why: Why::ReportNotReady }];
    let again = find(&BookKey::parse(KEY).unwrap(), &carried(&rows, &found), &silent);
    assert_eq!((again.breaks[0].1, again.finding), (Life::Persisting, Finding::Break));

    let mut explained = carried(&rows, &found);
    let payout = Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: false };
    explained.push(row("tr_1", 25, payout));
    let gone = said(&explained);
    assert_eq!((gone.finding, gone.breaks.len()), (Finding::Reconciled, 0));
    assert_eq!(gone.gone[0].subject, "payout_missing:rail:1:");
    assert_eq!(gone.gone[0].explained_by[0].id.as_str(), "tr_1");

    // People's word is a record, too; their case alone, while it is open, is none.
    for is_open in [true, false] {
        let mut taken_up = carried(&rows, &found);
        let subject = Some("payout_missing:rail:1:".to_owned());
        let record = Record::Case {
            reason: Reason::PayoutMissing,
            attempt: None,
            event: None,
            is_open,
            ending: None,
            subject,
            sum: None,
        };
        taken_up.push(row("case_9", 70, record));
        assert_eq!(said(&taken_up).breaks.len(), usize::from(is_open));
    }
}

#[test]
fn the_case_of_a_missing_event_is_no_delivery_of_it() {
    let listed = vec![row("evt_1", 10, Record::Event { sum: Some(eur(100)) })];
    let found = said(&listed);
    assert_eq!(names(&found), [(BreakKind::EventMissing, Book::Provider)]);
    let Record::Case { reason, attempt, event, is_open, ending, sum, .. } = case(Reason::EventMissing, None, true)
    else {
        panic!()
    };
    let subject = Some(found.breaks[0].0.subject());
    let opened = Record::Case { reason, attempt, event, is_open, ending, subject, sum };
    let next = said(&[carried(&listed, &found), vec![row("case_1", 70, opened)]].concat());
    assert_eq!((names(&next), next.breaks[0].1), (names(&found), Life::Persisting));
}

#[test]
fn a_break_that_vanished_without_a_record_stays() {
    let found = said(&without(paid(), "line_1"));
    // The rows say nothing of it any more, and nothing is new.
    let vanished = carried(&paid(), &found);
    let again = said(&vanished);
    assert_eq!((names(&again), again.gone.len()), (names(&found), 0));
    assert_eq!(again.breaks[0].1, Life::Persisting);
}

#[test]
fn an_own_orders_event_is_listed_under_the_key_that_it_shares() {
    let own = PayoutKey::new(KEY).unwrap().of_own_order(&event("evt_2")).unwrap();
    let own = BookKey::of(&own);
    assert!(own.is_own_order() && !BookKey::parse(KEY).unwrap().is_own_order());
    let rows: Vec<Row> = without(paid(), "evt_1").into_iter().map(|row| Row { key: own.clone(), ..row }).collect();
    assert_eq!(find(&own, &rows, &terms(LATE)).finding, Finding::Reconciled);
}

fn run(keys: &[&[Row]], gaps: Vec<Gap>) -> Run {
    let window = Window::new(0, LATE).unwrap();
    let mut run = Run::new(window, Terms { gaps, ..terms(0) });
    for (number, rows) in keys.iter().enumerate() {
        run.add(&BookKey::parse(format!("stripe/pi_{number}")).unwrap(), rows).unwrap();
    }
    run
}

#[test]
fn incomplete_outranks_breaks_and_breaks_outrank_pending() {
    let pending = with(paid(), "tr_1", payout(100, RailState::Pending));
    let broken = without(paid(), "line_1");
    let gap = Gap { book: Book::Bank, from: 5, until: 6, why: Why::NotAskable };
    assert_eq!(run(&[&paid()], vec![]).verdict(), RunVerdict::Reconciled);
    assert_eq!(run(&[&paid(), &pending], vec![]).verdict(), RunVerdict::Pending);
    assert_eq!(run(&[&paid(), &pending, &broken], vec![]).verdict(), RunVerdict::Breaks);
    assert_eq!(run(&[&paid(), &pending, &broken], vec![gap]).verdict(), RunVerdict::Incomplete);
    assert_eq!(run(&[&paid()], vec![gap]).verdict(), RunVerdict::Incomplete);
    assert_eq!(run(&[], vec![]).verdict(), RunVerdict::Reconciled);
}

#[test]
fn a_day_of_the_bank_is_waited_for_as_long_as_its_lines_and_lacking_after_that() {
    let bank_ms = terms(0).settle.bank_ms;
    let gap = |book, from| Gap { book, from, until: LATE, why: Why::ReportNotReady };
    let of = |gap| run(&[&paid()], vec![gap]).verdict();
    assert_eq!(of(gap(Book::Bank, LATE - bank_ms)), RunVerdict::Pending);
    assert_eq!(of(gap(Book::Bank, LATE - bank_ms - 1)), RunVerdict::Incomplete);
    // Every other book is there when its window is read.
    assert_eq!(of(gap(Book::Rail, LATE - bank_ms)), RunVerdict::Incomplete);
}

#[test]
fn each_day_of_the_bank_is_lacking_in_the_run_in_which_its_time_is_over_and_in_no_other() {
    let bank_ms = terms(0).settle.bank_ms;
    let day = bank_ms / 5;
    let lacks = |book, why, gap: [u64; 2]| {
        let gap = Gap { book, from: gap[0] * day, until: gap[1] * day, why };
        let window = |number: u64| Window::new(number * day, (number + 1) * day).unwrap();
        (0..12).map(|number| gap.lack(window(number), &terms(0).settle)).collect::<Vec<_>>()
    };
    use Lack::{Awaited, Due, Earlier};
    let said = |earlier: usize, awaited, due| {
        let all = [(Earlier, earlier), (Awaited, awaited), (Due, due)].map(|(lack, runs)| vec![lack; runs]).concat();
        [all, vec![Earlier; 12 - earlier - awaited - due]].concat()
    };
    assert_eq!(lacks(Book::Bank, Why::ReportNotReady, [1, 2]), said(1, 5, 1));
    assert_eq!(lacks(Book::Bank, Why::Unreadable, [1, 4]), said(1, 5, 3));
    // What was before its first file the bank's book never tells.
    assert_eq!(lacks(Book::Bank, Why::NotBefore, [0, 3]), said(0, 0, 3));
    assert_eq!(lacks(Book::Rail, Why::PageLost, [1, 2]), said(1, 0, 1));
}

#[test]
fn the_statement_closes_and_says_where_the_money_is() {
    let missing = without(without(paid(), "tr_1"), "line_1");
    let twice = with(paid(), "tr_2", payout(100, RailState::Paid));
    let run = run(&[&paid(), &by_hand(), &missing, &twice], vec![]);
    let lines = &run.statement().currencies[&"EUR".parse().unwrap()];
    let at = |total: super::statement::Total| (total.count, total.minor);
    assert_eq!((at(lines.asked), at(lines.paid), at(lines.by_hand)), ((4, 400), (3, 300), (1, 100)));
    // One unpaid, one paid twice.
    assert_eq!((at(lines.left[&Finding::Break]), lines.residual()), ((0, 0), Ok(Default::default())));
    assert!(run.statement().closes());
}

#[test]
fn runs_join_without_gap_or_overlap() {
    let at = |from, to| Before { window: Window::new(from, to).unwrap(), open: 0, gaps: vec![], awaited: vec![] };
    let window = Window::new(1_000, 2_000).unwrap();
    let chained = |before: &Before| Run::new(window, terms(0)).manifest(Some(before), Default::default());
    assert!(chained(&at(500, 1_000)).is_ok());
    assert_eq!(chained(&at(500, 999)).unwrap_err(), ChainError::Gap(1));
    assert_eq!(chained(&at(500, 1_005)).unwrap_err(), ChainError::Overlap(5));
    let open = Before { open: 3, ..at(500, 1_000) };
    assert_eq!(chained(&open).unwrap_err(), ChainError::Carried { before: 3, carried: 0 });
    assert_eq!(Window::new(5, 5), Err(ChainError::Empty));
    assert_eq!(at(0, 7).window.next(9), Window::new(7, 9));
}

#[test]
fn a_match_by_sum_and_date_alone_decides_nothing() {
    let missing = said(&without(without(paid(), "tr_1"), "line_1"));
    let key = BookKey::unmarked(Book::Rail, "acct_1", &RowId::new("tr_7").unwrap()).unwrap();
    let stray = |minor| {
        let rows = [Row { key: key.clone(), ..row("tr_7", 60, payout(minor, RailState::Pending)) }];
        find(&key, &rows, &terms(LATE)).breaks.remove(0).0
    };
    let breaks = [missing.breaks[0].0.clone(), stray(100)];
    let pairs = suggestions(&breaks, 100);
    assert_eq!(
        (pairs.len(), pairs[0].missing.kind, pairs[0].found.key.clone()),
        (1, BreakKind::PayoutMissing, key.clone())
    );
    assert_eq!(suggestions(&breaks, 10).len(), 0);
    assert_eq!(suggestions(&[breaks[0].clone(), stray(99)], 100).len(), 0);
}

#[test]
fn a_sum_is_exact_in_the_runs_unit_or_refused() {
    let units = Units([("EUR".parse().unwrap(), 2)].into());
    let money = |minor, exponent| Money::new(minor, exponent, "EUR".parse().unwrap()).unwrap();
    assert_eq!(units.sum(&money(1, 0)), Ok(eur(100)));
    assert!(units.sum(&money(1, 3)).is_err());
    assert!(units.sum(&Money::new(1, 2, "USD".parse().unwrap()).unwrap()).is_err());
}

#[test]
fn a_later_reading_replaces_the_earlier() {
    let mut rows = vec![Row { carried: true, ..row("tr_1", 25, payout(100, RailState::Pending)) }];
    rows.push(row("tr_1", 25, payout(100, RailState::Paid)));
    let key = BookKey::parse(KEY).unwrap();
    let facts = Facts::new(&key, &rows);
    assert_eq!((facts.paid().count(), facts.before().paid().count()), (1, 0));
    // What was read now stays, whatever is carried; of what is carried the later reading counts.
    rows.push(rows[0].clone());
    assert_eq!(Facts::new(&key, &rows).paid().count(), 1);
    rows[1].carried = true;
    assert_eq!(Facts::new(&key, &rows[..2]).paid().count(), 1);
}

#[test]
fn gaps_that_join_are_one_and_none_is_lost() {
    let gap = |from, until| Gap { book: Book::Rail, from, until, why: Why::PageLost };
    let other = Gap { book: Book::Ours, ..gap(0, 5) };
    assert_eq!(all_gaps(&[gap(0, 10), gap(30, 40)], [gap(10, 20), other]), [other, gap(0, 20), gap(30, 40)]);
}

#[test]
fn gaps_without_number_stay_few_and_cover_all_of_them() {
    let gap = |number: u64| Gap {
        book: Book::Rail,
        from: number * 7_000_000,
        until: number * 7_000_000 + 1,
        why: Why::Unreadable,
    };
    for count in [200, 201, 5_000] {
        let all = all_gaps(&[], (0..count).map(gap));
        assert!(all.len() <= 200, "{count}: {}", all.len());
        let is_covered =
            |one: Gap| all.iter().any(|of| of.book == one.book && of.from <= one.from && one.until <= of.until);
        assert!((0..count).map(gap).all(is_covered), "{count}");
    }
    assert_eq!(all_gaps(&[], (0..200).map(gap)).len(), 200, "nothing is covered without need");
}

/// An ending by people is their word. One by the books lasts as long as the books agree.
#[test]
fn what_the_books_ended_they_may_contradict_again() {
    let returned = || with(paid(), "tr_1", payout(100, RailState::Returned));
    let subject = said(&returned()).breaks[0].0.subject();
    let ended = |ending| {
        let Record::Case { reason, attempt, event, sum, .. } = case(Reason::PayoutReturned, None, false) else {
            unreachable!()
        };
        let subject = Some(subject.clone());
        let of_break = Record::Case { reason, attempt, event, is_open: false, ending: Some(ending), subject, sum };
        said(&with(returned(), "case_1", of_break)).breaks.len()
    };
    assert_eq!((ended(Ending::WrittenOff), ended(Ending::Explained)), (0, 1));
}

/// A worker and the sweeper file cases under such names as well, and the books do not end those.
#[test]
fn only_cases_of_the_books_own_are_ended_by_the_books() {
    let of = |kind: BreakKind| kind.own_case(KEY, "subject").is_some();
    for kind in [BreakKind::LateOutcome, BreakKind::OutcomeMissing, BreakKind::CaseMissing] {
        assert!(!of(kind), "{kind}");
    }
    for kind in [BreakKind::EventMissing, BreakKind::PayoutMissing, BreakKind::PayoutReturned, BreakKind::PaidTwice] {
        assert!(of(kind), "{kind}");
    }
}
