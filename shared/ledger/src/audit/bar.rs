//! Bars: what a blocking event (a refund, a dispute) leaves, so that a payment that was given back is not paid out. Two items
//! of the payout's own partition. The first is for payer: no further attempt, however this one ended. The second stands in
//! the place of the first attempt, where the webhook's claim meets it; where something stands there already, it stays.

use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::closing::{ClosedBy, ClosingFacts};
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutKey};

use crate::audit::attempt::is_taken;
use crate::audit::claim::Claim;
use crate::audit::closing::{Closing, FIRST};
use crate::audit::payout::Payout;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::AuditSk;
use crate::powers::{Claims, QueriesAudit, Reads};
use crate::{Ledger, LedgerError};

/// The attribute by which a bar is told from a claim.
pub(crate) const BAR: &str = "barred_at";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub key: PayoutKey,
    /// The blocking event.
    pub event: EventId,
    pub provider: String,
    /// SHA-256 of its delivery's body.
    pub body: Digest,
    pub received_at: UnixMillis,
    pub barred_at: UnixMillis,
}

/// What a bar found of the payment's payouts. Nothing: no money can leave under this key, and none did.
pub type Barred = Vec<Made>;

/// A payout that was, or may have been, made before the blocking event came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// By its last claim.
    Claimed(Box<Claim>),
    /// People ended it as paid elsewhere.
    ByHand(Box<Closing>),
    /// Something stands there that this code cannot read.
    Unreadable,
}

impl Bar {
    pub fn facts(&self) -> ClosingFacts {
        ClosingFacts { by: ClosedBy::Bar, event: Some(Digest::of(self.event.as_str())), terms: None }
    }

    pub(crate) fn to_item(&self, sk: AuditSk) -> Item {
        Fields::new(sk.of(&self.key))
            .text("event", &self.event)
            .text("provider", &self.provider)
            .bytes("body", self.body.0)
            .number("received_at", self.received_at)
            .number(BAR, self.barred_at)
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the bar", item);
        Ok(Self {
            key: read.payout_key()?,
            event: read.event()?,
            provider: read.text("provider")?.to_owned(),
            body: read.digest("body")?,
            received_at: read.number("received_at")?,
            barred_at: read.number(BAR)?,
        })
    }
}

impl Payout {
    fn made(&self) -> Option<Made> {
        let by_hand = self.closed.as_ref().filter(|closing| closing.ending == Ending::PaidElsewhere);
        match self.attempts.last() {
            Some(last) => Some(Made::Claimed(Box::new(last.claim.clone()))),
            None => by_hand.map(|closing| Made::ByHand(Box::new(closing.clone()))),
        }
    }
}

pub(crate) fn is_bar(item: &Item) -> bool {
    item.contains_key(BAR)
}

impl<P: Reads> Ledger<P> {
    /// Durable when this returns. May be asked again: what stands, stays.
    pub async fn bar(&self, bar: &Bar) -> Result<Barred, LedgerError>
    where
        P: Claims + QueriesAudit,
    {
        self.put_bar(bar.to_item(AuditSk::Barred)).await?;
        if self.put_bar(bar.to_item(AuditSk::Claim(FIRST))).await? {
            return Ok(vec![]);
        }
        match self.made(&bar.key).await {
            Err(LedgerError::Unreadable { .. }) => Ok(vec![Made::Unreadable]),
            made => made,
        }
    }

    /// All payouts of one payment: those of the key itself, and those of the other events that two people paid as orders of
    /// their own.
    async fn made(&self, key: &PayoutKey) -> Result<Barred, LedgerError>
    where
        P: QueriesAudit,
    {
        let first = self.payout(key).await?;
        let mut made: Barred = first.made().into_iter().collect();
        for own in &first.own_orders {
            made.extend(self.payout(own).await?.made());
        }
        Ok(made)
    }

    /// Of a key that earlier rules derived: whatever the webhook claims now meets the bar under its own key, and only what
    /// was claimed formerly is of interest.
    pub async fn bar_former(&self, bar: &Bar) -> Result<Barred, LedgerError>
    where
        P: Claims + QueriesAudit,
    {
        match self.standing(&bar.key, FIRST).await {
            Ok(None) => Ok(vec![]),
            Ok(Some(_)) | Err(LedgerError::Unreadable { .. }) => self.bar(bar).await,
            Err(error) => Err(error),
        }
    }

    /// Whether the payment of this key was given back or disputed. A consistent read.
    pub async fn is_barred(&self, key: &PayoutKey) -> Result<bool, LedgerError> {
        Ok(self.read_audit(key, AuditSk::Barred).await?.is_some())
    }

    /// Whether it was free. The client tries an unclear answer again; the identical item is then found to be there.
    async fn put_bar(&self, item: Item) -> Result<bool, LedgerError>
    where
        P: Claims,
    {
        match self.audit.append(&self.records, item).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(LedgerError::failed("put a bar", &error)),
        }
    }
}
