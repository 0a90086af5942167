//! The bank's book: what its files say was booked, as rows. A line is a payout's by our own mark alone: the reference that payonce
//! wrote when it paid, or the payout key itself (our-own-mark). A sum on a day is no mark.
//!
//! Of a day that no statement covers, nothing is concluded. A bank tells of a day after it is over, and a file may be handed in days
//! later: a line that the run before had not read is new, whichever day it was booked on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use payonce_books::intake::{Intake, Shelf};
use payonce_ledger::Ledger;
use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Currency;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, Record, Row, RowId, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_rails::{Rail, RailKind};
use payonce_runtime::config::Config;
use payonce_runtime::start::StartError;
use payonce_statements::cover::Days;
use payonce_statements::import::text_digest;
use payonce_statements::kept::{Booked, Imports};
use serde::{Deserialize, Serialize};

use crate::config::Reconciliation;
use crate::gather::GatherError;
use crate::run::Before;

const DAY_MS: u64 = 86_400_000;
const BANK_BYTES: usize = 32 * 1024 * 1024;
/// A line may come so much later than its day, and still be looked for among all that we claimed then. One that comes later than
/// that is known by the payout key, or by what is open.
const LATE_MS: u64 = 7 * DAY_MS;
/// In a run's folder: how much of the bank's files it had read.
pub const BANK: &str = "bank.json";

/// What the account of the statements is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Account {
    /// The rail pays from it, and nobody else: each payout has a line of its own, and each debit is a payout.
    #[serde(rename = "rail")]
    OfTheRail,
    /// Other money moves on it as well, and the rail pays from elsewhere, as Stripe's transfers do: a line without our mark says
    /// nothing, and what the rail paid has none. Payments by hand are looked for.
    Shared,
}

/// What was imported of the bank's files.
#[derive(Clone, Copy)]
pub struct Bank<'a> {
    pub imports: &'a Imports,
    pub account: Account,
    /// What our payout keys begin with.
    pub namespaces: &'a BTreeSet<String>,
}

impl Account {
    pub fn configured(config: &Config) -> Result<Self, StartError> {
        Ok(Reconciliation::of(config)?.account)
    }

    /// Where nobody says what the account is for.
    pub(crate) fn of(rail: RailKind) -> Self {
        match rail {
            RailKind::Stripe => Self::Shared,
            RailKind::Http => Self::OfTheRail,
        }
    }
}

/// What a run had read of the bank's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    /// The number of the last import.
    pub(crate) imports: u64,
    /// An account stays one, also when all of its files are of days that are long over.
    #[serde(default)]
    pub(crate) accounts: Vec<AccountRead>,
}

/// The last day that a statement of the account spoke of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountRead {
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) last: Date,
}

/// What our payout keys begin with.
pub fn namespaces(config: &Config) -> BTreeSet<String> {
    config.providers.iter().map(|(name, of)| of.namespace_or(name).to_owned()).collect()
}

/// Which rows of other books have a line in the bank's.
#[derive(Clone, Debug, Default)]
pub struct AtBank {
    /// In these currencies: statements of other accounts were not handed in.
    currencies: BTreeSet<Currency>,
    payouts: bool,
}

impl AtBank {
    /// Whose statements were handed in.
    pub(crate) fn currencies(&self) -> &BTreeSet<Currency> {
        &self.currencies
    }

    /// What an earlier run was done with had its line then.
    pub(crate) fn of(&self, mut row: Row) -> Row {
        if !row.carried {
            match &mut row.record {
                Record::Payout { shows_at_bank, sum, .. } => {
                    *shows_at_bank |= self.payouts && self.currencies.contains(&sum.currency);
                }
                Record::ByHand { shows_at_bank, sum } => *shows_at_bank |= self.currencies.contains(&sum.currency),
                _ => {}
            }
        }
        row
    }
}

/// The bank's book of one window.
#[derive(Default)]
pub(crate) struct BankBook {
    pub shelf: Option<Shelf>,
    /// Keys that its lines carry.
    pub named: BTreeSet<PayoutKey>,
    pub at_bank: AtBank,
}

/// How much of the bank's files is in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BankLines {
    /// Lines that were not read before.
    pub booked: u64,
    /// Of these, without our mark, and on their account no payouts: fees, income, other people's payments.
    pub others: u64,
}

