//! Trying many payouts again that were surely not paid: one proposal, one approval, and then each line on its own.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, may};
use payonce_protocol::money::Money;

use super::format::{Moment as _, Sum as _, Text as _};
use super::frame::{CurrencyTotal, Frame};
use super::icon::Icon;
use super::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    AwaitingApproval,
    /// Approved; lines are paid one after the other, while the page that was opened by "Continue" stays open.
    Going,
    /// Approved, and nobody goes on with it.
    Paused,
    /// Approved, and stopped at a line that did not go as it should.
    Stopped,
    Done,
    SentBack,
}

impl BatchState {
    fn label(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "Awaiting approval",
            Self::Going => "Being paid",
            Self::Paused => "Paused",
            Self::Stopped => "Stopped",
            Self::Done => "Paid",
            Self::SentBack => "Sent back",
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::AwaitingApproval => Icon::Awaiting,
            Self::Going => Icon::InReview,
            Self::Paused => Icon::Clock,
            Self::Stopped => Icon::Warn,
            Self::Done => Icon::Done,
            Self::SentBack => Icon::Reopened,
        }
    }

    fn tone(self) -> &'static str {
        match self {
            Self::AwaitingApproval | Self::Going => "calm",
            Self::Paused | Self::Stopped => "warn",
            Self::Done => "good",
            Self::SentBack => "none",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    Waiting,
    Paid,
    /// Why the batch stopped here.
    StoppedAt(String),
    /// Its case went another way.
    TakenOut,
}

impl LineState {
    fn words(&self) -> String {
        match self {
            Self::Waiting => "Waiting".to_owned(),
            Self::Paid => "Paid".to_owned(),
            Self::StoppedAt(why) => format!("Stopped here: {}", why.shown()),
            Self::TakenOut => "Not in it any more".to_owned(),
        }
    }

    fn icon(&self) -> Icon {
        match self {
            Self::Waiting => Icon::Open,
            Self::Paid => Icon::Done,
            Self::StoppedAt(_) => Icon::Warn,
            Self::TakenOut => Icon::NotSent,
        }
    }

    fn tone(&self) -> &'static str {
        match self {
            Self::Waiting | Self::TakenOut => "none",
            Self::Paid => "good",
            Self::StoppedAt(_) => "warn",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub case: String,
    pub money: Money,
    pub payee: String,
    /// The payout key.
    pub key: String,
    /// Once the rail has it.
    pub rail_id: Option<String>,
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
    /// Of the lines that were paid, and of the rest.
    pub paid: Vec<CurrencyTotal>,
    pub left: Vec<CurrencyTotal>,
    /// By name.
    pub who_may_continue: Vec<String>,
    /// The sign-in that approved it counts no more: whoever goes on signs in for it again.
    pub needs_sign_in: bool,
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

    /// Nobody approves a list of which a part has gone another way.
    fn is_whole(&self) -> bool {
        self.lines.iter().all(|line| line.state == LineState::Waiting)
    }

    fn may_decide(&self) -> bool {
        self.is_awaiting() && !self.is_own && may(&self.frame.roles, Act::Approve)
    }

    fn may_continue(&self) -> bool {
        let may_go_on = !(self.is_own && self.needs_sign_in);
        self.is_begun() && may_go_on && may(&self.frame.roles, Act::Approve)
    }

    fn may_end(&self) -> bool {
        self.is_begun() && may(&self.frame.roles, Act::SendBack)
    }

    fn is_begun(&self) -> bool {
        matches!(self.state, BatchState::Going | BatchState::Paused | BatchState::Stopped)
    }

    /// While the page is open, and without another sign-in.
    fn is_going(&self) -> bool {
        self.state == BatchState::Going && !self.needs_sign_in && self.may_continue()
    }

    fn number_paid(&self) -> usize {
        self.lines.iter().filter(|line| line.state == LineState::Paid).count()
    }

    fn number_left(&self) -> usize {
        self.lines.len() - self.number_paid()
    }

    fn share(&self) -> usize {
        self.number_paid() * 100 / self.lines.len().max(1)
    }

    /// "12 payouts".
    fn count(&self) -> String {
        payouts(self.lines.len())
    }

    fn sum(&self) -> String {
        sums(&self.totals)
    }

    fn sum_paid(&self) -> String {
        sums(&self.paid)
    }

    fn sum_left(&self) -> String {
        sums(&self.left)
    }

    fn names(&self) -> String {
        match self.who_may_continue.as_slice() {
            [] => "nobody who has signed in here".to_owned(),
            names => names.iter().map(|name| name.shown()).collect::<Vec<_>>().join(", "),
        }
    }

    fn code_words(&self) -> String {
        words::code(&self.code)
    }
}

fn payouts(count: usize) -> String {
    if count == 1 { "1 payout".to_owned() } else { format!("{count} payouts") }
}

/// Each currency on its own.
fn sums(totals: &[CurrencyTotal]) -> String {
    match totals {
        [] => "nothing".to_owned(),
        totals => totals.iter().map(CurrencyTotal::shown).collect::<Vec<_>>().join(" and "),
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
    pub paid: u64,
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
