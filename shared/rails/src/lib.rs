//! The rails: where money leaves. A [`Rail`] prepares the exact request of an order, connects, pays once, and can be asked
//! what it has paid.
//!
//! * `connect` is the way to the rail, up to the moment before the first request byte.
//! * `counter` and `wire` send one request and read its whole answer. What the counter saw decides `NotSent`.
//! * [`answer`] reads a complete answer by the rail's table, `books` what the rail says that it has paid.
//! * `request` is the exact request of a payout, `amount` how a rail writes a sum.
//! * `stripe` is a rail in code: its request, its tables. `described` is the rail `http`, all of it configuration.
//! * `peer` asks one question by the same wire, `source` the provider about the payment that a payout is made from.
//! * `config` is the `[rail]` table of the configuration, and the rail's secret; `keys` are the secrets in use.
//!
//! Paying takes a [`Claimed`](payonce_protocol::event::Claimed) by value, which only the state machine makes. An order
//! without a claim cannot be paid:
//!
//! ```compile_fail,E0061
//! # use payonce_rails::*;
//! async fn unclaimed(rail: Rail, connection: Connection, prepared: Prepared, gate: Gate<'_>) {
//!     rail.pay(connection, &prepared, gate).await;
//! }
//! ```
//!
//! and no claim can be paid twice:
//!
//! ```compile_fail,E0382
//! # use payonce_rails::*;
//! # use payonce_protocol::event::Claimed;
//! async fn twice(rail: Rail, [one, two]: [Connection; 2], prepared: Prepared, claimed: Claimed, gate: fn() -> Gate<'static>) {
//!     rail.pay(one, &prepared, claimed, gate()).await;
//!     rail.pay(two, &prepared, claimed, gate()).await;
//! }
//! ```
//!
//! Once, and with the claim, it compiles:
//!
//! ```
//! # use payonce_rails::*;
//! # use payonce_protocol::event::Claimed;
//! async fn once(rail: Rail, connection: Connection, prepared: Prepared, claimed: Claimed, gate: Gate<'_>) {
//!     rail.pay(connection, &prepared, claimed, gate).await;
//! }
//! ```

mod amount;
pub mod answer;
mod books;
mod config;
mod connect;
mod counter;
mod described;
mod keys;
mod payment;
mod peer;
mod rail;
mod request;
mod shown;
mod source;
mod stripe;
mod wire;

pub use amount::AmountForm;
pub use books::{NextBy, RailPayout, TimeForm};
pub use config::{RailConfig, RailKind, RailSecret};
pub use connect::{ConnectFailure, Connection};
pub use described::config as description;
pub use described::config::HttpConfig;
pub use keys::{AccountCheck, Purpose, REREAD_EVERY_MS, Refreshed, Reread, SecretPair};
pub use payment::{Evidence, Gate, Payment};
pub use peer::{Peer, PeerFailure};
pub use rail::{LookUpFailure, Rail, RailError, Wanted};
pub use request::{Misfit, Prepared};
pub use shown::RequestShown;
pub use source::{Source, SourceConfig, SourceError, SourceFailure, SourceState};
