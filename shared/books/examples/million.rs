//! `cargo run --release -p payonce-books --example million [-- ROWS]`: four books of a million payouts each, in no order and with
//! some rows wrong, sorted and reconciled within the memory of a function. Prints how long it took and what it needed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::fs;
use std::time::Instant;

use payonce_books::BooksError;
use payonce_books::intake::Intake;
use payonce_books::reconcile::Books;
use payonce_protocol::order::EventId;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::Settle;

const MEMORY: usize = 24 * 1024 * 1024;
const START: u64 = 1_790_000_000_000;
const DAY: u64 = 86_400_000;
/// One row in so many is wrong.
const WRONG: u64 = 1_000;

fn main() -> Result<(), BooksError> {
    let rows = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().unwrap());
    let began = Instant::now();
    let mut shelves = vec![];
    let mut count = 0_u64;
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), MEMORY);
        for number in 0..rows {
            // Every number once, far from its neighbours.
            let number = number * 611_953 % rows;
            for row in of(*book, number) {
                intake.push(&row)?;
                count += 1;
            }
        }
        shelves.push(intake.done()?);
    }
    println!("{count} rows of {rows} payouts written and sorted in parts: {} s", began.elapsed().as_secs());

    let folder = tempfile::tempdir()?;
    let window = Window::new(START, START + 60 * DAY)?;
    let settle = Settle { provider_ms: 3 * DAY, ours_ms: 600_000, rail_ms: DAY, bank_ms: 5 * DAY };
    let manifest = Books { shelves, window, settle, unread: Default::default() }.reconcile_into(folder.path(), None)?;
    println!("reconciled: {} s in all", began.elapsed().as_secs());
    println!("verdict {}, {:?}", manifest.verdict, manifest.statement.findings);
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!("peak of resident memory: {peak}");
    let peak_kb: u64 = peak.split(' ').next().unwrap_or_default().parse().unwrap();
    assert!(began.elapsed().as_secs() <= 600 && peak_kb <= 256 * 1024, "beyond 10 minutes or 256 MiB");
    Ok(())
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
