//! The `[providers.X]` table of `payonce.toml`, as written. [`crate::Provider::new`] checks it whole.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::Mode;
use serde::Deserialize;

use crate::blocks::BlockConfig;
use crate::custom::Custom;
use crate::preset::AmountAs;
use crate::when::Expected;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The name of a preset, or `custom`.
    pub scheme: String,
    /// What `custom` means.
    pub custom: Option<Custom>,
    /// The address as the provider has it, where that is signed (Square).
    pub url: Option<String>,
    /// The one type of event that this endpoint is for, where no signed byte says it (Shopify, GitHub).
    pub event_type: Option<String>,
    /// Whether real money moves in its events, where they do not say so themselves.
    pub mode: Option<WrittenMode>,
    /// Where the signing secrets are kept: `env:NAME` or `secretsmanager:ID`.
    pub secrets: Vec<String>,
    /// Event types that ask for no payout; `"*"` for every type that no rule names.
    #[serde(default)]
    pub ignore: Vec<String>,
    #[serde(default)]
    pub payouts: Vec<Rule>,
    /// Events that bar a payout: refunds, disputes.
    #[serde(default)]
    pub blocks: Vec<BlockConfig>,
    /// The first part of every payout key; the provider's name when not given. May never change.
    pub namespace: Option<String>,
    /// How long an event may be refused with 503 before it is claimed and filed instead, such as `48h`; `0s`: never refused.
    pub refuse_for: Option<String>,
    /// After what time the provider hangs up, such as `10s`.
    pub answer_within: Option<String>,
    pub max_body_bytes: Option<u64>,
}

impl ProviderConfig {
    /// The first part of every payout key.
    pub fn namespace_or<'c>(&'c self, name: &'c str) -> &'c str {
        self.namespace.as_deref().unwrap_or(name)
    }
}

/// Fields that hold references to secrets are left out, in case somebody wrote a secret there.
impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig")
            .field("scheme", &self.scheme)
            .field("namespace", &self.namespace)
            .field("payouts", &self.payouts)
            .finish_non_exhaustive()
    }
}

/// Which events ask for a payout, and where in them its facts stand (JSON pointers).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub event: String,
    pub key: OneOrMore,
    pub amount: String,
    /// How the amount is written; the preset's way when not given.
    pub amount_as: Option<AmountAs>,
    /// A JSON pointer, or the currency itself, such as `GBP`.
    pub currency: String,
    pub destination: String,
    /// Pointer → the values that pay, equal in value and type, and those that are known not to. The event asks when every
    /// one pays, and asks for nothing when one is known not to; any other event of this type is a case.
    #[serde(default)]
    pub when: BTreeMap<String, Expected>,
    /// Currency → the largest payout in the provider's unit. When given, a currency that is not in it is refused.
    #[serde(default)]
    pub max_amount: BTreeMap<String, u64>,
    /// Currency → the largest payout above `max_amount` that two people may still approve. A currency that is not in it, and
    /// is in `max_amount`, has no such limit.
    #[serde(default)]
    pub max_approved: BTreeMap<String, u64>,
    /// A regular expression that must match the whole destination.
    pub destination_pattern: Option<String>,
    /// Events that are older are never paid.
    pub paid_from: Option<Moment>,
    /// Events that are older, by their signed time, become cases, such as `96h`; the preset's when not given.
    pub max_age: Option<String>,
    /// Field of the rail's request → pointer to its text.
    #[serde(default)]
    pub rail_fields: BTreeMap<String, String>,
    #[serde(default)]
    pub allow_connected_accounts: bool,
    /// How earlier rules derived the key of the same payout. Where no time is signed, what was paid under such a key is
    /// found there, and not paid again.
    #[serde(default)]
    pub formerly: Vec<Formerly>,
}

/// The namespace and event type of an earlier rule, and where that rule's key stands in this rule's events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Formerly {
    pub namespace: String,
    pub event: String,
    pub key: OneOrMore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenMode {
    Live,
    Test,
}

impl From<WrittenMode> for Mode {
    fn from(written: WrittenMode) -> Self {
        match written {
            WrittenMode::Live => Self::Live,
            WrittenMode::Test => Self::Test,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a JSON pointer, or a list of them")]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

/// An RFC 3339 time with its offset, quoted or as TOML's own date-time, which arrives as a map of one text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a time such as 2026-12-01T00:00:00Z")]
pub enum Moment {
    Text(String),
    Toml(BTreeMap<String, String>),
}

impl Moment {
    pub fn millis(&self) -> Option<UnixMillis> {
        let text = match self {
            Self::Text(text) => text,
            Self::Toml(map) => map.values().next()?,
        };
        text.parse::<Timestamp>().ok()?.as_millisecond().try_into().ok()
    }
}

/// A duration such as `48h`, `90m` or `10s`.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    text.parse::<SignedDuration>().ok()?.as_millis().try_into().ok()
}
