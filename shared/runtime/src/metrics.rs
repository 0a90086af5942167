//! Every metric there is, as data, and the wide events that carry them: one line for each delivery and for each run of
//! the sweeper, of the reconciler, of audit-watch and of retry-audit, and for each attempt of payer's, in CloudWatch's embedded
//! metric format.
//!
//! An event is written when it is dropped, so that every way out of a handler reports. What could not be filled in by
//! then is told by its absence: no `status`, no `Heartbeat`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use payonce_protocol::UnixMillis;
use payonce_protocol::end::End;
use payonce_protocol::event::{Answer, Recorded};
use payonce_protocol::ids::AttemptId;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::slo::Burn;
use payonce_protocol::sweep::MINUTE_MS;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::telemetry::Captured;

mod payout;

pub use payout::PayoutMetrics;

/// CloudWatch's namespace of all metrics.
pub const NAMESPACE: &str = "payonce";

/// CloudWatch takes no more values of one metric in one line.
const MAX_VALUES: usize = 100;

/// Events that a line names; a delivery of more is counted in full, and each of its events has a log line of its own.
const MAX_NAMED_EVENTS: usize = 20;

/// What a line reports on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    Delivery,
    /// An attempt that people decided.
    Payout,
    Sweep,
    /// An invocation of the reconciler.
    Reconciliation,
    /// A run of audit-watch.
    Watch,
    /// A run of retry-audit.
    Audit,
}

impl Wide {
    /// Kept few: each value of a dimension makes a metric of its own.
    pub fn dimensions(self) -> &'static [&'static str] {
        match self {
            Self::Delivery | Self::Payout => &["provider"],
            Self::Sweep | Self::Reconciliation | Self::Watch | Self::Audit => &[],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
    Seconds,
    Percent,
}

impl Unit {
    /// CloudWatch's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
            Self::Percent => "Percent",
        }
    }
}

/// What stands in a line when nothing was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Zero, so that a graph or a ratio has no gaps; of deliveries once a minute.
    Counter,
    /// Nothing: an unmeasured value is not a small one.
    Gauge,
}

macro_rules! catalogue {
    ($($name:ident: $kind:ident $unit:ident, [$($wide:ident),+], $help:literal;)*) => {
        /// Every metric: nothing emits one that is not on this list. What is watched of them is data of `infra/catalogue`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $(#[doc = $help] $name,)* }

        impl Metric {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub fn unit(self) -> Unit {
                match self { $(Self::$name => Unit::$unit,)* }
            }

            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)* }
            }

            /// The lines that carry it.
            pub fn on(self) -> &'static [Wide] {
                match self { $(Self::$name => &[$(Wide::$wide),+],)* }
            }

            pub fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

