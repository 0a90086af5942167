//! What each kind of break rests on, when people have ended it, and under which name its case is filed.

use super::*;
use crate::ids::CaseId;

#[test]
fn what_is_asked_is_said_by_whatever_knows_it_best() {
    let closing = Record::Closing { event: None, is_bar: false, sum: Some(eur(2)) };
    let Record::Case { reason, attempt, event: of, is_open, ending, subject, .. } =
        case(Reason::PayoutUnknown, Some(1), true)
    else {
        unreachable!()
    };
    let speakers = [
        ("evt_1", Record::Event { sum: Some(eur(6)) }),
        ("0000#refused", Record::Refused { event: event("evt_1"), sum: eur(5), final_after: 0 }),
        ("case_1", Record::Case { reason, attempt, event: of, is_open, ending, subject, sum: Some(eur(4)) }),
        ("case_2", Record::ByHand { sum: eur(3), shows_at_bank: false }),
        ("0001#closing", closing),
        ("0001#claim", Record::Claim { attempt: 1, event: event("evt_1"), sum: eur(1), expires_at: 50 }),
    ];
    let key = BookKey::parse(KEY).unwrap();
    let mut rows = vec![row("tr_1", 1, payout(9, RailState::Paid))];
    assert_eq!(Facts::new(&key, &rows).asked(), None, "a payout asks for nothing");
    for ((id, record), minor) in speakers.into_iter().zip([6, 5, 4, 3, 2, 1]) {
        rows.push(row(id, 1, record));
        assert_eq!(Facts::new(&key, &rows).asked(), Some(eur(minor)), "{id}");
    }
}

/// Else a loss of which the sweeper told people is told once more, and could be paid by hand twice.
#[test]
fn case_that_is_missing_has_the_name_under_which_the_sweeper_files_it() {
    let refused = Record::Refused { event: event("evt_2"), sum: eur(5), final_after: 90 };
    let found = said(&with(paid(), "0000#refused#1", refused));
    let (lost, _) = &found.breaks[0];
    assert_eq!(lost.kind, BreakKind::CaseMissing);
    assert_eq!(lost.case(), Some(CaseId::new(Reason::RefusedNotRedelivered, &[KEY, "evt_2"])));

    // The second attempt's own word, not the first's.
    let mut rows = without(by_hand(), "line_1");
    rows.retain(|row| !matches!(row.record, Record::ByHand { .. }));
    let claim = Record::Claim { attempt: 2, event: event("evt_1"), sum: eur(100), expires_at: 90 };
    rows.push(row("0002#claim", 70, claim));
    rows.push(row("0002#outcome", 80, Record::Outcome { attempt: 2, outcome: Outcome::NotSent }));
    let found = said(&rows);
    assert_eq!(names(&found), [(BreakKind::CaseMissing, Book::Ours)]);
    assert_eq!(found.breaks[0].0.case(), Some(CaseId::new(Reason::PayoutNotSent, &[KEY, "2"])));
    assert!(found.breaks[0].0.evidence.theirs.is_empty(), "of the rail, which has nothing");
}

#[test]
fn evidence_of_a_break_is_of_its_own_book() {
    let event_missing = said(&with(paid(), "evt_9", Record::Event { sum: None }));
    let provider = event_missing.breaks[0].0.evidence.theirs.iter().map(|row| row.record.book());
    assert_eq!(provider.collect::<Vec<_>>(), [Some(Book::Provider); 2]);
    let late = said(&with(paid(), "0001#late", Record::Late { attempt: 1, outcome: Outcome::Accepted }));
    let rail = late.breaks[0].0.evidence.theirs.iter().map(|row| row.record.book());
    assert_eq!(rail.collect::<Vec<_>>(), [Some(Book::Rail)], "within our own, what the rail says");
}

/// By the worker's own case of that attempt; any other case says nothing of it, and it says nothing of any other break.
#[test]
fn late_outcome_is_ended_with_its_workers_case_alone() {
    let late = with(paid(), "0001#late", Record::Late { attempt: 1, outcome: Outcome::Accepted });
    let breaks = |rows: &[Row], reason, attempt, is_open| {
        names(&said(&with(rows.to_vec(), "case_7", case(reason, Some(attempt), is_open))))
    };
    assert_eq!(breaks(&late, Reason::LateOutcome, 1, false), []);
    for (reason, attempt, is_open) in
        [(Reason::LateOutcome, 1, true), (Reason::LateOutcome, 2, false), (Reason::PayoutReplayed, 1, false)]
    {
        let found = breaks(&late, reason, attempt, is_open);
        assert_eq!(found, [(BreakKind::LateOutcome, Book::Ours)], "{reason} {attempt} {is_open}");
    }
    let missing = without(without(paid(), "tr_1"), "line_1");
    assert_eq!(breaks(&missing, Reason::LateOutcome, 1, false), [(BreakKind::PayoutMissing, Book::Rail)]);
}

#[test]
fn ended_break_without_a_difference_leaves_its_payout_reconciled() {
    let rows = to_another(paid(), "tr_1");
    let subject = Some(said(&rows).breaks[0].0.subject());
    let Record::Case { reason, attempt, event, is_open, ending, sum, .. } = case(Reason::PayeeMismatch, None, false)
    else {
        unreachable!()
    };
    let ended = with(rows, "case_1", Record::Case { reason, attempt, event, is_open, ending, subject, sum });
    assert_eq!(said(&ended), Found { finding: Finding::Reconciled, breaks: vec![], gone: vec![] });
}

