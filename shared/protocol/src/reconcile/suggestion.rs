//! Pairs of breaks of one sum and about one date: somebody may look at them together. They share no reference, so that nothing
//! is concluded from them and no case ends by them.

use crate::UnixMillis;
use crate::reconcile::breaks::{Break, BreakKind};
use crate::reconcile::rows::Sum;

/// A payout that is missing under its key, and one of the same sum that stands in the same book without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion<'a> {
    pub missing: &'a Break,
    pub found: &'a Break,
}

/// Every pair, so that two candidates for one are seen to be two.
pub fn suggestions(breaks: &[Break], apart_ms: u64) -> Vec<Suggestion<'_>> {
    let of = |kind| breaks.iter().filter(move |it| it.kind == kind);
    let mut pairs = vec![];
    for missing in of(BreakKind::PayoutMissing) {
        for found in of(BreakKind::PayoutOrphan).filter(|found| found.book == missing.book) {
            let sums: (Option<Sum>, Option<Sum>) = (missing.expected, found.found);
            let is_near = |one: UnixMillis, other: UnixMillis| one.abs_diff(other) <= apart_ms;
            if sums.0.is_some() && sums.0 == sums.1 && is_near(missing.at, found.at) {
                pairs.push(Suggestion { missing, found });
            }
        }
    }
    pairs
}
