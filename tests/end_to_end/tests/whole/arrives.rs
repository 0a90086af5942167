//! The sweeper always arrives: no row, no rail and no pause stops it, and it is over before its time is.

use payonce_protocol::fact::{FactName, Facts};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_ledger::{Case, Claim, OutcomeRecord};
use payonce_local::stack::{CONFIG, sandbox_secret};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::ids::AttemptId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_protocol::sweep::{MARGIN_MS, MINUTE_MS};
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::config::{Config, Watch};
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry::Captured;
use payonce_suite::faults::Fault;

fn recorded(verdict: Verdict) -> OutcomeRecord {
    OutcomeRecord { verdict, evidence: Facts::default(), recorded_at: 0 }
}

/// A claim as the webhook writes them, to make others of.
pub(crate) async fn pattern(world: &World) -> Claim {
    let event = payment("pattern", PAYEE, world.clock.now());
    world.deliver(&event).await;
    world.ledger.read_claim(&key_of(&event), 1).await.unwrap().unwrap()
}

/// Claims of now, whose workers died.
pub(crate) async fn abandoned(world: &World, pattern: &Claim, name: &str, number: usize) -> Vec<Claim> {
    let now = world.clock.now();
    let mut claims = vec![];
    for number in 0..number {
        let claim = Claim {
            key: PayoutKey::new(format!("stripe/pi_{name}{number}")).unwrap(),
            attempt_id: AttemptId([7; 16]),
            received_at: now,
            claimed_at: now,
            expires_at: now + 25_000,
            ..pattern.clone()
        };
        assert_eq!(world.ledger.put_claim(&claim).await, ClaimAnswer::Written);
        claims.push(claim);
    }
    claims
}

pub(crate) async fn unknown(world: &World, pattern: &Claim, name: &str, number: usize) {
    for claim in abandoned(world, pattern, name, number).await {
        let case = Case::of_claim(Reason::PayoutUnknown, &claim, world.clock.now());
        assert_eq!(world.ledger.record(&claim, &recorded(Verdict::UNKNOWN), Some(&case)).await, Recorded::Durable);
    }
}

/// What is measured of it, beside it.
fn measured(world: &World, rail: Arc<Rail>) -> (sweeper::App, Captured) {
    let (metrics, lines) = Metrics::captured(world.clock.clone());
    let (ledger, clock) = (world.parts().0, world.clock.clone());
    (
        sweeper::App::new(sweeper::Parts {
            ledger: ledger.narrowed(),
            rail,
            clock,
            metrics,
            margin_ms: MARGIN_MS,
            watch: Watch::default(),
        }),
        lines,
    )
}

pub(crate) async fn change(
    world: &World,
    key: &str,
    sk: &str,
    change: impl FnOnce(&mut HashMap<String, AttributeValue>),
) {
    let client = world.engine().client();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let get = client.get_item().table_name(&world.tables.audit).key("pk", text(key)).key("sk", text(sk));
    let mut item = get.send().await.unwrap().item.unwrap();
    change(&mut item);
    client.put_item().table_name(&world.tables.audit).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn a_row_that_nobody_can_read_is_counted_and_passed_by() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    let claims = abandoned(&world, &pattern, "odd", 4).await;
    world.ledger.record(&claims[0], &recorded(Verdict::UNKNOWN), None).await;
    let newer = |item: &mut HashMap<String, AttributeValue>| {
        item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    };
    change(&world, claims[0].key.as_str(), "0001#outcome", newer).await;
    change(&world, claims[1].key.as_str(), "0001#claim", newer).await;
    change(&world, claims[2].key.as_str(), "0001#claim", |item| {
        item.insert("sk".to_owned(), AttributeValue::S("0001#reserved".to_owned()));
    })
    .await;
    world.clock.advance(4 * MINUTE_MS);
    let (sweeper, lines) = measured(&world, world.parts().1);
    let report = sweeper.run().await.unwrap();
    // The third has its own claim still, beside the row that is none: it is a case, and its look-up cannot read the rest.
    assert_eq!((report.unreadable, report.abandoned, report.looked_up), (4, 2, 1), "{report:?}");
    let line = &lines.lines()[0];
    assert_eq!((&line["Unreadable"], &line["Heartbeat"], &line["RoundsBehind"]), (&4.into(), &1.into(), &0.into()));
    assert_eq!(world.ledger.progress().await.unwrap().unwrap().behind(world.clock.now() / MINUTE_MS), 0);
}

