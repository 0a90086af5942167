//! BAI2, Cash Management Balance Reporting Specifications, Version 2 (10/2005),
//! <https://studylib.net/doc/25823714/cash-management-2005>: files of groups of accounts, each with control totals and counts,
//! all of which are held to. Amounts are whole numbers of the currency's smallest unit.

use jiff::civil::Date;
use payonce_protocol::money::Currency;

use crate::amount::{Amount, whole};
use crate::charset::Charset;
use crate::date;
use crate::error::{Refused, Sum, Wrong};
use crate::model::{Balance, Balances, Entry, Header, Kind, Place, References, Status, account, reference};
use crate::output::Output;
use crate::source::{Line, Source};

/// Continuations of one record.
const MAX_ROWS: u64 = 1_000;

const OPENING_LEDGER: &str = "010";
const CLOSING_LEDGER: &str = "015";

/// A record with its continuations (88). A line that ends in a slash ends a field; one that does not, within a text.
struct Record {
    line: u64,
    code: String,
    rows: u64,
    text: String,
    field_ended: bool,
}

impl Record {
    fn refused(&self, place: &str, wrong: Wrong) -> Refused {
        let separator = if place.is_empty() { "" } else { ", " };
        Refused::new(self.line, format!("record {}{separator}{place}", self.code), wrong)
    }

    fn fields(&self) -> Fields<'_> {
        let said = self.text.trim_end_matches([',', ' ', '\n']).len();
        Fields { record: self, rest: Some(&self.text), blank: self.text.len() - said }
    }
}

struct Fields<'r> {
    record: &'r Record,
    rest: Option<&'r str>,
    /// So many bytes at the end of the record say nothing.
    blank: usize,
}

impl<'r> Fields<'r> {
    fn next(&mut self) -> &'r str {
        let Some(rest) = self.rest else { return "" };
        let (field, rest) = rest.split_once(',').map_or((rest, None), |(field, rest)| (field, Some(rest)));
        self.rest = rest;
        field.trim()
    }

    fn number(&mut self, place: &str) -> Result<u64, Refused> {
        let number = whole(self.next()).and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| self.record.refused(place, Wrong::Form("a number")))
    }

    /// With a sign or without.
    fn signed(&mut self, place: &str) -> Result<i128, Refused> {
        let field = self.next();
        let (digits, negative) = match field.strip_prefix('-') {
            Some(digits) => (digits, true),
            None => (field.strip_prefix('+').unwrap_or(field), false),
        };
        let number = whole(digits).map(|number| if negative { -number } else { number });
        number.ok_or_else(|| self.record.refused(place, Wrong::Form("a whole number of the smallest unit")))
    }

    /// When the funds can be used: `Z`, `0`, `1`, `2`, or followed by fields of its own.
    fn funds(&mut self) -> Result<Option<Date>, Refused> {
        match self.next() {
            "" | "Z" | "0" | "1" | "2" => Ok(None),
            "V" => {
                let value_date = self.next();
                self.next();
                let date = date::yymmdd(value_date);
                date.map(Some).ok_or_else(|| self.record.refused("value date", Wrong::Form("a date, YYMMDD")))
            }
            "S" => {
                for _ in 0..3 {
                    self.next();
                }
                Ok(None)
            }
            "D" => {
                let count = self.number("funds type")?;
                for _ in 0..count.saturating_mul(2) {
                    if self.rest.is_none() {
                        return Err(self.record.refused("funds type", Wrong::Truncated));
                    }
                    self.next();
                }
                Ok(None)
            }
            _ => Err(self.record.refused("funds type", Wrong::NotRead("is none of Z, 0, 1, 2, S, V and D"))),
        }
    }

    fn is_empty(&self) -> bool {
        self.rest.is_none_or(|rest| rest.len() <= self.blank)
    }
}

