//! One payout that two people decided: a further attempt at a payout that did not plainly succeed, or a second rightful
//! payout under a key of its own. Or that there is to be none: then its place is taken for ever.
//!
//! payer alone of what people use holds the secret that pays, and it trusts nobody: not the console, which says no more than
//! which case, nor the case, which the console may write. What is to be paid comes from the audit table and the kept body;
//! who decided it comes from two ID tokens, each obtained afresh with a nonce that hashes every term (two-people).
//!
//! * [`App`] answers one request: `decide` finds out what may be paid, `tokens` who approved just that, `pay` pays once.
//! * `filed` is what a case says of its order, which the signed bytes must say, too.
//! * `limit` is a payout that a limit of ours alone refused.
//! * `close` ends a case without a payout, so that none can follow.
//! * `batch` is one line of a list: what holds for a case holds for it, and the line before it was paid.
//!
//! What the console can ask for, and the answers, are [`payonce_identity::payer`]'s.

mod batch;
mod close;
mod decide;
mod filed;
mod pay;
mod refusal;
mod start;
mod tokens;
mod webhooks_own;

use std::collections::BTreeMap;
use std::sync::Arc;

use payonce_identity::Issuer;
pub use payonce_identity::payer::{Answer, Checker, CloseCase, OneCase, OneLine, Request};
use payonce_ledger::{Ledger, powers};
use payonce_lists::Source;
use payonce_protocol::UnixMillis;
use payonce_protocol::outcome::Outcome;
use payonce_providers::Provider;
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Limits;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry;
use tracing::field::Empty;
use tracing::{Instrument, Span, warn_span};

pub use refusal::PayerRefusal;

pub struct Parts {
    pub providers: BTreeMap<String, Provider>,
    /// Where the state of a provider's payments is asked for.
    pub sources: BTreeMap<String, Source>,
    pub rail: Arc<Rail>,
    pub ledger: Arc<Ledger<powers::Payer>>,
    pub issuer: Issuer,
    pub clock: Clock,
    pub limits: Limits,
    pub metrics: Metrics,
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
        let span = warn_span!("approval", case = request.about(), payout_key = Empty, outcome = Empty, plain = Empty);
        // On the heap: the compiler computes so many futures within each other and no more.
        Box::pin(self.answered(request, request_id, deadline)).instrument(span).await
    }

    async fn answered(&self, request: &Request, request_id: &str, deadline: UnixMillis) -> Answer {
        match self.try_answer(request, request_id, deadline).await {
            Ok(answer) => {
                let span = Span::current();
                match &answer {
                    Answer::Attempted { outcome, .. } => {
                        span.record("outcome", outcome.as_str());
                        if *outcome == Outcome::Accepted {
                            telemetry::plain(&span);
                        }
                    }
                    Answer::Closed { .. } => telemetry::plain(&span),
                    Answer::Refused { .. } => {}
                }
                answer
            }
            Err(refusal) => {
                tracing::warn!(about = request.about(), why = refusal.word(), "not paid");
                Answer::Refused { why: refusal.word().to_owned(), text: refusal.to_string() }
            }
        }
    }

    async fn try_answer(
        &self,
        request: &Request,
        request_id: &str,
        deadline: UnixMillis,
    ) -> Result<Answer, PayerRefusal> {
        match request {
            Request::Case(OneCase { case, checker }) => {
                let case = self.awaited(case).await?;
                let decided = self.decide(&case).instrument(warn_span!("decide")).await?;
                let people = self.people(&case, &decided, checker).instrument(warn_span!("people")).await?;
                self.pay(case, decided, people, request_id, deadline).await
            }
            Request::Close(request) => self.close(request).await,
            Request::Line(OneLine { batch, line }) => self.pay_line(batch, *line, request_id, deadline).await,
        }
    }
}
