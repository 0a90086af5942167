//! Files that are too large, too deep, too long or come in small pieces, or hold much of one kind.

use std::io::{BufRead, BufReader, Read};

use payonce_statements::chain::Doubt;
use payonce_statements::config::StatementConfig;
use payonce_statements::import::{Imported, Known, Plan, Tally, import};
use payonce_statements::model::Statement;
use payonce_statements::{Charset, Format, Limits, Part, RefusedFile, read};

use crate::render::{Kind, Made, MadeRow};
use crate::{format_of, read_as, read_sample, sample};

fn refused(format: &Format, limits: Limits, mut input: &[u8]) -> String {
    read(format, limits, &mut input, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn refuses_files_over_each_limit() {
    let made = Made::new("1", 0, (0..50).map(|_| MadeRow::new(5, 100, "a")).collect());
    for kind in Kind::ALL {
        let text = made.render(kind);
        let format = kind.format();
        let file = Limits { file_bytes: text.len() as u64 - 1, ..Limits::default() };
        assert!(refused(&format, file, text.as_bytes()).contains("larger than"), "{kind:?}");
        let entries = Limits { entries: 49, ..Limits::default() };
        assert!(refused(&format, entries, text.as_bytes()).contains("more than 49 entries"), "{kind:?}");
        let piece = Limits { piece_bytes: 20, ..Limits::default() };
        assert!(refused(&format, piece, text.as_bytes()).contains("longer than 20 bytes"), "{kind:?}");
        let fits = Limits { file_bytes: text.len() as u64, entries: 50, piece_bytes: 500, before: 0 };
        assert!(read(&format, fits, &mut text.as_bytes(), &mut |_| {}).is_ok(), "{kind:?}");
    }
}

#[test]
fn refuses_elements_nested_too_deep() {
    let text = Made::new("1", 0, vec![]).camt();
    let deep =
        text.replace("<GrpHdr/>", &format!("<GrpHdr>{}{}</GrpHdr>", "<a>".repeat(100_000), "</a>".repeat(100_000)));
    assert_eq!(
        refused(&Format::Camt, Limits::default(), deep.as_bytes()),
        "line 1, a: elements are nested deeper than 32"
    );
}

/// An endless file: what was read is not kept.
struct Endless<'p> {
    start: &'p [u8],
    again: &'p [u8],
    at: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let there = self.fill_buf()?;
        let length = there.len().min(into.len());
        into[..length].copy_from_slice(&there[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Endless<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        Ok(match self.start.get(self.at..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => &self.again[(self.at - self.start.len()) % self.again.len()..],
        })
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

#[test]
fn entries_come_before_the_file_has_ended() {
    let made = Made::new("1", 0, vec![MadeRow::new(5, 100, "a")]);
    for kind in Kind::ALL {
        let text = made.render(kind);
        let row = match kind {
            Kind::Camt => text.find("<Ntry>").unwrap()..text.find("</Stmt>").unwrap(),
            Kind::Mt940 => text.find(":61:").unwrap()..text.find(":62F:").unwrap(),
            Kind::Bai2 => text.find("16,").unwrap()..text.find("49,").unwrap(),
            // The balance would not go on.
            Kind::Csv => continue,
        };
        let mut endless = Endless { start: &text.as_bytes()[..row.start], again: &text.as_bytes()[row.clone()], at: 0 };
        let limits = Limits { entries: 1_000, ..Limits::default() };
        let mut entries = 0;
        let refused = read(&kind.format(), limits, &mut endless, &mut |part| {
            entries += usize::from(matches!(part, Part::Entry(_)));
        });
        assert!(refused.unwrap_err().to_string().contains("more than 1000 entries"), "{kind:?}");
        assert_eq!(entries, 1_000);
    }
}

#[test]
fn reads_the_same_in_pieces_of_any_size() {
    for name in ["camt053-v02.xml", "mt940-numbered.sta", "bai2.bai", "bank.csv", "paypal.csv"] {
        let (bytes, whole) = (sample(name), read_sample(name));
        for size in [4, 5, 7, 64, 4096] {
            let mut pieces = BufReader::with_capacity(size, &bytes[..]);
            let mut entries = Vec::new();
            let digest = read(&format_of(name), Limits::default(), &mut pieces, &mut |part| match part {
                Part::Entry(entry) => entries.push(entry),
                Part::Begin(_) | Part::End(_) => {}
            });
            assert_eq!(digest.unwrap(), payonce_protocol::ids::Digest::of(&bytes), "{name} {size}");
            let expected: Vec<_> = whole.iter().flat_map(|one: &Statement| one.entries.clone()).collect();
            assert_eq!(entries, expected, "{name} {size}");
        }
    }
}

#[test]
fn a_byte_order_mark_and_line_ends_change_nothing() {
    for name in ["camt053-v02.xml", "mt940-slashes.sta", "bai2.bai"] {
        let (bytes, whole) = (sample(name), read_sample(name));
        let text = String::from_utf8(bytes).unwrap();
        for other in [format!("\u{feff}{text}"), text.replace('\n', "\r\n"), text.trim_end().to_owned()] {
            assert_eq!(read_as(&format_of(name), other.as_bytes()).unwrap(), whole, "{name}");
        }
    }
}

#[test]
fn refuses_a_file_in_utf_16_in_every_format() {
    for kind in Kind::ALL {
        let text = Made::new("1", 0, vec![MadeRow::new(5, 100, "a")]).render(kind);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [wide.clone(), [b"\xff\xfe".to_vec(), wide].concat()] {
            let refused = refused(&kind.format(), Limits::default(), &bytes);
            assert_eq!(refused, "line 1, file: the file is in UTF-16, which is not read; save it as UTF-8", "{kind:?}");
        }
    }
}

/// One piece may come in many lines or elements: it is bounded as a whole, or an endless one fills the memory.
#[test]
fn refuses_a_piece_in_many_parts_that_is_too_long_as_a_whole() {
    let limits = Limits { piece_bytes: 2_000, ..Limits::default() };
    let made = Made::new("1", 0, vec![MadeRow::new(5, 100, "a")]);
    let too_long = |format: &Format, text: &str| {
        let refused = refused(format, limits, text.as_bytes());
        assert!(refused.contains("longer than 2000 bytes"), "{refused}");
    };
    let bai2 = made.bai2();
    let row = bai2.find("49,").unwrap();
    too_long(
        &Kind::Bai2.format(),
        &format!("{}{}{}", &bai2[..row], "88,and so on and so on\n".repeat(100), &bai2[row..]),
    );
    let mt940 = made.mt940();
    let row = mt940.find(":62F:").unwrap();
    too_long(
        &Kind::Mt940.format(),
        &format!("{}:86:\n{}{}", &mt940[..row], "and so on and so on\n".repeat(150), &mt940[row..]),
    );
    // Facts of an entry between its transactions.
    let camt = made.camt();
    let row = camt.find("<Ntry>").unwrap() + "<Ntry>".len();
    let parts = "<AddtlInfInd>and so on</AddtlInfInd><NtryDtls><TxDtls/></NtryDtls>".repeat(100);
    too_long(&Format::Camt, &format!("{}{parts}{}", &camt[..row], &camt[row..]));
    // As many transactions as there are, each is a piece of its own.
    let parts = "<NtryDtls><TxDtls><AddtlTxInf>and so on</AddtlTxInf></TxDtls></NtryDtls>".repeat(100);
    let many = camt.replace("</Ntry>", &format!("{parts}</Ntry>"));
    assert!(!refused(&Format::Camt, limits, many.as_bytes()).contains("longer than"));
}

/// Its reader compares each attribute with all before it.
#[test]
fn refuses_an_element_with_more_attributes_than_any_message_has() {
    let text = Made::new("1", 0, vec![]).camt();
    for (element, count) in [("GrpHdr", 65), ("Document", 65), ("GrpHdr", 64)] {
        let attributes: String = (0..count).map(|number| format!(" a{number}=\"\"")).collect();
        let many = text.replacen(&format!("<{element}"), &format!("<{element}{attributes}"), 1);
        match read_as(&Format::Camt, many.as_bytes()) {
            Ok(_) => assert_eq!(count, 64, "{element}"),
            Err(refused) => assert!(count > 64 && refused.to_string().contains("more than 64 attributes"), "{refused}"),
        }
    }
}

/// They are read as the entry's: what was read of it by then is not enough, and none of them may be dropped for that.
#[test]
fn refuses_transactions_that_come_before_the_facts_of_their_entry() {
    let camt = Made::new("1", 0, vec![MadeRow::new(5, 100, "a")]).camt();
    let parts =
        "<NtryDtls><TxDtls><Amt Ccy=\"EUR\">1.00</Amt></TxDtls><TxDtls><Amt Ccy=\"EUR\">7.00</Amt></TxDtls></NtryDtls>";
    let early = camt.replace("<Ntry>", &format!("<Ntry>{parts}"));
    assert!(refused(&Format::Camt, Limits::default(), early.as_bytes()).contains("Amt: is missing"));
}

/// Statements of one account and day, each with one row of its own sum; their balances go on, or all begin with the same one.
fn of_one_day(statements: u32, goes_on: bool) -> String {
    let mut balance = 1_000_000;
    let mut text = String::new();
    for number in 1..=statements {
        let opening = balance;
        balance += number;
        let [opening, sum, closing] =
            [opening, number, balance].map(|minor| format!("{},{:02}", minor / 100, minor % 100));
        text += &format!(
            ":20:S\n:25:A\n:28C:{number}\n:60F:C260105EUR{opening}\n:61:260105C{sum}NTRFr\n:62F:C260105EUR{closing}\n-\n"
        );
        balance = if goes_on { balance } else { 1_000_000 };
    }
    text
}

fn imported(text: &str, known: &Known, before: u64, doubt: Doubt) -> Result<Plan, RefusedFile> {
    let limits = Limits { before, ..Limits::default() };
    match import(&Format::Mt940(Charset::Utf8), limits, &mut text.as_bytes(), known, doubt)? {
        Imported::Plan(plan) => Ok(plan),
        Imported::SameFile(digest) => panic!("{digest} is known"),
    }
}

/// Each row that came before is counted for each statement: 0 + 1 + 2 + 3.
#[test]
fn refuses_statements_before_which_more_rows_came_than_may_be_kept() {
    let text = of_one_day(4, true);
    let known = Known::default();
    assert_eq!(imported(&text, &known, 6, Doubt::Refuse).unwrap().new_rows().count(), 4);
    let refused = imported(&text, &known, 5, Doubt::Refuse).unwrap_err().to_string();
    assert_eq!(
        refused,
        "line 26, field 61: of each statement it is kept which rows came before it on the same days, and for this file these are more \
         than 5: hand in fewer statements at a time"
    );
    // Once said, it is not said of each that follows.
    assert_eq!(imported(&of_one_day(50, true), &known, 5, Doubt::Refuse).unwrap_err().0.len(), 1);
}

#[test]
fn at_most_a_hundred_statements_are_said_to_have_no_place() {
    let mut known = Known::default();
    known.learn(&imported(&of_one_day(150, false), &known, 0, Doubt::Refuse).unwrap());
    let moved = of_one_day(150, false).replace(":60F:C260105EUR10000,00", ":60F:C260105EUR0,00");
    let moved: String = moved
        .lines()
        .map(|line| match line.split_once("EUR100") {
            Some((before, cents)) if before.starts_with(":62F") => {
                format!("{before}EUR{cents}\n").replace("EUR0", "EUR")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let refused = imported(&moved, &known, 0, Doubt::Refuse).unwrap_err();
    assert_eq!(refused.0.len(), 100, "{refused}");
}

/// All begin with the same balance, so that each may stand in the place of every other.
#[test]
fn many_statements_of_one_account_are_told_from_each_other() {
    let known = &mut Known::default();
    let text = of_one_day(5_000, false);
    let plan = imported(&text, known, 0, Doubt::Repeats).unwrap();
    assert_eq!(plan.new_rows().count(), 5_000);
    known.learn(&plan);
    let again = imported(&format!("{text}\n"), known, 0, Doubt::Repeats).unwrap();
    assert_eq!(again.tally().known, 5_000);
}

/// No balance shows which one each is, only the bank's own reference.
#[test]
fn many_rows_alike_are_told_from_each_other() {
    const ROWS: u32 = 6_000;
    let description = include_str!("../samples/made.toml").replace("balance = \"Balance\"\n", "");
    let format = toml::from_str::<StatementConfig>(&description).unwrap().format().unwrap();
    let list = |from: u32| {
        let rows: String = (from..from + ROWS).map(|number| format!("A,EUR,2026-01-05,1.00,r,{number},t\n")).collect();
        format!("Account,Currency,Date,Amount,Ours,Bank,Text\n{rows}")
    };
    let import =
        |known: &Known, from, doubt| match import(&format, Limits::default(), &mut list(from).as_bytes(), known, doubt)
        {
            Ok(Imported::Plan(plan)) => plan,
            other => panic!("{other:?}"),
        };
    let known = &mut Known::default();
    known.learn(&import(known, 0, Doubt::Refuse));
    let half = u64::from(ROWS / 2);
    for (doubt, new, known_before, changed, doubtful) in
        [(Doubt::Refuse, 0, half, 0, half), (Doubt::Continues, half, half, 0, 0), (Doubt::Repeats, 0, half, half, 0)]
    {
        let tally = Tally { new, known: known_before, changed, doubtful };
        assert_eq!(import(known, ROWS / 2, doubt).tally(), tally, "{doubt:?}");
    }
}
