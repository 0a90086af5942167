//! Which open cases the queue shows, as its address says it: names and values, and nothing where nothing is asked for.

use payonce_protocol::case::Status;
use payonce_protocol::money::Currency;
use payonce_protocol::outcome::{Outcome, Reason};

use super::words;
use crate::cases::amount::Amount;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QueueOwner {
    #[default]
    Anybody,
    Nobody,
    /// An issuer's subject.
    One(String),
}

payonce_protocol::words! {
    /// Which open cases, before anything else is filtered; each has an address of its own.
    #[derive(Default)]
    pub enum QueueView {
        #[default]
        All = "all",
        Mine = "mine",
        /// Proposed by somebody else.
        ToApprove = "to-approve",
        /// Proposed by the reader, and turned down.
        SentBack = "sent-back",
        /// Not paid because payouts were held.
        Held = "held",
    }
}

impl QueueView {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "All open",
            Self::Mine => "Mine",
            Self::ToApprove => "To approve",
            Self::SentBack => "Sent back to me",
            Self::Held => "Left by a hold",
        }
    }

    /// When nothing is in it.
    pub(super) fn none(self) -> &'static str {
        match self {
            Self::All => "No open case matches this filter.",
            Self::Mine => "You own no open case.",
            Self::ToApprove => "No case waits for your approval.",
            Self::SentBack => "Nothing that you proposed was sent back.",
            Self::Held => "No open case was left unpaid by a hold.",
        }
    }
}

/// As `filter.rs` reads it from the address, under the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFilter {
    pub view: QueueView,
    /// The greatest risk first; else the oldest.
    pub by_risk: bool,
    pub owner: QueueOwner,
    /// An incident's name, as the tables have it.
    pub incident: Option<String>,
    pub status: Option<Status>,
    pub reason: Option<Reason>,
    /// `Some(None)`: cases that are about no attempt.
    pub certainty: Option<Option<Outcome>>,
    pub provider: Option<String>,
    /// What a payee begins with, in letters of either case.
    pub payee: Option<String>,
    pub currency: Option<Currency>,
    /// Units of the currency, both ends included.
    pub from: Option<Amount>,
    pub to: Option<Amount>,
    /// Which of [`words::AGES`].
    pub age: Option<usize>,
}

impl QueueFilter {
    /// Names and values in the address; what is not asked for is not there.
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let owner = match &self.owner {
            QueueOwner::Anybody => None,
            QueueOwner::Nobody => Some("nobody".to_owned()),
            QueueOwner::One(subject) => Some(subject.clone()),
        };
        let certainty = self.certainty.map(|wanted| wanted.map_or(words::NO_ATTEMPT, Outcome::as_str).to_owned());
        let view = (self.view != QueueView::All).then(|| self.view.as_str().to_owned());
        let all = [
            ("view", view),
            ("sort", self.by_risk.then(|| "risk".to_owned())),
            ("owner", owner),
            ("incident", self.incident.clone()),
            ("status", self.status.map(|status| status.to_string())),
            ("reason", self.reason.map(|reason| reason.to_string())),
            ("certainty", certainty),
            ("provider", self.provider.clone()),
            ("payee", self.payee.clone()),
            ("currency", self.currency.map(|currency| currency.to_string())),
            ("from", self.from.map(|from| from.to_string())),
            ("to", self.to.map(|to| to.to_string())),
            ("age", self.age.map(|age| age.to_string())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// With its question mark; nothing for the whole queue.
    pub(crate) fn query(&self, after: Option<&(String, String)>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs());
        if let Some((place, id)) = after {
            query.append_pair("after", place).append_pair("id", id);
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }

    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }
}
