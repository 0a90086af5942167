//! A finished run of the books, as its manifest says it. A manifest that says something else than is known here is not shown in
//! part: what is left out of a statement is not seen to be missing.

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::{Finding, Life};
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::statement::Total;
use payonce_protocol::reconcile::terms::{Gap, Lack, Why};
use serde::Deserialize;

use super::format::Moment as _;

const DAY_MS: u64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSaid {
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub verdict: RunVerdict,
    /// Of this run and of those before it.
    pub gaps: Vec<(Gap, Lack)>,
    pub rows: BTreeMap<Book, u64>,
    pub breaks: BTreeMap<Life, u64>,
    pub kinds: BTreeMap<BreakKind, u64>,
    /// Keys by their finding.
    pub findings: BTreeMap<Finding, u64>,
    pub open: OpenKeys,
    pub statement: Vec<Bridge>,
}

/// Payouts that are not done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct OpenKeys {
    pub before: u64,
    pub new: u64,
    pub gone: u64,
    pub now: u64,
}

/// The statement of one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub currency: String,
    pub carried: Total,
    pub asked: Total,
    pub paid: Total,
    pub by_hand: Total,
    /// What is asked for and not paid, by what is known of it.
    pub left: Vec<(Finding, Total)>,
}

#[derive(Deserialize)]
struct Manifest {
    window: Window,
    verdict: String,
    incomplete: Vec<GapLine>,
    rows: BTreeMap<String, u64>,
    breaks: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
    findings: BTreeMap<String, u64>,
    open: OpenKeys,
    statement: BTreeMap<String, BTreeMap<String, Sums>>,
}

#[derive(Deserialize)]
struct Window {
    from: UnixMillis,
    to: UnixMillis,
}

#[derive(Deserialize)]
struct GapLine {
    book: String,
    from: UnixMillis,
    until: UnixMillis,
    why: String,
    /// An earlier version did not say it.
    lack: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
struct Sums {
    count: i64,
    minor: i64,
}

impl RunSaid {
    /// `None`: it cannot be read whole.
    pub fn read(manifest: &str) -> Option<Self> {
        let read: Manifest = serde_json::from_str(manifest).ok()?;
        let gap = |line: &GapLine| {
            let (book, why) = (Book::parse(&line.book)?, Why::parse(&line.why)?);
            let is_own = line.from < read.window.to && read.window.from < line.until;
            let of = match &line.lack {
                Some(word) => Lack::parse(word)?,
                None if is_own => Lack::Due,
                None => Lack::Earlier,
            };
            Some((Gap { book, from: line.from, until: line.until, why }, of))
        };
        Some(Self {
            from: read.window.from,
            to: read.window.to,
            verdict: RunVerdict::parse(&read.verdict)?,
            gaps: read.incomplete.iter().map(gap).collect::<Option<_>>()?,
            rows: by(&read.rows, Book::parse)?,
            breaks: by(&read.breaks, Life::parse)?,
            kinds: by(&read.kinds, BreakKind::parse)?,
            findings: by(&read.findings, Finding::parse)?,
            open: read.open,
            statement: read.statement.into_iter().map(Bridge::read).collect::<Option<_>>()?,
        })
    }

    /// Its day, or from when until when where it is not one day.
    pub fn day(&self) -> String {
        day(self.from, self.to)
    }

    pub fn breaks(&self, life: Life) -> u64 {
        self.breaks.get(&life).copied().unwrap_or_default()
    }

    /// What the run holds for lost: events that never reached us, and what was not paid without anybody being told.
    pub fn lost(&self) -> Lost {
        let count = |kind| self.kinds.get(&kind).copied().unwrap_or_default();
        let seen = count(BreakKind::EventMissing) + count(BreakKind::CaseMissing);
        Lost {
            seen,
            is_all: self.gaps_of(Book::Provider).next().is_none() && self.gaps_of(Book::Ours).next().is_none(),
        }
    }

    /// Of this run's own time, and what fell due in it.
    pub fn gaps_of(&self, book: Book) -> impl Iterator<Item = &Gap> {
        let own = self.gaps.iter().filter(move |(gap, lack)| gap.book == book && *lack != Lack::Earlier);
        own.map(|(gap, _)| gap)
    }

    /// Of times before this run's.
    pub fn earlier_gaps(&self) -> impl Iterator<Item = &Gap> {
        let is_own = |(gap, lack): &&(Gap, Lack)| *lack != Lack::Earlier && gap.until <= self.from;
        self.gaps.iter().filter(|(gap, _)| gap.from < self.from).filter(move |gap| !is_own(gap)).map(|(gap, _)| gap)
    }
}

/// How many were seen to be lost. Where a book was not whole there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub seen: u64,
    pub is_all: bool,
}

pub(crate) fn day(from: UnixMillis, to: UnixMillis) -> String {
    let is_day = from.is_multiple_of(DAY_MS) && to.checked_sub(from) == Some(DAY_MS);
    if is_day { from.day() } else { format!("{} to {}", from.utc(), to.utc()) }
}

fn by<W: Ord>(counts: &BTreeMap<String, u64>, parse: impl Fn(&str) -> Option<W>) -> Option<BTreeMap<W, u64>> {
    counts.iter().map(|(word, count)| Some((parse(word)?, *count))).collect()
}

impl Bridge {
    fn read((currency, lines): (String, BTreeMap<String, Sums>)) -> Option<Self> {
        let total = |name: &str| lines.get(name).map(|of| Total { count: of.count, minor: of.minor });
        let is_moved = |name: &str| ["carried", "asked", "paid", "paid_by_hand", "residual"].contains(&name);
        let left = lines.keys().filter(|name| !is_moved(name));
        let left = left.map(|name| Some((Finding::parse(name)?, total(name)?))).collect::<Option<Vec<_>>>();
        let mut left = left?;
        left.sort_by_key(|(finding, _)| *finding);
        Some(Self {
            currency,
            carried: total("carried")?,
            asked: total("asked")?,
            paid: total("paid")?,
            by_hand: total("paid_by_hand")?,
            left,
        })
    }

    /// Carried and asked for, and neither paid nor paid by hand.
    pub fn open(&self) -> Total {
        let of = |part: fn(&Total) -> i64| {
            let came = part(&self.carried).saturating_add(part(&self.asked));
            came.saturating_sub(part(&self.paid)).saturating_sub(part(&self.by_hand))
        };
        Total { count: of(|total| total.count), minor: of(|total| total.minor) }
    }

    /// What the findings come to.
    pub fn explained(&self) -> Total {
        let all = |part: fn(&Total) -> i64| self.left.iter().fold(0, |sum: i64, (_, of)| sum.saturating_add(part(of)));
        Total { count: all(|total| total.count), minor: all(|total| total.minor) }
    }

    pub fn difference(&self) -> Total {
        let (open, explained) = (self.open(), self.explained());
        let count = open.count.saturating_sub(explained.count);
        Total { count, minor: open.minor.saturating_sub(explained.minor) }
    }
}
