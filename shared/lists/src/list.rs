//! A provider's own list of what it sent, or of the payments behind it: which questions it is asked, with a secret that only
//! reads. Every question is a GET, and nothing here can make it another.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::order::Mode;
use payonce_wire::{ApiSecret, Form, Peer, Scheme, SecretHeader, Target, TimeForm, hold, text_at};
use rustls::RootCertStore;
use serde_json::Value;

use crate::book::{Gap, ListBook};
use crate::config::{ListConfig, ListKind};
use crate::page::{ListedEvent, Next, Page};
use crate::stripe;

/// A hundred events with everything in them stay far below.
const PAGE_BYTES_AT_MOST: u64 = 32 << 20;

/// How one provider is asked, and how it answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub path: String,
    pub query: Vec<(String, Term)>,
    /// How the times in the query are written.
    pub times_as: TimeForm,
    /// Sent with every question.
    pub headers: Vec<(String, String)>,
    pub scheme: Scheme,
    pub secret_header: HeaderName,
    pub page: Page,
    pub next: Next,
    /// How far back it can be asked.
    pub askable_ms: u64,
    pub account: Option<Account>,
}

/// One value of a query, never part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Fixed(String),
    Since,
    Until,
}

/// Where the provider says whose the secret is, and who that must be.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub path: String,
    pub must_hold: Vec<(String, String)>,
    pub at: String,
    pub is: String,
}

pub struct ProviderList {
    pub(crate) api: Api,
    pub(crate) pages_at_most: usize,
    pub(crate) endpoint: Option<String>,
    target: Target,
    peer: Peer,
    secret: SecretHeader,
}

impl fmt::Debug for ProviderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderList").field("host", &self.peer.authority()).finish_non_exhaustive()
    }
}

impl ProviderList {
    /// `mode`: whether the events that are asked for are of real money. `roots` instead of the public authorities.
    pub fn new(
        config: &ListConfig,
        secret: &ApiSecret,
        mode: Mode,
        roots: Option<RootCertStore>,
    ) -> Result<Self, ConfigError> {
        let api = config.api(mode).map_err(ConfigError::first)?;
        if config.kind == ListKind::Stripe && !stripe::is_key_of(secret, mode) {
            return Err(ConfigError::new(
                "secret",
                "is no restricted key of Stripe's for the mode of these events (rk_live_…, rk_test_…)",
            ));
        }
        let target = Target::parse(&config.url).map_err(|problem| ConfigError::new("url", problem))?;
        let peer = Peer::new(&config.url, roots).map_err(|problem| ConfigError::new("url", problem))?;
        let unfit = ConfigError::new("secret", "does not fit its header (HTTP Basic takes user:password)");
        let secret = secret.header(api.scheme, api.secret_header.clone()).ok_or(unfit)?;
        let endpoint = config.endpoint.clone();
        Ok(Self { api, pages_at_most: config.pages_at_most, endpoint, target, peer, secret })
    }

    /// Whether it holds the events that are delivered. Otherwise it holds payments, each with an id of its own: it cannot say which
    /// event told of one, and has it at the time at which it was begun, whenever it was paid.
    pub fn lists_events(&self) -> bool {
        self.api.page.event.as_ref().is_none_or(|template| !template.takes_id())
    }

    /// What it has of a window of time, the end excluded, to be read a page at a time. `now` is when it is asked.
    pub fn book(&self, window: Range<UnixMillis>, now: UnixMillis) -> ListBook<'_> {
        ListBook::new(self, window, now)
    }

    /// A page, and what the next one is asked with. For `tests/fuzz`: nothing is asked.
    #[doc(hidden)]
    pub fn read_page(&self, answer: &Response<Bytes>) -> Option<(Vec<ListedEvent>, Option<String>)> {
        let read = self.api.page.read(&self.api.next, answer)?;
        Some((read.events, read.next))
    }

    /// The first page, or the one behind `after`.
    pub(crate) fn request(
        &self,
        since: UnixMillis,
        until: UnixMillis,
        after: Option<&str>,
    ) -> Option<Request<Full<Bytes>>> {
        let field = match (&self.api.next, after) {
            (_, None) => None,
            (Next::Link { .. }, Some(link)) => return self.get(self.linked(link)?),
            (Next::LastId { query, .. } | Next::Cursor { query, .. } | Next::Header { query, .. }, Some(token)) => {
                Some((query, token))
            }
        };
        let mut form = Form::default();
        for (name, term) in &self.api.query {
            match term {
                Term::Fixed(text) => form.field(name, text),
                Term::Since => form.field(name, &self.api.times_as.write(since)?),
                Term::Until => form.field(name, &self.api.times_as.write_end(until)?),
            }
        }
        if let Some((name, token)) = field {
            form.field(name, token);
        }
        self.get(form.behind(&self.api.path))
    }

    /// Path and query of an address that the provider gave, where it is the same list at the same host: the secret goes nowhere
    /// else, and nothing else is asked for.
    fn linked(&self, link: &str) -> Option<String> {
        let uri: Uri = link.parse().ok()?;
        let host = Target::parse(&format!("{}://{}", uri.scheme_str()?, uri.authority()?)).ok()?;
        let is_ours = host == self.target && uri.path() == self.api.path;
        is_ours.then(|| uri.path_and_query().map(ToString::to_string)).flatten()
    }

    pub(crate) fn get(&self, uri: String) -> Option<Request<Full<Bytes>>> {
        let builder = Request::get(uri);
        let headers = self.api.headers.iter();
        let builder = headers.fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.header(&self.secret.name, self.secret.value.clone()).body(Full::default()).ok()
    }

    pub(crate) async fn ask(&self, request: Request<Full<Bytes>>, within: Duration) -> Result<Response<Bytes>, Gap> {
        let answer = self.peer.ask(request, within, PAGE_BYTES_AT_MOST).await.map_err(|failure| Gap::of(&failure))?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            StatusCode::GONE => Err(Gap::Gone),
            other => Err(Gap::Refused(other.as_u16())),
        }
    }

    /// A list of another account would make every event look lost.
    pub(crate) async fn check_account(&self, within: Duration) -> Result<(), Gap> {
        let Some(account) = &self.api.account else { return Ok(()) };
        let request = self.get(account.path.clone()).ok_or(Gap::Unreadable)?;
        let answer = self.ask(request, within).await?;
        let body: Value = serde_json::from_slice(answer.body()).map_err(|_| Gap::Unreadable)?;
        let found = text_at(&body, &account.at).filter(|_| hold(&body, &account.must_hold));
        match found.ok_or(Gap::Unreadable)? {
            found if found == account.is => Ok(()),
            _ => Err(Gap::OtherAccount),
        }
    }
}
