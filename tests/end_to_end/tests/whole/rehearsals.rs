//! Faults that the functions themselves meet, and the alarms that go off by what they then report. Which lines raise which alarm is
//! rehearsed for every alarm in `infra/catalogue/tests/rehearsal.rs`; that a fault makes those lines is seen here.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_catalogue::alarms;
use payonce_catalogue::placed::{Provider, placed};
use payonce_catalogue::rehearsal::{Span, is_raised};
use payonce_end_to_end::{PAYEE, World, payment};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::sweep::MINUTE_MS;
use payonce_suite::faults::Fault;

use crate::arrives::{abandoned, change, pattern, unknown};

/// Of webhook and sweeper, those that were on since the world began.
fn raised(world: &World, since: u64) -> BTreeSet<&'static str> {
    let lines = world.measured.lines();
    let span = Span { from: since, until: world.clock.now() };
    let placed = placed(&alarms::all(), &[Provider::new("stripe", Some(10_000))]);
    // Other functions do not run here: nobody misses them.
    let others = ["retry-audit-silent", "reconciler-silent"];
    let on = placed.iter().filter(|one| !others.contains(&one.alarm.name) && is_raised(one, &lines, span));
    on.map(|one| one.alarm.name).collect()
}

/// Minutes with a delivery and a run of the sweeper in each; what is delivered is called by its minute.
async fn minutes(world: &World, name: &str, number: u64) {
    let sweeper = world.sweeper();
    for minute in 0..number {
        world.deliver(&payment(&format!("{name}{minute}"), PAYEE, world.clock.now())).await;
        let _ = sweeper.run().await;
        world.clock.advance(MINUTE_MS);
    }
}

async fn world() -> (World, u64) {
    let world = World::with(|text| text.replace("= 200000000", "= 50000")).await;
    let began = world.clock.now();
    (world, began)
}

#[tokio::test]
async fn good_minutes_raise_nothing() {
    let (world, began) = world().await;
    minutes(&world, "good", 50).await;
    assert_eq!(raised(&world, began), BTreeSet::new());
}

#[tokio::test]
async fn tables_that_do_not_answer_raise_refused_and_the_silence_of_the_sweeper() {
    let (world, began) = world().await;
    for target in ["PutItem", "GetItem", "Query", "TransactWriteItems", "BatchGetItem"] {
        world.proxy.plan(1_000_000, target, "", Fault::Answer(400, "AccessDeniedException"));
    }
    for minute in 0..10 {
        for copy in 0..3 {
            let event = payment(&format!("down{minute}n{copy}"), PAYEE, world.clock.now());
            assert_eq!(world.deliver(&event).await.status, 503);
        }
        world.sweeper().run().await.unwrap_err();
        world.clock.advance(MINUTE_MS);
    }
    assert_eq!(raised(&world, began), ["refused", "sweeper-silent"].into());
}

#[tokio::test]
async fn payouts_that_nobody_released_raise_held() {
    let world = World::unreleased("stripe", |text| text).await;
    let began = world.clock.now();
    minutes(&world, "held", 10).await;
    assert_eq!(raised(&world, began), ["held"].into());
}

#[tokio::test]
async fn a_secret_that_was_changed_at_the_provider_alone_raises_unverified() {
    let (world, began) = world().await;
    for minute in 0..45 {
        let event = payment(&format!("other{minute}"), PAYEE, world.clock.now());
        let headers = world.provider.sign(&world.secrets, b"signed otherwise", world.clock.now());
        assert_eq!(world.send(world.request_with(event.to_string().as_bytes(), headers)).await.status, 401);
        world.sweeper().run().await.unwrap();
        world.clock.advance(MINUTE_MS);
    }
    assert_eq!(raised(&world, began), ["unverified"].into());
}

#[tokio::test]
async fn a_body_above_the_limit_raises_too_large() {
    let (world, began) = world().await;
    world.send(world.request(&vec![b' '; (1 << 20) + 1])).await;
    minutes(&world, "beside", 10).await;
    assert_eq!(raised(&world, began), ["too-large"].into());
}

#[tokio::test]
async fn secrets_that_cannot_be_read_again_raise_stale_before_anything_is_refused() {
    let (world, began) = world().await;
    world.secrets_away.store(true, Ordering::Relaxed);
    minutes(&world, "stale", 59).await;
    assert_eq!(raised(&world, began), ["secrets-stale"].into());
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_raises_unrecorded() {
    let (world, began) = world().await;
    world.proxy.plan(1_000, "PutItem", "0001#outcome", Fault::Answer(400, "AccessDeniedException"));
    world.proxy.plan(1_000, "TransactWriteItems", "0001#outcome", Fault::Answer(400, "AccessDeniedException"));
    let event = payment("unrecorded", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&event).await.reason(), "unrecorded");
    world.clock.advance(MINUTE_MS);
    assert!(raised(&world, began).contains("unrecorded"));
}

#[tokio::test]
async fn a_dead_worker_raises_swept() {
    let (world, began) = world().await;
    let pattern = pattern(&world).await;
    abandoned(&world, &pattern, "dead", 1).await;
    world.clock.advance(4 * MINUTE_MS);
    world.sweeper().run().await.unwrap();
    world.clock.advance(MINUTE_MS);
    assert!(raised(&world, began).contains("swept"));
}

#[tokio::test]
async fn a_rail_that_stopped_answering_raises_the_hold() {
    let (world, began) = world().await;
    world.rail.set_weather(Weather::Unavailable).await;
    for copy in 0..12 {
        world.deliver(&payment(&format!("outage{copy}"), PAYEE, world.clock.now())).await;
    }
    world.clock.advance(MINUTE_MS);
    minutes(&world, "after", 6).await;
    let raised = raised(&world, began);
    assert!(raised.contains("hold-tripped") && raised.contains("held"), "{raised:?}");
    assert!(raised.contains("success-burning"), "twelve of twelve failed: {raised:?}");
}

#[tokio::test]
async fn a_record_that_nobody_can_read_raises_unreadable() {
    let (world, began) = world().await;
    let pattern = pattern(&world).await;
    let claims = abandoned(&world, &pattern, "odd", 1).await;
    let newer = |item: &mut HashMap<String, AttributeValue>| {
        item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    };
    change(&world, claims[0].key.as_str(), "0001#claim", newer).await;
    world.clock.advance(4 * MINUTE_MS);
    world.sweeper().run().await.unwrap();
    world.clock.advance(MINUTE_MS);
    assert!(raised(&world, began).contains("unreadable"));
}

#[tokio::test]
async fn open_cases_raise_money_at_risk_and_then_overdue() {
    let (world, began) = world().await;
    let pattern = pattern(&world).await;
    unknown(&world, &pattern, "risk", 15).await;
    for _ in 0..11 {
        world.sweeper().run().await.unwrap();
        world.clock.advance(MINUTE_MS);
    }
    let at_first = raised(&world, began);
    assert!(at_first.contains("money-at-risk") && !at_first.contains("case-overdue"), "{at_first:?}");
    world.clock.advance(8 * 24 * 60 * MINUTE_MS);
    let late = world.clock.now();
    for _ in 0..3 {
        // It made the days between up: nothing was claimed in them.
        world.ledger.set_round(world.clock.now() / MINUTE_MS).await.unwrap();
        world.sweeper().run().await.unwrap();
        world.clock.advance(60 * MINUTE_MS);
    }
    assert!(raised(&world, late).contains("case-overdue"));
}
