//! A payout key, whether or not a case is about it: its attempts, and how each ended.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Outcome;

use super::case::CaseLink;
use super::facts::{Facts, facts};
use super::format::{Moment as _, Sum as _, Text as _};
use super::frame::Frame;
use super::icon::Icon;
use super::standing::Standing;
use super::words::{self, Words as _};

/// The headline of a key under which there is no attempt.
pub const NOTHING_ATTEMPTED: &str = "Nothing was attempted under this key.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    pub number: u16,
    pub rail: String,
    pub rail_key: String,
    pub generation: u16,
    pub event: String,
    pub claimed_at: UnixMillis,
    /// How it ended, and when; `None` while it runs, or was not given up yet.
    pub ended: Option<(Outcome, UnixMillis)>,
    /// What is recorded of it, by the tables' names.
    pub facts: Vec<(String, String)>,
}

impl AttemptView {
    fn outcome(&self) -> &'static str {
        words::attempt(self.outcome_of()).0
    }

    fn tone(&self) -> &'static str {
        words::attempt(self.outcome_of()).1
    }

    fn icon(&self) -> Icon {
        words::attempt(self.outcome_of()).2
    }

    fn outcome_of(&self) -> Option<Outcome> {
        self.ended.map(|(outcome, _)| outcome)
    }

    fn facts(&self) -> Facts {
        facts(&self.facts)
    }
}

#[derive(Clone, Debug, Template)]
#[template(path = "payout.html", whitespace = "minimize")]
pub struct PayoutPage {
    pub frame: Frame,
    pub key: String,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub provider: Option<String>,
    /// The oldest first.
    pub attempts: Vec<AttemptView>,
    /// Every case of the key, resolved ones too.
    pub cases: Vec<CaseLink>,
    /// How it stands now, whatever its last attempt came to.
    pub standing: Option<Standing>,
}

impl PayoutPage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn heading(&self) -> String {
        self.money.as_ref().map_or_else(|| "Payout".to_owned(), |money| money.shown())
    }

    fn known(&self) -> &str {
        self.standing.as_ref().map_or(NOTHING_ATTEMPTED, |standing| &standing.headline)
    }
}
