//! Providers: who sends webhooks, how they sign, and which of their events ask for a payout.
//!
//! * [`scheme`]: a signature scheme as data, and the engine that verifies and signs by it.
//! * [`preset`]: what is known of one provider: scheme, where its events keep their facts, its units, its patience.
//! * [`config`]: the `[providers.X]` table, as written.
//! * [`rules`]: rules compiled and checked, and applied to one event.
//! * [`custom`]: the same, written in the configuration.
//! * [`explain`]: what was read where and why, for a person who tries a configuration.
//! * `adyen`: the one scheme that is no data.
//! * [`event`]: the body of a verified delivery, read strictly.
//!
//! Data flows one way, and the types hold it there: [`Provider::verify`] is the only source of a [`Verified`],
//! [`Provider::events`] of a [`ParsedEvent`], [`Provider::route`] of an order. Nothing here does I/O, reads a clock or
//! panics because of a body, and no problem that it names repeats a value of the body.

mod adyen;
mod beyond;
pub mod config;
pub mod custom;
pub mod event;
pub mod explain;
pub mod pointer;
pub mod preset;
mod provider;
pub mod rules;
pub mod scheme;
mod secrets;
mod signed_time;

pub use config::{ConfigError, ProviderConfig, Rule};
pub use event::{BodyMisfit, ItemMisfit, MAX_EVENTS, ParsedEvent, Verified};
pub use provider::{NoPayout, Patience, Provider, RouteContext, Routed, unwise};
pub use rules::Misfit;
pub use scheme::Refused;
pub use secrets::{MAX_SECRETS, Secrets, SecretsError};
