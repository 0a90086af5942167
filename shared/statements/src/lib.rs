//! Bank and settlement files: what the bank says was booked, as one typed model, exact or refused.
//!
//! * [`model`]: statement, entry, references, balances; [`amount`]: signed whole numbers of the smallest unit.
//! * `camt`: camt.053 and camt.054 (ISO 20022); `mt940`: SWIFT MT940; `bai2`: BAI2; [`csv`]: lists that a configuration
//!   describes; `record` splits their rows, `lists` holds the rows to their running balance.
//! * [`chosen`]: in which format a file is read.
//! * `source` hashes and bounds the bytes; `charset` makes text of them; `output` holds each statement to its balances.
//! * [`import`]: what a file adds to what is known already. No database, no clock: a function of both. [`chain`]: which rows
//!   of a day came before a statement. [`cover`]: of which days statements say everything. [`kept`]: all that was imported, as lines.
//!
//! A file is read as a stream, in bounded memory, and counts as a whole or not at all: opening balance and rows must make the
//! closing balance, the transactions of a batch its sum, control totals what is there. What cannot be read is refused with its
//! line and place; nothing is skipped.
//!
//! ```
//! use payonce_statements::{Charset, Format, statements};
//!
//! let file = "\
//! :20:START
//! :25:NL08PAYO0000000001
//! :28C:1/1
//! :60F:C260102EUR100,00
//! :61:2601050105D12,34NTRFPAYOUT-1//B7
//! :86:/EREF/po_1/RTRN/AC04
//! :62F:C260105EUR87,66
//! -
//! ";
//! let [statement] = &statements(&Format::Mt940(Charset::Utf8), file.as_bytes())?[..] else { panic!() };
//! let entry = &statement.entries[0];
//! assert_eq!(entry.amount.to_string(), "-12.34 EUR");
//! assert_eq!(entry.references.end_to_end.as_deref(), Some("po_1"));
//! assert_eq!(entry.return_reason.as_deref(), Some("AC04"));
//!
//! let short = file.replace("87,66", "90,00");
//! let refused = statements(&Format::Mt940(Charset::Utf8), short.as_bytes()).unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "line 7, field 62F: 100.00 EUR and the rows (-12.34 EUR) make 87.66 EUR, but the closing balance is 90.00 EUR"
//! );
//! # Ok::<(), payonce_statements::RefusedFile>(())
//! ```

mod alike;
pub mod amount;
mod bai2;
mod camt;
pub mod chain;
mod charset;
pub mod chosen;
pub mod config;
pub mod cover;
pub mod csv;
mod date;
mod error;
pub mod import;
pub mod kept;
mod lists;
pub mod model;
mod mt940;
mod output;
mod record;
mod remittance;
mod source;
mod xml;

use std::io::BufRead;

use payonce_protocol::ids::Digest;

pub use charset::Charset;
pub use error::{Refused, RefusedFile, Sum, Wrong};
pub use output::Part;
pub use source::Limits;

use csv::Csv;
use model::Statement;
use output::Output;
use source::Source;

/// What a file is written in.
#[derive(Clone, Debug)]
pub enum Format {
    /// camt.053 and camt.054, in UTF-8.
    Camt,
    Mt940(Charset),
    Bai2(Charset),
    Csv(Csv),
}

/// Reads a file as a stream, to its end. Gives the SHA-256 of its bytes; before that, nothing that the sink was given counts.
pub fn read(
    format: &Format,
    limits: Limits,
    input: &mut dyn BufRead,
    sink: &mut dyn FnMut(Part),
) -> Result<Digest, RefusedFile> {
    let mut source = Source::new(input, limits);
    let mut output = Output::new(sink, limits.entries);
    let result = source.begin().and_then(|()| match format {
        Format::Camt => camt::read(&mut source, &mut output),
        Format::Mt940(charset) => mt940::read(&mut source, *charset, &mut output),
        Format::Bai2(charset) => bai2::read(&mut source, *charset, &mut output),
        Format::Csv(csv) => csv::read(csv, &mut source, &mut output),
    });
    output.finish(result, source.line_number())?;
    Ok(source.digest())
}

/// Reads a file that is in memory already.
pub fn statements(format: &Format, bytes: &[u8]) -> Result<Vec<Statement>, RefusedFile> {
    let mut statements: Vec<Statement> = Vec::new();
    read(format, Limits::default(), &mut &bytes[..], &mut |part| match (part, statements.last_mut()) {
        (Part::Begin(header), _) => {
            statements.push(Statement::begin(header));
        }
        (Part::Entry(entry), Some(statement)) => statement.entries.push(entry),
        (Part::End(balances), Some(statement)) => statement.balances = balances,
        (_, None) => {}
    })?;
    Ok(statements)
}
