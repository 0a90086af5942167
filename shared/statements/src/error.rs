//! Why a file is refused: where, and what was wrong there. Values of the file are not repeated, since a statement holds names
//! and texts of people; sums are, because they are what somebody has to look for.

use std::fmt;

use thiserror::Error;

use crate::amount::Amount;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, {place}: {wrong}")]
pub struct Refused {
    /// The line of the file, from 1.
    pub line: u64,
    /// The element, tag, record or column.
    pub place: String,
    pub wrong: Wrong,
}

impl Refused {
    pub(crate) fn new(line: u64, place: impl Into<String>, wrong: Wrong) -> Self {
        Self { line, place: place.into(), wrong }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    #[error("the file is larger than {0} bytes")]
    FileTooLarge(u64),
    #[error("one piece of it is longer than {0} bytes")]
    TooLong(u64),
    #[error("there are more than {0} entries in the file")]
    TooManyEntries(u64),
    #[error(
        "of each statement it is kept which rows came before it on the same days, and for this file these are more than {0}: hand in fewer statements at a time"
    )]
    TooManyBefore(u64),
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    #[error("the file cannot be read ({0})")]
    Unreadable(std::io::ErrorKind),
    #[error("the file is in {0}, which is not read; save it as UTF-8")]
    Charset(&'static str),
    #[error("the bytes are no text in {0}, as was declared")]
    NotText(&'static str),
    #[error("it is not well-formed XML")]
    NotXml,
    #[error("a document type is not allowed")]
    DocumentType,
    #[error("an entity other than the five of XML is not allowed")]
    Entity,
    #[error("the file ends before it is complete")]
    Truncated,
    #[error("there is no statement in the file")]
    NoStatement,
    #[error("is missing")]
    Missing,
    #[error("is there twice")]
    Twice,
    #[error("does not belong here")]
    Misplaced,
    #[error("{0}")]
    NotRead(&'static str),
    #[error("is not {0}")]
    Form(&'static str),
    #[error("the currency is not one whose unit is known (ISO 4217)")]
    Currency,
    #[error("an amount must not be above 2^53 of the smallest unit")]
    TooMuch,
    #[error("the amount has more decimals than the currency")]
    Inexact,
    #[error("the entry is not in the currency of the balance")]
    OtherCurrency,
    #[error("{opening} and the rows ({rows}) make {made}, but the closing balance is {closing}")]
    Bridge { opening: Amount, rows: Amount, made: Amount, closing: Amount },
    #[error("the transactions make {made}, but the entry is {entry}")]
    Batch { made: Amount, entry: Amount },
    #[error("by the row next to it the balance is {made}, but {stated} is stated")]
    Unchained { made: Amount, stated: Amount },
    #[error("a page is missing: the one before ends with {closing}, this one begins with {opening}")]
    Gap { closing: Amount, opening: Amount },
    #[error(
        "the opening balance does not show which rows came before, and rows alike are known: say if it repeats or continues them"
    )]
    Unplaced,
    #[error("{stated} are stated, {found} are there")]
    Count { stated: u64, found: u64 },
    #[error("a total of {stated} is stated, {found} is there")]
    Total { stated: Sum, found: Sum },
}

/// A control total as files state it: a whole number of the smallest unit, or of several currencies together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum(pub i128);

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Everything that was found wrong with a file, at least one thing. Nothing of the file counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile(pub Vec<Refused>);

impl From<Refused> for RefusedFile {
    fn from(refused: Refused) -> Self {
        Self(vec![refused])
    }
}

impl fmt::Display for RefusedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refused) in self.0.iter().enumerate() {
            let before = if index == 0 { "" } else { "\n" };
            write!(f, "{before}{refused}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RefusedFile {}
