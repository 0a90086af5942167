//! How much the rail accepted within an hour, of each currency: whatever makes payouts that nobody meant, a stolen signing secret or a
//! provider's mistake, shows in this sum first. How much may be is for a person to say, in `[watch]`: a band that is learned would hold
//! payouts on the busiest day of the year.

use std::collections::BTreeMap;

use crate::exponents::ISO_4217;
use crate::money::{Currency, Money};
use crate::sweep::Minute;

const HOUR: Minute = 60;
/// The sweeper's second visit comes twenty minutes after a minute, and may still change what was counted.
const KEPT: Minute = HOUR + 30;

/// In each currency's smallest unit, as ISO 4217 has it.
pub type Sums = BTreeMap<Currency, u64>;

/// By minute of the delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedSums {
    minutes: BTreeMap<Minute, Sums>,
}

/// More than may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast {
    pub currency: Currency,
    pub accepted: u64,
    pub limit: u64,
}

impl std::fmt::Display for TooFast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { currency, accepted, limit } = self;
        write!(f, "{accepted} of {currency}'s smallest unit were accepted within an hour, and [watch] allows {limit}")
    }
}

/// A unit that ISO 4217 does not divide is counted as a whole one.
pub fn sums(of: impl IntoIterator<Item = Money>) -> Sums {
    let mut sums = Sums::new();
    for money in of {
        let digits = ISO_4217.get(money.currency()).map_or(money.exponent(), |exponent| exponent.digits);
        let minor = match money.with_exponent(digits) {
            Ok(money) => money.minor(),
            Err(_) => money.minor() / 10_u64.pow(u32::from(money.exponent().saturating_sub(digits))) + 1,
        };
        let sum = sums.entry(money.currency()).or_default();
        *sum = sum.saturating_add(minor);
    }
    sums
}

impl AcceptedSums {
    /// Whether what is found of this minute would still count.
    pub fn wants(&self, minute: Minute, now: Minute) -> bool {
        minute + KEPT > now
    }

    /// What one visit found. A later visit of the same minute replaces it.
    pub fn count(&mut self, minute: Minute, sums: Sums) {
        if sums.is_empty() {
            self.minutes.remove(&minute);
        } else {
            self.minutes.insert(minute, sums);
        }
    }

    /// Forgets what is too old, and what a clock that was ahead once left behind.
    pub fn through(&mut self, newest: Minute) {
        self.minutes.retain(|minute, _| *minute <= newest && minute + KEPT > newest);
    }

    /// Of the hour up to this minute, and of nothing before `from`.
    fn of_hour(&self, newest: Minute, from: Minute) -> Sums {
        let first = (newest + 1).saturating_sub(HOUR).max(from);
        let mut all = Sums::new();
        // A range must not end before it begins.
        for (_, sums) in self.minutes.iter().filter(|(minute, _)| (first..=newest).contains(*minute)) {
            for (currency, sum) in sums {
                let of = all.entry(*currency).or_default();
                *of = of.saturating_add(*sum);
            }
        }
        all
    }

    /// Of what may be within an hour, in per cent; of several currencies the highest. `None` where no currency has a limit.
    pub fn percent(&self, newest: Minute, limits: &Sums) -> Option<u64> {
        let sums = self.of_hour(newest, 0);
        let of = |(currency, limit): (&Currency, &u64)| {
            sums.get(currency).copied().unwrap_or_default().saturating_mul(100).checked_div(*limit)
        };
        limits.iter().filter_map(of).max()
    }

    /// `from`: what was accepted before a person released payouts is theirs.
    pub fn too_fast(&self, newest: Minute, from: Minute, limits: &Sums) -> Option<TooFast> {
        let sums = self.of_hour(newest, from);
        limits.iter().find_map(|(currency, limit)| {
            let accepted = sums.get(currency).copied().unwrap_or_default();
            (accepted > *limit).then_some(TooFast { currency: *currency, accepted, limit: *limit })
        })
    }

    /// As it is stored.
    pub fn to_lines(&self) -> Vec<String> {
        let line = |minute: &Minute| {
            let minute = *minute;
            move |(currency, sum): (&Currency, &u64)| format!("{minute} {currency} {sum}")
        };
        self.minutes.iter().flat_map(|(minute, sums)| sums.iter().map(line(minute))).collect()
    }

    /// `None`: a line is none.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut all = Self::default();
        for line in lines {
            let mut words = line.split(' ');
            let (minute, currency) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            all.minutes.entry(minute).or_default().insert(currency, words.next()?.parse().ok()?);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Minute = 29_400_002;

    fn eur(minor: u64) -> Sums {
        [("EUR".parse().unwrap(), minor)].into()
    }

    fn money(minor: u64, exponent: u8, currency: &str) -> Money {
        Money::new(minor, exponent, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_currency_is_summed_in_its_own_smallest_unit() {
        let found = sums([money(1_250, 2, "EUR"), money(7, 0, "EUR"), money(12_345, 3, "EUR"), money(500, 0, "JPY")]);
        assert_eq!(found, [("EUR".parse().unwrap(), 1_250 + 700 + 1_235), ("JPY".parse().unwrap(), 500)].into());
    }

    #[test]
    fn an_hour_is_sixty_minutes_and_a_visit_replaces_what_was_counted() {
        let mut all = AcceptedSums::default();
        all.count(NOW - 60, eur(1_000_000));
        all.count(NOW - 59, eur(60));
        all.count(NOW, eur(30));
        all.count(NOW, eur(40));
        assert_eq!(all.percent(NOW, &eur(100)), Some(100));
        assert_eq!(all.too_fast(NOW, 0, &eur(100)), None, "as much as may be");
        let found = all.too_fast(NOW, 0, &eur(99)).unwrap();
        let said = "100 of EUR's smallest unit were accepted within an hour, and [watch] allows 99";
        assert_eq!(found.to_string(), said);
        assert_eq!(all.percent(NOW, &Sums::new()), None);
    }

    #[test]
    fn what_was_accepted_before_a_release_is_not_counted_again() {
        let mut all = AcceptedSums::default();
        all.count(NOW - 5, eur(500));
        all.count(NOW, eur(90));
        assert!(all.too_fast(NOW, 0, &eur(100)).is_some());
        assert_eq!(all.too_fast(NOW, NOW - 4, &eur(100)), None);
        assert_eq!(all.too_fast(NOW, NOW + 1, &eur(1)), None, "a release in this minute");
    }

    #[test]
    fn it_is_kept_as_it_was_and_forgets_what_is_old_or_to_come() {
        let mut all = AcceptedSums::default();
        for minute in [NOW - 90, NOW - 89, NOW, NOW + 1] {
            all.count(minute, eur(minute));
        }
        all.through(NOW);
        let lines = all.to_lines();
        assert_eq!(lines, [format!("{} EUR {}", NOW - 89, NOW - 89), format!("{NOW} EUR {NOW}")]);
        assert_eq!(AcceptedSums::from_lines(lines.iter().map(String::as_str)), Some(all));
        assert_eq!(AcceptedSums::from_lines(["x"]), None);
        assert!(AcceptedSums::default().wants(NOW - 89, NOW) && !AcceptedSums::default().wants(NOW - 90, NOW));
    }
}
