//! Providers: who sends webhooks, how they sign, and which of their events ask for a payout.
//!
//! * [`scheme`]: a signature scheme as data, and the engine that verifies and signs by it.
//! * [`preset`]: what is known of one provider: scheme, where its events keep their facts, its units, its patience.
//! * [`config`]: the `[providers.X]` table, as written.
//! * [`rules`]: rules compiled and checked, and applied to one event.
//! * [`when`]: whether an event asks at all, says that it does not, or leaves it open.
//! * [`marker`]: what an event says itself about whether its money is real.
//! * [`same_payment`]: where events of different kinds name the payment that they all tell of.
//! * [`blocks`]: events that bar a payout.
//! * `sender`: whose event it is, and of which mode.
//! * [`custom`]: the same, written in the configuration.
//! * [`explain`]: what was read where and why, for a person who tries a configuration.
//! * `adyen`: the one scheme that is no data.
//! * `read`: a signed body as one JSON value, in which only what cannot be read is unreadable.
//! * [`event`]: the events of a verified delivery.
//!
//! Data flows one way, and the types hold it there: [`Provider::verify`] is the only source of a [`Verified`],
//! [`Provider::events`] of a [`ParsedEvent`], [`Provider::route`] of an order. Nothing here does I/O, reads a clock or
//! panics because of a body, and no problem that it names repeats a value of the body.

mod adyen;
mod beyond;
pub mod blocks;
pub mod config;
pub mod custom;
pub mod event;
pub mod explain;
pub mod marker;
pub mod pointer;
pub mod preset;
mod provider;
mod read;
pub mod rules;
pub mod same_payment;
pub mod scheme;
mod secret_form;
mod secrets;
mod sender;
mod signed_time;
pub mod when;

pub use blocks::{Block, Blocking, unbarred};
pub use config::{ConfigError, ProviderConfig, Rule};
pub use event::{BodyMisfit, EventMisfit, ItemMisfit, MAX_EVENTS, ParsedEvent, Verified};
pub use provider::{NoPayout, Patience, Provider, RouteContext, Routed, unwise};
pub use rules::Misfit;
pub use same_payment::split_payments;
pub use scheme::Refused;
pub use secret_form::SecretForm;
pub use secrets::{MAX_SECRETS, Secrets, SecretsError};
