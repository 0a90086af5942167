//! The four books as sorted streams, and their reconciliation with bounded memory: what [`payonce_protocol::reconcile`] says of one
//! key is said here of millions, on one machine.
//!
//! * [`mod@line`]: rows as JSON Lines, in which a source hands them over and a run carries them into the next.
//! * [`sort`]: an external merge sort; [`intake`]: one book on its way into it, with what it lacks.
//! * [`groups`]: the sorted books, merged by key.
//! * [`reconcile`]: a run over all groups; its files, and the manifest last.
//! * [`said`]: what it found, a line for each break; cases are filed from these.
//! * [`export`]: DynamoDB's incremental export, in the layout that AWS documents.
//! * [`sql`]: the same verdicts in SQL, for more rows than one machine should take; [`for_sql`]: a run's books as it reads them.

#![forbid(unsafe_code)]

pub mod export;
pub mod for_sql;
pub mod groups;
pub mod intake;
pub mod line;
pub mod manifest;
pub mod output;
pub mod reconcile;
pub mod said;
pub mod sort;
pub mod sql;

use std::io;

use payonce_protocol::reconcile::run::ChainError;
use payonce_protocol::reconcile::statement::TooLarge;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum BooksError {
    #[error("a file of the books: {0}")]
    File(#[from] io::Error),
    #[error("line {number} is no row of a book: {what}")]
    Line { number: u64, what: &'static str },
    #[error("a row of the {found} book came with the {expected} book")]
    Book { expected: &'static str, found: &'static str },
    #[error("a stream of rows is not in the order of its keys at {0}")]
    Order(String),
    #[error("more than {at_most} rows have the key {key}")]
    TooManyRows { key: String, at_most: usize },
    #[error("{0} is not the file that the run's manifest names")]
    Altered(String),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl From<serde_json::Error> for BooksError {
    fn from(error: serde_json::Error) -> Self {
        Self::File(error.into())
    }
}

impl From<csv::Error> for BooksError {
    fn from(error: csv::Error) -> Self {
        Self::File(error.into())
    }
}
