//! Made-up statements in every format: read back they are what was made; one row changed, dropped or added is found; random
//! bytes and damaged files never panic and never pass for a statement with balances.

use payonce_statements::Limits;
use payonce_statements::chain::Doubt;
use payonce_statements::import::{Imported, Known, Plan, Verdict, import};
use payonce_statements::model::{Balances, Status};

use crate::made::made;
use crate::random::Random;
use crate::render::{Kind, Made, MadeRow};
use crate::{format_of, learn, read_as, sample};

const RUNS: usize = 150;

fn rows_read(made: &Made, kind: Kind) -> Vec<MadeRow> {
    let text = made.render(kind);
    let statements = read_as(&kind.format(), text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}\n{text}"));
    for statement in &statements {
        assert_eq!(statement.header.account, made.account);
        let exponents = statement.entries.iter().map(|entry| u32::from(entry.amount.exponent()));
        assert!(exponents.into_iter().all(|exponent| exponent == made.digits));
        assert!(statement.entries.iter().all(|entry| entry.amount.currency().as_str() == made.currency));
        assert!(statement.entries.iter().all(|entry| entry.status == Status::Booked));
    }
    if let (Some(first), Some(last)) = (statements.first(), statements.last()) {
        let minor = |balance: Option<payonce_statements::model::Balance>| balance.unwrap().amount.minor();
        assert_eq!((minor(first.balances.opening), minor(last.balances.closing)), (made.opening, made.closing()));
    }
    statements.iter().flat_map(|statement| &statement.entries).map(MadeRow::read).collect()
}

#[test]
fn reads_back_what_was_made_in_every_format() {
    let random = &mut Random::new("reads_back_what_was_made_in_every_format");
    for _ in 0..RUNS {
        let made = made(random);
        for kind in Kind::ALL {
            assert_eq!(rows_read(&made, kind), made.rows, "{kind:?}\n{}", made.render(kind));
        }
    }
}

/// A row that differs while the balances stay as they were.
#[test]
fn refuses_a_statement_with_one_row_changed_dropped_or_added() {
    let random = &mut Random::new("refuses_a_statement_with_one_row_changed_dropped_or_added");
    for _ in 0..RUNS {
        let made = made(random);
        for kind in Kind::ALL {
            let good = made.render(kind);
            let lines: Vec<&str> = good.split_inclusive('\n').collect();
            let is_row = |line: &str| match kind {
                Kind::Camt => line.starts_with("<Ntry>"),
                Kind::Mt940 => line.starts_with(":61:"),
                Kind::Bai2 => line.starts_with("16,"),
                Kind::Csv => line.starts_with("\"ACC"),
            };
            let rows: Vec<usize> = (0..lines.len()).filter(|index| is_row(lines[*index])).collect();
            // The first and last row of a list with running balances may be missing without a trace, as in any extract.
            let inner = if kind == Kind::Csv {
                rows.get(1..rows.len().saturating_sub(1)).unwrap_or_default()
            } else {
                &rows[..]
            };
            if inner.is_empty() {
                continue;
            }
            let at = random.below(inner.len());
            let (index, row) = (inner[at], &made.rows[at + usize::from(kind == Kind::Csv)]);
            if row.minor == 0 {
                continue;
            }
            let parts = |upto: &[&str], from: &[&str], line: &str| format!("{}{line}{}", upto.concat(), from.concat());
            // The text of field 86 goes with its row.
            let after = if kind == Kind::Mt940 && lines[index + 1].starts_with(":86:") { index + 2 } else { index + 1 };
            let dropped = parts(&lines[..index], &lines[after..], "");
            let added = parts(&lines[..after], &lines[index..], "");
            let other = Made { rows: vec![MadeRow { minor: row.minor + 1, ..row.clone() }], ..made.clone() };
            let other = other.render(kind);
            let other_row = other.split_inclusive('\n').find(|line| is_row(line)).unwrap();
            let other_row = match kind {
                // With the balance that stood there.
                Kind::Csv => {
                    let (head, _) = other_row.rsplit_once(',').unwrap();
                    let (_, balance) = lines[index].rsplit_once(',').unwrap();
                    format!("{head},{balance}")
                }
                _ => other_row.to_owned(),
            };
            let changed = parts(&lines[..index], &lines[index + 1..], &other_row);
            for (what, text) in [("dropped", dropped), ("added", added), ("changed", changed)] {
                assert!(read_as(&kind.format(), text.as_bytes()).is_err(), "{kind:?} {what}\n{text}");
            }
        }
    }
}