pub(crate) fn read(source: &mut Source<'_>, charset: Charset, output: &mut Output<'_>) -> Result<(), Refused> {
    let mut reader = Reader::default();
    let mut record: Option<Record> = None;
    while let Some(Line { number, text }) = source.next_line(charset)? {
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        let (code, rest) = text.split_at_checked(2).ok_or_else(|| Refused::new(number, "record", Wrong::Truncated))?;
        let rest = rest.strip_prefix(',').or_else(|| rest.strip_prefix('/').filter(|rest| rest.is_empty()));
        let rest =
            rest.ok_or_else(|| Refused::new(number, "record", Wrong::Form("a record: two digits and a comma")))?;
        let (content, field_ended) = rest.strip_suffix('/').map_or((rest, false), |content| (content, true));
        match &mut record {
            Some(record) if code == "88" && record.rows < MAX_ROWS => {
                record.rows += 1;
                record.text.push(if record.field_ended || record.code != "16" { ',' } else { '\n' });
                record.text.push_str(content);
                record.field_ended = field_ended;
                source.holds(record.line, "record", record.text.len())?;
            }
            _ if code == "88" => return Err(Refused::new(number, "record 88", Wrong::Misplaced)),
            _ => {
                let next =
                    Record { line: number, code: code.to_owned(), rows: 1, text: content.to_owned(), field_ended };
                if let Some(done) = record.replace(next) {
                    reader.accept(&done, output)?;
                }
            }
        }
    }
    if let Some(done) = record {
        reader.accept(&done, output)?;
    }
    if reader.level == Level::Ended {
        Ok(())
    } else {
        Err(Refused::new(source.line_number(), "file", Wrong::Truncated))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Level {
    #[default]
    Start,
    File,
    Group,
    Account,
    Ended,
}

#[derive(Default)]
struct Tally {
    total: i128,
    members: u64,
    rows: u64,
}

#[derive(Default)]
struct Reader {
    level: Level,
    file: Tally,
    group: Tally,
    account: Tally,
    as_of: Option<Date>,
    is_interim: bool,
    group_currency: Option<Currency>,
    currency: Option<Currency>,
    balances: Balances,
    /// A row was refused: the account's total says nothing.
    broken: bool,
}

impl Reader {
    fn accept(&mut self, record: &Record, output: &mut Output<'_>) -> Result<(), Refused> {
        for (tally, from) in
            [(&mut self.file, Level::Start), (&mut self.group, Level::File), (&mut self.account, Level::Group)]
        {
            let is_within = match from {
                Level::Start => true,
                Level::File => !matches!(record.code.as_str(), "01" | "99"),
                _ => !matches!(record.code.as_str(), "01" | "02" | "98" | "99"),
            };
            if is_within {
                tally.rows += record.rows;
            }
        }
        match (record.code.as_str(), self.level) {
            ("01", Level::Start) => self.file(record),
            ("02", Level::File) => self.group(record),
            ("03", Level::Group) => self.account(record, output),
            ("16", Level::Account) => {
                let entry = self.entry(record);
                self.broken |= entry.is_err();
                output.entry(entry)
            }
            ("49", Level::Account) => self.account_end(record, output),
            ("98", Level::Group) => self.group_end(record),
            ("99", Level::File) => self.file_end(record),
            ("01" | "02" | "03" | "16" | "49" | "98" | "99", _) => Err(record.refused("", Wrong::Misplaced)),
            _ => Err(record.refused("", Wrong::NotRead("the code is none of BAI2"))),
        }
    }

    fn file(&mut self, record: &Record) -> Result<(), Refused> {
        self.level = Level::File;
        let mut fields = record.fields();
        for _ in 0..7 {
            fields.next();
        }
        match fields.next() {
            "2" => Ok(()),
            _ => Err(record.refused("version", Wrong::NotRead("only version 2 is read"))),
        }
    }

    fn group(&mut self, record: &Record) -> Result<(), Refused> {
        self.level = Level::Group;
        self.group = Tally { rows: record.rows, ..Tally::default() };
        let mut fields = record.fields();
        fields.next();
        fields.next();
        if fields.next() != "1" {
            return Err(record.refused(
                "group status",
                Wrong::NotRead("only updates (1) are read, no deletion, correction or test"),
            ));
        }
        self.as_of = date::yymmdd(fields.next());
        if self.as_of.is_none() {
            return Err(record.refused("as-of date", Wrong::Form("a date, YYMMDD")));
        }
        fields.next();
        self.group_currency = currency(fields.next(), record)?;
        // 3 is data of a day that is not over.
        self.is_interim = fields.next() == "3";
        Ok(())
    }

    fn account(&mut self, record: &Record, output: &mut Output<'_>) -> Result<(), Refused> {
        self.level = Level::Account;
        self.account = Tally { rows: record.rows, ..Tally::default() };
        self.balances = Balances::default();
        self.broken = false;
        let mut fields = record.fields();
        let number = account(fields.next()).ok_or_else(|| record.refused("account", Wrong::Missing))?;
        let stated = currency(fields.next(), record)?.or(self.group_currency);
        let currency = match stated {
            Some(currency) => currency,
            // The specification's own default.
            None => "USD".parse().map_err(|_| record.refused("currency", Wrong::Currency))?,
        };
        self.currency = Some(currency);
        while !fields.is_empty() {
            let code = fields.next();
            let stated = fields.rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(','));
            let amount = if stated {
                fields.signed(code)?
            } else {
                fields.next();
                0
            };
            fields.next();
            fields.funds()?;
            self.account.total = self.account.total.saturating_add(amount);
            let place = match code {
                OPENING_LEDGER if stated => &mut self.balances.opening,
                CLOSING_LEDGER if stated => &mut self.balances.closing,
                _ => continue,
            };
            if place.is_some() {
                return Err(record.refused(code, Wrong::Twice));
            }
            let amount = Amount::new(amount, currency).map_err(|wrong| record.refused(code, wrong))?;
            *place = Some(Balance { date: self.as_of, amount });
        }
        if self.is_interim {
            self.balances = Balances::default();
        }
        output.begin(Header {
            kind: Kind::Statement,
            account: number,
            id: None,
            sequence: None,
            period: self.as_of.map(|day| (day, day)),
            continues: false,
            newest_first: false,
        });
        Ok(())
    }

    fn entry(&mut self, record: &Record) -> Result<Entry, Refused> {
        let mut fields = record.fields();
        let code = fields.next();
        let side = side(code)
            .ok_or_else(|| record.refused("type code", Wrong::NotRead("is not known to be a credit or a debit")))?;
        let currency = self.currency.ok_or_else(|| record.refused("currency", Wrong::Missing))?;
        let (debit, count) = match side {
            // It has no amount.
            Side::Text => (
                false,
                if fields.next().is_empty() { 0 } else { return Err(record.refused("amount", Wrong::Misplaced)) },
            ),
            side => {
                let amount = whole(fields.next());
                let amount = amount
                    .ok_or_else(|| record.refused("amount", Wrong::Form("a whole number of the smallest unit")))?;
                (side == Side::Debit, amount)
            }
        };
        self.account.total = self.account.total.saturating_add(count);
        let amount = Amount::new(count, currency).map_err(|wrong| record.refused("amount", wrong))?;
        let value_date = fields.funds()?;
        let (servicer, instruction) = (reference(fields.next()), reference(fields.next()));
        let status = match side {
            Side::Text => Status::Information,
            _ if self.is_interim => Status::Pending,
            _ => Status::Booked,
        };
        Ok(Entry {
            place: Place { line: record.line, path: "record 16".to_owned() },
            booked_on: self.as_of.ok_or_else(|| record.refused("as-of date", Wrong::Missing))?,
            value_date,
            amount: amount.directed(debit),
            reversal: false,
            status,
            references: References { instruction, servicer, ..References::default() },
            remittance: fields.rest.unwrap_or_default().trim().to_owned(),
            return_reason: None,
            code: Some(code.to_owned()),
            batch: None,
            transactions: None,
        })
    }

    fn account_end(&mut self, record: &Record, output: &mut Output<'_>) -> Result<(), Refused> {
        self.level = Level::Group;
        let mut fields = record.fields();
        let stated = fields.signed("control total")?;
        if !self.broken {
            total(record, stated, self.account.total)?;
        }
        rows(record, fields.number("number of records")?, self.account.rows)?;
        self.group.total = self.group.total.saturating_add(stated);
        self.group.members += 1;
        output.end(self.balances, record.line, "record 49")
    }

    fn group_end(&mut self, record: &Record) -> Result<(), Refused> {
        self.level = Level::File;
        let mut fields = record.fields();
        let stated = fields.signed("control total")?;
        total(record, stated, self.group.total)?;
        rows(record, fields.number("number of accounts")?, self.group.members)?;
        rows(record, fields.number("number of records")?, self.group.rows)?;
        self.file.total = self.file.total.saturating_add(stated);
        self.file.members += 1;
        Ok(())
    }

    fn file_end(&mut self, record: &Record) -> Result<(), Refused> {
        self.level = Level::Ended;
        let mut fields = record.fields();
        total(record, fields.signed("control total")?, self.file.total)?;
        rows(record, fields.number("number of groups")?, self.file.members)?;
        rows(record, fields.number("number of records")?, self.file.rows)
    }
}

fn total(record: &Record, stated: i128, found: i128) -> Result<(), Refused> {
    if stated == found {
        return Ok(());
    }
    Err(record.refused("control total", Wrong::Total { stated: Sum(stated), found: Sum(found) }))
}

fn rows(record: &Record, stated: u64, found: u64) -> Result<(), Refused> {
    if stated == found { Ok(()) } else { Err(record.refused("count", Wrong::Count { stated, found })) }
}

fn currency(code: &str, record: &Record) -> Result<Option<Currency>, Refused> {
    if code.is_empty() {
        return Ok(None);
    }
    code.parse().map(Some).map_err(|_| record.refused("currency", Wrong::Currency))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Credit,
    Debit,
    Text,
}

/// By appendix A: ranges, and the details of loans one by one.
fn side(code: &str) -> Option<Side> {
    match whole(code).filter(|_| code.len() == 3)? {
        100..=399 | 706 | 708 | 721..=728 | 930..=959 => Some(Side::Credit),
        400..=699 | 760 | 960..=999 => Some(Side::Debit),
        890 => Some(Side::Text),
        _ => None,
    }
}