catalogue! {
    Deliveries: Counter Count, [Delivery], "Requests that reached the function.";
    Verified: Counter Count, [Delivery], "Deliveries whose signature verified.";
    Refused401: Counter Count, [Delivery], "Deliveries whose signature did not verify.";
    TooLarge: Counter Count, [Delivery], "Deliveries above the provider's size limit.";
    Events: Counter Count, [Delivery], "Events of verified deliveries.";
    NoPayout: Counter Count, [Delivery], "Events that ask for no payout.";
    Claims: Counter Count, [Delivery, Payout], "Claims written and owned.";
    Duplicates: Counter Count, [Delivery, Payout], "Events whose payout was claimed before.";
    Accepted: Counter Count, [Delivery, Payout], "Payouts that the rail took.";
    Rejected: Counter Count, [Delivery, Payout], "Payouts that the rail refused.";
    NotSent: Counter Count, [Delivery, Payout], "Claimed payouts whose request never left.";
    Unknown: Counter Count, [Delivery, Payout], "Payouts that may or may not have been made.";
    Refused503: Counter Count, [Delivery], "Deliveries that the provider was asked to repeat.";
    RefusedFault: Counter Count, [Delivery], "Of these, because something did not work: what a canary goes back for.";
    RefusedHeld: Counter Count, [Delivery], "Of these, because a person holds payouts, or released no tables or accepted no rules.";
    CasesFiled: Counter Count, [Delivery, Payout, Sweep, Reconciliation], "Cases handed to finance.";
    Unrecorded: Counter Count, [Delivery, Payout], "Outcomes that could not be written; the sweeper files their claims.";
    Impossible: Counter Count, [Delivery, Payout], "First puts of a claim that met their own attempt id.";
    SecretsStale: Counter Count, [Delivery], "Deliveries of which the signing secrets could not be read again when they were due.";
    BodyLost: Counter Count, [Delivery], "Bodies whose record could not be written; their hash stays in the claim.";
    VerifyTime: Gauge Milliseconds, [Delivery], "Verifying the signature.";
    ConnectTime: Gauge Milliseconds, [Delivery, Payout], "Connecting to the rail, before the claim.";
    ClaimTime: Gauge Milliseconds, [Delivery, Payout], "One conditional put of a claim.";
    PayTime: Gauge Milliseconds, [Delivery, Payout], "The payout request.";
    RecordTime: Gauge Milliseconds, [Delivery, Payout], "Writing the outcome.";
    TotalTime: Gauge Milliseconds, [Delivery], "From a delivery's arrival to its answer.";
    Swept: Counter Count, [Sweep], "Claims that were given up: their worker died.";
    OldestOpenAgeSeconds: Gauge Seconds, [Sweep], "Age of the oldest open case.";
    MoneyAtRiskPercent: Gauge Percent, [Sweep], "Open money at risk, of what the configuration allows; of several currencies the highest.";
    AcceptedHourPercent: Gauge Percent, [Sweep], "What the rail accepted within an hour, of what the configuration allows; of several currencies the highest.";
    RoundsBehind: Gauge Count, [Sweep], "Minutes that the sweeper has yet to make up.";
    HoldTripped: Counter Count, [Sweep], "Runs of the sweeper that stopped payouts.";
    Heartbeat: Gauge Count, [Sweep], "Runs of the sweeper in which nothing failed, and what they had time for was done.";
    Unreadable: Counter Count, [Sweep], "Rows and records that the sweeper could not read, and passed by.";
    EvidenceLost: Counter Count, [Sweep], "Findings about a payout for whose case there is no readable item.";
    LookUpsWaiting: Gauge Count, [Sweep], "Look-ups at the rail that wait for a later run.";
    SuccessBurnPage: Gauge Percent, [Sweep], "How fast payouts that fail use up what may fail, in per cent of the rate at which somebody is called.";
    SuccessBurnTicket: Gauge Percent, [Sweep], "The same over days, in per cent of the rate that is worth a ticket.";
    SuccessBudgetLeftPercent: Gauge Percent, [Sweep], "Of the payouts that may fail within thirty days, how many are left, in per cent.";
    SuccessOfAMillion: Gauge Count, [Sweep], "Of a million payouts of the last seven days, how many the rail answered.";
    Reconciliations: Gauge Count, [Reconciliation], "Invocations of the reconciler in which nothing failed: a window was reconciled, or none was due.";
    BooksBehindSeconds: Gauge Seconds, [Reconciliation], "From the end of the last window that was reconciled until now.";
    BooksIncomplete: Gauge Count, [Reconciliation], "Times of the last run of which a book could not speak that it keeps.";
    OpenBreaks: Gauge Count, [Reconciliation], "Contradictions between the books that the last run saw.";
    PaidTwice: Gauge Count, [Reconciliation], "Payouts beyond the first of one payout key, by the books of the last run.";
    WrongPayee: Gauge Count, [Reconciliation], "Payouts to another payee than was asked for, by the books of the last run.";
    Lost: Gauge Count, [Reconciliation], "Events without a claim, and failed attempts without a case, by the books of the last run.";
    EndpointsOff: Gauge Count, [Reconciliation], "Providers that, by their own word, do not send here what a rule names, or that would not say.";
    ProvidersSilent: Gauge Count, [Reconciliation], "Providers of which nothing came for longer than was ever usual at that hour of the week.";
    ClaimsOverwritten: Counter Count, [Watch], "Audit records that were changed or removed.";
    RetryConfigDrift: Counter Count, [Audit], "Deployed settings that differ from the retry census.";
    AlarmDrift: Counter Count, [Audit], "Alarms that differ from those that the template made, and mute rules that it did not.";
    AuditRuns: Gauge Count, [Audit], "Runs of retry-audit that worked to the end.";
}

/// Counters of which an alarm takes the average: 0 or 1 for each delivery, and none may be missing.
pub const AVERAGED: [Metric; 1] = [Metric::Refused401];

