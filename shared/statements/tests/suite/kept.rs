//! What is kept from one import to the next, and rows of which nobody can say whether they are known.

use std::ops::Add as _;

use payonce_statements::chain::Doubt;
use payonce_statements::chosen::{Described, NotChosen, chosen};
use payonce_statements::import::{Imported, Plan, Tally, Verdict, import};
use payonce_statements::kept::{Imports, Learned};
use payonce_statements::{Format, Limits};

use crate::render::{Kind, Made, MadeRow};
use crate::{described, read_as, sample, shown};

const ACCOUNT: &str = "NL08PAYO0000000001";

fn plan(imports: &Imports, format: &Format, bytes: &[u8], doubt: Doubt) -> Option<Plan> {
    match import(format, Limits::default(), &mut &bytes[..], &imports.known, doubt).unwrap() {
        Imported::Plan(plan) => Some(plan),
        Imported::SameFile(_) => None,
    }
}

/// As another process finds it.
fn kept(imports: &mut Imports, plan: &Plan, lines: &mut String) {
    let learned = Learned::of(plan);
    lines.push_str(&learned.line().unwrap());
    imports.add(learned);
    let again = Imports::read(lines.as_bytes()).unwrap();
    assert_eq!(again.known.files, imports.known.files);
    assert_eq!(again.known.rows, imports.known.rows);
    assert_eq!(again.known.detailed, imports.known.detailed);
    assert_eq!(again.told(), imports.told());
    assert!(again.booked().eq(imports.booked()));
    assert!(again.doubtful_days().eq(imports.doubtful_days()));
    *imports = again;
}

#[test]
fn second_import_adds_nothing_and_an_overlap_only_what_is_new_across_processes() {
    for kind in Kind::ALL {
        let (mut imports, mut lines) = (Imports::default(), String::new());
        let rows: Vec<_> = (1..=9).map(|day| MadeRow::new(day, 100, "")).collect();
        let first = Made::new(ACCOUNT, 0, rows[..6].to_vec()).render(kind);
        let first_plan = plan(&imports, &kind.format(), first.as_bytes(), Doubt::Refuse).unwrap();
        kept(&mut imports, &first_plan, &mut lines);
        assert!(plan(&imports, &kind.format(), first.as_bytes(), Doubt::Refuse).is_none(), "{kind:?}");
        let second = Made::new(ACCOUNT, 400, rows[4..].to_vec()).render(kind);
        let plan = plan(&imports, &kind.format(), second.as_bytes(), Doubt::Refuse).unwrap();
        assert_eq!(plan.tally(), Tally { new: 3, known: 2, ..Tally::default() }, "{kind:?}");
        kept(&mut imports, &plan, &mut lines);
        assert_eq!(imports.booked().count(), 9, "{kind:?}");
    }
}

/// By it a run knows what no run before had read.
#[test]
fn a_row_keeps_the_number_of_the_import_that_made_it_what_it_is() {
    let (mut imports, mut lines) = (Imports::default(), String::new());
    let rows = |text: &str| {
        [("a", "as it was"), ("b", text)].map(|(end_to_end, text)| {
            let mut row = MadeRow::new(5, 100, end_to_end);
            row.text = text.to_owned();
            row
        })
    };
    for text in ["as it was", "as it was", "told in other words"] {
        // Another file each time: what is added at its end tells it from the one before.
        let made = Made::new(ACCOUNT, 0, rows(text).to_vec()).camt() + &"\n".repeat(lines.len() % 7);
        let Some(plan) = plan(&imports, &Format::Camt, made.as_bytes(), Doubt::Refuse) else { continue };
        kept(&mut imports, &plan, &mut lines);
    }
    let numbers: Vec<u64> = imports.booked().map(|row| row.import).collect();
    let last = imports.last();
    assert!(last > 1, "{last}");
    assert_eq!(numbers.iter().copied().collect::<std::collections::BTreeSet<u64>>(), [1, last].into());
    let mut some = Imports::default();
    some.add_as(7, Learned::read(lines.lines().next().unwrap().to_owned().add("\n").as_bytes()).unwrap());
    assert_eq!((some.last(), some.booked().map(|row| row.import).collect::<Vec<_>>()), (7, vec![7, 7]));
    some.pass_over(8);
    assert_eq!((some.last(), some.booked().count()), (8, 2));
    assert!(Learned::read(lines.as_bytes()).is_err(), "several are not one");
}

