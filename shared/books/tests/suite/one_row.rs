//! Books that agree, and one row of one of them that is dropped, altered or added: it is found, whichever it is.

use payonce_books::intake::Intake;
use payonce_books::reconcile::Books;
use payonce_protocol::order::EventId;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::{Book, Direction, RailState, Record, Row, RowId, Sum};
use payonce_protocol::reconcile::run::{Run, RunVerdict, Window};
use payonce_protocol::reconcile::terms::Settle;

use crate::random::{Random, payee, row, sum};

const SETTLE: Settle = Settle { provider_ms: 1_000, ours_ms: 100, rail_ms: 500, bank_ms: 5_000 };
const KEYS: u64 = 30;

fn key(number: u64) -> Vec<Row> {
    let (name, of) = (format!("stripe/pi_{number}"), EventId::new(format!("evt_{number}")).unwrap());
    let asked = sum(100 + number, if number.is_multiple_of(2) { "EUR" } else { "JPY" });
    let put = |id: &str, at, record| row(&name, id, at, record);
    let (payout, case) = (format!("tr_{number}"), format!("case_{number}"));
    let outcome = if number.is_multiple_of(3) { Outcome::Accepted } else { Outcome::Rejected };
    let mut rows = vec![
        put(of.as_str(), 10, Record::Event { sum: Some(asked) }),
        put("0001#claim", 20, Record::Claim { attempt: 1, event: of.clone(), sum: asked, expires_at: 60 }),
        put("0001#outcome", 30, Record::Outcome { attempt: 1, outcome }),
    ];
    if outcome == Outcome::Accepted {
        rows.push(put(&payout, 25, Record::Payout { sum: asked, state: RailState::Paid, shows_at_bank: true }));
    } else {
        let (is_open, reason) = (number % 3 == 1, Reason::PayoutRejected);
        let (attempt, event, sum) = (Some(1), Some(of), Some(asked));
        rows.push(put(&case, 31, Record::Case { reason, attempt, event, is_open, ending: None, subject: None, sum }));
        if is_open {
            return rows;
        }
        rows.push(put(&case, 70, Record::ByHand { sum: asked, shows_at_bank: true }));
    }
    rows.push(put(&format!("line_{number}"), 80, Record::Line { sum: asked, direction: Direction::Out }));
    rows
}

fn reconciled(rows: &[Row]) -> Run {
    let books = Book::ALL.iter().map(|book| {
        let mut intake = Intake::new(Some(*book), 10_000);
        rows.iter().filter(|row| row.record.book() == Some(*book)).for_each(|row| intake.push(row).unwrap());
        intake.done().unwrap()
    });
    let window = Window::new(0, 1_000_000).unwrap();
    let run = Books { shelves: books.collect(), window, settle: SETTLE, unread: Default::default() }
        .walk(&[], |_, _, _| Ok(()))
        .unwrap();
    assert!(run.statement().closes());
    run
}

fn more(sum: &mut Sum) {
    *sum = Sum::new(sum.minor() + 1, sum.currency).unwrap();
}

/// `None`: nothing in it can be altered that is about money.
fn altered(row: &Row, random: &mut Random) -> Option<Row> {
    let mut row = row.clone();
    match &mut row.record {
        Record::Event { .. } | Record::Claim { .. } | Record::Payout { .. } if random.percent(30) => {
            row.payee = Some(payee("acct_other"));
        }
        Record::Event { sum: Some(sum) } => more(sum),
        Record::Claim { event, sum, .. } => match random.percent(50) {
            true => *event = EventId::new("evt_other").unwrap(),
            false => more(sum),
        },
        Record::Outcome { outcome, .. } => {
            *outcome = if *outcome == Outcome::Accepted { Outcome::Rejected } else { Outcome::Accepted }
        }
        Record::ByHand { sum, .. } => more(sum),
        Record::Payout { sum, state, .. } => match random.percent(50) {
            true => *state = random.one(&[RailState::Failed, RailState::Returned]),
            false => more(sum),
        },
        Record::Line { sum, direction } => match random.percent(50) {
            true => *direction = Direction::Back,
            false => more(sum),
        },
        _ => return None,
    }
    Some(row)
}

/// A second one of its kind, under its key or under none.
fn added(row: &Row, random: &mut Random) -> Option<Row> {
    let id = RowId::new(format!("{}-again", row.id)).unwrap();
    let mut again = Row { id, ..row.clone() };
    match &mut again.record {
        Record::Claim { attempt, .. } | Record::Outcome { attempt, .. } => *attempt = 2,
        Record::Case { .. } => return None,
        _ => {}
    }
    if random.percent(30) && !matches!(again.record, Record::Claim { .. }) {
        let key = format!("stripe/pi_none_{}", random.below(9));
        again.key = payonce_protocol::reconcile::rows::BookKey::parse(key).unwrap();
    }
    Some(again)
}

#[test]
fn one_row_dropped_altered_or_added_in_any_book_is_found() {
    let clean: Vec<Row> = (0..KEYS).flat_map(key).collect();
    let run = reconciled(&clean);
    assert_eq!((run.verdict(), run.statement().count(Finding::Break)), (RunVerdict::Reconciled, 0));
    let mut tried = std::collections::BTreeMap::new();
    for seed in 0..600 {
        let random = &mut Random::new(seed);
        let at = random.below(clean.len() as u64) as usize;
        let (what, books) = match random.below(3) {
            0 => ("dropped", Some([&clean[..at], &clean[at + 1..]].concat())),
            1 => ("altered", altered(&clean[at], random).map(|row| [&clean[..at], &[row], &clean[at + 1..]].concat())),
            _ => ("added", added(&clean[at], random).map(|row| [&clean[..], &[row]].concat())),
        };
        let Some(books) = books else { continue };
        let run = reconciled(&books);
        let row = &clean[at];
        assert_eq!(run.verdict(), RunVerdict::Breaks, "seed {seed}: {what} {row:?}");
        *tried.entry((what, row.record.kind())).or_insert(0) += 1;
    }
    for what in ["dropped", "altered", "added"] {
        for kind in ["event", "claim", "outcome", "by_hand", "payout", "line"] {
            assert!(tried.contains_key(&(what, kind)), "{what} {kind}");
        }
    }
    assert!(tried.contains_key(&("dropped", "case")));
}
