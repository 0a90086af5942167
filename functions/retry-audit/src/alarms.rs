//! The alarms as they were made, against those that CloudWatch has: whoever puts one of the same name overwrites it without a trace, and
//! one that looks at something else, or that is muted, never tells anybody.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutAlarmMuteRule.html>

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::census::Expected;
use crate::verdict::{Deployed, Drift, Subject};

/// Written by `cargo run -- template`, beside the template.
pub const TEXT: &str = include_str!("../../../infra/alarms.json");

/// The place of the census.
pub const PLACE: &str = "alarms";

/// How the names of the template's own mute rules begin.
const MAINTENANCE: &str = "payonce-maintenance-";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    pub alarms: Vec<Alarm>,
    /// Composite alarms, where there are any.
    pub incidents: Vec<Incident>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    pub alarm_name: String,
    pub tells: String,
    /// A maintenance window may mute it.
    pub muted: bool,
    pub dimensions: Vec<Dimension>,
    /// So long it may wait for its first figure.
    pub warm_up_minutes: Option<u64>,
    /// In CloudWatch's words.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Incident {
    pub alarm_name: String,
    pub alarm_rule: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Dimension {
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(flatten)]
    pub value: Known,
}

/// What a dimension must say, or whose name it holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Known {
    Value(String),
    /// The log group of a function, as its configuration names it.
    LogOf(String),
    /// The API that may invoke a function of this kind, by its resource policy.
    ApiOf(String),
    /// The census' word for a table.
    Table(String),
    /// The last part of the ARN that the template gives under this name.
    Expected(String),
}

impl Made {
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// What differs of CloudWatch's answers, metric alarms, composite ones and mute rules alike. Whether their actions are off is a row of
/// the census.
pub fn changed(made: &Made, expected: &Expected, deployed: &Deployed) -> Vec<Drift> {
    let subjects = |of| deployed.subjects.iter().filter(move |subject| subject.of == of);
    let answers: Vec<&Value> = subjects("alarm").map(|subject| &subject.answer).collect();
    let topic = |name: &str| expected.get(name).map(String::as_str).filter(|arn| !arn.is_empty());
    let is_composed = expected.get("composite_alarms").is_some_and(|composed| composed == "true");
    let (page, ticket) = (topic("page_topic"), topic("ticket_topic"));
    let mut drift = vec![];
    for alarm in &made.alarms {
        let Some(mut one) = One::of(&alarm.alarm_name, &answers, &mut drift) else { continue };
        alarm.settings.iter().for_each(|(key, wanted)| one.says(key, wanted));
        one.looks_at(&alarm.dimensions, expected, deployed);
        one.warms_up(alarm.warm_up_minutes);
        // A value of another unit is another figure, and a formula takes the place of the figure.
        one.says_nothing_of(&["Unit", "Metrics"]);
        one.tells(match alarm.tells.as_str() {
            "ticket" => ticket,
            "cause" if is_composed => None,
            _ => page,
        });
    }
    for incident in made.incidents.iter().filter(|_| is_composed) {
        let Some(mut one) = One::of(&incident.alarm_name, &answers, &mut drift) else { continue };
        one.says("AlarmRule", &Value::String(incident.alarm_rule.clone()));
        // While the alarm that it names is on, this one tells nobody.
        one.says_nothing_of(&["ActionsSuppressor"]);
        one.tells(page);
    }
    drift.extend(subjects("mute_rule").filter_map(|rule| muting(made, expected, rule)));
    drift
}

/// One alarm of CloudWatch's answers, and where to say what differs.
struct One<'a> {
    name: &'a str,
    answer: &'a Value,
    drift: &'a mut Vec<Drift>,
}

