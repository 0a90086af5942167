//! Of which days the bank has told everything. A day that no statement covers is one of which nothing is concluded.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use payonce_protocol::money::Currency;

use crate::model::{Kind, Statement};

/// The days of one statement, the last included, with the account's balance around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    pub account: String,
    pub currency: Currency,
    pub from: Date,
    pub to: Date,
    pub balances: Option<(i64, i64)>,
}

impl Cover {
    /// `None`: a notification tells of single bookings, and of no day all of them.
    pub fn of(statement: &Statement) -> Option<Self> {
        let Statement { header, entries, balances } = statement;
        if header.kind == Kind::Notification {
            return None;
        }
        let opening = balances.opening.map(|balance| balance.amount);
        let currency = entries.first().map(|entry| entry.amount.currency());
        let currency = currency.or(opening.map(|amount| amount.currency()))?;
        let (first, last) =
            (entries.iter().map(|entry| entry.booked_on).min(), entries.iter().map(|entry| entry.booked_on).max());
        let (from, to) = match header.period {
            Some(period) => period,
            None => {
                let to = balances.closing.and_then(|balance| balance.date).or(last)?;
                let from = match (balances.opening.and_then(|balance| balance.date), first) {
                    // It may be dated by the day before, whose rows stand in another statement.
                    (Some(opened), first) if opened < to && first.is_none_or(|first| first > opened) => {
                        opened.tomorrow().ok()?
                    }
                    (Some(opened), _) => opened,
                    (None, first) => first?,
                };
                (from, to)
            }
        };
        let balances = opening.zip(balances.closing.map(|balance| balance.amount));
        let balances = balances.map(|(opening, closing)| (opening.minor(), closing.minor()));
        (from <= to).then(|| Self { account: header.account.clone(), currency, from, to, balances })
    }
}

/// Days from the first to the second, both included.
pub type Days = (Date, Date);

/// The days of which the statements of one account tell everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub account: String,
    pub currency: Currency,
    pub days: Vec<Days>,
}

/// Account by account.
pub fn told(covers: &[Cover]) -> Vec<Told> {
    let mut accounts: BTreeMap<(&str, Currency), Vec<&Cover>> = BTreeMap::new();
    for cover in covers {
        accounts.entry((&cover.account, cover.currency)).or_default().push(cover);
    }
    let told = |((account, currency), covers): ((&str, Currency), Vec<&Cover>)| {
        let days = joined(covers).into_iter().map(|run| (run.from, run.to)).collect();
        Told { account: account.to_owned(), currency, days }
    };
    accounts.into_iter().map(told).collect()
}

/// Statements of which each begins with a balance that one before it ended with.
struct Joined {
    from: Date,
    to: Date,
    /// What the account may have held at the end; `None`: a statement does not say it.
    ends: Option<BTreeSet<i64>>,
}

impl Joined {
    fn of(statements: &[&Cover]) -> Option<Self> {
        let first = statements.first()?;
        Some(Self { from: first.from, to: first.to, ends: ends(statements) })
    }

    /// Whether all of these follow, one after the other in some order. Where no balance is said, days are all that there is.
    fn is_followed_by(&self, statements: &[&Cover]) -> bool {
        let Some(mut reached) = self.ends.clone() else { return true };
        let Some(mut left) = statements.iter().map(|of| of.balances).collect::<Option<BTreeSet<_>>>() else {
            return true;
        };
        loop {
            let next: Vec<(i64, i64)> = left.iter().copied().filter(|(opening, _)| reached.contains(opening)).collect();
            if next.is_empty() {
                return left.is_empty();
            }
            for balances in next {
                left.remove(&balances);
                reached.insert(balances.1);
            }
        }
    }

