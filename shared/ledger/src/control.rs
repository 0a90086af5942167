//! The control item: whether payouts are made, and which rules of payout keys are accepted. Every change is conditional
//! on the version that was read, and leaves a record of who made it and why.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;

use crate::case::Who;
use crate::case_item::history;
use crate::item::{Fields, Item, Reader};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

const PK: &str = "control";
const SK: &str = "hold";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub hold: Hold,
    pub set_by: String,
    pub set_at: UnixMillis,
    pub why: String,
    /// Fingerprint of the accepted rules of payout keys (C3).
    pub keys: Digest,
    /// Events signed before this moment are not paid.
    pub paid_from: Option<UnixMillis>,
    pub version: u64,
}

impl Ledger {
    /// A consistent read. `None` on a new stack.
    pub async fn control(&self) -> Result<Option<Control>, LedgerError> {
        let item = self.read_reconcile(PK, SK).await?;
        item.as_ref().map(Control::from_item).transpose()
    }

    /// On a new stack the first configuration to arrive is the accepted one. Whoever was first, this returns what
    /// stands.
    pub async fn start_control(&self, keys: Digest, now: UnixMillis) -> Result<Control, LedgerError> {
        let first = Control {
            hold: Hold::Pay,
            set_by: "payonce".to_owned(),
            set_at: now,
            why: "a new stack".to_owned(),
            keys,
            paid_from: None,
            version: 1,
        };
        let parts = [self.put_new(first.to_item())?, self.put_new(first.history("started"))?];
        match self.transact("start the control item", &parts).await? {
            Transacted::Done => Ok(first),
            Transacted::Unmet(_) => self.control().await?.ok_or(MISSING),
        }
    }

    /// Says whether payouts are made, from now on.
    pub async fn set_hold(&self, hold: Hold, by: &str, why: &str, now: UnixMillis) -> Result<Control, LedgerError> {
        let seen = self.control().await?.ok_or(MISSING)?;
        let next = Control { hold, set_by: by.to_owned(), set_at: now, why: why.to_owned(), ..seen };
        self.move_control_on(next, "hold").await
    }

    /// Accepts rules that derive other payout keys; what was signed before `paid_from` may stand under the old keys.
    pub async fn accept_keys(
        &self,
        keys: Digest,
        paid_from: UnixMillis,
        by: &str,
        now: UnixMillis,
    ) -> Result<Control, LedgerError> {
        let seen = self.control().await?.ok_or(MISSING)?;
        let why = "the rules of payout keys were accepted".to_owned();
        let next = Control { keys, paid_from: Some(paid_from), set_by: by.to_owned(), set_at: now, why, ..seen };
        self.move_control_on(next, "keys").await
    }

    /// `next` bears the version that was read.
    async fn move_control_on(&self, next: Control, act: &str) -> Result<Control, LedgerError> {
        let seen = next.version;
        let next = Control { version: seen + 1, ..next };
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(next.to_item()))
            .condition_expression("#version = :seen")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
            .build()?;
        let parts = [TransactWriteItem::builder().put(put).build(), self.put_new(next.history(act))?];
        match self.transact("change the control item", &parts).await? {
            Transacted::Done => Ok(next),
            Transacted::Unmet(_) => Err(LedgerError::Changed { what: "the control item" }),
        }
    }
}

const MISSING: LedgerError = LedgerError::Missing { what: "the control item" };

impl Control {
    fn to_item(&self) -> Item {
        Fields::new(PK, SK)
            .number("version", self.version)
            .text("hold", self.hold)
            .text("set_by", &self.set_by)
            .number("set_at", self.set_at)
            .text("why", &self.why)
            .text("keys", self.keys)
            .optional(self.paid_from, |fields, paid_from| fields.number("paid_from", paid_from))
            .done()
    }

    fn history(&self, act: &str) -> Item {
        let paid_from = self.paid_from.map(|paid_from| ("paid_from", paid_from.to_string()));
        let facts = [("hold", self.hold.to_string()), ("keys", self.keys.to_string()), ("why", self.why.clone())];
        let facts = facts.into_iter().chain(paid_from).map(|(name, value)| (name.to_owned(), value)).collect();
        history(PK, self.version, act, &Who::function(&self.set_by), self.set_at, &facts)
    }

    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new("the control item", item);
        Ok(Self {
            hold: read.parsed("hold", Hold::parse)?,
            set_by: read.text("set_by")?.to_owned(),
            set_at: read.number("set_at")?,
            why: read.text("why")?.to_owned(),
            keys: read.hex_digest("keys")?,
            paid_from: read.optional("paid_from", |read| read.number("paid_from"))?,
            version: read.number("version")?,
        })
    }
}
