//! One delivery of a payment provider, answered.
//!
//! * [`App`] holds what is built once, at init: nothing after a claim may be the first of its kind.
//! * `delivery` goes from raw bytes to verified, routed events, and from their answers to one HTTP status.
//! * `attempt` performs what the protocol's state machine asks for, for one order.
//! * `gate` keeps the control item, which says whether payouts are made.
//! * `answer` is what the provider reads.

mod answer;
mod app;
mod attempt;
mod block;
mod delivery;
mod gate;

pub use app::{App, Parts};