    /// Nothing was booked between the two: banks make no statement of a day without bookings. A balance that the account returns to, as
    /// zero or what is left on it each night, shows this of weekends alone.
    fn bridges(&self, statements: &[&Cover], after: Date, all: &[&Cover]) -> bool {
        let Some(ends) = &self.ends else { return false };
        let Some(from) = statements.first().map(|first| first.from) else { return false };
        let Some(openings) = statements.iter().map(|of| Some(of.balances?.0)).collect::<Option<Vec<_>>>() else {
            return false;
        };
        // What was left out there says that something was booked.
        let speaks = |of: &&Cover| of.to >= after && of.from < from;
        if all.iter().any(speaks) {
            return false;
        }
        let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let mut days = after.series(jiff::Span::new().days(1)).take_while(|day| *day < from);
        let is_telling = |balance: i64| {
            let closed = all.iter().filter(|of| of.balances.is_some_and(|(_, closing)| closing == balance));
            balance != 0 && closed.map(|of| of.to).collect::<BTreeSet<_>>().len() == 1
        };
        let mut entered = openings.into_iter().filter(|opening| ends.contains(opening)).peekable();
        entered.peek().is_some() && self.is_followed_by(statements) && (days.all(is_weekend) || entered.all(is_telling))
    }
}

/// With which the last of them may end: with none that another begins with, unless all of them are such.
fn ends(statements: &[&Cover]) -> Option<BTreeSet<i64>> {
    let balances = statements.iter().map(|of| of.balances).collect::<Option<Vec<_>>>()?;
    let closings: BTreeSet<i64> = balances.iter().map(|(_, closing)| *closing).collect();
    let openings: BTreeSet<i64> = balances.iter().map(|(opening, _)| *opening).collect();
    let last: BTreeSet<i64> = closings.difference(&openings).copied().collect();
    Some(if last.is_empty() { closings } else { last })
}

