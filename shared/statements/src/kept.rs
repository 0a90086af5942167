//! Everything that was imported, and how it is kept: a line of JSON for each import, added to the end of a file. It holds what the
//! next import and a reconciliation need, and no name and no text of a payment.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use jiff::civil::Date;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Currency;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::amount::Amount;
use crate::chain::{Closed, Likeness};
use crate::cover::{Cover, Days, Told, told};
use crate::import::{Facts, Known, Plan, Row, RowId};
use crate::model::{References, Status};

#[derive(Debug, Error)]
pub enum KeptError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("line {line} is no import that was kept ({what})")]
    Line { line: u64, what: &'static str },
    #[error("the import of line {0}, the last, did not come to its end: remove the line, and import the file again")]
    Unfinished(u64),
}

/// A row as a reconciliation needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub id: RowId,
    pub account: String,
    pub booked_on: Date,
    pub amount: Amount,
    pub facts: Facts,
    pub batch: Option<RowId>,
    /// Of a sum whose transactions are not listed: how many there are.
    pub transactions: Option<u32>,
    /// The number of the import that made it what it is.
    pub import: u64,
}

impl Booked {
    /// Whether they say the same of one row, whichever import said it.
    fn says_as(&self, other: &Self) -> bool {
        Self { import: other.import, ..self.clone() } == *other
    }
}

/// One import, carried out.
#[derive(Clone, Debug)]
pub struct Learned {
    file: Digest,
    rows: Vec<Booked>,
    statements: Vec<Closed>,
    covers: Vec<Cover>,
    /// Days of rows that wait for a person.
    doubts: Vec<Date>,
}

/// All of them together.
#[derive(Clone, Debug, Default)]
pub struct Imports {
    pub known: Known,
    rows: BTreeMap<RowId, Booked>,
    covers: Vec<Cover>,
    /// By file, with the number of the import.
    doubts: BTreeMap<Digest, (u64, Vec<Date>)>,
    last: u64,
}

impl Imports {
    /// All of them, numbered from 1.
    pub fn read(lines: impl BufRead) -> Result<Self, KeptError> {
        let mut imports = Self::default();
        each(lines, |learned| imports.add(learned))?;
        Ok(imports)
    }

    /// The number of the last.
    pub fn last(&self) -> u64 {
        self.last
    }

    pub fn add(&mut self, learned: Learned) {
        self.add_as(self.last + 1, learned);
    }

    /// This one is there and says nothing to whoever asks: it is counted as read all the same.
    pub fn pass_over(&mut self, number: u64) {
        self.last = number;
    }

    /// Numbers rise.
    pub fn add_as(&mut self, number: u64, learned: Learned) {
        self.last = number;
        let Learned { file, rows, statements, covers, doubts } = learned;
        if doubts.is_empty() {
            self.known.files.insert(file);
            self.doubts.remove(&file);
        } else {
            self.doubts.insert(file, (number, doubts));
        }
        for row in rows {
            self.known.rows.insert(row.id, row.facts.clone());
            self.known.detailed.extend(row.batch);
            if !self.rows.get(&row.id).is_some_and(|known| known.says_as(&row)) {
                self.rows.insert(row.id, Booked { import: number, ..row });
            }
        }
        self.known.statements.extend(statements);
        self.covers.extend(covers);
    }

    /// Neither days nor rows of these accounts count. Where nothing else is there, it is as if no file had been imported.
    pub fn leave_out(&mut self, accounts: &BTreeSet<String>) {
        let was_empty = self.is_empty();
        self.rows.retain(|_, row| !accounts.contains(&row.account));
        self.covers.retain(|cover| !accounts.contains(&cover.account));
        if self.is_empty() && !was_empty {
            self.last = 0;
        }
    }

    /// What moved the balance, each movement once: of a sum whose transactions are known, these.
    pub fn booked(&self) -> impl Iterator<Item = &Booked> {
        let is_booked = |row: &&Booked| row.facts.status == Status::Booked;
        self.rows.values().filter(is_booked).filter(|row| !self.known.detailed.contains(&row.id))
    }

    /// Of which days each account's statements tell everything.
    pub fn told(&self) -> Vec<Told> {
        told(&self.covers)
    }