/// The whole file anew, with balances that fit: the import finds the difference.
#[test]
fn finds_one_row_changed_or_added_against_what_is_known() {
    let random = &mut Random::new("finds_one_row_changed_or_added_against_what_is_known");
    for _ in 0..RUNS {
        let made = made(random);
        if made.rows.is_empty() {
            continue;
        }
        for kind in Kind::ALL {
            let known = &mut Known::default();
            learn(&kind.format(), made.render(kind).as_bytes(), known);
            let mut longer = made.clone();
            let new = MadeRow { minor: 987_654, ours: Some("new".to_owned()), ..made.rows[0].clone() };
            longer.rows.insert(0, new);
            let plan = repeated(&longer, kind, known);
            let new: Vec<_> = plan.new_rows().map(|row| MadeRow::read(&row.entry)).collect();
            assert_eq!(new, longer.rows[..1], "{kind:?}\n{}\n{}", made.render(kind), longer.render(kind));
            assert_eq!(plan.rows.iter().filter(|row| row.verdict == Verdict::Known).count(), made.rows.len());

            let at = random.below(made.rows.len());
            let mut changed = made.clone();
            changed.rows[at].text = "another text".to_owned();
            let plan = repeated(&changed, kind, known);
            let verdicts: Vec<_> = plan.rows.iter().map(|row| row.verdict.clone()).collect();
            assert_eq!(verdicts[at], Verdict::Changed(vec!["remittance"]), "{kind:?}");
            assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Known).count(), made.rows.len() - 1);
        }
    }
}

/// Where the rows sum up to nothing, a person says that they are meant to be the same.
fn repeated(made: &Made, kind: Kind, known: &Known) -> Plan {
    let text = made.render(kind);
    match import(&kind.format(), Limits::default(), &mut text.as_bytes(), known, Doubt::Repeats).unwrap() {
        Imported::Plan(plan) => plan,
        Imported::SameFile(digest) => panic!("{digest} is known"),
    }
}

#[test]
fn random_bytes_are_no_statement_and_never_panic() {
    let random = &mut Random::new("random_bytes_are_no_statement_and_never_panic");
    for _ in 0..RUNS * 4 {
        let bytes = random.bytes(600);
        for kind in Kind::ALL {
            assert_no_bridge(read_as(&kind.format(), &bytes).ok());
        }
    }
}

fn assert_no_bridge(statements: Option<Vec<payonce_statements::model::Statement>>) {
    for statement in statements.into_iter().flatten() {
        assert_eq!(statement.balances, Balances::default());
    }
}

/// Good files with bytes changed, cut out, doubled or put elsewhere: whatever still reads is a statement that closes.
#[test]
fn damaged_files_never_panic_and_close_or_are_refused() {
    let random = &mut Random::new("damaged_files_never_panic_and_close_or_are_refused");
    let names = [
        "camt053-v02.xml",
        "camt053-v08.xml",
        "camt053-v13.xml",
        "camt054-v08.xml",
        "mt940-slashes.sta",
        "mt940-numbered.sta",
        "bai2.bai",
        "bank.csv",
        "columns.csv",
        "paypal.csv",
    ];
    let (mut read, mut refused) = (0, 0);
    for name in names {
        let (good, format) = (sample(name), format_of(name));
        for _ in 0..RUNS * 2 {
            let mut bytes = good.clone();
            for _ in 0..=random.below(3) {
                let (at, to) = (random.below(bytes.len()), random.below(bytes.len()));
                let (from, to) = (at.min(to), at.max(to).min(at.min(to) + 80));
                match random.below(4) {
                    0 => bytes = random.one_changed(&bytes),
                    1 => drop(bytes.drain(from..to)),
                    2 => {
                        bytes.splice(from..from, good[from.min(good.len())..to.min(good.len())].to_vec()).for_each(drop)
                    }
                    _ => bytes.swap(from, to),
                }
                if bytes.is_empty() {
                    bytes.push(b' ');
                }
            }
            match read_as(&format, &bytes) {
                Err(_) => refused += 1,
                Ok(statements) => {
                    read += 1;
                    for statement in statements {
                        let Balances { opening: Some(opening), closing: Some(closing) } = statement.balances else {
                            continue;
                        };
                        let booked = statement.entries.iter().filter(|entry| entry.status == Status::Booked);
                        let rows: i64 = booked.map(|entry| entry.amount.minor()).sum();
                        assert_eq!(opening.amount.minor() + rows, closing.amount.minor());
                    }
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(refused > read / 4 && read > 0);
}
