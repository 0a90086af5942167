//! Whether an alarm would have gone off, by the lines that functions wrote: for tests, which play a fault and look.
//!
//! As CloudWatch evaluates it, in its plain form: figures are put together by period, the last `evaluation_periods` of them are looked
//! at, what has no figure counts as the alarm says, and so many must be beyond the threshold.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use serde_json::Value;

use crate::alarm::{Comparison, Missing, Source, Statistic, Thousandths};
use crate::placed::Placed;

/// From when until when: only what lies in it is known.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: UnixMillis,
    pub until: UnixMillis,
}

/// Whether it was on at any time. An alarm of AWS's own figures is never, as no line of ours has them.
pub fn is_raised(placed: &Placed, lines: &[Value], span: Span) -> bool {
    let Source::Ours(metric) = placed.alarm.source else { return false };
    let provider = placed.provider.as_ref().map(|provider| provider.name.as_str());
    let period_ms = u64::from(placed.alarm.period_s) * 1_000;
    let mut periods: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["provider"].as_str() == provider) {
        let (Some(at), value) = (line["_aws"]["Timestamp"].as_u64(), &line[metric.name()]) else { continue };
        let values = match value {
            Value::Array(values) => values.iter().filter_map(Value::as_u64).collect(),
            value => value.as_u64().into_iter().collect::<Vec<u64>>(),
        };
        if !values.is_empty() {
            periods.entry(at / period_ms).or_default().extend(values);
        }
    }
    // Whole periods alone.
    let (first, end) = (span.from.div_ceil(period_ms), span.until / period_ms);
    let evaluated = u64::from(placed.alarm.evaluation_periods);
    (first + evaluated..=end).any(|now| {
        let beyond = (now - evaluated..now).filter(|period| is_beyond(placed, periods.get(period).map(Vec::as_slice)));
        beyond.count() >= placed.alarm.datapoints_to_alarm as usize
    })
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
