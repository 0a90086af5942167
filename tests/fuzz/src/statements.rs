//! Bank and settlement files.
//!
//! * What is read closes: opening balance and booked rows make the closing balance, in one currency, each sum within 2^53.
//! * It reads the same however its bytes arrive, and a file that is refused says why, at most a hundred times.
//! * Imported once more it adds nothing. What is kept of it is read again as it was.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::sync::LazyLock;

use payonce_protocol::money::MAX_MINOR;
use payonce_statements::chain::Doubt;
use payonce_statements::config::StatementConfig;
use payonce_statements::import::{Imported, Known, Plan, Row, RowId, Verdict, import};
use payonce_statements::kept::{Imports, Learned};
use payonce_statements::model::{Balances, Kind, Statement, Status};
use payonce_statements::{Charset, Format, Limits, Part, RefusedFile, read, statements};

use crate::split;

pub fn camt(input: &[u8]) {
    file(&Format::Camt, input);
}

/// The format, an empty line, the file.
pub fn accounts(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    let format = match head[..] {
        ["mt940"] => Format::Mt940(Charset::Utf8),
        ["mt940 latin-1"] => Format::Mt940(Charset::Latin1),
        ["bai2"] => Format::Bai2(Charset::Utf8),
        ["bai2 windows-1252"] => Format::Bai2(Charset::Windows1252),
        _ => return,
    };
    file(&format, body);
}

static DESCRIBED: LazyLock<[(&str, Format); 4]> = LazyLock::new(|| {
    macro_rules! described {
        ($name:literal) => {{
            let text = include_str!(concat!("../../../shared/statements/tests/samples/", $name, ".toml"));
            ($name, toml::from_str::<StatementConfig>(text).unwrap().format().unwrap())
        }};
    }
    [described!("bank"), described!("columns"), described!("made"), described!("paypal")]
});

/// The name of its description, an empty line, the list.
pub fn lists(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    if let Some((_, format)) = DESCRIBED.iter().find(|(name, _)| head[..] == [*name]) {
        file(format, body);
    }
}

fn file(format: &Format, bytes: &[u8]) {
    let whole = statements(format, bytes);
    // Seven bytes at a time.
    let mut parts = vec![];
    let pieces = read(format, Limits::default(), &mut BufReader::with_capacity(7, bytes), &mut |part| parts.push(part));
    let list = match whole {
        Ok(list) => list,
        Err(refused) => {
            assert_eq!(pieces.err().as_ref(), Some(&refused));
            return said(&refused);
        }
    };
    assert!(pieces.is_ok());
    let entries = list.iter().flat_map(|statement| &statement.entries);
    assert!(parts.iter().filter_map(|part| if let Part::Entry(entry) = part { Some(entry) } else { None }).eq(entries));
    list.iter().for_each(closes);
    imported(format, bytes, &list);
}

fn said(RefusedFile(all): &RefusedFile) {
    assert!((1..=100).contains(&all.len()));
    // A place is made of names of the format and numbers, or of a column's name.
    assert!(
        all.iter()
            .all(|refused| refused.line > 0 && !refused.place.is_empty() && !refused.wrong.to_string().is_empty())
    );
}

fn closes(Statement { header, entries, balances }: &Statement) {
    assert!(!header.account.is_empty() && !header.account.contains(char::is_whitespace));
    let amounts = entries.iter().map(|entry| entry.amount).chain(balances.opening.map(|balance| balance.amount));
    assert!(amounts.into_iter().all(|amount| amount.minor().unsigned_abs() <= MAX_MINOR));
    let booked = || entries.iter().filter(|entry| entry.status == Status::Booked).map(|entry| entry.amount);
    let Balances { opening: Some(opening), closing: Some(closing) } = balances else { return };
    assert!(booked().all(|amount| amount.currency() == opening.amount.currency()));
    let rows: i128 = booked().map(|amount| i128::from(amount.minor())).sum();
    assert_eq!(i128::from(opening.amount.minor()) + rows, i128::from(closing.amount.minor()), "it does not close");
    assert_ne!(header.kind, Kind::Notification, "single bookings have no balance");
}

fn plan(format: &Format, bytes: &[u8], known: &Known) -> Option<Plan> {
    match import(format, Limits::default(), &mut &bytes[..], known, Doubt::Repeats) {
        Ok(Imported::Plan(plan)) => Some(plan),
        Ok(Imported::SameFile(_)) => panic!("nothing is known"),
        Err(refused) => {
            said(&refused);
            None
        }
    }
}

fn imported(format: &Format, bytes: &[u8], list: &[Statement]) {
    let mut imports = Imports::default();
    let Some(first) = plan(format, bytes, &imports.known) else { return };
    assert_eq!(first.rows.len(), list.iter().map(|statement| statement.entries.len()).sum::<usize>());
    let learned = Learned::of(&first);
    let line = learned.line().unwrap();
    imports.add(learned);
    let again = Imports::read(line.as_bytes()).unwrap();
    assert!(again.booked().eq(imports.booked()));
    assert_eq!((again.told(), &again.known.rows), (imports.told(), &imports.known.rows));
    let same = import(format, Limits::default(), &mut &bytes[..], &again.known, Doubt::Refuse);
    assert!(matches!(same, Ok(Imported::SameFile(_))));
    // Other bytes of the same content: it is read anew.
    let Some(second) = plan(format, &[bytes, b"\n"].concat(), &again.known) else { return };
    // Two rows that are taken for one, which is what whoever says that it repeats asks for, may say different things of it.
    let mut ids = BTreeSet::new();
    let taken_for_one: BTreeSet<RowId> = first.rows.iter().map(|row| row.id).filter(|id| !ids.insert(*id)).collect();
    let is_old = |row: &Row| match row.verdict {
        Verdict::New => false,
        Verdict::Changed(_) => taken_for_one.contains(&row.id),
        _ => true,
    };
    assert!(second.rows.iter().all(is_old), "a file that comes twice adds rows");
}
