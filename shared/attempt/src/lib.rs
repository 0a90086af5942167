//! One attempt at a payout, whoever asks for it: a webhook's event, or two people. The order of things is decided by the
//! protocol's state machine ([`payonce_protocol::event`]); here each of them is performed, once for every function.
//!
//! * [`Attempt`] performs what the machine asks for.
//! * [`Intent`] is what is to be paid, and by when.
//! * [`Occasion`] is what differs between a webhook's payout and one that people decided.
//! * `time` is how much of the invocation is left, and for what; `socket` the connection, which is closed before an outcome
//!   is recorded.

mod attempt;
mod occasion;
mod socket;
mod time;

pub use attempt::{Attempt, AttemptEnd, Parts};
pub use occasion::{Intent, Occasion};
