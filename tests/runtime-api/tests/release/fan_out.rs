//! SIGKILL in the middle of a delivery of 250 events.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use payonce_protocol::outcome::Reason;
use payonce_runtime_api_tests::Treatment;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

use crate::world::World;

const EVENTS: usize = 250;
const POISONED: [usize; 3] = [17, 130, 249];
const PAYABLE: usize = EVENTS - POISONED.len();

fn delivery() -> String {
    let events: Vec<Value> = (0..EVENTS)
        .map(|place| {
            json!({
                "id": format!("EV{place:05}"),
                "created_at": "2026-11-23T10:00:00.000Z",
                "resource_type": "payments",
                "action": "confirmed",
                "links": { "payment": format!("PM{place:05}") },
                "resource_metadata": {
                    "payout_pence": if POISONED.contains(&place) { "forty" } else { "4200" },
                    "payee": "acct_1SampleWorkshop",
                },
            })
        })
        .collect();
    json!({ "events": events }).to_string()
}

/// Keys that were paid, each once.
fn paid(world: &World) -> BTreeSet<String> {
    let executed = world.rail.executed();
    let keys: BTreeSet<String> = executed.iter().map(|transfer| transfer.payout_key().to_owned()).collect();
    assert_eq!(keys.len(), executed.len(), "something was paid twice");
    keys
}

fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !reached() {
        assert!(Instant::now() < until, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The kill strikes while the next claims are on their way and none is between its claim and its outcome: the redelivery
/// goes on with the other half, and nothing is left for finance but the poisoned ones.
#[test]
fn redelivery_goes_on_after_a_sigkill_half_way() {
    const HALF: usize = 120;
    let world = World::new();
    for place in HALF..EVENTS {
        world.proxy.plan(1, "PutItem", &format!("collections/PM{place:05}"), Fault::Hold);
    }
    let function = world.start_for("webhook", "collections");
    world.deliver_from("collections", &delivery(), Treatment::Take);
    let outcomes = || {
        let seen = world.proxy.seen();
        seen.iter().filter(|seen| seen.body.to_string().contains("outcome") && seen.engine.is_some()).count()
    };
    wait_until("the first half is recorded", || outcomes() >= HALF - 1);
    drop(function);
    world.proxy.forget();
    assert_eq!(paid(&world).len(), HALF - 1);

    let _anew = world.start_for("webhook", "collections");
    let again = world.answer(&world.deliver_from("collections", &delivery(), Treatment::Take));
    assert_eq!(again.status, 200, "{again:?}");
    world.sweep(30);
    assert_eq!(paid(&world).len(), PAYABLE);
    let reasons: Vec<Reason> = world.cases().iter().map(|case| case.reason).collect();
    assert_eq!(reasons, [Reason::InvalidEvent; 3]);
}

/// The kill strikes anywhere: at the most the eight events under way are left for finance, each with its case.
#[test]
fn survives_a_sigkill_anywhere() {
    for after in [1, 50, 150, 240] {
        let world = World::new();
        let function = world.start_for("webhook", "collections");
        world.deliver_from("collections", &delivery(), Treatment::Take);
        wait_until("some are paid", || world.rail.executed().len() >= after);
        drop(function);
        let _anew = world.start_for("webhook", "collections");
        let again = world.answer(&world.deliver_from("collections", &delivery(), Treatment::Take));
        assert_eq!(again.status, 200, "{again:?}");
        world.sweep(30);

        let paid = paid(&world);
        let cases = world.cases();
        let abandoned = cases.iter().filter(|case| case.reason == Reason::AttemptAbandoned).count();
        println!("killed after {after} payouts: {} paid, {abandoned} abandoned, {} cases", paid.len(), cases.len());
        assert!(abandoned <= 8 && cases.len() == abandoned + POISONED.len(), "{cases:?}");
        for place in (0..EVENTS).filter(|place| !POISONED.contains(place)) {
            let key = format!("collections/PM{place:05}");
            let filed = cases.iter().any(|case| case.key.as_ref().is_some_and(|found| found.as_str() == key));
            assert!(paid.contains(&key) || filed, "killed after {after} payouts: {key} is lost");
        }
    }
}
