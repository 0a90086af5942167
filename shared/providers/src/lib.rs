//! Providers: who sends webhooks, how they sign, and which of their events ask for a payout.
//!
//! * [`scheme`]: a signature scheme as data, and the engine that verifies and signs by it.
//! * [`preset`]: what is known of one provider: scheme, where its events keep their facts, its units, its patience.
//! * [`units`]: in which units each company counts money.
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
//!
//! ```
//! use payonce_protocol::order::Mode;
//! use payonce_providers::{Provider, RouteContext, Routed, Secrets};
//!
//! let config = toml::from_str(
//!     r#"
//!     scheme = "stripe"
//!     secrets = ["env:STRIPE"]
//!     [[payouts]]
//!     event = "payment_intent.succeeded"
//!     key = "/data/object/id"
//!     amount = "/data/object/amount_received"
//!     currency = "/data/object/currency"
//!     destination = "/data/object/metadata/payee"
//!     when = { "/data/object/status" = { pays = "succeeded", not = ["processing"] } }
//!     "#,
//! )?;
//! let provider = Provider::new("stripe", &config).unwrap();
//! let secrets = Secrets::new(vec!["whsec_example".to_owned()])?;
//!
//! // As Stripe would send it: signed now.
//! let (body, now) = (include_bytes!("../../../events/stripe/payment_intent.succeeded.json"), 1_795_431_600_000);
//! let headers = provider.sign(&secrets, body, now).into_iter().collect();
//!
//! let verified = provider.verify(&secrets, &headers, body, now)?;
//! let event = provider.events(&verified)?.remove(0)?;
//! let context = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now };
//! let Routed::Order(order) = provider.route(&event, &context) else { panic!("a case") };
//! assert_eq!((order.key.as_str(), order.money.to_string().as_str()), ("stripe/pi_3SamplePayonce0001", "42.00 EUR"));
//!
//! // One byte more, and nothing is parsed.
//! assert!(provider.verify(&secrets, &headers, &[body, &b" "[..]].concat(), now).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
pub mod units;
pub mod when;

pub use blocks::{Block, Blocking, unbarred};
pub use config::{ProviderConfig, Rule};
pub use event::{BodyMisfit, EventMisfit, ItemMisfit, MAX_EVENTS, ParsedEvent, Verified};
pub use provider::{NoPayout, Patience, Provider, RouteContext, Routed, unwise};
pub use rules::Misfit;
pub use same_payment::split_payments;
pub use scheme::Refused;
pub use secret_form::SecretForm;
pub use secrets::{MAX_SECRETS, Secrets, SecretsError};
