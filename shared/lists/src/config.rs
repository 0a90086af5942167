//! `[providers.PROVIDER.list]`, as written, and everything that can be wrong with it. infra/lists/README.md explains each key.

use std::collections::BTreeMap;

use http::HeaderName;
use payonce_protocol::config::ConfigError;
use payonce_protocol::order::Mode;
use payonce_wire::{Scheme, Target, TimeForm};
use serde::Deserialize;
use serde_json::Value;

use crate::check::{are_free_headers, is_plain_path};
use crate::list::{Account, Api, Term};
use crate::page::{More, Next, Page};
use crate::stripe;
use crate::template::Template;

const SINCE: &str = "{since}";
const UNTIL: &str = "{until}";
const DAY_MS: u64 = 24 * 3_600_000;
/// Two years: whoever keeps its list longer is asked no further back.
const ASKABLE_DAYS_AT_MOST: u64 = 731;
/// A million events in pages of a hundred.
const PAGES_AT_MOST: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    pub kind: ListKind,
    /// Scheme, host and port; `http://` on a loopback host only.
    pub url: String,
    /// Where a secret is kept that only reads.
    pub secret: String,
    /// Whose list it must be, as the provider names that account.
    pub account: Option<String>,
    /// At which address the provider sends here: it is asked whether it does. Stripe's alone.
    pub endpoint: Option<String>,
    /// A longer list is incomplete.
    #[serde(default = "pages_at_most")]
    pub pages_at_most: usize,
    /// The API, where `kind` is `http`.
    pub http: Option<Box<HttpListConfig>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKind {
    /// Stripe's events.
    Stripe,
    /// Described in [`ListConfig::http`].
    Http,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpListConfig {
    pub path: String,
    /// `{since}` and `{until}` stand for the window's ends, each as a whole value.
    pub query: BTreeMap<String, String>,
    pub times_as: TimeForm,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default = "bearer")]
    pub scheme: Scheme,
    pub secret_header: Option<String>,
    /// JSON pointers into the page, and the text that must stand there.
    #[serde(default)]
    pub must_hold: BTreeMap<String, String>,
    /// JSON pointer to the list of items; empty where the page is the list.
    #[serde(default)]
    pub items: String,
    #[serde(default)]
    pub item_must_hold: BTreeMap<String, String>,
    pub id: String,
    pub created: String,
    pub created_as: TimeForm,
    pub next: NextConfig,
    pub askable_days: u64,
    pub account: Option<AccountConfig>,
    /// The event that is made of an item, where the item is none as the provider delivers it: `{item}`, `{id}` and `{created}`
    /// stand for what is in it, each as a whole text.
    pub event: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextConfig {
    pub by: NextBy,
    /// The field of the query.
    pub query: Option<String>,
    /// JSON pointer to the cursor or the link, or the header's name.
    pub at: Option<String>,
    /// JSON pointer to the truth value that says that there is more.
    pub more: Option<String>,
    /// How many items a page holds that is not the last.
    pub full_page: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextBy {
    LastId,
    Cursor,
    Header,
    Link,
}

/// Where the provider says whose the secret is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    pub path: String,
    pub at: String,
}

fn bearer() -> Scheme {
    Scheme::Bearer
}

fn pages_at_most() -> usize {
    PAGES_AT_MOST
}

impl ListConfig {
    /// Everything that is wrong, by key below `[providers.PROVIDER.list]`.
    pub fn check(&self) -> Vec<ConfigError> {
        self.api(Mode::Test).err().unwrap_or_default()
    }

    /// See [`crate::ProviderList::lists_events`].
    pub fn lists_events(&self) -> bool {
        let event = self.http.as_ref().and_then(|http| http.event.as_ref());
        event.is_none_or(|event| Template::new(event).is_ok_and(|template| !template.takes_id()))
    }

