//! `cargo run --release -p payonce-books --example million [-- ROWS [FOLDER]]`: four books of a million payouts each, in no order and with
//! some rows wrong, sorted and reconciled within the memory of a function. Prints how long it took and what it needed.
//!
//! With FOLDER the same books are left there as `infra/reconcile.sql` reads them, and what the merge says of them in `out`:
//! `tests/reconcile/million` has both compared.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![allow(dead_code, reason = "the items of tests have more kinds than these books")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use payonce_books::BooksError;
use payonce_books::export::take::{Wanted, take};
use payonce_books::export::write::Exported;
use payonce_books::for_sql::{AskedList, Conditions, ForSql, place};
use payonce_books::intake::Intake;
use payonce_books::reconcile::Books;
use payonce_protocol::order::{Destination, EventId};
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Settle};

#[path = "../tests/suite/items.rs"]
mod items;

const MEMORY: usize = 24 * 1024 * 1024;
const START: u64 = 1_790_000_000_000;
const DAY: u64 = 86_400_000;
/// One row in so many is wrong.
const WRONG: u64 = 1_000;
/// Of one file of an export; a partition's is larger or smaller.
const CHANGES_A_FILE: u64 = 100_000;
const FROM: &str = "2026-09-21T14:13:20Z";
const TO: &str = "2026-11-20T14:13:20Z";

fn main() -> Result<(), BooksError> {
    let rows = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().unwrap());
    let kept = std::env::args().nth(2).map(PathBuf::from);
    let began = Instant::now();
    let mut shelves = vec![];
    let mut count = 0_u64;
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), MEMORY);
        for row in all(*book, rows) {
            intake.push(&row)?;
            count += 1;
        }
        shelves.push(intake.done()?);
    }
    println!("{count} rows of {rows} payouts written and sorted in parts: {} s", began.elapsed().as_secs());

    let folder = tempfile::tempdir()?;
    let out = kept.as_deref().map_or_else(|| folder.path().to_owned(), |kept| kept.join("out"));
    let window = Window::new(START, START + 60 * DAY)?;
    let settle = Settle { provider_ms: 3 * DAY, ours_ms: 600_000, rail_ms: DAY, bank_ms: 5 * DAY };
    let manifest = Books { shelves, window, settle, unread: Default::default() }.reconcile_into(&out, None)?;
    println!("reconciled: {} s in all", began.elapsed().as_secs());
    println!("verdict {}, {:?}", manifest.verdict, manifest.statement.findings);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!("peak of resident memory: {peak}");
    let peak_kb: u64 = peak.split(' ').next().unwrap_or_default().parse().unwrap();
    assert!(began.elapsed().as_secs() <= 600 && peak_kb <= 256 * 1024, "beyond 10 minutes or 256 MiB");
    if let Some(kept) = kept {
        for_sql(rows, window, settle, &kept)?;
    }
    Ok(())
}

/// The same rows, a line each or an item of an export.
fn for_sql(rows: u64, window: Window, settle: Settle, folder: &Path) -> Result<(), BooksError> {
    let units = Units([("EUR".parse().unwrap(), 2)].into());
    let mut for_sql = ForSql::create(folder)?;
    for book in [Book::Provider, Book::Rail, Book::Bank] {
        for row in all(book, rows) {
            for_sql.add([&row])?;
        }
    }
    let mut gaps: Vec<Gap> = vec![];
    let bucket = folder.join("bucket");
    for table in ["audit", "reconcile"] {
        let exported = Exported {
            bucket: bucket.clone(),
            prefix: table.to_owned(),
            table: format!("payonce-{table}"),
            id: "01695097218000-d6299cbd".to_owned(),
            from: FROM.to_owned(),
            to: TO.to_owned(),
        };
        let mut writer = exported.begin()?;
        for (number, row) in (1..).zip(all(Book::Ours, rows).filter(|_| table == "audit")) {
            items::audit(&[&row], &units).iter().try_for_each(|change| writer.push(change))?;
            if number % CHANGES_A_FILE == 0 {
                writer.end_file()?;
            }
        }
        writer.finish()?;
        let taken = take(&Wanted { bucket: &bucket, prefix: table, table: &exported.table, window })?;
        assert_eq!(taken.faults, []);
        println!("{table}: {} items exported in {} files", taken.changes, taken.files.len());
        gaps.extend(taken.gaps);
        place(folder, table, &taken.files)?;
    }
    let lists = [AskedList { provider: "stripe", by_payment: false }];
    let hand_at_bank = &Default::default();
    for_sql.done(&Conditions { window, settle, units: &units, hand_at_bank, gaps: &gaps, lists: &lists })
}

fn all(book: Book, rows: u64) -> impl Iterator<Item = Row> {
    // Every number once, far from its neighbours.
    (0..rows).flat_map(move |number| of(book, number * 611_953 % rows))
}

fn payee() -> Destination {
    Destination::new("acct_1SampleWorkshop").unwrap()
}

fn of(book: Book, number: u64) -> Vec<Row> {
    let at = START + number % 30 * DAY;
    let is_wrong = (number * 7 + book as u64).is_multiple_of(WRONG);
    let sum = Sum::new(100 + number % 10_000 + u64::from(is_wrong && number.is_multiple_of(2)), "EUR".parse().unwrap())
        .unwrap();
    let row = |id: String, at, record| Row {
        key: BookKey::parse(format!("stripe/pi_{number:024x}")).unwrap(),
        id: RowId::new(id).unwrap(),
        at,
        carried: false,
        payee: matches!(record, Record::Event { .. } | Record::Claim { .. } | Record::Payout { .. }).then(payee),
        record,
    };
    let event = format!("evt_{number:024x}");
    match book {
        _ if is_wrong && !number.is_multiple_of(2) => vec![],
        Book::Provider => vec![row(event, at, Record::Event { sum: Some(sum) })],
        Book::Ours => {
            let event = EventId::new(event).unwrap();
            let claim = Record::Claim { attempt: 1, event, sum, expires_at: at + 30_000 };
            let outcome = Record::Outcome { attempt: 1, outcome: Outcome::Accepted };
            vec![row("0001#claim".to_owned(), at + 1_000, claim), row("0001#outcome".to_owned(), at + 2_000, outcome)]
        }
        Book::Rail => {
            let payout = Record::Payout { sum, state: RailState::Paid, shows_at_bank: true };
            vec![row(format!("tr_{number:024x}"), at + 1_500, payout)]
        }
        Book::Bank => {
            vec![row(format!("line_{number}"), at + DAY, Record::Line { sum, direction: Direction::Out })]
        }
    }
}
