//! The finance console: a web page over the reconcile table. It reads the audit table and cannot write it; it asks the rail
//! with a secret that only reads; what pays goes through payer, which does not trust it.
//!
//! * [`App`] is every request's way in: session, role, forgery.
//! * `sign_in` is OpenID Connect, and the fresh sign-in that a payout by hand asks of both people.
//! * `filter` (with an `amount`), `show`, `find`, `resolved`, `export` (for a `spreadsheet`) are what is seen, with what is `around` every page; `acts`, `ending`, `bulk`, `release`, `absence` what is done; `due` is until when.
//! * `draft` is what somebody has written and we have not, `again` the form that comes back with it; `finding` is what was known
//!   when a form was made, `evidence` the files of a case.
//! * `start` is the console as it is deployed, [`Invoke`] its one way to payer.
//! * [`pages`] are the compiled templates and the plain words in them.

mod absence;
mod acts;
mod again;
mod amount;
mod app;
mod around;
mod ask;
mod bulk;
mod comparison;
mod draft;
mod due;
mod ending;
mod evidence;
mod export;
mod filter;
mod find;
mod finding;
mod invoke;
pub mod pages;
mod release;
mod reply;
mod resolved;
mod show;
mod sign_in;
mod spreadsheet;
mod standing;
mod start;
mod told;
mod trouble;

pub use amount::Amount;
pub use app::{App, BASE, Parts, Payer, PayerSilent};
pub use due::Sla;
pub use invoke::Invoke;
pub use start::ConsoleConfig;
