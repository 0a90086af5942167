//! The bytes of a file on their way to a parser: hashed, counted, and bounded as a whole and piece by piece, so that neither
//! a long file nor a long line or element fills the memory.

use std::io::{self, BufRead, Read};

use payonce_protocol::ids::Digest;
use sha2::{Digest as _, Sha256};

use crate::charset::Charset;
use crate::error::{Refused, Wrong};

/// What a file may be at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub file_bytes: u64,
    /// A line, a row, or the elements of one transaction.
    pub piece_bytes: u64,
    pub entries: u64,
    /// Rows before its statements, which are kept for each statement that has others before it on its days.
    pub before: u64,
}

impl Default for Limits {
    /// PayPal's reports, the longest known, end at a million rows.
    fn default() -> Self {
        Self { file_bytes: 1 << 30, piece_bytes: 1 << 20, entries: 1_000_000, before: 1_000_000 }
    }
}

pub(crate) struct Source<'a> {
    inner: &'a mut dyn BufRead,
    limits: Limits,
    hash: Sha256,
    bytes: u64,
    piece: u64,
    line: u64,
    wrong: Option<Wrong>,
}

/// One line without its end.
pub(crate) struct Line {
    pub number: u64,
    pub text: String,
}

impl<'a> Source<'a> {
    pub fn new(inner: &'a mut dyn BufRead, limits: Limits) -> Self {
        Self { inner, limits, hash: Sha256::new(), bytes: 0, piece: 0, line: 1, wrong: None }
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// A new piece begins.
    pub fn mark(&mut self) {
        self.mark_at(0);
    }

    /// The piece goes on from so many bytes: those of parts in between are forgotten.
    pub fn mark_at(&mut self, bytes: u64) {
        self.piece = bytes;
    }

    /// The bytes of the piece so far.
    pub fn piece(&self) -> u64 {
        self.piece
    }

    /// Of a piece that comes in several lines, each of which is one for itself.
    pub fn holds(&self, line: u64, place: &str, bytes: usize) -> Result<(), Refused> {
        let most = self.limits.piece_bytes;
        if bytes as u64 <= most { Ok(()) } else { Err(Refused::new(line, place, Wrong::TooLong(most))) }
    }

    /// The line that is read next.
    pub fn line_number(&self) -> u64 {
        self.line
    }

    pub fn take_wrong(&mut self) -> Option<Wrong> {
        self.wrong.take()
    }

    /// Of all bytes that were read, which is the whole file once a parser is through.
    pub fn digest(self) -> Digest {
        Digest(self.hash.finalize().into())
    }

    /// Drops a byte order mark of UTF-8; other Unicode encodings are refused by name. Without a mark they show by the zero
    /// bytes around the first character.
    pub fn begin(&mut self) -> Result<(), Refused> {
        let start = match self.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.refused(&error)),
        };
        let charset = match start {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("UTF-16"),
            _ => None,
        };
        if let Some(charset) = charset {
            return Err(Refused::new(1, "file", Wrong::Charset(charset)));
        }
        if start.starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
        Ok(())
    }

    pub fn next_line(&mut self, charset: Charset) -> Result<Option<Line>, Refused> {
        self.mark();
        let number = self.line;
        let mut bytes = Vec::new();
        match self.read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(self.refused(&error)),
        }
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        let text = charset.decode(&bytes[..end]).map_err(|wrong| Refused::new(number, "line", wrong))?;
        Ok(Some(Line { number, text }))
    }

    pub fn refused(&mut self, error: &io::Error) -> Refused {
        let wrong = self.wrong.take().unwrap_or(Wrong::Unreadable(error.kind()));
        Refused::new(self.line, "file", wrong)
    }

    fn room(&self) -> (u64, Wrong) {
        let file = self.limits.file_bytes.saturating_sub(self.bytes);
        let piece = self.limits.piece_bytes.saturating_sub(self.piece);
        if file <= piece {
            (file, Wrong::FileTooLarge(self.limits.file_bytes))
        } else {
            (piece, Wrong::TooLong(self.limits.piece_bytes))
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = {
            let bytes = self.fill_buf()?;
            let length = bytes.len().min(into.len());
            into[..length].copy_from_slice(&bytes[..length]);
            length
        };
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let (room, wrong) = self.room();
        let there = self.inner.fill_buf()?.len();
        if there > 0 && room == 0 {
            self.wrong = Some(wrong);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = usize::try_from(room).unwrap_or(usize::MAX).min(there);
        Ok(&self.inner.fill_buf()?[..most])
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            let taken = &bytes[..amount.min(bytes.len())];
            self.hash.update(taken);
            self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.bytes += amount as u64;
        self.piece += amount as u64;
        self.inner.consume(amount);
    }
}