/// A claim that cannot be written as a case, whatever is tried: its minute is owed, and all others are worked off.
#[tokio::test]
async fn a_row_that_always_fails_holds_no_other_up() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    abandoned(&world, &pattern, "stuck", 1).await;
    abandoned(&world, &pattern, "beside", 3).await;
    world.clock.advance(MINUTE_MS);
    abandoned(&world, &pattern, "after", 3).await;
    world.clock.advance(4 * MINUTE_MS);
    world.proxy.plan(10_000, "TransactWriteItems", "pi_stuck0", Fault::Conflict);
    let (sweeper, lines) = measured(&world, world.parts().1);
    sweeper.run().await.unwrap_err();
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 6)].into());
    let line = &lines.lines()[0];
    assert_eq!((&line["Swept"], &line["RoundsBehind"], line.get("Heartbeat")), (&6.into(), &0.into(), None));
    assert_eq!(world.ledger.progress().await.unwrap().unwrap().owed.len(), 1);
    world.proxy.forget();
    assert_eq!(sweeper.run().await.unwrap().abandoned, 1);
    assert!(world.ledger.progress().await.unwrap().unwrap().owed.is_empty());
}

#[tokio::test]
async fn a_rail_that_hangs_delays_no_case() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    unknown(&world, &pattern, "unknown", 400).await;
    world.clock.advance(MINUTE_MS);
    abandoned(&world, &pattern, "dead", 20).await;
    world.clock.advance(4 * MINUTE_MS);
    // It takes connections, and says nothing.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = CONFIG.replace("http://127.0.0.1:4243", &format!("http://{}", hanging.local_addr().unwrap()));
    let secret = sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap();
    let rail = Rail::new(&Config::parse(&config).unwrap().rail, RailSecret::new(secret).unwrap(), None, None).unwrap();
    let (sweeper, lines) = measured(&world, Arc::new(rail));
    let began = Instant::now();
    let report = sweeper.run().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert_eq!((report.abandoned, report.looked_up, report.minutes_behind), (20, 0, Some(0)));
    assert_eq!(report.look_ups_waiting, Some(420));
    assert_eq!(lines.lines()[0]["LookUpsWaiting"], 420);
    // The rail is back: they are made up, a budget at a time, and no minute is read for them.
    let mut looked_up = 0;
    for _ in 0..4 {
        looked_up += world.sweeper().run().await.unwrap().looked_up;
    }
    assert_eq!((looked_up, world.ledger.due_look_ups().await.unwrap().len()), (420, 0));
}

#[tokio::test]
async fn a_pause_of_an_hour_is_made_up_and_what_went_well_costs_a_hundredth_of_a_read() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    for minute in 0..60 {
        for claim in abandoned(&world, &pattern, &format!("well{minute}n"), 10).await {
            let accepted = recorded(Verdict::plain(Outcome::Accepted));
            world.ledger.record(&claim, &accepted, None).await;
        }
        abandoned(&world, &pattern, &format!("dead{minute}n"), 1).await;
        world.clock.advance(MINUTE_MS);
    }
    world.clock.advance(4 * MINUTE_MS);
    world.proxy.forget();
    let report = world.sweeper().run().await.unwrap();
    assert_eq!((report.abandoned, report.minutes_behind), (60, Some(0)), "{report:?}");
    // A batch for the outcomes and one for what has none.
    assert_eq!(world.proxy.count("BatchGetItem"), 2 * 60);
}

#[tokio::test]
async fn a_run_ends_before_its_time_with_its_place_and_its_metrics() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    abandoned(&world, &pattern, "early", 3).await;
    world.clock.advance(30 * MINUTE_MS);
    let stuck = format!("{}#", world.clock.now() / MINUTE_MS - 6);
    world.proxy.plan(10_000, "Query", &stuck, Fault::Hold);
    let (sweeper, lines) = measured(&world, world.parts().1);
    let began = Instant::now();
    let within = Duration::from_secs(5);
    sweeper.run_within(within).await.unwrap();
    assert!(began.elapsed() < within, "{:?}", began.elapsed());
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 3)].into());
    let line = &lines.lines()[0];
    assert_eq!((&line["Swept"], &line["RoundsBehind"]), (&3.into(), &3.into()), "{line}");
    assert_eq!(world.ledger.progress().await.unwrap().unwrap().behind(world.clock.now() / MINUTE_MS), 3);
}

