//! The few items of the reconcile table by which functions and people agree: whether payouts are made, which rules were
//! accepted, who works here, how far sweeper and reconciler have come, and what was imported of the bank's files. None is about one payout.

pub(crate) mod accepted;
pub(crate) mod hold;
pub(crate) mod imports;
pub(crate) mod parts;
pub(crate) mod people;
pub(crate) mod round;
pub(crate) mod runs;
pub(crate) mod samples;
