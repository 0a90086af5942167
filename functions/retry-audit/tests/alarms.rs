//! The alarms as the template made them are no drift, and each change of one by hand is, by the alarm's name and what differs.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "made/alarms.rs"]
mod made;

use made::{PAGE, TICKET, described, log_of, mute_rule};
use retry_audit::alarms::changed;
use retry_audit::census::Expected;
use retry_audit::verdict::{Deployed, Drift, Subject, Table};
use serde_json::{Value, json};

const WINDOW: &str = "cron(0 3 * * SUN)";
const INCIDENT: &str = "payonce-incident-stripe-payouts-stopped";

fn expected(composed: &str) -> Expected {
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    [
        of("tripwire", "arn:aws:sqs:eu-central-1:111122223333:payonce-tripwire"),
        of("failed_runs", "arn:aws:sqs:eu-central-1:111122223333:payonce-failed-runs"),
        of("page_topic", PAGE),
        of("ticket_topic", TICKET),
        of("composite_alarms", composed),
        of("maintenance_schedule", WINDOW),
        of("maintenance_duration", "PT2H"),
    ]
    .into()
}

/// What alarms name beside them: log groups, the API, tables.
fn deployed(answers: Vec<Value>, mute_rules: &[(&str, Value)]) -> Deployed {
    let mut deployed = Deployed::default();
    let functions = ["webhook-stripe", "sweeper", "reconciler", "payer", "audit-watch", "retry-audit"];
    for function in functions.map(|name| format!("payonce-{name}")) {
        let answer = json!({ "LoggingConfig": { "LogGroup": log_of(&function) } });
        deployed.subjects.push(Subject { of: "configuration", owner: function, answer, ..Subject::default() });
    }
    let route = "arn:aws:execute-api:eu-central-1:111122223333:api/*/POST/webhooks/stripe/x";
    let answer = json!({ "Condition": { "ArnLike": { "AWS:SourceArn": route } } });
    let kind = "webhook".to_owned();
    deployed.subjects.push(Subject { of: "policy_statement", kind, answer, ..Subject::default() });
    for table in ["audit", "bodies", "reconcile"] {
        deployed.tables.push(Table { name: format!("payonce-{table}"), table: table.to_owned() });
    }
    let alarm = |answer| Subject { of: "alarm", answer, ..Subject::default() };
    deployed.subjects.extend(answers.into_iter().map(alarm));
    for (name, answer) in mute_rules {
        let (owner, answer) = ((*name).to_owned(), answer.clone());
        deployed.subjects.push(Subject { of: "mute_rule", owner, answer, ..Subject::default() });
    }
    deployed
}

fn drift(expected: &Expected, answers: Vec<Value>) -> Vec<Drift> {
    changed(&made::made(), expected, &deployed(answers, &[]))
}

fn of<'a>(answers: &'a mut [Value], name: &str) -> &'a mut Value {
    answers.iter_mut().find(|answer| answer["AlarmName"] == name).unwrap()
}

#[test]
fn alarms_as_they_were_made_are_no_drift() {
    assert_eq!(drift(&expected("true"), described(true)), []);
    assert_eq!(drift(&expected("false"), described(false)), []);
    // Without topics nobody is to be told.
    let mut without = expected("false");
    without.retain(|name, _| !name.ends_with("topic"));
    assert_eq!(drift(&without, described(false)), []);
}

