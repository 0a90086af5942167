//! The promises, tried on the whole: signed bytes in, real tables and a real socket behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "tests spawn, and a test's limit reads the clock")]

mod arrives;
mod bank;
mod blocks;
mod book_pages;
mod causes;
mod cost;
mod counted;
mod crashes;
mod deliveries;
mod described_rail;
mod drift;
mod endings;
mod fan_out;
mod faults;
mod further_attempts;
mod given_back;
mod holds;
mod lifted;
mod limits;
mod listed;
mod misfits;
mod notices;
mod odd_bodies;
mod outage;
mod rails;
mod reconciles;
mod reconciliations;
mod refusals;
mod rehearsals;
mod releases;
mod replaced_rules;
mod replayed;
#[path = "../../../../shared/rails/tests/described/sandbox.rs"]
#[allow(dead_code)]
mod sandbox;
mod spans;
mod starts;
mod sweeps;
mod trips;
mod watch;
