//! The finance console: a web page over the reconcile table. It reads the audit table and cannot write it; it asks the rail
//! with a secret that only reads; what pays goes through payer, which does not trust it.
//!
//! * [`App`] is every request's way in: session, role, forgery.
//! * `session`, `cases`, `payouts`, `batches` and `books` are what it leads to, by resource: each reads and checks, and makes a page.
//! * `ask` is a request as far as we read it, `reply` what goes back, `frame` what is `around` every page, `trouble` what went wrong.
//! * `start` is the console as it is deployed, [`Invoke`] its one way to payer.
//! * [`pages`] are the compiled templates and the plain words in them; [`story`] is what of them somebody reads elsewhere.
//!
//! A page is a struct that a template renders; every kind of case has a date until when it is due:
//!
//! ```
//! // Filed on a Thursday, 2026-11-26: two business days later is the Monday after.
//! let due = console::Sla::default().due(1_795_651_200_000, Some("EUR"));
//! assert_eq!(due.map(|day| day.to_string()).as_deref(), Some("2026-11-30"));
//! ```

mod app;
mod around;
mod ask;
mod bank;
mod batches;
mod books;
mod cases;
mod frame;
mod invoke;
pub mod pages;
mod payouts;
mod reply;
mod session;
mod start;
pub mod story;
mod trouble;

pub use app::{App, BASE, Parts, Payer, PayerSilent};
#[doc(hidden)]
pub use ask::{FORM_BYTES_AT_MOST, form_of};
pub use cases::amount::Amount;
pub use cases::due::Sla;
pub use invoke::Invoke;
pub use start::ConsoleConfig;
