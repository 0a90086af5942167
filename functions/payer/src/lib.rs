//! One payout that two people decided: a further attempt at a payout that did not plainly succeed, or a second rightful
//! payout under a key of its own. Or that there is to be none: then its place is taken for ever.
//!
//! payer alone of what people use holds the secret that pays, and it trusts nobody: not the console, which says no more than
//! which case, nor the case, which the console may write. What is to be paid comes from the audit table and the kept body;
//! who decided it comes from two ID tokens, each obtained afresh with a nonce that hashes every term (H1).
//!
//! * [`App`] answers one request: `decide` finds out what may be paid, `tokens` who approved just that, `pay` pays once.
//! * `limit` is a payout that a limit of ours alone refused.
//! * `close` ends a case without a payout, so that none can follow.
//! * `batch` is one line of a list: what holds for a case holds for it, and the line before it was paid.

mod batch;
mod close;
mod decide;
mod limit;
mod pay;
mod refusal;
mod start;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use payonce_identity::Issuer;
use payonce_ledger::Ledger;
use payonce_protocol::UnixMillis;
use payonce_providers::Provider;
use payonce_rails::{Rail, Source};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Limits;
use serde::{Deserialize, Serialize};

pub use refusal::Refusal;

pub struct Parts {
    pub providers: BTreeMap<String, Provider>,
    /// Where the state of a provider's payments is asked for.
    pub sources: BTreeMap<String, Source>,
    pub rail: Arc<Rail>,
    pub ledger: Arc<Ledger>,
    pub issuer: Issuer,
    pub clock: Clock,
    pub limits: Limits,
}

/// What the console asks for. Everything else payer reads for itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Request {
    Case(OneCase),
    Line(OneLine),
    Close(CloseCase),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCase {
    pub case: String,
    /// The ID token of the person who approves, obtained for this.
    pub checker: String,
}

/// One line of a batch, whose list two people approved. The lines before it must have been paid.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneLine {
    pub batch: String,
    /// From 0.
    pub line: usize,
}

/// An ending that pays nothing, of a case whose event has no attempt of its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    pub close: String,
    /// Whoever approves. No money moves, so the console's word is enough for who that is.
    pub checker: Checker,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checker {
    pub subject: String,
    pub name: String,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The attempt was made, and ended so. Not `accepted`: it has a case of its own.
    Attempted { payout_key: String, attempt: u16, outcome: String },
    /// The case is resolved, and its event cannot be paid any more.
    Closed { case: String },
    /// Nothing was claimed and nothing paid.
    Refused { why: String, text: String },
}

pub struct App {
    parts: Parts,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Never an error: an error would say nothing about whether money moved. `deadline` is the platform's.
    pub async fn answer(&self, request: &Request, request_id: &str, deadline: UnixMillis) -> Answer {
        match self.try_answer(request, request_id, deadline).await {
            Ok(answer) => answer,
            Err(refusal) => {
                tracing::warn!(about = request.about(), why = refusal.word(), "not paid");
                Answer::Refused { why: refusal.word().to_owned(), text: refusal.to_string() }
            }
        }
    }

    async fn try_answer(&self, request: &Request, request_id: &str, deadline: UnixMillis) -> Result<Answer, Refusal> {
        match request {
            Request::Case(OneCase { case, checker }) => {
                let case = self.awaited(case).await?;
                let decided = self.decide(&case).await?;
                let people = self.people(&case, &decided, checker).await?;
                self.pay(case, decided, people, request_id, deadline).await
            }
            Request::Close(request) => self.close(request).await,
            Request::Line(OneLine { batch, line }) => self.pay_line(batch, *line, request_id, deadline).await,
        }
    }
}

impl Request {
    fn about(&self) -> &str {
        match self {
            Self::Case(OneCase { case, .. }) => case,
            Self::Line(OneLine { batch, .. }) => batch,
            Self::Close(CloseCase { close, .. }) => close,
        }
    }
}
