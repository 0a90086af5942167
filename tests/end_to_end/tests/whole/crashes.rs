//! A crash at every step: the handler is dropped at its k-th wait, for every k, against real tables and a real socket.
//! Then the provider comes back, and the sweeper goes round.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use payonce_end_to_end::{PAYEE, World, cut_after, key_of, payment};
use payonce_local::sandbox_rail::{Behaviour, Weather};
use payonce_protocol::fact::FactName;
use payonce_runtime::clock::Clock;

/// More waits than any delivery has; reaching it means that the loop measures nothing.
const WAITS_AT_MOST: u32 = 500;

/// Cuts a delivery after 1, 2, 3, … waits until one runs to its end; how many there were.
async fn cut_everywhere(payee: &str, weather: Weather) -> u32 {
    let mut world = World::start().await;
    for waits in 1..WAITS_AT_MOST {
        // As in production, a crash takes the environment with it.
        world.restart_with(|text| text).await;
        world.rail.set_weather(weather).await;
        let event = payment(&format!("cut{waits}"), payee, world.clock.now());
        let request = world.request(event.to_string().as_bytes());
        let whole = cut_after(waits, world.app().handle(request)).await.is_some();
        world.rail.set_weather(Weather::Fair).await;
        world.restart_with(|text| text).await;
        let again = world.deliver(&event).await;
        assert_eq!(again.status, 200, "{payee} cut after {waits}: {again:?}");
        world.minutes_pass(5).await;
        let what = format!("{payee} cut after {waits} waits");
        world.assert_at_most_once_and_never_lost(&key_of(&event), &what).await;
        if whole {
            return waits;
        }
    }
    panic!("{payee}: no end after {WAITS_AT_MOST} waits");
}

#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_payout() {
    let waits = cut_everywhere(PAYEE, Weather::Fair).await;
    println!("crashed at each of {} waits", waits - 1);
    assert!(waits > 8, "a delivery waits more often than {waits} times");
}

#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_refused_payout() {
    assert!(cut_everywhere("acct_sandboxRefuses", Weather::Fair).await > 8);
}

#[tokio::test]
async fn survives_a_crash_at_any_step_when_the_answer_is_lost() {
    assert_eq!(Behaviour::of("acct_sandboxExecutesThenDies"), Behaviour::ExecutesThenDies);
    assert!(cut_everywhere("acct_sandboxExecutesThenDies", Weather::Fair).await > 8);
}

#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_refusal() {
    assert!(cut_everywhere(PAYEE, Weather::Down).await > 3);
}

/// A clock panics when it is read for the n-th time, for every n. Whoever works off the case of a payout that was interrupted so must know that
/// it was us, and not the rail.
#[tokio::test]
async fn survives_a_panic_at_any_reading_of_the_clock_and_names_it_as_the_failure_of_an_unknown_payout() {
    let mut world = World::start().await;
    let (clock, panics_in) = (world.clock.clone(), Arc::new(AtomicU32::new(0)));
    world.clock = {
        let (clock, panics_in) = (clock.clone(), panics_in.clone());
        Clock::told(move || {
            let left = panics_in.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            assert!(left != Ok(1), "the clock panics");
            clock.now()
        })
    };
    world.restart_with(|text| text).await;
    world.clock = clock;
    let mut failures = BTreeSet::new();
    for reading in 1..WAITS_AT_MOST {
        let event = payment(&format!("panic{reading}"), PAYEE, world.clock.now());
        let (app, request) = (world.app(), world.request(event.to_string().as_bytes()));
        panics_in.store(reading, Ordering::SeqCst);
        let _ = tokio::spawn(async move { app.handle(request).await }).await;
        if panics_in.swap(0, Ordering::SeqCst) > 0 {
            assert!(
                failures.contains("panicked"),
                "no panic of {reading} stood between a claim and its outcome: {failures:?}"
            );
            return;
        }
        assert_eq!(world.deliver(&event).await.status, 200, "panicked at reading {reading}");
        if let Some((_, Some(outcome))) = world.ledger.attempt(&key_of(&event), 1).await.unwrap() {
            failures.extend(outcome.evidence.get(FactName::Failure).map(str::to_owned));
        }
        world.minutes_pass(5).await;
        world.assert_at_most_once_and_never_lost(&key_of(&event), &format!("panicked at reading {reading}")).await;
    }
    panic!("no end after {WAITS_AT_MOST} readings");
}