    pub(crate) fn api(&self, mode: Mode) -> Result<Api, Vec<ConfigError>> {
        let mut found = Found(vec![]);
        if let Err(problem) = Target::parse(&self.url) {
            found.add("url", problem);
        }
        if self.secret.trim().is_empty() {
            found.add("secret", "is empty");
        }
        if !(1..=PAGES_AT_MOST).contains(&self.pages_at_most) {
            found.add("pages_at_most", "must be 1 to 10000");
        }
        let account = self.account.as_deref();
        if account.is_some_and(|account| account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_graphic())) {
            found.add("account", "must be the account as the provider names it");
        }
        if let Some(endpoint) = &self.endpoint {
            if self.kind != ListKind::Stripe {
                found.add("endpoint", "is for kind = \"stripe\" only: no other provider is asked for it");
            }
            if !endpoint.starts_with("https://") || endpoint.contains(['?', '#']) {
                found.add("endpoint", "is the address as the provider has it: https://, and nothing behind the path");
            }
        }
        let api = match (self.kind, &self.http) {
            (ListKind::Stripe, None) => Some(stripe::events(account, mode)),
            (ListKind::Stripe, Some(_)) => {
                found.add("http", "is for kind = \"http\" only");
                None
            }
            (ListKind::Http, None) => {
                found.add("http", "is missing");
                None
            }
            (ListKind::Http, Some(http)) => {
                if account.is_some() != http.account.is_some() {
                    found
                        .add("account", "and http.account go together: who it must be, and where the provider says it");
                }
                http.api(account, &mut found)
            }
        };
        match api {
            Some(api) if found.0.is_empty() => Ok(api),
            _ => Err(found.0),
        }
    }
}

struct Found(Vec<ConfigError>);

impl Found {
    fn add(&mut self, key: impl Into<String>, problem: &'static str) {
        self.0.push(ConfigError::new(key, problem));
    }

    fn pointer(&mut self, key: &str, pointer: &str) {
        if !pointer.starts_with('/') {
            self.add(key, "is no JSON pointer, which begins with /");
        }
    }
}

impl HttpListConfig {
    fn api(&self, account: Option<&str>, found: &mut Found) -> Option<Api> {
        let path = "is a path of plain segments, such as /v2/payments";
        if !is_plain_path(&self.path, None) {
            found.add("http.path", path);
        }
        let query: Vec<_> = self.query.iter().map(|(name, value)| (name.clone(), term(name, value, found))).collect();
        if !query.iter().any(|(_, term)| *term == Term::Since) {
            found.add("http.query", "must hold \"{since}\": a list that cannot be asked for a window is none of it");
        }
        if !are_free_headers(&self.headers) {
            found.add("http.headers", "may name any header but those that are set here, in visible ASCII");
        }
        let secret_header = match (self.scheme, &self.secret_header) {
            (Scheme::Header, Some(name)) => match HeaderName::try_from(name) {
                Ok(name) => name,
                Err(_) => {
                    found.add("http.secret_header", "is no header's name");
                    return None;
                }
            },
            (Scheme::Bearer | Scheme::Basic, None) => http::header::AUTHORIZATION,
            _ => {
                found.add("http.secret_header", "stands with scheme = \"header\", and only there");
                return None;
            }
        };
        if !self.items.is_empty() {
            found.pointer("http.items", &self.items);
        }
        // What stands beside the items is read where the page is an object.
        if self.items.is_empty() && !self.must_hold.is_empty() {
            found.add("http.must_hold", "can hold nothing where the page is the list of items");
        }
        for (key, pointer) in [("http.id", &self.id), ("http.created", &self.created)] {
            found.pointer(key, pointer);
        }
        for (key, holds) in [("http.must_hold", &self.must_hold), ("http.item_must_hold", &self.item_must_hold)] {
            holds.keys().for_each(|pointer| found.pointer(key, pointer));
        }
        if !(1..=ASKABLE_DAYS_AT_MOST).contains(&self.askable_days) {
            found.add("http.askable_days", "must be 1 to 731");
        }
        if let Some(account) = &self.account {
            if !is_plain_path(&account.path, None) {
                found.add("http.account.path", path);
            }
            found.pointer("http.account.at", &account.at);
        }
        let event = match self.event.as_ref().map(Template::new).transpose() {
            Ok(event) => event,
            Err(_) => {
                found.add("http.event", "must hold \"{item}\" once, as a whole text");
                None
            }
        };
        let whose = self.account.as_ref().zip(account).map(|(place, is)| Account {
            path: place.path.clone(),
            must_hold: vec![],
            at: place.at.clone(),
            is: is.to_owned(),
        });
        Some(Api {
            path: self.path.clone(),
            query,
            times_as: self.times_as,
            headers: pairs(&self.headers),
            scheme: self.scheme,
            secret_header,
            page: Page {
                must_hold: pairs(&self.must_hold),
                items: self.items.clone(),
                item_must_hold: pairs(&self.item_must_hold),
                id: self.id.clone(),
                created: self.created.clone(),
                created_as: self.created_as,
                event,
            },
            next: self.next.read(self.items.is_empty(), found)?,
            askable_ms: self.askable_days.saturating_mul(DAY_MS),
            account: whose,
        })
    }
}

