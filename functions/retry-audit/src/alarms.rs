//! The alarms as they were made, against those that CloudWatch has: whoever puts one of the same name overwrites it without a trace.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::census::Expected;
use crate::verdict::{Drift, Subject};

/// Written by `cargo run -- template`, beside the template.
pub const TEXT: &str = include_str!("../../../infra/alarms.json");

/// The place of the census.
const PLACE: &str = "alarms";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub alarms: Vec<Map<String, Value>>,
    /// Composite alarms, where there are any.
    pub incidents: Vec<String>,
}

impl Made {
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// What differs of CloudWatch's answers, metric alarms and composite ones alike. Whether they are silenced is a row of the census.
pub fn changed(made: &Made, expected: &Expected, subjects: &[Subject]) -> Vec<Drift> {
    let answers: Vec<&Value> =
        subjects.iter().filter(|subject| subject.of == "alarm").map(|subject| &subject.answer).collect();
    let topic = |name: &str| expected.get(name).map(String::as_str).filter(|arn| !arn.is_empty());
    let is_composed = expected.get("composite_alarms").is_some_and(|composed| composed == "true");
    let (page, ticket) = (topic("page_topic"), topic("ticket_topic"));
    let mut drift = vec![];
    for alarm in &made.alarms {
        let name = alarm.get("AlarmName").and_then(Value::as_str).unwrap_or_default();
        let tells = match alarm.get("Tells").and_then(Value::as_str) {
            Some("ticket") => ticket,
            Some("cause") if is_composed => None,
            _ => page,
        };
        let settings = alarm.iter().filter(|(key, _)| !matches!(key.as_str(), "AlarmName" | "Tells"));
        one(name, settings, tells, &answers, &mut drift);
    }
    for name in made.incidents.iter().filter(|_| is_composed) {
        one(name, std::iter::empty(), page, &answers, &mut drift);
    }
    drift
}

fn one<'a>(
    name: &str,
    settings: impl Iterator<Item = (&'a String, &'a Value)>,
    tells: Option<&str>,
    answers: &[&Value],
    drift: &mut Vec<Drift>,
) {
    let mut add = |path: &str, must: String, found: String| {
        let subject = format!("alarm {name}");
        drift.push(Drift { place: PLACE.to_owned(), subject, path: path.to_owned(), must, found });
    };
    let Some(answer) = answers.iter().find(|answer| answer["AlarmName"] == name) else {
        return add("", "it is there".to_owned(), "nothing".to_owned());
    };
    for (key, wanted) in settings {
        let found = match &answer[key.as_str()] {
            // Where it is not said, all periods are meant.
            Value::Null if key == "DatapointsToAlarm" => &answer["EvaluationPeriods"],
            found => found,
        };
        if said(found) != said(wanted) {
            add(&format!("/{key}"), said(wanted), said(found));
        }
    }
    let is_told = |topic: &str| answer["AlarmActions"].as_array().is_some_and(|all| all.iter().any(|one| one == topic));
    if let Some(topic) = tells.filter(|topic| !is_told(topic)) {
        add("/AlarmActions", topic.to_owned(), said(&answer["AlarmActions"]));
    }
}

/// A whole number alike, whether it is written with a point or without.
fn said(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made() -> Made {
        Made::parse(TEXT).unwrap()
    }

    fn topics(composed: &str) -> Expected {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        [of("page_topic", "arn:page"), of("ticket_topic", "arn:ticket"), of("composite_alarms", composed)].into()
    }

    /// As CloudWatch describes them once they are made.
    fn as_made(composed: bool) -> Vec<Value> {
        let made = made();
        let alarms = made.alarms.iter().map(|alarm| {
            let mut answer = Value::Object(alarm.clone());
            let threshold = alarm["Threshold"].as_str().unwrap();
            answer["Threshold"] =
                serde_json::from_str(&format!("{threshold}{}", if threshold.contains('.') { "" } else { ".0" }))
                    .unwrap();
            if alarm["DatapointsToAlarm"] == alarm["EvaluationPeriods"] {
                answer["DatapointsToAlarm"] = Value::Null;
            }
            answer["AlarmActions"] = match alarm["Tells"].as_str().unwrap() {
                "ticket" => json!(["arn:ticket"]),
                "cause" if composed => json!([]),
                _ => json!(["arn:page"]),
            };
            answer
        });
        let incident = |name: &String| json!({ "AlarmName": name, "AlarmActions": ["arn:page"] });
        alarms.chain(made.incidents.iter().filter(|_| composed).map(incident)).collect()
    }

    fn drift(expected: &Expected, answers: Vec<Value>) -> Vec<Drift> {
        let subject = |answer| Subject { of: "alarm", answer, ..Subject::default() };
        changed(&made(), expected, &answers.into_iter().map(subject).collect::<Vec<_>>())
    }

    fn of<'a>(answers: &'a mut [Value], name: &str) -> &'a mut Value {
        answers.iter_mut().find(|answer| answer["AlarmName"] == name).unwrap()
    }

    #[test]
    fn alarms_as_they_were_made_are_no_drift() {
        assert_eq!(drift(&topics("true"), as_made(true)), []);
        assert_eq!(drift(&topics("false"), as_made(false)), []);
        // Without topics nobody is to be told.
        assert_eq!(drift(&Expected::new(), as_made(false)), []);
    }

    #[test]
    fn an_alarm_that_is_gone_muted_or_changed_is_named() {
        type Change = fn(&mut Vec<Value>);
        let changes: [(&str, &str, Change); 8] = [
            ("payonce-paid-twice", "", |all| all.retain(|one| one["AlarmName"] != "payonce-paid-twice")),
            ("payonce-lost", "/AlarmActions", |all| of(all, "payonce-lost")["AlarmActions"] = json!([])),
            ("payonce-swept", "/AlarmActions", |all| of(all, "payonce-swept")["AlarmActions"] = json!(["arn:page"])),
            ("payonce-swept", "/Threshold", |all| of(all, "payonce-swept")["Threshold"] = json!(1000)),
            ("payonce-front-door-4xx", "/Threshold", |all| {
                of(all, "payonce-front-door-4xx")["Threshold"] = serde_json::from_str("0.95").unwrap();
            }),
            ("payonce-sweeper-silent", "/TreatMissingData", |all| {
                of(all, "payonce-sweeper-silent")["TreatMissingData"] = json!("notBreaching");
            }),
            ("payonce-endpoints-off", "/DatapointsToAlarm", |all| {
                of(all, "payonce-endpoints-off")["DatapointsToAlarm"] = Value::Null;
            }),
            ("payonce-incident-stripe-payouts-stopped", "/AlarmActions", |all| {
                of(all, "payonce-incident-stripe-payouts-stopped")["AlarmActions"] = json!(["arn:ticket"]);
            }),
        ];
        for (name, path, change) in changes {
            let mut answers = as_made(true);
            change(&mut answers);
            let drift = drift(&topics("true"), answers);
            let found: Vec<(String, &str)> =
                drift.iter().map(|found| (found.subject.clone(), found.path.as_str())).collect();
            assert_eq!(found, [(format!("alarm {name}"), path)], "{name}{path}");
            assert_eq!(drift[0].place, "alarms");
        }
    }
}
