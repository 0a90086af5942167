//! The `[rail]` table of the configuration.

use payonce_protocol::config::ConfigError;
use payonce_protocol::order::Mode;
use payonce_wire::{ApiSecret, Target};
use serde::Deserialize;

use crate::described::Api;
use crate::described::check::check;
use crate::described::config::HttpConfig;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailConfig {
    pub kind: RailKind,
    /// Scheme, host and port; `http://` on a loopback host only.
    pub url: String,
    /// The account that pays, as the rail names it: `acct_…`, on the dashboard's page of the account. A described rail has
    /// it in its own table.
    pub account: Option<String>,
    /// Where the paying secret is kept (`secretsmanager:…` or `env:…`), never the secret.
    pub secret: String,
    /// The same for a secret that can only read; look-ups use it where it is given.
    pub lookup_secret: Option<String>,
    /// How many payouts the rail takes each second, by its own word. Above it payouts are refused and become cases.
    pub payouts_a_second: Option<u32>,
    /// The API, where `kind` is `http`.
    pub http: Option<Box<HttpConfig>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RailKind {
    Stripe,
    /// Described in [`RailConfig::http`].
    Http,
}

/// "each API endpoint has a default rate limit of 25 requests per second" <https://docs.stripe.com/rate-limits>.
const STRIPE_PAYOUTS_A_SECOND: u32 = 25;

impl RailConfig {
    /// How many payouts it takes each second, where that is known.
    pub fn payouts_a_second(&self) -> Option<u32> {
        let by_default = (self.kind == RailKind::Stripe).then_some(STRIPE_PAYOUTS_A_SECOND);
        self.payouts_a_second.or(by_default)
    }

    /// Everything that is wrong, each with its place in the configuration.
    pub fn check(&self) -> Vec<ConfigError> {
        self.read().err().unwrap_or_default()
    }

    /// The description of a rail that is not in code, or everything that is wrong.
    pub(crate) fn read(&self) -> Result<Option<Api>, Vec<ConfigError>> {
        let mut problems = vec![];
        let mut add = |path, problem| problems.push(ConfigError::new(path, problem));
        if let Err(problem) = Target::parse(&self.url) {
            add("rail.url", problem);
        }
        for (place, text) in [("rail.secret", Some(&self.secret)), ("rail.lookup_secret", self.lookup_secret.as_ref())]
        {
            if text.is_some_and(|text| text.trim().is_empty()) {
                add(place, "is empty");
            }
        }
        if self.payouts_a_second == Some(0) {
            add("rail.payouts_a_second", "must be at least 1");
        }
        match (self.kind, &self.account) {
            (RailKind::Stripe, Some(account)) if is_stripe_account(account) => {}
            (RailKind::Stripe, Some(_)) => {
                add("rail.account", "is not an account of Stripe's: acct_…");
            }
            (RailKind::Stripe, None) => {
                add("rail.account", "is missing: the account that pays, acct_…; a key of another one is refused");
            }
            (RailKind::Http, Some(_)) => {
                add("rail.account", "is for kind = \"stripe\" only; rail.http has its own");
            }
            (RailKind::Http, None) => {}
        }
        let api = match (self.kind, &self.http) {
            (RailKind::Stripe, None) => None,
            (RailKind::Stripe, Some(_)) => {
                add("rail.http", "is for kind = \"http\" only");
                None
            }
            (RailKind::Http, None) => {
                add("rail.http", "is missing");
                None
            }
            (RailKind::Http, Some(http)) => check(http).map_err(|found| problems.extend(found)).ok(),
        };
        if problems.is_empty() { Ok(api) } else { Err(problems) }
    }
}

pub(crate) fn is_stripe_account(text: &str) -> bool {
    text.strip_prefix("acct_").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Stripe writes the mode into its keys: `sk_live_…`, `rk_test_…`.
pub(crate) fn mode(secret: &ApiSecret) -> Option<Mode> {
    let begins = |prefixes: [&str; 2]| prefixes.iter().any(|prefix| secret.begins_with(prefix));
    match () {
        () if begins(["sk_live_", "rk_live_"]) => Some(Mode::Live),
        () if begins(["sk_test_", "rk_test_"]) => Some(Mode::Test),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(url: &str) -> Vec<ConfigError> {
        let secret = "env:RAIL".into();
        let account = Some("acct_1".into());
        let kind = RailKind::Stripe;
        RailConfig { kind, url: url.into(), account, secret, lookup_secret: None, payouts_a_second: None, http: None }
            .check()
    }

    #[test]
    fn refuses_stripe_without_its_account() {
        for (account, is_fine) in [
            (r#","account":"acct_1AbC""#, true),
            ("", false),
            (r#","account":"""#, false),
            (r#","account":"acct_""#, false),
            (r#","account":"acct_1/2""#, false),
            (r#","account":"0123456789ab""#, false),
        ] {
            let text = format!(r#"{{"kind":"stripe","url":"https://api.stripe.com","secret":"env:RAIL"{account}}}"#);
            let problems = serde_json::from_str::<RailConfig>(&text).unwrap().check();
            assert_eq!(problems.is_empty(), is_fine, "{problems:?}");
            assert!(problems.iter().all(|found| found.path == "rail.account"), "{problems:?}");
        }
    }

    #[test]
    fn refuses_plain_http_to_another_machine() {
        for fine in [
            "https://api.stripe.com",
            "https://api.stripe.com:8443/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert_eq!(problems(fine), [], "{fine}");
        }
        for wrong in [
            "http://api.stripe.com",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "https://user:secret@api.stripe.com",
            "https://api.stripe.com/v1",
            "https://api.stripe.com?x",
            "https://api.stripe.com:",
            "https://api.stripe.com:84433",
            "http://127.0.0.1:424507",
            "ftp://127.0.0.1",
            "api.stripe.com",
            "",
        ] {
            assert_eq!(problems(wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn refuses_unknown_keys_and_kinds() {
        let read = |text| serde_json::from_str::<RailConfig>(text);
        assert!(read(r#"{"kind":"stripe","url":"https://api.stripe.com","secret":"env:RAIL"}"#).is_ok());
        assert!(read(r#"{"kind":"stripe","url":"https://api.stripe.com","secret":"env:RAIL","retries":3}"#).is_err());
        assert!(read(r#"{"kind":"wire","url":"https://api.stripe.com","secret":"env:RAIL"}"#).is_err());
    }

    #[test]
    fn a_key_says_its_own_mode() {
        let mode = |text: &str| mode(&ApiSecret::new(text).unwrap());
        assert_eq!((mode("sk_live_1"), mode("rk_test_1")), (Some(Mode::Live), Some(Mode::Test)));
        for wrong in ["pk_live_1", "sk_1", "sk_live_", "sk_prod_1", "live_1", "xsk_live_1"] {
            assert_eq!(mode(wrong), None, "{wrong}");
        }
    }
}
