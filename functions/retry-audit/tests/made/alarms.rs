//! The alarms of the template as CloudWatch describes them once they are made, for the tests of this folder.

use retry_audit::alarms::{Known, Made, TEXT};
use serde_json::{Value, json};

pub const PAGE: &str = "arn:aws:sns:eu-central-1:111122223333:page";
pub const TICKET: &str = "arn:aws:sns:eu-central-1:111122223333:ticket";

pub fn made() -> Made {
    Made::parse(TEXT).unwrap()
}

/// What CloudFormation calls the log group of a function here.
pub fn log_of(function: &str) -> String {
    format!("{function}-Log1")
}

fn value(known: &Known) -> String {
    match known {
        Known::Value(value) => value.clone(),
        Known::LogOf(function) => log_of(function),
        Known::ApiOf(_) => "api".to_owned(),
        Known::Table(word) => format!("payonce-{word}"),
        Known::Expected(name) => format!("payonce-{}", name.replace('_', "-")),
    }
}

/// Metric alarms, and composite ones where there are any.
pub fn described(is_composed: bool) -> Vec<Value> {
    let made = made();
    let alarms = made.alarms.iter().map(|alarm| {
        let mut answer = Value::Object(alarm.settings.clone());
        answer["AlarmName"] = json!(alarm.alarm_name);
        answer["ActionsEnabled"] = json!(true);
        let dimension = |(name, known): (&String, &Known)| json!({ "Name": name, "Value": value(known) });
        let dimensions = alarm.dimensions.iter().map(|one| dimension((&one.name, &one.value)));
        answer["Dimensions"] = dimensions.rev().collect();
        let threshold = answer["Threshold"].as_str().unwrap();
        let point = if threshold.contains('.') { "" } else { ".0" };
        answer["Threshold"] = serde_json::from_str(&format!("{threshold}{point}")).unwrap();
        if let Some(minutes) = alarm.warm_up_minutes {
            answer["WarmUpConfiguration"] = json!({ "WarmUpPeriodDurationInMinutes": minutes });
        }
        if answer["DatapointsToAlarm"] == answer["EvaluationPeriods"] {
            answer["DatapointsToAlarm"] = Value::Null;
        }
        answer["AlarmActions"] = match alarm.tells.as_str() {
            "ticket" => json!([TICKET]),
            "cause" if is_composed => json!([]),
            _ => json!([PAGE]),
        };
        answer
    });
    let incidents = made.incidents.iter().filter(|_| is_composed).map(|incident| {
        json!({
            "AlarmName": incident.alarm_name, "AlarmRule": incident.alarm_rule, "ActionsEnabled": true,
            "AlarmActions": [PAGE],
        })
    });
    alarms.chain(incidents).collect()
}

/// A rule that mutes one alarm.
pub fn mute_rule(expression: &str, duration: &str, alarm: &str) -> Value {
    json!({
        "Rule": { "Schedule": { "Expression": expression, "Duration": duration } },
        "MuteTargets": { "AlarmNames": [alarm] }, "Status": "SCHEDULED",
    })
}
