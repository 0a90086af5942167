//! The rail as the functions see it: prepare, connect, pay, and ask.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::event::Claimed;
use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::order::{Destination, Mode, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::RailPromises;
use payonce_wire::{ApiSecret, ConnectFailure, Connection, Exchange, Gate, Peer, PeerFailure, SecretHeader};
use rustls::RootCertStore;
use thiserror::Error;
use tokio::time::Instant;

use crate::answer::{Table, classify};
use crate::book::{Pages, RailBook};
use crate::books::{Asked, Books, RailPayout, Read, Search};
use crate::config::RailConfig;
use crate::described::Api;
use crate::keys::{self, AccountCheck, Keys, Purpose, Refreshed, Reread};
use crate::payment::{Evidence, Payment};
use crate::request::{Misfit, Prepared};
use crate::stripe;

/// A payout's answer is about 1 KB; everything that the rail sends on the connection counts.
const ANSWER_BYTES_AT_MOST: u64 = 64 * 1024;
/// A page of 100 payouts with full metadata stays below this.
const PAGE_BYTES_AT_MOST: u64 = 8 * 1024 * 1024;
const PAGES_AT_MOST: usize = 100;
/// Whoever waits for it has a payout to make.
const REFRESH_WITHIN: Duration = Duration::from_secs(2);

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

/// A payout that is looked for: what is ours in it, and when it can have been made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub key: PayoutKey,
    pub destination: Destination,
    pub from: UnixMillis,
    pub until: UnixMillis,
}

/// The rail's clock and ours may differ by much less than this.
const FIND_BEFORE_MS: u64 = 3_600_000;
/// Added to the time that the rail itself may still need: a window too wide costs pages, one too narrow hides money.
const FIND_AFTER_MS: u64 = 24 * 3_600_000;

/// The way to the rail, for the one request of a payout: only [`Rail::pay`], which wants a claim, can write on it.
#[derive(Debug)]
pub struct RailConnection(Connection);

/// One rail with its secrets. Everything that can fail is built here, before any claim.
pub struct Rail {
    kind: Kind,
    peer: Peer,
    mode: Mode,
    account: String,
    keys: RwLock<Arc<Keys>>,
    /// A secret was answered 401, or found to be another account's, and not replaced since.
    doubted: AtomicBool,
    source: Option<keys::Source>,
    table: Table,
    books: Option<Books>,
    promises: RailPromises,
    payouts_a_second: Option<u32>,
}

pub(crate) enum Kind {
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

impl Rail {
    /// `lookup` is for look-ups, instead of the paying secret; `roots` instead of the public authorities.
    pub fn new(
        config: &RailConfig,
        secret: ApiSecret,
        lookup: Option<ApiSecret>,
        roots: Option<RootCertStore>,
    ) -> Result<Self, ConfigError> {
        let api = config.read().map_err(ConfigError::first)?;
        let peer = Peer::new(&config.url, roots).map_err(|problem| ConfigError::new("rail.url", problem))?;
        let (kind, account, table, books, promises) = match api {
            Some(api) => {
                let books = api.books.clone().map(|mut books| {
                    books.headers.insert(0, ("host".to_owned(), peer.authority().to_owned()));
                    books
                });
                let (account, table, promises) = (api.account.clone(), api.table.clone(), api.promises);
                (Kind::Http(Box::new(api)), account, table, books, promises)
            }
            None => {
                let account = config.account.clone().unwrap_or_default();
                (Kind::Stripe, account, stripe::table(), Some(stripe::books(peer.authority())), stripe::PROMISES)
            }
        };
        let (keys, mode) = Keys::new(&kind, &(secret, lookup))?;
        let keys = RwLock::new(Arc::new(keys));
        let (doubted, source, payouts_a_second) = (AtomicBool::new(false), None, config.payouts_a_second());
        Ok(Self { kind, peer, mode, account, keys, doubted, source, table, books, promises, payouts_a_second })
    }

    /// How many requests it takes each second, where that is known.
    pub fn payouts_a_second(&self) -> Option<u32> {
        self.payouts_a_second
    }

    /// With a place where the secrets are read again after a 401.
    pub fn rereading(self, reread: Reread) -> Self {
        Self { source: Some(keys::Source { reread, last: tokio::sync::Mutex::default() }), ..self }
    }

