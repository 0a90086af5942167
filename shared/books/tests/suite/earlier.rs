//! What a run must remember of the runs before it.

use std::fs;
use std::path::Path;

use payonce_books::BooksError;
use payonce_books::intake::Intake;
use payonce_books::line::Line;
use payonce_books::manifest::read_before;
use payonce_books::reconcile::{BREAKS_CSV, Books, CARRIED};
use payonce_protocol::case::Ending;
use payonce_protocol::order::EventId;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::{Book, RailState, Record, Row};
use payonce_protocol::reconcile::run::{Before, Manifest, RunVerdict, Window};
use payonce_protocol::reconcile::terms::{Gap, Settle, Why};

use crate::random::{row, sum};

const SETTLE: Settle = Settle { provider_ms: 1_000, ours_ms: 100, rail_ms: 500, bank_ms: 0 };

/// An event, claimed and accepted; the rail's book has it or not.
fn accepted(is_at_the_rail: bool) -> Vec<Row> {
    let put = |id: &str, at, record| row("stripe/pi_1", id, at, record);
    let (event, sum) = (EventId::new("evt_1").unwrap(), sum(100, "EUR"));
    let mut rows = vec![
        put("evt_1", 19_990, Record::Event { sum: Some(sum) }),
        put("0001#claim", 20_000, Record::Claim { attempt: 1, event, sum, expires_at: 20_030 }),
        put("0001#outcome", 20_010, Record::Outcome { attempt: 1, outcome: Outcome::Accepted }),
    ];
    let payout = Record::Payout { sum, state: RailState::Paid, shows_at_bank: false };
    rows.extend(is_at_the_rail.then(|| put("tr_1", 20_005, payout)));
    rows
}

fn run(
    window: (u64, u64),
    carried: &[Row],
    rows: &[Row],
    gaps: &[Gap],
    out: &Path,
    before: Option<&Before>,
) -> Manifest {
    let mut shelf = Intake::new(None, 10_000);
    carried.iter().for_each(|row| shelf.push(row).unwrap());
    let mut shelves = vec![shelf.done().unwrap()];
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), 10_000);
        rows.iter().filter(|row| row.record.book() == Some(*book)).for_each(|row| intake.push(row).unwrap());
        gaps.iter().filter(|gap| gap.book == *book).for_each(|gap| intake.lacks(*gap));
        shelves.push(intake.done().unwrap());
    }
    let window = Window::new(window.0, window.1).unwrap();
    Books { shelves, window, settle: SETTLE, unread: Default::default() }.reconcile_into(out, before).unwrap()
}

fn carried(out: &Path) -> Vec<Row> {
    let lines = fs::read_to_string(out.join(CARRIED)).unwrap();
    lines.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().row().unwrap()).collect()
}

/// A page of the rail's book was lost. No later run may say that what it would have held is missing, until the rail was seen.
#[test]
fn what_no_book_could_speak_of_is_not_missing_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, three] = ["1", "2", "3"].map(|name| folder.path().join(name));
    let gap = Gap { book: Book::Rail, from: 0, until: 100_000, why: Why::PageLost };
    let first = run((0, 100_000), &[], &accepted(false), &[gap], &one, None);
    assert_eq!(first.verdict, RunVerdict::Incomplete);
    let before = read_before(&one).unwrap().unwrap();
    assert_eq!(before, first.as_before());
    let second = run((100_000, 200_000), &carried(&one), &[], &[], &two, Some(&before));
    assert_eq!((second.statement.count(Finding::Incomplete), second.statement.count(Finding::Break)), (1, 0));
    // The rail is asked for this one, and has it.
    let before = read_before(&two).unwrap().unwrap();
    let third = run((200_000, 300_000), &carried(&two), &accepted(true)[3..], &[], &three, Some(&before));
    assert_eq!(third.statement.count(Finding::Reconciled), 1);
}

#[test]
fn refuses_to_follow_a_run_whose_files_were_altered() {
    let folder = tempfile::tempdir().unwrap();
    run((0, 100_000), &[], &accepted(false), &[], folder.path(), None);
    let lines = fs::read_to_string(folder.path().join(CARRIED)).unwrap();
    let cut: String = lines.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join(CARRIED), cut).unwrap();
    assert!(matches!(read_before(folder.path()), Err(BooksError::Altered(_))));
}

/// The same window once more, into the same folder: until it is whole it is no run.
#[test]
fn a_run_begun_again_has_no_manifest_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let rows = accepted(false);
    run((0, 100_000), &[], &rows, &[], folder.path(), None);
    let window = Window::new(50_000, 100_000).unwrap();
    let other = Before { window: Window::new(0, 40_000).unwrap(), open: 0, gaps: vec![], awaited: vec![] };
    let failed = Books { shelves: vec![], window, settle: SETTLE, unread: Default::default() }
        .reconcile_into(folder.path(), Some(&other));
    assert!(matches!(failed, Err(BooksError::Chain(_))));
    assert_eq!(read_before(folder.path()).unwrap(), None);
}

/// A rail's reference is whatever its owner wrote, and finance opens the file in a spreadsheet.
#[test]
fn no_cell_of_a_sheet_of_breaks_begins_a_formula() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["1", "2"].map(|name| folder.path().join(name));
    const KEY: &str = "=HYPERLINK(\"http://x/\");@SUM(1)";
    let payout = Record::Payout { sum: sum(100, "EUR"), state: RailState::Paid, shows_at_bank: false };
    let orphan = row(KEY, "-1+1", 20_000, payout);
    run((0, 100_000), &[], &[orphan], &[], &one, None);
    // People ended its case.
    let lines = fs::read_to_string(one.join(CARRIED)).unwrap();
    let line: Line = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let ended = Record::Case {
        reason: Reason::PayoutOrphan,
        attempt: None,
        event: None,
        is_open: false,
        ending: Some(Ending::NotPaid),
        subject: Some(line.id),
        sum: None,
    };
    let before = read_before(&one).unwrap().unwrap();
    run((100_000, 200_000), &carried(&one), &[row(KEY, "case_1", 90_000, ended)], &[], &two, Some(&before));
    for (of, life) in [(&one, "new"), (&two, "gone")] {
        let sheet = fs::read_to_string(of.join(BREAKS_CSV)).unwrap();
        let mut rows = csv::Reader::from_reader(sheet.as_bytes());
        let cells: Vec<String> = rows.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
        assert_eq!((cells.len(), cells[1].as_str()), (12, life));
        assert_eq!(cells[4], "'=HYPERLINK(\"http://x/\");'@SUM(1)");
        // By whichever sign the columns are parted.
        let parted = cells.iter().flat_map(|cell| cell.split([',', ';']));
        assert!(parted.into_iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{cells:?}");
    }
}
