//! What nobody else would notice: claims whose worker died, puts that land late, an index that lags, refusals that nobody
//! came back for.

use payonce_protocol::fact::FactName;
use std::sync::Arc;

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_local::sandbox_rail::{SandboxRail, Weather};
use payonce_local::stack::CONFIG;
use payonce_protocol::hold::Hold;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::sweep::{MARGIN_MS, MINUTE_MS};
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::config::{Config, Watch};
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry::Captured;
use payonce_suite::faults::Fault;
use serde_json::Value;

const CLAIM: &str = "#claim";

#[tokio::test]
async fn a_claim_is_left_alone_while_its_worker_may_live() {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    let event = payment("alive", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    world.deliver(&event).await;
    world.proxy.forget();
    world.minutes_pass(2).await;
    assert_eq!(world.outcome(&key_of(&event)).await, None, "25 s and 120 s are not over");
    world.minutes_pass(3).await;
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::Unknown));
}

/// After a deployment that lists claims under fewer shards, and after one that lists them under more.
#[tokio::test]
async fn a_claim_is_found_whatever_number_of_shards_another_version_lists_under() {
    let under =
        |shards: u8| move |text: String| text.replace("[limits]\n", &format!("[limits]\nindex_shards = {shards}\n"));
    for (before, after) in [(64, 1), (1, 64)] {
        let mut world = World::with(under(before)).await;
        world.minutes_pass(1).await;
        world.restart_with(under(before)).await;
        world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
        let events: Vec<Value> = ["1", "2", "3"].map(|id| payment(id, PAYEE, world.clock.now())).into();
        for event in &events {
            world.deliver(event).await;
        }
        world.proxy.forget();
        world.restart_with(under(after)).await;
        world.minutes_pass(10).await;
        for event in &events {
            assert_eq!(world.outcome(&key_of(event)).await, Some(Outcome::Unknown), "{before}, then {after}");
        }
    }
}

/// A webhook is released by itself, before any sweeper knows that there is more to read.
#[tokio::test]
async fn no_claim_is_listed_where_no_sweeper_looks_yet() {
    let under =
        |shards: u8| move |text: String| text.replace("[limits]\n", &format!("[limits]\nindex_shards = {shards}\n"));
    let mut world = World::start().await;
    let old = world.sweeper();
    world.restart_with(under(64)).await;
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    let events: Vec<Value> = ["1", "2", "3"].map(|id| payment(id, PAYEE, world.clock.now())).into();
    for event in &events {
        world.deliver(event).await;
    }
    world.proxy.forget();
    for _ in 0..10 {
        world.clock.advance(MINUTE_MS);
        old.run().await.unwrap();
    }
    for event in &events {
        assert_eq!(world.outcome(&key_of(event)).await, Some(Outcome::Unknown));
    }
}

/// A late put, indexed under an old minute that the sweeper has visited already.
#[tokio::test]
async fn a_claim_that_lands_late_is_found() {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    let event = payment("late", PAYEE, world.clock.now());
    world.proxy.plan(2, "PutItem", CLAIM, Fault::Hold);
    assert_eq!(world.deliver(&event).await.reason(), "claim_uncertain");
    world.minutes_pass(10).await;
    assert!(world.cases().await.is_empty());
    let landed = world.proxy.release_held().await;
    assert_eq!(landed[0].0, 200, "it lands: {landed:?}");
    assert_eq!(world.deliver(&event).await.outcome(), "duplicate");
    world.minutes_pass(15).await;
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 1)].into());
    assert_eq!(world.payout_requests(), 1, "the warm one only");
}

#[tokio::test]
async fn a_claim_that_the_index_hides_for_a_quarter_of_an_hour_is_found() {
    let world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    let event = payment("hidden", PAYEE, world.clock.now());
    world.proxy.lag_index();
    world.proxy.plan(2, "PutItem", CLAIM, Fault::DropAnswer);
    world.deliver(&event).await;
    world.minutes_pass(15).await;
    assert!(world.cases().await.is_empty());
    world.proxy.release_index();
    world.minutes_pass(10).await;
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 1)].into());
}

#[tokio::test]
async fn a_sweeper_that_was_away_makes_up_for_it() {
    let world = World::start().await;
    world.minutes_pass(1).await;
    let event = payment("unseen", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    world.deliver(&event).await;
    world.proxy.forget();
    world.clock.advance(150 * MINUTE_MS);
    world.minutes_pass(5).await;
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::Unknown));
}

