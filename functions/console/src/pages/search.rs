//! What was found, and what was searched for it. Nothing is called absent where it was not looked for.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use super::format::{Moment as _, Sum as _, Text as _, grouped};
use super::frame::{Frame, cases};
use super::icon::Icon;
use super::words::{self, Words as _};

/// By what a case was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    Id,
    Payee,
    PayeeBegins,
    Case,
    History,
    Attempt,
    Body,
}

impl FoundBy {
    pub(crate) fn is_payee(self) -> bool {
        matches!(self, Self::Payee | Self::PayeeBegins)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Id => "its id",
            Self::Payee => "the payee",
            Self::PayeeBegins => "the payee's beginning",
            Self::Case => "what is known of the case",
            Self::History => "its history",
            Self::Attempt => "its attempts",
            Self::Body => "the delivery",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    Case {
        id: String,
        reason: Reason,
        status: Status,
        money: Option<Money>,
        payee: Option<String>,
        since: UnixMillis,
        found_by: FoundBy,
    },
    /// A payout without a case.
    Payout { key: String, money: Option<Money>, payee: Option<String>, since: Option<UnixMillis> },
}

/// Whether the rail knows a payout of this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RailSaid {
    HasNone,
    /// One that is not ours.
    HasOther,
    /// Its configuration names no such question.
    CannotBeAsked,
    Silent(String),
}

/// What was looked at, for whoever reads that there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub open: usize,
    pub resolved: usize,
    /// From when resolved ones were looked at.
    pub since: UnixMillis,
    pub days: u64,
    /// There are more cases than are looked at.
    pub is_cut: bool,
    /// As far back as a search goes.
    pub is_year: bool,
    /// Cases of which the item alone was looked at.
    pub without_details: usize,
    pub has_bodies: bool,
    pub rail: RailSaid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Searched {
    /// Nothing was asked for.
    Nothing,
    TooLong,
    /// In all books, by an event's id or a rail key.
    ById {
        hits: Vec<Hit>,
    },
    Cases {
        hits: Vec<Hit>,
        looked: Looked,
    },
}

impl Searched {
    pub(crate) fn hits(&self) -> &[Hit] {
        match self {
            Self::Nothing | Self::TooLong => &[],
            Self::ById { hits } | Self::Cases { hits, .. } => hits,
        }
    }
}

/// So many are shown: a page stays small.
const SHOWN: usize = 100;

#[derive(Clone, Debug, Template)]
#[template(path = "search.html", whitespace = "minimize")]
pub struct SearchPage {
    pub frame: Frame,
    /// What was looked for; `frame.search` should say the same.
    pub query: String,
    pub searched: Searched,
}

impl SearchPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn icon(&self, status: &Status) -> Icon {
        words::status_icon(*status)
    }

    fn hits(&self) -> &[Hit] {
        self.searched.hits().get(..SHOWN).unwrap_or(self.searched.hits())
    }

    fn heading(&self) -> String {
        match (&self.searched, self.searched.hits().len()) {
            (Searched::Nothing, _) => "Search".to_owned(),
            (Searched::TooLong, _) => "Too long to be searched for".to_owned(),
            (_, 0) => "Not found in what was searched".to_owned(),
            (_, found) => format!("{} found", grouped(found as u128)),
        }
    }

    fn is_short(&self) -> bool {
        self.searched.hits().len() > SHOWN
    }

    /// Whether the queue can be filtered by what was looked for.
    fn has_payees(&self) -> bool {
        self.searched.hits().iter().any(|hit| matches!(hit, Hit::Case { found_by, .. } if found_by.is_payee()))
    }

    fn open_of_payee(&self) -> String {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("payee", &self.query).finish();
        format!("{}?{query}", self.frame.home())
    }

    fn further_back(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &self.query)
            .append_pair("days", "366")
            .finish();
        format!("{}/search?{query}", self.frame.base)
    }
}

impl Looked {
    fn open(&self) -> String {
        format!("{} open {}", grouped(self.open as u128), if self.open == 1 { "case" } else { "cases" })
    }

    fn resolved(&self) -> String {
        cases(self.resolved as u64)
    }

    fn without_details(&self) -> String {
        cases(self.without_details as u64)
    }

    fn rail(&self) -> String {
        match &self.rail {
            RailSaid::HasNone => "The rail was asked, and has no payout of this id.".to_owned(),
            RailSaid::HasOther => "The rail has a payout of this id, and it is not one of ours.".to_owned(),
            RailSaid::CannotBeAsked => "The rail was not asked: it has no search by its own ids here.".to_owned(),
            RailSaid::Silent(why) => {
                format!("Whether the rail has a payout of this id is not known: it was asked, and {}.", why.shown())
            }
        }
    }
}