impl NextConfig {
    fn read(&self, page_is_list: bool, found: &mut Found) -> Option<Next> {
        let by_last = self.by == NextBy::LastId;
        for (key, given, wanted, problem) in [
            (
                "http.next.query",
                self.query.is_some(),
                self.by != NextBy::Link,
                "is the field of the query, and not of a link",
            ),
            (
                "http.next.at",
                self.at.is_some(),
                !by_last,
                "says where the cursor, header or link stands; the last id is known",
            ),
            (
                "http.next.more",
                self.more.is_some() != self.full_page.is_some(),
                by_last,
                "or full_page, one of them, stands with by = \"last_id\", and only there: else nothing says which page is the last",
            ),
        ] {
            if given != wanted {
                found.add(key, problem);
            }
        }
        if self.full_page.is_some() && (self.more.is_some() || !by_last) || self.full_page == Some(0) {
            found.add("http.next.full_page", "must be above 0, and stand alone with by = \"last_id\"");
        }
        let at = self.at.clone().unwrap_or_default();
        match self.by {
            NextBy::Cursor | NextBy::Link => found.pointer("http.next.at", &at),
            NextBy::Header if HeaderName::try_from(&at).is_err() => found.add("http.next.at", "is no header's name"),
            NextBy::Header | NextBy::LastId => {}
        }
        if let Some(more) = &self.more {
            found.pointer("http.next.more", more);
        }
        if page_is_list && (self.more.is_some() || matches!(self.by, NextBy::Cursor | NextBy::Link)) {
            found.add("http.next.by", "must be last_id with full_page, or header, where the page is the list of items");
        }
        let query = self.query.clone().unwrap_or_default();
        Some(match (self.by, &self.more, self.full_page) {
            (NextBy::LastId, Some(more), _) => Next::LastId { query, more: More::Pointer(more.clone()) },
            (NextBy::LastId, None, Some(size)) => Next::LastId { query, more: More::Full(size) },
            (NextBy::LastId, None, None) => return None,
            (NextBy::Cursor, ..) => Next::Cursor { query, at },
            (NextBy::Header, ..) => Next::Header { query, name: at },
            (NextBy::Link, ..) => Next::Link { at },
        })
    }
}

fn term(name: &str, value: &str, found: &mut Found) -> Term {
    match value {
        SINCE => Term::Since,
        UNTIL => Term::Until,
        fixed => {
            if fixed.contains(['{', '}']) {
                found.add(format!("http.query.{name}"), "is {since} or {until} as a whole, or a text without braces");
            }
            Term::Fixed(fixed.to_owned())
        }
    }
}

fn pairs(map: &BTreeMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}
