//! What every page has around it: who is signed in, where one is, what was just done. And the two files beside the pages,
//! whose addresses carry their hashes.

use std::sync::LazyLock;

use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Role, may};
use payonce_protocol::ids::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::format::{Ago, Moment, clock, grouped, span, sum};
use super::hold::HoldNotice;
use super::icon::Icon;
use super::words;

const CSS: &[u8] = include_bytes!("../../static/console.css");
const JS: &[u8] = include_bytes!("../../static/app.js");

/// Media type and bytes of a file under `{base}/static/`.
pub fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    match name {
        "console.css" => Some(("text/css; charset=utf-8", CSS)),
        "app.js" => Some(("text/javascript; charset=utf-8", JS)),
        _ => None,
    }
}

static CSS_HASH: LazyLock<String> = LazyLock::new(|| hash(CSS));
static JS_HASH: LazyLock<String> = LazyLock::new(|| hash(JS));

fn hash(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().chars().take(16).collect()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    Queue,
    /// The queue as what awaits the reader's approval.
    ToApprove,
    Resolved,
    Batches,
    Books,
    Absence,
    #[default]
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BannerKind {
    Info,
    Warn,
    Error,
    Done,
}

/// A line at the top of the page: what an act led to, or what the reader must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    pub kind: BannerKind,
    pub text: String,
    /// Address and words of what it speaks of.
    pub link: Option<(String, String)>,
}

impl Banner {
    pub fn new(kind: BannerKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), link: None }
    }

    pub fn to(self, address: String, words: impl Into<String>) -> Self {
        Self { link: Some((address, words.into())), ..self }
    }

    pub(crate) fn class(&self) -> &'static str {
        match self.kind {
            BannerKind::Info => "info",
            BannerKind::Warn => "warn",
            BannerKind::Error => "bad",
            BannerKind::Done => "good",
        }
    }

    /// Colour is not read aloud.
    pub(crate) fn word(&self) -> &'static str {
        match self.kind {
            BannerKind::Info => "Note:",
            BannerKind::Warn => "Warning:",
            BannerKind::Error => "Error:",
            BannerKind::Done => "Done:",
        }
    }

    pub(crate) fn icon(&self) -> Icon {
        match self.kind {
            BannerKind::Info => Icon::Info,
            BannerKind::Warn => Icon::Warn,
            BannerKind::Error => Icon::Error,
            BannerKind::Done => Icon::Done,
        }
    }
}

/// What all pages share.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Before every address: `/console`.
    pub base: String,
    /// The page's own name, in the browser's tab.
    pub title: String,
    /// The name of who is signed in; `None` shows neither navigation nor search.
    pub person: Option<String>,
    pub roles: Vec<Role>,
    /// Of the session; in every form that writes.
    pub csrf: String,
    pub section: Section,
    pub banners: Vec<Banner>,
    pub is_sandbox: bool,
    /// When the page is made; ages count to it.
    pub now: UnixMillis,
    /// What stands in the search field.
    pub search: String,
    /// Payouts are not made, whoever looks at whatever page.
    pub hold: Option<HoldNotice>,
    /// How much the reader could decide now; `None` for whoever may not, or where it could not be counted.
    pub to_approve: Option<String>,
}

/// All but what RFC 3986 leaves unreserved.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Frame {
    pub(crate) fn css(&self) -> String {
        format!("{}/static/console.css?v={}", self.base, *CSS_HASH)
    }

    pub(crate) fn js(&self) -> String {
        format!("{}/static/app.js?v={}", self.base, *JS_HASH)
    }

    /// The queue: the base itself.
    pub(crate) fn home(&self) -> &str {
        &self.base
    }

    pub(crate) fn case(&self, id: &str) -> String {
        format!("{}/cases/{}", self.base, utf8_percent_encode(id, PART))
    }

    pub(crate) fn payout(&self, key: &str) -> String {
        // Not in the path: gateways decode that, and a key holds a slash.
        format!("{}/payouts?key={}", self.base, utf8_percent_encode(key, PART))
    }

    /// Resolved cases of a payee.
    pub(crate) fn resolved(&self, payee: &str) -> String {
        format!("{}/resolved?payee={}", self.base, utf8_percent_encode(payee, PART))
    }

    pub(crate) fn batch(&self, id: &str) -> String {
        format!("{}/batches/{}", self.base, utf8_percent_encode(id, PART))
    }

    /// Of the books, by the end of its window.
    pub(crate) fn run(&self, to: impl Moment) -> String {
        format!("{}/books/{}", self.base, to.at())
    }

    pub(crate) fn ago(&self, at: impl Moment) -> Ago {
        Ago { at: at.at(), now: self.now, is_age: false }
    }

    pub(crate) fn age(&self, at: impl Moment) -> Ago {
        Ago { at: at.at(), now: self.now, is_age: true }
    }

    pub(crate) fn clock(&self, at: impl Moment) -> String {
        clock(at.at(), self.now)
    }

    /// From now to then, or from then to now.
    pub(crate) fn span(&self, at: impl Moment) -> String {
        span(at.at().abs_diff(self.now))
    }

    /// Whether approving is the reader's work at all.
    pub(crate) fn may_approve(&self) -> bool {
        may(&self.roles, Act::Approve)
    }

    pub(crate) fn roles_words(&self) -> String {
        words::roles(&self.roles)
    }

    pub(crate) fn is(&self, section: &str) -> bool {
        match self.section {
            Section::Queue => section == "queue",
            Section::ToApprove => section == "to approve",
            Section::Resolved => section == "resolved",
            Section::Batches => section == "batches",
            Section::Books => section == "books",
            Section::Absence => section == "absence",
            Section::Other => false,
        }
    }
}

/// Somebody who can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonOption {
    /// The issuer's; what the form sends.
    pub subject: String,
    pub name: String,
    pub is_me: bool,
    /// Who stands in now, by name: what is given to this person goes there.
    pub stand_in: Option<String>,
}

/// Cases of one currency; sums of two are never added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyTotal {
    pub currency: String,
    pub cases: u64,
    /// 10^-`exponent` of the currency.
    pub minor: u64,
    pub exponent: u8,
}

impl CurrencyTotal {
    pub(crate) fn shown(&self) -> String {
        sum(u128::from(self.minor), self.exponent, &self.currency)
    }

    pub(crate) fn count(&self) -> String {
        cases(self.cases)
    }
}

/// `1 case`, `1 024 cases`.
pub(crate) fn cases(count: u64) -> String {
    if count == 1 { "1 case".to_owned() } else { format!("{} cases", grouped(u128::from(count))) }
}
