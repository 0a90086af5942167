//! The very binaries that are deployed, built by `cargo lambda build --release`, behind a stand-in for Lambda's Runtime
//! API. `PAYONCE_LAMBDA` names the folder with the binaries; without it these tests fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![allow(clippy::disallowed_methods, reason = "a test reads its settings and the clock")]

mod fan_out;
mod world;

use std::collections::BTreeSet;

use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::Outcome;
use payonce_runtime_api_tests::{Ending, Treatment, built};
use world::World;

#[test]
fn pays_a_signed_delivery_once() {
    let world = World::new();
    let mut function = world.start("webhook");
    let first = world.answer(&world.deliver("first", Treatment::Take));
    assert_eq!((first.status, first.outcome()), (200, "accepted"), "{first:?}");
    let again = world.answer(&world.deliver("first", Treatment::Take));
    assert_eq!((again.status, again.outcome()), (200, "duplicate"), "{again:?}");
    assert_eq!(world.requests("first"), 1);
    let (claim, outcome) = world.attempt("first").unwrap();
    assert_eq!(outcome.unwrap().verdict.outcome, Outcome::Accepted);
    assert_eq!(claim.request_id, "00000000-0000-4000-8000-000000000001");
    assert_eq!(world.cases_about("first"), []);
    assert!(function.lives());
}

/// The payout is made, and the provider never hears of it: 413 and 410 are only logged by the runtime.
#[test]
fn pays_once_when_lambda_refuses_the_response() {
    let world = World::new();
    let mut function = world.start("webhook");
    for status in [413, 410] {
        let payment = format!("refused{status}");
        world.answer(&world.deliver(&payment, Treatment::Refuse(status)));
        let again = world.answer(&world.deliver(&payment, Treatment::Take));
        assert_eq!((again.status, again.outcome()), (200, "duplicate"), "{again:?}");
        assert_eq!(world.requests(&payment), 1);
    }
    assert!(function.lives());
}

/// The runtime ends when its response cannot be posted; Lambda starts the function anew.
#[test]
fn pays_once_when_the_socket_closes_under_a_response() {
    let world = World::new();
    let mut function = world.start("webhook");
    let lost = world.answer(&world.deliver("lost", Treatment::HangUp));
    assert_eq!(lost.outcome(), "accepted");
    assert_eq!(function.ended().code(), Some(1));
    let _anew = world.start("webhook");
    let again = world.answer(&world.deliver("lost", Treatment::Take));
    assert_eq!((again.status, again.outcome()), (200, "duplicate"), "{again:?}");
    assert_eq!(world.requests("lost"), 1);
}

/// Only a program that unwinds raises exceptions; one that aborts does not even name this function of the C runtime.
#[test]
fn deployed_binaries_unwind_on_a_panic() {
    for name in ["webhook", "sweeper", "panics"] {
        let program = std::fs::read(built(name)).unwrap();
        let raises = b"_Unwind_RaiseException";
        assert!(program.windows(raises.len()).any(|bytes| bytes == raises), "{name}");
    }
}

/// The function's own code with a clock that panics at its n-th reading in the n-th invocation: before the claim, during
/// the payout, while the outcome is recorded, and at last not at all. The process outlives each panic, nothing is paid
/// twice, and a payout that a panic interrupted is `Unknown` with a case, or is left for the sweeper with its claim.
#[test]
fn survives_a_panic_anywhere_in_a_delivery() {
    const UNDISTURBED: usize = 3;
    let world = World::new();
    let mut function = world.start("panics");
    let mut payments = vec![];
    let (mut outcomes, mut failures) = (BTreeSet::new(), BTreeSet::new());
    let mut undisturbed = 0;
    while undisturbed < UNDISTURBED {
        let payment = format!("panic{}", payments.len());
        let before = function.printed().matches("panicked").count();
        let ending = world.api.ending(&world.deliver(&payment, Treatment::Take));
        world.api.asked(payments.len() + 2);
        let panicked = function.printed().matches("panicked").count() > before;
        let answered = matches!(&ending, Ending::Response(bytes) if bytes.starts_with(br#"{"statusCode":200"#));
        let attempt = world.attempt(&payment);
        let requests = world.requests(&payment);
        let cases = world.cases_about(&payment);
        let recorded = attempt.as_ref().map(|(_, outcome)| outcome.as_ref().map(|outcome| outcome.verdict.outcome));
        println!("{payment}: answered {answered}, requests {requests}, recorded {recorded:?}, cases {cases:?}");
        assert!(requests <= 1);
        match attempt {
            // Without an answer the provider comes back; after one, somebody has to hear of it.
            None => assert!(panicked && requests == 0 && cases.is_empty() != answered),
            Some((_, Some(outcome))) => {
                let verdict = outcome.verdict.outcome;
                assert!(requests == 0 || matches!(verdict, Outcome::Accepted | Outcome::Unknown), "{verdict}");
                // A panic after the record may file a case too many, never one too few.
                let accepted = verdict == Outcome::Accepted;
                assert!(cases.is_empty() == accepted || (accepted && panicked), "{verdict}: {cases:?}");
                outcomes.insert(verdict.as_str());
                let failure = outcome.evidence.get(FactName::Failure).filter(|_| verdict == Outcome::Unknown);
                failures.extend(failure.map(str::to_owned));
            }
            // The sweeper will file it.
            Some((_, None)) => assert!(panicked),
        }
        undisturbed = if panicked { 0 } else { undisturbed + 1 };
        payments.push(payment);
        assert!(payments.len() < 100, "it panics at every reading");
    }
    println!("{} deliveries, {outcomes:?}", payments.len());
    assert!(outcomes.contains("unknown"), "no panic stood between a claim and its outcome: {outcomes:?}");
    assert!(failures.contains("panicked"), "nobody learns that it was us, and not the rail: {failures:?}");
    for payment in &payments {
        let claimed = world.attempt(payment).is_some();
        let again = world.answer(&world.deliver(payment, Treatment::Take));
        assert_eq!((again.status, again.outcome() == "duplicate"), (200, claimed), "{payment}: {again:?}");
        assert!(world.requests(payment) <= 1, "{payment}");
    }
    assert!(function.lives());
}

#[test]
fn sweeper_starts_and_ends_a_round() {
    let world = World::new();
    let mut function = world.start("sweeper");
    let round = world.api.invoke("{}", std::time::Duration::from_secs(50), Treatment::Take);
    assert!(matches!(world.api.ending(&round), Ending::Response(_)));
    assert!(function.lives());
}
