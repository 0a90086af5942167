//! What a run hands over: breaks as JSON Lines and CSV, its statement as CSV, and what is carried into the next run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use payonce_protocol::ids::Digest;
use payonce_protocol::reconcile::breaks::Break;
use payonce_protocol::reconcile::finding::{Finding, Found, Gone, Life};
use payonce_protocol::reconcile::rows::{BookKey, Record, Row, RowId, Sum};
use payonce_protocol::reconcile::statement::{Statement, Total};
use payonce_protocol::reconcile::terms::Terms;
use sha2::{Digest as _, Sha256};

use crate::BooksError;
use crate::groups::Group;
use crate::line::Line;

/// A file of a run, hashed as it is written.
pub(crate) struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Hashed {
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(File::create(path)?), hash: Sha256::new() })
    }

    /// On disk before the manifest that names it.
    pub fn end(self) -> io::Result<Digest> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Digest(self.hash.finalize().into()))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(crate) const BREAK_COLUMNS: [&str; 12] = [
    "id",
    "life",
    "kind",
    "book",
    "key",
    "attempt",
    "which",
    "reason",
    "expected_minor",
    "expected_currency",
    "found_minor",
    "found_currency",
];

/// What a spreadsheet would take for a formula becomes text, also where it parts the columns by another sign than we did.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
pub fn harmless(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut is_first = true;
    for (at, char) in cell.char_indices() {
        let begins_formula = matches!(char, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
        if (is_first && begins_formula) || (at == 0 && matches!(char, '\t' | '\r' | '\n')) {
            text.push('\'');
        }
        let parts = matches!(char, ',' | ';' | '\t' | '\r' | '\n');
        is_first = parts || (is_first && (char.is_whitespace() || char == '"'));
        text.push(char);
    }
    text
}

pub(crate) fn break_cells(it: &Break, life: Life) -> Vec<String> {
    let sum = |sum: Option<Sum>| sum.map(|sum| (sum.minor().to_string(), sum.currency.to_string())).unwrap_or_default();
    let ((expected, expected_currency), (found, found_currency)) = (sum(it.expected), sum(it.found));
    vec![
        it.id().to_string(),
        life.to_string(),
        it.kind.to_string(),
        it.book.to_string(),
        harmless(it.key.as_str()),
        it.attempt.to_string(),
        harmless(&it.which),
        it.reason().map(|reason| reason.to_string()).unwrap_or_default(),
        expected,
        expected_currency,
        found,
        found_currency,
    ]
}

/// Of a break that is gone there is nothing but its key and which it was.
pub(crate) fn gone_cells(key: &BookKey, gone: &Gone) -> Vec<String> {
    let mut cells = vec![String::new(); BREAK_COLUMNS.len()];
    let said = [(1, Life::Gone.to_string()), (4, harmless(key.as_str())), (6, harmless(&gone.subject))];
    for (at, text) in said {
        if let Some(cell) = cells.get_mut(at) {
            *cell = text;
        }
    }
    cells
}

/// Every line of the bridge: currency, name, count, minor units.
pub fn statement_lines(statement: &Statement) -> Result<Vec<(String, &'static str, Total)>, BooksError> {
    let mut all = vec![];
    for (currency, lines) in &statement.currencies {
        let mut line = |name, total| all.push((currency.to_string(), name, total));
        line("carried", lines.carried);
        line("asked", lines.asked);
        line("paid", lines.paid);
        line("paid_by_hand", lines.by_hand);
        // A key that is reconciled leaves nothing; where it does, the residual shows it.
        for finding in Finding::ALL.iter().filter(|it| !matches!(it, Finding::Reconciled | Finding::ByHand)) {
            line(finding.as_str(), lines.left.get(finding).copied().unwrap_or_default());
        }
        line("residual", lines.residual()?);
    }
    Ok(all)
}

/// Every row of a key that is not done with, as it stands now.
pub(crate) fn carried(group: &Group, found: &Found, terms: &Terms) -> Result<Vec<Line>, BooksError> {
    if !found.finding.is_open() {
        return Ok(vec![]);
    }
    let row =
        |id: RowId, record| Row { key: group.key.clone(), id, at: terms.as_of, carried: true, payee: None, record };
    let text = |_| BooksError::Line { number: 0, what: "subject" };
    let mut all = vec![];
    for row in payonce_protocol::reconcile::facts::Facts::new(&group.key, &group.rows).rows() {
        if row.record.book().is_some() {
            all.push(Line::of(&Row { carried: true, ..row.clone() }));
        }
    }
    let id = RowId::of_subject("open").map_err(text)?;
    all.push(Line::of(&row(id, Record::WasOpen { finding: found.finding })));
    for (it, _) in &found.breaks {
        let (kind, book, attempt, which) = (it.kind, it.book, it.attempt, it.which.clone());
        let id = RowId::of_subject(it.subject()).map_err(text)?;
        all.push(Line::of(&row(id, Record::WasBreak { kind, book, attempt, which })));
    }
    Ok(all)
}
