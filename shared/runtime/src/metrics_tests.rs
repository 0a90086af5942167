//! The shape of the lines is a contract with CloudWatch and with every dashboard: it changes on purpose or not at all.

use std::collections::BTreeSet;

use payonce_protocol::event::Refusal;
use payonce_protocol::outcome::{Reason, Verdict};

use super::*;

const NOW: u64 = 1_795_000_000_000;
const LAST_RUN: LastRun =
    LastRun { behind_seconds: 7_200, incomplete: 4, open_breaks: 5, paid_twice: 1, wrong_payee: 8, lost: 2 };

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
            assert!(["Count", "Milliseconds", "Seconds", "Percent"].contains(&metric["Unit"].as_str().unwrap()));
        }
    }
}

/// Half a line's bytes are the names of what did not happen; CloudWatch adds a minute up.
#[test]
fn counters_of_zero_are_written_once_a_minute_for_each_provider() {
    let clock = Clock::manual(1_795_000_020_000);
    let (metrics, lines) = Metrics::captured(clock.clone());
    let deliver = |provider| {
        let mut delivery = metrics.delivery(provider);
        delivery.event(named("evt_1", "stripe/pi_1"), accepted());
        delivery.answered(200, 5);
    };
    deliver("stripe");
    deliver("stripe");
    deliver("adyen");
    clock.advance(60_000);
    deliver("stripe");
    let lines = lines.lines();
    let has_zeros: Vec<bool> = lines.iter().map(|line| line.get("Refused503").is_some()).collect();
    assert_eq!(has_zeros, [true, false, true, true]);
    lines.iter().for_each(assert_valid);
    assert!(lines.iter().all(|line| line["Accepted"] == 1 && line["TotalTime"] == 5 && line["Refused401"] == 0));
    assert!(lines[1].to_string().len() < lines[0].to_string().len() * 2 / 3);
}

#[test]
fn line_of_a_delivery_keeps_its_shape() {
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

fn payout(end: End) -> Value {
    one_line(|metrics| {
        let steps = [(Step::Connect, 11), (Step::Claim, 4), (Step::Pay, 250), (Step::Record, 6)];
        let named = Named { event: None, ..named("", "stripe/pi_1") };
        metrics.payout("stripe", "req-1").ended(named, 2, &steps, end);
    })
}

#[test]
fn the_line_of_a_payout_keeps_its_shape() {
    let line = payout(accepted());
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/payout.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

/// An event that finds its payout claimed by another opens a case; people who do have theirs.
#[test]
fn a_payout_that_was_claimed_already_counts_no_case() {
    let line = payout(End::Order(Answer::Filed(Reason::SecondEventForKey)));
    assert_eq!((&line["CasesFiled"], &line["Duplicates"], &line["Claims"]), (&json!(0), &json!(1), &json!(0)));
    let line = payout(End::Order(Answer::Refused(Refusal::RailUnreachable)));
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("refused"), &json!("rail_unreachable")));
}

