//! Rows as lines of JSON: flat, integers and texts alone, so that SQL reads them as they are. One name for each column, whatever
//! the kind of row; what a kind has not is left out.

use std::collections::BTreeSet;
use std::io::BufRead;

use payonce_protocol::case::Ending;
use payonce_protocol::money::Currency;
use payonce_protocol::order::{Destination, EventId};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum};
use serde::{Deserialize, Serialize};

use crate::BooksError;

/// Which book a row is carried in that is of no book.
pub const CARRIED: &str = "carried";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub book: String,
    pub key: String,
    pub kind: String,
    pub id: String,
    pub at: u64,
    /// 1: an earlier run counted it.
    pub carried: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// An outcome, a reason, a state, a direction, a finding or a kind of break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Of a case `open` or `resolved`, of a closing `people` or `bar`, of a break its book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Of a case the break that it was opened for; of a break the row that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Of a resolved case, how people ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<String>,
    /// 1: it shows at the bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banked: Option<u8>,
}

const OPEN: &str = "open";
const RESOLVED: &str = "resolved";
const BAR: &str = "bar";
const PEOPLE: &str = "people";

impl Line {
    pub fn of(row: &Row) -> Self {
        let line = Self {
            book: row.record.book().map_or(CARRIED, Book::as_str).to_owned(),
            key: row.key.to_string(),
            kind: row.record.kind().to_owned(),
            id: row.id.to_string(),
            at: row.at,
            carried: row.carried.into(),
            payee: row.payee.as_ref().map(|payee| payee.as_str().to_owned()),
            ..Self::default()
        };
        let text = |text: &dyn ToString| Some(text.to_string());
        match &row.record {
            Record::Event { sum } => line.sum(*sum),
            Record::Claim { attempt, event, sum, expires_at } => {
                Self { attempt: Some(*attempt), event: text(event), until: Some(*expires_at), ..line }.sum(Some(*sum))
            }
            Record::Outcome { attempt, outcome } | Record::Late { attempt, outcome } => {
                Self { attempt: Some(*attempt), word: text(outcome), ..line }
            }
            Record::Case { reason, attempt, event, is_open, ending, subject, sum } => Self {
                attempt: *attempt,
                event: event.as_ref().map(ToString::to_string),
                word: text(reason),
                state: text(if *is_open { &OPEN } else { &RESOLVED }),
                ending: ending.map(|ending| ending.to_string()),
                subject: subject.clone(),
                ..line
            }
            .sum(*sum),
            Record::Closing { event, is_bar, sum } => Self {
                event: event.as_ref().map(ToString::to_string),
                state: text(if *is_bar { &BAR } else { &PEOPLE }),
                ..line
            }
            .sum(*sum),
            Record::Refused { event, sum, final_after } => {
                Self { event: text(event), until: Some(*final_after), ..line }.sum(Some(*sum))
            }
            Record::ByHand { sum, shows_at_bank } => {
                Self { banked: Some((*shows_at_bank).into()), ..line }.sum(Some(*sum))
            }
            Record::Overwritten => line,
            Record::Payout { sum, state, shows_at_bank } => {
                Self { word: text(state), banked: Some((*shows_at_bank).into()), ..line }.sum(Some(*sum))
            }
            Record::Line { sum, direction } => Self { word: text(direction), ..line }.sum(Some(*sum)),
            Record::WasOpen { finding } => Self { word: text(finding), ..line },
            Record::WasBreak { kind, book, attempt, which } => Self {
                word: text(kind),
                state: text(book),
                attempt: Some(*attempt),
                subject: Some(which.clone()),
                ..line
            },
        }
    }

    fn sum(self, sum: Option<Sum>) -> Self {
        Self { minor: sum.map(|sum| sum.minor()), currency: sum.map(|sum| sum.currency.to_string()), ..self }
    }

