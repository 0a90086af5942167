//! The dashboards as they were made, against those that CloudWatch has: which panels stand in each, in which order, and which metrics each
//! of them shows. Whoever looks at one at night must not miss what somebody took away.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetDashboard.html>

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::alarms::PLACE;
use crate::verdict::{Deployed, Drift};

/// Written by `cargo run -- template`, beside the template.
pub const TEXT: &str = include_str!("../../../infra/dashboards.json");

/// By name.
pub type Made = BTreeMap<String, Vec<Panel>>;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    title: String,
    /// `text`, `log`, `metric`, …
    #[serde(rename = "type")]
    kind: String,
    /// Each with its namespace; how many times it stands there depends on how many providers there are.
    metrics: BTreeSet<String>,
}

pub fn parse(text: &str) -> Result<Made, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Of a body in CloudWatch's words.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>
pub fn panels(body: &str) -> Option<Vec<Panel>> {
    let body: Value = serde_json::from_str(body).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let panel = |widget: &Value| {
        let properties = &widget["properties"];
        let metrics = properties["metrics"].as_array().into_iter().flatten();
        // An expression has neither.
        let named = metrics.filter_map(|metric| Some(format!("{} {}", metric[0].as_str()?, metric[1].as_str()?)));
        Panel { title: text(&properties["title"]), kind: text(&widget["type"]), metrics: named.collect() }
    };
    Some(body["widgets"].as_array()?.iter().map(panel).collect())
}

pub fn changed(made: &Made, deployed: &Deployed) -> Vec<Drift> {
    let answers = deployed.subjects.iter().filter(|subject| subject.of == "dashboard");
    let answers: BTreeMap<&str, &Value> = answers.map(|subject| (subject.owner.as_str(), &subject.answer)).collect();
    made.iter().filter_map(|(name, made)| differs(name, made, answers.get(name.as_str()).copied())).collect()
}

fn differs(name: &str, made: &[Panel], answer: Option<&Value>) -> Option<Drift> {
    let (must, found) = match answer.map(|answer| answer["DashboardBody"].as_str().and_then(panels)) {
        None => ("it is there".to_owned(), "nothing".to_owned()),
        Some(None) => ("panels".to_owned(), "nothing that can be read".to_owned()),
        Some(Some(there)) if there == made => return None,
        Some(Some(there)) => {
            let (made, there) = made
                .iter()
                .map(Some)
                .chain(std::iter::repeat(None))
                .zip(there.iter().map(Some).chain(std::iter::repeat(None)))
                .find(|(made, there)| made != there)?;
            (said(made), said(there))
        }
    };
    let (place, subject) = (PLACE.to_owned(), format!("dashboard {name}"));
    Some(Drift { place, subject, path: "/DashboardBody".to_owned(), must, found })
}

fn said(panel: Option<&Panel>) -> String {
    panel.map_or_else(
        || "no further panel".to_owned(),
        |panel| {
            let metrics: Vec<&str> = panel.metrics.iter().map(String::as_str).collect();
            format!("{} \"{}\": {}", panel.kind, panel.title, metrics.join(", "))
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::verdict::Subject;

    fn body() -> Value {
        json!({ "widgets": [
            { "type": "metric", "properties": { "title": "Held", "metrics": [["payonce", "HoldTripped", { "id": "m0" }], [{ "expression": "m0" }]] } },
            { "type": "log", "properties": { "title": "Refused", "query": "x" } },
        ] })
    }

    fn drift(answer: Option<String>) -> Vec<(String, String)> {
        let made = Made::from([("payonce-debug".to_owned(), panels(&body().to_string()).unwrap())]);
        let mut deployed = Deployed::default();
        let subject = |body| Subject {
            of: "dashboard",
            owner: "payonce-debug".to_owned(),
            answer: json!({ "DashboardBody": body }),
            ..Subject::default()
        };
        deployed.subjects.extend(answer.map(subject));
        changed(&made, &deployed).into_iter().map(|drift| (drift.must, drift.found)).collect()
    }

    #[test]
    fn dashboard_as_it_was_made_is_no_drift_for_any_number_of_providers() {
        assert_eq!(drift(Some(body().to_string())), []);
        let mut twice = body();
        let again = json!(["payonce", "HoldTripped", { "id": "m1" }]);
        twice["widgets"][0]["properties"]["metrics"].as_array_mut().unwrap().push(again);
        assert_eq!(drift(Some(twice.to_string())), []);
    }

    #[test]
    fn panel_that_is_gone_or_shows_something_else_is_drift() {
        let mut other = body();
        other["widgets"][0]["properties"]["metrics"][0][1] = json!("Swept");
        let expected = ("metric \"Held\": payonce HoldTripped".to_owned(), "metric \"Held\": payonce Swept".to_owned());
        assert_eq!(drift(Some(other.to_string())), [expected]);
        let mut less = body();
        less["widgets"].as_array_mut().unwrap().pop();
        assert_eq!(drift(Some(less.to_string())), [("log \"Refused\": ".to_owned(), "no further panel".to_owned())]);
        assert_eq!(drift(Some("x".to_owned())).len(), 1);
        assert_eq!(drift(None), [("it is there".to_owned(), "nothing".to_owned())]);
    }

    #[test]
    fn dashboards_of_the_template_can_be_read() {
        let made = parse(TEXT).unwrap();
        assert_eq!(made.keys().collect::<Vec<_>>(), ["payonce-debug", "payonce-executive", "payonce-on-call"]);
        assert!(made.values().all(|panels| panels.len() > 5));
    }
}