impl Bank<'_> {
    /// `bank_ms`: a line may be so much later than its payout, whose claim tells its reference. `before`: what the run before had read.
    /// Where it had read nothing, the bank's book begins with this window, and of earlier days with the lines that carry our mark: what
    /// else moved then is from before anybody compared it. `awaited`: days that the run before waited for.
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    pub(crate) async fn book<P: Reads + QueriesAudit + QueriesCases>(
        &self,
        ledger: &Ledger<P>,
        rail: &Rail,
        units: &Units,
        window: Window,
        bank_ms: u64,
        open: &BTreeSet<PayoutKey>,
        before: Option<&Read>,
        awaited: &[Gap],
    ) -> Result<BankBook, GatherError> {
        let mut marks = Marks::new(self.namespaces);
        marks.learn(rail, open);
        let is_new_import = |import: u64| before.is_none_or(|read| import > read.imports);
        let is_new = |line: &&Booked| begins(line.booked_on) >= window.from() || is_new_import(line.import);
        // Most rails are told the key itself. Of others, and of what people wrote by hand, only the keys tell.
        let unknown = self.within(window).filter(is_new).filter(|line| marks.key(line).is_none());
        if let Some(first) = unknown.map(|line| begins(line.booked_on)).min() {
            let since = first.clamp(window.from().saturating_sub(LATE_MS), window.from());
            let claimed = Window::new(since.saturating_sub(bank_ms), window.to()).unwrap_or(window);
            marks.learn(rail, ledger.keys_within(claimed).await?.keys.keys());
        }
        let (mut intake, mut named) = (Intake::new(Some(Book::Bank), BANK_BYTES), BTreeSet::new());
        // What is learned when the time of its day is over is this run's to say.
        let due_now = (window.from() + 1).saturating_sub(bank_ms);
        let falls_due =
            Gap { book: Book::Bank, from: due_now.saturating_sub(1), until: due_now, why: Why::ReportNotReady };
        let mut all_lacks = vec![];
        let mut lacks = |gap: Gap, is_learned: bool| {
            all_lacks.push(gap);
            // The time of lines was shortened.
            let was_awaited = awaited.iter().any(|of| of.why == gap.why && of.from < gap.until && gap.from < of.until);
            if (is_learned || was_awaited) && gap.why != Why::NotBefore && gap.until <= falls_due.from {
                all_lacks.push(Gap { why: gap.why, ..falls_due });
            }
        };
        for gap in self.gaps(window) {
            lacks(gap, false);
        }
        if before.is_none() {
            lacks(Gap { book: Book::Bank, from: 0, until: window.from(), why: Why::NotBefore }, false);
        }
        for (day, import) in self.imports.doubtful_days().filter(|(day, _)| begins(*day) < window.to()) {
            lacks(gap(day, day, Why::Unreadable), is_new_import(import));
        }
        // What an earlier run had read counts where its key has something new.
        let of_window: BTreeSet<PayoutKey> =
            self.within(window).filter(is_new).filter_map(|line| marks.key(line)).collect();
        for line in self.within(window) {
            let (key, at) = (marks.key(line), at(line.booked_on, window));
            let is_earlier = !is_new(&line);
            let is_open = key.as_ref().is_some_and(|key| open.contains(key));
            let is_spoken_of = !is_earlier || is_open || key.as_ref().is_some_and(|key| of_window.contains(key));
            match self.row(line, key.as_ref(), at, units) {
                // From before anybody compared.
                Ok(Some(row)) if before.is_none() && key.is_none() && row.at < window.from() => {}
                Ok(Some(row)) if is_spoken_of => {
                    intake.push(&Row { carried: is_earlier && !is_open, ..row })?;
                    named.extend(key);
                }
                Ok(_) => {}
                // Run after run: whatever is not seen in it is not missing.
                Err(why) => lacks(gap(line.booked_on, line.booked_on, why), !is_earlier),
            }
        }
        all_lacks.into_iter().for_each(|gap| intake.lacks(gap));
        let at_bank = AtBank { currencies: self.imports.currencies(), payouts: self.account == Account::OfTheRail };
        Ok(BankBook { shelf: Some(intake.done()?), named, at_bank })
    }

    /// Booked before the window's end.
    fn within(&self, window: Window) -> impl Iterator<Item = &Booked> {
        self.imports.booked().filter(move |line| begins(line.booked_on) < window.to())
    }

    pub(crate) fn read(&self) -> Read {
        let accounts = self.imports.last_days().into_iter().map(|((account, currency), last)| AccountRead {
            account,
            currency: currency.to_string(),
            last,
        });
        Read { imports: self.imports.last(), accounts: accounts.collect() }
    }

    /// `None`: it is no payout's. Without a key it is known by its account and its id.
    fn row(&self, line: &Booked, key: Option<&PayoutKey>, at: UnixMillis, units: &Units) -> Result<Option<Row>, Why> {
        let is_unmarked = key.is_none();
        let Some(direction) = direction(line, is_unmarked) else { return Ok(None) };
        if is_unmarked && self.account == Account::Shared {
            return Ok(None);
        }
        // A sum of many, and the file that lists them is not there.
        if is_unmarked && line.transactions.is_some_and(|count| count > 1) {
            return Err(Why::ReportNotReady);
        }
        let Some(money) = line.amount.money() else { return Ok(None) };
        let sum = units.sum(&money).map_err(|_| Why::Unreadable)?;
        let id = RowId::new(line.id.to_string()).map_err(|_| Why::Unreadable)?;
        let key = match key {
            Some(key) => BookKey::of(key),
            None => BookKey::unmarked(Book::Bank, &line.account, &id).map_err(|_| Why::Unreadable)?,
        };
        Ok(Some(Row { key, id, at, carried: false, payee: None, record: Record::Line { sum, direction } }))
    }

    /// How much of the files no run before had read.
    pub fn lines(&self, window: Window, rows: u64, before: &Before) -> BankLines {
        let read = before.bank_read();
        let is_new = |line: &&Booked| {
            begins(line.booked_on) >= window.from() || read.is_none_or(|read| line.import > read.imports)
        };
        let booked = self.within(window).filter(is_new).count() as u64;
        BankLines { booked, others: booked.saturating_sub(rows) }
    }

    /// Days before the window's end of which the files of an account do not say everything.
    fn gaps(&self, window: Window) -> impl Iterator<Item = Gap> {
        let told = self.imports.told();
        let all = if told.is_empty() { vec![vec![]] } else { told.into_iter().map(|of| of.days).collect() };
        all.into_iter().flat_map(move |days: Vec<Days>| {
            let mut gaps = vec![];
            let (mut since, mut why) = (0, Why::NotBefore);
            for (from, to) in days {
                gaps.push(Gap { book: Book::Bank, from: since, until: begins(from), why });
                (since, why) = (begins(to).saturating_add(DAY_MS), Why::ReportNotReady);
            }
            gaps.push(Gap { book: Book::Bank, from: since, until: window.to(), why });
            gaps.into_iter().filter(move |gap| gap.from < gap.until && gap.from < window.to())
        })
    }
}

