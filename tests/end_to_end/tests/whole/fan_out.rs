//! Many events in one delivery: each is claimed and paid on its own, and none hinders another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use payonce_end_to_end::{PAYEE, World, cut_after};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

/// GoCardless puts up to 250 events into one delivery.
const EVENTS: usize = 250;
/// Places of the events that cannot be paid: one has no id, one no amount, one a payee that is no account.
const POISONED: [usize; 3] = [17, 130, 249];

async fn world() -> World {
    World::of_own("gocardless", |text| text).await
}

fn event(world: &World, place: usize) -> Value {
    let created = jiff::Timestamp::from_millisecond(world.clock.now() as i64).unwrap();
    json!({
        "id": format!("EV{place:05}"),
        "created_at": created.to_string(),
        "resource_type": "payments",
        "action": "confirmed",
        "links": { "payment": format!("PM{place:05}") },
        "details": { "origin": "gocardless", "cause": "payment_confirmed" },
        "resource_metadata": { "payout_pence": "4200", "payee": PAYEE },
    })
}

fn delivery(world: &World) -> Value {
    let mut events: Vec<Value> = (0..EVENTS).map(|place| event(world, place)).collect();
    events[POISONED[0]].as_object_mut().unwrap().remove("id");
    events[POISONED[1]]["resource_metadata"]["payout_pence"] = "4200.5".into();
    events[POISONED[2]]["resource_metadata"]["payee"] = "acct_1/../refunds".into();
    json!({ "events": events })
}

fn key(place: usize) -> PayoutKey {
    PayoutKey::new(format!("gocardless/PM{place:05}")).unwrap()
}

fn payable() -> impl Iterator<Item = usize> {
    (0..EVENTS).filter(|place| !POISONED.contains(place))
}

/// Paid, each once.
fn paid(world: &World) -> BTreeSet<String> {
    let executed = world.rail.executed();
    let references: BTreeSet<String> = executed.iter().map(|transfer| transfer.payout_key().to_owned()).collect();
    assert_eq!(references.len(), executed.len(), "something was paid twice");
    references
}

#[tokio::test]
async fn poisoned_event_blocks_no_neighbour() {
    let world = world().await;
    let answered = world.deliver(&delivery(&world)).await;
    assert_eq!(answered.status, 200, "{:?}", answered.body);
    let listed = answered.body["events"].as_array().unwrap();
    assert_eq!(listed.len(), EVENTS);
    for (place, answer) in listed.iter().enumerate() {
        let (expected, name) = match POISONED.iter().position(|poisoned| *poisoned == place) {
            Some(0) => ("filed", Value::Null),
            Some(_) => ("filed", format!("EV{place:05}").into()),
            None => ("accepted", format!("EV{place:05}").into()),
        };
        assert_eq!((&answer["outcome"], &answer["event"]), (&expected.into(), &name), "event {place}");
    }
    assert_eq!(paid(&world), payable().map(|place| key(place).to_string()).collect());
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 3)].into());
    let bodies = world.proxy.seen().iter().filter(|seen| seen.body["TableName"] == world.tables.bodies).count();
    assert_eq!(bodies, 1, "the body is stored once");

    // In other company: the nameless one is known by its own hash.
    let mut other = delivery(&world);
    other["events"].as_array_mut().unwrap().pop();
    let again = world.deliver(&other).await;
    assert_eq!(again.status, 200);
    assert_eq!(world.payout_requests(), 247);
    assert_eq!(world.cases().await.len(), 3);
}

/// The function dies after some 120 events, while the next claims are on their way. The redelivery goes on where it ended.
#[tokio::test]
async fn redelivery_goes_on_after_a_death_half_way() {
    let world = Arc::new(world().await);
    for place in 120..EVENTS {
        world.proxy.plan(1, "PutItem", &format!("gocardless/PM{place:05}"), Fault::Hold);
    }
    let body = delivery(&world);
    let running = tokio::spawn({
        let (world, body) = (world.clone(), body.clone());
        async move { world.deliver(&body).await }
    });
    tokio::time::timeout(Duration::from_secs(60), async {
        while paid(&world).len() < 119 || !all_recorded(&world).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the first half is paid");
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    world.proxy.forget();

    world.clock.advance(60_000);
    let again = world.deliver(&body).await;
    assert_eq!(again.status, 200);
    world.minutes_pass(30).await;
    assert_eq!(paid(&world).len(), 247);
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 3)].into());
}

