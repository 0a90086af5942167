//! Pictures from the sprite in `base.html`. Each stands beside a text that says the same, so readers aloud skip them.

use std::fmt;

use askama::filters::HtmlSafe;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Info,
    Warn,
    Error,
    Done,
    Unknown,
    Refused,
    NotSent,
    Accepted,
    NoAttempt,
    Open,
    InReview,
    Awaiting,
    Reopened,
    Machine,
    Person,
    Clock,
    Search,
    Away,
    Remove,
    Equal,
    Differs,
    Missing,
    Key,
    Down,
}

impl Icon {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Done => "done",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::NotSent => "notsent",
            Self::Accepted => "accepted",
            Self::NoAttempt => "none",
            Self::Open => "open",
            Self::InReview => "review",
            Self::Awaiting => "awaiting",
            Self::Reopened => "reopened",
            Self::Machine => "machine",
            Self::Person => "person",
            Self::Clock => "clock",
            Self::Search => "search",
            Self::Away => "away",
            Self::Remove => "remove",
            Self::Equal => "equal",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Key => "key",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<svg class=i aria-hidden=true><use href=\"#i-{}\"/></svg>", self.name())
    }
}

impl HtmlSafe for Icon {}