    /// `Err`: what is not as it must be.
    pub fn row(self) -> Result<Row, &'static str> {
        let sum = match (self.minor, &self.currency) {
            (None, None) => None,
            (Some(minor), Some(currency)) => {
                let currency: Currency = currency.parse().map_err(|_| "currency")?;
                Some(Sum::new(minor, currency).map_err(|_| "minor")?)
            }
            _ => return Err("minor without currency, or currency without minor"),
        };
        let event = self.event.map(EventId::new).transpose().map_err(|_| "event")?;
        let word = self.word.as_deref();
        let flag = |flag: Option<u8>| matches!(flag, Some(0 | 1)).then_some(flag == Some(1)).ok_or("banked");
        let outcome = || word.and_then(Outcome::parse).ok_or("word");
        let record = match self.kind.as_str() {
            "event" => Record::Event { sum },
            "claim" => Record::Claim {
                attempt: self.attempt.ok_or("attempt")?,
                event: event.ok_or("event")?,
                sum: sum.ok_or("minor")?,
                expires_at: self.until.ok_or("until")?,
            },
            "outcome" => Record::Outcome { attempt: self.attempt.ok_or("attempt")?, outcome: outcome()? },
            "late" => Record::Late { attempt: self.attempt.ok_or("attempt")?, outcome: outcome()? },
            "case" => Record::Case {
                reason: word.and_then(Reason::parse).ok_or("word")?,
                attempt: self.attempt,
                event,
                is_open: one_of(self.state.as_deref(), OPEN, RESOLVED)?,
                ending: self.ending.as_deref().map(|word| Ending::parse(word).ok_or("ending")).transpose()?,
                subject: self.subject,
                sum,
            },
            "closing" => Record::Closing { event, is_bar: one_of(self.state.as_deref(), BAR, PEOPLE)?, sum },
            "refused" => Record::Refused {
                event: event.ok_or("event")?,
                sum: sum.ok_or("minor")?,
                final_after: self.until.ok_or("until")?,
            },
            "by_hand" => Record::ByHand { sum: sum.ok_or("minor")?, shows_at_bank: flag(self.banked)? },
            "overwritten" => Record::Overwritten,
            "payout" => Record::Payout {
                sum: sum.ok_or("minor")?,
                state: word.and_then(RailState::parse).ok_or("word")?,
                shows_at_bank: flag(self.banked)?,
            },
            "line" => {
                Record::Line { sum: sum.ok_or("minor")?, direction: word.and_then(Direction::parse).ok_or("word")? }
            }
            "was_open" => Record::WasOpen { finding: word.and_then(Finding::parse).ok_or("word")? },
            "was_break" => Record::WasBreak {
                kind: word.and_then(BreakKind::parse).ok_or("word")?,
                book: self.state.as_deref().and_then(Book::parse).ok_or("state")?,
                attempt: self.attempt.ok_or("attempt")?,
                which: self.subject.ok_or("subject")?,
            },
            _ => return Err("kind"),
        };
        if record.book().map_or(CARRIED, Book::as_str) != self.book {
            return Err("book");
        }
        let id = if record.book().is_none() { RowId::of_subject(self.id) } else { RowId::new(self.id) };
        Ok(Row {
            payee: self.payee.map(Destination::new).transpose().map_err(|_| "payee")?,
            key: BookKey::parse(self.key).map_err(|_| "key")?,
            id: id.map_err(|_| "id")?,
            at: self.at,
            carried: matches!(self.carried, 0 | 1).then_some(self.carried == 1).ok_or("carried")?,
            record,
        })
    }
}

fn one_of(text: Option<&str>, yes: &str, no: &str) -> Result<bool, &'static str> {
    match text {
        Some(text) if text == yes => Ok(true),
        Some(text) if text == no => Ok(false),
        _ => Err("state"),
    }
}

/// The keys that lines of this form name.
pub fn keys(lines: impl BufRead) -> Result<BTreeSet<String>, BooksError> {
    let mut keys = BTreeSet::new();
    for (number, line) in (1..).zip(lines.lines()) {
        let line: Line = serde_json::from_str(&line?).map_err(|_| BooksError::Line { number, what: "json" })?;
        keys.insert(line.key);
    }
    Ok(keys)
}

/// Of lines that a run carried: the keys that were paid at the rail, and wait for nothing but their settle time, at the bank.
pub fn awaited_at_bank(lines: impl BufRead) -> Result<BTreeSet<String>, BooksError> {
    let (mut paid, mut pending) = (BTreeSet::new(), BTreeSet::new());
    for (number, line) in (1..).zip(lines.lines()) {
        let line: Line = serde_json::from_str(&line?).map_err(|_| BooksError::Line { number, what: "json" })?;
        let row = line.row().map_err(|what| BooksError::Line { number, what })?;
        match row.record {
            Record::Payout { state: RailState::Paid, shows_at_bank: true, .. } => paid.insert(row.key.to_string()),
            Record::WasOpen { finding: Finding::Pending } => pending.insert(row.key.to_string()),
            _ => false,
        };
    }
    Ok(paid.intersection(&pending).cloned().collect())
}
