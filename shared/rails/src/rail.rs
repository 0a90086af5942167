//! The rail as the functions see it: prepare, connect, pay, and ask.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
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
use crate::books::{Books, NextBy, RailPayout, Read, Search};
use crate::config::{RailConfig, RailSecret};
use crate::connect::{ConnectFailure, Connection};
use crate::described::Api;
use crate::described::config::Scheme;
use crate::payment::{Evidence, Gate, Payment};
use crate::peer::{Peer, PeerFailure};
use crate::request::{Misfit, Prepared, SecretHeader};
use crate::stripe;
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
    #[error("{0} does not fit its header (HTTP Basic takes user:password)")]
    Secret(&'static str),
    #[error("{0} does not begin with rail.http.secret_prefix")]
    Prefix(&'static str),
    #[error("{key} {problem}")]
    Config { key: String, problem: String },
}

/// Why a look-up says nothing. It never means "absent".
#[derive(Debug, Error)]
pub enum LookUpFailure {
    #[error("the rail cannot be asked this")]
    NotOffered,
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

impl From<PeerFailure> for LookUpFailure {
    fn from(failure: PeerFailure) -> Self {
        match failure {
            PeerFailure::Connect(failure) => Self::Connect(failure),
            PeerFailure::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

/// One rail with its secrets. Everything that can fail is built here, before any claim.
pub struct Rail {
    kind: Kind,
    peer: Peer,
    mode: Mode,
    account: String,
    paying: SecretHeader,
    looking: SecretHeader,
    table: Table,
    books: Option<Books>,
    promises: RailPromises,
}

enum Kind {
    Stripe,
    Http(Box<Api>),
}

impl std::fmt::Debug for Rail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rail")
            .field("host", &self.peer.authority())
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The two secrets, by their places in the configuration.
type Secrets<'a> = [(&'static str, &'a RailSecret); 2];

impl Rail {
    /// `lookup` is for look-ups, instead of the paying secret; `roots` instead of the public authorities.
    pub fn new(
        config: &RailConfig,
        secret: RailSecret,
        lookup: Option<RailSecret>,
        roots: Option<RootCertStore>,
    ) -> Result<Self, RailError> {
        let api = config.read().map_err(|found| {
            let (key, problem) = found.into_iter().next().unwrap_or_default();
            RailError::Config { key, problem }
        })?;
        let peer = Peer::new(&config.url, roots).map_err(RailError::Url)?;
        let secrets = [("rail.secret", &secret), ("rail.lookup_secret", lookup.as_ref().unwrap_or(&secret))];
        match api {
            Some(api) => Self::described(api, peer, secrets),
            None => Self::stripe(peer, secrets),
        }
    }

    fn stripe(peer: Peer, secrets: Secrets<'_>) -> Result<Self, RailError> {
        let [(_, paying), _] = secrets;
        let [mode, looking] = secrets.map(|(place, secret)| secret.mode().ok_or(RailError::Mode(place)));
        let mode = mode?;
        if looking? != mode {
            return Err(RailError::ModesDiffer);
        }
        let account = paying.fingerprint();
        let [paying, looking] = headers(secrets, Scheme::Bearer, &http::header::AUTHORIZATION)?;
        let books = Some(stripe::books(peer.authority()));
        let (kind, table, promises) = (Kind::Stripe, stripe::table(), stripe::PROMISES);
        Ok(Self { kind, peer, mode, account, paying, looking, table, books, promises })
    }

    fn described(api: Api, peer: Peer, secrets: Secrets<'_>) -> Result<Self, RailError> {
        if let Some((place, _)) = secrets.iter().find(|(_, secret)| !secret.begins_with(&api.secret_prefix)) {
            return Err(RailError::Prefix(place));
        }
        let [paying, looking] = headers(secrets, api.scheme, &api.secret_header)?;
        let books = api.books.clone().map(|mut books| {
            books.headers.insert(0, ("host".to_owned(), peer.authority().to_owned()));
            books
        });
        Ok(Self {
            peer,
            mode: api.mode,
            account: api.account.clone(),
            paying,
            looking,
            table: api.table.clone(),
            books,
            promises: api.promises,
            kind: Kind::Http(Box::new(api)),
        })
    }

    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Stripe => "stripe",
            Kind::Http(_) => "http",
        }
    }

    /// Tells one account's key from another's: a re-issue must not go to another.
    pub fn account(&self) -> String {
        self.account.clone()
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn promises(&self) -> RailPromises {
        self.promises
    }

    /// What the rail's books carry of ours, for every attempt at this payout.
    pub fn reference(&self, key: &PayoutKey) -> String {
        match &self.kind {
            Kind::Stripe => key.to_string(),
            Kind::Http(api) => api.reference(key),
        }
    }

    /// The exact request of this order. The same order and generation give the same bytes, always.
    pub fn prepare(&self, order: &PayoutOrder, generation: KeyGeneration) -> Result<Prepared, Misfit> {
        match &self.kind {
            Kind::Stripe => stripe::prepare(self.peer.authority(), order, generation),
            Kind::Http(api) => api.prepare(self.peer.authority(), order, generation),
        }
    }

    /// TCP and TLS to the rail, afresh. No byte of HTTP is written.
    pub async fn connect(&self, within: Duration) -> Result<Connection, ConnectFailure> {
        self.peer.connect(within).await
    }

    /// Pays once. When this returns, or is dropped, connection and socket are gone and nothing can be sent any more.
    pub async fn pay(&self, connection: Connection, prepared: &Prepared, claimed: Claimed, gate: Gate<'_>) -> Payment {
        if claimed.request() != prepared.digest() {
            return Payment::not_begun("wrong_request");
        }
        let Ok(request) = prepared.request(&self.paying) else {
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
        let (verdict, facts) = classify(&self.table, &prepared.echo, answer);
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
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let search = books.find.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let reference = self.reference(key);
        let Read { payouts, more, .. } = self.ask(books, search, &reference, 0, None, within).await?;
        if more {
            return Err(LookUpFailure::TooLong);
        }
        // A rail that answers with other payouts did not search for ours.
        if payouts.iter().any(|payout| payout.reference.as_ref() != Some(&reference)) {
            return Err(LookUpFailure::Unreadable);
        }
        Ok(payouts)
    }

    /// The payout of the rail's own id. `None`: the rail has none, or that cannot be one of its ids. Nothing is decided by
    /// this; it is for a person who holds a bank statement.
    pub async fn payout(&self, id: &str, within: Duration) -> Result<Option<RailPayout>, LookUpFailure> {
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let Some(request) = books.one(id, &self.looking) else { return Ok(None) };
        let answer = self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await?;
        match answer.status() {
            http::StatusCode::NOT_FOUND => Ok(None),
            http::StatusCode::OK => {
                let payout = books.page.one(&answer).filter(|payout| payout.id == id);
                payout.map(Some).ok_or(LookUpFailure::Unreadable)
            }
            other => Err(LookUpFailure::Refused(other.as_u16())),
        }
    }

    /// Every payout that the rail made since, in the rail's order.
    pub async fn list(&self, since: UnixMillis, within: Duration) -> Result<Vec<RailPayout>, LookUpFailure> {
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let search = books.list.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let deadline = Instant::now() + within;
        let (mut payouts, mut ids, mut read) = (Vec::new(), BTreeSet::new(), 0);
        let mut next: Option<(&str, String)> = None;
        for _ in 0..PAGES_AT_MOST {
            let left = deadline.saturating_duration_since(Instant::now());
            let next_page = next.as_ref().map(|(name, value)| (*name, value.as_str()));
            let page = self.ask(books, search, "", since, next_page, left).await?;
            let last_id = page.payouts.last().map(|last| last.id.clone());
            read += page.payouts.len();
            let known = ids.len();
            // A payout made meanwhile moves the others on by one, so that one may come twice.
            payouts.extend(page.payouts.into_iter().filter(|payout| ids.insert(payout.id.clone())));
            if !page.more {
                return Ok(payouts);
            }
            if ids.len() == known {
                return Err(LookUpFailure::Unreadable);
            }
            let field = books.page.next.as_ref().ok_or(LookUpFailure::TooLong)?;
            let value = match field.by {
                NextBy::Offset => Some(read.to_string()),
                NextBy::LastId => last_id,
                NextBy::Header => page.header,
            };
            next = Some((&field.query, value.ok_or(LookUpFailure::Unreadable)?));
        }
        Err(LookUpFailure::TooLong)
    }

    async fn ask(
        &self,
        books: &Books,
        search: &Search,
        reference: &str,
        since: UnixMillis,
        next: Option<(&str, &str)>,
        within: Duration,
    ) -> Result<Read, LookUpFailure> {
        let request = search
            .request(&books.headers, reference, since, next, &self.looking)
            .ok_or(LookUpFailure::NoAnswer("unsendable_request"))?;
        let answer = self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await?;
        if answer.status() != http::StatusCode::OK {
            return Err(LookUpFailure::Refused(answer.status().as_u16()));
        }
        books.page.read(&answer).ok_or(LookUpFailure::Unreadable)
    }
}

fn headers(secrets: Secrets<'_>, scheme: Scheme, name: &http::HeaderName) -> Result<[SecretHeader; 2], RailError> {
    let [paying, looking] =
        secrets.map(|(place, secret)| secret.header(scheme, name.clone()).ok_or(RailError::Secret(place)));
    Ok([paying?, looking?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RailKind;

    fn new(secret: &str, lookup: Option<&str>) -> Result<Rail, RailError> {
        let url = "https://api.stripe.com".to_owned();
        let secret_place = "env:RAIL".into();
        let config = RailConfig { kind: RailKind::Stripe, url, secret: secret_place, lookup_secret: None, http: None };
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