/// A name picks a format, and nothing is guessed.
#[test]
fn a_format_is_the_one_that_was_named_or_the_one_that_the_file_begins_with() {
    let none = Described::new();
    for (begins, shown) in
        [("<?xml", "Camt"), ("\u{feff} <Document", "Camt"), ("{1:F01", "Mt940"), (":20:A", "Mt940"), ("01,A,", "Bai2")]
    {
        let format = chosen(None, begins.as_bytes(), &none).unwrap();
        assert!(format!("{format:?}").starts_with(shown), "{begins}");
    }
    assert_eq!(chosen(None, b"date;amount", &none).unwrap_err(), NotChosen::NotShown);
    assert_eq!(chosen(Some("monday"), b"<?xml", &none).unwrap_err(), NotChosen::Unknown);
    assert!(matches!(chosen(Some("bai2"), b"<?xml", &none), Ok(Format::Bai2(_))));
}

#[test]
fn a_line_that_was_cut_off_is_named() {
    let mut imports = Imports::default();
    let made = Made::new(ACCOUNT, 0, vec![MadeRow::new(5, 1, "a")]).camt();
    let plan = plan(&imports, &Format::Camt, made.as_bytes(), Doubt::Refuse).unwrap();
    let mut lines = String::new();
    kept(&mut imports, &plan, &mut lines);
    let cut = format!("{lines}{}", &lines[..40]);
    let error = Imports::read(cut.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("import the file again"), "{error}");
    let error = Imports::read(format!("{lines}{{}}\n").as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "line 2 is no import that was kept (json)");
}

/// What is kept is read by whoever has the folder: texts of payments name people.
#[test]
fn what_is_kept_repeats_no_text_of_a_payment() {
    let imports = Imports::default();
    let mut row = MadeRow::new(5, 1, "a");
    row.text = "Rent of Ann Planted".to_owned();
    let made = Made::new(ACCOUNT, 0, vec![row]).camt();
    let plan = plan(&imports, &Format::Camt, made.as_bytes(), Doubt::Refuse).unwrap();
    assert!(!Learned::of(&plan).line().unwrap().contains("Planted"));
}

fn notified(payments: &[(&str, &str)]) -> String {
    let entry = |(ours, bank): &(&str, &str)| {
        format!(
            "<Ntry><Amt Ccy=\"EUR\">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt>\
             <NtryDtls><TxDtls><Refs><AcctSvcrRef>{bank}</AcctSvcrRef><EndToEndId>{ours}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>\n"
        )
    };
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn><GrpHdr/>\n\
         <Ntfctn><Id>N</Id><Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>\n{}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n",
        payments.iter().map(entry).collect::<String>()
    )
}

/// One EndToEndId and sum, and another reference of the bank's: it may be a second payment.
#[test]
fn a_notified_payment_with_another_reference_of_the_bank_is_doubtful_until_a_person_decides() {
    let (mut imports, mut lines) = (Imports::default(), String::new());
    let first = plan(&imports, &Format::Camt, notified(&[("x", "S1")]).as_bytes(), Doubt::Refuse).unwrap();
    kept(&mut imports, &first, &mut lines);

    let second = notified(&[("x", "S2"), ("y", "S3")]);
    let doubtful = plan(&imports, &Format::Camt, second.as_bytes(), Doubt::Refuse).unwrap();
    assert_eq!(doubtful.tally(), Tally { new: 1, doubtful: 1, ..Tally::default() });
    assert!(
        shown(&doubtful)[0].contains("doubtful, changed (servicer) or a second one alike: -5.00 EUR"),
        "{:?}",
        shown(&doubtful)
    );
    kept(&mut imports, &doubtful, &mut lines);
    assert_eq!(imports.booked().count(), 2, "a doubtful row counts before anybody decided");
    assert_eq!(imports.doubtful_days().count(), 1);

    // Decided either way, nothing is left to doubt, and the other row is known.
    for (doubt, verdict, booked) in
        [(Doubt::Repeats, Verdict::Changed(vec!["servicer"]), 2), (Doubt::Continues, Verdict::New, 3)]
    {
        let (mut imports, mut lines) = (imports.clone(), lines.clone());
        let decided = plan(&imports, &Format::Camt, second.as_bytes(), doubt).unwrap();
        assert_eq!(decided.rows.iter().map(|row| row.verdict.clone()).collect::<Vec<_>>(), [verdict, Verdict::Known]);
        kept(&mut imports, &decided, &mut lines);
        assert_eq!((imports.booked().count(), imports.doubtful_days().count()), (booked, 0));
        assert!(plan(&imports, &Format::Camt, second.as_bytes(), Doubt::Refuse).is_none());
    }
}

