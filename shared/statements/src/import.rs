//! What a file adds to what is known already: a function of both, without a database or a clock.
//!
//! * The **same file** is known by the SHA-256 of its bytes.
//! * A **row** is known by account, booking date, amount with its sign, currency, reference
//!   ([`References::first`](crate::model::References::first)) and which one it is of those that are alike in all this:
//!   [`RowId`]. Two rows alike on one day are two rows. Statement ids and line numbers are no part of it, since banks use the
//!   former again each year and number the latter anew in each export.
//! * Rows that are alike are **counted on** from what came before a statement, which its opening balance shows
//!   ([`crate::chain`]). Where it does not, and it matters, the file is refused until a person says what is meant ([`Doubt`]). Files
//!   without balances have no place: each is counted from 1, and rows alike in two of them are taken for one.
//! * A known row whose **other facts** are not what they were is changed, and the names of those facts are told.
//! * Where nothing shows the place of a row, and the bank's own reference is none that is known of rows alike, it may be a second
//!   payment: it is **doubtful**, and nothing of it counts until a person says what it is ([`Doubt`]).
//! * A batch is one row of the statement or, from its details (camt.054), many: whichever comes second adds no money.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::BufRead;

use jiff::civil::Date;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Currency;

use crate::alike::Alike;
use crate::chain::{Chain, Closed, Counts, Doubt, Likeness, Unplaced};
use crate::cover::Cover;
use crate::error::{Refused, RefusedFile, Wrong};
use crate::model::{Batch, Entry, Kind, References, Statement, Status};
use crate::output::MAX_REFUSED;
use crate::{Format, Limits, Part, read};

/// The identity of a row, which is stored and never changes:
/// `H("payonce-row/1", H("payonce-row/1", account, booking date, amount, currency, reference), occurrence)`, where `H` is
/// SHA-256 over parts that each follow their length (64 bits, big endian). The date is `2026-01-05`; the amount counts minor
/// units, with a minus for a debit; the occurrence is a decimal from 1. The inner value goes into the outer as its 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub Digest);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The facts of a row that do not identify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub value_date: Option<Date>,
    pub reversal: bool,
    pub status: Status,
    pub references: References,
    /// Of the text without blanks, which banks break as they like. The text itself is about people, and is not kept.
    pub remittance: Digest,
    pub return_reason: Option<String>,
    pub code: Option<String>,
}

/// What [`Facts::remittance`] is made of.
pub fn text_digest(text: &str) -> Digest {
    Digest::of(text.split_whitespace().collect::<String>())
}

impl Facts {
    pub fn of(entry: &Entry) -> Self {
        Self {
            value_date: entry.value_date,
            reversal: entry.reversal,
            status: entry.status,
            references: entry.references.clone(),
            remittance: text_digest(&entry.remittance),
            return_reason: entry.return_reason.clone(),
            code: entry.code.clone(),
        }
    }

    /// The bank gave the two different references of its own.
    fn is_of_another(&self, other: &Self) -> bool {
        let (own, others) = (&self.references.servicer, &other.references.servicer);
        own.is_some() && others.is_some() && own != others
    }

    /// The names of those that differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let Self { value_date, reversal, status, references, remittance, return_reason, code } = self;
        let References { end_to_end, instruction, transaction, servicer, mandate } = references;
        let facts = [
            ("value_date", *value_date == other.value_date),
            ("reversal", *reversal == other.reversal),
            ("status", *status == other.status),
            ("end_to_end", *end_to_end == other.references.end_to_end),
            ("instruction", *instruction == other.references.instruction),
            ("transaction", *transaction == other.references.transaction),
            ("servicer", *servicer == other.references.servicer),
            ("mandate", *mandate == other.references.mandate),
            ("remittance", *remittance == other.remittance),
            ("return_reason", *return_reason == other.return_reason),
            ("code", *code == other.code),
        ];
        facts.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
    }
}

