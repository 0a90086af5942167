//! Claims and notes of refusals as values, and as items of the audit table. The names of the attributes are frozen by
//! a golden test: last year's claim must be found by next year's code.

use payonce_protocol::UnixMillis;
use payonce_protocol::event::ClaimFacts;
use payonce_protocol::ids::{AttemptId, Digest, KeyGeneration, Shards};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey, terms};
use payonce_protocol::sweep::MINUTE_MS;

use crate::LedgerError;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{AuditSk, bucket};

/// Whoever wrote it owns the attempt. At most 1 KB as an item: hashes and ids, no personal data but the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub key: PayoutKey,
    pub attempt: u16,
    pub attempt_id: AttemptId,
    pub event: EventId,
    pub provider: String,
    pub money: Money,
    pub destination: Destination,
    pub received_at: UnixMillis,
    pub claimed_at: UnixMillis,
    /// After this moment, by the worker's clock, the worker cannot be running.
    pub expires_at: UnixMillis,
    /// SHA-256 of the delivery's body, its name in the table of bodies.
    pub body: Digest,
    pub rail: String,
    pub rail_account: String,
    pub rail_mode: Mode,
    pub rail_key: String,
    pub key_generation: KeyGeneration,
    /// SHA-256 of the exact payout request: a re-issue under the same rail key must repeat it.
    pub request: Digest,
    pub request_id: String,
    pub trace_id: Option<String>,
}

impl Claim {
    pub fn facts(&self) -> ClaimFacts {
        ClaimFacts {
            attempt_id: self.attempt_id,
            event: Digest::of(self.event.as_str()),
            terms: terms(&self.money, &self.destination),
        }
    }

    pub(crate) fn to_item(&self, shards: Shards) -> Item {
        Fields::new(AuditSk::Claim(self.attempt).of(&self.key))
            .text("attempt_id", self.attempt_id)
            .text("event", &self.event)
            .text("provider", &self.provider)
            .money(&self.money)
            .text("destination", &self.destination)
            .number("received_at", self.received_at)
            .number("claimed_at", self.claimed_at)
            .number("expires_at", self.expires_at)
            // Digests as bytes: in hex two of them would not leave room for the longest order.
            .bytes("body", self.body.0)
            .text("rail", &self.rail)
            .text("rail_account", &self.rail_account)
            .text("rail_mode", self.rail_mode.as_str())
            .text("rail_key", &self.rail_key)
            .number("key_generation", self.key_generation)
            .bytes("request", self.request.0)
            .text("request_id", &self.request_id)
            .optional(self.trace_id.as_ref(), |fields, trace_id| fields.text("trace_id", trace_id))
            .text("bucket", bucket(self.received_at / MINUTE_MS, shards.of(&self.key)))
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the claim", item);
        Ok(Self {
            key: read.payout_key()?,
            attempt: read.parsed("sk", AuditSk::claimed)?,
            attempt_id: read.parsed("attempt_id", AttemptId::from_hex)?,
            event: read.event()?,
            provider: read.text("provider")?.to_owned(),
            money: read.money()?,
            destination: read.destination()?,
            received_at: read.number("received_at")?,
            claimed_at: read.number("claimed_at")?,
            expires_at: read.number("expires_at")?,
            body: read.digest("body")?,
            rail: read.text("rail")?.to_owned(),
            rail_account: read.text("rail_account")?.to_owned(),
            rail_mode: read.parsed("rail_mode", mode)?,
            rail_key: read.text("rail_key")?.to_owned(),
            key_generation: read.small("key_generation")?,
            request: read.digest("request")?,
            request_id: read.text("request_id")?.to_owned(),
            trace_id: read.optional("trace_id", |read| read.text("trace_id").map(str::to_owned))?,
        })
    }
}

/// That we asked the provider to come back with an event; written once for each event of a key. Should that event have
/// claimed nothing when its time is over, the sweeper opens a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalNote {
    pub key: PayoutKey,
    pub event: EventId,
    pub provider: String,
    pub money: Money,
    pub destination: Destination,
    pub refused_at: UnixMillis,
    /// From this moment on the provider will not come back.
    pub final_after: UnixMillis,
}

impl RefusalNote {
    pub(crate) fn to_item(&self, shards: Shards) -> Item {
        Fields::new(AuditSk::Refused(Digest::of(self.event.as_str())).of(&self.key))
            .text("event", &self.event)
            .text("provider", &self.provider)
            .money(&self.money)
            .text("destination", &self.destination)
            .number("received_at", self.refused_at)
            .number("final_after", self.final_after)
            // Listed under the minute in which it becomes final, days from now: the sweeper's visits start there.
            .text("bucket", bucket(self.final_after / MINUTE_MS, shards.of(&self.key)))
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the note of a refusal", item);
        Ok(Self {
            key: read.payout_key()?,
            event: read.event()?,
            provider: read.text("provider")?.to_owned(),
            money: read.money()?,
            destination: read.destination()?,
            refused_at: read.number("received_at")?,
            final_after: read.number("final_after")?,
        })
    }
}

pub(crate) fn mode(text: &str) -> Option<Mode> {
    [Mode::Live, Mode::Test].into_iter().find(|mode| mode.as_str() == text)
}