    /// The last day that a statement of each account speaks of.
    pub fn last_days(&self) -> BTreeMap<(String, Currency), Date> {
        let mut last = BTreeMap::new();
        for cover in &self.covers {
            let day = last.entry((cover.account.clone(), cover.currency)).or_insert(cover.to);
            *day = cover.to.max(*day);
        }
        last
    }

    /// What is left of an account all of whose imports were passed over: that it is there, and until when it was told of.
    pub fn remember(&mut self, account: &str, currency: Currency, last: Date) {
        let is_known = |cover: &Cover| cover.account == account && cover.currency == currency && cover.to >= last;
        if !self.covers.iter().any(is_known) {
            self.covers.push(Cover { account: account.to_owned(), currency, from: last, to: last, balances: None });
        }
    }

    /// Of the accounts whose days are covered.
    pub fn currencies(&self) -> BTreeSet<Currency> {
        self.covers.iter().map(|cover| cover.currency).collect()
    }

    /// Days of rows that wait for a person, each with the number of its import.
    pub fn doubtful_days(&self) -> impl Iterator<Item = (Date, u64)> {
        self.doubts.values().flat_map(|(number, days)| days.iter().map(|day| (*day, *number)))
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.covers.is_empty()
    }
}

fn each(mut lines: impl BufRead, mut take: impl FnMut(Learned)) -> Result<(), KeptError> {
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        if lines.read_line(&mut text)? == 0 {
            break;
        }
        if !text.ends_with('\n') {
            return Err(KeptError::Unfinished(number));
        }
        let wrong = |what| KeptError::Line { line: number, what };
        let line: Line = serde_json::from_str(&text).map_err(|_| wrong("json"))?;
        take(line.learned().map_err(wrong)?);
    }
    Ok(())
}

impl Learned {
    /// Of one line, as it was kept.
    pub fn read(line: &[u8]) -> Result<Self, KeptError> {
        let mut all = vec![];
        each(line, |learned| all.push(learned))?;
        let one = <[Self; 1]>::try_from(all);
        one.map_err(|_| KeptError::Line { line: 1, what: "one import" }).map(|[learned]| learned)
    }

    /// The first and the last day of which it says something.
    pub fn days(&self) -> Option<Days> {
        let rows = self.rows.iter().map(|row| row.booked_on).chain(self.doubts.iter().copied());
        let days: Vec<Date> = rows.chain(self.covers.iter().flat_map(|cover| [cover.from, cover.to])).collect();
        days.iter().min().copied().zip(days.iter().max().copied())
    }

    pub fn of(plan: &Plan) -> Self {
        let booked = |row: &Row| Booked {
            id: row.id,
            account: row.account.clone(),
            booked_on: row.entry.booked_on,
            amount: row.entry.amount,
            facts: Facts::of(&row.entry),
            batch: row.batch,
            transactions: row.entry.transactions,
            import: 0,
        };
        let doubtful = plan.rows.iter().filter(|row| row.is_doubtful());
        Self {
            file: plan.file,
            rows: plan.clear_rows().map(booked).collect(),
            statements: plan.statements.clone(),
            covers: plan.covers.clone(),
            doubts: doubtful.map(|row| row.entry.booked_on).collect(),
        }
    }

