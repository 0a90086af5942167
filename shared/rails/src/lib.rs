//! The rails: where money leaves. A [`Rail`] prepares the exact request of an order, connects, pays once, and can be asked
//! what it has paid.
//!
//! * [`answer`] reads a complete answer by the rail's table, `books` what the rail says that it has paid.
//! * `sentence` is what the rail says to people, for the record alone.
//! * `request` is the exact request of a payout, `amount` how a rail writes a sum.
//! * `stripe` is a rail in code: its request, its tables. `described` is the rail `http`, all of it configuration.
//! * `source` asks the provider about the payment that a payout is made from.
//! * `config` is the `[rail]` table of the configuration, and the rail's secret; `keys` are the secrets in use.
//!
//! What is sent goes by [`payonce_wire`]; what its counter saw decides `NotSent`.
//!
//! Paying takes a [`Claimed`](payonce_protocol::event::Claimed) by value, which only the state machine makes. An order
//! without a claim cannot be paid:
//!
//! ```compile_fail,E0061
//! # use payonce_rails::*;
//! # use payonce_wire::Gate;
//! async fn unclaimed(rail: Rail, connection: RailConnection, prepared: Prepared, gate: Gate<'_>) {
//!     rail.pay(connection, &prepared, gate).await;
//! }
//! ```
//!
//! and no claim can be paid twice:
//!
//! ```compile_fail,E0382
//! # use payonce_rails::*;
//! # use payonce_wire::Gate;
//! # use payonce_protocol::event::Claimed;
//! async fn twice(rail: Rail, [one, two]: [RailConnection; 2], prepared: Prepared, claimed: Claimed, gate: fn() -> Gate<'static>) {
//!     rail.pay(one, &prepared, claimed, gate()).await;
//!     rail.pay(two, &prepared, claimed, gate()).await;
//! }
//! ```
//!
//! Once, and with the claim, it compiles:
//!
//! ```
//! # use payonce_rails::*;
//! # use payonce_wire::Gate;
//! # use payonce_protocol::event::Claimed;
//! async fn once(rail: Rail, connection: RailConnection, prepared: Prepared, claimed: Claimed, gate: Gate<'_>) {
//!     rail.pay(connection, &prepared, claimed, gate).await;
//! }
//! ```

mod amount;
pub mod answer;
mod book;
mod books;
mod config;
mod described;
mod keys;
mod payment;
mod rail;
mod request;
mod sentence;
mod shown;
mod stripe;

pub use amount::AmountForm;
pub use book::RailBook;
pub use books::{NextBy, RailPayout};
pub use config::{RailConfig, RailKind};
pub use described::config as description;
pub use described::config::HttpConfig;
pub use keys::{AccountCheck, Purpose, REREAD_EVERY_MS, Refreshed, Reread, SecretPair};
pub use payment::{Evidence, Payment};
/// The secret that pays, or that looks up.
pub use payonce_wire::ApiSecret as RailSecret;
/// How a description says that times are written.
pub use payonce_wire::TimeForm;
pub use rail::{LookUpFailure, Rail, RailConnection, Wanted};
pub use request::{Misfit, Prepared};
pub use sentence::Sentence;
pub use shown::RequestShown;