/// Makes the events, and writes their lines.
#[derive(Clone)]
pub struct Metrics {
    clock: Clock,
    write: Arc<dyn Fn(&str) + Send + Sync>,
    /// Of each provider the last minute of which a delivery's counters were written that are zero.
    zeros: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Metrics {
    /// To stdout, from where Lambda carries the lines to CloudWatch.
    pub fn stdout(clock: Clock) -> Self {
        Self::to(clock, |line| {
            // A metric that cannot be written must not stop a delivery.
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        })
    }

    /// Each line without its line feed.
    pub fn to(clock: Clock, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { clock, write: Arc::new(write), zeros: Arc::default() }
    }

    pub fn captured(clock: Clock) -> (Self, Captured) {
        let captured = Captured::default();
        let writer = captured.clone();
        let metrics = Self::to(clock, move |line| {
            let _ = writeln!(writer.clone(), "{line}");
        });
        (metrics, captured)
    }

    pub fn delivery(&self, provider: &str) -> DeliveryMetrics {
        let mut line = Line::new(self.clone(), Wide::Delivery);
        line.property("provider", provider);
        line.count(Metric::Deliveries, 1);
        DeliveryMetrics { line, events: vec![], events_left_off: 0, is_held: false, is_faulty: false }
    }

    pub fn sweep(&self) -> SweepMetrics {
        SweepMetrics { line: Line::new(self.clone(), Wide::Sweep) }
    }

    pub fn reconciliation(&self) -> ReconciliationMetrics {
        ReconciliationMetrics { line: Line::new(self.clone(), Wide::Reconciliation) }
    }

    pub fn watch(&self) -> WatchMetrics {
        WatchMetrics { line: Line::new(self.clone(), Wide::Watch) }
    }

    pub fn audit(&self) -> AuditMetrics {
        AuditMetrics { line: Line::new(self.clone(), Wide::Audit) }
    }
}

/// A step of a delivery that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Verify,
    Connect,
    Claim,
    Pay,
    Record,
}

impl Step {
    fn metric(self) -> Metric {
        match self {
            Self::Verify => Metric::VerifyTime,
            Self::Connect => Metric::ConnectTime,
            Self::Claim => Metric::ClaimTime,
            Self::Pay => Metric::PayTime,
            Self::Record => Metric::RecordTime,
        }
    }
}

/// What an end counts.
fn counted(end: End) -> Vec<Metric> {
    match end {
        End::NoPayout | End::Barred => vec![Metric::NoPayout],
        End::Filed(_) | End::Order(Answer::Filed(_)) => vec![Metric::CasesFiled],
        // The status of the whole delivery counts these.
        End::NotFiled | End::Order(Answer::Refused(_)) => vec![],
        End::Order(Answer::Duplicate) => vec![Metric::Duplicates],
        End::Order(Answer::Impossible) => vec![Metric::Impossible],
        End::Order(Answer::Done(verdict, recorded)) => {
            let outcome = match verdict.outcome {
                Outcome::Accepted => Metric::Accepted,
                Outcome::Rejected => Metric::Rejected,
                Outcome::NotSent => Metric::NotSent,
                Outcome::Unknown => Metric::Unknown,
            };
            let kept = match recorded {
                Recorded::Durable => verdict.reason().map(|_| Metric::CasesFiled),
                Recorded::Late => Some(Metric::CasesFiled),
                Recorded::Failed => Some(Metric::Unrecorded),
            };
            [Metric::Claims, outcome].into_iter().chain(kept).collect()
        }
    }
}

/// One event of a delivery, by its names.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub event: Option<&'a str>,
    pub payout_key: Option<&'a str>,
    pub attempt_id: Option<AttemptId>,
}

