//! A rail that is down for an hour, with a delivery each second, or several: no payout twice, none lost, and a queue that people
//! can work off.

use std::env;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_local::sandbox_rail::Weather;
use payonce_protocol::hold::Hold;
use payonce_protocol::outcome::Outcome;
use serde_json::Value;

const HOUR_S: u64 = 3_600;
/// As many seconds' deliveries until the hold, and what is tried after it.
const CASES_AT_MOST_OF_ONE_A_SECOND: usize = 140;
const AT_ONCE: usize = 8;

/// The worse kind of outage: connections stand, and every answer is a 503, which proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_outage_costs_few_cases_and_no_money() {
    // The figures of infra/measured.md are those of three.
    let a_second = env::var("PAYONCE_DELIVERIES_A_SECOND").map_or(1, |number| number.parse().unwrap());
    let began = Instant::now();
    let mut world = World::start().await;
    let mut waiting: Vec<Value> = vec![];
    let mut sent: Vec<Value> = vec![];
    let sweeper = world.sweeper();
    // Two good minutes before, so that the outage begins among good outcomes.
    for second in 0..HOUR_S + 120 {
        if second == 120 {
            world.rail.set_weather(Weather::Unavailable).await;
        }
        world.clock.advance(1_000);
        for number in 0..a_second {
            let event = payment(&format!("s{second}n{number}"), PAYEE, world.clock.now());
            match world.deliver(&event).await.status {
                200 => {}
                503 => waiting.push(event.clone()),
                other => panic!("answered {other}"),
            }
            sent.push(event);
        }
        if second % 60 == 30 {
            sweeper.run().await.unwrap();
        }
    }
    let during = world.cases().await.len();
    println!("{} deliveries, {} refused, {during} cases when the rail came back", sent.len(), waiting.len());

    world.rail.set_weather(Weather::Fair).await;
    world.ledger.set_hold(Hold::Pay, "a person", "the rail is back", world.clock.now()).await.unwrap();
    world.restart_with(|text| text).await;
    let world = &world;
    let answers: Vec<u16> = stream::iter(&waiting)
        .map(|event| async move { world.deliver(event).await.status })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(answers.iter().all(|status| *status == 200), "every one is taken when it comes back");
    world.minutes_pass(25).await;

    let executed = world.rail.executed();
    let distinct: std::collections::HashSet<&str> = executed.iter().map(|transfer| transfer.payout_key()).collect();
    let twice = executed.len() - distinct.len();
    let filed: std::collections::HashSet<_> = world.cases().await.into_iter().filter_map(|case| case.key).collect();
    let mut lost = 0;
    for event in &sent {
        let key = key_of(event);
        let paid = distinct.contains(key.as_str()) && world.outcome(&key).await == Some(Outcome::Accepted);
        lost += usize::from(!paid && !filed.contains(&key));
    }
    println!(
        "{} sent, {} payouts, {} cases: {twice} paid twice, {lost} lost ({} s)",
        sent.len(),
        executed.len(),
        filed.len(),
        began.elapsed().as_secs()
    );
    assert_eq!((twice, lost), (0, 0));
    assert!(filed.len() < a_second * CASES_AT_MOST_OF_ONE_A_SECOND, "{} cases", filed.len());
}
