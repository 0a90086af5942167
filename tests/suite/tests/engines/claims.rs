//! The one request that decides whether money moves. Each test is named after what must not happen.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Bar, LookUpRecord, RefusalNote, Seen};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::ids::Digest;
use payonce_protocol::order::EventId;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;

use crate::bench::{Bench, NOW, case_of, claim, outcome, text};

const WITHIN: Duration = Duration::from_secs(5);

pub async fn second_put_leaves_a_claim_that_stands(bench: Bench) {
    let (first, second) = (claim("pi_1", 1), claim("pi_1", 2));
    assert_eq!(bench.ledger.put_claim(&first).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.put_claim(&second).await, ClaimAnswer::Taken(first.facts()));
    assert_eq!(bench.ledger.read_claim(&first.key, 1).await, Ok(Some(first)));
    assert_eq!(bench.proxy.count("PutItem"), 2);
}

pub async fn recognises_its_own_claim_after_a_lost_answer(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.proxy.plan(1, "PutItem", "#claim", Fault::DropAnswer);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer);
    assert_eq!(bench.proxy.count("PutItem"), 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Taken(ours.facts()));
    let seen = bench.proxy.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body, seen[1].body, "the second put is not identical");
}

pub async fn server_error_after_the_write_is_no_answer(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.proxy.plan(1, "PutItem", "#claim", Fault::AnswerAfter(500, "InternalServerError"));
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Taken(ours.facts()));
}

pub async fn tells_whose_claim_won_during_a_server_error(bench: Bench) {
    let (ours, theirs) = (claim("pi_1", 1), claim("pi_1", 2));
    bench.proxy.plan(1, "PutItem", "#claim", Fault::SERVER_ERROR);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer);
    assert_eq!(bench.ledger.put_claim(&theirs).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Taken(theirs.facts()));
}

pub async fn uncertain_answers_are_no_answer(bench: Bench) {
    let ours = claim("pi_1", 1);
    for fault in [
        Fault::SERVER_ERROR,
        Fault::Answer(503, "ServiceUnavailable"),
        Fault::Answer(502, ""),
        Fault::THROTTLE,
        Fault::Answer(400, "ThrottlingException"),
        Fault::Answer(400, "RequestLimitExceeded"),
        Fault::REPLICATED_WRITE_CONFLICT,
        // The condition failed, and what stands there is not said.
        Fault::Answer(400, "ConditionalCheckFailedException"),
        // Somebody else than DynamoDB speaks.
        Fault::Answer(403, ""),
        Fault::DropRequest,
        Fault::Hold,
    ] {
        bench.proxy.forget();
        bench.proxy.plan(1, "PutItem", "#claim", fault);
        assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer, "{fault:?}");
        assert_eq!(bench.proxy.count("PutItem"), 1, "{fault:?}");
    }
    assert_eq!(bench.ledger.read_claim(&ours.key, 1).await, Ok(None));
}

pub async fn certain_refusal_is_not_sent_again(bench: Bench) {
    let ours = claim("pi_1", 1);
    for fault in [
        Fault::Conflict,
        Fault::Answer(400, "AccessDeniedException"),
        Fault::Answer(400, "ResourceNotFoundException"),
        Fault::Answer(400, "UnrecognizedClientException"),
        Fault::Answer(400, "ExpiredTokenException"),
    ] {
        bench.proxy.forget();
        bench.proxy.plan(1, "PutItem", "#claim", fault);
        assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NotApplied, "{fault:?}");
        assert_eq!(bench.proxy.count("PutItem"), 1, "{fault:?}");
    }
}

pub async fn item_that_dynamodb_refuses_is_unacceptable(bench: Bench) {
    let mut poisoned = claim("pi_1", 1);
    poisoned.request_id = "x".repeat(410 * 1024);
    assert_eq!(bench.ledger.put_claim(&poisoned).await, ClaimAnswer::Unacceptable);
    bench.proxy.plan(1, "PutItem", "#claim", Fault::Answer(400, "ItemCollectionSizeLimitExceededException"));
    assert_eq!(bench.ledger.put_claim(&claim("pi_1", 1)).await, ClaimAnswer::Unacceptable);
}

