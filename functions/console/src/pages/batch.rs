//! Releasing many payouts that were surely not begun: one proposal, one approval, and then each line on its own.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, may};
use payonce_protocol::money::Money;

use super::format::{Moment as _, Sum as _, Text as _};
use super::frame::{CurrencyTotal, Frame, cases};
use super::icon::Icon;
use super::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    AwaitingApproval,
    /// Approved; lines are released one after the other.
    Releasing,
    /// Approved, and stopped at a line that did not go as it should.
    Stopped,
    Done,
    SentBack,
}

impl BatchState {
    fn label(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "Awaiting approval",
            Self::Releasing => "Being released",
            Self::Stopped => "Stopped",
            Self::Done => "Released",
            Self::SentBack => "Sent back",
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::AwaitingApproval => Icon::Awaiting,
            Self::Releasing => Icon::InReview,
            Self::Stopped => Icon::Warn,
            Self::Done => Icon::Done,
            Self::SentBack => Icon::Reopened,
        }
    }

    fn tone(self) -> &'static str {
        match self {
            Self::AwaitingApproval | Self::Releasing => "calm",
            Self::Stopped => "warn",
            Self::Done => "good",
            Self::SentBack => "none",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    Waiting,
    Released,
    /// Why the batch stopped here.
    StoppedAt(String),
    /// Its case went another way.
    TakenOut,
}

impl LineState {
    fn words(&self) -> String {
        match self {
            Self::Waiting => "Waiting".to_owned(),
            Self::Released => "Released".to_owned(),
            Self::StoppedAt(why) => format!("Stopped here: {}", why.shown()),
            Self::TakenOut => "Not released".to_owned(),
        }
    }

    fn icon(&self) -> Icon {
        match self {
            Self::Waiting => Icon::Open,
            Self::Released => Icon::Done,
            Self::StoppedAt(_) => Icon::Warn,
            Self::TakenOut => Icon::NotSent,
        }
    }

    fn tone(&self) -> &'static str {
        match self {
            Self::Waiting | Self::TakenOut => "none",
            Self::Released => "good",
            Self::StoppedAt(_) => "warn",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub case: String,
    pub money: Money,
    pub payee: String,
    pub state: LineState,
}

#[derive(Clone, Debug, Template)]
#[template(path = "batch.html", whitespace = "minimize")]
pub struct BatchPage {
    pub frame: Frame,
    pub id: String,
    /// As the reader sees it; every form sends it back.
    pub version: u64,
    pub state: BatchState,
    pub proposed_by: String,
    pub proposed_at: UnixMillis,
    pub code: String,
    pub note: String,
    /// The reader proposed it, and must not decide.
    pub is_own: bool,
    /// Who decided, and when.
    pub decided: Option<(String, UnixMillis)>,
    pub totals: Vec<CurrencyTotal>,
    /// Why it does not go on, or was sent back.
    pub stopped: Option<String>,
    pub lines: Vec<Line>,
}

impl BatchPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn post(&self, act: &str) -> String {
        format!("{}/{act}", self.frame.batch(&self.id))
    }

    fn is_awaiting(&self) -> bool {
        self.state == BatchState::AwaitingApproval
    }

    fn may_decide(&self) -> bool {
        self.is_awaiting() && !self.is_own && may(&self.frame.roles, Act::Approve)
    }

    fn may_continue(&self) -> bool {
        let is_begun = matches!(self.state, BatchState::Releasing | BatchState::Stopped);
        is_begun && may(&self.frame.roles, Act::Approve)
    }

    fn released(&self) -> usize {
        self.lines.iter().filter(|line| line.state == LineState::Released).count()
    }

    fn share(&self) -> usize {
        self.released() * 100 / self.lines.len().max(1)
    }

    fn count(&self) -> String {
        cases(self.lines.len() as u64)
    }

    fn code_words(&self) -> String {
        words::code(&self.code)
    }
}

/// A batch in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    pub id: String,
    pub state: BatchState,
    pub proposed_by: String,
    pub proposed_at: UnixMillis,
    pub lines: u64,
    pub released: u64,
    pub totals: Vec<CurrencyTotal>,
}

#[derive(Clone, Debug, Template)]
#[template(path = "batches.html", whitespace = "minimize")]
pub struct BatchesPage {
    pub frame: Frame,
    pub rows: Vec<BatchRow>,
}

impl BatchesPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }
}
