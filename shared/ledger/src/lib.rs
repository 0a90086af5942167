//! The three tables, and the only code that touches them.
//!
//! * `audit` is append-only: claims, outcomes, notes of refusals and of unwritten cases. [`append`] is its one writer and sets the
//!   condition; nothing here updates or deletes in it (invariant claims-are-forever).
//! * `bodies` keeps one compressed body per delivery for a while, under its SHA-256, and the files that people attach to cases.
//! * `reconcile` holds the cases with their history, and the few items by which the functions agree (hold, accepted rules, round).
//!
//! There are two clients. The one for claims sends each put exactly once, because a repeated conditional put fails
//! against itself. The one for everything else retries, because losing an outcome is losing money silently; what it
//! writes may safely be written twice.

mod accepted;
mod acts;
mod added;
mod alias;
mod answer;
mod append;
mod attempt;
mod bar;
mod batch;
mod body;
mod case;
mod case_events;
mod case_item;
mod claim;
mod client;
mod closing;
mod control;
mod error;
mod evidence;
mod find;
mod item;
mod outcome;
mod payout;
mod people;
mod queue;
mod reissue;
mod round;
mod samples;
mod schema;
mod seen;
mod size;
mod sweep;
mod totals;
mod transaction;
mod unfiled;

use aws_sdk_dynamodb::Client;

pub use accepted::{Accepted, NotAccepted, Wish};
pub use acts::{Acted, Doing, HistoryRecord};
pub use attempt::{AttemptName, Entry, IndexRow};
pub use bar::{Bar, Barred, Made};
pub use batch::{Batch, Decision, LINES_AT_MOST, Step};
pub use body::StoredBody;
pub use case::{Case, Filed, FiledCase, Opened, Proposal, Resolution, Who};
pub use claim::{Claim, RefusalNote};
pub use client::{Credentials, Settings};
pub use closing::{Agreed, Bound, Closed, Closing, Place, Standing};
pub use control::{Books, Control};
pub use error::LedgerError;
pub use evidence::{FILE_BYTES_AT_MOST, StoredFile};
pub use find::{Period, ToApprove};
pub use item::SCHEMA;
pub use outcome::{Abandoned, OutcomeRecord, StoredOutcome};
pub use payout::{Attempted, FoundPayout, LookUpRecord, Payout, Seen};
pub use people::{Away, People, PersonRecord, Stranger};
pub use queue::{Cursor, Page, Queue};
pub use reissue::Decided;
pub use round::{DUE_AT_MOST, DueLookUp};
pub use samples::Sample;
pub use schema::{BODIES_TTL, BY_MINUTE, OPEN, create_tables};
pub use seen::FOUND;
pub use size::{item_size, write_units};
pub use sweep::{Attempts, Ended, MinuteRows, Outcomes};
pub use totals::{AGES_MS, Incident, Snapshot, Stock, Sum, Totals};

/// Names of the three tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub audit: String,
    pub bodies: String,
    pub reconcile: String,
}

/// The tables, with a client for claims and one for records.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Sends each request once.
    claims: Client,
    /// Retries.
    records: Client,
    audit: append::Audit,
    bodies: String,
    reconcile: String,
}

impl Ledger {
    /// Builds both clients; nothing is sent. The only failure is an endpoint that is neither AWS's nor on loopback.
    pub fn new(settings: &Settings, tables: Tables) -> Result<Self, LedgerError> {
        Ok(Self {
            claims: client::claims(settings)?,
            records: client::records(settings)?,
            audit: append::Audit::new(tables.audit),
            bodies: tables.bodies,
            reconcile: tables.reconcile,
        })
    }
}