    /// Host and port of the rail; no port where it is the scheme's own.
    pub fn server(&self) -> (&str, Option<u16>) {
        let authority = self.peer.authority();
        match authority.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, Some(port)),
            _ => (authority, None),
        }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be called before the rail is used next. It does nothing until a secret was answered 401; then the secrets are read
    /// again, once a minute at the most. A secret of the other mode, or surely of another account, is not taken.
    pub async fn refresh(&self, now: UnixMillis) -> Refreshed {
        let Some(source) = self.source.as_ref().filter(|_| self.doubted.load(Ordering::Relaxed)) else {
            return Refreshed::Untouched;
        };
        let mut last = source.last.lock().await;
        let is_recent = last.is_some_and(|last| now.abs_diff(last) < keys::REREAD_EVERY_MS);
        if is_recent || !self.doubted.load(Ordering::Relaxed) {
            return Refreshed::Untouched;
        }
        *last = Some(now);
        let Some(secrets) = (source.reread)().await else { return Refreshed::Same };
        let keys = match Keys::new(&self.kind, &secrets) {
            Ok((_, mode)) if mode != self.mode => return Refreshed::Refused("it is of the other mode".to_owned()),
            Ok((keys, _)) if keys.is_same(&self.keys()) => return Refreshed::Same,
            Ok((keys, _)) => keys,
            Err(error) => return Refreshed::Refused(error.to_string()),
        };
        for purpose in [Purpose::Pay, Purpose::LookUp] {
            if let AccountCheck::Other(account) = self.ask_account(&keys, purpose, REFRESH_WITHIN).await {
                return Refreshed::Refused(format!("it is of account {account}, and {} is configured", self.account));
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.doubted.store(false, Ordering::Relaxed);
        Refreshed::Changed
    }

    /// Whose secret this is, asked of the rail once an hour for each secret.
    pub async fn check_account(&self, purpose: Purpose, within: Duration) -> AccountCheck {
        let keys = self.keys();
        match keys.known(purpose) {
            Some(known) => known,
            None => self.ask_account(&keys, purpose, within).await,
        }
    }

    async fn ask_account(&self, keys: &Keys, purpose: Purpose, within: Duration) -> AccountCheck {
        let unchecked = |why: &str| AccountCheck::Unchecked(why.to_owned());
        let Some((books, account)) = self.books.as_ref().and_then(|books| Some((books, books.account.as_ref()?)))
        else {
            return unchecked("this rail cannot be asked for the account");
        };
        let Some(request) = books.get(account.path.clone(), keys.of(purpose)) else {
            return unchecked("the question cannot be sent");
        };
        let answer = match self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await {
            Ok(answer) => answer,
            Err(failure) => return unchecked(&failure.to_string()),
        };
        let check = match (answer.status().as_u16(), account.read(&answer)) {
            (200, Some(named)) if named == self.account => AccountCheck::Same,
            (200, Some(named)) => AccountCheck::Other(named),
            (200, None) => return unchecked("the rail's answer is not as documented"),
            (status, _) => unchecked(&format!("the rail answered HTTP {status}")),
        };
        self.doubt_if_refused(answer.status());
        if matches!(check, AccountCheck::Other(_)) {
            self.doubted.store(true, Ordering::Relaxed);
        }
        // A 5xx or 429 says nothing of the secret: it is asked again.
        if answer.status().as_u16() < 429 {
            keys.note(purpose, &check);
        }
        check
    }

    pub(crate) fn secret_header(&self) -> String {
        self.keys().paying.name.to_string()
    }

    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Stripe => "stripe",
            Kind::Http(_) => "http",
        }
    }

    /// The configured account, which every claim names: a re-issue must not go to another.
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
    pub async fn connect(&self, within: Duration) -> Result<RailConnection, ConnectFailure> {
        self.peer.connect(within).await.map(RailConnection)
    }

