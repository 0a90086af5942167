//! One run over all keys: its verdict, its place in the chain of windows, and the manifest, which is made last.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::UnixMillis;
use crate::ids::Digest;
use crate::reconcile::breaks::BreakKind;
use crate::reconcile::facts::Facts;
use crate::reconcile::finding::{Finding, Found, Life, examine};
use crate::reconcile::rows::{Book, BookKey, Row};
use crate::reconcile::statement::{Statement, TooLarge};
use crate::reconcile::terms::{Gap, Lack, Settle, Terms};

crate::words! {
    /// Of a run. The first that holds, in this order: before any word about money stands whether the books were all there.
    pub enum RunVerdict {
        Incomplete = "incomplete",
        Breaks = "breaks",
        Pending = "pending",
        Reconciled = "reconciled",
    }
}

/// From `from` until before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: UnixMillis,
    to: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    #[error("a window ends after it begins")]
    Empty,
    #[error("{0} ms between the run before and this one are in no window")]
    Gap(u64),
    #[error("{0} ms are in the window of the run before, too")]
    Overlap(u64),
    #[error("the run before left {before} keys open, and {carried} were carried into this one")]
    Carried { before: u64, carried: u64 },
    #[error("the statement does not close")]
    Residual,
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

impl Window {
    pub fn new(from: UnixMillis, to: UnixMillis) -> Result<Self, ChainError> {
        if from < to { Ok(Self { from, to }) } else { Err(ChainError::Empty) }
    }

    pub fn from(&self) -> UnixMillis {
        self.from
    }

    pub fn to(&self) -> UnixMillis {
        self.to
    }

    /// As long, and so much before. `None`: it would begin before all time.
    pub fn earlier(&self, ms: u64) -> Option<Self> {
        Some(Self { from: self.from.checked_sub(ms)?, to: self.to.checked_sub(ms)? })
    }

    /// The one that follows it.
    pub fn next(&self, to: UnixMillis) -> Result<Self, ChainError> {
        Self::new(self.to, to)
    }

    fn follows(&self, before: &Self) -> Result<(), ChainError> {
        match self.from.checked_sub(before.to) {
            Some(0) => Ok(()),
            Some(gap) => Err(ChainError::Gap(gap)),
            None => Err(ChainError::Overlap(before.to - self.from)),
        }
    }
}

/// A run under way: keys are added in any order, each once with all its rows.
#[derive(Debug)]
pub struct Run {
    window: Window,
    terms: Terms,
    statement: Statement,
    rows: BTreeMap<Book, u64>,
    breaks: BTreeMap<Life, u64>,
    kinds: BTreeMap<BreakKind, u64>,
}

impl Run {
    pub fn new(window: Window, terms: Terms) -> Self {
        let terms = Terms { as_of: window.to, ..terms };
        Self {
            window,
            terms,
            statement: Statement::default(),
            rows: BTreeMap::new(),
            breaks: BTreeMap::new(),
            kinds: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, key: &BookKey, rows: &[Row]) -> Result<Found, TooLarge> {
        let facts = Facts::new(key, rows);
        let found = examine(&facts, &self.terms);
        self.statement.add(&facts, found.finding)?;
        for book in rows.iter().filter(|row| !row.carried).filter_map(|row| row.record.book()) {
            *self.rows.entry(book).or_default() += 1;
        }
        for life in found.breaks.iter().map(|(_, life)| *life).chain(found.gone.iter().map(|_| Life::Gone)) {
            *self.breaks.entry(life).or_default() += 1;
        }
        for (it, _) in &found.breaks {
            *self.kinds.entry(it.kind).or_default() += 1;
        }
        Ok(found)
    }

    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    pub fn verdict(&self) -> RunVerdict {
        let has = |finding| self.statement.count(finding) > 0;
        let lacks = |lack| self.terms.gaps.iter().any(|gap| gap.lack(self.window, &self.terms.settle) == lack);
        if has(Finding::Incomplete) || lacks(Lack::Due) {
            RunVerdict::Incomplete
        } else if has(Finding::Break) {
            RunVerdict::Breaks
        } else if has(Finding::Pending) || lacks(Lack::Awaited) {
            RunVerdict::Pending
        } else {
            RunVerdict::Reconciled
        }
    }

    /// The last thing of a run: `files` are its other results, which are written by now. A run whose window does not join the one
    /// before, which lost what was carried, or whose statement does not close has no manifest, and so never becomes current.
    pub fn manifest(self, before: Option<&Before>, files: BTreeMap<String, Digest>) -> Result<Manifest, ChainError> {
        let carried = self.statement.open.before;
        let open = before.map_or(0, |before| before.open);
        if let Some(before) = before {
            self.window.follows(&before.window)?;
        }
        if open != carried {
            return Err(ChainError::Carried { before: open, carried });
        }
        if !self.statement.closes() {
            return Err(ChainError::Residual);
        }
        Ok(Manifest {
            window: self.window,
            verdict: self.verdict(),
            settle: self.terms.settle,
            gaps: self.terms.gaps,
            rows: self.rows,
            breaks: self.breaks,
            kinds: self.kinds,
            statement: self.statement,
            files,
        })
    }
}

/// What a run must know of the one before, as its manifest says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub window: Window,
    /// Keys that it left open.
    pub open: u64,
    /// Of which times its books could not speak, nor those of the runs before it: what is carried from there is not missing.
    pub gaps: Vec<Gap>,
    /// Of these, what it waited for.
    pub awaited: Vec<Gap>,
}

