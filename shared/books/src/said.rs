//! Breaks as a run's file says them, whoever found them: the merge here, or the SQL of a larger engine. Cases are filed from these
//! lines, and people read them.

use std::io::BufRead;

use payonce_protocol::reconcile::breaks::Break;
use payonce_protocol::reconcile::finding::{Gone, Life};
use payonce_protocol::reconcile::rows::{BookKey, Row, Sum};
use serde::{Deserialize, Serialize};

use crate::BooksError;
use crate::line::Line;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumLine {
    pub minor: u64,
    pub currency: String,
}

/// A break that is there, with both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakLine {
    pub id: String,
    pub life: String,
    pub kind: String,
    pub book: String,
    pub key: String,
    pub attempt: u16,
    pub which: String,
    /// Of the case that it is, where it is one.
    pub reason: Option<String>,
    pub case: Option<String>,
    pub at: u64,
    pub expected: Option<SumLine>,
    pub found: Option<SumLine>,
    pub ours: Vec<Line>,
    pub theirs: Vec<Line>,
}

/// One of the run before that is none any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneLine {
    pub life: String,
    pub key: String,
    pub subject: String,
    pub explained_by: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SaidLine {
    Break(Box<BreakLine>),
    Gone(GoneLine),
}

impl From<Sum> for SumLine {
    fn from(sum: Sum) -> Self {
        Self { minor: sum.minor(), currency: sum.currency.to_string() }
    }
}

impl SumLine {
    /// `None`: no sum of a book.
    pub fn sum(&self) -> Option<Sum> {
        Sum::new(self.minor, self.currency.parse().ok()?).ok()
    }
}

fn lines(rows: &[Row]) -> Vec<Line> {
    rows.iter().map(Line::of).collect()
}

impl BreakLine {
    pub fn of(it: &Break, life: Life) -> Self {
        Self {
            id: it.id().to_string(),
            life: life.to_string(),
            kind: it.kind.to_string(),
            book: it.book.to_string(),
            key: it.key.to_string(),
            attempt: it.attempt,
            which: it.which.clone(),
            reason: it.reason().map(|reason| reason.to_string()),
            case: it.case().map(|case| case.to_string()),
            at: it.at,
            expected: it.expected.map(SumLine::from),
            found: it.found.map(SumLine::from),
            ours: lines(&it.evidence.ours),
            theirs: lines(&it.evidence.theirs),
        }
    }

    /// Which of its key's breaks it is: `Break::subject`.
    pub fn subject(&self) -> String {
        format!("{}:{}:{}:{}", self.kind, self.book, self.attempt, self.which)
    }
}

impl GoneLine {
    pub fn of(key: &BookKey, gone: &Gone) -> Self {
        Self {
            life: Life::Gone.to_string(),
            key: key.to_string(),
            subject: gone.subject.clone(),
            explained_by: lines(&gone.explained_by),
        }
    }
}

/// Every line of such a file.
pub fn read(lines: impl BufRead) -> impl Iterator<Item = Result<SaidLine, BooksError>> {
    (1..)
        .zip(lines.lines())
        .map(|(number, line)| serde_json::from_str(&line?).map_err(|_| BooksError::Line { number, what: "break" }))
}