    /// Pays once. When this returns, or is dropped, connection and socket are gone and nothing can be sent any more.
    pub async fn pay(
        &self,
        connection: RailConnection,
        prepared: &Prepared,
        claimed: Claimed,
        gate: Gate<'_>,
    ) -> Payment {
        if claimed.request() != prepared.digest() {
            return Payment::not_begun("wrong_request");
        }
        let keys = self.keys();
        let Ok(request) = prepared.request(&keys.paying) else {
            return Payment::not_begun("unsendable_request");
        };
        let Exchange { answer, tally } = connection.0.exchange(request, &gate, ANSWER_BYTES_AT_MOST).await;
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
                self.answered(prepared, &keys.paying, &answer, evidence)
            }
            Err(failure) => {
                evidence.failure = Some(failure.as_str());
                Payment { verdict: Verdict::UNKNOWN, evidence }
            }
        }
    }

    /// `sent`: with which secret the request was made.
    fn answered(
        &self,
        prepared: &Prepared,
        sent: &SecretHeader,
        answer: &Response<Bytes>,
        evidence: Evidence,
    ) -> Payment {
        self.doubt_if_refused(answer.status());
        let (verdict, said) = classify(&self.table, &prepared.echo, &sent.forms, answer);
        let evidence = Evidence {
            phase: "answered",
            offered: evidence.offered,
            first_byte_at: evidence.first_byte_at,
            answered_at: evidence.answered_at,
            http_status: Some(answer.status().as_u16()),
            replayed: verdict.outcome == Outcome::Accepted && verdict.replayed,
            ..said
        };
        Payment { verdict, evidence }
    }

    /// What this answer to this request means, as [`Rail::pay`] reads it. For `tests/fuzz`: nothing is sent.
    #[doc(hidden)]
    pub fn read_answer(&self, prepared: &Prepared, answer: &Response<Bytes>) -> Payment {
        self.answered(prepared, &self.keys().paying, answer, Evidence::default())
    }

    /// A page of the rail's books, as [`Rail::find`] reads it. For `tests/fuzz`: nothing is asked.
    #[doc(hidden)]
    pub fn read_page(&self, answer: &Response<Bytes>) -> Option<Vec<RailPayout>> {
        Some(self.books.as_ref()?.page.read(answer)?.payouts)
    }

    fn doubt_if_refused(&self, status: StatusCode) {
        if status == StatusCode::UNAUTHORIZED {
            self.doubted.store(true, Ordering::Relaxed);
        }
    }

    /// Where a payout of this key is looked for: from its first claim to the end of its last, with ample margins.
    pub fn wanted(&self, key: &PayoutKey, destination: &Destination, claimed: Range<UnixMillis>) -> Wanted {
        Wanted {
            key: key.clone(),
            destination: destination.clone(),
            from: claimed.start.saturating_sub(FIND_BEFORE_MS),
            until: claimed.end.saturating_add(self.promises.settle_ms).saturating_add(FIND_AFTER_MS),
        }
    }

    /// One payout can be looked for by itself.
    pub fn finds(&self) -> bool {
        self.books.as_ref().is_some_and(|books| books.find.is_some())
    }

    /// Every payout that carries this payout key, of whichever attempt.
    pub async fn find(&self, wanted: &Wanted, within: Duration) -> Result<Vec<RailPayout>, LookUpFailure> {
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let search = books.find.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let (reference, destination) = (self.reference(&wanted.key), wanted.destination.as_str());
        let asked = Asked { reference: &reference, destination, from: wanted.from, until: wanted.until };
        let payouts = self.pages(books, search, asked, within).await?;
        let is_ours = |payout: &RailPayout| payout.reference.as_ref() == Some(&reference);
        // A rail that answers with what was not asked for did not search as it was told to.
        let strays = |payout: &RailPayout| match search.is_by_reference() {
            true => !is_ours(payout),
            false => payout.destination.as_deref() != Some(destination),
        };
        if payouts.iter().any(strays) {
            return Err(LookUpFailure::Unreadable);
        }
        Ok(payouts.into_iter().filter(is_ours).collect())
    }

    /// The payout of the rail's own id. `None`: the rail has none, or that cannot be one of its ids. Nothing is decided by
    /// this; it is for a person who holds a bank statement.
    pub async fn payout(&self, id: &str, within: Duration) -> Result<Option<RailPayout>, LookUpFailure> {
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let Some(request) = books.one(id, &self.keys().looking) else { return Ok(None) };
        let answer = self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await?;
        self.doubt_if_refused(answer.status());
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let payout = books.page.one(&answer).filter(|payout| payout.id == id);
                payout.map(Some).ok_or(LookUpFailure::Unreadable)
            }
            other => Err(LookUpFailure::Refused(other.as_u16())),
        }
    }

    /// What the rail says that it paid in a window of time, the end excluded, to be read a page at a time.
    pub fn book(&self, window: Range<UnixMillis>) -> Result<RailBook<'_>, LookUpFailure> {
        let books = self.books.as_ref().ok_or(LookUpFailure::NotOffered)?;
        let search = books.list.as_ref().ok_or(LookUpFailure::NotOffered)?;
        Ok(RailBook { rail: self, books, search, window, pages: Pages::default() })
    }

    async fn pages(
        &self,
        books: &Books,
        search: &Search,
        asked: Asked<'_>,
        within: Duration,
    ) -> Result<Vec<RailPayout>, LookUpFailure> {
        let deadline = Instant::now() + within;
        let (mut payouts, mut pages) = (Vec::new(), Pages::default());
        for _ in 0..PAGES_AT_MOST {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.next_page(books, search, asked, &mut pages, left).await? {
                Some(page) => payouts.extend(page),
                None => return Ok(payouts),
            }
        }
        Err(LookUpFailure::TooLong)
    }

    /// `None` after the last page.
    pub(crate) async fn next_page(
        &self,
        books: &Books,
        search: &Search,
        asked: Asked<'_>,
        pages: &mut Pages,
        within: Duration,
    ) -> Result<Option<Vec<RailPayout>>, LookUpFailure> {
        if pages.is_over {
            return Ok(None);
        }
        let field = search.next.as_ref().map(|next| next.query.as_str());
        let next = field.zip(pages.next.as_deref());
        let page = self.ask(books, search, asked, next, within).await?;
        pages.turn(search, page).map(Some)
    }

    async fn ask(
        &self,
        books: &Books,
        search: &Search,
        asked: Asked<'_>,
        next: Option<(&str, &str)>,
        within: Duration,
    ) -> Result<Read, LookUpFailure> {
        let request = search
            .request(&books.headers, asked, next, &self.keys().looking)
            .ok_or(LookUpFailure::NoAnswer("unsendable_request"))?;
        let answer = self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await?;
        self.doubt_if_refused(answer.status());
        if answer.status() != StatusCode::OK {
            return Err(LookUpFailure::Refused(answer.status().as_u16()));
        }
        books.page.read(&answer).ok_or(LookUpFailure::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RailKind;

    fn new(secret: &str, lookup: Option<&str>) -> Result<Rail, ConfigError> {
        let url = "https://api.stripe.com".to_owned();
        let secret_place = "env:RAIL".into();
        let config = RailConfig {
            kind: RailKind::Stripe,
            url,
            secret: secret_place,
            account: Some("acct_1".into()),
            lookup_secret: None,
            payouts_a_second: None,
            http: None,
        };
        Rail::new(&config, ApiSecret::new(secret).unwrap(), lookup.map(|text| ApiSecret::new(text).unwrap()), None)
    }

    #[test]
    fn test_and_live_are_never_mixed() {
        assert_eq!(new("sk_live_1", Some("rk_live_2")).unwrap().mode(), Mode::Live);
        assert_eq!(new("sk_test_1", None).unwrap().mode(), Mode::Test);
        let refused = |secret, lookup| new(secret, lookup).unwrap_err().to_string();
        assert_eq!(
            refused("sk_live_1", Some("rk_test_2")),
            "rail.lookup_secret: is not of the same mode as rail.secret"
        );
        let says_none = "does not say whether it is live or test (sk_live_…, rk_test_…)";
        assert_eq!(refused("whsec_1", None), format!("rail.secret: {says_none}"));
        assert_eq!(refused("sk_live_1", Some("x")), format!("rail.lookup_secret: {says_none}"));
    }

    #[test]
    fn a_rotated_key_is_of_the_same_account() {
        let rail = new("sk_live_planted", None).unwrap();
        assert_eq!((rail.account(), new("sk_live_other", None).unwrap().account()), ("acct_1".into(), "acct_1".into()));
        assert!(!format!("{rail:?}").contains("planted"));
    }
}
