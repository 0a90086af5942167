//! Which rows of an account came before a statement. Two rows alike on one day are told apart by their number, so a statement
//! of the same day must be counted on from the rows before it, and a repeated one from where it was counted before. Ids of
//! statements say nothing here; the balance does: the place of a statement is where a known one had its opening balance.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use payonce_protocol::ids::{Digest, Hasher};
use payonce_protocol::money::Currency;

use crate::amount::Amount;
use crate::import::RowId;

/// What makes rows alike; with a number it is a row's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    pub day: Date,
    pub digest: Digest,
}

impl Likeness {
    pub fn new(account: &str, day: Date, amount: Amount, reference: &str) -> Self {
        let hasher = Hasher::new("payonce-row/1").part(account).part(day.to_string());
        let hasher = hasher.part(amount.minor().to_string()).part(amount.currency().as_str()).part(reference);
        Self { day, digest: hasher.finish() }
    }

    /// From 1.
    pub fn row(&self, number: u32) -> RowId {
        RowId(Hasher::new("payonce-row/1").part(self.digest.0).part(number.to_string()).finish())
    }
}

pub type Counts = BTreeMap<Likeness, u32>;

/// A statement whose balances bridged, with its rows from the oldest: how each moved the balance.
#[derive(Clone, Debug)]
pub struct Closed {
    pub account: String,
    pub currency: Currency,
    pub opening: i64,
    pub rows: Vec<(Likeness, i64)>,
    /// Of the days from its first on: how many rows alike came before it.
    pub before: Counts,
}

/// What a person says of a statement whose place its balance does not show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing yet: it is refused.
    #[default]
    Refuse,
    /// Rows alike are those that are known.
    Repeats,
    /// They are others.
    Continues,
}

/// A balance that comes back more often shows nothing.
const MAX_PLACES: usize = 1_000;

/// Its place cannot be known, and it matters: the row from which on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unplaced(pub usize);

/// The statements that bridged, known ones and those of a file, found by account and by each balance on their way.
pub(crate) struct Chain<'k> {
    known: &'k [Closed],
    /// Those of the file.
    pub closed: Vec<Closed>,
    /// Of each statement, known ones first.
    rows: Vec<Rows>,
    accounts: BTreeMap<(String, Currency), Account>,
}

#[derive(Default)]
struct Account {
    places: BTreeMap<i64, Vec<Place>>,
    /// The most rows alike that one of its statements ends with.
    most: Counts,
}

/// In a statement, behind so many of its rows.
#[derive(Clone, Copy)]
struct Place {
    statement: usize,
    rows: usize,
}

/// Where the rows of a statement are, and how many came before it since a day.
struct Rows {
    alike: BTreeMap<Likeness, Vec<usize>>,
    before_since: Vec<(Date, u64)>,
}

impl Rows {
    fn of(closed: &Closed) -> Self {
        let mut alike: BTreeMap<Likeness, Vec<usize>> = BTreeMap::new();
        for (place, (likeness, _)) in closed.rows.iter().enumerate() {
            alike.entry(*likeness).or_default().push(place);
        }
        let mut before_since: Vec<(Date, u64)> = Vec::new();
        for (likeness, count) in closed.before.iter().rev() {
            let later = before_since.last().map_or(0, |(_, sum)| *sum);
            before_since.pop_if(|(day, _)| *day == likeness.day);
            before_since.push((likeness.day, later + u64::from(*count)));
        }
        before_since.reverse();
        Self { alike, before_since }
    }

    /// Of these alike, how many are among its first.
    fn among_first(&self, likeness: &Likeness, rows: usize) -> usize {
        self.alike.get(likeness).map_or(0, |places| places.partition_point(|place| *place < rows))
    }

    fn alike(&self, likeness: &Likeness) -> usize {
        self.alike.get(likeness).map_or(0, Vec::len)
    }

