//! One book on its way into the merge. Whoever reads it pushes its rows in whatever order they come, and says of which times they
//! are not all there.

use std::io::BufRead;

use payonce_protocol::reconcile::rows::{Book, Row};
use payonce_protocol::reconcile::terms::Gap;

use crate::BooksError;
use crate::line::Line;
use crate::sort::{Sorted, Sorter};

/// `None`: what was carried over from the run before.
pub struct Intake {
    book: Option<Book>,
    sorter: Sorter,
    gaps: Vec<Gap>,
    buffer: Vec<u8>,
}

/// A book in the order of its keys.
pub struct Shelf {
    pub(crate) rows: Sorted,
    pub gaps: Vec<Gap>,
}

impl Intake {
    pub fn new(book: Option<Book>, bytes_at_most: usize) -> Self {
        Self { book, sorter: Sorter::new(bytes_at_most), gaps: vec![], buffer: vec![] }
    }

    /// A row of this book; of what is carried, any row that is.
    pub fn push(&mut self, row: &Row) -> Result<(), BooksError> {
        let fits = self.book.map_or(row.carried, |book| row.record.book() == Some(book));
        if !fits {
            let name = |book: Option<Book>| book.map_or(crate::line::CARRIED, Book::as_str);
            return Err(BooksError::Book { expected: name(self.book), found: name(row.record.book()) });
        }
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, &Line::of(row))?;
        Ok(self.sorter.push(row.key.as_str().as_bytes(), &self.buffer)?)
    }

    /// Every line of a file; one that is no row fails it, so that nobody takes the rest for the whole.
    pub fn push_lines(&mut self, lines: impl BufRead) -> Result<(), BooksError> {
        for (number, line) in (1..).zip(lines.lines()) {
            let line: Line = serde_json::from_str(&line?).map_err(|_| BooksError::Line { number, what: "json" })?;
            self.push(&line.row().map_err(|what| BooksError::Line { number, what })?)?;
        }
        Ok(())
    }

    pub fn lacks(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    pub fn done(self) -> Result<Shelf, BooksError> {
        Ok(Shelf { rows: self.sorter.sorted()?, gaps: self.gaps })
    }
}
