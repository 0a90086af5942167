//! The alarms as CloudWatch must describe them once they are deployed: retry-audit holds its answers against this file, which is compiled
//! into it.

use serde_json::{Value, json};

use crate::alarm::Urgency;
use crate::placed::{Placed, incidents};

/// As it stands in `infra/alarms.json`: one alarm a line, in CloudWatch's words but for `Tells`, and a threshold as text.
pub fn file(placed: &[Placed]) -> String {
    let alarms: Vec<String> = placed.iter().map(|one| format!("    {}", described(one))).collect();
    let incidents: Vec<String> =
        incidents(placed).iter().map(|incident| format!("    \"{}\"", incident.name())).collect();
    let (alarms, incidents) = (alarms.join(",\n"), incidents.join(",\n"));
    format!("{{\n  \"alarms\": [\n{alarms}\n  ],\n  \"incidents\": [\n{incidents}\n  ]\n}}\n")
}

fn described(one: &Placed) -> Value {
    let alarm = &one.alarm;
    let statistic = if alarm.statistic.is_percentile() { "ExtendedStatistic" } else { "Statistic" };
    let tells = match alarm.urgency {
        Urgency::Ticket => "ticket",
        // By itself only where nothing is put together.
        Urgency::Page if alarm.is_composed() => "cause",
        Urgency::Page => "page",
    };
    json!({
        "AlarmName": one.name(),
        "Namespace": alarm.source.namespace(),
        "MetricName": alarm.source.metric(),
        statistic: alarm.statistic.as_str(),
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": one.threshold.to_string(),
        "ComparisonOperator": alarm.comparison.as_str(),
        "TreatMissingData": alarm.missing.as_str(),
        "Tells": tells,
    })
}
