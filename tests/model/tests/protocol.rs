//! The protocol holds in every world, and in each the things happen that make it worth exploring.

#![expect(clippy::disallowed_methods, reason = "how long it took is printed; nothing depends on it")]

use std::time::Instant;

use payonce_model::releases::Releases;
use payonce_model::setting::Setting;
use payonce_model::world::World;
use payonce_model::worlds;
use stateright::{Checker, Model};

fn explore(setting: Setting) -> usize {
    let name = setting.name;
    assert!(setting.leaves_time(), "{name}");
    let started = Instant::now();
    let checker = World::new(setting).checker().threads(2).spawn_bfs().join();
    println!(
        "{:>8} unique states, {:>8} steps, depth {}, {:>4.1} s: {name}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f32()
    );
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn the_protocol_holds_in_every_world() {
    let started = Instant::now();
    let states: usize = worlds::all().into_iter().map(explore).sum();
    println!("{states} unique states in {:.1} s", started.elapsed().as_secs_f32());
    assert!(states >= 1_000_000);
}

#[test]
fn nothing_pays_that_a_person_did_not_release() {
    for world in [Releases::new(true, false), Releases::new(false, false), Releases::new(true, true)] {
        let checker = world.checker().threads(2).spawn_bfs().join();
        println!("{:>8} unique states, {:>8} steps: {world:?}", checker.unique_state_count(), checker.state_count());
        checker.assert_properties();
    }
}