/// A run must stay small enough to be on record, however many rows of a book were unreadable.
const GAPS_AT_MOST: usize = 200;
const HOUR_MS: u64 = 3_600_000;

/// Those of earlier runs and of this one; what joins is one. Of too many, those that are near each other are one as well, and what
/// lies between them is not spoken of.
pub fn all_gaps(earlier: &[Gap], own: impl IntoIterator<Item = Gap>) -> Vec<Gap> {
    let mut all: Vec<Gap> = earlier.iter().copied().chain(own).collect();
    all.sort_by_key(|gap| (gap.book, gap.why, gap.from, gap.until));
    for apart in [0, HOUR_MS, 24 * HOUR_MS, u64::MAX] {
        all = joined(all, apart);
        if all.len() <= GAPS_AT_MOST {
            break;
        }
    }
    all
}

fn joined(sorted: Vec<Gap>, apart: u64) -> Vec<Gap> {
    let mut joined: Vec<Gap> = vec![];
    for gap in sorted {
        match joined.last_mut() {
            Some(last)
                if (last.book, last.why) == (gap.book, gap.why) && gap.from <= last.until.saturating_add(apart) =>
            {
                last.until = last.until.max(gap.until);
            }
            _ => joined.push(gap),
        }
    }
    joined
}

/// What a finished run found. Only [`Run::manifest`] makes one.
///
/// ```compile_fail,E0639
/// use payonce_protocol::reconcile::run::{Manifest, RunVerdict};
///
/// let manifest = Manifest { verdict: RunVerdict::Reconciled, ..todo!() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    pub window: Window,
    pub verdict: RunVerdict,
    pub settle: Settle,
    /// Of this run and of those before it.
    pub gaps: Vec<Gap>,
    /// Rows of each book that no earlier run counted.
    pub rows: BTreeMap<Book, u64>,
    pub breaks: BTreeMap<Life, u64>,
    /// Breaks that are there, new or not.
    pub kinds: BTreeMap<BreakKind, u64>,
    pub statement: Statement,
    /// SHA-256 of each other file of the run.
    pub files: BTreeMap<String, Digest>,
}

impl Manifest {
    /// Each gap, and what it is to this run.
    pub fn lacks(&self) -> impl Iterator<Item = (&Gap, Lack)> {
        self.gaps.iter().map(|gap| (gap, gap.lack(self.window, &self.settle)))
    }

    pub fn as_before(&self) -> Before {
        let awaited = self.lacks().filter(|(_, lack)| *lack == Lack::Awaited).map(|(gap, _)| *gap).collect();
        Before { window: self.window, open: self.statement.open.now(), gaps: self.gaps.clone(), awaited }
    }
}
