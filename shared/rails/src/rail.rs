//! The rail as the functions see it: prepare, connect, pay, and ask.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use payonce_protocol::UnixMillis;
use payonce_protocol::event::Claimed;
use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::order::{Mode, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::RailPromises;
use rustls::RootCertStore;
use thiserror::Error;
use tokio::time::Instant;

use crate::answer::{Table, classify};
use crate::config::{RailConfig, RailKind, RailSecret};
use crate::connect::{ConnectFailure, Connection, Connector, Target};
use crate::payment::{Evidence, Gate, Payment};
use crate::stripe::{self, Misfit, Prepared, Question, RailPayout};
use crate::wire::{Exchange, exchange};

/// A payout's answer is about 1 KB; everything that the rail sends on the connection counts.
const ANSWER_BYTES_AT_MOST: u64 = 64 * 1024;
/// A page of 100 payouts with full metadata stays below this.
const PAGE_BYTES_AT_MOST: u64 = 8 * 1024 * 1024;
const PAGES_AT_MOST: usize = 100;

/// What is wrong with the rail's configuration or secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RailError {
    #[error("rail.url {0}")]
    Url(&'static str),
    #[error("{0} does not say whether it is live or test (sk_live_…, rk_test_…)")]
    Mode(&'static str),
    #[error("rail.lookup_secret is not of the same mode as rail.secret")]
    ModesDiffer,
    #[error("{0} does not fit a header")]
    Secret(&'static str),
}

/// Why a look-up says nothing. It never means "absent".
#[derive(Debug, Error)]
pub enum LookUpFailure {
    #[error(transparent)]
    Connect(#[from] ConnectFailure),
    #[error("the rail did not answer the look-up ({0})")]
    NoAnswer(&'static str),
    #[error("the rail refused the look-up with HTTP {0}")]
    Refused(u16),
    #[error("the rail's list is not as documented")]
    Unreadable,
    #[error("the rail's list is longer than is read here")]
    TooLong,
}

/// One rail with its secrets. Everything that can fail is built here, before any claim.
pub struct Rail {
    connector: Connector,
    host: String,
    mode: Mode,
    account: String,
    paying: HeaderValue,
    looking: HeaderValue,
    table: Table,
}

impl std::fmt::Debug for Rail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rail").field("host", &self.host).field("account", &self.account).finish_non_exhaustive()
    }
}

impl Rail {
    /// `lookup` is for look-ups, instead of the paying secret; `roots` instead of the public authorities.
    pub fn new(
        config: &RailConfig,
        secret: RailSecret,
        lookup: Option<RailSecret>,
        roots: Option<RootCertStore>,
    ) -> Result<Self, RailError> {
        let RailKind::Stripe = config.kind;
        let target = Target::parse(&config.url).map_err(RailError::Url)?;
        let host = target.authority();
        let mode = secret.mode().ok_or(RailError::Mode("rail.secret"))?;
        let paying = secret.authorization().ok_or(RailError::Secret("rail.secret"))?;
        let looking = match &lookup {
            None => paying.clone(),
            Some(lookup) if lookup.mode().ok_or(RailError::Mode("rail.lookup_secret"))? != mode => {
                return Err(RailError::ModesDiffer);
            }
            Some(lookup) => lookup.authorization().ok_or(RailError::Secret("rail.lookup_secret"))?,
        };
        let connector = Connector::new(target, roots).map_err(RailError::Url)?;
        Ok(Self { connector, host, mode, account: secret.fingerprint(), paying, looking, table: stripe::table() })
    }

    pub fn name(&self) -> &'static str {
        "stripe"
    }

    /// Tells one account's key from another's: a re-issue must not go to another.
    pub fn account(&self) -> String {
        self.account.clone()
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn promises(&self) -> RailPromises {
        stripe::PROMISES
    }

    /// The exact request of this order. The same order and generation give the same bytes, always.
    pub fn prepare(&self, order: &PayoutOrder, generation: KeyGeneration) -> Result<Prepared, Misfit> {
        Prepared::new(self.host.clone(), order, generation)
    }

    /// TCP and TLS to the rail, afresh. No byte of HTTP is written.
    pub async fn connect(&self, within: Duration) -> Result<Connection, ConnectFailure> {
        self.connector.connect(within).await
    }

    /// Pays once. When this returns, or is dropped, connection and socket are gone and nothing can be sent any more.
    pub async fn pay(&self, connection: Connection, prepared: &Prepared, claimed: Claimed, gate: Gate<'_>) -> Payment {
        if claimed.request() != prepared.digest() {
            return Payment::not_begun("wrong_request");
        }
        let Ok(request) = prepared.request(self.paying.clone()) else {
            return Payment::not_begun("unsendable_request");
        };
        let Exchange { answer, tally } = exchange(connection.stream, request, &gate, ANSWER_BYTES_AT_MOST).await;
        let mut evidence = Evidence {
            phase: if tally.offered == 0 { "not_offered" } else { "offered" },
            offered: tally.offered,
            first_byte_at: tally.first_byte_at,
            ..Evidence::default()
        };
        if tally.offered == 0 {
            evidence.failure = Some(answer.map_or_else(|failure| failure.as_str(), |_| "answered_unasked"));
            return Payment { verdict: Verdict::NOT_SENT, evidence };
        }
        match answer {
            Ok(answer) => {
                evidence.answered_at = Some((gate.now)());
                self.answered(prepared, &answer, evidence)
            }
            Err(failure) => {
                evidence.failure = Some(failure.as_str());
                Payment { verdict: Verdict::UNKNOWN, evidence }
            }
        }
    }

    fn answered(&self, prepared: &Prepared, answer: &Response<Bytes>, evidence: Evidence) -> Payment {
        let (verdict, facts) = classify(&self.table, &prepared.echo(), answer);
        let evidence = Evidence {
            phase: "answered",
            http_status: Some(answer.status().as_u16()),
            rail_id: facts.rail_id,
            rail_status: facts.rail_status,
            error_type: facts.error_type,
            error_code: facts.error_code,
            request_id: facts.request_id,
            replayed: verdict.outcome == Outcome::Accepted && verdict.replayed,
            failure: facts.doubt,
            ..evidence
        };
        Payment { verdict, evidence }
    }

    /// Every payout that carries this payout key, of whichever attempt.
    pub async fn find(&self, key: &PayoutKey, within: Duration) -> Result<Vec<RailPayout>, LookUpFailure> {
        let question = Question::by_reference(self.host.clone(), key);
        let (payouts, more) = self.ask(&question, within).await?;
        if more {
            return Err(LookUpFailure::TooLong);
        }
        // A rail that answers with other payouts did not search for ours.
        if payouts.iter().any(|payout| payout.reference.as_deref() != Some(key.as_str())) {
            return Err(LookUpFailure::Unreadable);
        }
        Ok(payouts)
    }

    /// Every payout that the rail made since, newest first.
    pub async fn list(&self, since: UnixMillis, within: Duration) -> Result<Vec<RailPayout>, LookUpFailure> {
        let deadline = Instant::now() + within;
        let mut payouts: Vec<RailPayout> = Vec::new();
        for _ in 0..PAGES_AT_MOST {
            let question = Question::since(self.host.clone(), since, payouts.last().map(|last| last.id.as_str()));
            let left = deadline.saturating_duration_since(Instant::now());
            let (page, more) = self.ask(&question, left).await?;
            if more && page.is_empty() {
                return Err(LookUpFailure::Unreadable);
            }
            payouts.extend(page);
            if !more {
                return Ok(payouts);
            }
        }
        Err(LookUpFailure::TooLong)
    }

    async fn ask(&self, question: &Question, within: Duration) -> Result<(Vec<RailPayout>, bool), LookUpFailure> {
        let deadline = Instant::now() + within;
        let connection = self.connect(within).await?;
        let request: Request<Full<Bytes>> =
            question.request(self.looking.clone()).map_err(|_| LookUpFailure::NoAnswer("unsendable_request"))?;
        let within = deadline.saturating_duration_since(Instant::now());
        // A question moves no money: its first byte is never too late.
        let gate = Gate { first_byte_before: UnixMillis::MAX, within, now: &|| 0 };
        let answer = exchange(connection.stream, request, &gate, PAGE_BYTES_AT_MOST).await.answer;
        let answer = answer.map_err(|failure| LookUpFailure::NoAnswer(failure.as_str()))?;
        if answer.status() != http::StatusCode::OK {
            return Err(LookUpFailure::Refused(answer.status().as_u16()));
        }
        stripe::page(answer.body()).ok_or(LookUpFailure::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(secret: &str, lookup: Option<&str>) -> Result<Rail, RailError> {
        let url = "https://api.stripe.com".to_owned();
        let config = RailConfig { kind: RailKind::Stripe, url, secret: "env:RAIL".into(), lookup_secret: None };
        Rail::new(&config, RailSecret::new(secret).unwrap(), lookup.map(|text| RailSecret::new(text).unwrap()), None)
    }

    #[test]
    fn test_and_live_are_never_mixed() {
        assert_eq!(new("sk_live_1", Some("rk_live_2")).unwrap().mode(), Mode::Live);
        assert_eq!(new("sk_test_1", None).unwrap().mode(), Mode::Test);
        assert_eq!(new("sk_live_1", Some("rk_test_2")).err(), Some(RailError::ModesDiffer));
        assert_eq!(new("whsec_1", None).err(), Some(RailError::Mode("rail.secret")));
        assert_eq!(new("sk_live_1", Some("x")).err(), Some(RailError::Mode("rail.lookup_secret")));
    }

    #[test]
    fn the_account_tells_keys_apart_and_shows_none() {
        let rail = new("sk_live_planted", None).unwrap();
        assert_ne!(rail.account(), new("sk_live_other", None).unwrap().account());
        assert!(!format!("{rail:?}{}", rail.account()).contains("planted"));
    }
}
