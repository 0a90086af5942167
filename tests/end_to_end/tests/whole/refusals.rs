//! What a 503 leaves behind, and what must not become one.

use payonce_protocol::fact::FactName;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_ledger::RefusalNote;
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::Reason;
use payonce_suite::faults::Fault;
use serde_json::Value;

const HOUR_MS: u64 = 3_600_000;
const YEAR_MS: u64 = 365 * 24 * HOUR_MS;
/// One record is tried four times.
const ONE_RECORD: u32 = 4;

async fn held() -> World {
    let mut world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.ledger.set_hold(Hold::Refuse, "a person", "a test", world.clock.now()).await.unwrap();
    world.restart_with(|text| text).await;
    world
}

async fn note_of(world: &World, event: &Value) -> Option<RefusalNote> {
    let id = Digest::of(event["id"].as_str().unwrap());
    world.ledger.refusal(&key_of(event), id).await.unwrap()
}

/// Somebody's claim it is, whoever can read it: the provider is not asked to come back for ever.
#[tokio::test]
async fn a_claim_that_cannot_be_read_is_a_duplicate_and_never_a_503() {
    let world = held().await;
    let event = payment("torn", PAYEE, world.clock.now());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for version in ["1", "2"] {
        let put = world.engine().client().put_item().table_name(&world.tables.audit);
        let put = put.item("pk", text(key_of(&event).as_str())).item("sk", text("0001#claim"));
        put.item("v", AttributeValue::N(version.to_owned())).send().await.unwrap();
        let answer = world.deliver(&event).await;
        assert_eq!((answer.status, answer.outcome()), (200, "duplicate"), "version {version}");
    }
    assert_eq!(world.payout_requests(), 1, "the warm one only");
    assert_eq!(note_of(&world, &event).await, None);
    // A claim that cannot be looked up at all may not be there.
    let other = payment("other", PAYEE, world.clock.now());
    world.proxy.plan(100, "GetItem", "pi_other", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&other).await.status, 503);
}

/// Else an event of the year 2100 would be a case in the year 2100.
#[tokio::test]
async fn a_note_becomes_final_in_time_whatever_time_the_event_claims() {
    let world = held().await;
    let now = world.clock.now();
    let patience = world.provider.patience();
    let most = now + patience.refuse_for_ms + patience.longest_gap_ms;
    let later = |ms: u64| (now + ms) / 1_000 * 1_000;
    for (name, created) in [("now", now), ("minutes_ahead", later(5 * 60_000)), ("far_ahead", later(80 * YEAR_MS))] {
        let event = payment(name, PAYEE, created);
        assert_eq!(world.deliver(&event).await.status, 503, "{name}");
        assert_eq!(note_of(&world, &event).await.unwrap().final_after, most, "{name}");
    }
    // From the past: patience is over, and it is a case at once.
    let behind = now - patience.refuse_for_ms;
    assert_eq!(world.deliver(&payment("behind", PAYEE, behind)).await.outcome(), "not_sent");
    assert_eq!(world.deliver(&payment("far_behind", PAYEE, 0)).await.reason(), "stale_event");
}

#[tokio::test]
async fn a_note_that_fails_once_is_written_within_the_time_left() {
    let world = held().await;
    let event = payment("noted", PAYEE, world.clock.now());
    world.proxy.plan(ONE_RECORD, "PutItem", "#refused#", Fault::SERVER_ERROR);
    assert_eq!(world.deliver(&event).await.status, 503);
    assert!(note_of(&world, &event).await.is_some());
}

/// Neither a payout key nor an event need be known of what cannot be filed.
#[tokio::test]
async fn a_case_that_could_not_be_written_is_noted_before_its_503_and_the_sweeper_writes_it() {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.minutes_pass(1).await;
    world.proxy.plan(1_000, "TransactWriteItems", "", Fault::SERVER_ERROR);
    let mut invalid = payment("invalid", PAYEE, world.clock.now());
    invalid["data"]["object"]["amount_received"] = 0.into();
    let mut unrouted = payment("unrouted", PAYEE, world.clock.now());
    unrouted["type"] = "payment_intent.suceeded".into();
    for event in [&invalid, &unrouted] {
        assert_eq!(world.deliver(event).await.status, 503);
    }
    assert_eq!(world.send(world.request(b"<event/>")).await.status, 503);
    world.proxy.forget();
    assert!(world.cases().await.is_empty());

    world.minutes_pass(5).await;
    assert_eq!(world.reasons().await, [(Reason::InvalidEvent, 2), (Reason::UnroutedEvent, 1)].into());
    for case in world.cases().await {
        assert!(
            !case.details.get(FactName::Problem).unwrap().is_empty() && case.body.is_some() && case.incident.is_some(),
            "{case:?}"
        );
    }
    // Sent again it is the same case, and seen again by the sweeper it is no other.
    assert_eq!(world.deliver(&invalid).await.reason(), "invalid_event");
    world.minutes_pass(30).await;
    assert_eq!(world.cases().await.len(), 3);
    assert_eq!(world.payout_requests(), 1, "the warm one only");
}

/// A provider's own delivery would be counted as forged, and a withdrawn secret would verify for as long as the function is
/// warm.
#[tokio::test]
async fn a_signature_that_cannot_be_checked_is_503_and_touches_nothing() {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.secrets_away.store(true, Ordering::Relaxed);
    world.clock.advance(HOUR_MS - 1);
    assert_eq!(world.deliver(&payment("in_time", PAYEE, world.clock.now())).await.outcome(), "accepted");
    world.clock.advance(1);
    world.proxy.forget();
    let event = payment("unchecked", PAYEE, world.clock.now());
    let body = event.to_string();
    for signed in [body.as_bytes(), b"another body"] {
        let headers = world.provider.sign(&world.secrets, signed, world.clock.now());
        let answer = world.send(world.request_with(body.as_bytes(), headers)).await;
        assert_eq!((answer.status, answer.outcome()), (503, ""));
    }
    assert!(world.proxy.seen().is_empty(), "{:?}", world.proxy.seen());
    world.secrets_away.store(false, Ordering::Relaxed);
    world.clock.advance(60_000);
    assert_eq!(world.deliver(&event).await.outcome(), "accepted");
}
