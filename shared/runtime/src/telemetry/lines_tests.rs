//! What a line has of the spans around it, and when a tree of steps is written.

use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{Span, warn_span};

use super::*;
use crate::telemetry::{self, Captured, Trigger, invocation};

const NOW: u64 = 1_795_000_000_123;

/// With a clock that each step moves on by as much as it says.
fn logged(level: telemetry::Level, work: impl FnOnce(&Clock)) -> Vec<Value> {
    let (captured, clock) = (Captured::default(), Clock::manual(NOW));
    let subscriber = telemetry::subscriber(level, clock.clone(), captured.clone());
    tracing::subscriber::with_default(subscriber, || work(&clock));
    captured.lines()
}

fn delivery() -> Span {
    warn_span!("delivery", provider = "stripe", plain = Empty)
}

fn one_payout(clock: &Clock, root: &Span) {
    root.in_scope(|| {
        warn_span!("verify").in_scope(|| clock.advance(2));
        let attempt =
            warn_span!("attempt", payout_key = "stripe/pi_1", attempt = 1_u64, payee = "DE89370400440532013000");
        attempt.in_scope(|| {
            tracing::info!(outcome = "unknown", "event answered");
            let pay =
                warn_span!("pay", http.request.method = "POST", http.response.status_code = Empty, body = "sk_live_x");
            pay.record("http.response.status_code", 500_u64);
            pay.in_scope(|| clock.advance(180));
        });
    });
}

fn invoked() -> Span {
    invocation(Trigger::Http, "req-1", Some("Root=1-5759e988-bd862e3fe1be46a994272793"), "arn:aws:lambda:x")
}

#[test]
fn line_has_the_ids_of_its_invocation_and_payout() {
    let lines = logged(telemetry::Level::Info, |clock| {
        invoked().in_scope(|| {
            tracing::warn!("before");
            tracing::warn!(payout_key = "own", request_id = "own", "its own");
            let root = delivery();
            one_payout(clock, &root);
            telemetry::plain(&root);
        });
        tracing::warn!("outside");
    });
    let of = |name: &str| lines.iter().map(|line| line[name].as_str().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(of("message"), ["before", "its own", "event answered", "outside"]);
    assert_eq!(of("request_id"), ["req-1", "own", "req-1", "-"]);
    assert_eq!(of("payout_key"), ["-", "own", "stripe/pi_1", "-"]);
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    assert_eq!(of("trace_id"), [trace, trace, trace, "-"]);
}

#[test]
fn what_was_not_plain_is_one_line_with_every_step_and_its_time() {
    let lines = logged(telemetry::Level::Warn, |clock| invoked().in_scope(|| one_payout(clock, &delivery())));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["level"], &lines[0]["request_id"]), (&"WARN".into(), &"req-1".into()));
    assert_eq!(lines[0]["payout_key"], "stripe/pi_1", "of the only payout");
    assert_eq!(
        (&lines[0]["aws.lambda.invoked_arn"], &lines[0]["faas.trigger"]),
        (&"arn:aws:lambda:x".into(), &"http".into())
    );
    let pay = json!({ "name": "pay", "ms": 180, "http.request.method": "POST", "http.response.status_code": 500 });
    let attempt = json!({ "name": "attempt", "ms": 180, "payout_key": "stripe/pi_1", "attempt": 1, "steps": [pay] });
    let verify = json!({ "name": "verify", "ms": 2 });
    assert_eq!(
        lines[0]["steps"],
        json!({ "name": "delivery", "ms": 182, "provider": "stripe", "steps": [verify, attempt] })
    );
}

#[test]
fn plain_success_writes_no_tree_and_a_panic_does() {
    let plain = logged(telemetry::Level::Warn, |clock| {
        let root = delivery();
        one_payout(clock, &root);
        telemetry::plain(&root);
    });
    assert_eq!(plain, Vec::<Value>::new());
    let panicked = logged(telemetry::Level::Warn, |clock| {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let root = delivery();
            one_payout(clock, &root);
            root.in_scope(|| std::panic::resume_unwind(Box::new("x")));
        }));
        assert!(ended.is_err());
    });
    assert_eq!(panicked.len(), 1, "{panicked:?}");
}

#[test]
fn span_keeps_only_what_is_listed_and_no_more_of_it_than_its_bound() {
    let long = "k".repeat(1_000);
    let lines = logged(telemetry::Level::Warn, |_| {
        let root = warn_span!("delivery", payout_key = %long, secret = "whsec_x", http.request.resend_count = 1_u64, plain = Empty);
        root.record("payout_key", format!("stripe/\u{e4}\n{long}").as_str());
    });
    let text = lines[0].to_string();
    assert!(!text.contains("whsec_x") && !text.contains("resend_count") && !text.contains('\u{e4}'), "{text}");
    assert_eq!(lines[0]["steps"]["payout_key"].as_str().map(str::len), Some(VALUE_BYTES));
}

#[test]
fn tree_of_too_many_steps_says_how_many_it_left_off() {
    let lines = logged(telemetry::Level::Warn, |_| {
        delivery().in_scope(|| (0..1_000).for_each(|_| warn_span!("verify").in_scope(|| ())));
    });
    let steps = &lines[0]["steps"];
    assert_eq!(steps["steps"].as_array().map(Vec::len), Some(STEPS_AT_MOST as usize - 1));
    assert_eq!(steps["steps_left_off"], 1_000 - u64::from(STEPS_AT_MOST) + 1);
    assert!(lines[0].to_string().len() < 256_000);
}
