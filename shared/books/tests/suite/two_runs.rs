//! Two runs over one random world, as they follow each other: what the first leaves open is carried into the second.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payonce_books::export::take::{Wanted, take};
use payonce_books::export::write::Exported;
use payonce_books::for_sql::{Conditions, ForSql, place};
use payonce_books::intake::Intake;
use payonce_books::line::Line;
use payonce_books::reconcile::{Books, CARRIED};
use payonce_protocol::case::Ending;
use payonce_protocol::reconcile::rows::{Book, Record, Row, RowId};
use payonce_protocol::reconcile::run::{Before, Manifest, Window};
use payonce_protocol::reconcile::terms::Gap;

use crate::items;
use crate::random::{Random, START, WINDOW, World, units};

const MEMORY: usize = 64 * 1024;
/// [`START`], and the ends of the two windows of ten days, as an export writes times.
const DAYS: [&str; 3] = ["2026-09-21T14:13:20Z", "2026-10-01T14:13:20Z", "2026-10-11T14:13:20Z"];

/// Of one run: what is carried into it, and what its books have.
pub struct Read {
    pub carried: Vec<Row>,
    pub rows: Vec<Row>,
}

/// Reconciles into `folder/out`, and writes beside it what the SQL reads. The rows are given as they come.
pub fn reconcile(world: &World, run: usize, read: &Read, folder: &Path, before: Option<&Before>) -> Manifest {
    let from = START + run as u64 * WINDOW;
    write_for_sql(world, run, read, folder);
    let mut carried = Intake::new(None, MEMORY);
    read.carried.iter().for_each(|row| carried.push(row).unwrap());
    let mut shelves = vec![carried.done().unwrap()];
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), MEMORY);
        read.rows.iter().filter(|row| row.record.book() == Some(*book)).for_each(|row| intake.push(row).unwrap());
        world.gaps[run].iter().filter(|gap| gap.book == *book).for_each(|gap| intake.lacks(*gap));
        shelves.push(intake.done().unwrap());
    }
    let window = Window::new(from, from + WINDOW).unwrap();
    let books = Books { shelves, window, settle: world.settle, unread: Default::default() };
    books.reconcile_into(&folder.join("out"), before).unwrap()
}

/// Both; `folder/1` and `folder/2`.
pub fn both(seed: u64, world: &World, folder: &Path) -> [Manifest; 2] {
    let of = |run: usize| world.rows.iter().filter(move |(of, _)| *of == run).map(|(_, row)| row.clone());
    let first = Read { carried: vec![], rows: of(0).collect() };
    let one = folder.join("1");
    let manifest = reconcile(world, 0, &first, &one, None);

    let mut carried: Vec<Row> = fs::read_to_string(one.join("out").join(CARRIED))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Line>(line).unwrap().row().unwrap())
        .collect();
    let mut rows: Vec<Row> = of(1).collect();
    // People took up some of the breaks; of some of their cases the end is read as well.
    let random = &mut Random::new(seed ^ 0xBEEF);
    for (number, row) in carried.iter().enumerate() {
        let Record::WasBreak { kind, .. } = &row.record else { continue };
        if let Some(reason) = kind.reason().filter(|_| random.percent(50)) {
            let (is_open, subject) = (random.percent(50), Some(row.id.to_string()));
            // It repeats a sum, which asks for nothing.
            let sum = Some(crate::random::sum(7, "EUR")).filter(|_| random.percent(50));
            let ending = (!is_open).then(|| {
                random.one(&[Ending::NotPaid, Ending::ConfirmedAccepted, Ending::DuplicateOf, Ending::Explained])
            });
            let record = Record::Case { reason, attempt: None, event: None, is_open, ending, subject, sum };
            let id = RowId::new(format!("case-of-break-{number}")).unwrap();
            rows.push(Row { id, at: START + WINDOW + 1, carried: false, record, ..row.clone() });
        }
    }
    // Whoever reads an older payout again brings all rows of its key along.
    let open: BTreeSet<String> = carried.iter().map(|row| row.key.to_string()).collect();
    let news: BTreeSet<String> = rows.iter().map(|row| row.key.to_string()).collect();
    let old = of(0).filter(|row| news.contains(row.key.as_str()) && !open.contains(row.key.as_str()));
    carried.extend(old.map(|row| Row { carried: true, ..row }));
    let second = Read { carried, rows };
    let after = reconcile(world, 1, &second, &folder.join("2"), Some(&manifest.as_before()));
    [manifest, after]
}

fn write_for_sql(world: &World, run: usize, read: &Read, folder: &Path) {
    let from = START + run as u64 * WINDOW;
    let window = Window::new(from, from + WINDOW).unwrap();
    let units = units();
    let mut for_sql = ForSql::create(folder).unwrap();
    for_sql.add(read.rows.iter().chain(&read.carried)).unwrap();
    let ours: Vec<&Row> = read.rows.iter().filter(|row| row.record.book() == Some(Book::Ours)).collect();
    // Those of the run before, too.
    let mut gaps: Vec<Gap> = world.gaps[..=run].iter().flatten().copied().collect();
    let bucket = folder.join("bucket");
    for (table, changes) in [("audit", items::audit(&ours, &units)), ("reconcile", items::cases(&ours, &units))] {
        let exported = Exported {
            bucket: bucket.clone(),
            prefix: format!("exports/{table}"),
            table: format!("payonce-{table}"),
            id: format!("0169509721800{run}-d6299cbd"),
            from: DAYS[run].to_owned(),
            to: DAYS[run + 1].to_owned(),
        };
        let (one, other) = changes.split_at(changes.len() / 2);
        exported.write(&[one.to_vec(), other.to_vec(), vec![]]).unwrap();
        let (prefix, table_name) = (exported.prefix.as_str(), exported.table.as_str());
        let taken = take(&Wanted { bucket: &bucket, prefix, table: table_name, window }).unwrap();
        assert_eq!(taken.faults, []);
        gaps.extend(taken.gaps);
        place(folder, table, &taken.files).unwrap();
    }
    let hand_shows_at_bank = world.hand_shows_at_bank;
    for_sql.done(&Conditions { window, settle: world.settle, units: &units, hand_shows_at_bank, gaps: &gaps }).unwrap();
}
