//! Alarms where they stand: those of the stack once, those of a provider once for each, with the names that they have there.

use payonce_runtime::metrics::Metric;

use crate::alarm::{Alarm, Cause, Scope, Source, Thousandths, Urgency, Value, is_of_providers};
use crate::name::logical;

/// A provider of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub name: String,
    /// Its part of a logical id.
    pub id: String,
    /// How long it waits for one answer, where that is known.
    pub patience_ms: Option<u64>,
}

impl Provider {
    pub fn new(name: &str, patience_ms: Option<u64>) -> Self {
        Self { name: name.to_owned(), id: logical(name), patience_ms }
    }
}

/// One alarm of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub alarm: Alarm,
    pub provider: Option<Provider>,
    pub threshold: Thousandths,
}

/// In the order of the catalogue, the providers' first.
pub fn placed(alarms: &[Alarm], providers: &[Provider]) -> Vec<Placed> {
    let of = |alarm: &Alarm, provider: Option<&Provider>| {
        let threshold = alarm.threshold.resolved(provider.and_then(|provider| provider.patience_ms))?;
        Some(Placed { alarm: alarm.clone(), provider: provider.cloned(), threshold })
    };
    let (each, stack): (Vec<&Alarm>, Vec<&Alarm>) = alarms.iter().partition(|alarm| alarm.scope == Scope::EachProvider);
    let each = providers.iter().flat_map(|provider| each.iter().filter_map(move |alarm| of(alarm, Some(provider))));
    each.chain(stack.iter().filter_map(|alarm| of(alarm, None))).collect()
}

impl Placed {
    pub fn id(&self) -> String {
        match &self.provider {
            Some(provider) => format!("Webhook{}{}", provider.id, self.alarm.id),
            None => self.alarm.id.to_owned(),
        }
    }

    pub fn name(&self) -> String {
        match &self.provider {
            Some(provider) => format!("payonce-webhook-{}-{}", provider.name, self.alarm.name),
            None => format!("payonce-{}", self.alarm.name),
        }
    }

    /// As a text of YAML in which CloudFormation puts the address of the runbooks.
    pub fn description(&self) -> String {
        let Alarm { money, text, runbook, .. } = self.alarm;
        format!("{money} {text} Runbook: ${{RunbookUrl}}{runbook}.md").replace('\'', "''")
    }

    /// Name and value of its dimension, the value as YAML; `nth` are the tables.
    pub fn dimension(&self, nth: &str) -> Option<(&'static str, String)> {
        let provider = self.provider.as_ref();
        match self.alarm.source {
            Source::Ours(metric) => {
                let provider = provider.filter(|_| is_of_providers(metric))?;
                Some(("provider", format!("'{}'", provider.name)))
            }
            Source::Aws { dimension, value, .. } => {
                let id = provider.map_or("", |provider| provider.id.as_str());
                let value = match value {
                    Value::Ref(of) => format!("!Ref {of}"),
                    Value::Attribute(of) => format!("!GetAtt {of}"),
                    Value::OfProvider(of) => format!("!Ref Webhook{id}{of}"),
                    Value::Table(table) => format!("!Ref {table}{nth}"),
                };
                Some((dimension, value))
            }
        }
    }

    /// The property that names it.
    pub fn statistic(&self) -> String {
        let statistic = self.alarm.statistic;
        let property = if statistic.is_percentile() { "ExtendedStatistic" } else { "Statistic" };
        format!("{property}: {}", statistic.as_str())
    }

    /// Whom it tells: a condition, and the parameter that names the topic. One of a cause pages by itself only where nothing is
    /// put together.
    pub fn tells(&self) -> (&'static str, &'static str) {
        match (self.alarm.urgency, self.alarm.cause) {
            (Urgency::Ticket, _) => ("HasTicketTopic", "TicketTopicArn"),
            (Urgency::Page, None) => ("HasPageTopic", "PageTopicArn"),
            (Urgency::Page, Some(_)) => ("PagesSingly", "PageTopicArn"),
        }
    }

    /// Whether this provider's canary goes back by it.
    pub fn takes_back(&self, provider: &Provider) -> bool {
        self.alarm.takes_canary_back && self.provider.as_ref() == Some(provider)
    }

    pub fn metric(&self) -> Option<Metric> {
        match self.alarm.source {
            Source::Ours(metric) => Some(metric),
            Source::Aws { .. } => None,
        }
    }
}

/// Those of one cause that page, as one alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub cause: Cause,
    /// Logical ids, which are names once they are made.
    pub of: Vec<String>,
}

pub fn incidents(placed: &[Placed]) -> Vec<Incident> {
    let of = |cause| {
        let pages = |one: &&Placed| one.alarm.cause == Some(cause) && one.alarm.urgency == Urgency::Page;
        Incident { cause, of: placed.iter().filter(pages).map(Placed::id).collect() }
    };
    Cause::ALL.into_iter().map(of).collect()
}

impl Incident {
    /// On while any is: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
    pub fn rule(&self) -> String {
        let alarms: Vec<String> = self.of.iter().map(|id| format!("ALARM(\"${{{id}}}\")")).collect();
        alarms.join(" OR ")
    }

    pub fn description(&self) -> String {
        let (money, name) = (self.cause.money(), self.cause.name());
        format!("{money} Its runbook says which alarm of it to begin with. Runbook: ${{RunbookUrl}}incident-{name}.md")
    }
}

/// So many alarms one rule mutes: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAlarmMuteRule.html>
const MUTED_AT_MOST: usize = 100;

/// What a maintenance window mutes, as values of YAML and one list for each rule: everything but what tells of money that is gone or
/// of a guard that failed.
pub fn muted(placed: &[Placed]) -> Vec<Vec<String>> {
    let is_muted = |one: &&Placed| one.alarm.urgency == Urgency::Ticket || one.alarm.cause.is_some();
    let alarms = placed.iter().filter(is_muted).map(|one| format!("!Ref {}", one.id()));
    let incidents =
        Cause::ALL.into_iter().map(|cause| format!("!If [ComposesAlarms, !Ref {}, !Ref AWS::NoValue]", cause.id()));
    incidents.chain(alarms).collect::<Vec<_>>().chunks(MUTED_AT_MOST).map(<[String]>::to_vec).collect()
}