fn joined(mut covers: Vec<&Cover>) -> Vec<Joined> {
    covers.sort_by_key(|cover| (cover.from, cover.to));
    let mut all: Vec<Joined> = vec![];
    // Several statements of one day follow each other in whatever order.
    for statements in covers.chunk_by(|one, next| one.from == one.to && (one.from, one.to) == (next.from, next.to)) {
        let Some(own) = Joined::of(statements) else { continue };
        let Some(open) = all.last_mut() else {
            all.push(own);
            continue;
        };
        let after = open.to.tomorrow().unwrap_or(open.to);
        if own.from <= open.to {
            // What overlaps cannot be followed by its balances.
            match own.to.cmp(&open.to) {
                Ordering::Greater => (open.to, open.ends) = (own.to, own.ends),
                Ordering::Equal => open.ends = open.ends.take().zip(own.ends).map(|(ends, own)| &ends | &own),
                Ordering::Less => {}
            }
        } else if own.from == after && open.is_followed_by(statements) || open.bridges(statements, after, &covers) {
            (open.to, open.ends) = (own.to, own.ends);
        } else if own.from == after {
            // A statement between them is missing, of either day: neither is told of whole.
            let is_left = open.from < open.to;
            (open.to, open.ends) = (open.to.yesterday().unwrap_or(open.to), None);
            if !is_left {
                all.pop();
            }
            if let Some(from) = own.from.tomorrow().ok().filter(|from| *from <= own.to) {
                all.push(Joined { from, ..own });
            }
        } else {
            all.push(own);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn cover(account: &str, from: i8, to: i8, balances: (i64, i64)) -> Cover {
        let (from, to) = (date(2026, 1, from), date(2026, 1, to));
        Cover { account: account.to_owned(), currency: "EUR".parse().unwrap(), from, to, balances: Some(balances) }
    }

    fn days(covers: &[Cover]) -> Vec<(i8, i8)> {
        let all = told(covers).into_iter().flat_map(|account| account.days);
        all.map(|(from, to)| (from.day(), to.day())).collect()
    }

    #[test]
    fn a_day_between_two_statements_is_told_of_where_the_balance_shows_that_nothing_was_booked() {
        // The 3rd and 4th of January 2026 are a weekend.
        assert_eq!(days(&[cover("a", 1, 2, (0, 5)), cover("a", 5, 6, (5, 9))]), [(1, 6)]);
        assert_eq!(days(&[cover("a", 5, 6, (0, 5)), cover("a", 8, 9, (5, 9))]), [(5, 9)]);
        assert_eq!(days(&[cover("a", 1, 2, (0, 5)), cover("a", 5, 6, (7, 9))]), [(1, 2), (5, 6)]);
        // Emptied each night, or down to a sum: a lost statement would not show.
        for left in [0, 10_000] {
            let each_night = |from, to| cover("a", from, to, (left, left));
            assert_eq!(days(&[each_night(1, 2), each_night(5, 6)]), [(1, 6)]);
            assert_eq!(days(&[each_night(5, 6), each_night(8, 9)]), [(5, 6), (8, 9)]);
        }
    }

    #[test]
    fn of_days_beside_each_other_neither_is_told_of_where_the_balances_do_not_follow() {
        // The statement of an afternoon, or of a morning, is missing.
        assert_eq!(days(&[cover("a", 5, 6, (9, 5)), cover("a", 7, 8, (3, 9))]), [(5, 5), (8, 8)]);
        assert_eq!(days(&[cover("a", 5, 5, (9, 5)), cover("a", 6, 6, (3, 9)), cover("a", 7, 7, (9, 1))]), [(7, 7)]);
        assert_eq!(days(&[cover("a", 5, 6, (9, 5)), cover("a", 7, 8, (5, 9))]), [(5, 8)]);
        assert_eq!(
            days(&[cover("a", 1, 9, (0, 5)), cover("a", 2, 3, (1, 2)), cover("a", 10, 11, (8, 9))]),
            [(1, 8), (11, 11)]
        );
    }

    #[test]
    fn nothing_is_bridged_over_statements_that_were_left_out() {
        let (a, b, c) = (cover("a", 5, 5, (70, 100)), cover("a", 7, 7, (90, 80)), cover("a", 8, 8, (70, 60)));
        assert_eq!(days(&[a, b, c, cover("a", 9, 9, (100, 50))]), [(5, 5), (9, 9)]);
    }

    #[test]
    fn several_statements_of_a_day_follow_each_other() {
        let (before, morning, noon, evening) =
            (cover("a", 5, 5, (9, 8)), cover("a", 6, 6, (8, 6)), cover("a", 6, 6, (6, 4)), cover("a", 6, 6, (4, 1)));
        let next = cover("a", 7, 7, (1, 0));
        let all = [&before, &evening, &noon, &morning, &next].map(Cover::clone);
        assert_eq!(days(&all), [(5, 7)]);
        // The day as a whole beside a part of it.
        assert_eq!(
            days(&[before.clone(), noon.clone(), cover("a", 6, 6, (8, 1)), morning.clone(), next.clone()]),
            [(5, 7)]
        );
        for missing in 1..4 {
            let without: Vec<Cover> =
                all.iter().enumerate().filter(|(place, _)| *place != missing).map(|(_, cover)| cover.clone()).collect();
            assert!(!days(&without).iter().any(|(from, to)| (*from..=*to).contains(&6)), "{missing}");
        }
    }

    #[test]
    fn where_no_balance_is_said_days_beside_each_other_join_and_no_others_do() {
        let unsaid = |from, to| Cover { balances: None, ..cover("a", from, to, (0, 0)) };
        assert_eq!(days(&[unsaid(5, 6), cover("a", 7, 8, (5, 9)), unsaid(9, 9)]), [(5, 9)]);
        assert_eq!(days(&[unsaid(1, 2), unsaid(5, 6)]), [(1, 2), (5, 6)]);
    }

    #[test]
    fn each_account_has_days_of_its_own() {
        assert_eq!(days(&[cover("b", 3, 12, (0, 5)), cover("a", 1, 9, (0, 5))]), [(1, 9), (3, 12)]);
    }
}