    fn before_since(&self, first: Date) -> u64 {
        let place = self.before_since.partition_point(|(day, _)| *day < first);
        self.before_since.get(place).map_or(0, |(_, sum)| *sum)
    }
}

/// How many of a statement's rows are of a day or later: of its first, as far as it was walked, and of all.
struct Walk {
    statement: usize,
    rows: usize,
    since: usize,
    all: usize,
}

impl<'k> Chain<'k> {
    pub fn new(known: &'k [Closed]) -> Self {
        let mut chain = Self { known, closed: Vec::new(), rows: Vec::new(), accounts: BTreeMap::new() };
        known.iter().for_each(|closed| chain.index(closed));
        chain
    }

    pub fn add(&mut self, closed: Closed) {
        self.index(&closed);
        self.closed.push(closed);
    }

    fn index(&mut self, closed: &Closed) {
        let (statement, rows) = (self.rows.len(), Rows::of(closed));
        let account = self.accounts.entry((closed.account.clone(), closed.currency)).or_default();
        let mut balance = closed.opening;
        let moves = closed.rows.iter().map(|(_, minor)| *minor).chain([0]);
        for (rows, minor) in moves.enumerate() {
            account.places.entry(balance).or_default().push(Place { statement, rows });
            balance = balance.saturating_add(minor);
        }
        let own = rows.alike.iter().map(|(likeness, places)| (likeness, places.len() as u32));
        let ends = own.map(|(likeness, count)| {
            (*likeness, closed.before.get(likeness).copied().unwrap_or_default().saturating_add(count))
        });
        for (likeness, count) in closed.before.iter().map(|(likeness, count)| (*likeness, *count)).chain(ends) {
            let most = account.most.entry(likeness).or_default();
            *most = count.max(*most);
        }
        self.rows.push(rows);
    }

    fn statement(&self, number: usize) -> &Closed {
        self.known.get(number).unwrap_or_else(|| &self.closed[number - self.known.len()])
    }

    /// Rows alike before a place.
    fn count(&self, at: Place, likeness: &Likeness) -> u32 {
        let before = self.statement(at.statement).before.get(likeness).copied().unwrap_or_default();
        before.saturating_add(self.rows[at.statement].among_first(likeness, at.rows) as u32)
    }

    /// All of them, of the days from `first` on.
    fn counts(&self, at: Place, first: Date) -> Counts {
        let mut counts = since(&self.statement(at.statement).before, first);
        for (likeness, places) in self.rows[at.statement].alike.range(from(first)..) {
            let count = places.partition_point(|place| *place < at.rows) as u32;
            if count > 0 {
                let counted = counts.entry(*likeness).or_default();
                *counted = counted.saturating_add(count);
            }
        }
        counts
    }

