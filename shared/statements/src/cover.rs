//! Of which days the bank has told everything. A day that no statement covers is one of which nothing is concluded.

use std::collections::BTreeMap;

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

    /// Nothing was booked between the two: banks make no statement of a day without bookings. A balance of zero, as that of an
    /// account that is emptied each night, shows this of weekends alone.
    fn joins(&self, next: &Self) -> bool {
        let Ok(after) = self.to.tomorrow() else { return true };
        if next.from <= after {
            return true;
        }
        let (Some((_, closing)), Some((opening, _))) = (self.balances, next.balances) else { return false };
        let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let mut days = after.series(jiff::Span::new().days(1)).take_while(|day| *day < next.from);
        closing == opening && (closing != 0 || days.all(is_weekend))
    }
}

/// Days from the first to the second, both included.
pub type Days = (Date, Date);

/// Days that the statements of every account cover.
pub fn covered(covers: &[Cover]) -> Vec<Days> {
    let mut accounts: BTreeMap<(&str, Currency), Vec<&Cover>> = BTreeMap::new();
    for cover in covers {
        accounts.entry((&cover.account, cover.currency)).or_default().push(cover);
    }
    let mut accounts = accounts.into_values().map(joined);
    let first = accounts.next().unwrap_or_default();
    accounts.fold(first, |all, own| {
        let both = all.iter().flat_map(|one| own.iter().map(move |other| (one.0.max(other.0), one.1.min(other.1))));
        both.filter(|(from, to)| from <= to).collect()
    })
}

fn joined(mut covers: Vec<&Cover>) -> Vec<Days> {
    covers.sort_by_key(|cover| (cover.from, cover.to));
    let mut days: Vec<Days> = vec![];
    let mut last: Option<&Cover> = None;
    for cover in covers {
        match (days.last_mut(), last) {
            (Some(open), Some(before)) if before.joins(cover) => open.1 = open.1.max(cover.to),
            _ => days.push((cover.from, cover.to)),
        }
        if last.is_none_or(|last| last.to <= cover.to) {
            last = Some(cover);
        }
    }
    days
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
        covered(covers).into_iter().map(|(from, to)| (from.day(), to.day())).collect()
    }

    #[test]
    fn a_day_between_two_statements_is_covered_where_the_balance_shows_that_nothing_was_booked() {
        // The 3rd and 4th of January 2026 are a weekend.
        assert_eq!(days(&[cover("a", 1, 2, (0, 5)), cover("a", 5, 6, (5, 9))]), [(1, 6)]);
        assert_eq!(days(&[cover("a", 1, 2, (0, 5)), cover("a", 5, 6, (7, 9))]), [(1, 2), (5, 6)]);
        // Emptied each night: a lost statement would not show.
        assert_eq!(days(&[cover("a", 1, 2, (0, 0)), cover("a", 5, 6, (0, 0))]), [(1, 6)]);
        assert_eq!(days(&[cover("a", 5, 6, (0, 0)), cover("a", 8, 9, (0, 0))]), [(5, 6), (8, 9)]);
        assert_eq!(days(&[cover("a", 1, 9, (0, 5)), cover("a", 2, 3, (1, 2)), cover("a", 10, 11, (8, 9))]), [(1, 11)]);
    }

    #[test]
    fn a_day_is_covered_when_the_statements_of_every_account_cover_it() {
        assert_eq!(days(&[cover("a", 1, 9, (0, 5)), cover("b", 3, 12, (0, 5))]), [(3, 9)]);
        assert_eq!(days(&[cover("a", 1, 2, (0, 5)), cover("b", 3, 12, (0, 5))]), []);
    }
}
