//! The rail's own book of a window of time, read a page at a time: what reconciliation holds against the claims. A book counts as
//! complete only when its last page was read; an error says that it is not, and why.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use payonce_protocol::UnixMillis;

use crate::books::{Asked, Books, NextBy, RailPayout, Read, Search};
use crate::rail::{LookUpFailure, Rail};

/// A million payouts in pages of a hundred. Whoever pays more in a window takes the rail's report.
const PAGES_AT_MOST: usize = 10_000;

/// A window of the rail's book, as [`Rail::book`] opens it.
#[derive(Debug)]
pub struct RailBook<'a> {
    pub(crate) rail: &'a Rail,
    pub(crate) books: &'a Books,
    pub(crate) search: &'a Search,
    pub(crate) window: Range<UnixMillis>,
    pub(crate) pages: Pages,
}

impl RailBook<'_> {
    /// The payouts of the next page that fall into the window; `None` after the last page. A page that was not
    /// answered may be asked for again.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Vec<RailPayout>>, LookUpFailure> {
        if self.pages.turned >= PAGES_AT_MOST && !self.pages.is_over {
            return Err(LookUpFailure::TooLong);
        }
        let asked = Asked { from: self.window.start, until: self.window.end, ..Asked::default() };
        let page = self.rail.next_page(self.books, self.search, asked, &mut self.pages, within).await?;
        // A rail may round the window's ends, or know none.
        Ok(page.map(|page| page.into_iter().filter(|payout| self.window.contains(&payout.created_at)).collect()))
    }
}

/// How far a list has been read.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    turned: usize,
    read: usize,
    ids: HashSet<String>,
    pub next: Option<String>,
    pub is_over: bool,
}

impl Pages {
    /// What of the page was not read before: a payout that is made meanwhile moves the others on, so that one may come twice.
    pub fn turn(&mut self, search: &Search, page: Read) -> Result<Vec<RailPayout>, LookUpFailure> {
        let Read { mut payouts, more, header } = page;
        let (count, last) = (payouts.len(), payouts.last().map(|last| last.id.clone()));
        payouts.retain(|payout| self.ids.insert(payout.id.clone()));
        self.read = self.read.saturating_add(count);
        self.turned = self.turned.saturating_add(1);
        self.is_over = !more;
        if more {
            if payouts.is_empty() {
                return Err(LookUpFailure::Unreadable);
            }
            let next = search.next.as_ref().ok_or(LookUpFailure::TooLong)?;
            self.next = match next.by {
                NextBy::Offset => Some(self.read.to_string()),
                NextBy::LastId => last,
                NextBy::Header => header,
            };
            if self.next.is_none() {
                return Err(LookUpFailure::Unreadable);
            }
        }
        Ok(payouts)
    }
}
