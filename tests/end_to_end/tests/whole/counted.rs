//! What people pay is measured and logged as what a webhook pays.

use payonce_end_to_end::{Desk, PAYEE, World, key_of, payment};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::hold::Hold;
use payonce_runtime::telemetry::{Captured, Level, subscriber};
use payonce_suite::faults::Fault;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;

use crate::further_attempts::{not_sent, propose, set_hold, why};

/// The one line of the last approval.
fn line(desk: &Desk) -> Value {
    let mut lines = desk.counted.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn counted(line: &Value, metrics: &[&str]) {
    let all = ["Claims", "Accepted", "Rejected", "Unknown", "NotSent", "CasesFiled", "Duplicates", "Unrecorded"];
    for metric in all {
        assert_eq!(line[metric], u64::from(metrics.contains(&metric)), "{metric}: {line}");
    }
    assert_eq!(line["provider"], "stripe");
    for step in ["ConnectTime", "ClaimTime", "PayTime", "RecordTime"] {
        assert!(line[step].is_u64(), "{step}: {line}");
    }
}

#[tokio::test]
async fn counts_a_payout_of_people_that_is_accepted() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "accepted");
    let line = line(&desk);
    counted(&line, &["Claims", "Accepted"]);
    assert_eq!((line["payout_key"].as_str(), line["attempt"].as_u64()), (Some(key.as_str()), Some(2)));
}

#[tokio::test]
async fn counts_a_payout_of_people_that_is_rejected() {
    let (world, mut desk) = (World::start().await, Desk::new());
    let event = payment("1", "acct_sandboxRefuses", world.clock.now());
    assert_eq!(world.deliver(&event).await.outcome(), "rejected");
    let shown = propose(&world, &desk, &key_of(&event), 2, 2).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "rejected");
    counted(&line(&desk), &["Claims", "Rejected", "CasesFiled"]);
}

#[tokio::test]
async fn counts_a_payout_of_people_that_is_unknown() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    world.rail.set_weather(Weather::Unavailable).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "unknown");
    counted(&line(&desk), &["Claims", "Unknown", "CasesFiled"]);
}

#[tokio::test]
async fn counts_nothing_where_payer_refuses_before_an_attempt() {
    let (mut world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    set_hold(&mut world, Hold::Refuse).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "held");
    assert_eq!(desk.counted.lines(), Vec::<Value>::new());
}

/// Of this thread, for as long as the guard lives.
fn logged(world: &World) -> (Captured, DefaultGuard) {
    let log = Captured::default();
    let guard = tracing::subscriber::set_default(subscriber(Level::Info, world.clock.clone(), log.clone()));
    (log, guard)
}

#[tokio::test]
async fn logs_what_keeps_people_from_paying_with_the_payouts_key() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    world.rail.set_weather(Weather::Down).await;
    world.proxy.plan(100, "GetItem", "0002#claim", Fault::SERVER_ERROR);
    let (log, _guard) = logged(&world);
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "not_begun");
    let lines = log.lines();
    for message in ["the rail cannot be reached", "the claim cannot be looked up"] {
        let named = |line: &&Value| line["message"] == message && line["payout_key"] == key.as_str();
        let said: Vec<&Value> = lines.iter().filter(named).collect();
        assert_eq!(said.len(), 1, "{message}: {lines:?}");
        assert_eq!(said[0]["level"], "WARN");
    }
    let line = line(&desk);
    assert_eq!((line["outcome"].as_str(), line["reason"].as_str()), (Some("refused"), Some("rail_unreachable")));
    assert_eq!(line["Claims"], 0);
}

/// The same words for both: whoever watches the log needs one query.
#[tokio::test]
async fn warns_alike_of_a_payout_that_a_webhook_and_that_people_made() {
    let (world, mut desk, key) = not_sent("1").await;
    let shown = propose(&world, &desk, &key, 2, 1).await;
    world.rail.set_weather(Weather::Unavailable).await;
    let (log, _guard) = logged(&world);
    world.deliver(&payment("2", PAYEE, world.clock.now())).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "unknown");
    let lines = log.lines();
    let warned: Vec<(&Value, u64)> = lines
        .iter()
        .filter(|line| line["message"] == "no accepted payout")
        .map(|line| (&line["next"], line["attempt"].as_u64().unwrap()))
        .collect();
    assert!(matches!(warned[..], [(first, 1), (second, 2)] if first == second), "{lines:?}");
}

/// The rail repeats its answer to the request that nobody heard of: that is what the same key is for, and no case.
#[tokio::test]
async fn counts_an_expected_replay_as_accepted_and_no_case() {
    let (world, mut desk) = (World::start().await, Desk::new());
    let event = payment("1", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "0001#outcome", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.reason(), "unrecorded");
    world.proxy.forget();
    world.rail.set_list_lag_ms(1_000_000_000);
    world.minutes_pass(30).await;
    let shown = propose(&world, &desk, &key_of(&event), 2, 1).await;
    let request = desk.approves(&world, &shown);
    assert_eq!(why(&desk.ask(&world, &request).await), "accepted");
    let line = line(&desk);
    counted(&line, &["Claims", "Accepted"]);
    assert_eq!(world.executed(&key_of(&event)).len(), 1);
}
