//! The sorted books merged by key: one group at a time is in memory.

use std::iter::Peekable;

use payonce_protocol::reconcile::rows::{BookKey, Row};

use crate::BooksError;
use crate::intake::Shelf;
use crate::line::Line;
use crate::sort::{Entry, Sorted};

/// A key with more rows than this is no payout's: one source gives many things one name.
pub const ROWS_AT_MOST: usize = 10_000;

pub struct Groups {
    books: Vec<Peekable<Sorted>>,
    last: Option<Vec<u8>>,
}

pub struct Group {
    pub key: BookKey,
    pub rows: Vec<Row>,
}

impl Groups {
    /// What is carried first, so that it stands before what was read since.
    pub fn new(books: Vec<Shelf>) -> Self {
        Self { books: books.into_iter().map(|book| book.rows.peekable()).collect(), last: None }
    }

    pub fn next_group(&mut self) -> Result<Option<Group>, BooksError> {
        let mut least: Option<Vec<u8>> = None;
        for book in &mut self.books {
            match book.peek() {
                Some(Ok((key, _))) if least.as_ref().is_none_or(|least| key < least) => least = Some(key.clone()),
                Some(Ok(_)) | None => {}
                Some(Err(_)) => return Err(failed(book)),
            }
        }
        let Some(key) = least else { return Ok(None) };
        let text = || String::from_utf8_lossy(&key).into_owned();
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(BooksError::Order(text()));
        }
        let mut rows = vec![];
        for book in &mut self.books {
            while let Some(entry) = book.next_if(|entry| entry.as_ref().is_ok_and(|(of, _)| *of == key)) {
                rows.push(row(entry?)?);
                if rows.len() > ROWS_AT_MOST {
                    return Err(BooksError::TooManyRows { key: text(), at_most: ROWS_AT_MOST });
                }
            }
        }
        let name = BookKey::parse(text()).map_err(|_| BooksError::Order(text()))?;
        self.last = Some(key);
        Ok(Some(Group { key: name, rows }))
    }
}

fn failed(book: &mut Peekable<Sorted>) -> BooksError {
    match book.next() {
        Some(Err(error)) => error.into(),
        _ => BooksError::File(std::io::ErrorKind::Other.into()),
    }
}

fn row((_, value): Entry) -> Result<Row, BooksError> {
    let line: Line = serde_json::from_slice(&value)?;
    line.row().map_err(|what| BooksError::Line { number: 0, what })
}