/// What was imported before, as far as it concerns the accounts and days of a file. Whoever keeps it may build it anew.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub files: BTreeSet<Digest>,
    pub rows: BTreeMap<RowId, Facts>,
    /// Rows that came as the transactions they hold.
    pub detailed: BTreeSet<RowId>,
    pub statements: Vec<Closed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    New,
    Known,
    /// Known, but for these facts.
    Changed(Vec<&'static str>),
    /// A known row with these facts changed, or a second payment alike: a person must say which.
    Doubtful(Vec<&'static str>),
    /// A transaction of a row that is known as one sum: it tells more, and adds no money.
    DetailOf(RowId),
    /// One sum whose transactions are known: it adds no money.
    DetailedBefore,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub id: RowId,
    pub account: String,
    pub entry: Entry,
    /// The row of the whole batch that this transaction was booked in.
    pub batch: Option<RowId>,
    pub verdict: Verdict,
}

impl Row {
    pub fn is_doubtful(&self) -> bool {
        matches!(self.verdict, Verdict::Doubtful(_))
    }
}

/// For a dry run. It names no people and repeats no text of a payment.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { place, amount, booked_on, references, .. } = &self.entry;
        let verdict = match &self.verdict {
            Verdict::New => "new".to_owned(),
            Verdict::Known => "known".to_owned(),
            Verdict::Changed(facts) => format!("changed ({})", facts.join(", ")),
            Verdict::Doubtful(facts) => format!("doubtful, changed ({}) or a second one alike", facts.join(", ")),
            Verdict::DetailOf(_) => "known, now in detail".to_owned(),
            Verdict::DetailedBefore => "known in detail".to_owned(),
        };
        write!(f, "line {}, {}: {verdict}: {amount} on {booked_on}, {}", place.line, place.path, references.first())
    }
}

#[derive(Clone, Debug)]
pub enum Imported {
    SameFile(Digest),
    Plan(Plan),
}

/// What importing a file would do. Nothing has happened yet.
#[derive(Clone, Debug)]
pub struct Plan {
    pub file: Digest,
    pub rows: Vec<Row>,
    pub statements: Vec<Closed>,
    pub covers: Vec<Cover>,
}

/// The rows of a plan by what is known of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub new: u64,
    pub known: u64,
    pub changed: u64,
    pub doubtful: u64,
}

impl Plan {
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for row in &self.rows {
            *match row.verdict {
                Verdict::New => &mut tally.new,
                Verdict::Known | Verdict::DetailOf(_) | Verdict::DetailedBefore => &mut tally.known,
                Verdict::Changed(_) => &mut tally.changed,
                Verdict::Doubtful(_) => &mut tally.doubtful,
            } += 1;
        }
        tally
    }

    /// What may be kept of it: a doubtful row waits for a person, and so does the file.
    pub fn clear_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.is_doubtful())
    }

    /// The rows that are not known in any form.
    pub fn new_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.verdict == Verdict::New)
    }
}

impl Known {
    /// After the plan was carried out.
    pub fn learn(&mut self, plan: &Plan) {
        if plan.tally().doubtful == 0 {
            self.files.insert(plan.file);
        }
        for row in plan.clear_rows() {
            self.rows.insert(row.id, Facts::of(&row.entry));
            self.detailed.extend(row.batch);
        }
        self.statements.extend(plan.statements.iter().cloned());
    }
}

/// Reads a file and says of each of its rows what is known. The whole file is refused, or none of it.
pub fn import(
    format: &Format,
    limits: Limits,
    input: &mut dyn BufRead,
    known: &Known,
    doubt: Doubt,
) -> Result<Imported, RefusedFile> {
    let mut import = Import::new(known, limits, doubt);
    let file = read(format, limits, input, &mut |part| import.part(part))?;
    import.end();
    if known.files.contains(&file) {
        return Ok(Imported::SameFile(file));
    }
    if !import.refused.is_empty() {
        return Err(RefusedFile(import.refused));
    }
    Ok(Imported::Plan(Plan { file, rows: import.rows, statements: import.chain.closed, covers: import.covers }))
}

struct Import<'k> {
    known: &'k Known,
    limits: Limits,
    doubt: Doubt,
    rows: Vec<Row>,
    /// Rows of this file, which may hold statements that overlap.
    planned: BTreeMap<RowId, Facts>,
    chain: Chain<'k>,
    /// Of the statements of this file, together.
    before: u64,
    /// Of those rows alike among which one was looked for by its reference.
    alike: BTreeMap<Likeness, Alike>,
    covers: Vec<Cover>,
    open: Option<Statement>,
    /// Of one account and currency, what is not between balances is one, however it takes turns in a file.
    lists: BTreeMap<(String, Option<Currency>), Statement>,
    refused: Vec<Refused>,
}

impl<'k> Import<'k> {
    fn new(known: &'k Known, limits: Limits, doubt: Doubt) -> Self {
        let (lists, refused) = (BTreeMap::new(), Vec::new());
        Self {
            known,
            limits,
            doubt,
            rows: Vec::new(),
            planned: BTreeMap::new(),
            chain: Chain::new(&known.statements),
            before: 0,
            alike: BTreeMap::new(),
            covers: Vec::new(),
            open: None,
            lists,
            refused,
        }
    }