#[tokio::test]
async fn a_run_that_fails_is_run_again() {
    let world = World::start().await;
    world.minutes_pass(1).await;
    let event = payment("again", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    world.deliver(&event).await;
    world.proxy.forget();
    world.proxy.plan(10_000, "Query", "by_minute", Fault::SERVER_ERROR);
    for _ in 0..6 {
        world.clock.advance(MINUTE_MS);
        world.sweeper().run().await.unwrap_err();
    }
    world.proxy.forget();
    world.minutes_pass(1).await;
    assert_eq!(world.outcome(&key_of(&event)).await, Some(Outcome::Unknown));
}

#[tokio::test]
async fn two_sweepers_open_one_case() {
    let world = World::start().await;
    let event = payment("both", PAYEE, world.clock.now());
    world.proxy.plan(100, "PutItem", "#outcome", Fault::SERVER_ERROR);
    world.deliver(&event).await;
    world.proxy.forget();
    world.clock.advance(5 * MINUTE_MS);
    let (one, other) = (world.sweeper(), world.sweeper());
    let (one, other) = futures_util::join!(one.run(), other.run());
    let abandoned = one.unwrap().abandoned + other.unwrap().abandoned;
    world.minutes_pass(20).await;
    assert_eq!(abandoned, 1);
    assert_eq!(world.reasons().await, [(Reason::AttemptAbandoned, 1)].into());
}

#[tokio::test]
async fn a_refused_event_that_never_comes_back_is_a_case() {
    let mut world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.rail.set_weather(Weather::Down).await;
    let lost = payment("never", PAYEE, world.clock.now());
    let back = payment("back", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&lost).await.reason(), "rail_unreachable");
    assert_eq!(world.deliver(&back).await.reason(), "rail_unreachable");
    world.rail.set_weather(Weather::Fair).await;
    world.restart_with(|text| text).await;
    assert_eq!(world.deliver(&back).await.outcome(), "accepted");

    let patience = world.provider.patience();
    let waits = patience.refuse_for_ms + patience.longest_gap_ms;
    world.clock.advance(waits - MINUTE_MS);
    world.ledger.set_round(world.clock.now() / MINUTE_MS).await.unwrap();
    assert!(world.cases().await.is_empty());
    world.minutes_pass(10).await;
    let cases = world.cases().await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!((cases[0].reason, cases[0].key.clone()), (Reason::RefusedNotRedelivered, Some(key_of(&lost))));
}

/// One event of a key comes back and is paid; the other, refused in the same hour, never does.
#[tokio::test]
async fn another_events_claim_does_not_answer_for_a_refused_one() {
    let mut world = World::start().await;
    world.deliver(&payment("warm", PAYEE, world.clock.now())).await;
    world.rail.set_weather(Weather::Down).await;
    let back = payment("twins", PAYEE, world.clock.now());
    let mut lost = back.clone();
    lost["id"] = "evt_theOtherTwin".into();
    for event in [&back, &lost] {
        assert_eq!(world.deliver(event).await.reason(), "rail_unreachable");
    }
    world.rail.set_weather(Weather::Fair).await;
    world.restart_with(|text| text).await;
    assert_eq!(world.deliver(&back).await.outcome(), "accepted");

    let patience = world.provider.patience();
    world.clock.advance(patience.refuse_for_ms + patience.longest_gap_ms - MINUTE_MS);
    world.ledger.set_round(world.clock.now() / MINUTE_MS).await.unwrap();
    world.minutes_pass(10).await;
    let cases = world.cases().await;
    assert_eq!(cases.len(), 1, "{cases:?}");
    assert_eq!(cases[0].reason, Reason::RefusedNotRedelivered);
    assert_eq!(cases[0].event.as_ref().unwrap().as_str(), "evt_theOtherTwin");
}

#[tokio::test]
async fn an_unknown_payout_is_looked_up_and_nothing_is_paid_by_it() {
    let world = World::start().await;
    for payee in ["acct_sandboxExecutesThenDies", "acct_sandboxDies"] {
        world.deliver(&payment(&payee["acct_".len()..], payee, world.clock.now())).await;
    }
    let said = async || {
        let mut said = vec![];
        for case in world.cases().await {
            let filed = world.ledger.case(&case.id()).await.unwrap().unwrap();
            said.push((
                case.destination.unwrap().to_string(),
                filed.evidence.get(FactName::LookedUp).unwrap().to_owned(),
            ));
        }
        said.sort();
        said
    };
    let expected = |of_dead: &str| {
        [("acct_sandboxDies", of_dead), ("acct_sandboxExecutesThenDies", "found")]
            .map(|(payee, said)| (payee.to_owned(), said.to_owned()))
    };
    world.minutes_pass(5).await;
    assert_eq!(said().await, expected("blind"), "the rail may still execute it");
    world.minutes_pass(7).await;
    world.deliver(&payment("seen", PAYEE, world.clock.now())).await;
    let requests = world.payout_requests();
    world.minutes_pass(13).await;
    assert_eq!(said().await, expected("absent"));
    assert_eq!(world.payout_requests(), requests);
}

