//! How well payouts go, and how fast what may go wrong is used up: the service level objective of payouts, from what the sweeper read of
//! the claims of each minute. Whole numbers alone, and few enough events say nothing.
//!
//! The windows and factors are those of Google's SRE workbook, chapter 5 (<https://sre.google/workbook/alerting-on-slos/>): a page for 2 % of
//! a month's budget within an hour or 5 % within six, a ticket for 10 % within three days, each confirmed by a window a twelfth as long, so
//! that an alarm ends soon after its cause. One more rule adapts to what is left: a page when the rest would be gone within a day.

use std::collections::BTreeMap;

use crate::outcome::Outcome;
use crate::sweep::Minute;
use crate::velocity::AcceptedSums;

const HOUR: Minute = 60;
const DAY: Minute = 24 * HOUR;
/// What is left of a budget is counted over so long.
const PERIOD: Minute = 30 * DAY;
const WEEK: Minute = 7 * DAY;
/// The sweeper's last visit comes a day later, and may still change what it counted.
const MINUTES_KEPT: Minute = DAY + 2 * HOUR;
const MILLION: u64 = 1_000_000;
/// Fewer failures than this in the long window say nothing: of a hundred payouts an hour one is a whole per cent.
pub const LEAST_FAILED: u64 = 5;

/// Attempts at payouts. `good`: the rail took it, or refused it in so many words. `failed`: unknown, not sent, or their worker died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub good: u64,
    pub failed: u64,
}

impl Counts {
    /// One attempt. A refusal of the rail's is an answer.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted | Outcome::Rejected => self.good += 1,
            Outcome::NotSent | Outcome::Unknown => self.failed += 1,
        }
    }

    pub fn with(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.failed += other.failed;
    }

    pub fn total(&self) -> u64 {
        self.good + self.failed
    }
}

/// Which share of attempts may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    failures_of_a_million: u64,
}

impl Default for Objective {
    /// 99.9 %.
    fn default() -> Self {
        Self { failures_of_a_million: 1_000 }
    }
}

impl Objective {
    /// Of a percentage such as `99.9%`: at least 90 %, below 100 %, at most four digits behind the point.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, rest) = text.strip_suffix('%')?.split_once('.').unwrap_or((text.strip_suffix('%')?, ""));
        if whole.len() != 2 || rest.len() > 4 {
            return None;
        }
        let good: u64 = format!("{whole}{rest:0<4}").parse().ok()?;
        let failures_of_a_million = MILLION.checked_sub(good)?;
        (1..=MILLION / 10).contains(&failures_of_a_million).then_some(Self { failures_of_a_million })
    }

    /// How many times as fast as the budget allows, in per cent.
    fn burn_percent(self, counts: Counts) -> u64 {
        let allowed = counts.total().saturating_mul(self.failures_of_a_million);
        counts.failed.saturating_mul(100 * MILLION).checked_div(allowed).unwrap_or_default()
    }

    /// So many of these may have failed.
    fn budget(self, counts: Counts) -> u64 {
        counts.total().saturating_mul(self.failures_of_a_million) / MILLION
    }
}

/// Long window, short window, and how many tenths of the allowed rate raise it.
struct Rule(Minute, Minute, u64);

const PAGES: [Rule; 2] = [Rule(HOUR, 5, 144), Rule(6 * HOUR, 30, 60)];
const TICKETS: [Rule; 1] = [Rule(3 * DAY, 6 * HOUR, 10)];

/// What alarms and dashboards compare with one number each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Burn {
    /// 100 and more: somebody is called.
    pub page_percent: u64,
    /// 100 and more: a ticket.
    pub ticket_percent: u64,
    /// Of thirty days' budget; 0 when it is used up. `None` while nothing was attempted.
    pub budget_left_percent: Option<u64>,
    /// Of seven days' attempts, good ones of a million. `None` while there were none.
    pub good_of_a_million: Option<u64>,
}

/// What was counted, by minute of the delivery; what is older than a day by hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    minutes: BTreeMap<Minute, Counts>,
    /// By the hour's first minute.
    hours: BTreeMap<Minute, Counts>,
    /// All before this minute stands in the hours.
    kept_from: Minute,
    /// Kept beside it, and of the last hour alone.
    pub accepted: AcceptedSums,
}

