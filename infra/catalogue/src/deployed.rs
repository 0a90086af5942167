//! The alarms as CloudWatch must describe them once they are deployed: retry-audit holds its answers against this file, which is compiled
//! into it.

use serde_json::{Value, json};

use crate::alarm::{Cause, Urgency};
use crate::placed::Placed;

/// As it stands in `infra/alarms.json`: one alarm a line, in CloudWatch's words but for `Tells`, and a threshold as text.
pub fn file(placed: &[Placed]) -> String {
    let alarms: Vec<String> = placed.iter().map(|one| format!("    {}", described(one))).collect();
    let incidents: Vec<String> =
        Cause::ALL.iter().map(|cause| format!("\"payonce-incident-{}\"", cause.name())).collect();
    format!("{{\n  \"alarms\": [\n{}\n  ],\n  \"incidents\": [{}]\n}}\n", alarms.join(",\n"), incidents.join(", "))
}

fn described(one: &Placed) -> Value {
    let alarm = &one.alarm;
    let statistic = if alarm.statistic.is_percentile() { "ExtendedStatistic" } else { "Statistic" };
    let tells = match (alarm.urgency, alarm.cause) {
        (Urgency::Ticket, _) => "ticket",
        (Urgency::Page, None) => "page",
        // By itself only where nothing is put together.
        (Urgency::Page, Some(_)) => "cause",
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
