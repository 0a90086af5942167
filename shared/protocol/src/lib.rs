//! The rules of the game, and nothing else: no I/O, no clock, no async.
//!
//! * [`money`] and [`order`]: what an event asks for; [`exponents`]: in which unit a provider or rail counts it.
//! * [`ids`]: names that may never be derived differently (attempt id, rail key, case id).
//! * [`outcome`]: the certainty ladder; [`reason`]: why a case is opened, and what follows from it.
//! * [`fact`]: what records say is known, by name; [`problem`]: why an event is not paid by itself, in words.
//! * [`config`]: what is wrong with a configuration.
//! * [`mod@words`]: enums whose variants are stored and sent as words.
//! * [`case`]: what people may do with a case; [`approval`]: what two of them approve when a payout is made by hand.
//! * [`closing`]: what an ending by people binds.
//! * [`event`]: the state machine of one event, from "verified order" to "answered".
//! * [`end`]: how an event of a delivery ended, whatever it asked for.
//! * [`hold`]: whether payouts are made at all.
//! * [`release`]: for which tables, and by which rules of payout keys, a version may pay.
//! * [`sweep`]: what the sweeper may conclude, and when.
//! * [`reissue`]: whether a person may be offered a further attempt, and with which rail key.
//! * [`silence`]: whether a provider has gone silent.
//! * [`reconcile`]: whether the books of provider, rail and bank agree with ours.
//!
//! The Lambda handlers perform the actions that come out of here; the model checker in `tests/model` explores the
//! very same functions. Every function is total: an input that makes no sense in a state takes that state's safe way
//! out, which never pays.
//!
//! Amounts are exact or refused, and a claim is given up only when its worker is certainly dead:
//!
//! ```
//! use payonce_protocol::money::{Money, MoneyError};
//! use payonce_protocol::sweep::{Finding, MARGIN_MS, examine};
//!
//! let krona = "ISK".parse()?;
//! assert_eq!(Money::new(1_000_000, 2, krona)?.with_exponent(0)?.to_string(), "10000 ISK");
//! assert_eq!(Money::new(1_000_001, 2, krona)?.with_exponent(0), Err(MoneyError::Inexact(0)));
//!
//! let expires_at = 1_000_000;
//! assert_eq!(examine(expires_at, false, expires_at + MARGIN_MS - 1, MARGIN_MS), Finding::TooEarly);
//! assert_eq!(examine(expires_at, false, expires_at + MARGIN_MS, MARGIN_MS), Finding::Abandoned);
//! # Ok::<(), MoneyError>(())
//! ```

pub mod approval;
pub mod case;
pub mod closing;
pub mod config;
pub mod end;
pub mod event;
pub mod exponents;
pub mod fact;
pub mod hold;
pub mod ids;
pub mod money;
pub mod order;
pub mod outcome;
pub mod problem;
pub mod reason;
pub mod reconcile;
pub mod reissue;
pub mod release;
pub mod silence;
pub mod slo;
pub mod sweep;
pub mod velocity;
pub mod words;

/// Milliseconds since 1970-01-01T00:00:00Z. The protocol is told the time, it never reads it.
pub type UnixMillis = u64;