/// The provider may have made it a settle time before our claim.
#[test]
fn orphan_of_a_list_needs_the_list_of_the_time_before_its_claim() {
    let claimed_late: Vec<Row> =
        without(paid(), "evt_1").into_iter().map(|row| Row { at: row.at + 2_000, ..row }).collect();
    let at_claim = 2_020;
    let finding = |from, until| {
        let gap = Gap { book: Book::Provider, from, until, why: Why::PageLost };
        find(&BookKey::parse(KEY).unwrap(), &claimed_late, &Terms { gaps: vec![gap], ..terms(LATE) }).finding
    };
    assert_eq!(finding(at_claim - 1_000, at_claim - 999), Finding::Incomplete);
    assert_eq!(finding(at_claim - 1_001, at_claim - 1_000), Finding::Break);
}

/// Its name must stay when another row that names the same event comes to be the first.
#[test]
fn orphan_is_named_by_its_event_and_not_by_the_row_that_names_it() {
    let found = said(&without(paid(), "evt_1"));
    assert_eq!(
        (names(&found), found.breaks[0].0.which.as_str()),
        (vec![(BreakKind::EventOrphan, Book::Provider)], "evt_1")
    );
}

/// What names it first says from when it is missing; and of what is missing at the rail, what accepted it first.
#[test]
fn break_is_as_old_as_the_first_row_that_shows_it() {
    let rows = with(without(paid(), "evt_1"), "case_1", case(Reason::LateOutcome, None, true));
    let orphan = said(&rows).breaks.remove(0).0;
    assert_eq!((orphan.kind, orphan.at), (BreakKind::EventOrphan, 20));
    let unpaid = without(without(paid(), "tr_1"), "line_1");
    let mut rows = with(unpaid, "0001#late", Record::Late { attempt: 1, outcome: Outcome::Accepted });
    rows.iter_mut().filter(|row| row.id.as_str() == "0001#late").for_each(|row| row.at = 90);
    let missing = said(&rows).breaks.into_iter().map(|(it, _)| it).find(|it| it.kind == BreakKind::PayoutMissing);
    assert_eq!(missing.unwrap().at, 30);
    // A record without its claim is as old as the last word on its attempt.
    let mut alone = without(rows, "0001#claim");
    alone.retain(|row| row.record.book() == Some(Book::Ours));
    let missing = said(&alone).breaks.into_iter().map(|(it, _)| it).find(|it| it.kind == BreakKind::ClaimMissing);
    assert_eq!(missing.unwrap().at, 90);
}

#[test]
fn failed_payout_is_returned_money_only_where_one_was_accepted_and_none_else_was_made() {
    let failed = || payout(100, RailState::Failed);
    assert_eq!(said(&with(paid(), "tr_2", failed())).finding, Finding::Reconciled, "another one was made");
    let unknown = unknown(case(Reason::PayoutUnknown, Some(1), true));
    assert_eq!(said(&with(unknown, "tr_1", failed())).finding, Finding::Unknown, "none was accepted");
}

#[test]
fn bank_has_a_line_for_what_was_paid_and_shows_there() {
    let without_line = |state, shows_at_bank| {
        let record = Record::Payout { sum: eur(100), state, shows_at_bank };
        names(&said(&with(without(paid(), "line_1"), "tr_1", record)))
    };
    assert_eq!(without_line(RailState::Paid, true), [(BreakKind::PayoutMissing, Book::Bank)]);
    assert_eq!(without_line(RailState::Paid, false), []);
    assert_eq!(without_line(RailState::Pending, true), []);
}

#[test]
fn payment_by_hand_is_of_the_sum_that_was_asked_for() {
    let other = with(by_hand(), "case_2", Record::ByHand { sum: eur(99), shows_at_bank: true });
    let other: Vec<Row> = other
        .into_iter()
        .filter(|row| row.id.as_str() != "case_1" || !matches!(row.record, Record::ByHand { .. }))
        .collect();
    assert_eq!(names(&said(&other)), [(BreakKind::AmountMismatch, Book::Ours)]);
    // The bank's line of one for which nothing was claimed.
    let mut rows = with(by_hand(), "line_1", line(99, Direction::Out));
    rows.retain(|row| !matches!(row.record, Record::Claim { .. } | Record::Outcome { .. }));
    assert_eq!(names(&said(&rows)), [(BreakKind::AmountMismatch, Book::Bank)]);
}

/// What people ended about an earlier one says nothing of it.
#[test]
fn key_stands_as_its_last_attempt_does() {
    let mut rows = unknown(ended(Reason::PayoutUnknown, Ending::WrittenOff));
    let claim = Record::Claim { attempt: 2, event: event("evt_1"), sum: eur(100), expires_at: 90 };
    rows.push(row("0002#claim", 70, claim));
    rows.push(row("0002#outcome", 80, Record::Outcome { attempt: 2, outcome: Outcome::Accepted }));
    rows.push(row("tr_2", 75, Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: false }));
    assert_eq!(said(&rows), Found { finding: Finding::Reconciled, breaks: vec![], gone: vec![] });
    rows.push(row("case_2", 81, case(Reason::PayoutReplayed, Some(2), true)));
    assert_eq!(said(&rows).finding, Finding::Unknown, "its case is open");
}

#[test]
fn break_beside_an_older_one_is_new() {
    let missing = without(paid(), "evt_1");
    let mut rows = carried(&missing, &said(&missing));
    rows.push(row("line_2", 90, line(100, Direction::Back)));
    let lives: Vec<_> = said(&rows).breaks.into_iter().map(|(it, life)| (it.kind, life)).collect();
    assert_eq!(lives, [(BreakKind::EventOrphan, Life::Persisting), (BreakKind::PayoutReturned, Life::New)]);
}
