//! Recording what became of an attempt: never lost, never overwritten, and the truth told about both.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Abandoned, Case, Claim};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;

use crate::bench::{Bench, NOW, case_of, claim, outcome};

async fn claimed(bench: &Bench) -> Claim {
    let ours = claim("pi_1", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    bench.proxy.forget();
    ours
}

async fn recorded(bench: &Bench, ours: &Claim) -> Option<Outcome> {
    let (_, outcome) = bench.ledger.attempt(&ours.key, 1).await.unwrap().expect("the claim");
    outcome.map(|outcome| outcome.verdict.outcome)
}

async fn has_case(bench: &Bench, ours: &Claim, reason: Reason) -> bool {
    bench.ledger.case(&Case::id_of(reason, &ours.key, 1)).await.unwrap().is_some()
}

pub async fn outcome_and_case_are_written_together(bench: Bench) {
    let ours = claimed(&bench).await;
    let case = case_of(&ours, Reason::PayoutUnknown);
    assert_eq!(recorded(&bench, &ours).await, None);
    let said = bench.ledger.record(&ours, &outcome(Outcome::Unknown), Some(&case)).await;
    assert_eq!(said, Recorded::Durable);
    let (_, stored) = bench.ledger.attempt(&ours.key, 1).await.unwrap().unwrap();
    let stored = stored.unwrap();
    assert_eq!((stored.verdict.outcome, stored.attempt_id), (Outcome::Unknown, ours.attempt_id));
    assert_eq!((stored.by_sweeper, stored.recorded_at), (false, NOW + 900));
    assert_eq!(stored.evidence.get(FactName::HttpStatus).unwrap(), "200");
    let filed = bench.ledger.case(&case.id()).await.unwrap().unwrap();
    assert_eq!((filed.case, filed.status.as_str(), filed.version), (case, "open", 1));
    assert_eq!(bench.proxy.count("TransactWriteItems"), 1, "not in one transaction");
    assert_eq!(bench.proxy.count("PutItem"), 0, "not in one transaction");
}

/// The SDK's own retry meets what its first try wrote.
pub async fn record_whose_answer_was_lost_is_durable(bench: Bench) {
    let ours = claimed(&bench).await;
    bench.proxy.plan(1, "PutItem", "#outcome", Fault::DropAnswer);
    let accepted = outcome(Outcome::Accepted);
    assert_eq!(bench.ledger.record(&ours, &accepted, None).await, Recorded::Durable);
    assert_eq!(bench.proxy.count("PutItem"), 2);
    assert_eq!(bench.ledger.record(&ours, &accepted, None).await, Recorded::Durable);
    assert!(bench.audit(&ours.key, "0001#late").await.is_none());

    let ours = claim("pi_2", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    let case = case_of(&ours, Reason::PayoutUnknown);
    for fault in [Fault::DropAnswer, Fault::AnswerAfter(500, "InternalServerError")] {
        bench.proxy.forget();
        bench.proxy.plan(1, "TransactWriteItems", "#outcome", fault);
        let said = bench.ledger.record(&ours, &outcome(Outcome::Unknown), Some(&case)).await;
        assert_eq!(said, Recorded::Durable, "{fault:?}");
        let tokens = bench.tokens();
        assert_eq!((tokens.len(), &tokens[0]), (2, &tokens[1]), "the retry has another token");
        assert!(!tokens[0].contains(&ours.attempt_id.to_string()) && !tokens[0].contains(ours.event.as_str()));
    }
    assert!(bench.audit(&ours.key, "0001#late").await.is_none());
    assert!(!has_case(&bench, &ours, Reason::LateOutcome).await);
}

pub async fn outcome_survives_a_conflict(bench: Bench) {
    let ours = claimed(&bench).await;
    bench.proxy.plan(3, "PutItem", "#outcome", Fault::Conflict);
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Durable);
    assert_eq!(bench.proxy.count("PutItem"), 4);

    let ours = claim("pi_2", 1);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    bench.proxy.plan(3, "TransactWriteItems", "#outcome", Fault::Conflict);
    let case = case_of(&ours, Reason::PayoutUnknown);
    let said = bench.ledger.record(&ours, &outcome(Outcome::Unknown), Some(&case)).await;
    assert_eq!(said, Recorded::Durable);
    assert_eq!(bench.proxy.count("TransactWriteItems"), 4);
    assert!(has_case(&bench, &ours, Reason::PayoutUnknown).await);
}

pub async fn conflict_that_stays_is_a_failed_record(bench: Bench) {
    let ours = claimed(&bench).await;
    bench.proxy.plan(100, "TransactWriteItems", "#outcome", Fault::Conflict);
    let case = case_of(&ours, Reason::PayoutUnknown);
    let said = bench.ledger.record(&ours, &outcome(Outcome::Unknown), Some(&case)).await;
    assert_eq!(said, Recorded::Failed);
    assert_eq!(bench.proxy.count("TransactWriteItems"), 7);
    assert_eq!(recorded(&bench, &ours).await, None);
}

pub async fn record_without_a_database_fails(bench: Bench) {
    let ours = claimed(&bench).await;
    bench.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Failed);
    assert_eq!(bench.proxy.count("PutItem"), 4);
    assert_eq!(recorded(&bench, &ours).await, None);
}

