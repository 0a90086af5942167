//! `cargo run --profile model -p payonce-model -- --deliveries 4 --faults 3`: copies of one event, and whatever may go wrong, for as
//! long as it takes.

#![expect(clippy::disallowed_methods, reason = "how long it took is printed; nothing depends on it")]

use std::io::stdout;
use std::time::Instant;

use clap::Parser;
use payonce_model::fault::Fault;
use payonce_model::world::World;
use payonce_model::worlds;
use stateright::report::WriteReporter;
use stateright::{Checker, Model};

/// Explores every interleaving of copies of one event, the sweeper and the faults among them.
#[derive(Parser)]
struct Arguments {
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=20))]
    deliveries: u8,
    /// How many things go wrong at most
    #[arg(long, value_name = "N", default_value_t = 3)]
    faults: u8,
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
}

fn main() {
    let Arguments { deliveries, faults, threads } = Arguments::parse();
    let setting = worlds::copies(usize::from(deliveries), faults, Fault::ALL.to_vec());
    let started = Instant::now();
    let checker =
        World::new(setting).checker().threads(threads).spawn_bfs().report(&mut WriteReporter::new(&mut stdout()));
    println!(
        "{deliveries} deliveries, {faults} faults: {} unique states, {} steps, depth {}, {:.0} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f32()
    );
    checker.assert_properties();
}