/// A canary's newer version wrote it, even under our own attempt id; or something wrote what nobody can read.
pub async fn claim_of_a_newer_schema_is_never_ours(bench: Bench) {
    let newer = claim("pi_newer", 1);
    assert_eq!(bench.ledger.put_claim(&newer).await, ClaimAnswer::Written);
    let mut item = bench.audit(&newer.key, "0001#claim").await.unwrap();
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.audit, item.clone()).await;
    let unreadable = claim("pi_unreadable", 1);
    item.insert("pk".to_owned(), text(&unreadable.key));
    item.insert("v".to_owned(), AttributeValue::N("1".to_owned()));
    item.remove("attempt_id");
    bench.plant(&bench.tables.audit, item).await;

    for ours in [newer, unreadable] {
        let ClaimAnswer::Taken(facts) = bench.ledger.put_claim(&ours).await else { panic!("not taken") };
        assert_ne!(facts.attempt_id, ours.attempt_id);
        assert_eq!((facts.event, facts.terms), (ours.facts().event, ours.facts().terms));
        assert_eq!(bench.ledger.attempt(&ours.key, 1).await, Ok(None), "the sweeper would touch it");
    }
}

/// A token made from an id of ours would turn the second call into a success that did nothing.
pub async fn second_call_hears_of_its_own_write_alone(bench: Bench) {
    let ours = claim("pi_1", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Taken(ours.facts()));
    assert!(bench.proxy.seen().iter().all(|seen| seen.body.get("ClientRequestToken").is_none()));

    let case = case_of(&ours, Reason::InvalidEvent);
    assert_eq!(bench.ledger.open_case(&case).await, Ok(payonce_ledger::Opened::New));
    assert_eq!(bench.ledger.open_case(&case).await, Ok(payonce_ledger::Opened::Existing));
    let tokens = bench.tokens();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

/// The item comes back with the refusal. It has 400 KB at the most, and JSON writes six bytes for some of them.
pub async fn claim_that_is_taken_is_told_by_what_stands_there_however_long_it_is(bench: Bench) {
    let ours = claim("pi_1", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    let mut item = bench.audit(&ours.key, "0001#claim").await.unwrap();
    item.insert("of_a_later_version".to_owned(), text("\u{1}".repeat(390_000)));
    bench.plant(&bench.tables.audit, item).await;
    assert_eq!(bench.ledger.put_claim(&claim("pi_1", 2)).await, ClaimAnswer::Taken(ours.facts()));
    let standing = bench.ledger.connect_for_claim(WITHIN).await;
    assert_eq!(bench.ledger.put_claim_on(standing, &claim("pi_1", 2)).await, ClaimAnswer::Taken(ours.facts()));
}

pub async fn claim_comes_back_as_it_was_written(bench: Bench) {
    let mut second_attempt = claim("pi_1", 2);
    second_attempt.attempt = 2;
    second_attempt.trace_id = None;
    second_attempt.key_generation = 2;
    for ours in [claim("pi_1", 1), second_attempt] {
        assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
        assert_eq!(bench.ledger.read_claim(&ours.key, ours.attempt).await, Ok(Some(ours.clone())));
        assert_eq!(bench.ledger.attempt(&ours.key, ours.attempt).await, Ok(Some((ours, None))));
    }
}

pub async fn second_note_of_a_refusal_leaves_the_first(bench: Bench) {
    let ours = claim("pi_1", 1);
    let first = RefusalNote {
        key: ours.key.clone(),
        event: ours.event.clone(),
        provider: ours.provider.clone(),
        money: ours.money,
        destination: ours.destination.clone(),
        refused_at: NOW,
        final_after: NOW + 200_000_000,
    };
    let second = RefusalNote { refused_at: NOW + 1, final_after: NOW + 200_000_001, ..first.clone() };
    let event = Digest::of(ours.event.as_str());
    assert_eq!(bench.ledger.refusal(&ours.key, event).await, Ok(None));
    assert_eq!(bench.ledger.note_refusal(&first).await, Ok(()));
    assert_eq!(bench.ledger.note_refusal(&second).await, Ok(()));
    assert_eq!(bench.ledger.refusal(&ours.key, event).await, Ok(Some(first.clone())));
    // Another event of the same key is another promise.
    let other = RefusalNote { event: EventId::new("evt_other").unwrap(), ..first };
    assert_eq!(bench.ledger.note_refusal(&other).await, Ok(()));
    assert_eq!(bench.ledger.refusal(&ours.key, Digest::of("evt_other")).await, Ok(Some(other)));
    // A note is no claim.
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
}

/// Only a failed condition says that it stands. Whoever took another refusal for it would lose what was to be kept.
pub async fn a_record_that_is_refused_is_not_taken_for_one_that_stands(bench: Bench) {
    let ours = claim("pi_1", 1);
    let (key, event, body) = (ours.key.clone(), ours.event.clone(), ours.body);
    let note = RefusalNote {
        key: key.clone(),
        event: event.clone(),
        provider: ours.provider.clone(),
        money: ours.money,
        destination: ours.destination.clone(),
        refused_at: NOW,
        final_after: NOW,
    };
    let bar = Bar { key: key.clone(), event, provider: ours.provider.clone(), body, received_at: NOW, barred_at: NOW };
    let look_up = LookUpRecord { at: NOW, seen: Seen::Absent { sight: "tr_0".to_owned() }, by: "sweeper".to_owned() };
    let (case, late) = (case_of(&ours, Reason::PayoutUnknown), claim("pi_2", 1).key);
    let noted = case_of(&claim("pi_noted", 1), Reason::InvalidEvent);
    let ledger = &bench.ledger;
    for _ in 0..2 {
        assert_eq!(ledger.note_case(&noted).await, Ok(()), "one that stands counts");
    }
    bench.proxy.forget();
    bench.proxy.plan(100, "PutItem", "", Fault::Answer(400, "AccessDeniedException"));
    assert!(ledger.note_refusal(&note).await.is_err());
    assert!(ledger.add_alias(&ours.event, &key, &late).await.is_err());
    assert!(ledger.add_look_up(&key, 1, &look_up).await.is_err());
    assert!(ledger.note_case(&case).await.is_err());
    assert!(ledger.bar(&bar).await.is_err());
    assert!(ledger.put_body(body, b"body", NOW, 400).await.is_err());
    assert!(ledger.put_file(&case.id(), "statement.png", b"file", NOW, 400).await.is_err());
    assert_eq!(ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Failed);
    assert_eq!(bench.proxy.count("PutItem"), 8, "one of them was sent again, or not at all");
}

/// After a freeze it may be dead, and the pool would send what it had not begun once more by itself.
pub async fn each_claim_opens_a_fresh_connection(bench: Bench) {
    for number in 1..=3 {
        assert_eq!(bench.ledger.put_claim(&claim(&format!("pi_{number}"), 1)).await, ClaimAnswer::Written);
        assert_eq!(bench.proxy.connections(), number);
    }
    // Records keep theirs.
    for _ in 0..3 {
        bench.ledger.progress().await.unwrap();
    }
    assert_eq!(bench.proxy.connections(), 4);
}

pub async fn connection_that_stands_carries_one_claim(bench: Bench) {
    let standing = bench.ledger.connect_for_claim(WITHIN).await;
    assert!(standing.is_some());
    assert_eq!(bench.ledger.put_claim_on(standing, &claim("pi_1", 1)).await, ClaimAnswer::Written);
    assert_eq!(bench.proxy.connections(), 1);
    assert_eq!(bench.ledger.put_claim(&claim("pi_2", 1)).await, ClaimAnswer::Written);
    assert_eq!(bench.proxy.connections(), 2);
}

pub async fn connection_that_was_closed_meanwhile_is_replaced_before_anything_is_sent(bench: Bench) {
    let standing = bench.ledger.connect_for_claim(WITHIN).await;
    bench.proxy.hang_up().await;
    assert_eq!(bench.ledger.put_claim_on(standing, &claim("pi_1", 1)).await, ClaimAnswer::Written);
    assert_eq!((bench.proxy.connections(), bench.proxy.count("PutItem")), (2, 1));
}

pub async fn claim_whose_connection_dies_under_it_is_not_sent_again(bench: Bench) {
    let ours = claim("pi_1", 1);
    for fault in [Fault::DropAnswer, Fault::DropRequest, Fault::Hold] {
        bench.proxy.forget();
        let connections = bench.proxy.connections();
        let standing = bench.ledger.connect_for_claim(WITHIN).await;
        bench.proxy.plan(1, "PutItem", "#claim", fault);
        assert_eq!(bench.ledger.put_claim_on(standing, &ours).await, ClaimAnswer::NoAnswer, "{fault:?}");
        assert_eq!(bench.proxy.count("PutItem"), 1, "{fault:?}");
        assert_eq!(bench.proxy.connections(), connections + 1, "{fault:?}");
    }
}
