//! Whether an alarm would have gone off, by the lines that functions wrote: for tests, which play a fault and look.
//!
//! As CloudWatch evaluates it, in its plain form: figures are put together by period, the last `evaluation_periods` of them are looked
//! at, what has no figure counts as the alarm says, and so many must be beyond the threshold.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use serde_json::Value;

use crate::alarm::{Alarm, Comparison, Missing, Statistic, Thousandths, Urgency};
use crate::placed::{Placed, incidents};

/// From when until when: only what lies in it is known.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: UnixMillis,
    pub until: UnixMillis,
}

/// Whether it was on at any time. An alarm of AWS's own figures is never, as no line of ours has them: [`is_raised_by`].
pub fn is_raised(placed: &Placed, lines: &[Value], span: Span) -> bool {
    placed.metric().is_some() && Figures::of(placed, lines).are_on_within(span)
}

/// The same, by what its figure was and when.
pub fn is_raised_by(placed: &Placed, points: impl IntoIterator<Item = (UnixMillis, u64)>, span: Span) -> bool {
    let mut figures = Figures { placed, periods: BTreeMap::new() };
    for (at, value) in points {
        figures.periods.entry(at / period_ms(placed)).or_default().push(value);
    }
    figures.are_on_within(span)
}

/// Who is called, and when: each alarm that pages, at the minute in which it goes on. One that is composed pages nobody; the alarm that
/// stands for it and for others does, when the first of them goes on.
pub fn pages(placed: &[Placed], lines: &[Value], span: Span) -> Vec<(UnixMillis, String)> {
    let incidents = incidents(placed).into_iter().map(|incident| (incident.name(), incident.of));
    let alone = placed.iter().filter(|one| one.alarm.urgency == Urgency::Page && !one.alarm.is_composed());
    let alone = alone.map(|one| (one.name(), vec![one.clone()]));
    let mut pages = vec![];
    for (name, of) in incidents.chain(alone) {
        let of: Vec<Figures<'_>> = of.iter().map(|one| Figures::of(one, lines)).collect();
        let is_on = |minute: u64| of.iter().any(|figures| figures.is_on_at(minute * MINUTE_MS, span.from));
        let minutes = span.from / MINUTE_MS + 1..=span.until / MINUTE_MS;
        let begins = minutes.filter(|minute| is_on(*minute) && !is_on(minute - 1));
        pages.extend(begins.map(|minute| (minute * MINUTE_MS, name.clone())));
    }
    pages.sort();
    pages
}

const MINUTE_MS: u64 = 60_000;

fn period_ms(placed: &Placed) -> u64 {
    u64::from(placed.alarm.period_s) * 1_000
}

/// The values of one alarm's figure, by the number of their period.
struct Figures<'p> {
    placed: &'p Placed,
    periods: BTreeMap<u64, Vec<u64>>,
}

impl<'p> Figures<'p> {
    fn of(placed: &'p Placed, lines: &[Value]) -> Self {
        let mut periods: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let provider = placed.provider.as_ref().map(|provider| provider.name.as_str());
        let Some(metric) = placed.metric() else { return Self { placed, periods } };
        for line in lines.iter().filter(|line| line["provider"].as_str() == provider) {
            let (Some(at), value) = (line["_aws"]["Timestamp"].as_u64(), &line[metric.name()]) else { continue };
            let values = match value {
                Value::Array(values) => values.iter().filter_map(Value::as_u64).collect(),
                value => value.as_u64().into_iter().collect::<Vec<u64>>(),
            };
            if !values.is_empty() {
                periods.entry(at / period_ms(placed)).or_default().extend(values);
            }
        }
        Self { placed, periods }
    }

    fn are_on_within(&self, span: Span) -> bool {
        let period_ms = period_ms(self.placed);
        // Whole periods alone.
        let (first, end) = (span.from.div_ceil(period_ms), span.until / period_ms);
        (first + u64::from(self.placed.alarm.evaluation_periods)..=end).any(|now| self.is_on(now))
    }

    /// By the periods before this one.
    fn is_on(&self, now: u64) -> bool {
        let Alarm { evaluation_periods, datapoints_to_alarm, .. } = self.placed.alarm;
        let evaluated = now.saturating_sub(u64::from(evaluation_periods))..now;
        let is_beyond = |period: &u64| is_beyond(self.placed, self.periods.get(period).map(Vec::as_slice));
        evaluated.filter(is_beyond).count() >= datapoints_to_alarm as usize
    }

    /// By the periods that are over at that time, where all of them are known.
    fn is_on_at(&self, at: UnixMillis, known_from: UnixMillis) -> bool {
        let (now, first) = (at / period_ms(self.placed), known_from.div_ceil(period_ms(self.placed)));
        let is_known = self.placed.metric().is_some();
        is_known && now >= first + u64::from(self.placed.alarm.evaluation_periods) && self.is_on(now)
    }
}

fn is_beyond(placed: &Placed, values: Option<&[u64]>) -> bool {
    let Some(values) = values else { return placed.alarm.missing == Missing::Breaching };
    let (value, threshold) = (thousandths(placed.alarm.statistic, values), placed.threshold);
    match placed.alarm.comparison {
        Comparison::Above => value > threshold,
        Comparison::AtLeast => value >= threshold,
        Comparison::Below => value < threshold,
    }
}

/// Of at least one value.
fn thousandths(statistic: Statistic, values: &[u64]) -> Thousandths {
    let sum = || values.iter().fold(0, |sum: u64, value| sum.saturating_add(*value));
    let percentile = |of_100: usize| {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        sorted.get((values.len() * of_100 / 100).min(values.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let value = match statistic {
        Statistic::Average => return Thousandths(sum().saturating_mul(1_000) / values.len().max(1) as u64),
        Statistic::Sum => sum(),
        Statistic::Maximum => values.iter().copied().max().unwrap_or_default(),
        Statistic::Minimum => values.iter().copied().min().unwrap_or_default(),
        Statistic::P50 => percentile(50),
        Statistic::P99 => percentile(99),
    };
    Thousandths(value.saturating_mul(1_000))
}
