//! A window of a provider's list, read a page at a time. It counts as complete only when its last page was read; else it says
//! why not, before anybody says a word about money.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use payonce_protocol::UnixMillis;
use payonce_wire::PeerFailure;
use thiserror::Error;

use crate::list::ProviderList;
use crate::page::{ListedEvent, Read};

/// What a list came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum End {
    /// Everything that the provider has of the window was read.
    Complete,
    Incomplete {
        why: Gap,
    },
}

/// Why a list came short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Gap {
    #[error("no complete answer ({0})")]
    NoAnswer(&'static str),
    #[error("the provider refused with HTTP {0}")]
    Refused(u16),
    #[error("the provider keeps it no longer (HTTP 410)")]
    Gone,
    #[error("the provider's answer is not as described")]
    Unreadable,
    #[error("the pages lead in a circle")]
    Circle,
    #[error("it has more than {0} pages")]
    TooLong(usize),
    #[error("the secret is of another account")]
    OtherAccount,
    /// What is older cannot be asked for.
    #[error("it cannot be asked for so far back, only from {0} on")]
    Before(UnixMillis),
    #[error("the window was not over when the list was asked for")]
    NotOver,
    #[error("it was not read to its end")]
    Unread,
}

impl Gap {
    pub(crate) fn of(failure: &PeerFailure) -> Self {
        Self::NoAnswer(match failure {
            PeerFailure::Connect(failure) => failure.as_str(),
            PeerFailure::NoAnswer(why) => why,
        })
    }

    /// Whether the same question may be answered a little later.
    pub fn may_pass(self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Refused(status) => status == 429 || status >= 500,
            Self::Gone
            | Self::Unreadable
            | Self::Circle
            | Self::TooLong(_)
            | Self::OtherAccount
            | Self::Before(_)
            | Self::NotOver
            | Self::Unread => false,
        }
    }
}

/// As [`ProviderList::book`] opens it.
#[derive(Debug)]
pub struct ListBook<'a> {
    list: &'a ProviderList,
    window: Range<UnixMillis>,
    /// From when on the provider can be asked.
    askable_from: UnixMillis,
    opened_at: UnixMillis,
    is_our_account: bool,
    turned: usize,
    place: Place,
    /// Of every event: one that is made meanwhile moves the others on, so that one may come twice.
    ids: HashSet<String>,
    /// What further pages were asked with.
    tokens: HashSet<String>,
    failed: Option<Gap>,
}

#[derive(Debug)]
enum Place {
    First,
    After(String),
    Over,
}

impl<'a> ListBook<'a> {
    pub(crate) fn new(list: &'a ProviderList, window: Range<UnixMillis>, now: UnixMillis) -> Self {
        let askable_from = now.saturating_sub(list.api.askable_ms);
        // Nothing of it can be asked for.
        let place = if window.end <= askable_from.max(window.start) { Place::Over } else { Place::First };
        Self {
            list,
            window,
            askable_from,
            opened_at: now,
            is_our_account: false,
            turned: 0,
            place,
            ids: HashSet::new(),
            tokens: HashSet::new(),
            failed: None,
        }
    }

    /// The events of the next page that fall into the window, in the provider's order; `None` after the last page. A page that
    /// failed may be asked for again.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Vec<ListedEvent>>, Gap> {
        let page = self.turn(within).await;
        self.failed = page.as_ref().err().copied();
        page
    }

    async fn turn(&mut self, within: Duration) -> Result<Option<Vec<ListedEvent>>, Gap> {
        let after = match &self.place {
            Place::Over => return Ok(None),
            Place::First => None,
            Place::After(token) => Some(token.as_str()),
        };
        if self.turned >= self.list.pages_at_most {
            return Err(Gap::TooLong(self.list.pages_at_most));
        }
        if !self.is_our_account {
            self.list.check_account(within).await?;
            self.is_our_account = true;
        }
        let since = self.window.start.max(self.askable_from);
        let request = self.list.request(since, self.window.end, after).ok_or(Gap::Unreadable)?;
        let answer = self.list.ask(request, within).await?;
        let Read { mut events, next } = self.list.api.page.read(&self.list.api.next, &answer).ok_or(Gap::Unreadable)?;
        // Nothing is noted before the page is known to be good: it may be asked for again.
        let holds_known = !events.is_empty() && events.iter().all(|event| self.ids.contains(&event.id));
        self.place = match next {
            None => Place::Over,
            Some(_) if holds_known => return Err(Gap::Circle),
            Some(token) if !self.tokens.insert(token.clone()) => return Err(Gap::Circle),
            Some(token) => Place::After(token),
        };
        self.turned = self.turned.saturating_add(1);
        events.retain(|event| self.ids.insert(event.id.clone()));
        // A provider may round the window's ends, or know none.
        events.retain(|event| self.window.contains(&event.created_at));
        Ok(Some(events))
    }

    pub fn end(&self) -> End {
        let gap = match (&self.place, self.failed) {
            (Place::First | Place::After(_), failed) => Some(failed.unwrap_or(Gap::Unread)),
            (Place::Over, _) if self.window.start < self.askable_from => Some(Gap::Before(self.askable_from)),
            (Place::Over, _) if self.window.end > self.opened_at => Some(Gap::NotOver),
            (Place::Over, _) => None,
        };
        gap.map_or(End::Complete, |why| End::Incomplete { why })
    }
}