impl<'a> One<'a> {
    fn of(name: &'a str, answers: &[&'a Value], drift: &'a mut Vec<Drift>) -> Option<Self> {
        let Some(answer) = answers.iter().find(|answer| answer["AlarmName"] == name) else {
            let (must, found) = ("it is there".to_owned(), "nothing".to_owned());
            drift.push(differs(format!("alarm {name}"), "", must, found));
            return None;
        };
        Some(Self { name, answer, drift })
    }

    fn add(&mut self, key: &str, must: String, found: String) {
        self.drift.push(differs(format!("alarm {}", self.name), &format!("/{key}"), must, found));
    }

    fn says(&mut self, key: &str, wanted: &Value) {
        let found = match &self.answer[key] {
            // Where it is not said, all periods are meant.
            Value::Null if key == "DatapointsToAlarm" => &self.answer["EvaluationPeriods"],
            found => found,
        };
        if said(found) != said(wanted) {
            self.add(key, said(wanted), said(found));
        }
    }

    fn says_nothing_of(&mut self, keys: &[&str]) {
        for key in keys {
            let found = &self.answer[*key];
            if !found.is_null() && found != "" && found.as_array().is_none_or(|all| !all.is_empty()) {
                self.add(key, "nothing".to_owned(), said(found));
            }
        }
    }

    /// An alarm that was made anew and warms up for days tells nobody so long. One that does not warm up tells more.
    fn warms_up(&mut self, minutes: Option<u64>) {
        const KEY: &str = "WarmUpConfiguration";
        let found = &self.answer[KEY];
        let waits = found["OnlyStartEvaluatingAfterWarmUpPeriodEnds"] == true;
        if !found.is_null() && (waits || found["WarmUpPeriodDurationInMinutes"].as_u64() != minutes) {
            self.add(KEY, minutes.map_or("nothing".to_owned(), |minutes| format!("{minutes} minutes")), said(found));
        }
    }

    fn looks_at(&mut self, dimensions: &[Dimension], expected: &Expected, deployed: &Deployed) {
        let found = self.answer["Dimensions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let must = dimensions.iter().map(|one| (one.name.as_str(), values(&one.value, expected, deployed)));
        let must: Vec<(&str, Vec<String>)> = must.collect();
        let holds = |(name, values): &(&str, Vec<String>)| {
            found.iter().any(|one| one["Name"] == *name && values.iter().any(|value| one["Value"] == *value))
        };
        if found.len() != must.len() || !must.iter().all(holds) {
            let must: Vec<String> =
                must.iter().map(|(name, values)| format!("{name}={}", values.join(" or "))).collect();
            let found: Vec<String> =
                found.iter().map(|one| format!("{}={}", said(&one["Name"]), said(&one["Value"]))).collect();
            self.add("Dimensions", must.join(", "), found.join(", "));
        }
    }

    fn tells(&mut self, topic: Option<&str>) {
        let told = &self.answer["AlarmActions"];
        let is_told = |topic: &str| told.as_array().is_some_and(|all| all.iter().any(|one| one == topic));
        if let Some(topic) = topic.filter(|topic| !is_told(topic)) {
            self.add("AlarmActions", topic.to_owned(), said(told));
        }
    }
}

fn differs(subject: String, path: &str, must: String, found: String) -> Drift {
    Drift { place: PLACE.to_owned(), subject, path: path.to_owned(), must, found }
}

/// What is right there, by the settings of whoever has the name. A function that is being deployed may have two.
fn values(known: &Known, expected: &Expected, deployed: &Deployed) -> Vec<String> {
    let texts = |of: &str, is_whose: &dyn Fn(&Subject) -> bool, path: &str| -> Vec<String> {
        let chosen = deployed.subjects.iter().filter(|subject| subject.of == of && is_whose(subject));
        chosen.filter_map(|subject| subject.answer.pointer(path)?.as_str().map(str::to_owned)).collect()
    };
    match known {
        Known::Value(value) => vec![value.clone()],
        Known::LogOf(function) => {
            texts("configuration", &|subject| subject.owner == *function, "/LoggingConfig/LogGroup")
        }
        Known::ApiOf(kind) => {
            let arns = texts("policy_statement", &|subject| subject.kind == *kind, "/Condition/ArnLike/AWS:SourceArn");
            // arn:aws:execute-api:region:account:api/stage/method/path
            let api = |arn: &String| Some(arn.split(':').nth(5)?.split('/').next()?.to_owned());
            arns.iter().filter_map(api).collect()
        }
        Known::Table(word) => {
            deployed.tables.iter().filter(|table| table.table == *word).map(|table| table.name.clone()).collect()
        }
        Known::Expected(name) => {
            expected.get(name).and_then(|arn| arn.rsplit(':').next()).map(str::to_owned).into_iter().collect()
        }
    }
}

/// A mute rule for alarms of ours that is not the maintenance window of the template. The alarm looks as ever, and tells nobody.
fn muting(made: &Made, expected: &Expected, rule: &Subject) -> Option<Drift> {
    let targets = rule.answer["MuteTargets"]["AlarmNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mutable = |name: &Value| match made.alarms.iter().find(|alarm| *name == alarm.alarm_name) {
        Some(alarm) => Some(alarm.muted),
        None => made.incidents.iter().any(|incident| *name == incident.alarm_name).then_some(true),
    };
    let of_ours: Vec<bool> = targets.iter().filter_map(mutable).collect();
    if of_ours.is_empty() {
        return None;
    }
    let schedule = &rule.answer["Rule"]["Schedule"];
    let is_as_made = |key: &str, name: &str| expected.get(name).is_some_and(|made| schedule[key] == *made);
    let is_the_templates = rule.owner.starts_with(MAINTENANCE)
        && is_as_made("Expression", "maintenance_schedule")
        && is_as_made("Duration", "maintenance_duration")
        && of_ours.iter().all(|may_be_muted| *may_be_muted);
    let found = || {
        let names: Vec<String> = targets.iter().map(said).collect();
        format!("{} for {}: {}", said(&schedule["Expression"]), said(&schedule["Duration"]), names.join(", "))
    };
    let must = "no mute rule but the maintenance window of the template".to_owned();
    (!is_the_templates).then(|| differs(format!("mute rule {}", rule.owner), "", must, found()))
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
