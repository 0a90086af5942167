//! Alarms where they stand: those of the stack once, those of a provider once for each, with the names that they have there.

use std::collections::BTreeSet;

use payonce_runtime::metrics::Metric;

use crate::alarm::{Alarm, Cause, Scope, Source, Thousandths, Urgency, Value, is_of_providers};
use crate::alarms::INDEX_DIMENSION;
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

    /// Its dimensions as YAML, without the brackets around them; `nth` are the tables.
    pub fn dimensions(&self, nth: &str) -> Option<String> {
        let provider = self.provider.as_ref();
        let (dimension, value) = match self.alarm.source {
            Source::Ours(metric) => {
                let provider = provider.filter(|_| is_of_providers(metric))?;
                ("provider", format!("'{}'", provider.name))
            }
            Source::Aws { dimension, value, .. } => {
                let id = provider.map_or("", |provider| provider.id.as_str());
                let value = match value {
                    Value::Ref(of) => format!("!Ref {of}"),
                    Value::Attribute(of) => format!("!GetAtt {of}"),
                    Value::OfProvider(of) => format!("!Ref Webhook{id}{of}"),
                    Value::Table(table) | Value::Index(table, _) => format!("!Ref {table}{nth}"),
                };
                (dimension, value)
            }
        };
        let first = format!("{{Name: {dimension}, Value: {value}}}");
        Some(match self.alarm.source {
            Source::Aws { value: Value::Index(_, index), .. } => {
                format!("{first}, {{Name: {INDEX_DIMENSION}, Value: {index}}}")
            }
            _ => first,
        })
    }

    /// The property that names it.
    pub fn statistic(&self) -> String {
        let statistic = self.alarm.statistic;
        let property = if statistic.is_percentile() { "ExtendedStatistic" } else { "Statistic" };
        format!("{property}: {}", statistic.as_str())
    }

    /// Whom it tells: a condition, and the parameter that names the topic. One that is composed pages by itself only where nothing is
    /// put together.
    pub fn tells(&self) -> (&'static str, &'static str) {
        match self.alarm.urgency {
            Urgency::Ticket => ("HasTicketTopic", "TicketTopicArn"),
            Urgency::Page if self.alarm.is_composed() => ("PagesSingly", "PageTopicArn"),
            Urgency::Page => ("HasPageTopic", "PageTopicArn"),
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

/// The composite alarms that there are, as each provider has them or as the stack does.
pub fn causes(alarms: &[Alarm]) -> BTreeSet<(Scope, Cause)> {
    let composed = alarms.iter().filter(|alarm| alarm.is_composed());
    composed.filter_map(|alarm| Some((alarm.scope, alarm.cause?))).collect()
}

/// Those of one cause that page, of one provider or of the stack, as one alarm. Of several providers each has its own: a provider
/// whose fault goes on for days keeps no other's from paging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub cause: Cause,
    pub provider: Option<Provider>,
    pub of: Vec<Placed>,
}

/// In the order of the alarms, the providers' first.
pub fn incidents(placed: &[Placed]) -> Vec<Incident> {
    let mut all: Vec<Incident> = vec![];
    for one in placed.iter().filter(|one| one.alarm.is_composed()) {
        let Some(cause) = one.alarm.cause else { continue };
        match all.iter_mut().find(|incident| incident.cause == cause && incident.provider == one.provider) {
            Some(incident) => incident.of.push(one.clone()),
            None => all.push(Incident { cause, provider: one.provider.clone(), of: vec![one.clone()] }),
        }
    }
    all
}

impl Incident {
    pub fn id(&self) -> String {
        let of = self.provider.as_ref().map(|provider| format!("Webhook{}", provider.id));
        format!("{}Incident{}", of.unwrap_or_default(), self.cause.id())
    }

    pub fn name(&self) -> String {
        let of = self.provider.as_ref().map(|provider| format!("{}-", provider.name));
        format!("payonce-incident-{}{}", of.unwrap_or_default(), self.cause.name())
    }

    /// On while any is, as the template writes it: a logical id becomes the alarm's name.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
    pub fn rule(&self) -> String {
        any(self.of.iter().map(|one| format!("${{{}}}", one.id())))
    }

    /// The same, as CloudWatch has it then.
    pub fn rule_of_names(&self) -> String {
        any(self.of.iter().map(Placed::name))
    }

    pub fn description(&self) -> String {
        let (money, name) = (self.cause.money(), self.cause.name());
        format!("{money} Its runbook says which alarm of it to begin with. Runbook: ${{RunbookUrl}}incident-{name}.md")
    }
}

fn any(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("ALARM(\"{name}\")")).collect::<Vec<_>>().join(" OR ")
}

/// So many alarms one rule mutes: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAlarmMuteRule.html>
const MUTED_AT_MOST: usize = 100;

/// Whether a maintenance window mutes it: everything but what tells of money that is gone or of a guard that failed.
pub fn is_muted(one: &Placed) -> bool {
    one.alarm.urgency == Urgency::Ticket || one.alarm.cause.is_some()
}

/// What a maintenance window mutes, as values of YAML and one list for each rule.
pub fn muted(placed: &[Placed]) -> Vec<Vec<String>> {
    let alarms = placed.iter().filter(|one| is_muted(one)).map(|one| format!("!Ref {}", one.id()));
    let incidents = incidents(placed);
    let incidents = incidents.iter().map(|one| format!("!If [ComposesAlarms, !Ref {}, !Ref AWS::NoValue]", one.id()));
    incidents.chain(alarms).collect::<Vec<_>>().chunks(MUTED_AT_MOST).map(<[String]>::to_vec).collect()
}
