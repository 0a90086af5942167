//! Two runs over one random world, as they follow each other: what the first leaves open is carried into the second.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payonce_books::export::take::{Wanted, take};
use payonce_books::export::write::Exported;
use payonce_books::for_sql::{AskedList, Conditions, ForSql, place};
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
/// `is_damaged`: a file of the audit table's export is cut, and what it held is not read.
pub fn reconcile(
    world: &World,
    run: usize,
    read: &Read,
    folder: &Path,
    before: Option<&Before>,
    is_damaged: bool,
) -> Manifest {
    let from = START + run as u64 * WINDOW;
    let exported = write_for_sql(world, run, read, folder, is_damaged);
    let mut carried = Intake::new(None, MEMORY);
    read.carried.iter().for_each(|row| carried.push(row).unwrap());
    let mut shelves = vec![carried.done().unwrap()];
    for book in Book::ALL {
        let mut intake = Intake::new(Some(*book), MEMORY);
        let is_read = |row: &&Row| row.record.book() == Some(*book) && !exported.unread.contains(row);
        read.rows.iter().filter(is_read).for_each(|row| intake.push(row).unwrap());
        exported.gaps.iter().filter(|gap| gap.book == *book).for_each(|gap| intake.lacks(*gap));
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
    reconcile(world, 0, &first, &folder.join("damaged"), None, true);
    let manifest = reconcile(world, 0, &first, &one, None, false);

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
    let after = reconcile(world, 1, &second, &folder.join("2"), Some(&manifest.as_before()), false);
    [manifest, after]
}

/// What the exports are found to lack.
struct Exports {
    gaps: Vec<Gap>,
    /// Rows that stood in a damaged file.
    unread: Vec<Row>,
}

fn write_for_sql(world: &World, run: usize, read: &Read, folder: &Path, is_damaged: bool) -> Exports {
    let from = START + run as u64 * WINDOW;
    let window = Window::new(from, from + WINDOW).unwrap();
    let units = units();
    let mut for_sql = ForSql::create(folder).unwrap();
    for_sql.add(read.rows.iter().chain(&read.carried)).unwrap();
    let ours: Vec<&Row> = read.rows.iter().filter(|row| row.record.book() == Some(Book::Ours)).collect();
    let mut exports = Exports { gaps: vec![], unread: vec![] };
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
        if is_damaged && table == "audit" {
            let path = bucket.join(format!("exports/audit/AWSDynamoDB/data/{}-0000.json.gz", exported.id));
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            let cut: BTreeSet<(&str, &str)> = one.iter().map(items::place).collect();
            let stood_there = |row: &&&Row| cut.contains(&(row.key.as_str(), row.id.as_str()));
            exports.unread = ours.iter().filter(stood_there).map(|row| (*row).clone()).collect();
        }
        let (prefix, table_name) = (exported.prefix.as_str(), exported.table.as_str());
        let taken = take(&Wanted { bucket: &bucket, prefix, table: table_name, window }).unwrap();
        exports.gaps.extend(taken.gaps);
        place(folder, table, &taken.files).unwrap();
    }
    // Those of the run before, too.
    let gaps: Vec<Gap> = world.gaps[..=run].iter().flatten().chain(&exports.gaps).copied().collect();
    assert_eq!(exports.gaps.len(), usize::from(is_damaged));
    let lists = [("stripe", false), (items::LISTS_PAYMENTS, true)];
    let lists = lists.map(|(provider, by_payment)| AskedList { provider, by_payment });
    let (settle, hand_at_bank) = (world.settle, &world.hand_at_bank);
    for_sql.done(&Conditions { window, settle, units: &units, hand_at_bank, gaps: &gaps, lists: &lists }).unwrap();
    exports
}
