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

/// The rows alike before a statement, of the days from its first on.
pub fn before(this: &Closed, known: &[&Closed], doubt: Doubt) -> Result<Counts, Unplaced> {
    let Some(first) = this.rows.iter().map(|(likeness, _)| likeness.day).min() else {
        return Ok(Counts::new());
    };
    let known: Vec<&Closed> = known
        .iter()
        .copied()
        .filter(|other| other.account == this.account && other.currency == this.currency)
        .collect();
    let own = counted(&this.rows, first);
    // A row of no money is alike to another at no cost.
    let moving: BTreeSet<&Likeness> =
        this.rows.iter().filter(|(_, minor)| *minor != 0).map(|(likeness, _)| likeness).collect();
    let relevant = |counts: &Counts| -> Counts {
        let alike = counts.iter().filter(|(likeness, _)| moving.contains(likeness));
        alike.map(|(likeness, count)| (*likeness, *count)).collect()
    };

    let mut places: Vec<Counts> = Vec::new();
    let mut in_order = Overlap::default();
    let mut in_any_order = Overlap::default();
    let mut most = Counts::new();
    let mut looked = 0;
    for other in known {
        let since = other.before.iter().filter(|(likeness, _)| likeness.day >= first);
        let mut counts: Counts = since.map(|(likeness, count)| (*likeness, *count)).collect();
        let mut balance = other.opening;
        for place in 0..=other.rows.len() {
            let rest = &other.rows[place..];
            looked += usize::from(balance == this.opening);
            if balance == this.opening && looked <= MAX_PLACES {
                let length = rest.len().min(this.rows.len());
                let theirs = counted(rest, first);
                if rest.is_empty() {
                    places.push(counts.clone());
                } else if rest.iter().zip(&this.rows).all(|((one, _), (other, _))| one == other) {
                    in_order.add(length, &counts);
                } else if holds(&own, &theirs) || holds(&theirs, &own) {
                    in_any_order.add(length, &counts);
                }
            }
            if let Some((likeness, minor)) = rest.first() {
                balance = balance.saturating_add(*minor);
                if likeness.day >= first {
                    *counts.entry(*likeness).or_default() += 1;
                }
            }
        }
        for (likeness, count) in counts {
            let known = most.entry(likeness).or_default();
            *known = count.max(*known);
        }
    }
    // Of several overlaps the longest is meant; one in another order only if it is longer than any in the same.
    if in_any_order.length > in_order.length {
        places.extend(in_any_order.places);
    }
    places.extend(in_order.places);

    // Where it makes no difference, and where a person says that it repeats, it is the earliest place.
    places.sort_by_key(|counts| counts.values().sum::<u32>());
    let agree = match &places[..] {
        _ if looked > MAX_PLACES => relevant(&most).is_empty(),
        [] => relevant(&most).is_empty(),
        [first, others @ ..] => others.iter().all(|other| relevant(other) == relevant(first)),
    };
    match doubt {
        Doubt::Continues if !agree => Ok(most),
        Doubt::Refuse if !agree => {
            let alike = relevant(&most);
            Err(Unplaced(this.rows.iter().position(|(row, _)| alike.contains_key(row)).unwrap_or_default()))
        }
        _ => Ok(places.into_iter().next().unwrap_or_default()),
    }
}

/// Places from which a known statement has the rows of this one.
#[derive(Default)]
struct Overlap {
    length: usize,
    places: Vec<Counts>,
}

impl Overlap {
    fn add(&mut self, length: usize, counts: &Counts) {
        if length > self.length {
            *self = Self { length, places: Vec::new() };
        }
        if length == self.length {
            self.places.push(counts.clone());
        }
    }
}

fn counted(rows: &[(Likeness, i64)], first: Date) -> Counts {
    let mut counts = Counts::new();
    for (likeness, _) in rows.iter().filter(|(likeness, _)| likeness.day >= first) {
        *counts.entry(*likeness).or_default() += 1;
    }
    counts
}

