//! A claim that somebody changed or removed: payouts are held before the next one is made.

use audit_watch::App;
use payonce_end_to_end::{PAYEE, World, payment};
use payonce_protocol::hold::Hold;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry::{Captured, Level, subscriber};
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

fn batch(event: &str) -> Value {
    let keys = json!({ "pk": { "S": "stripe/pi_1" }, "sk": { "S": "0001#claim" } });
    json!({ "Records": [{ "eventID": "1", "eventName": event, "eventSource": "aws:dynamodb", "dynamodb": { "Keys": keys } }] })
}

fn watch(world: &World) -> App {
    App::new(world.ledger.narrowed(), world.clock.clone(), Metrics::stdout(world.clock.clone()))
}

async fn paying() -> World {
    let world = World::start().await;
    world.deliver(&payment("before", PAYEE, world.clock.now())).await;
    world
}

#[tokio::test]
async fn holds_payouts_when_a_claim_was_overwritten() {
    for event in ["MODIFY", "REMOVE"] {
        let mut world = paying().await;
        let (metrics, lines) = Metrics::captured(world.clock.clone());
        let done = App::new(world.ledger.narrowed(), world.clock.clone(), metrics).run(&batch(event)).await;
        assert_eq!(done.unwrap(), json!({ "changed": 1, "hold": "refuse" }));
        assert_eq!(lines.lines()[0]["ClaimsOverwritten"], 1);
        let control = world.ledger.control().await.unwrap().unwrap();
        assert_eq!((control.hold, control.set_by.as_str()), (Hold::Refuse, "audit-watch"));
        assert!(control.why.contains(&format!("{event} of stripe/pi_1 0001#claim")), "{}", control.why);

        world.restart_with(|text| text).await;
        let answer = world.deliver(&payment("after", PAYEE, world.clock.now())).await;
        assert_eq!((answer.status, answer.reason()), (503, "hold"));
    }
}

#[tokio::test]
async fn logs_a_changed_record_with_the_payouts_key() {
    let world = paying().await;
    let log = Captured::default();
    let _guard = tracing::subscriber::set_default(subscriber(Level::Info, world.clock.clone(), log.clone()));
    watch(&world).run(&batch("MODIFY")).await.unwrap();
    let lines = log.lines();
    assert!(lines.iter().any(|line| line["payout_key"] == "stripe/pi_1" && line["sk"] == "0001#claim"), "{lines:?}");
}

#[tokio::test]
async fn leaves_a_hold_that_a_person_set() {
    let world = paying().await;
    world.ledger.set_hold(Hold::Record, "a person", "a test", world.clock.now()).await.unwrap();
    let done = watch(&world).run(&batch("MODIFY")).await.unwrap();
    assert_eq!(done["hold"], "record");
    assert_eq!(world.ledger.control().await.unwrap().unwrap().set_by, "a person");
}

#[tokio::test]
async fn repeated_batches_and_two_at_once_succeed() {
    let world = paying().await;
    let (first, second) = (watch(&world), watch(&world));
    let (modified, removed) = (batch("MODIFY"), batch("REMOVE"));
    let (one, other) = tokio::join!(first.run(&modified), second.run(&removed));
    assert_eq!((&one.unwrap()["hold"], &other.unwrap()["hold"]), (&json!("refuse"), &json!("refuse")));
    assert_eq!(first.run(&modified).await.unwrap()["hold"], "refuse");
}

#[tokio::test]
async fn new_claim_holds_nothing() {
    let world = paying().await;
    assert_eq!(watch(&world).run(&batch("INSERT")).await.unwrap(), json!({ "changed": 0 }));
    assert_eq!(world.ledger.control().await.unwrap().unwrap().hold, Hold::Pay);
}

#[tokio::test]
async fn fails_when_the_hold_cannot_be_set() {
    // The stream hands the batch over again.
    let world = World::start().await;
    world.proxy.plan(100, "TransactWriteItems", "", Fault::SERVER_ERROR);
    let through = App::new(world.parts().0.narrowed(), world.clock.clone(), Metrics::stdout(world.clock.clone()));
    assert!(through.run(&batch("MODIFY")).await.is_err());
    // Nobody released payouts yet: a hold is set all the same.
    let world = World::unreleased("stripe", |text| text).await;
    assert_eq!(watch(&world).run(&batch("MODIFY")).await.unwrap()["hold"], "refuse");
}
