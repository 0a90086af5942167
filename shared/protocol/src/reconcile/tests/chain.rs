//! What one run hands to the next, of which times a book can speak, and what a statement is worth.

use super::*;
use crate::reconcile::statement::{Lines, Open, Statement, Total};

fn window(from: u64, to: u64) -> Window {
    Window::new(from, to).unwrap()
}

#[test]
fn key_that_is_open_is_carried_until_a_row_explains_it() {
    let (paid_key, key) = (BookKey::parse("stripe/pi_0").unwrap(), BookKey::parse(KEY).unwrap());
    let missing = without(without(paid(), "tr_1"), "line_1");
    let mut first = Run::new(window(0, LATE), terms(0));
    first.add(&paid_key, &paid()).unwrap();
    let found = first.add(&key, &missing).unwrap();
    let first = first.manifest(None, Default::default()).unwrap();
    assert_eq!(first.statement.open, Open { before: 0, new: 1, gone: 0 });
    assert_eq!((first.breaks, first.kinds), ([(Life::New, 1)].into(), [(BreakKind::PayoutMissing, 1)].into()));
    assert_eq!(first.rows, [(Book::Provider, 2), (Book::Ours, 4), (Book::Rail, 1), (Book::Bank, 1)].into());

    let before = Before { window: first.window, open: first.statement.open.now(), gaps: vec![], awaited: vec![] };
    let next = |rows: &[Row]| {
        let mut run = Run::new(window(LATE, LATE + 1_000), terms(0));
        run.add(&key, rows).unwrap();
        run.manifest(Some(&before), Default::default()).unwrap()
    };
    let still = next(&carried(&missing, &found));
    assert_eq!((still.statement.open, still.statement.open.now()), (Open { before: 1, new: 0, gone: 0 }, 1));
    assert_eq!((still.breaks, still.rows.len()), ([(Life::Persisting, 1)].into(), 0));

    let payout = Record::Payout { sum: eur(100), state: RailState::Paid, shows_at_bank: false };
    let explained = next(&[carried(&missing, &found), vec![row("tr_1", 25, payout)]].concat());
    assert_eq!((explained.statement.open, explained.statement.open.now()), (Open { before: 1, new: 0, gone: 1 }, 0));
    assert_eq!((explained.breaks, explained.rows), ([(Life::Gone, 1)].into(), [(Book::Rail, 1)].into()));
    let lines = &explained.statement.currencies[&"EUR".parse().unwrap()];
    let one = Total { count: 1, minor: 100 };
    assert_eq!((lines.carried, lines.asked, lines.paid), (one, Total::default(), one));
}

#[test]
fn next_run_is_told_which_gaps_were_waited_for() {
    let gap = |from, until| Gap { book: Book::Bank, from, until, why: Why::ReportNotReady };
    let gaps = vec![gap(0, 1), gap(LATE - 1, LATE)];
    let run = Run::new(window(0, LATE), Terms { gaps: gaps.clone(), ..terms(0) });
    let first = run.manifest(None, Default::default()).unwrap();
    assert_eq!(
        first.lacks().map(|(gap, lack)| (*gap, lack)).collect::<Vec<_>>(),
        [(gaps[0], Lack::Due), (gaps[1], Lack::Awaited)]
    );
    let told = Before { window: first.window, open: 0, gaps: gaps.clone(), awaited: vec![gaps[1]] };
    assert_eq!(first.as_before(), told);
}

#[test]
fn statement_with_a_residual_does_not_close() {
    let total = |minor| Total { count: 1, minor };
    let closes = |asked, paid| {
        let lines = Lines { asked: total(asked), paid: total(paid), ..Lines::default() };
        Statement { currencies: [("EUR".parse().unwrap(), lines)].into(), ..Statement::default() }.closes()
    };
    assert!(closes(100, 100) && !closes(100, 99));
}

#[test]
fn window_moves_back_whole_or_not_at_all() {
    let moved = window(1_000, 3_000);
    assert_eq!((moved.from(), moved.to()), (1_000, 3_000));
    assert_eq!((moved.earlier(1_000), moved.earlier(1_001)), (Some(window(0, 2_000)), None));
}

#[test]
fn run_is_incomplete_by_a_gap_inside_its_window_alone() {
    let verdict = |from, until| {
        let gap = Gap { book: Book::Rail, from, until, why: Why::PageLost };
        Run::new(window(1_000, 2_000), Terms { gaps: vec![gap], ..terms(0) }).verdict()
    };
    for (from, until) in [(500, 1_000), (2_000, 3_000)] {
        assert_eq!(verdict(from, until), RunVerdict::Reconciled, "{from}");
    }
    for (from, until) in [(500, 1_001), (1_999, 3_000), (1_400, 1_500)] {
        assert_eq!(verdict(from, until), RunVerdict::Incomplete, "{from}");
    }
}

/// From when a row began until it had to be there, and at its own moment at the least.
#[test]
fn book_sees_a_row_whose_time_no_gap_touches() {
    let gap = Gap { book: Book::Rail, from: 100, until: 200, why: Why::PageLost };
    let terms = Terms { gaps: vec![gap], ..terms(LATE) };
    for (at, due, sees) in
        [(50, 100, true), (50, 101, false), (99, 0, true), (100, 0, false), (199, 300, false), (200, 300, true)]
    {
        assert_eq!(terms.sees(Book::Rail, at, due), sees, "{at} {due}");
        assert!(terms.sees(Book::Bank, at, due));
    }
}

/// One record that cannot be read is named with its key, and a provider that nobody can ask has no list that could lack anything.
#[test]
fn gap_of_one_record_or_of_a_list_that_is_none_hides_nothing() {
    for book in Book::ALL {
        for why in Why::ALL {
            let is_none = *why == Why::OneRecord || (*book == Book::Provider && *why == Why::NotAskable);
            let gap = Gap { book: *book, from: 0, until: 1, why: *why };
            assert_eq!(gap.hides(), !is_none, "{book} {why}");
        }
    }
}

/// Else nothing could be said of the days between two bad hours.
#[test]
fn gaps_a_week_apart_stay_apart_however_many_they_are() {
    let hour = 3_600_000;
    let gap = |from| Gap { book: Book::Rail, from, until: from + 1, why: Why::Unreadable };
    let week = 7 * 24 * hour;
    let many = (0..300).map(|number| number * 2 * hour);
    let all = all_gaps(&[], many.clone().chain(many.map(|from| from + 600 * hour + week)).map(gap));
    assert_eq!(all.len(), 2, "{all:?}");
}

#[test]
fn longest_names_of_every_book_fit_their_rows() {
    let id = RowId::new("x".repeat(256)).unwrap();
    assert!(RowId::new("x".repeat(257)).is_err());
    let key = BookKey::unmarked(Book::Provider, &"a".repeat(200), &id).unwrap();
    assert!(key.as_str().starts_with("!provider/aaa") && key.to_string() == key.as_str());
    let subject = format!("payout_missing:provider:65535:{id}");
    assert_eq!(RowId::of_subject(subject.clone()).unwrap().to_string(), subject);
    assert!(RowId::of_subject("x".repeat(513)).is_err());
    assert_eq!(eur(100).to_string(), "100 EUR");
}
