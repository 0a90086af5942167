//! One HTTP/1.1 request on one fresh connection, and its whole answer: the only client that a payout, a claim, a question to a rail, to
//! a provider, to an issuer, and the way to payer are sent with. There is no pool, no redirect, no proxy, no retry and no
//! spawned task, so there is nothing to switch off. (Records of the tables go by a pool of their own, in `payonce-ledger`, over streams that
//! are opened here.)
//!
//! * `connect` resolves a host and opens TCP and TLS, up to the moment before the first request byte.
//! * `exchange` sends one request and reads its answer; `counter` counts the bytes on their way, and holds the last deadline.
//! * `peer` is a host that is asked one question.
//! * `secret` is what we ask with, and the header that it leaves in; `query`, how a value stands in a request, and
//!   `field`, in an answer.
//!
//! A connection carries one request, because sending takes it for good:
//!
//! ```compile_fail,E0382
//! # use payonce_wire::*;
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! async fn twice(connection: Connection, [one, two]: [http::Request<Full<Bytes>>; 2], gate: Gate<'_>) {
//!     connection.exchange(one, &gate, 1000).await;
//!     connection.exchange(two, &gate, 1000).await;
//! }
//! ```
//!
//! Once, it compiles:
//!
//! ```
//! # use payonce_wire::*;
//! # use bytes::Bytes;
//! # use http_body_util::Full;
//! async fn once(connection: Connection, request: http::Request<Full<Bytes>>, gate: Gate<'_>) {
//!     connection.exchange(request, &gate, 1000).await;
//! }
//! ```

mod connect;
mod counter;
mod exchange;
mod field;
mod peer;
mod query;
mod secret;

pub use connect::{ConnectFailure, Connection, Stream, Target};
pub use counter::Tally;
pub use exchange::{Exchange, Gate, NoAnswer};
pub use field::{hold, text_at};
pub use peer::{Peer, PeerFailure};
pub use query::{Form, TimeForm, encoded};
pub use secret::{ApiSecret, Scheme, SecretHeader};
