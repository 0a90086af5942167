//! When a row of a book must be there, and of which times a book can speak. A time of which a book cannot speak is a [`Gap`]:
//! nothing is concluded there from a row that is not found (absence-needs-sight).

use std::collections::BTreeSet;

use crate::UnixMillis;
use crate::reconcile::rows::{Book, BookKey};
use crate::reconcile::run::Window;

/// How long after its cause a row may take to stand in each book, by the documents of whoever keeps the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settle {
    /// From an event to its last delivery; and until the provider's list has it.
    pub provider_ms: u64,
    /// From the end of an attempt to its outcome and case: the sweeper's margin and its visits.
    pub ours_ms: u64,
    /// From an acceptance to the rail's book.
    pub rail_ms: u64,
    /// From the rail's payout to the bank's line.
    pub bank_ms: u64,
}

crate::words! {
    /// Why a book cannot speak of a time.
    pub enum Why {
        PageLost = "page_lost",
        ReportNotReady = "report_not_ready",
        WindowNotSettled = "window_not_settled",
        /// The book begins later.
        NotBefore = "not_before",
        /// It is kept for a while only, and that is over: Stripe's events for 30 days, GoCardless' payouts for 6 months.
        NoLongerAskable = "no_longer_askable",
        /// A row, or a part of the answer, that was not as documented.
        Unreadable = "unreadable",
        /// A record of ours, of one key, of which nothing new is said. Every other key was read whole.
        OneRecord = "one_record",
        /// Nobody keeps such a book where we can read it.
        NotAskable = "not_askable",
    }
}

crate::words! {
    /// What a gap is to one run.
    pub enum Lack {
        /// The book should have spoken of that time by now, and does not.
        Due = "due",
        /// It may still come to speak of it.
        Awaited = "awaited",
        /// It was, or will be, another run's.
        Earlier = "earlier",
    }
}

/// From `from` until before `until` the book is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub book: Book,
    pub from: UnixMillis,
    pub until: UnixMillis,
    pub why: Why,
}

/// What one run goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The end of its window: nothing later is in any of its books.
    pub as_of: UnixMillis,
    pub settle: Settle,
    pub gaps: Vec<Gap>,
    /// Keys of which a record could not be read.
    pub unread: BTreeSet<BookKey>,
}

impl Gap {
    /// Whether something that stands in the book may not be seen. Where nobody can ask a provider, its book is made of the deliveries
    /// that it signed, and lacks none that we know of; another provider's own list is complete beside it.
    pub fn hides(&self) -> bool {
        self.why != Why::OneRecord && (self.book, self.why) != (Book::Provider, Why::NotAskable)
    }

    /// What it is to the run of this window. A book is there when its window is read, but for the bank's: it tells of a day when that is
    /// over, and a line may take its settle time to be booked. A day of the bank's is waited for as long as its lines are, and lacking in
    /// the run in whose window that time ends: each day is some run's, as each window is.
    pub fn lack(&self, window: Window, settle: &Settle) -> Lack {
        let later = match (self.book, self.why) {
            // It never tells of what was before it.
            (Book::Bank, why) if why != Why::NotBefore => settle.bank_ms,
            _ => 0,
        };
        if self.from >= window.to() || self.until.saturating_add(later) <= window.from() {
            Lack::Earlier
        } else if self.from.saturating_add(later) < window.to() {
            Lack::Due
        } else {
            Lack::Awaited
        }
    }
}

impl Terms {
    /// Whether a row of this book that began at `at`, and had to be there at `due`, would have been seen.
    pub fn sees(&self, book: Book, at: UnixMillis, due: UnixMillis) -> bool {
        let end = due.max(at.saturating_add(1));
        !self.gaps.iter().any(|gap| gap.hides() && gap.book == book && gap.from < end && at < gap.until)
    }
}
