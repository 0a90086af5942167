//! Two runs over one random world, as they follow each other: what the first leaves open is carried into the second.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payonce_books::export::Exported;
use payonce_books::intake::Intake;
use payonce_books::line::Line;
use payonce_books::reconcile::{Books, CARRIED};
use payonce_protocol::case::Ending;
use payonce_protocol::reconcile::rows::{Book, Record, Row, RowId};
use payonce_protocol::reconcile::run::{Before, Manifest, Window};

use crate::items;
use crate::random::{Random, START, WINDOW, World, units};

const MEMORY: usize = 64 * 1024;

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
    fs::create_dir_all(folder.join("listed")).unwrap();
    let from = START + run as u64 * WINDOW;
    let settle = world.settle;
    let terms = format!(
        "from_ms,as_of,provider_ms,ours_ms,rail_ms,bank_ms,hand_at_bank\n{from},{},{},{},{},{},{}\n",
        from + WINDOW,
        settle.provider_ms,
        settle.ours_ms,
        settle.rail_ms,
        settle.bank_ms,
        u8::from(world.hand_shows_at_bank)
    );
    fs::write(folder.join("terms.csv"), terms).unwrap();
    // Those of the run before, too.
    let gaps = world.gaps[..=run].iter().flatten().map(|gap| {
        let book = if gap.hides() { gap.book.as_str() } else { "nobody" };
        format!("{book},{},{}\n", gap.from, gap.until)
    });
    fs::write(folder.join("gaps.csv"), "book,from_ms,until_ms\n".to_owned() + &gaps.collect::<String>()).unwrap();
    let units = units();
    let lines = units.0.iter().map(|(currency, exponent)| format!("{currency},{exponent}\n"));
    fs::write(folder.join("units.csv"), "currency,exponent\n".to_owned() + &lines.collect::<String>()).unwrap();

    let (ours, others): (Vec<&Row>, Vec<&Row>) =
        read.rows.iter().partition(|row| row.record.book() == Some(Book::Ours));
    let listed =
        others.into_iter().chain(&read.carried).map(|row| serde_json::to_string(&Line::of(row)).unwrap() + "\n");
    fs::write(folder.join("listed/rows.jsonl"), listed.collect::<String>()).unwrap();
    for (table, changes) in [("audit", items::audit(&ours, &units)), ("reconcile", items::cases(&ours, &units))] {
        let exported = Exported {
            bucket: folder.to_owned(),
            prefix: table.to_owned(),
            table: format!("payonce-{table}"),
            id: format!("0169509721800{run}-d6299cbd"),
            from: "2026-11-01T00:00:00Z".to_owned(),
            to: "2026-11-11T00:00:00Z".to_owned(),
        };
        let (one, other) = changes.split_at(changes.len() / 2);
        exported.write(&[one.to_vec(), other.to_vec(), vec![]]).unwrap();
    }
}
