//! The control item: whether payouts are made, and for which tables a person released them. Every change is conditional on
//! the version that was read, and leaves a record of who made it and why.
//!
//! Nothing that is restored decides whether payouts are made: a release names the ids of the tables that were there, and a
//! restored table has another one. <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html>

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem};
use futures_util::future::try_join;
use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::release::{TableIds, books_from};

use crate::audit::append::NOTHING_THERE;
use crate::cases::case::Who;
use crate::cases::case_item::history;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{ReconcileKey, Versioned};
use crate::powers::{Holder, Holds, Reads, Releases};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub hold: Hold,
    pub set_by: String,
    pub set_at: UnixMillis,
    pub why: String,
    /// `None` until the first release.
    pub released_for: Option<TableIds>,
    /// Claims from before this moment may be missing in these tables: what is older is a case and not paid.
    pub books_from: Option<UnixMillis>,
    pub version: u64,
}

/// What a person says of tables that payouts were never released for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Books {
    /// Nothing was ever paid from others: these are the first.
    First,
    /// They were restored, imported or made anew: claims may be missing.
    Restored,
}

impl<P: Holder> Ledger<P> {
    /// A consistent read. `None` on a new stack.
    pub async fn control(&self) -> Result<Option<Control>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Hold).await?;
        item.as_ref().map(Control::from_item).transpose()
    }

    /// No payouts are made until a person says so. Nothing else is in a function's power.
    pub async fn stop_payouts(&self, by: &str, why: &str, now: UnixMillis) -> Result<Control, LedgerError>
    where
        P: Holds,
    {
        self.hold(Hold::Refuse, by, why, now).await
    }

    /// Says whether payouts are made, from now on. `Pay` is a release of the tables that are there.
    pub async fn set_hold(&self, hold: Hold, by: &str, why: &str, now: UnixMillis) -> Result<Control, LedgerError>
    where
        P: Releases + Reads,
    {
        match hold {
            Hold::Pay => self.release(Books::Restored, by, why, now).await,
            Hold::Refuse | Hold::Record => self.hold(hold, by, why, now).await,
        }
    }

    async fn hold(&self, hold: Hold, by: &str, why: &str, now: UnixMillis) -> Result<Control, LedgerError> {
        let seen = self.control().await?;
        let next = Control { hold, ..Control::after(seen.as_ref(), by, why, now) };
        self.put_control(next, "hold").await
    }

    /// Payouts are made, for the tables that are there and no others. Tables that they were not released for before are
    /// what `books` says; those that were ever released elsewhere are never the first.
    pub async fn release(&self, books: Books, by: &str, why: &str, now: UnixMillis) -> Result<Control, LedgerError>
    where
        P: Releases + Reads,
    {
        let seen = self.control().await?;
        let tables = self.table_ids().await?;
        let next = Control::after(seen.as_ref(), by, why, now);
        let from = match (&next.released_for, books) {
            (Some(released), _) if *released == tables => next.books_from,
            (None, Books::First) => None,
            _ => Some(books_from(now)),
        };
        let next = Control { hold: Hold::Pay, released_for: Some(tables), books_from: from, ..next };
        self.put_control(next, "release").await
    }

    /// DynamoDB's ids of the tables that are there.
    pub async fn table_ids(&self) -> Result<TableIds, LedgerError>
    where
        P: Reads,
    {
        let (audit, reconcile) = try_join(self.table_id(self.audit.table()), self.table_id(&self.reconcile)).await?;
        Ok(TableIds { audit, reconcile })
    }

    async fn table_id(&self, name: &str) -> Result<String, LedgerError> {
        let described = self.records.describe_table().table_name(name).send().await;
        let described = described.map_err(|error| LedgerError::failed("describe a table", &error))?;
        let missing = LedgerError::Missing { what: "the table's id" };
        let table = described.table().ok_or(missing.clone())?;
        // DynamoDB Local gives none. A table of the same name that is made later has another time.
        let named = || Some(format!("{} of {}", table.table_arn()?, table.creation_date_time()?.to_millis().ok()?));
        table.table_id().map(str::to_owned).or_else(named).ok_or(missing)
    }

    /// `next` bears the version after the one that was read.
    async fn put_control(&self, next: Control, act: &str) -> Result<Control, LedgerError> {
        let parts = [self.put_after(next.to_item(), next.version)?, self.put_new(next.history(act))?];
        match self.transact("change the control item", &parts).await? {
            Transacted::Done => Ok(next),
            Transacted::Unmet(_) => Err(LedgerError::Changed { what: "the control item" }),
        }
    }

    /// That the hold is what was read.
    pub(crate) fn hold_stands(&self, control: Option<&Control>) -> Result<TransactWriteItem, LedgerError> {
        let check =
            ConditionCheck::builder().table_name(&self.reconcile).set_key(Some(ReconcileKey::Hold.keys().into_item()));
        let check = match control {
            Some(control) => check
                .condition_expression("#version = :seen")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":seen", AttributeValue::N(control.version.to_string())),
            None => check.condition_expression(NOTHING_THERE).expression_attribute_names("#pk", "pk"),
        };
        Ok(TransactWriteItem::builder().condition_check(check.build()?).build())
    }
}

impl Control {
    /// The next version of what was read; held, until somebody says otherwise.
    fn after(seen: Option<&Self>, by: &str, why: &str, now: UnixMillis) -> Self {
        Self {
            hold: Hold::Refuse,
            set_by: by.to_owned(),
            set_at: now,
            why: why.to_owned(),
            released_for: seen.and_then(|seen| seen.released_for.clone()),
            books_from: seen.and_then(|seen| seen.books_from),
            version: seen.map_or(0, |seen| seen.version) + 1,
        }
    }

    pub(crate) fn to_item(&self) -> Item {
        Fields::new(ReconcileKey::Hold.keys())
            .number("version", self.version)
            .text("hold", self.hold)
            .text("set_by", &self.set_by)
            .number("set_at", self.set_at)
            .text("why", &self.why)
            .optional(self.released_for.as_ref(), |fields, ids| {
                fields.text("audit_table", &ids.audit).text("reconcile_table", &ids.reconcile)
            })
            .optional(self.books_from, |fields, from| fields.number("books_from", from))
            .done()
    }

    fn history(&self, act: &str) -> Item {
        let mut facts = BTreeMap::from([("hold", self.hold.to_string()), ("why", self.why.clone())]);
        if let Some(ids) = &self.released_for {
            facts.extend([("audit_table", ids.audit.clone()), ("reconcile_table", ids.reconcile.clone())]);
        }
        facts.extend(self.books_from.map(|from| ("books_from", from.to_string())));
        history(Versioned::Hold, self.version, act, &Who::function(&self.set_by), self.set_at, facts)
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the control item", item);
        let ids = |read: &ItemReader<'_>| {
            let (audit, reconcile) = (read.text("audit_table")?.to_owned(), read.text("reconcile_table")?.to_owned());
            Ok(TableIds { audit, reconcile })
        };
        Ok(Self {
            hold: read.parsed("hold", Hold::parse)?,
            set_by: read.text("set_by")?.to_owned(),
            set_at: read.number("set_at")?,
            why: read.text("why")?.to_owned(),
            released_for: read.optional("audit_table", ids)?,
            books_from: read.optional("books_from", |read| read.number("books_from"))?,
            version: read.number("version")?,
        })
    }
}