#[test]
fn an_alarm_that_is_gone_or_changed_is_named() {
    let dimension = |name: &str, value: &str| json!([{ "Name": name, "Value": value }]);
    let changes: Vec<(&str, &str, Value)> = vec![
        ("payonce-lost", "/AlarmActions", json!([])),
        ("payonce-swept", "/AlarmActions", json!([PAGE])),
        ("payonce-swept", "/Threshold", json!(1000)),
        ("payonce-front-door-4xx", "/Threshold", serde_json::from_str("0.95").unwrap()),
        ("payonce-sweeper-silent", "/TreatMissingData", json!("notBreaching")),
        ("payonce-sweeper-silent", "/WarmUpConfiguration", json!({ "WarmUpPeriodDurationInMinutes": 2_880 })),
        (
            "payonce-sweeper-silent",
            "/WarmUpConfiguration",
            json!({ "WarmUpPeriodDurationInMinutes": 90, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": true }),
        ),
        ("payonce-lost", "/WarmUpConfiguration", json!({ "WarmUpPeriodDurationInMinutes": 2_880 })),
        ("payonce-endpoints-off", "/DatapointsToAlarm", Value::Null),
        ("payonce-lost", "/Unit", json!("Seconds")),
        ("payonce-lost", "/Metrics", json!([{ "Id": "e1", "Expression": "0" }])),
        ("payonce-lost", "/Dimensions", dimension("provider", "stripe")),
        ("payonce-webhook-stripe-refused", "/Dimensions", json!([])),
        ("payonce-webhook-stripe-refused", "/Dimensions", dimension("provider", "adyen")),
        ("payonce-webhook-stripe-errors", "/Dimensions", dimension("FunctionName", "payonce-payer")),
        ("payonce-payer-errors", "/Dimensions", dimension("FunctionName", "payonce-console")),
        ("payonce-sweeper-metrics-unread", "/Dimensions", dimension("LogGroupName", &log_of("payonce-payer"))),
        ("payonce-front-door-5xx", "/Dimensions", dimension("ApiId", "other")),
        ("payonce-tripwire", "/Dimensions", dimension("QueueName", "other")),
        ("payonce-failed-runs", "/Dimensions", dimension("QueueName", "payonce-tripwire")),
        ("payonce-audit-writes-throttled", "/Dimensions", dimension("TableName", "payonce-bodies")),
        (INCIDENT, "/AlarmActions", json!([TICKET])),
        (INCIDENT, "/AlarmRule", json!("FALSE")),
        (INCIDENT, "/ActionsSuppressor", json!("quiet")),
    ];
    for (name, path, value) in changes {
        let mut answers = described(true);
        of(&mut answers, name)[path.trim_start_matches('/')] = value;
        let found = drift(&expected("true"), answers);
        let differs: Vec<(&str, &str)> = found.iter().map(|one| (one.subject.as_str(), one.path.as_str())).collect();
        assert_eq!(differs, [(format!("alarm {name}").as_str(), path)]);
        assert_eq!(found[0].place, "alarms");
    }
    for name in ["payonce-paid-twice", INCIDENT] {
        let without = described(true).into_iter().filter(|one| one["AlarmName"] != name).collect();
        let found = drift(&expected("true"), without);
        assert_eq!(found.iter().map(|one| one.subject.clone()).collect::<Vec<_>>(), [format!("alarm {name}")]);
    }
}

/// What the audit itself could not see of the one whose name it is must not pass for right.
#[test]
fn a_dimension_whose_owner_was_not_seen_is_drift() {
    let mut deployed = deployed(described(true), &[]);
    deployed.subjects.retain(|subject| subject.owner != "payonce-sweeper");
    let found = changed(&made::made(), &expected("true"), &deployed);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|one| one.subject.contains("sweeper-metrics") && one.path == "/Dimensions"), "{found:?}");
}

#[test]
fn mute_rules_are_the_templates_window_or_drift() {
    let held = "payonce-webhook-stripe-held";
    let muted = |name: &str, rule: Value| {
        let found = changed(&made::made(), &expected("true"), &deployed(described(true), &[(name, rule)]));
        found.into_iter().map(|one| one.subject).collect::<Vec<_>>()
    };
    let window = "payonce-maintenance-1";
    for alarm in [held, INCIDENT, "payonce-swept", "somebody-elses"] {
        assert_eq!(muted(window, mute_rule(WINDOW, "PT2H", alarm)), [""; 0], "{alarm}");
    }
    assert_eq!(muted("others", mute_rule("at(2026-12-06T01:00)", "P15D", "somebody-elses")), [""; 0]);
    for (name, rule) in [
        ("quiet", mute_rule("at(2026-12-06T01:00)", "P15D", held)),
        ("quiet", mute_rule(WINDOW, "PT2H", INCIDENT)),
        (window, mute_rule(WINDOW, "P15D", held)),
        (window, mute_rule("cron(* * * * ?)", "PT2H", held)),
        // Money that is gone pages in a window, too.
        (window, mute_rule(WINDOW, "PT2H", "payonce-paid-twice")),
    ] {
        assert_eq!(muted(name, rule.clone()), [format!("mute rule {name}")], "{rule}");
    }
}
