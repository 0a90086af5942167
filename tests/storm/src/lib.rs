//! Thousands of deliveries through the very binaries that are deployed, while they are killed, stopped, and lied to.
//!
//! Several `webhook` processes stand behind stand-ins for Lambda's Runtime API, beside a `sweeper`; a sender comes back as
//! real providers do, on a compressed clock; the rail and the tables misbehave. At the end three books are compared: the
//! sender's list, the tables, the rail's ledger.
//!
//! Everything that is planned for a delivery (payee, faults, the moment of a kill) follows from the seed and the
//! delivery's number. What the operating system makes of it is another matter: a seed repeats the plan, not the run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's own scaffolding fails loudly")]
#![allow(clippy::disallowed_methods, reason = "a stand-in spawns, waits and reads the clock; it pays nobody")]

pub mod books;
mod on_call;
mod people;
mod plan;
mod process;
mod queue;
mod report;
mod run;
mod stack;

pub use books::Books;
pub use report::{Counts, Report};
pub use run::{Extent, Options, run};
pub use stack::{Missing, built};
