//! The `[rail]` table of the configuration, and the rail's secret, which no log can show.

use std::fmt;

use http::HeaderValue;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::Mode;
use serde::Deserialize;

use crate::connect::Target;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailConfig {
    pub kind: RailKind,
    /// Scheme, host and port; `http://` on a loopback host only.
    pub url: String,
    /// Where the paying secret is kept (`secretsmanager:…` or `env:…`), never the secret.
    pub secret: String,
    /// The same for a secret that can only read; look-ups use it where it is given.
    pub lookup_secret: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RailKind {
    Stripe,
}

impl RailConfig {
    /// Everything that is wrong, each with its place in the configuration.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if let Err(problem) = Target::parse(&self.url) {
            problems.push(("rail.url".to_owned(), problem.to_owned()));
        }
        for (place, text) in [("rail.secret", Some(&self.secret)), ("rail.lookup_secret", self.lookup_secret.as_ref())]
        {
            if text.is_some_and(|text| text.trim().is_empty()) {
                problems.push((place.to_owned(), "is empty".to_owned()));
            }
        }
        problems
    }
}

/// A rail's API key. It has no way out but the `Authorization` header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct RailSecret(String);

impl RailSecret {
    /// `None` when it is empty or holds anything but visible ASCII.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(text))
    }

    /// Stripe writes the mode into its keys: `sk_live_…`, `rk_test_…`.
    pub(crate) fn mode(&self) -> Option<Mode> {
        let rest = self.0.strip_prefix("sk_").or_else(|| self.0.strip_prefix("rk_"))?;
        match rest.split_once('_')? {
            ("live", secret) if !secret.is_empty() => Some(Mode::Live),
            ("test", secret) if !secret.is_empty() => Some(Mode::Test),
            _ => None,
        }
    }

    /// Tells one key from another without showing any of it.
    pub(crate) fn fingerprint(&self) -> String {
        Digest::of(&self.0).to_string().chars().take(12).collect()
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for RailSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RailSecret(…)")
    }
}
