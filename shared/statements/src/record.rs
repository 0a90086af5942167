//! Rows of delimited text, RFC 4180 to the letter. The lenient reading of the usual libraries would take a quote that is not
//! closed as the rest of the file, in one field, and lose every row in it without a word.

use crate::charset::Charset;
use crate::error::{Refused, Wrong};
use crate::source::Source;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub charset: Charset,
    pub delimiter: char,
    /// None: quotes are letters like others.
    pub quote: Option<char>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub line: u64,
    pub fields: Vec<String>,
}

/// The next row that is not empty.
pub(crate) fn next(source: &mut Source<'_>, dialect: Dialect) -> Result<Option<Record>, Refused> {
    let mut row = loop {
        match source.next_line(dialect.charset)? {
            None => return Ok(None),
            Some(line) if line.text.trim().is_empty() => {}
            Some(line) => break line,
        }
    };
    let line = row.number;
    let mut length = row.text.len() as u64;
    let mut fields = vec![String::new()];
    let mut state = State::Start;
    let wrong = |number, wrong| Err(Refused::new(number, "row", wrong));
    loop {
        for c in row.text.chars() {
            let field = match fields.last_mut() {
                Some(field) => field,
                None => return wrong(line, Wrong::Truncated),
            };
            let is_quote = dialect.quote == Some(c);
            state = match state {
                State::Start if is_quote => State::Quoted,
                State::Quoted if is_quote => State::Closed,
                State::Quoted => {
                    field.push(c);
                    State::Quoted
                }
                // A quote twice is one.
                State::Closed if is_quote => {
                    field.push(c);
                    State::Quoted
                }
                State::Start | State::Plain | State::Closed if c == dialect.delimiter => {
                    fields.push(String::new());
                    State::Start
                }
                State::Start | State::Plain if !is_quote => {
                    field.push(c);
                    State::Plain
                }
                _ => return wrong(row.number, Wrong::Form("delimited text: a quote within a field")),
            };
        }
        if state != State::Quoted {
            return Ok(Some(Record { line, fields }));
        }
        row = match source.next_line(dialect.charset)? {
            Some(row) => row,
            None => return wrong(line, Wrong::Form("delimited text: a quote is not closed")),
        };
        length += row.text.len() as u64 + 1;
        if length > source.limits().piece_bytes {
            return wrong(line, Wrong::TooLong(source.limits().piece_bytes));
        }
        if let Some(field) = fields.last_mut() {
            field.push('\n');
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Limits;

    fn rows(text: &str) -> Result<Vec<Vec<String>>, Refused> {
        let mut bytes = text.as_bytes();
        let mut source = Source::new(&mut bytes, Limits { piece_bytes: 100, ..Limits::default() });
        let dialect = Dialect { charset: Charset::Utf8, delimiter: ',', quote: Some('"') };
        let mut rows = Vec::new();
        while let Some(record) = next(&mut source, dialect)? {
            rows.push(record.fields);
        }
        Ok(rows)
    }

    #[test]
    fn reads_quotes_delimiters_and_lines_within_fields() {
        let read = rows("a,\"b,c\",\"d\"\"e\"\r\n\r\n,\"two\nlines\",\"\"\n").unwrap();
        assert_eq!(read, [vec!["a", "b,c", "d\"e"], vec!["", "two\nlines", ""]]);
    }

    #[test]
    fn refuses_quotes_that_would_swallow_rows() {
        let refused = |text: &str| rows(text).unwrap_err();
        let open = refused("a,b\nc,\"d\ne,f\n");
        assert_eq!((open.line, open.wrong), (2, Wrong::Form("delimited text: a quote is not closed")));
        for text in ["a\"b,c\n", "\"a\"b,c\n", "\"a\" ,c\n"] {
            assert_eq!(refused(text).wrong, Wrong::Form("delimited text: a quote within a field"), "{text}");
        }
        assert_eq!(refused(&format!("\"{}\n{}", "a".repeat(60), "b".repeat(60))).wrong, Wrong::TooLong(100));
    }
}
