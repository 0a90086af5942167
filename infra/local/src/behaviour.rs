//! How the sandbox rail treats a payout: the payee's account id asks for it, so that a delivery's own file decides.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox_rail::Transfer;

/// What the rail does with a payout, chosen by the payee's account id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Pays,
    /// Refuses in its own error format, before executing.
    Refuses,
    /// Reads the request and never answers; executes nothing.
    Hangs,
    ExecutesThenHangs,
    /// Answers 500 and executes nothing; nobody but the ledger can know.
    Answers500,
    ExecutesThen500,
    /// Closes the connection without an answer, having executed nothing.
    Dies,
    ExecutesThenDies,
    /// Too many requests: refused before the request was begun.
    Limits,
    /// A page that some proxy in between made up.
    Html,
}

impl Behaviour {
    pub const SANDBOX: &'static [(&'static str, Self)] = &[
        ("acct_sandboxRefuses", Self::Refuses),
        ("acct_sandboxHangs", Self::Hangs),
        ("acct_sandboxExecutesThenHangs", Self::ExecutesThenHangs),
        ("acct_sandboxAnswers500", Self::Answers500),
        ("acct_sandboxExecutesThen500", Self::ExecutesThen500),
        ("acct_sandboxDies", Self::Dies),
        ("acct_sandboxExecutesThenDies", Self::ExecutesThenDies),
        ("acct_sandboxLimits", Self::Limits),
        ("acct_sandboxHtml", Self::Html),
    ];

    /// In the words of the table that the play ends with.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Pays => "pays",
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
            Self::ExecutesThenHangs => "pays, then hangs",
            Self::Answers500 => "answers 500, pays nothing",
            Self::ExecutesThen500 => "pays, then answers 500",
            Self::Dies => "hangs up, pays nothing",
            Self::ExecutesThenDies => "pays, then hangs up",
            Self::Limits => "limits its rate",
            Self::Html => "hides behind a proxy's page",
        }
    }

    pub fn of(destination: &str) -> Self {
        Self::SANDBOX.iter().find(|(name, _)| *name == destination).map_or(Self::Pays, |(_, behaviour)| *behaviour)
    }

    /// The same at a rail whose payees are named otherwise: `fa_sandboxHangs`.
    pub fn by_end_of(destination: &str) -> Self {
        let ends = |name: &str| name.strip_prefix("acct_").is_some_and(|end| destination.ends_with(end));
        Self::SANDBOX.iter().find(|(name, _)| ends(name)).map_or(Self::Pays, |(_, behaviour)| *behaviour)
    }

    pub(crate) fn executes(self) -> bool {
        matches!(self, Self::Pays | Self::ExecutesThenHangs | Self::ExecutesThen500 | Self::ExecutesThenDies)
    }

    /// The answer, where it lives to give one.
    pub(crate) fn says(self, transfer: &Transfer) -> (StatusCode, Value) {
        let error = |kind: &str, code: Option<&str>| json!({ "error": { "type": kind, "code": code } });
        match self {
            Self::Refuses => {
                let mut refusal = error("invalid_request_error", Some("balance_insufficient"));
                refusal["error"]["message"] = "You have insufficient funds in your Stripe account.".into();
                (StatusCode::BAD_REQUEST, refusal)
            }
            Self::Answers500 | Self::ExecutesThen500 => (StatusCode::INTERNAL_SERVER_ERROR, error("api_error", None)),
            Self::Limits => (StatusCode::TOO_MANY_REQUESTS, error("invalid_request_error", Some("rate_limit"))),
            _ => (StatusCode::OK, transfer.json()),
        }
    }
}