impl Named<'_> {
    /// What is known of it, and how it ended.
    fn properties(self, end: End) -> impl Iterator<Item = (&'static str, String)> {
        let properties = [
            ("event_id", self.event.map(str::to_owned)),
            ("payout_key", self.payout_key.map(str::to_owned)),
            ("attempt_id", self.attempt_id.map(|id| id.to_string())),
            ("outcome", Some(end.outcome().to_owned())),
            ("reason", end.reason().map(str::to_owned)),
        ];
        properties.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// One delivery. Written when dropped.
pub struct DeliveryMetrics {
    line: Line,
    events: Vec<Value>,
    events_left_off: u64,
    /// An event was refused because a person said so; for any other reason.
    is_held: bool,
    is_faulty: bool,
}

impl DeliveryMetrics {
    pub fn request_id(&mut self, request_id: &str) {
        self.line.property("request_id", request_id);
    }

    pub fn trace_id(&mut self, trace_id: &str) {
        self.line.property("trace_id", trace_id);
    }

    pub fn verified(&mut self) {
        self.line.count(Metric::Verified, 1);
    }

    /// The secrets that it is verified with are those of an earlier reading than they should be.
    pub fn secrets_stale(&mut self) {
        self.line.count(Metric::SecretsStale, 1);
    }

    /// Why the delivery was refused before anything of it was believed.
    pub fn refused_unverified(&mut self, why: &'static str) {
        self.line.property("refused", why);
    }

    pub fn event(&mut self, named: Named<'_>, end: End) {
        self.line.count(Metric::Events, 1);
        counted(end).into_iter().for_each(|metric| self.line.count(metric, 1));
        match end {
            End::Order(Answer::Refused(refusal)) if !refusal.is_fault() => self.is_held = true,
            End::NotFiled | End::Order(Answer::Refused(_)) => self.is_faulty = true,
            _ => {}
        }
        if self.events.len() == MAX_NAMED_EVENTS {
            self.events_left_off += 1;
            return;
        }
        let known = named.properties(end).map(|(name, value)| (name.to_owned(), value.into()));
        self.events.push(Value::Object(known.collect()));
    }

    pub fn body_lost(&mut self) {
        self.line.count(Metric::BodyLost, 1);
    }

    pub fn took(&mut self, step: Step, ms: u64) {
        self.line.measure(step.metric(), ms);
    }

    pub fn answered(&mut self, status: u16, total_ms: u64) {
        self.line.property("status", status);
        self.line.measure(Metric::TotalTime, total_ms);
        match status {
            401 => self.line.count(Metric::Refused401, 1),
            413 => self.line.count(Metric::TooLarge, 1),
            503 => {
                self.line.count(Metric::Refused503, 1);
                let is_held = self.is_held && !self.is_faulty;
                self.line.count(if is_held { Metric::RefusedHeld } else { Metric::RefusedFault }, 1);
            }
            _ => {}
        }
    }
}

impl Drop for DeliveryMetrics {
    fn drop(&mut self) {
        self.line.property("events", std::mem::take(&mut self.events));
        if self.events_left_off > 0 {
            self.line.property("events_left_off", self.events_left_off);
        }
    }
}

/// What a run of the sweeper found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    pub swept: u64,
    pub cases_filed: u64,
    /// `None` when no case is open, or when nobody looked yet.
    pub oldest_open_age_seconds: Option<u64>,
    /// `None` when nobody says how much may be, or nobody looked yet.
    pub money_at_risk_percent: Option<u64>,
    /// `None` when nobody says how much may be, or nobody looked yet.
    pub accepted_hour_percent: Option<u64>,
    /// `None` until it is known.
    pub rounds_behind: Option<u64>,
    pub hold_tripped: bool,
    pub unreadable: u64,
    pub evidence_lost: u64,
    /// `None` until it is known.
    pub look_ups_waiting: Option<u64>,
    /// `None` until it is known.
    pub burn: Option<Burn>,
}

/// One run of the sweeper. Written when dropped.
pub struct SweepMetrics {
    line: Line,
}

impl SweepMetrics {
    /// What is known so far; a run that fails later still reports it.
    pub fn so_far(&mut self, sweep: &Sweep) {
        self.line.set(Metric::Swept, sweep.swept);
        self.line.set(Metric::CasesFiled, sweep.cases_filed);
        self.line.set(Metric::HoldTripped, u64::from(sweep.hold_tripped));
        self.line.set(Metric::Unreadable, sweep.unreadable);
        self.line.set(Metric::EvidenceLost, sweep.evidence_lost);
        let gauges = [
            (Metric::OldestOpenAgeSeconds, sweep.oldest_open_age_seconds),
            (Metric::MoneyAtRiskPercent, sweep.money_at_risk_percent),
            (Metric::AcceptedHourPercent, sweep.accepted_hour_percent),
            (Metric::RoundsBehind, sweep.rounds_behind),
            (Metric::LookUpsWaiting, sweep.look_ups_waiting),
            (Metric::SuccessBurnPage, sweep.burn.map(|burn| burn.page_percent)),
            (Metric::SuccessBurnTicket, sweep.burn.map(|burn| burn.ticket_percent)),
            (Metric::SuccessBudgetLeftPercent, sweep.burn.and_then(|burn| burn.budget_left_percent)),
            (Metric::SuccessOfAMillion, sweep.burn.and_then(|burn| burn.good_of_a_million)),
        ];
        for (metric, value) in gauges {
            if let Some(value) = value {
                self.line.set(metric, value);
            }
        }
    }

    /// The run came to its end, and nothing of it failed.
    pub fn ran(&mut self, sweep: &Sweep) {
        self.so_far(sweep);
        self.line.set(Metric::Heartbeat, 1);
    }
}

/// What the last finished run of the reconciler says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastRun {
    /// Since the end of its window.
    pub behind_seconds: u64,
    /// Gaps of books that somebody keeps.
    pub incomplete: u64,
    pub open_breaks: u64,
    pub paid_twice: u64,
    /// To another payee than was asked for.
    pub wrong_payee: u64,
    pub lost: u64,
}

/// One invocation of the reconciler. Written when dropped.
pub struct ReconciliationMetrics {
    line: Line,
}

