//! A short storm over the very binaries that are deployed. The long one is `cargo run -p payonce-storm`.

#![allow(clippy::panic, reason = "a test fails loudly")]

use payonce_storm::{Extent, Options, run};

#[test]
fn short_storm_pays_once_and_loses_nothing() {
    let options = Options { extent: Extent::Deliveries(1_200), seed: 20_261_123, processes: 4 };
    let report = run(options).unwrap_or_else(|missing| panic!("{missing}"));
    println!("{report}");
    assert!(report.books.compare().agrees());
    assert!(report.counts.kills >= 20, "{} kills are no storm", report.counts.kills);
    assert_eq!(report.counts.restores, 1);
    let acts: usize = report.counts.people.values().sum();
    assert!(acts >= 20, "{acts} acts are no people");
    assert!(report.books.given_up.is_empty(), "the storm was too short for its sender's patience");
}
