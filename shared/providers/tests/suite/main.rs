//! What goes in and out of the crate: signatures against vectors and forgeries, rules against bodies, configurations
//! against mistakes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "a seed may be given by the environment, else the time is one")]

mod adyen;
mod config;
mod custom;
mod damage;
mod headers;
mod markers;
mod mutations;
mod presets;
mod random;
mod reversals;
mod routing;
mod same_payment;
mod shared_types;
mod signature;
mod strict;
mod table;
mod when;

use payonce_providers::{Provider, ProviderConfig, Secrets};

/// 2023-11-14, the time in the vectors.
pub const T_S: u64 = 1_700_000_000;
pub const T: u64 = T_S * 1000;

pub const TOML: &str = r#"
scheme = "stripe"
secrets = ["env:STRIPE"]
ignore = ["payment_intent.created"]

[[payouts]]
event = "payment_intent.succeeded"
key = "/data/object/id"
amount = "/data/object/amount_received"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
when = { "/data/object/status" = { pays = "succeeded", not = ["processing", "requires_capture"] } }
"#;

pub fn config(toml: &str) -> ProviderConfig {
    toml::from_str(toml).unwrap()
}

/// The sample configuration with these lines added to its rule.
pub fn provider_with(lines: &str) -> Provider {
    Provider::new("stripe", &config(&format!("{TOML}\n{lines}"))).unwrap()
}

pub fn secrets(secrets: &[&str]) -> Secrets {
    Secrets::new(secrets.iter().map(|secret| (*secret).to_owned()).collect()).unwrap()
}