/// Both were told in one file: in another order, or one alone, each is the one with its reference.
#[test]
fn notified_payments_alike_are_told_apart_by_the_reference_of_the_bank() {
    let (mut imports, mut lines) = (Imports::default(), String::new());
    let both = plan(&imports, &Format::Camt, notified(&[("x", "S1"), ("x", "S2")]).as_bytes(), Doubt::Refuse).unwrap();
    assert_eq!(both.tally(), Tally { new: 2, ..Tally::default() });
    kept(&mut imports, &both, &mut lines);
    for again in [notified(&[("x", "S2")]), notified(&[("x", "S2"), ("x", "S1")])] {
        let plan = plan(&imports, &Format::Camt, again.as_bytes(), Doubt::Refuse).unwrap();
        assert!(plan.rows.iter().all(|row| row.verdict == Verdict::Known), "{:?}", shown(&plan));
    }
}

#[test]
fn a_batch_counts_once_whichever_file_came_first() {
    let files = ["camt053-v02.xml", "camt054-v08.xml"];
    let counted = |order: [&str; 2]| {
        let (mut imports, mut lines) = (Imports::default(), String::new());
        for name in order {
            let plan = plan(&imports, &Format::Camt, &sample(name), Doubt::Refuse).unwrap();
            kept(&mut imports, &plan, &mut lines);
        }
        imports.booked().map(|row| (row.id, row.amount)).collect::<Vec<_>>()
    };
    assert_eq!(counted(files), counted([files[1], files[0]]));
}

/// Without a header row a short row would say nothing in the columns that it does not have.
#[test]
fn a_short_row_is_refused_with_its_line_and_column_with_and_without_a_header() {
    let format = described("columns");
    let rows = String::from_utf8(sample("columns.csv")).unwrap();
    assert!(read_as(&format, rows.as_bytes()).is_ok());
    let (last, rest) = rows.trim_end().rsplit_once('\n').map(|(rest, last)| (last, rest)).unwrap();
    let (short, _) = last.split_once('\t').unwrap();
    let refused = read_as(&format, format!("{rest}\n{short}\n").as_bytes()).unwrap_err().to_string();
    let line = rows.trim_end().lines().count();
    assert!(refused.contains(&format!("line {line}, column 2")) && refused.contains("is missing"), "{refused}");
}

/// By other days than the bank speaks of, one whose statement is lost counts as told.
#[test]
fn an_end_at_midnight_is_that_of_the_day_before_unless_the_day_is_closed() {
    let written = String::from_utf8(sample("camt053-v02.xml")).unwrap();
    let told = |until: &str, closes: &str| {
        let text = written.replacen("2026-01-05T17:00:00+01:00</ToDtTm>", &format!("{until}</ToDtTm>"), 1);
        let text = text.replace("<Dt><Dt>2026-01-05</Dt></Dt>", &format!("<Dt><Dt>{closes}</Dt></Dt>"));
        let mut imports = Imports::default();
        imports.add(Learned::of(&plan(&Imports::default(), &Format::Camt, text.as_bytes(), Doubt::Refuse).unwrap()));
        let days = imports.told().remove(0).days;
        days.into_iter().map(|(from, to)| (from.day(), to.day())).collect::<Vec<_>>()
    };
    assert_eq!(told("2026-01-05T17:00:00+01:00", "2026-01-05"), [(5, 5)]);
    assert_eq!(told("2026-01-06T00:00:00+01:00", "2026-01-05"), [(5, 5)]);
    assert_eq!(told("2026-01-06T00:00:00.000+01:00", "2026-01-05"), [(5, 5)]);
    assert_eq!(told("2026-01-06T00:00:00+01:00", "2026-01-06"), [(5, 6)]);
    assert_eq!(told("2026-01-06T00:00:01+01:00", "2026-01-05"), [(5, 6)]);
    assert_eq!(told("2026-01-05T00:00:00+01:00", "2026-01-05"), [(5, 5)]);
}
