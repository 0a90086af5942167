//! The reconciliation of four books: the provider's events, our own records, the rail's payouts and the bank's lines, per payout
//! key. Pure: whoever reads the books hands over rows, see [`rows`].
//!
//! * [`rows`]: what the books say, as typed rows, and the key under which they meet.
//! * [`terms`]: when a row must be there, and of which times a book can speak.
//! * [`facts`]: the rows of one key, sorted out.
//! * [`breaks`]: what the books contradict each other in, with both sides.
//! * [`finding`]: what is said of one key: the function from a group to its finding.
//! * [`statement`]: the bridge from what was asked for to what was paid, whose residual is 0.
//! * [`run`]: the verdict of a run, windows that chain, and the manifest that is written last.
//! * [`suggestion`]: pairs that a person might look at. They decide nothing.
//!
//! `infra/reconcile.sql` says the same in SQL; a property test holds the two against each other.

pub mod breaks;
pub mod facts;
pub mod finding;
pub mod rows;
pub mod run;
pub mod statement;
pub mod suggestion;
pub mod terms;

#[cfg(test)]
mod tests;