#[test]
fn line_of_a_sweep_keeps_its_shape() {
    let line = one_line(|metrics| {
        metrics.sweep().ran(&Sweep {
            swept: 2,
            cases_filed: 3,
            oldest_open_age_seconds: Some(86_400),
            money_at_risk_percent: Some(40),
            accepted_hour_percent: Some(55),
            rounds_behind: Some(1),
            hold_tripped: true,
            unreadable: 1,
            evidence_lost: 2,
            look_ups_waiting: Some(4),
            burn: Some(Burn {
                page_percent: 40,
                ticket_percent: 90,
                budget_left_percent: Some(75),
                good_of_a_million: Some(999_500),
            }),
        });
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/sweep.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn line_of_a_watch_keeps_its_shape() {
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
fn line_of_an_audit_keeps_its_shape() {
    let line = one_line(|metrics| {
        metrics.audit().ran(vec![json!({ "place": "async-retries" }), json!({ "place": "alarms" })], 1)
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/audit.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

#[test]
fn failed_audit_counts_as_no_run() {
    let line = one_line(|metrics| drop(metrics.audit()));
    assert_valid(&line);
    assert_eq!((&line["RetryConfigDrift"], line.get("AuditRuns")), (&json!(0), None));
}

#[test]
fn reports_a_delivery_that_returns_early_or_panics() {
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
fn failed_sweep_has_no_heartbeat() {
    let line = one_line(|metrics| metrics.sweep().so_far(&Sweep { hold_tripped: true, ..Sweep::default() }));
    assert_valid(&line);
    assert_eq!(line["HoldTripped"], 1);
    assert_eq!((line.get("Heartbeat"), line.get("RoundsBehind")), (None, None));
}

#[test]
fn line_of_a_reconciliation_keeps_its_shape() {
    let line = one_line(|metrics| {
        let mut reconciliation = metrics.reconciliation();
        reconciliation.last_run(&LAST_RUN);
        reconciliation.filed(3);
        reconciliation.endpoints_off(6);
        reconciliation.providers_silent(7);
        reconciliation.ran();
    });
    assert_valid(&line);
    let expected: Value = serde_json::from_str(include_str!("snapshots/reconciliation.json")).unwrap();
    assert_eq!(line, expected, "\n{line:#}");
}

/// What the last run found is said again: somebody was paid twice, whatever became of today's books.
#[test]
fn failed_reconciliation_counts_as_none_and_keeps_what_the_last_run_found() {
    let line = one_line(|metrics| metrics.reconciliation().last_run(&LAST_RUN));
    assert_valid(&line);
    assert!(line.get("Reconciliations").is_none());
    assert_eq!(["PaidTwice", "WrongPayee", "Lost"].map(|name| line[name].as_u64()), [1, 8, 2].map(Some));
}

/// No run is on record yet: nobody looked, and zero would say that all is well.
#[test]
fn first_reconciliation_says_nothing_of_books_that_nobody_read() {
    let line = one_line(|metrics| metrics.reconciliation().ran());
    assert_valid(&line);
    assert_eq!((&line["Reconciliations"], line.get("BooksIncomplete"), line.get("Lost")), (&json!(1), None, None));
}

#[test]
fn every_end_counts_as_itself() {
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
fn counts_each_refusing_status() {
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
fn line_of_many_events_stays_bounded() {
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
fn every_metric_stands_on_its_lines_under_one_name() {
    let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    let everything = [
        include_str!("snapshots/delivery.json"),
        include_str!("snapshots/payout.json"),
        include_str!("snapshots/sweep.json"),
        include_str!("snapshots/reconciliation.json"),
        include_str!("snapshots/watch.json"),
        include_str!("snapshots/audit.json"),
    ]
    .map(|text| {
        let line: Value = serde_json::from_str(text).unwrap();
        line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().cloned().unwrap()
    });
    for metric in Metric::ALL {
        assert!(!metric.help().is_empty());
        let wide = [Wide::Delivery, Wide::Payout, Wide::Sweep, Wide::Reconciliation, Wide::Watch, Wide::Audit];
        for (wide, line) in wide.into_iter().zip(&everything) {
            let listed = line.iter().any(|listed| listed["Name"] == metric.name());
            assert_eq!(listed, metric.on().contains(&wide), "{} on {wide:?}", metric.name());
        }
    }
}

/// In the catalogue, in a snapshot and under an alarm a metric can stand that nothing ever raises.
#[test]
fn every_metric_is_raised_by_something_that_can_be_reported() {
    let (metrics, captured) = Metrics::captured(Clock::manual(NOW));
    let done = |verdict, recorded| End::Order(Answer::Done(verdict, recorded));
    let outcomes = Outcome::ALL.iter().flat_map(|outcome| {
        [Recorded::Durable, Recorded::Late, Recorded::Failed].map(|recorded| done(Verdict::plain(*outcome), recorded))
    });
    let others = [
        End::NoPayout,
        End::Barred,
        End::Filed(Reason::InvalidEvent),
        End::NotFiled,
        End::Order(Answer::Duplicate),
        End::Order(Answer::Impossible),
    ];
    for end in outcomes.chain(others) {
        metrics.delivery("stripe").event(named("evt_1", "stripe/pi_1"), end);
    }
    for (status, end) in [(401, None), (413, None), (503, Some(Refusal::Hold)), (503, Some(Refusal::NoTime))] {
        let mut delivery = metrics.delivery("stripe");
        delivery.verified();
        delivery.body_lost();
        delivery.secrets_stale();
        for step in [Step::Verify, Step::Connect, Step::Claim, Step::Pay, Step::Record] {
            delivery.took(step, 1);
        }
        end.into_iter().for_each(|refusal| delivery.event(named("e", "k"), End::Order(Answer::Refused(refusal))));
        delivery.answered(status, 1);
    }
    // Every field of each report, so that a new one is set here, too.
    metrics.sweep().ran(&Sweep {
        swept: 1,
        cases_filed: 1,
        oldest_open_age_seconds: Some(1),
        money_at_risk_percent: Some(1),
        accepted_hour_percent: Some(1),
        rounds_behind: Some(1),
        hold_tripped: true,
        unreadable: 1,
        evidence_lost: 1,
        look_ups_waiting: Some(1),
        burn: Some(Burn {
            page_percent: 1,
            ticket_percent: 1,
            budget_left_percent: Some(1),
            good_of_a_million: Some(1),
        }),
    });
    let mut reconciliation = metrics.reconciliation();
    reconciliation.last_run(&LAST_RUN);
    reconciliation.filed(1);
    reconciliation.endpoints_off(1);
    reconciliation.providers_silent(1);
    reconciliation.ran();
    drop(reconciliation);
    metrics.watch().overwritten();
    metrics.audit().ran(vec![json!({}), json!({})], 1);
    let is_raised = |line: &Value, metric: &Metric| match &line[metric.name()] {
        Value::Array(values) => values.iter().any(|value| value != 0),
        value => value.as_u64().is_some_and(|value| value > 0),
    };
    let lines = captured.lines();
    let idle: Vec<&Metric> =
        Metric::ALL.iter().filter(|metric| !lines.iter().any(|line| is_raised(line, metric))).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
