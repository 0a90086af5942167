//! What comes out of a payment.

use payonce_protocol::UnixMillis;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::outcome::{Outcome, Verdict};

use crate::sentence::Sentence;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub verdict: Verdict,
    pub evidence: Evidence,
}

/// What is known about a payment: allow-listed facts, never a body.
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
    /// What the rail says to people: for [`Evidence::record`] alone.
    pub message: Option<Sentence>,
    pub request_id: Option<String>,
    pub replayed: bool,
    /// Why the verdict is `NotSent` or `Unknown`.
    pub failure: Option<&'static str>,
}

impl Evidence {
    /// For the record of the outcome: every fact, and the rail's own sentence.
    pub fn record(&self) -> Facts {
        let says = self.message.as_ref().map(|message| (FactName::RailSays, message.as_str().to_owned()));
        self.facts().into_iter().chain(says).collect()
    }

    /// Name and value of every fact that may stand in a log line.
    pub fn facts(&self) -> Vec<(FactName, String)> {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        [
            (FactName::Phase, Some(self.phase.to_owned())),
            (FactName::Offered, Some(self.offered.to_string())),
            (FactName::FirstByteAt, number(self.first_byte_at)),
            (FactName::AnsweredAt, number(self.answered_at)),
            (FactName::HttpStatus, number(self.http_status.map(u64::from))),
            (FactName::RailPayout, self.rail_id.clone()),
            (FactName::RailStatus, self.rail_status.clone()),
            (FactName::ErrorType, self.error_type.clone()),
            (FactName::ErrorCode, self.error_code.clone()),
            (FactName::RailRequest, self.request_id.clone()),
            (FactName::Replayed, self.replayed.then(|| "true".to_owned())),
            (FactName::Failure, self.failure.map(str::to_owned)),
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