    /// With its end: what is cut off has none.
    pub fn line(&self) -> Result<String, KeptError> {
        let text = serde_json::to_string(&Line::of(self)).map_err(|error| KeptError::Unreadable(error.into()))?;
        Ok(text + "\n")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    file: String,
    rows: Vec<RowLine>,
    statements: Vec<ClosedLine>,
    covers: Vec<CoverLine>,
    doubts: Vec<Date>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowLine {
    id: String,
    account: String,
    booked_on: Date,
    value_date: Option<Date>,
    minor: i64,
    currency: String,
    status: String,
    reversal: bool,
    end_to_end: Option<String>,
    instruction: Option<String>,
    transaction: Option<String>,
    servicer: Option<String>,
    mandate: Option<String>,
    remittance: String,
    return_reason: Option<String>,
    code: Option<String>,
    batch: Option<String>,
    transactions: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosedLine {
    account: String,
    currency: String,
    opening: i64,
    rows: Vec<(Date, String, i64)>,
    before: Vec<(Date, String, u32)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverLine {
    account: String,
    currency: String,
    from: Date,
    to: Date,
    balances: Option<(i64, i64)>,
}

fn digest(text: &str) -> Result<Digest, &'static str> {
    Digest::from_hex(text).ok_or("digest")
}

impl Line {
    fn of(learned: &Learned) -> Self {
        Self {
            file: learned.file.to_string(),
            rows: learned.rows.iter().map(RowLine::of).collect(),
            statements: learned.statements.iter().map(ClosedLine::of).collect(),
            covers: learned.covers.iter().map(CoverLine::of).collect(),
            doubts: learned.doubts.clone(),
        }
    }

    fn learned(self) -> Result<Learned, &'static str> {
        Ok(Learned {
            file: digest(&self.file)?,
            rows: self.rows.into_iter().map(RowLine::booked).collect::<Result<_, _>>()?,
            statements: self.statements.into_iter().map(ClosedLine::closed).collect::<Result<_, _>>()?,
            covers: self.covers.into_iter().map(CoverLine::cover).collect::<Result<_, _>>()?,
            doubts: self.doubts,
        })
    }
}

impl RowLine {
    fn of(row: &Booked) -> Self {
        let Booked { id, account, booked_on, amount, facts, batch, transactions, import: _ } = row;
        let Facts { value_date, reversal, status, references, remittance, return_reason, code } = facts.clone();
        let References { end_to_end, instruction, transaction, servicer, mandate } = references;
        Self {
            id: id.to_string(),
            account: account.clone(),
            booked_on: *booked_on,
            value_date,
            minor: amount.minor(),
            currency: amount.currency().to_string(),
            status: status.as_str().to_owned(),
            reversal,
            end_to_end,
            instruction,
            transaction,
            servicer,
            mandate,
            remittance: remittance.to_string(),
            return_reason,
            code,
            batch: batch.map(|batch| batch.to_string()),
            transactions: *transactions,
        }
    }

    fn booked(self) -> Result<Booked, &'static str> {
        let Self { end_to_end, instruction, transaction, servicer, mandate, .. } = self;
        let currency = self.currency.parse().map_err(|_| "currency")?;
        Ok(Booked {
            id: RowId(digest(&self.id)?),
            account: self.account,
            booked_on: self.booked_on,
            amount: Amount::new(self.minor.into(), currency).map_err(|_| "amount")?,
            facts: Facts {
                value_date: self.value_date,
                reversal: self.reversal,
                status: Status::parse(&self.status).ok_or("status")?,
                references: References { end_to_end, instruction, transaction, servicer, mandate },
                remittance: digest(&self.remittance)?,
                return_reason: self.return_reason,
                code: self.code,
            },
            batch: self.batch.as_deref().map(digest).transpose()?.map(RowId),
            transactions: self.transactions,
            import: 0,
        })
    }
}

impl ClosedLine {
    fn of(closed: &Closed) -> Self {
        let Closed { account, currency, opening, rows, before } = closed;
        Self {
            account: account.clone(),
            currency: currency.to_string(),
            opening: *opening,
            rows: rows.iter().map(|(alike, minor)| (alike.day, alike.digest.to_string(), *minor)).collect(),
            before: before.iter().map(|(alike, count)| (alike.day, alike.digest.to_string(), *count)).collect(),
        }
    }

    fn closed(self) -> Result<Closed, &'static str> {
        let alike = |day, text: &str| Ok::<_, &'static str>(Likeness { day, digest: digest(text)? });
        let rows = self.rows.iter().map(|(day, text, minor)| Ok((alike(*day, text)?, *minor)));
        let before = self.before.iter().map(|(day, text, count)| Ok((alike(*day, text)?, *count)));
        Ok(Closed {
            account: self.account,
            currency: self.currency.parse().map_err(|_| "currency")?,
            opening: self.opening,
            rows: rows.collect::<Result<_, &'static str>>()?,
            before: before.collect::<Result<_, &'static str>>()?,
        })
    }
}

impl CoverLine {
    fn of(cover: &Cover) -> Self {
        let Cover { account, currency, from, to, balances } = cover.clone();
        Self { account, currency: currency.to_string(), from, to, balances }
    }

    fn cover(self) -> Result<Cover, &'static str> {
        let Self { account, currency, from, to, balances } = self;
        Ok(Cover { account, currency: currency.parse().map_err(|_| "currency")?, from, to, balances })
    }
}