fn gap(first: Date, last: Date, why: Why) -> Gap {
    Gap { book: Book::Bank, from: begins(first), until: begins(last).saturating_add(DAY_MS), why }
}

fn begins(day: Date) -> UnixMillis {
    let begins = day.to_zoned(TimeZone::UTC).ok();
    begins.and_then(|begins| UnixMillis::try_from(begins.timestamp().as_millisecond()).ok()).unwrap_or_default()
}

/// A day is booked at its end: a payout of that day is before its line, wherever the bank is. On a day that is not over at the end
/// of the window, what stands in a file is booked already.
fn at(day: Date, window: Window) -> UnixMillis {
    let begins = begins(day);
    let ends = begins.saturating_add(DAY_MS - 1);
    if begins < window.to() && window.to() <= ends { begins.max(window.from()) } else { ends }
}

/// Money that comes in is a payout's that came back only by our mark, or where the bank says that it takes a debit back.
fn direction(line: &Booked, is_unmarked: bool) -> Option<Direction> {
    let takes_back = line.facts.reversal || line.facts.return_reason.is_some();
    match (line.amount.is_debit(), is_unmarked) {
        (true, false) => Some(Direction::Out),
        (false, false) => Some(Direction::Back),
        // It takes income back.
        (true, true) if line.facts.reversal => None,
        (true, true) => Some(Direction::Out),
        (false, true) => takes_back.then_some(Direction::Back),
    }
}

/// By what a line may say whose it is.
struct Marks<'a> {
    references: BTreeMap<String, PayoutKey>,
    /// Whoever pays by hand at the bank's own page may have nothing but its text to write the reference into.
    texts: BTreeMap<Digest, PayoutKey>,
    namespaces: &'a BTreeSet<String>,
}

impl<'a> Marks<'a> {
    fn new(namespaces: &'a BTreeSet<String>) -> Self {
        Self { references: BTreeMap::new(), texts: BTreeMap::new(), namespaces }
    }

    fn learn<'k>(&mut self, rail: &Rail, keys: impl IntoIterator<Item = &'k PayoutKey>) {
        for key in keys {
            for reference in [rail.reference(key), key.to_string()] {
                self.texts.insert(text_digest(&reference), key.clone());
                self.references.insert(reference, key.clone());
            }
        }
    }

    fn key(&self, line: &Booked) -> Option<PayoutKey> {
        let told = [&line.facts.references.end_to_end, &line.facts.references.instruction];
        let by_reference = told.into_iter().flatten().find_map(|reference| {
            let known = self.references.get(reference).cloned();
            known.or_else(|| self.own(reference))
        });
        by_reference.or_else(|| self.texts.get(&line.facts.remittance).cloned())
    }

    /// A key that no book of this window names, of a provider of ours.
    fn own(&self, reference: &str) -> Option<PayoutKey> {
        let (namespace, _) = reference.split_once('/')?;
        self.namespaces.contains(namespace).then(|| PayoutKey::new(reference).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_after_every_payout_of_its_day_and_within_the_window_of_a_day_that_is_not_over() {
        let day = jiff::civil::date(2026, 11, 23);
        let window = Window::new(begins(day), begins(day) + DAY_MS).unwrap();
        assert_eq!(at(day, window), window.to() - 1);
        let noon = Window::new(begins(day), begins(day) + DAY_MS / 2).unwrap();
        assert_eq!(at(day, noon), noon.from());
        assert!(at(day.tomorrow().unwrap(), window) >= window.to());
    }
}
