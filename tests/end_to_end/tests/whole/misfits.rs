//! Signed, and yet nothing that may be paid: a case and a 200, so that a poisoned event never blocks a queue.

use payonce_end_to_end::{PAYEE, World, payment};
use payonce_ledger::Case;
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::Reason;
use payonce_suite::faults::Fault;
use serde_json::{Value, json};

async fn filed_once(pointer: &str, value: Value) -> Case {
    let world = World::start().await;
    let mut event = payment("misfit", PAYEE, world.clock.now());
    *event.pointer_mut(pointer).unwrap() = value.clone();
    for _ in 0..2 {
        let answer = world.deliver(&event).await;
        assert_eq!((answer.status, answer.outcome()), (200, "filed"), "{pointer} = {value}");
    }
    assert_eq!(world.payout_requests(), 0, "{pointer} = {value}");
    let mut cases = world.cases().await;
    assert_eq!(cases.len(), 1, "{pointer} = {value}: opened once");
    let case = cases.remove(0);
    assert_eq!(case.reason, Reason::InvalidEvent);
    assert!(world.ledger.body(case.body.unwrap()).await.unwrap().is_some(), "the body is kept as evidence");
    case
}

#[tokio::test]
async fn one_case_for_an_amount_that_is_none() {
    for value in [Value::Null, json!(0), json!(-1), json!(42.5), json!("4200"), json!(9_007_199_254_740_993_u64)] {
        let case = filed_once("/data/object/amount_received", value).await;
        assert!(
            case.details.get(FactName::Problem).unwrap().contains("/data/object/amount_received"),
            "{:?}",
            case.details
        );
    }
}

#[tokio::test]
async fn one_case_for_an_amount_above_the_limit() {
    filed_once("/data/object/amount_received", json!(500_001)).await;
}

#[tokio::test]
async fn one_case_for_a_currency_that_the_provider_does_not_count() {
    for value in [json!("xxx"), json!("euro"), Value::Null] {
        filed_once("/data/object/currency", value).await;
    }
}

#[tokio::test]
async fn one_case_for_a_payee_off_its_pattern() {
    for value in [json!("acct_1/../../refunds"), json!("x\",\"amount\":900000"), json!("acct_1\r\nX: y"), json!("")] {
        let case = filed_once("/data/object/metadata/payee", value.clone()).await;
        assert!(!format!("{case:?}").contains(value.as_str().filter(|text| !text.is_empty()).unwrap_or("\u{0}")));
    }
}

#[tokio::test]
async fn one_case_for_a_live_event_at_a_test_rail() {
    filed_once("/livemode", json!(true)).await;
}

#[tokio::test]
async fn one_case_for_a_key_that_fits_no_table() {
    for value in [json!("x".repeat(3000)), json!("päyment"), json!({}), Value::Null] {
        filed_once("/data/object/id", value).await;
    }
}

#[tokio::test]
async fn one_case_for_each_body_that_is_no_event() {
    let world = World::start().await;
    for body in
        [&b"<event/>"[..], b"[]", b"{\"id\":\"evt_1\",\"id\":\"evt_2\"}", b"\xff\xfe", "[".repeat(200_000).as_bytes()]
    {
        let answer = world.send(world.request(body)).await;
        assert_eq!((answer.status, answer.outcome()), (200, "filed"), "{:?}", &body[..body.len().min(30)]);
    }
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 5)].into());
}

#[tokio::test]
async fn an_event_type_that_no_rule_names_is_one_case_for_its_type() {
    let world = World::start().await;
    for number in 0..3 {
        let mut event = payment(&format!("typo{number}"), PAYEE, world.clock.now());
        event["type"] = "payment_intent.suceeded".into();
        assert_eq!(world.deliver(&event).await.reason(), "unrouted_event");
    }
    let mut ignored = payment("ignored", PAYEE, world.clock.now());
    ignored["type"] = "payment_intent.created".into();
    assert_eq!(world.deliver(&ignored).await.outcome(), "no_payout");
    assert_eq!(world.reasons().await, [(Reason::UnroutedEvent, 1)].into());
}

#[tokio::test]
async fn an_event_whose_condition_is_not_met_asks_for_nothing() {
    let world = World::start().await;
    let mut event = payment("unmet", PAYEE, world.clock.now());
    event["data"]["object"]["status"] = "requires_capture".into();
    assert_eq!(world.deliver(&event).await.outcome(), "no_payout");
    assert!(world.cases().await.is_empty());
    assert_eq!(world.payout_requests(), 0);
}

/// A case that the answer depends on is durable before the 200.
#[tokio::test]
async fn a_case_that_cannot_be_written_is_asked_for_again() {
    let world = World::start().await;
    let mut event = payment("unwritten", PAYEE, world.clock.now());
    event["data"]["object"]["amount_received"] = 0.into();
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.proxy.plan(100, "TransactWriteItems", "", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.status, 503);
    world.proxy.forget();
    assert_eq!(world.deliver(&event).await.status, 200);
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 1)].into());
}