/// The sweeper gave the attempt up, so its case is another than the one that a worker opens for an unknown payout.
#[tokio::test]
async fn an_abandoned_case_gets_its_second_look_up() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    let claim = abandoned(&world, &pattern, "twice", 1).await.remove(0);
    world.minutes_pass(12).await;
    // By this one the second look-up shows that it sees.
    assert_eq!(world.deliver(&payment("seen", PAYEE, world.clock.now())).await.outcome(), "accepted");
    world.minutes_pass(13).await;
    let case = world.ledger.case(&Case::id_of(Reason::AttemptAbandoned, &claim.key, 1)).await.unwrap().unwrap();
    assert_eq!((case.version, case.revision), (1, 2), "opened, and looked up twice, which moves nobody's work");
    assert_eq!(case.evidence.get(FactName::LookedUp).unwrap(), "absent");
    assert_eq!(world.ledger.payout(&claim.key).await.unwrap().look_ups.len(), 2);
}

#[tokio::test]
async fn a_payout_that_was_found_is_not_looked_up_again() {
    let world = World::start().await;
    let event = payment("paid", "acct_sandboxExecutesThenDies", world.clock.now());
    world.deliver(&event).await;
    world.minutes_pass(25).await;
    assert_eq!(world.ledger.payout(&key_of(&event)).await.unwrap().look_ups.len(), 1);
}

#[tokio::test]
async fn a_finding_without_a_case_is_counted_and_stops_nothing() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    let claim = abandoned(&world, &pattern, "caseless", 1).await.remove(0);
    world.ledger.record(&claim, &recorded(Verdict::UNKNOWN), None).await;
    unknown(&world, &pattern, "other", 1).await;
    world.clock.advance(4 * MINUTE_MS);
    let (sweeper, lines) = measured(&world, world.parts().1);
    let report = sweeper.run().await.unwrap();
    assert_eq!((report.evidence_lost, report.looked_up, report.look_ups_waiting), (1, 1, Some(0)), "{report:?}");
    assert_eq!(lines.lines()[0]["EvidenceLost"], 1);
}

/// Nothing is stored of any round, and the first run comes late.
#[tokio::test]
async fn a_new_stack_makes_up_what_was_there() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    abandoned(&world, &pattern, "before", 2).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let round = world.engine().client();
    let round =
        round.delete_item().table_name(&world.tables.reconcile).key("pk", text("sweeper")).key("sk", text("round"));
    round.send().await.unwrap();
    world.clock.advance((24 * 60 - 1) * MINUTE_MS);
    // A whole day takes longer than this: the run after goes on where this one came to.
    let report = world.sweeper().run_within(Duration::from_secs(4)).await.unwrap();
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 2)].into(), "{report:?}");
    assert!(world.ledger.progress().await.unwrap().is_some());
}

/// Each claim was a query before, on each visit; now a hundred that went well are one request.
#[tokio::test]
async fn a_busy_minute_costs_what_is_wrong_with_it() {
    let world = World::start().await;
    let pattern = pattern(&world).await;
    for claim in abandoned(&world, &pattern, "well", 400).await {
        let accepted = recorded(Verdict::plain(Outcome::Accepted));
        world.ledger.record(&claim, &accepted, None).await;
    }
    abandoned(&world, &pattern, "dead", 4).await;
    world.clock.advance(4 * MINUTE_MS);
    let before = world.proxy.requests();
    let report = world.sweeper().run().await.unwrap();
    let requests = world.proxy.requests() - before;
    assert_eq!((report.abandoned, report.looked_up), (4, 4));
    // Fifteen minutes of the index, five batches and one, the open cases; five for each dead one, and the place.
    assert!(requests <= 15 * 16 + 5 + 1 + 16 + 4 * 5 + 12, "{requests} requests");
}