#[tokio::test]
async fn a_rail_that_stops_answering_trips_the_hold_and_only_a_person_releases_it() {
    let mut world = World::start().await;
    world.rail.set_weather(Weather::Unavailable).await;
    for number in 0..10 {
        assert_eq!(
            world.deliver(&payment(&format!("bad{number}"), PAYEE, world.clock.now())).await.outcome(),
            "unknown"
        );
    }
    world.minutes_pass(1).await;
    let control = world.ledger.control().await.unwrap().unwrap();
    assert_eq!((control.hold, control.set_by.as_str()), (Hold::Refuse, "sweeper"));
    world.rail.set_weather(Weather::Fair).await;
    world.minutes_pass(10).await;
    world.restart_with(|text| text).await;
    assert_eq!(world.deliver(&payment("after", PAYEE, world.clock.now())).await.reason(), "hold");
}

/// A look-up key of the other mode sees other books, in which nothing of ours is.
#[tokio::test]
async fn look_up_in_the_other_mode_is_blind() {
    let world = World::start().await;
    let payee = "acct_sandboxExecutesThenDies";
    world.deliver(&payment("othermode", payee, world.clock.now())).await;
    let event = payment("othermode", payee, world.clock.now());
    assert_eq!(world.executed(&key_of(&event)).len(), 1, "it was paid");

    let live = "rk_live_planted".to_owned();
    let books = SandboxRail::start(0, [live.clone(), live.clone()], None, world.clock.clone());
    let books = books.await.unwrap();
    let config = CONFIG.replace("http://127.0.0.1:4243", &books.url());
    let config = Config::parse(&config).unwrap();
    let secret = RailSecret::new(live).unwrap();
    let rail = Arc::new(Rail::new(&config.rail, secret, None, None).unwrap());
    let sweeper = sweeper::App::new(sweeper::Parts {
        ledger: world.ledger.narrowed(),
        rail,
        clock: world.clock.clone(),
        metrics: Metrics::stdout(world.clock.clone()),
        margin_ms: MARGIN_MS,
        watch: Watch::default(),
    });
    for _ in 0..5 {
        world.clock.advance(MINUTE_MS);
        sweeper.run().await.unwrap();
    }
    let cases = world.cases().await;
    let filed = world.ledger.case(&cases[0].id()).await.unwrap().unwrap();
    assert_eq!(filed.evidence.get(FactName::LookedUp).unwrap(), "blind", "{:?}", filed.evidence);
}

/// The rail answers one payout and none of the next six; the sweeper's figures say so once their minute is visited, and the visits that
/// follow count nobody twice.
#[tokio::test]
async fn payouts_that_fail_use_up_the_error_budget_once() {
    let world = World::start().await;
    let (metrics, lines) = Metrics::captured(world.clock.clone());
    let (ledger, rail) = world.parts();
    let sweeper = sweeper::App::new(sweeper::Parts {
        ledger: ledger.narrowed(),
        rail,
        clock: world.clock.clone(),
        metrics,
        margin_ms: payonce_protocol::sweep::MARGIN_MS,
        watch: world.config.watch.clone(),
    });
    world.deliver(&payment("good", PAYEE, world.clock.now())).await;
    for number in 0..6 {
        let payee = "acct_sandboxDies";
        let answer = world.deliver(&payment(&format!("bad{number}"), payee, world.clock.now())).await;
        assert_eq!(answer.outcome(), "unknown", "{answer:?}");
    }
    let figures = |lines: &Captured| {
        let line = lines.lines().into_iter().next_back().unwrap();
        ["SuccessOfAMillion", "SuccessBudgetLeftPercent"].map(|name| line[name].as_u64())
    };
    world.clock.advance(3 * MINUTE_MS);
    sweeper.run().await.unwrap();
    assert_eq!(figures(&lines), [None, None], "its minute is not visited yet");
    for minutes in [1, 1, 16] {
        world.clock.advance(minutes * MINUTE_MS);
        let burn = sweeper.run().await.unwrap().burn.unwrap();
        assert_eq!(figures(&lines), [Some(142_857), Some(0)], "one of seven, after {minutes} more minutes");
        assert!(burn.page_percent >= 100, "{burn:?}");
    }
}

/// How payouts go is a measurement: whatever becomes of its item, dead workers become cases, and the place goes on.
#[tokio::test]
async fn counts_that_can_be_neither_read_nor_stored_keep_no_case_from_being_filed() {
    for target in ["GetItem", "PutItem"] {
        let world = World::start().await;
        let pattern = crate::arrives::pattern(&world).await;
        crate::arrives::abandoned(&world, &pattern, "dead", 1).await;
        world.proxy.plan(1_000, target, "outcome_counts", Fault::SERVER_ERROR);
        world.clock.advance(4 * MINUTE_MS);
        let report = world.sweeper().run().await.unwrap();
        assert_eq!((report.abandoned, report.minutes_behind), (1, Some(0)), "{target}");
        assert_eq!(report.burn.is_none(), target == "GetItem");
        assert!(world.reasons().await.contains_key(&Reason::AttemptAbandoned), "{target}");
    }
}
