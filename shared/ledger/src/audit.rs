//! The audit table, which nothing is ever changed or deleted in: claims and what stands in their place (closings, bars), outcomes,
//! what the rail's books said, and notes of what is still owed. `append` is its one writer; the others say what one item is.

mod alias;
pub(crate) mod append;
pub(crate) mod attempt;
pub(crate) mod bar;
pub(crate) mod claim;
pub(crate) mod claim_answer;
pub(crate) mod closing;
pub(crate) mod outcome;
pub(crate) mod payout;
pub(crate) mod seen;
pub(crate) mod sweep;
pub(crate) mod unfiled;