    fn part(&mut self, part: Part) {
        match (part, &mut self.open) {
            (Part::Begin(header), open) => *open = Some(Statement::begin(header)),
            (Part::Entry(entry), Some(open)) => open.entries.push(entry),
            (Part::End(balances), open) => {
                if let Some(statement) = open.take() {
                    self.ended(Statement { balances, ..statement });
                }
            }
            (Part::Entry(_), None) => {}
        }
    }

    fn ended(&mut self, statement: Statement) {
        let has_balances = statement.balances.opening.is_some() && statement.balances.closing.is_some();
        if statement.header.kind == Kind::Statement && has_balances {
            self.statement(statement);
            return;
        }
        let currency = statement.entries.first().map(|entry| entry.amount.currency());
        let key = (statement.header.account.clone(), currency);
        let Some(whole) = self.lists.get_mut(&key) else {
            self.lists.insert(key, statement);
            return;
        };
        let Statement { header, entries, balances } = statement;
        whole.entries.extend(entries);
        match header.newest_first {
            true => whole.balances.opening = balances.opening.or(whole.balances.opening),
            false => whole.balances.closing = balances.closing.or(whole.balances.closing),
        }
    }

    fn end(&mut self) {
        for statement in std::mem::take(&mut self.lists).into_values() {
            self.statement(statement);
        }
        self.rows.sort_by_key(|row| row.entry.place.line);
    }

    fn statement(&mut self, statement: Statement) {
        let is_enough = |refused: &Refused| matches!(refused.wrong, Wrong::TooManyBefore(_));
        if self.refused.len() < MAX_REFUSED
            && !self.refused.last().is_some_and(is_enough)
            && let Err(refused) = self.judge(statement)
        {
            self.refused.push(refused);
        }
    }

    fn judge(&mut self, statement: Statement) -> Result<(), Refused> {
        self.covers.extend(Cover::of(&statement));
        let Statement { header, mut entries, balances } = statement;
        let account = &header.account;
        let alike = |entry: &Entry| Likeness::new(account, entry.booked_on, entry.amount, entry.references.first());
        let alike_as_batch = |entry: &Entry| {
            let Batch { amount, reference, line } = entry.batch.as_ref()?;
            Some((Likeness::new(account, entry.booked_on, *amount, reference.as_deref().unwrap_or_default()), *line))
        };
        // Rows alike are counted from the oldest, so that a later export gives each the same number.
        if header.newest_first {
            entries.reverse();
        }
        let has_place = balances.opening.is_some() && balances.closing.is_some();
        let before = match (balances.opening, balances.closing) {
            (Some(opening), Some(_)) => {
                let mut rows = Vec::new();
                let mut batch_before = None;
                for entry in &entries {
                    let batch = alike_as_batch(entry);
                    if batch != batch_before {
                        rows.extend(batch.map(|(likeness, _)| (likeness, 0)));
                    }
                    batch_before = batch;
                    rows.push((alike(entry), if entry.status == Status::Booked { entry.amount.minor() } else { 0 }));
                }
                let (currency, opening) = (opening.amount.currency(), opening.amount.minor());
                self.place(
                    Closed { account: account.clone(), currency, opening, rows, before: Counts::new() },
                    &entries,
                )?
            }
            _ => Counts::new(),
        };

        let mut seen = before;
        let mut batch_before = None;
        for entry in entries {
            let mut number = |likeness: &Likeness, more: u32| {
                let number = seen.entry(*likeness).or_default();
                *number += more;
                *number
            };
            let batch_now = alike_as_batch(&entry);
            let batch =
                batch_now.map(|(likeness, _)| likeness.row(number(&likeness, u32::from(batch_now != batch_before))));
            batch_before = batch_now;
            let likeness = alike(&entry);
            let number = number(&likeness, 1);
            let facts = Facts::of(&entry);
            let (number, doubt) = if has_place { (number, None) } else { self.of_the_bank(&likeness, number, &facts) };
            let id = likeness.row(number);
            let verdict = match (self.seen(&id), batch) {
                _ if doubt.is_some() => Verdict::Doubtful(doubt.unwrap_or_default()),
                (Some(known), _) => match known.differences(&facts) {
                    differences if differences.is_empty() => Verdict::Known,
                    differences => Verdict::Changed(differences),
                },
                (None, Some(batch)) if self.known.rows.contains_key(&batch) => Verdict::DetailOf(batch),
                (None, None) if self.known.detailed.contains(&id) => Verdict::DetailedBefore,
                (None, _) => Verdict::New,
            };
            self.plan(&likeness, number, facts);
            self.rows.push(Row { id, account: account.clone(), entry, batch, verdict });
        }
        Ok(())
    }

