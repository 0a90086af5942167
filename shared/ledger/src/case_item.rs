//! Cases and their history as items of the reconcile table.

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;

use crate::LedgerError;
use crate::case::{Case, FiledCase};
use crate::item::{Fields, Item, Reader};

pub(crate) const CASE_SK: &str = "case";
const STATUS_OPEN: &str = "open";

/// Open cases are spread by the first digit of their id, which is a hash: one bad hour must not be one hot partition.
pub(crate) const OPEN_SHARDS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

pub(crate) fn open_shard(digit: char) -> String {
    format!("open#{digit}")
}

impl Case {
    /// As it is when it opens.
    pub(crate) fn to_item(&self) -> Item {
        let id = self.id();
        let digit = id.as_str().chars().next().unwrap_or('0');
        Fields::new(&id, CASE_SK)
            .number("version", 1_u64)
            .text("status", STATUS_OPEN)
            .text("open", open_shard(digit))
            .number("opened_at", self.opened_at)
            .text("reason", self.reason)
            .list("subject", &self.subject)
            .optional(self.provider.as_ref(), |fields, provider| fields.text("provider", provider))
            .optional(self.key.as_ref(), |fields, key| fields.text("key", key))
            .optional(self.attempt, |fields, attempt| fields.number("attempt", attempt))
            .optional(self.event.as_ref(), |fields, event| fields.text("event", event))
            .optional(self.money.as_ref(), |fields, money| fields.money(money))
            .optional(self.destination.as_ref(), |fields, destination| fields.text("destination", destination))
            .optional(self.body, |fields, body| fields.text("body", body))
            .optional(self.incident.as_ref(), |fields, incident| fields.text("incident", incident))
            .map("details", &self.details)
            .done()
    }

    fn from_item(read: &Reader<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            reason: read.parsed("reason", Reason::parse)?,
            subject: read.list("subject")?,
            provider: read.optional("provider", |read| read.text("provider").map(str::to_owned))?,
            key: read.optional("key", |read| read.parsed("key", |text| PayoutKey::new(text).ok()))?,
            attempt: read.optional("attempt", |read| read.small("attempt"))?,
            event: read.optional("event", Reader::event)?,
            money: read.optional("amount", Reader::money)?,
            destination: read.optional("destination", Reader::destination)?,
            body: read.optional("body", |read| read.hex_digest("body"))?,
            incident: read.optional("incident", |read| read.text("incident").map(str::to_owned))?,
            details: read.map("details")?,
            opened_at: read.number("opened_at")?,
        })
    }
}

impl FiledCase {
    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new("the case", item);
        Ok(Self {
            case: Case::from_item(&read)?,
            status: read.text("status")?.to_owned(),
            version: read.number("version")?,
            evidence: read.map("evidence")?,
        })
    }
}

/// One record of what was done to the item at `pk`, and by whom.
pub(crate) fn history(
    pk: &str,
    version: u64,
    act: &str,
    by: &str,
    at: UnixMillis,
    facts: &BTreeMap<String, String>,
) -> Item {
    Fields::new(pk, format!("history#{version:06}"))
        .text("act", act)
        .text("by", by)
        .number("at", at)
        .map("facts", facts)
        .done()
}
