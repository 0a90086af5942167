//! The few items of the reconcile table by which functions and people agree: whether payouts are made, which rules were
//! accepted, who works here, and how far sweeper and reconciler have come. None is about one payout.

pub(crate) mod accepted;
pub(crate) mod hold;
pub(crate) mod people;
pub(crate) mod round;
pub(crate) mod runs;
pub(crate) mod samples;
