//! What an alarm is: which figure, held against what, how urgent, and what it means for money.

use std::fmt;

use payonce_runtime::metrics::{Metric, NAMESPACE, Wide};

/// One alarm, or one for each provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// After `payonce-`, or after `payonce-webhook-{provider}-`.
    pub name: &'static str,
    /// Its logical id, or what follows `Webhook{provider}` in it. It never changes: another id makes another alarm.
    pub id: &'static str,
    pub scope: Scope,
    pub source: Source,
    pub statistic: Statistic,
    pub period_s: u32,
    pub evaluation_periods: u32,
    /// So many of them must be beyond the threshold.
    pub datapoints_to_alarm: u32,
    pub comparison: Comparison,
    pub threshold: Threshold,
    pub missing: Missing,
    /// So long a new alarm waits for its first figure: where silence is bad, and nothing has run yet.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html>
    pub warm_up_minutes: Option<u32>,
    pub urgency: Urgency,
    /// Alarms of one cause page once for each provider, and once for the stack's own. Without one an alarm pages whatever else is on.
    pub cause: Option<Cause>,
    /// On for as long as its state is: a hold, a silence, what the last run saw. It pages by itself although it has a cause. An
    /// alarm that stands for several pages when its state changes alone, and while this one is on the others would page nobody.
    pub lasts: bool,
    /// What it means for money, in one sentence.
    pub money: &'static str,
    /// What was found and what is first.
    pub text: &'static str,
    /// The file of `infra/runbooks`, without its `.md`.
    pub runbook: &'static str,
    /// A canary that sees it goes back by itself.
    pub takes_canary_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Stack,
    EachProvider,
}

impl Alarm {
    /// Whether one composite alarm pages for it and for others of its cause; it then tells nobody by itself.
    pub fn is_composed(&self) -> bool {
        self.urgency == Urgency::Page && self.cause.is_some() && !self.lasts
    }
}

/// The figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Of [`NAMESPACE`].
    Ours(Metric),
    Aws {
        namespace: &'static str,
        metric: &'static str,
        dimension: &'static str,
        value: Value,
    },
}

/// The resource whose name or id a dimension holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Ref(&'static str),
    /// `Queue.QueueName`
    Attribute(&'static str),
    /// Of the provider's own resources, what follows `Webhook{provider}`.
    OfProvider(&'static str),
    /// A table, whatever restore it is from.
    Table(&'static str),
    /// An index of a table, with the table itself.
    Index(&'static str, &'static str),
}

impl Source {
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Ours(_) => NAMESPACE,
            Self::Aws { namespace, .. } => namespace,
        }
    }

    pub fn metric(self) -> &'static str {
        match self {
            Self::Ours(metric) => metric.name(),
            Self::Aws { metric, .. } => metric,
        }
    }
}

/// Whether a metric is written once for each provider.
pub fn is_of_providers(metric: Metric) -> bool {
    metric.on().iter().copied().all(|wide: Wide| !wide.dimensions().is_empty())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    Sum,
    Maximum,
    Minimum,
    /// Of values that are 0 or 1, the share of ones.
    Average,
    P50,
    /// What 99 of 100 values do not exceed.
    P99,
}

impl Statistic {
    /// CloudWatch's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "Sum",
            Self::Maximum => "Maximum",
            Self::Minimum => "Minimum",
            Self::Average => "Average",
            Self::P50 => "p50",
            Self::P99 => "p99",
        }
    }

    pub fn is_percentile(self) -> bool {
        matches!(self, Self::P50 | Self::P99)
    }
}

/// How the figure stands to the threshold when it is beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Above,
    AtLeast,
    Below,
}

/// CloudWatch's words:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
impl Comparison {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => "GreaterThanThreshold",
            Self::AtLeast => "GreaterThanOrEqualToThreshold",
            Self::Below => "LessThanThreshold",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    Is(Thousandths),
    /// So many per cent of the time that the provider waits for one answer. Where nobody knows it there is no alarm.
    PercentOfPatience(u64),
}

impl Threshold {
    pub const fn of(whole: u64) -> Self {
        Self::Is(Thousandths(whole * 1_000))
    }

    /// `patience_ms` is the provider's, of an alarm that each has.
    pub fn resolved(self, patience_ms: Option<u64>) -> Option<Thousandths> {
        match self {
            Self::Is(value) => Some(value),
            Self::PercentOfPatience(percent) => patience_ms.map(|patience_ms| Thousandths(patience_ms * percent * 10)),
        }
    }
}

/// A number with three decimal places, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thousandths(pub u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{}", format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

/// What a period without a value counts as:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Good: nothing happened that is counted.
    NotBreaching,
    /// Bad: whatever reports it is silent.
    Breaching,
}

impl Missing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotBreaching => "notBreaching",
            Self::Breaching => "breaching",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody is called.
    Page,
    /// Somebody looks on the next working day.
    Ticket,
}

impl Urgency {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// What one incident may set off several alarms by; a maintenance window mutes them. Whatever tells of money that is gone, or of a guard
/// that failed, has none: it pages even while an outage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Payouts are not made: the rail, the tables, the front door or a new version.
    PayoutsStopped,
    /// A provider's events do not get through to a payout: its endpoint, its secret, its silence.
    EventsMissing,
    /// Whoever should see trouble does not run.
    WatchersBlind,
}

impl Cause {
    pub const ALL: [Self; 3] = [Self::PayoutsStopped, Self::EventsMissing, Self::WatchersBlind];

    /// After `payonce-incident-`, and after the provider of one's own.
    pub fn name(self) -> &'static str {
        match self {
            Self::PayoutsStopped => "payouts-stopped",
            Self::EventsMissing => "events-missing",
            Self::WatchersBlind => "watchers-blind",
        }
    }

    /// After `Incident`, or after `Webhook{provider}Incident`.
    pub fn id(self) -> &'static str {
        match self {
            Self::PayoutsStopped => "PayoutsStopped",
            Self::EventsMissing => "EventsMissing",
            Self::WatchersBlind => "WatchersBlind",
        }
    }

    pub fn money(self) -> &'static str {
        match self {
            Self::PayoutsStopped => "Payees wait, or an attempt ended unknown and is a case.",
            Self::EventsMissing => "Payees of a provider wait, and nobody here knows for how many.",
            Self::WatchersBlind => "Nothing yet: what is lost or made twice meanwhile is not seen.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_written_as_a_decimal_number() {
        let written = [0, 500, 1_000, 1_250, 180_000_000, 1].map(|value| Thousandths(value).to_string());
        assert_eq!(written, ["0", "0.5", "1", "1.25", "180000", "0.001"]);
    }

    #[test]
    fn threshold_by_patience_is_there_where_the_patience_is_known() {
        let percent = Threshold::PercentOfPatience(80);
        assert_eq!(percent.resolved(Some(5_000)), Some(Thousandths(4_000_000)));
        assert_eq!(percent.resolved(None), None);
        assert_eq!(Threshold::of(3).resolved(None), Some(Thousandths(3_000)));
    }
}