async fn all_recorded(world: &World) -> bool {
    for place in (0..120).filter(|place| !POISONED.contains(place)) {
        if world.outcome(&key(place)).await.is_none() {
            return false;
        }
    }
    true
}

/// Wherever it dies: nothing is paid twice, and whatever is not paid has a case.
#[tokio::test]
async fn survives_a_death_at_any_moment_of_a_fan_out() {
    for waits in [1, 3, 10, 40, 100, 200, 400, 800] {
        let world = world().await;
        let request = world.request(delivery(&world).to_string().as_bytes());
        cut_after(waits, world.send(request)).await;
        world.clock.advance(60_000);
        assert_eq!(world.deliver(&delivery(&world)).await.status, 200);
        world.minutes_pass(30).await;
        let paid = paid(&world);
        let cases = world.cases().await;
        for place in payable() {
            let filed = cases.iter().any(|case| case.key.as_ref() == Some(&key(place)));
            assert!(paid.contains(key(place).as_str()) || filed, "cut at wait {waits}: event {place} is lost");
        }
    }
}

/// When the provider will not wait for all of them, the rest is left to the redelivery, and said so.
#[tokio::test]
async fn refuses_the_rest_when_time_runs_out() {
    let hurried = "scheme = \"gocardless\"\nanswer_within = \"10s\"";
    let world = World::of_own("gocardless", |text| text.replace("scheme = \"gocardless\"", hurried)).await;
    let body = delivery(&world).to_string();
    // It took long to come here: the provider's clock runs from the moment it was received.
    let request = world.request(body.as_bytes());
    let clock = world.clock.clone();
    let sending = world.send(request);
    let ticking = async {
        while world.rail.executed().len() < 40 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        clock.advance(9_000);
    };
    let (answered, ()) = tokio::join!(sending, ticking);
    assert_eq!(answered.status, 503);
    let listed = answered.body["events"].as_array().unwrap();
    assert_eq!(listed.len(), EVENTS);
    let refused = listed.iter().filter(|event| event["reason"] == "no_time").count();
    let paid_first = paid(&world).len();
    assert!(paid_first >= 40 && refused > 0, "{paid_first} paid, {refused} refused");
    assert_eq!(paid_first + refused + 3, EVENTS);

    world.clock.advance(60_000);
    let again = world.deliver(&serde_json::from_str(&body).unwrap()).await;
    assert_eq!(again.status, 200);
    assert_eq!(paid(&world).len(), 247);
    // Refused events were noted; the claims answer for the notes.
    world.minutes_pass(60).await;
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 3)].into());
}

/// Two events of one delivery about one payment: one is paid, the other is a case (duplicates-are-2xx).
#[tokio::test]
async fn pays_once_for_a_payout_key_twice_in_one_delivery() {
    let world = world().await;
    let mut events: Vec<Value> = (0..20).map(|place| event(&world, place)).collect();
    for place in 10..20 {
        events[place]["links"] = events[place - 10]["links"].clone();
    }
    let answered = world.deliver(&json!({ "events": events })).await;
    assert_eq!(answered.status, 200);
    assert_eq!(paid(&world).len(), 10);
    assert_eq!(world.payout_requests(), 10);
    assert_eq!(world.reasons().await, [(Reason::SecondEventForKey, 10)].into());
}

#[tokio::test]
async fn pays_once_for_the_same_event_twice_in_one_delivery() {
    let world = world().await;
    let one = event(&world, 1);
    let answered = world.deliver(&json!({ "events": [one, one] })).await;
    assert_eq!(answered.status, 200);
    let outcomes: BTreeSet<&str> =
        answered.body["events"].as_array().unwrap().iter().filter_map(|event| event["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["accepted", "duplicate"].into());
    assert_eq!(world.payout_requests(), 1);
    assert!(world.cases().await.is_empty());
}
