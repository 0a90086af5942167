//! The rail's book a page at a time, at the rail's pace. One page names the next, so that a book has no parts that could be read at
//! once; the books of several times are.

use std::time::Duration;

use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_rails::{LookUpFailure, Rail, RailBook, RailPayout};

use crate::pace::Pace;

/// A page that was not answered is asked for again: it only reads.
pub(crate) const PAGE_TRIES: u32 = 3;

/// Of an earlier window of the rail's book: the payouts that have come back, and what could not be read of it.
pub(crate) struct Returned {
    pub earlier: Window,
    pub payouts: Vec<RailPayout>,
    pub gap: Option<Gap>,
}

/// The payouts of an earlier window that have come back.
pub(crate) async fn returned(rail: &Rail, pace: &Pace, earlier: Window, page_within: Duration) -> Returned {
    let mut returned = Returned { earlier, payouts: vec![], gap: None };
    let Ok(mut book) = rail.book(earlier.from()..earlier.to()) else { return returned };
    loop {
        match page_of(&mut book, pace, page_within).await {
            Ok(None) => return returned,
            Ok(Some(page)) => returned.payouts.extend(page.into_iter().filter(|payout| payout.returned)),
            Err(_) => {
                let (from, until) = (earlier.from(), earlier.to());
                returned.gap = Some(Gap { book: Book::Rail, from, until, why: Why::PageLost });
                return returned;
            }
        }
    }
}

/// The next page of the rail's book, asked for again where it was not answered: it only reads.
pub(crate) async fn page_of(
    book: &mut RailBook<'_>,
    pace: &Pace,
    within: Duration,
) -> Result<Option<Vec<RailPayout>>, LookUpFailure> {
    let mut failures = 0;
    loop {
        pace.turn().await;
        match book.next(within).await {
            Ok(page) => return Ok(page),
            Err(failure) => {
                failures += 1;
                tracing::warn!(%failure, failures, "a page of the rail's book was not read");
                if failures >= PAGE_TRIES || matches!(failure, LookUpFailure::Unreadable | LookUpFailure::TooLong) {
                    return Err(failure);
                }
            }
        }
    }
}
