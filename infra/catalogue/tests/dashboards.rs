//! The dashboards against the list of metrics: what is written is shown, and what is shown is written.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use payonce_catalogue::dashboard::{Dashboard, View};
use payonce_catalogue::dashboards::{self, QUERIES};
use payonce_catalogue::placed::{Provider, placed};
use payonce_catalogue::{alarms, template::Template};
use payonce_runtime::config::Config;
use payonce_runtime::metrics::Metric;
use serde_json::Value;

#[test]
fn each_metric_of_ours_is_on_a_dashboard() {
    let panels = dashboards::all().into_iter().flat_map(|dashboard| dashboard.panels);
    let shown: BTreeSet<Metric> = panels.flat_map(|panel| panel.figures).flat_map(|figure| figure.metrics()).collect();
    let hidden: Vec<&Metric> = Metric::ALL.iter().filter(|metric| !shown.contains(metric)).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn each_panel_shows_something_and_a_number_is_one() {
    for panel in dashboards::all().into_iter().flat_map(|dashboard| dashboard.panels) {
        match panel.view {
            View::Number => assert_eq!(panel.figures.len(), 1, "{}", panel.title),
            View::Lines => assert!(!panel.figures.is_empty(), "{}", panel.title),
            View::Alarms | View::Log(_) => assert!(panel.figures.is_empty(), "{}", panel.title),
        }
    }
}

fn bodies(names: &[&str]) -> BTreeMap<&'static str, Value> {
    let providers: Vec<Provider> = names.iter().map(|name| Provider::new(name, None)).collect();
    let (alarms, logs) = (placed(&alarms::all(), &providers), dashboards::logs(&providers, false));
    let body = |dashboard: &Dashboard| {
        serde_json::from_str(&dashboard.body(&providers, &alarms, &logs, "2").join("\n")).unwrap()
    };
    dashboards::all().iter().map(|dashboard| (dashboard.name, body(dashboard))).collect()
}

#[test]
fn a_provider_has_a_line_of_its_own_where_lines_are_by_provider() {
    let bodies = bodies(&["stripe", "acme-eu"]);
    let text = bodies["on-call"].to_string();
    for line in ["answered well, % stripe", "answered well, % acme-eu", "${WebhookacmeX2deu}", "${AuditTable2}"] {
        assert!(text.contains(line), "{line}");
    }
    // Sums are over all of them.
    let accepted = bodies["executive"]["widgets"][0]["properties"]["metrics"].as_array().unwrap();
    assert_eq!(accepted.last().unwrap()[0]["expression"], "100*SUM([m0,m1])/SUM([m2,m3])");
}

#[test]
fn alarms_of_the_stack_are_shown_first_and_no_more_than_a_widget_takes() {
    let names: Vec<String> = (0..17).map(|number| format!("p{number}")).collect();
    let bodies = bodies(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let alarms = bodies["on-call"]["widgets"][0]["properties"]["alarms"].as_array().unwrap();
    assert_eq!(alarms.len(), 100);
    assert!(alarms.contains(&"${PaidTwiceAlarm.Arn}".into()) && alarms.contains(&"${Webhookp0Impossible.Arn}".into()));
}

#[test]
fn saved_queries_look_into_the_log_of_every_function() {
    let config = Config::parse(include_str!("../../payonce.toml")).unwrap();
    let text = Template::of(&config, &"".parse().unwrap()).unwrap().text;
    let functions = text.matches("Type: AWS::Serverless::Function").count();
    for query in QUERIES {
        let (_, part) = text.split_once(&format!("\n  {}:\n", query.id)).unwrap();
        let (part, _) = part.split_once("\n\n").unwrap();
        assert_eq!(part.matches("        - !Ref ").count(), functions, "{}", query.name);
        assert!(part.contains(&format!("QueryString: '{}'\n", query.quoted())), "{}", query.name);
        assert!(!query.quoted().contains('#'), "{}: a comment is no part of it", query.name);
    }
}
