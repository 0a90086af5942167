//! The functions over a rail that is described in the configuration: the sandbox rail, spoken to as any HTTP API.

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_protocol::outcome::{Outcome, Reason};

const DESCRIBED: &str = include_str!("../../../../shared/rails/tests/hostile/stripe_as_http.toml");

async fn world() -> World {
    World::with(|text| {
        let rail = text.find("[rail]").unwrap();
        let (before, rail) = text.split_at(rail);
        let (_, limits) = rail.split_once("[limits]").unwrap();
        let url = rail.lines().find(|line| line.starts_with("url")).unwrap();
        let described =
            DESCRIBED.replace("url = \"https://api.stripe.com\"", url).replace("env:RAIL", "env:PAYONCE_SANDBOX_RAIL");
        let before = before.replace("rail_fields = { source_transaction = \"/data/object/latest_charge\" }\n", "");
        format!("{before}{described}\n[limits]{limits}")
    })
    .await
}

#[tokio::test]
async fn pays_once_through_a_described_rail() {
    let world = world().await;
    let event = payment("described", PAYEE, world.clock.now());
    let first = world.deliver(&event).await;
    assert_eq!((first.status, first.outcome()), (200, "accepted"), "{:?}", first.body);
    let again = world.deliver(&event).await;
    assert_eq!((again.status, again.outcome()), (200, "duplicate"));
    let [transfer] = &world.executed(&key_of(&event))[..] else { panic!("one transfer") };
    assert_eq!((transfer.amount, transfer.currency.as_str(), transfer.destination.as_str()), (4200, "eur", PAYEE));
    assert_eq!(world.payout_requests(), 1);
}

/// The rail executed and answered 500: a case, which the sweeper's look-up finds at the rail. A refusal is a refusal.
#[tokio::test]
async fn looks_up_what_a_described_rail_did() {
    let world = world().await;
    let unknown = payment("unknown", "acct_sandboxExecutesThen500", world.clock.now());
    assert_eq!(world.deliver(&unknown).await.outcome(), "unknown");
    let refused = payment("refused", "acct_sandboxRefuses", world.clock.now());
    assert_eq!(world.deliver(&refused).await.outcome(), "rejected");
    world.minutes_pass(30).await;
    assert_eq!(world.reasons().await, [(Reason::PayoutRejected, 1), (Reason::PayoutUnknown, 1)].into());
    assert_eq!(world.outcome(&key_of(&refused)).await, Some(Outcome::Rejected));
    let unknown = world.cases().await.into_iter().find(|case| case.reason == Reason::PayoutUnknown).unwrap();
    let filed = world.ledger.case(&unknown.id()).await.unwrap().unwrap();
    assert!(format!("{:?}", filed.evidence).contains("tr_"), "{:?}", filed.evidence);
}
