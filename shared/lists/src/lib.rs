//! Asks providers, and only asks: every question is a GET under a secret that reads, and nothing here can make it another.
//!
//! * [`Source`]: the state of the payment that a payout is made from.
//! * [`ProviderList`]: the provider's own list of what it sent, and [`ListBook`], a window of it, read a page at a time to an end
//!   that is [`End::Complete`] or says why not. What it gives is in the form of a delivery, so that the rules that read deliveries
//!   read it, too. `stripe` is the one list in code; others are described in the configuration (`infra/lists`).
//! * [`ProviderList::not_sent`]: whether the provider sends here at all, where it says so.

mod book;
mod check;
mod config;
mod endpoint;
mod list;
mod page;
mod source;
mod stripe;
mod template;

pub use book::{End, Gap, ListBook};
pub use config::{AccountConfig, HttpListConfig, ListConfig, ListKind, NextBy, NextConfig};
pub use endpoint::NotSent;
pub use list::ProviderList;
pub use page::ListedEvent;
pub use source::{Source, SourceConfig, SourceFailure, SourceState};