    /// The rows alike before a statement, of the days from its first on.
    pub fn before(&self, this: &Closed, doubt: Doubt) -> Result<Counts, Unplaced> {
        let Some(first) = this.rows.iter().map(|(likeness, _)| likeness.day).min() else {
            return Ok(Counts::new());
        };
        let Some(account) = self.accounts.get(&(this.account.clone(), this.currency)) else {
            return Ok(Counts::new());
        };
        let own = Rows::of(this);
        // A row of no money is alike to another at no cost.
        let moving: BTreeSet<&Likeness> =
            this.rows.iter().filter(|(_, minor)| *minor != 0).map(|(likeness, _)| likeness).collect();
        let is_known = |likeness: &Likeness| account.most.contains_key(likeness);

        let mut places: Vec<(Place, u64)> = Vec::new();
        let mut in_order = Overlap::default();
        let mut in_any_order = Overlap::default();
        let begins = account.places.get(&this.opening).map_or(&[][..], Vec::as_slice);
        let mut walk: Option<Walk> = None;
        for at in begins.iter().take(MAX_PLACES).copied() {
            let (other, theirs) = (self.statement(at.statement), &self.rows[at.statement]);
            let (since, all) = if theirs.alike.first_key_value().is_none_or(|(likeness, _)| likeness.day >= first) {
                (at.rows, other.rows.len())
            } else {
                let since =
                    |rows: &[(Likeness, i64)]| rows.iter().filter(|(likeness, _)| likeness.day >= first).count();
                let walk = match &mut walk {
                    Some(walk) if walk.statement == at.statement => walk,
                    walk => walk.insert(Walk { statement: at.statement, rows: 0, since: 0, all: since(&other.rows) }),
                };
                walk.since += since(&other.rows[walk.rows..at.rows]);
                walk.rows = at.rows;
                (walk.since, walk.all)
            };
            let place = (at, theirs.before_since(first) + since as u64);
            let rest = &other.rows[at.rows..];
            let length = rest.len().min(this.rows.len());
            if rest.is_empty() {
                places.push(place);
            } else if rest.iter().zip(&this.rows).all(|((one, _), (other, _))| one == other) {
                in_order.add(length, place);
            } else if own.holds_or_is_held(theirs, at.rows, this.rows.len(), all - since) {
                in_any_order.add(length, place);
            }
        }
        // Of several overlaps the longest is meant; one in another order only if it is longer than any in the same.
        if in_any_order.length > in_order.length {
            places.extend(in_any_order.places);
        }
        places.extend(in_order.places);

        // Where it makes no difference, and where a person says that it repeats, it is the earliest place.
        places.sort_by_key(|(_, rows)| *rows);
        let agree = match &places[..] {
            [(one, _), others @ ..] if begins.len() <= MAX_PLACES => {
                let ones: Vec<(&Likeness, u32)> =
                    moving.iter().map(|likeness| (*likeness, self.count(*one, likeness))).collect();
                let none_before = ones.iter().all(|(_, count)| *count == 0);
                // Before most there is nothing at all.
                others.iter().all(|(other, rows)| {
                    *rows == 0 && none_before
                        || ones.iter().all(|(likeness, count)| self.count(*other, likeness) == *count)
                })
            }
            _ => !moving.iter().any(|likeness| is_known(likeness)),
        };
        match doubt {
            Doubt::Continues if !agree => Ok(since(&account.most, first)),
            Doubt::Refuse if !agree => {
                let is_alike = |(row, _): &(Likeness, i64)| moving.contains(row) && is_known(row);
                Err(Unplaced(this.rows.iter().position(is_alike).unwrap_or_default()))
            }
            _ => Ok(places.first().map(|(at, _)| self.counts(*at, first)).unwrap_or_default()),
        }
    }
}

impl Rows {
    /// Of these `length` rows and the last `rest` of theirs, behind the first `from`, one holds the other, in whatever order.
    fn holds_or_is_held(&self, theirs: &Self, from: usize, length: usize, rest: usize) -> bool {
        let mut both = self
            .alike
            .iter()
            .map(|(likeness, places)| (places.len(), theirs.alike(likeness) - theirs.among_first(likeness, from)));
        if rest >= length {
            return both.all(|(own, theirs)| own <= theirs);
        }
        let mut found = 0;
        both.all(|(own, theirs)| {
            found += theirs;
            theirs <= own
        }) && found == rest
    }
}

/// Places from which a known statement has the rows of this one, and how many rows are before each.
#[derive(Default)]
struct Overlap {
    length: usize,
    places: Vec<(Place, u64)>,
}

impl Overlap {
    fn add(&mut self, length: usize, place: (Place, u64)) {
        if length > self.length {
            *self = Self { length, places: Vec::new() };
        }
        if length == self.length {
            self.places.push(place);
        }
    }
}

/// Before all rows of a day.
fn from(day: Date) -> Likeness {
    Likeness { day, digest: Digest([0; 32]) }
}

fn since(counts: &Counts, first: Date) -> Counts {
    counts.range(from(first)..).map(|(likeness, count)| (*likeness, *count)).collect()
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