impl OutcomeCounts {
    /// What one minute's visit found. A later visit of the same minute replaces it; of one that stands in an hour already nothing is
    /// changed.
    pub fn count(&mut self, minute: Minute, counts: Counts) {
        if minute < self.kept_from {
            return;
        }
        if counts == Counts::default() {
            self.minutes.remove(&minute);
        } else {
            self.minutes.insert(minute, counts);
        }
    }

    /// Up to the newest minute that was visited: what is old enough goes into its hour, and what is older than the period goes.
    pub fn through(&mut self, newest: Minute) {
        self.accepted.through(newest);
        // A clock that was far ahead once must not keep minutes from being counted until then.
        if self.kept_from > newest {
            *self = Self { accepted: std::mem::take(&mut self.accepted), ..Self::default() };
        }
        // Whole hours, so that no hour stands in both.
        let from = newest.saturating_sub(MINUTES_KEPT) / HOUR * HOUR;
        let young = self.minutes.split_off(&from);
        for (minute, counts) in std::mem::replace(&mut self.minutes, young) {
            self.hours.entry(minute / HOUR * HOUR).or_default().add(counts);
        }
        self.kept_from = self.kept_from.max(from);
        self.hours = self.hours.split_off(&newest.saturating_sub(PERIOD + HOUR));
    }

    fn over(&self, newest: Minute, window: Minute) -> Counts {
        let first = (newest + 1).saturating_sub(window);
        let mut all = Counts::default();
        self.minutes.range(first..=newest).for_each(|(_, counts)| all.add(*counts));
        self.hours.range(first..=newest).for_each(|(_, counts)| all.add(*counts));
        all
    }

    pub fn burn(&self, newest: Minute, objective: Objective) -> Burn {
        let by_rule = |Rule(long, short, tenths): &Rule| {
            let (long, short) = (self.over(newest, *long), self.over(newest, *short));
            if long.failed < LEAST_FAILED {
                return 0;
            }
            objective.burn_percent(long).min(objective.burn_percent(short)).saturating_mul(10) / tenths
        };
        let worst = |rules: &[Rule]| rules.iter().map(by_rule).max().unwrap_or_default();
        let (month, week) = (self.over(newest, PERIOD), self.over(newest, WEEK));
        let budget = objective.budget(month);
        let left = budget.saturating_sub(month.failed);
        let good = |counts: Counts| (counts.good * MILLION).checked_div(counts.total());
        Burn {
            page_percent: worst(&PAGES).max(self.gone_within_a_day(newest, left, objective)),
            ticket_percent: worst(&TICKETS),
            budget_left_percent: good(month).map(|_| (left * 100).checked_div(budget).unwrap_or_default()),
            good_of_a_million: good(week),
        }
    }

    /// 100 when what failed within six hours, four times over, is all that is left. Of a budget that is gone nothing can go any more:
    /// a page that lasted until the month is over would hide the next outage. Nor is a rate that the budget allows for ever a page.
    fn gone_within_a_day(&self, newest: Minute, left: u64, objective: Objective) -> u64 {
        let (long, short) = (self.over(newest, 6 * HOUR), self.over(newest, HOUR / 2));
        let burns = |counts| objective.burn_percent(counts) >= 100;
        if long.failed < LEAST_FAILED || !burns(long) || !burns(short) {
            return 0;
        }
        (long.failed * 400).checked_div(left).unwrap_or_default()
    }

    /// As it is stored: for each minute and each hour a line.
    pub fn to_lines(&self) -> Vec<String> {
        let line = |kind: char| {
            move |(at, counts): (&Minute, &Counts)| format!("{kind} {at} {} {}", counts.good, counts.failed)
        };
        let from = std::iter::once(format!("f {} 0 0", self.kept_from));
        from.chain(self.hours.iter().map(line('h'))).chain(self.minutes.iter().map(line('m'))).collect()
    }

    /// `None`: a line is none.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut all = Self::default();
        for line in lines {
            let mut words = line.split(' ');
            let kind = words.next()?;
            let [at, good, failed] = [words.next()?, words.next()?, words.next()?].map(|text| text.parse::<u64>().ok());
            let counts = Counts { good: good?, failed: failed? };
            match kind {
                "f" => all.kept_from = at?,
                "h" => drop(all.hours.insert(at?, counts)),
                "m" => drop(all.minutes.insert(at?, counts)),
                _ => return None,
            }
        }
        Some(all)
    }
}

#[cfg(test)]
#[path = "slo_tests.rs"]
mod tests;
