//! Events that share a case: one change at the provider makes one thing to understand, and each event that it touches is
//! still somebody's money. The case bears the first; each further one has a record of its own beside the case's history.
//! It is put without moving the case on, so that a thousand events at once do not contend for its version.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::EventId;

use crate::cases::case::{Case, Who};
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, Beside, ReconcileKey};
use crate::powers::{Files, QueriesCases, Reads};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// What the history calls it.
pub(crate) const ACT: &str = "event";

/// The case that an event has in its record's place once people give it one of its own.
const MOVED: &str = "moved";

/// The case of one event alone, as it would have been opened if nothing were shared.
fn own(case: &Case, event: &EventId) -> Case {
    let provider = case.provider.clone().unwrap_or_default();
    Case { subject: vec![provider, event.to_string()], ..case.clone() }
}

impl<P: Reads> Ledger<P> {
    /// Once for each event, and before anything is answered; whether it is new.
    pub async fn note_further_event(&self, case: &Case) -> Result<bool, LedgerError>
    where
        P: Files,
    {
        self.note_beside(case, None).await
    }

    /// `stands`: the case as it was found.
    pub(crate) async fn note_beside(&self, case: &Case, stands: Option<&Item>) -> Result<bool, LedgerError> {
        let Some(event) = &case.event else { return Ok(false) };
        let read = match stands {
            Some(item) => Some(item.clone()),
            None => self.read_reconcile(&ReconcileKey::Case(case.id())).await?,
        };
        let first = read.as_ref().map(|item| ItemReader::new("the case", item).optional("event", ItemReader::event));
        if matches!(&first, Some(Ok(Some(first))) if first == event) {
            return Ok(false);
        }
        let facts = [
            Some((FactName::Event, event.to_string())),
            case.body.map(|body| (FactName::BodySha256, body.to_string())),
            case.key.as_ref().map(|key| (FactName::PayoutKey, key.to_string())),
            case.money.map(|money| (FactName::Sum, money.to_string())),
        ];
        let by = Who::function("payonce");
        // With all that a case of its own will need. By its event's id the case is found when somebody looks for it.
        let item = own(case, event)
            .fields(Fields::new(ReconcileKey::Beside(case.id(), Beside::Event(event.clone())).keys()))
            .text("act", ACT)
            .text("by", &by.subject)
            .number("at", case.opened_at)
            .map("facts", facts.into_iter().flatten())
            .done();
        // Done, or noted before.
        Ok(matches!(self.transact("note an event of a case", &[self.put_new(item)?]).await?, Transacted::Done))
    }

    /// Whether an event stands beside this case that has no case of its own. An ending of the case would not bind it.
    pub async fn stands_beside(&self, id: &CaseId) -> Result<bool, LedgerError>
    where
        P: QueriesCases,
    {
        Ok(!self.unmoved(id, 1).await?.is_empty())
    }

    /// Gives up to `at_most` events beside a shared case a case of their own, each in one transaction with the mark that it has
    /// one. Broken off anywhere, it goes on where it stopped. How many it was.
    pub async fn spread(&self, id: &CaseId, at_most: usize) -> Result<usize, LedgerError>
    where
        P: Files + QueriesCases,
    {
        let rows = self.unmoved(id, at_most).await?;
        for row in &rows {
            let case = Case::from_item(&ItemReader::new("the event of a case", row))?;
            let marked = self.marked(row, &case.id())?;
            let mut parts = self.opening(&case)?.to_vec();
            parts.push(marked.clone());
            if let Transacted::Unmet(_) = self.transact("give an event its own case", &parts).await? {
                // It has one already, or somebody else does the same.
                drop(self.transact("give an event its own case", &[marked]).await?);
            }
        }
        Ok(rows.len())
    }

    fn marked(&self, row: &Item, case: &CaseId) -> Result<TransactWriteItem, LedgerError> {
        let mut row = row.clone();
        row.insert(MOVED.to_owned(), AttributeValue::S(case.to_string()));
        if let Some(AttributeValue::M(facts)) = row.get_mut("facts") {
            facts.insert(FactName::Case.to_string(), AttributeValue::S(case.to_string()));
        }
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(row))
            .condition_expression("attribute_exists(#pk) AND attribute_not_exists(#moved)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#moved", MOVED)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A consistent read.
    async fn unmoved(&self, id: &CaseId, at_most: usize) -> Result<Vec<Item>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut rows = self
            .within(keys::events_beside(id))
            .filter_expression("attribute_not_exists(#moved)")
            .expression_attribute_names("#moved", MOVED)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < at_most
            && let Some(row) = rows.next().await
        {
            found.push(row.map_err(|error| LedgerError::failed("read the events of a case", &error))?);
        }
        Ok(found)
    }
}

/// The case that an event's record stands beside; `None` for a row that is a case itself.
pub(crate) fn beside(row: &Item) -> Option<CaseId> {
    match ReconcileKey::of(row)? {
        ReconcileKey::Beside(case, _) => Some(case),
        _ => None,
    }
}
