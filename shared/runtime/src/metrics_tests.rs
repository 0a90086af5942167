//! The shape of the lines is a contract with CloudWatch and with every dashboard: it changes on purpose or not at all.

use std::collections::BTreeSet;

use payonce_protocol::event::Refusal;
use payonce_protocol::outcome::Verdict;

use super::*;

const NOW: u64 = 1_795_000_000_000;

fn one_line(work: impl FnOnce(&Metrics)) -> Value {
    let (metrics, captured) = Metrics::captured(Clock::manual(NOW));
    work(&metrics);
    let text = captured.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    captured.lines().remove(0)
}

fn named<'a>(event: &'a str, payout_key: &'a str) -> Named<'a> {
    Named { event: Some(event), payout_key: Some(payout_key), attempt_id: Some(AttemptId([0xab; 16])) }
}

fn accepted() -> End {
    End::Order(Answer::Done(Verdict::plain(Outcome::Accepted), Recorded::Durable))
}

/// CloudWatch's own rules for a line: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
fn assert_valid(line: &Value) {
    assert!(line["_aws"]["Timestamp"].is_u64());
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    for directive in directives {
        assert_eq!(directive["Namespace"], "payonce");
        for set in directive["Dimensions"].as_array().unwrap() {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30);
            for dimension in set {
                let value = line[dimension.as_str().unwrap()].as_str().unwrap();
                assert!((1..=1024).contains(&value.len()));
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()));
        for metric in metrics {
            let value = &line[metric["Name"].as_str().unwrap()];
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            assert!((1..=100).contains(&values.len()) && values.iter().all(Value::is_u64), "{metric} {value}");
            assert!(["Count", "Milliseconds", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
        }
    }
}

#[test]
fn the_line_of_a_delivery_changes_its_shape() {
    let line = one_line(|metrics| {
        let mut delivery = metrics.delivery("stripe");
        delivery.request_id("req-1");
        delivery.trace_id("Root=1-2");
        delivery.verified();
        delivery.took(Step::Verify, 0);
        delivery.took(Step::Connect, 11);
        delivery.took(Step::Claim, 4);
        delivery.took(Step::Pay, 250);
        delivery.took(Step::Record, 6);
        delivery.event(named("evt_1", "stripe/pi_1"), accepted());
        delivery.answered(200, 280);
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/delivery.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn the_line_of_a_sweep_changes_its_shape() {
    let line = one_line(|metrics| {
        metrics.sweep().ran(&Sweep {
            swept: 2,
            cases_filed: 3,
            oldest_open_age_seconds: Some(86_400),
            rounds_behind: Some(1),
            hold_tripped: true,
            unreadable: 1,
            evidence_lost: 2,
            look_ups_waiting: Some(4),
        });
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/sweep.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn the_line_of_a_watch_changes_its_shape() {
    let line = one_line(|metrics| {
        let mut watch = metrics.watch();
        watch.overwritten();
        watch.overwritten();
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/watch.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn the_line_of_an_audit_changes_its_shape() {
    let line = one_line(|metrics| metrics.audit().ran(vec![json!({ "place": "async-retries" })]));
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/audit.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn an_audit_that_failed_counts_as_a_run() {
    let line = one_line(|metrics| drop(metrics.audit()));
    assert_valid(&line);
    assert_eq!((&line["RetryConfigDrift"], line.get("AuditRuns")), (&json!(0), None));
}

#[test]
fn an_early_return_or_a_panic_reports_nothing() {
    let line = one_line(|metrics| {
        let metrics = metrics.clone();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let mut delivery = metrics.delivery("stripe");
            delivery.verified();
            panic!("on purpose");
        }));
        assert!(caught.is_err());
    });
    assert_valid(&line);
    assert_eq!((&line["Deliveries"], &line["Verified"], line.get("status")), (&json!(1), &json!(1), None));
}

#[test]
fn a_sweeper_that_fails_half_way_has_a_heartbeat() {
    let line = one_line(|metrics| metrics.sweep().so_far(&Sweep { hold_tripped: true, ..Sweep::default() }));
    assert_valid(&line);
    assert_eq!(line["HoldTripped"], 1);
    assert_eq!((line.get("Heartbeat"), line.get("RoundsBehind")), (None, None));
}

#[test]
fn an_end_counts_as_something_else() {
    let done = |verdict, recorded| End::Order(Answer::Done(verdict, recorded));
    let replayed = Verdict { replayed: true, ..Verdict::plain(Outcome::Accepted) };
    let table: [(End, &str, Option<&str>, &[&str]); 13] = [
        (End::NoPayout, "no_payout", None, &["NoPayout"]),
        (End::Filed(Reason::InvalidEvent), "filed", Some("invalid_event"), &["CasesFiled"]),
        (End::NotFiled, "refused", Some("case_not_written"), &[]),
        (accepted(), "accepted", None, &["Claims", "Accepted"]),
        (done(replayed, Recorded::Durable), "accepted", Some("payout_replayed"), &["Claims", "Accepted", "CasesFiled"]),
        (
            done(Verdict::plain(Outcome::Rejected), Recorded::Durable),
            "rejected",
            Some("payout_rejected"),
            &["Claims", "Rejected", "CasesFiled"],
        ),
        (
            done(Verdict::NOT_SENT, Recorded::Durable),
            "not_sent",
            Some("payout_not_sent"),
            &["Claims", "NotSent", "CasesFiled"],
        ),
        (done(Verdict::UNKNOWN, Recorded::Late), "unknown", Some("late_outcome"), &["Claims", "Unknown", "CasesFiled"]),
        (done(Verdict::UNKNOWN, Recorded::Failed), "unknown", Some("unrecorded"), &["Claims", "Unknown", "Unrecorded"]),
        (End::Order(Answer::Duplicate), "duplicate", None, &["Duplicates"]),
        (End::Order(Answer::Filed(Reason::SecondEventForKey)), "filed", Some("second_event_for_key"), &["CasesFiled"]),
        (End::Order(Answer::Refused(Refusal::Hold)), "refused", Some("hold"), &[]),
        (End::Order(Answer::Impossible), "impossible", None, &["Impossible"]),
    ];
    for (end, outcome, reason, counted) in table {
        let line = one_line(|metrics| metrics.delivery("stripe").event(named("evt_1", "stripe/pi_1"), end));
        assert_eq!(line["events"][0]["outcome"], outcome, "{end:?}");
        assert_eq!(line["events"][0].get("reason").and_then(Value::as_str), reason, "{end:?}");
        let expected: BTreeSet<&str> = counted.iter().copied().chain(["Deliveries", "Events"]).collect();
        let found: BTreeSet<&str> =
            Metric::ALL.iter().map(|metric| metric.name()).filter(|name| line[*name] == 1).collect();
        assert_eq!(found, expected, "{end:?}");
    }
}

#[test]
fn a_status_is_not_counted() {
    for (status, metric) in [(401, "Refused401"), (413, "TooLarge"), (503, "Refused503")] {
        let line = one_line(|metrics| {
            let mut delivery = metrics.delivery("stripe");
            delivery.refused_unverified("mismatch");
            delivery.answered(status, 1);
        });
        assert_eq!((&line[metric], &line["status"], &line["refused"]), (&json!(1), &json!(status), &json!("mismatch")));
    }
}

/// A canary must not go back because a person holds payouts or has yet to accept its rules.
#[test]
fn a_refusal_that_a_person_wants_is_no_fault() {
    use Refusal::{ControlUnreadable, Hold, NoTime, RailUnreachable, RulesNotAccepted, TablesNotReleased};
    let counted = |refusals: &[Refusal]| {
        let line = one_line(|metrics| {
            let mut delivery = metrics.delivery("stripe");
            refusals.iter().for_each(|why| delivery.event(named("e", "k"), End::Order(Answer::Refused(*why))));
            delivery.answered(503, 1);
        });
        assert_eq!(line["Refused503"], 1);
        (line["RefusedHeld"].as_u64().unwrap(), line["RefusedFault"].as_u64().unwrap())
    };
    assert_eq!(counted(&[Hold, RulesNotAccepted, TablesNotReleased]), (1, 0));
    for fault in [ControlUnreadable, NoTime, RailUnreachable] {
        assert_eq!(counted(&[fault]), (0, 1), "{fault:?}");
        assert_eq!(counted(&[Hold, fault]), (0, 1), "{fault:?} beside a hold");
    }
    assert_eq!(counted(&[]), (0, 1));
}

#[test]
fn a_delivery_of_many_events_outgrows_its_line() {
    let line = one_line(|metrics| {
        let mut delivery = metrics.delivery("gocardless");
        for _ in 0..250 {
            delivery.took(Step::Claim, 4);
            delivery.event(named("EV0123456789ABCDEF", "gocardless/PM0123456789ABCDEF"), accepted());
        }
    });
    assert_valid(&line);
    assert_eq!((&line["Events"], &line["Accepted"]), (&json!(250), &json!(250)));
    assert_eq!(line["events"].as_array().unwrap().len(), MAX_NAMED_EVENTS);
    assert_eq!(line["events_left_off"], 230);
    assert!(line.to_string().len() < 16_384);
}

#[test]
fn the_catalogue_has_a_metric_that_no_line_carries_or_a_name_twice() {
    let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    let everything = [
        include_str!("snapshots/delivery.json"),
        include_str!("snapshots/sweep.json"),
        include_str!("snapshots/watch.json"),
        include_str!("snapshots/audit.json"),
    ]
    .map(|text| {
        let line: Value = serde_json::from_str(text).unwrap();
        line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().cloned().unwrap()
    });
    for metric in Metric::ALL {
        assert!(!metric.help().is_empty());
        for (wide, line) in [Wide::Delivery, Wide::Sweep, Wide::Watch, Wide::Audit].into_iter().zip(&everything) {
            let listed = line.iter().any(|listed| listed["Name"] == metric.name());
            assert_eq!(listed, metric.on().contains(&wide), "{} on {wide:?}", metric.name());
        }
    }
}