    fn seen(&self, id: &RowId) -> Option<&Facts> {
        seen(self.known, &self.planned, id)
    }

    fn plan(&mut self, likeness: &Likeness, number: u32, facts: Facts) {
        let id = likeness.row(number);
        let reference = facts.references.servicer.clone();
        let before = self.planned.insert(id, facts);
        if let (Some(before), Some(alike)) = (before, self.alike.get_mut(likeness))
            && !self.known.rows.contains_key(&id)
        {
            alike.change(number, &before.references.servicer, &reference);
        }
    }

    /// Which of the rows alike this one is, where no balance shows it: the one with the same reference of the bank's. With the facts
    /// that differ: nobody knows.
    fn of_the_bank(&mut self, likeness: &Likeness, number: u32, facts: &Facts) -> (u32, Option<Vec<&'static str>>) {
        let (known, planned) = (self.known, &self.planned);
        let row = |number| seen(known, planned, &likeness.row(number));
        let (Some(counted), Some(reference)) = (row(number), &facts.references.servicer) else { return (number, None) };
        if !facts.is_of_another(counted) {
            return (number, None);
        }
        let alike = self.alike.entry(*likeness).or_default();
        match (alike.find(reference, |number| Some(row(number)?.references.servicer.clone())), self.doubt) {
            (Ok(found), _) | (Err(found), Doubt::Continues) => (found, None),
            (Err(_), Doubt::Repeats) => (number, None),
            (Err(free), Doubt::Refuse) => (free, Some(counted.differences(facts))),
        }
    }

    /// How many rows alike came before a statement.
    fn place(&mut self, mut closed: Closed, entries: &[Entry]) -> Result<Counts, Refused> {
        let refused = |wrong| {
            let place = entries.first().map(|entry| (entry.place.line, entry.place.path.clone()));
            let (line, path) = place.unwrap_or((1, "statement".to_owned()));
            Refused::new(line, path, wrong)
        };
        let before = self.chain.before(&closed, self.doubt).map_err(|Unplaced(_)| refused(Wrong::Unplaced))?;
        self.before += before.len() as u64;
        if self.before > self.limits.before {
            return Err(refused(Wrong::TooManyBefore(self.limits.before)));
        }
        closed.before = before.clone();
        if !closed.rows.is_empty() {
            self.chain.add(closed);
        }
        Ok(before)
    }
}

fn seen<'f>(known: &'f Known, planned: &'f BTreeMap<RowId, Facts>, id: &RowId) -> Option<&'f Facts> {
    known.rows.get(id).or_else(|| planned.get(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::Amount;

    #[test]
    fn the_identity_of_a_row_never_changes() {
        let amount = Amount::new(-1_234, "EUR".parse().unwrap()).unwrap();
        let row = Likeness::new("NL08PAYO0000000001", jiff::civil::date(2026, 1, 5), amount, "po_1");
        let golden = [
            "0834a669b2b9eacff1c275920d7943fae569256ec1028dc8ae491b29a9621025",
            "fe68d3744bc314fc4b8e6a6e350b2811e0bee077f7a67608f2e82a4b4c82275b",
        ];
        assert_eq!([1, 2].map(|number| row.row(number).to_string()), golden);
    }

    #[test]
    fn a_row_alike_is_found_by_the_reference_that_it_has_now() {
        let likeness =
            Likeness::new("1", jiff::civil::date(2026, 1, 5), Amount::new(1, "EUR".parse().unwrap()).unwrap(), "");
        let facts = |reference: &str| Facts {
            value_date: None,
            reversal: false,
            status: Status::Booked,
            references: References { servicer: Some(reference.to_owned()), ..References::default() },
            remittance: text_digest(""),
            return_reason: None,
            code: None,
        };
        let known = Known::default();
        let mut import = Import::new(&known, Limits::default(), Doubt::Repeats);
        import.plan(&likeness, 1, facts("a"));
        import.plan(&likeness, 2, facts("b"));
        assert_eq!(import.of_the_bank(&likeness, 1, &facts("b")), (2, None));
        import.plan(&likeness, 1, facts("c"));
        assert_eq!(import.of_the_bank(&likeness, 2, &facts("c")), (1, None));
        // No longer of any: it is the one that it was counted as.
        assert_eq!(import.of_the_bank(&likeness, 2, &facts("a")), (2, None));
    }
}