fn holds(all: &Counts, some: &Counts) -> bool {
    some.iter().all(|(likeness, count)| all.get(likeness).is_some_and(|there| there >= count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i8, minor: i64) -> (Likeness, i64) {
        let amount = Amount::new(minor.into(), "EUR".parse().unwrap()).unwrap();
        (Likeness::new("1", jiff::civil::date(2026, 1, day), amount, ""), minor)
    }

    fn statement(opening: i64, rows: &[(Likeness, i64)], before: &[((Likeness, i64), u32)]) -> Closed {
        let before = before.iter().map(|((likeness, _), count)| (*likeness, *count)).collect();
        Closed { account: "1".to_owned(), currency: "EUR".parse().unwrap(), opening, rows: rows.to_vec(), before }
    }

    fn counted_before(this: &Closed, known: &[&Closed], doubt: Doubt, row: (Likeness, i64)) -> Option<u32> {
        before(this, known, doubt).ok().map(|counts| counts.get(&row.0).copied().unwrap_or_default())
    }

    #[test]
    fn the_balance_shows_the_place() {
        let x = row(5, 10);
        let morning = statement(0, &[x, row(5, 7), x], &[]);
        for (opening, rows, expected) in [
            (0, vec![x, row(5, 7)], Some(0)),
            (10, vec![row(5, 7), x], Some(1)),
            (17, vec![x, row(5, 1)], Some(1)),
            (27, vec![x], Some(2)),
            // A statement between is missing.
            (40, vec![x], None),
            // Rows alike of other days say nothing.
            (40, vec![row(6, 10)], Some(0)),
        ] {
            let this = statement(opening, &rows, &[]);
            assert_eq!(
                counted_before(&this, &[&morning], Doubt::Refuse, rows[rows.len() - 1]).is_some(),
                expected.is_some()
            );
            assert_eq!(counted_before(&this, &[&morning], Doubt::Refuse, x), expected, "{opening}");
        }
    }

    #[test]
    fn rows_are_counted_over_statements_without_any_alike() {
        let x = row(5, 10);
        let first = statement(0, &[x], &[]);
        let second = statement(10, &[row(5, 3)], &[(x, 1)]);
        assert_eq!(counted_before(&second, &[&first], Doubt::Refuse, x), Some(1));
        let third = statement(13, &[x], &[]);
        assert_eq!(counted_before(&third, &[&first, &second], Doubt::Refuse, x), Some(1));
    }

    #[test]
    fn another_order_of_the_rows_is_the_same_statement() {
        let rows = [row(5, 10), row(5, -10), row(5, 4)];
        let known = statement(0, &rows, &[]);
        let this = statement(0, &[rows[2], rows[0], rows[1]], &[]);
        assert_eq!(counted_before(&this, &[&known], Doubt::Refuse, rows[0]), None);
        let this = statement(0, &[rows[1], rows[2], rows[0]], &[]);
        assert_eq!(counted_before(&this, &[&known], Doubt::Repeats, rows[0]), Some(0));
        let moved = [row(5, 10), row(5, 2), row(5, 4)];
        let this = statement(0, &[moved[2], moved[0], moved[1]], &[]);
        assert_eq!(counted_before(&this, &[&statement(0, &moved, &[])], Doubt::Refuse, moved[0]), Some(0));
    }

    #[test]
    fn a_person_decides_what_the_balance_does_not_show() {
        let (x, back) = (row(5, 10), row(5, -10));
        let swept = statement(0, &[x, back], &[]);
        assert_eq!(before(&swept, &[&swept], Doubt::Refuse), Err(Unplaced(0)));
        assert_eq!(counted_before(&swept, &[&swept], Doubt::Repeats, x), Some(0));
        assert_eq!(counted_before(&swept, &[&swept], Doubt::Continues, x), Some(1));
        // What begins with another row cannot be the same.
        let other = statement(0, &[row(5, 1), row(5, -1)], &[]);
        assert_eq!(counted_before(&other, &[&swept], Doubt::Refuse, x), Some(1));
        // It comes back to its start on the way, and is no other for that.
        let busy = statement(0, &[x, back, row(5, 4)], &[]);
        assert_eq!(counted_before(&busy, &[&busy], Doubt::Refuse, x), Some(0));
    }

    #[test]
    fn a_balance_that_comes_back_a_thousand_times_shows_nothing() {
        let (x, back) = (row(5, 10), row(5, -10));
        let busy = statement(0, &[x, back].repeat(MAX_PLACES), &[]);
        let next = statement(0, &[x], &[]);
        assert_eq!(before(&next, &[&busy], Doubt::Refuse), Err(Unplaced(0)));
        assert_eq!(counted_before(&next, &[&busy], Doubt::Continues, x), Some(1_000));
        assert_eq!(counted_before(&statement(0, &[row(6, 10)], &[]), &[&busy], Doubt::Refuse, x), Some(0));
    }

    #[test]
    fn rows_of_no_money_raise_no_doubt() {
        let (zero, x) = (row(5, 0), row(5, 10));
        let known = statement(0, &[zero, x], &[]);
        assert_eq!(counted_before(&known, &[&known], Doubt::Refuse, x), Some(0));
    }
}
