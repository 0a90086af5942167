//! What goes into a payment beside the order, and what comes out of it.

use std::time::Duration;

use payonce_protocol::UnixMillis;
use payonce_protocol::outcome::{Outcome, Verdict};

/// The time that a payout has.
pub struct Gate<'a> {
    /// The first request byte is refused from this moment on, by `now`: the claim may have been given up since.
    pub first_byte_before: UnixMillis,
    /// For request and answer together.
    pub within: Duration,
    pub now: &'a (dyn Fn() -> UnixMillis + Send + Sync),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub verdict: Verdict,
    pub evidence: Evidence,
}

/// What is known about a payment: allow-listed facts, never a message or a body (M8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// How far it went: `not_offered`, `offered`, `answered`.
    pub phase: &'static str,
    /// Request bytes offered to the connection.
    pub offered: u64,
    pub first_byte_at: Option<UnixMillis>,
    pub answered_at: Option<UnixMillis>,
    pub http_status: Option<u16>,
    pub rail_id: Option<String>,
    pub rail_status: Option<String>,
    pub error_type: Option<String>,
    pub error_code: Option<String>,
    pub request_id: Option<String>,
    pub replayed: bool,
    /// Why the verdict is `NotSent` or `Unknown`.
    pub failure: Option<&'static str>,
}

impl Evidence {
    /// Name and value of every fact that is there, for the record.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        [
            ("phase", Some(self.phase.to_owned())),
            ("offered", Some(self.offered.to_string())),
            ("first_byte_at", number(self.first_byte_at)),
            ("answered_at", number(self.answered_at)),
            ("http_status", number(self.http_status.map(u64::from))),
            ("rail_payout", self.rail_id.clone()),
            ("rail_status", self.rail_status.clone()),
            ("error_type", self.error_type.clone()),
            ("error_code", self.error_code.clone()),
            ("rail_request", self.request_id.clone()),
            ("replayed", self.replayed.then(|| "true".to_owned())),
            ("failure", self.failure.map(str::to_owned)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

impl Evidence {
    /// What many payouts that ended so have in common: the rail's code, else what became of the exchange.
    pub fn cause(&self) -> &str {
        let said = self.error_code.as_deref().or(self.failure).or(self.error_type.as_deref());
        said.unwrap_or(self.phase)
    }
}

impl Payment {
    /// Nothing was tried.
    pub(crate) fn not_begun(failure: &'static str) -> Self {
        let evidence = Evidence { phase: "not_offered", failure: Some(failure), ..Evidence::default() };
        Self { verdict: Verdict::plain(Outcome::NotSent), evidence }
    }
}
