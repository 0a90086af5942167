//! Cases with their history, in the reconcile table: how they open, what people do with them one by one and in batches, and how
//! they are found and counted. Every write that decides something stands on the version that was seen.

pub(crate) mod acts;
mod added;
pub(crate) mod batch;
pub(crate) mod breaks;
pub(crate) mod case;
pub(crate) mod case_events;
pub(crate) mod case_item;
pub(crate) mod find;
pub(crate) mod queue;
pub(crate) mod reissue;
pub(crate) mod totals;
