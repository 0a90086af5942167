//! What was not a plain success is told step by step in one line of the log, with OpenTelemetry's names; a plain one costs no line more.

use payonce_end_to_end::{Desk, PAYEE, World, payment};
use payonce_local::sandbox_rail::Weather;
use payonce_runtime::telemetry::{Captured, Level, subscriber};
use serde_json::Value;

use crate::further_attempts::{not_sent, propose, why};

const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";

/// The lines of this thread meanwhile.
async fn logged<T>(world: &World, work: impl Future<Output = T>) -> (T, Vec<Value>) {
    let log = Captured::default();
    let _guard = tracing::subscriber::set_default(subscriber(Level::Info, world.clock.clone(), log.clone()));
    let done = work.await;
    let text = log.text();
    for secret in ["whsec_", "sk_test_", "sk_live_", "planted"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    (done, log.lines())
}

fn trees(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["steps"].is_object()).collect()
}

/// `delivery(verify event(route))`
fn names(step: &Value) -> String {
    let name = step["name"].as_str().unwrap();
    assert!(step["ms"].is_u64(), "{step}");
    match step["steps"].as_array() {
        None => name.to_owned(),
        Some(steps) => format!("{name}({})", steps.iter().map(names).collect::<Vec<_>>().join(" ")),
    }
}

fn find<'s>(step: &'s Value, name: &str) -> Option<&'s Value> {
    if step["name"] == name {
        return Some(step);
    }
    step["steps"].as_array().into_iter().flatten().find_map(|below| find(below, name))
}

#[tokio::test]
async fn plain_success_and_its_duplicate_log_one_line_each_with_the_trace() {
    let world = World::start().await;
    let event = payment("1", PAYEE, world.clock.now());
    for outcome in ["accepted", "duplicate"] {
        let (answered, lines) = logged(&world, world.deliver(&event)).await;
        assert_eq!(answered.outcome(), outcome);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["message"], &lines[0]["trace_id"]), (&"event answered".into(), &TRACE.into()));
    }
}

#[tokio::test]
async fn unknown_payout_is_one_tree_with_the_request_to_the_rail() {
    let world = World::start().await;
    world.rail.set_weather(Weather::Unavailable).await;
    let event = payment("1", PAYEE, world.clock.now());
    let (answered, lines) = logged(&world, world.deliver(&event)).await;
    assert_eq!(answered.outcome(), "unknown");
    assert!(lines.iter().all(|line| line["trace_id"] == TRACE && line["request_id"].is_string()), "{lines:?}");
    let trees = trees(&lines);
    assert_eq!(trees.len(), 1, "{lines:?}");
    let (tree, steps) = (trees[0], &trees[0]["steps"]);
    assert_eq!((&tree["level"], &tree["payout_key"]), (&"WARN".into(), &"stripe/pi_1".into()), "{tree}");
    let told = names(steps);
    for wanted in ["delivery(verify", "event(route", "attempt(connect claim pay record)", "keep_body"] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let pay = find(steps, "pay").unwrap();
    let url = world.rail.url();
    let (host, port) = url.trim_start_matches("http://").rsplit_once(':').unwrap();
    assert_eq!(pay["http.request.method"], "POST");
    assert_eq!((pay["server.address"].as_str(), pay["server.port"].to_string()), (Some(host), port.to_owned()));
    assert_eq!(pay["http.response.status_code"], 503);
    assert_eq!(steps["http.response.status_code"], 200, "of the delivery");
    let attempt = find(steps, "attempt").unwrap();
    assert_eq!((&attempt["attempt"], &attempt["outcome"]), (&1.into(), &"unknown".into()));
    let text = tree.to_string();
    // A request of a payout is sent once; and nobody is named by a span.
    assert!(!text.contains("resend_count") && !text.contains(PAYEE), "{text}");
}

#[tokio::test]
async fn each_delivery_that_is_filed_is_one_tree_and_a_forged_one_is_none() {
    let world = World::start().await;
    let forged = world.request_with(b"{}", vec![]);
    let (answered, lines) = logged(&world, world.send(forged)).await;
    assert_eq!((answered.status, trees(&lines).len()), (401, 0), "anybody can send as many as they like");
    assert!(lines.iter().any(|line| line["level"] == "WARN"), "it is said all the same: {lines:?}");
    let mut odd = payment("odd", PAYEE, world.clock.now());
    odd["data"]["object"]["amount_received"] = "a lot".into();
    let (answered, lines) = logged(&world, world.deliver(&odd)).await;
    assert_eq!(answered.outcome(), "filed");
    assert_eq!(trees(&lines).len(), 1, "{lines:?}");
    assert!(names(&trees(&lines)[0]["steps"]).contains("event(route file_case)"), "{lines:?}");
}

#[tokio::test]
async fn sweep_is_a_tree_where_it_found_something_and_none_where_it_did_not() {
    let world = World::start().await;
    let (_, lines) = logged(&world, world.sweeper().run()).await;
    assert_eq!(trees(&lines), Vec::<&Value>::new());
    let event = payment("1", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "0001#outcome", payonce_suite::faults::Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.reason(), "unrecorded");
    world.proxy.forget();
    world.clock.advance(10 * 60_000);
    let (swept, lines) = logged(&world, world.sweeper().run()).await;
    assert_eq!(swept.unwrap().abandoned, 1);
    let trees = trees(&lines);
    assert_eq!(trees.len(), 1, "{lines:?}");
    let told = names(&trees[0]["steps"]);
    assert!(told.starts_with("sweep(hold place visits(") && told.contains("give_up"), "{told}");
    assert_eq!(find(&trees[0]["steps"], "give_up").unwrap()["payout_key"], "stripe/pi_1");
}

#[tokio::test]
async fn attempt_of_people_is_a_tree_unless_it_is_accepted() {
    for (weather, is_plain) in [(Weather::Fair, true), (Weather::Unavailable, false)] {
        let (world, mut desk, key) = not_sent("1").await;
        let shown = propose(&world, &desk, &key, 2, 1).await;
        world.rail.set_weather(weather).await;
        let request = Desk::approves(&desk, &world, &shown);
        let (answer, lines) = logged(&world, desk.ask(&world, &request)).await;
        assert_eq!(why(&answer) == "accepted", is_plain);
        let trees = trees(&lines);
        assert_eq!(trees.is_empty(), is_plain, "{lines:?}");
        for tree in trees {
            let told = names(&tree["steps"]);
            assert!(told.starts_with("approval(decide people attempt("), "{told}");
            assert_eq!(tree["payout_key"], key.as_str());
        }
    }
}
