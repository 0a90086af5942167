//! The reconciler: holds four books against each other, per payout key: the provider's events, our own records, the rail's payouts and
//! the bank's lines. What it finds is said by [`payonce_protocol::reconcile`]; it writes that down, files each break as a case, and pays nothing.
//!
//! * `rail` makes rows of what the rail says that it paid; [`payonce_ledger::OurRecords`] makes those of ours.
//! * `list` makes rows of what the provider says that it sent.
//! * `bank` makes rows of what was imported of the bank's files, and says which days they do not cover; `imported` reads what people
//!   imported in the console.
//! * `gather` reads the books of one window, each complete or with what it lacks.
//! * `pages` reads the rail's book a page at a time, `pace` no more often than the rail takes.
//! * `run` takes up what the run before left, and writes what this one found into a folder, its manifest last.
//!
//! What an earlier run was done with is brought along where something new comes to it, as that run saw it; what it left open is
//! carried whole.

mod app;
mod bank;
mod config;
mod figures;
mod file;
mod gather;
mod imported;
mod list;
mod missing;
mod pace;
mod pages;
mod rail;
mod run;
mod silence;

pub use app::{App, AppError, DAY_MS, Parts, Report, TIME_OUT, Windows};
pub use bank::{Account, AtBank, BANK, Bank, BankLines, namespaces};
pub use gather::{AGAIN_AFTER_DAYS, GatherError, Gathered, Sources, gather};
pub use imported::imported;
pub use list::{Listed, Lists};
pub use rail::{NotInUnits, RailRows};
pub use run::{Before, Beside, Settings, reconcile, reconcile_beside};
pub use silence::Heard;
