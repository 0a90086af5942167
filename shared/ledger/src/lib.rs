//! The three tables, and the only code that touches them.
//!
//! * `audit` is append-only: claims, outcomes, notes of refusals and of unwritten cases. `audit::append` is its one writer and sets
//!   the condition; nothing here updates or deletes in it (invariant claims-are-forever).
//! * `bodies` keeps one compressed body per delivery for a while, under its SHA-256, and the files that people attach to cases.
//! * `reconcile` holds the cases with their history, and the few items by which the functions agree (hold, accepted rules, round):
//!   the rooms `cases` and `control`.
//!
//! `keys` says under which keys each item stands, and nothing else spells one out.
//!
//! There are two clients. The one for claims sends each put exactly once, because a repeated conditional put fails
//! against itself. The one for everything else retries, because losing an outcome is losing money silently; what it
//! writes may safely be written twice.
//!
//! A case's id is made of its reason and its subject, so that whoever files the same thing again finds the case that is there:
//!
//! ```
//! use payonce_ledger::Case;
//! use payonce_protocol::outcome::Reason;
//!
//! let filed = |event: &str, at| Case::new(Reason::InvalidEvent, vec!["stripe".to_owned(), event.to_owned()], at).id();
//! assert_eq!(filed("evt_1", 1_000), filed("evt_1", 2_000));
//! assert_ne!(filed("evt_1", 1_000), filed("evt_2", 1_000));
//! ```

mod audit;
mod bodies;
mod book;
mod cases;
mod client;
mod control;
mod error;
#[doc(hidden)]
pub mod fuzzed;
mod item;
mod kept;
mod keys;
pub mod powers;
mod reconcile;
mod schema;
mod single_shot;
mod size;
mod transaction;

#[cfg(test)]
mod persisted_tests;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use payonce_protocol::ids::Shards;

use powers::Holder;
use single_shot::SingleShot;

pub use audit::attempt::{AttemptName, Entry, IndexRow};
pub use audit::bar::{Bar, Barred, Made};
pub use audit::claim::{Claim, RefusalNote};
pub use audit::closing::{Agreed, Bound, Closed, Closing, Place, Standing};
pub use audit::outcome::{Abandoned, OutcomeRecord, StoredOutcome};
pub use audit::payout::{Alias, Attempted, FoundPayout, LookUpRecord, Payout, Seen};
pub use audit::seen::PAYER;
pub use audit::sweep::{Attempts, MinuteRows, Outcomes, StoredEnd};
pub use bodies::body::StoredBody;
pub use bodies::evidence::{FILE_BYTES_AT_MOST, StoredFile};
pub use book::{ListedKeys, NoRow, OurRecords, case_rows};
pub use cases::acts::{Acted, CaseAct, HistoryRecord};
pub use cases::batch::{Batch, Decision, LINES_AT_MOST, Step};
pub use cases::breaks::Explained;
pub use cases::case::{Case, Filed, FiledCase, Opened, Proposal, Resolution, Who};
pub use cases::find::{Period, ToApprove};
pub use cases::queue::{Cursor, Page, Queue};
pub use cases::reissue::FurtherDecision;
pub use cases::totals::{AGES_MS, Incident, Snapshot, Stock, Sum, Totals};
pub use client::{Credentials, Settings, kept_alive};
pub use control::accepted::{Accepted, NotAccepted, Wish};
pub use control::hold::{Books, Control};
pub use control::imports::KeptImport;
pub use control::parts::KeptFile;
pub use control::people::{Away, People, PersonRecord, Stranger};
pub use control::round::{DUE_AT_MOST, DueLookUp};
pub use control::runs::KeptRun;
pub use control::samples::Sample;
pub use error::LedgerError;
pub use item::SCHEMA;
pub use keys::{cause_of_incident, ended_attempt, is_case, is_claim};
pub use schema::{BODIES_TTL, BY_MINUTE, OPEN, create_tables};
pub use single_shot::ClaimConnection;
pub use size::{item_size, write_units};

/// A function that starts does not wait longer for what only makes it faster.
const SAID_WITHIN: Duration = Duration::from_secs(1);

/// Names of the three tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub audit: String,
    pub bodies: String,
    pub reconcile: String,
}

/// The tables, with a client for claims and one for records, and the powers of its holder.
#[derive(Clone, Debug)]
pub struct Ledger<P = powers::Everything> {
    /// Sends each request once.
    claims: Client,
    single_shot: SingleShot,
    /// Retries.
    records: Client,
    audit: audit::append::Audit,
    bodies: String,
    reconcile: String,
    /// Under how many partitions claims are listed from now on.
    shards: Shards,
    holder: PhantomData<P>,
}

impl Ledger {
    /// Builds both clients; nothing is sent. The only failure is an endpoint that is neither AWS's nor on loopback.
    #[expect(clippy::disallowed_methods, reason = "records may be written twice")]
    pub fn new(settings: &Settings, tables: Tables) -> Result<Self, LedgerError> {
        let single_shot = SingleShot::new(settings)?;
        let records = client::records(settings, kept_alive(single_shot.peer().clone()))?;
        Ok(Self {
            claims: client::claims(settings, single_shot.clone())?,
            single_shot,
            records,
            audit: audit::append::Audit::new(tables.audit),
            bodies: tables.bodies,
            reconcile: tables.reconcile,
            shards: Shards::ONE,
            holder: PhantomData,
        })
    }

    /// For whoever writes claims: under as many as are wanted, and never more than a sweeper says that it reads. So a number that is
    /// raised counts once a sweeper of that version has run; until then, and where nobody can say, it is one.
    pub async fn listing_under_at_most(self, wanted: Shards) -> Self {
        if wanted == Shards::ONE {
            return self;
        }
        let read = match tokio::time::timeout(SAID_WITHIN, self.progress()).await {
            Ok(Ok(progress)) => progress.map(|progress| progress.shards),
            _ => None,
        };
        self.listing_under(read.unwrap_or(Shards::ONE).min(wanted))
    }

    /// For the sweeper, which says so; readers find out ([`Ledger::shards`]).
    #[must_use]
    pub fn listing_under(self, shards: Shards) -> Self {
        Self { shards, ..self }
    }

    /// The same tables and clients, for a function that may do less.
    pub fn narrowed<P: Holder>(&self) -> Arc<Ledger<P>> {
        let Self { claims, single_shot, records, audit, bodies, reconcile, shards, .. } = self.clone();
        Arc::new(Ledger { claims, single_shot, records, audit, bodies, reconcile, shards, holder: PhantomData })
    }
}