pub async fn late_worker_leaves_the_sweepers_outcome(bench: Bench) {
    let ours = claimed(&bench).await;
    // Even when the sweeper's answer is lost, it knows that the attempt was given up by itself.
    bench.proxy.plan(1, "TransactWriteItems", "#outcome", Fault::DropAnswer);
    assert_eq!(bench.ledger.abandon(&ours, NOW + 200_000).await, Ok(Abandoned::Filed));
    assert_eq!(bench.ledger.abandon(&ours, NOW + 260_000).await, Ok(Abandoned::OutcomeThere));
    assert!(has_case(&bench, &ours, Reason::AttemptAbandoned).await);
    let before = bench.audit(&ours.key, "0001#outcome").await;

    let accepted = outcome(Outcome::Accepted);
    bench.proxy.plan(1, "TransactWriteItems", "#late", Fault::DropAnswer);
    assert_eq!(bench.ledger.record(&ours, &accepted, None).await, Recorded::Late);
    assert_eq!(bench.ledger.record(&ours, &accepted, None).await, Recorded::Late);

    assert_eq!(bench.audit(&ours.key, "0001#outcome").await, before, "the sweeper's outcome was overwritten");
    let (_, stored) = bench.ledger.attempt(&ours.key, 1).await.unwrap().unwrap();
    assert!(stored.unwrap().by_sweeper);
    let late = bench.audit(&ours.key, "0001#late").await.expect("the late outcome");
    assert_eq!(late["outcome"], AttributeValue::S("accepted".to_owned()));
    let filed = bench.ledger.case(&Case::id_of(Reason::LateOutcome, &ours.key, 1)).await.unwrap().expect("its case");
    assert_eq!(filed.case.details.get(FactName::Outcome).unwrap(), "accepted");
    assert_eq!(filed.case.money, Some(ours.money));
    // Nor is an outcome that says the same taken for the sweeper's.
    let other = claim("pi_2", 1);
    assert_eq!(bench.ledger.put_claim(&other).await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.abandon(&other, NOW + 200_000).await, Ok(Abandoned::Filed));
    assert_eq!(bench.ledger.record(&other, &outcome(Outcome::Unknown), None).await, Recorded::Late);
}

pub async fn late_sweeper_leaves_the_workers_outcome(bench: Bench) {
    let ours = claimed(&bench).await;
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Durable);
    assert_eq!(bench.ledger.abandon(&ours, NOW + 200_000).await, Ok(Abandoned::OutcomeThere));
    assert_eq!(recorded(&bench, &ours).await, Some(Outcome::Accepted));
    assert!(!has_case(&bench, &ours, Reason::AttemptAbandoned).await);
}

pub async fn outcome_is_recorded_beside_an_open_case(bench: Bench) {
    let ours = claimed(&bench).await;
    let case = case_of(&ours, Reason::PayoutUnknown);
    bench.ledger.open_case(&case).await.unwrap();
    let said = bench.ledger.record(&ours, &outcome(Outcome::Unknown), Some(&case)).await;
    assert_eq!(said, Recorded::Durable);
    assert_eq!(recorded(&bench, &ours).await, Some(Outcome::Unknown));
}

pub async fn outcome_of_a_newer_schema_is_left_alone(bench: Bench) {
    let ours = claimed(&bench).await;
    assert_eq!(bench.ledger.abandon(&ours, NOW + 200_000).await, Ok(Abandoned::Filed));
    let mut newer = bench.audit(&ours.key, "0001#outcome").await.unwrap();
    newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.audit, newer.clone()).await;
    assert_eq!(bench.ledger.attempt(&ours.key, 1).await, Ok(None));
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Late);
    assert_eq!(bench.audit(&ours.key, "0001#outcome").await, Some(newer));
}

/// It cannot happen; if it does, a person must hear of the second.
pub async fn two_verdicts_of_one_worker_are_both_kept(bench: Bench) {
    let ours = claimed(&bench).await;
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::NotSent), None).await, Recorded::Durable);
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Late);
    assert!(has_case(&bench, &ours, Reason::LateOutcome).await);
    // There is no third place: the worker hears that this one is not recorded.
    assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Rejected), None).await, Recorded::Failed);
}