impl ReconciliationMetrics {
    pub fn filed(&mut self, cases: u64) {
        self.line.count(Metric::CasesFiled, cases);
    }

    /// Providers that do not send here what they should, or would not say.
    pub fn endpoints_off(&mut self, providers: u64) {
        self.line.set(Metric::EndpointsOff, providers);
    }

    pub fn providers_silent(&mut self, providers: u64) {
        self.line.set(Metric::ProvidersSilent, providers);
    }

    /// Of an invocation that fails later, too.
    pub fn last_run(&mut self, last: &LastRun) {
        self.line.set(Metric::BooksBehindSeconds, last.behind_seconds);
        self.line.set(Metric::BooksIncomplete, last.incomplete);
        self.line.set(Metric::OpenBreaks, last.open_breaks);
        self.line.set(Metric::PaidTwice, last.paid_twice);
        self.line.set(Metric::WrongPayee, last.wrong_payee);
        self.line.set(Metric::Lost, last.lost);
    }

    /// It came to its end, and nothing failed.
    pub fn ran(&mut self) {
        self.line.set(Metric::Reconciliations, 1);
    }
}

/// One run of audit-watch. Written when dropped.
pub struct WatchMetrics {
    line: Line,
}

impl WatchMetrics {
    /// An audit record that was changed or removed.
    pub fn overwritten(&mut self) {
        self.line.count(Metric::ClaimsOverwritten, 1);
    }
}

/// One run of retry-audit. Written when dropped.
pub struct AuditMetrics {
    line: Line,
}

impl AuditMetrics {
    /// The run worked to its end, and this differs: each a place of the census, and what was found. So many of them are alarms, which
    /// keep no payout from being repeated, and which differ for a while in each deployment that changes one.
    pub fn ran(&mut self, drift: Vec<Value>, of_alarms: usize) {
        self.line.set(Metric::RetryConfigDrift, drift.len().saturating_sub(of_alarms) as u64);
        self.line.set(Metric::AlarmDrift, of_alarms as u64);
        self.line.set(Metric::AuditRuns, 1);
        self.line.property("drift", drift);
    }
}

/// Written when dropped.
struct Line {
    to: Metrics,
    wide: Wide,
    values: BTreeMap<Metric, Vec<u64>>,
    properties: Map<String, Value>,
}

impl Line {
    fn new(to: Metrics, wide: Wide) -> Self {
        let counters = |metric: &&Metric| metric.kind() == Kind::Counter && metric.on().contains(&wide);
        let values = Metric::ALL.iter().filter(counters).map(|metric| (*metric, vec![0])).collect();
        Self { to, wide, values, properties: Map::new() }
    }

    fn property(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    fn set(&mut self, metric: Metric, value: u64) {
        self.values.insert(metric, vec![value]);
    }

    fn count(&mut self, metric: Metric, by: u64) {
        let values = self.values.entry(metric).or_insert_with(|| vec![0]);
        values.iter_mut().for_each(|value| *value += by);
    }

    /// A counter of zero is half of a delivery's line, and the bill for it. An alarm, and a sum of several counters, need one in each of
    /// CloudWatch's minutes: every environment writes it once.
    fn wants_zeros(&self, now: UnixMillis) -> bool {
        if self.wide != Wide::Delivery {
            return true;
        }
        let (minute, provider) = (now / MINUTE_MS, self.properties.get("provider").map(Value::to_string));
        let mut zeros = self.to.zeros.lock().unwrap_or_else(PoisonError::into_inner);
        zeros.insert(provider.unwrap_or_default(), minute) != Some(minute)
    }

    fn measure(&mut self, metric: Metric, value: u64) {
        let values = self.values.entry(metric).or_default();
        if values.len() < MAX_VALUES {
            values.push(value);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let now = self.to.clock.now();
        if !self.wants_zeros(now) {
            let is_kept = |metric: &Metric| metric.kind() != Kind::Counter || AVERAGED.contains(metric);
            self.values.retain(|metric, values| is_kept(metric) || *values != [0]);
        }
        let named = |metric: &Metric| json!({ "Name": metric.name(), "Unit": metric.unit().as_str() });
        let mut line = std::mem::take(&mut self.properties);
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [self.wide.dimensions()],
                    "Metrics": self.values.keys().map(named).collect::<Vec<_>>(),
                }],
            }),
        );
        for (metric, values) in &self.values {
            let value = if let [only] = values.as_slice() { json!(only) } else { json!(values) };
            line.insert(metric.name().to_owned(), value);
        }
        (self.to.write)(&Value::Object(line).to_string());
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
