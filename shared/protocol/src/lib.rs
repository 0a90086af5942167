//! The rules of the game, and nothing else: no I/O, no clock, no async.
//!
//! * [`money`] and [`order`]: what an event asks for; [`exponents`]: in which unit a provider or rail counts it.
//! * [`ids`]: names that may never be derived differently (attempt id, rail key, case id).
//! * [`outcome`]: the certainty ladder and the reasons of cases.
//! * [`case`]: what people may do with a case; [`approval`]: what two of them approve when a payout is made by hand.
//! * [`closing`]: what an ending by people binds.
//! * [`event`]: the state machine of one event, from "verified order" to "answered".
//! * [`hold`]: whether payouts are made at all.
//! * [`release`]: for which tables, and by which rules of payout keys, a version may pay.
//! * [`sweep`]: what the sweeper may conclude, and when.
//! * [`reissue`]: whether a person may be offered a further attempt, and with which rail key.
//!
//! The Lambda handlers perform the actions that come out of here; the model checker in `tests/model` explores the
//! very same functions. Every function is total: an input that makes no sense in a state takes that state's safe way
//! out, which never pays.

pub mod approval;
pub mod case;
pub mod closing;
pub mod event;
pub mod exponents;
pub mod hold;
pub mod ids;
pub mod money;
pub mod order;
pub mod outcome;
pub mod problem;
pub mod reissue;
pub mod release;
pub mod sweep;

/// Milliseconds since 1970-01-01T00:00:00Z. The protocol is told the time, it never reads it.
pub type UnixMillis = u64;
