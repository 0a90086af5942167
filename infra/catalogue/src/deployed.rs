//! The alarms as CloudWatch must describe them once they are deployed: retry-audit holds its answers against this file, which is compiled
//! into it.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::alarm::{Source, Urgency, Value, is_of_providers};
use crate::alarms::INDEX_DIMENSION;
use crate::placed::{Placed, incidents, is_muted};

/// As it stands in `infra/alarms.json`: one alarm a line, in CloudWatch's words but for `Tells`, `Muted`, `WarmUpMinutes` and the values of
/// dimensions, and a threshold as text.
pub fn file(placed: &[Placed]) -> String {
    let alarms: Vec<String> = placed.iter().map(|one| format!("    {}", described(one))).collect();
    let incidents: Vec<String> = incidents(placed)
        .iter()
        .map(|one| format!("    {}", json!({ "AlarmName": one.name(), "AlarmRule": one.rule_of_names() })))
        .collect();
    let (alarms, incidents) = (alarms.join(",\n"), incidents.join(",\n"));
    format!("{{\n  \"alarms\": [\n{alarms}\n  ],\n  \"incidents\": [\n{incidents}\n  ]\n}}\n")
}

/// As they stand in `infra/dashboards.json`: of each its panels, a line each, with the metrics that they show.
pub fn dashboards<'a>(drawn: impl Iterator<Item = (&'a str, &'a [String])>) -> Option<String> {
    let mut all = vec![];
    for (name, lines) in drawn {
        let body: Json = serde_json::from_str(&lines.join("\n")).ok()?;
        let panels = body["widgets"].as_array()?.iter().map(|widget| {
            let properties = &widget["properties"];
            let metrics = properties["metrics"].as_array().into_iter().flatten();
            let named = metrics.filter_map(|metric| Some(format!("{} {}", metric[0].as_str()?, metric[1].as_str()?)));
            let named: BTreeSet<String> = named.collect();
            format!("    {}", json!({ "title": properties["title"], "type": widget["type"], "metrics": named }))
        });
        let panels: Vec<String> = panels.collect();
        all.push(format!("  \"payonce-{name}\": [\n{}\n  ]", panels.join(",\n")));
    }
    Some(format!("{{\n{}\n}}\n", all.join(",\n")))
}

fn described(one: &Placed) -> Json {
    let alarm = &one.alarm;
    let statistic = if alarm.statistic.is_percentile() { "ExtendedStatistic" } else { "Statistic" };
    let tells = match alarm.urgency {
        Urgency::Ticket => "ticket",
        // By itself only where nothing is put together.
        Urgency::Page if alarm.is_composed() => "cause",
        Urgency::Page => "page",
    };
    let mut described = json!({
        "AlarmName": one.name(),
        "Namespace": alarm.source.namespace(),
        "MetricName": alarm.source.metric(),
        "Dimensions": dimensions(one),
        statistic: alarm.statistic.as_str(),
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": one.threshold.to_string(),
        "ComparisonOperator": alarm.comparison.as_str(),
        "TreatMissingData": alarm.missing.as_str(),
        "Tells": tells,
        "Muted": is_muted(one),
    });
    if let Some(minutes) = alarm.warm_up_minutes {
        described["WarmUpMinutes"] = json!(minutes);
    }
    described
}

/// Each by its name, with its value where a name is written out in the template. Where CloudFormation makes the name, it says whose it is,
/// and retry-audit sees from that one's own settings what it is.
fn dimensions(one: &Placed) -> Vec<Json> {
    let provider = one.provider.as_ref().map_or("", |provider| provider.name.as_str());
    let (dimension, value) = match one.alarm.source {
        Source::Ours(metric) if is_of_providers(metric) => {
            return vec![json!({ "Name": "provider", "Value": provider })];
        }
        Source::Ours(_) => return vec![],
        Source::Aws { dimension, value, .. } => (dimension, value),
    };
    let webhook = format!("payonce-webhook-{provider}");
    let (key, said) = match value {
        Value::OfProvider("") => ("Value", webhook),
        Value::OfProvider(_) => ("LogOf", webhook),
        Value::Ref("Api") => ("ApiOf", "webhook".to_owned()),
        Value::Ref(id) => match id.strip_suffix("Log") {
            Some(function) => ("LogOf", format!("payonce-{}", hyphenated(function))),
            None => ("Value", format!("payonce-{}", hyphenated(id))),
        },
        Value::Attribute(of) => ("Expected", hyphenated(of.split('.').next().unwrap_or_default()).replace('-', "_")),
        Value::Table(table) | Value::Index(table, _) => ("Table", hyphenated(table.trim_end_matches("Table"))),
    };
    let index = match value {
        Value::Index(_, index) => Some(json!({ "Name": INDEX_DIMENSION, "Value": index })),
        _ => None,
    };
    [json!({ "Name": dimension, key: said })].into_iter().chain(index).collect()
}

/// `retry-audit` of `RetryAudit`: what functions and tables are called in the template.
fn hyphenated(id: &str) -> String {
    id.char_indices().fold(String::new(), |mut name, (at, letter)| {
        if at > 0 && letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
        name
    })
}
