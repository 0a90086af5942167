//! Events that share a case: one change at the provider makes one thing to understand, and each event that it touches is
//! still somebody's money. The case bears the first; each further one has a record of its own beside the case's history.
//! It is put without moving the case on, so that a thousand events at once do not contend for its version.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::ids::CaseId;

use crate::acts::{EVENT, PREFIX};
use crate::case::{Case, Who};
use crate::case_item::CASE_SK;
use crate::item::{Fields, Item, Reader};
use crate::{Ledger, LedgerError};

/// What the history calls it.
pub(crate) const ACT: &str = "event";

impl Ledger {
    /// Once for each event, and before anything is answered. `stands`: the case as it was found.
    pub(crate) async fn note_further_event(&self, case: &Case, stands: Option<&Item>) -> Result<(), LedgerError> {
        let Some(event) = &case.event else { return Ok(()) };
        let read = match stands {
            Some(item) => Some(item.clone()),
            None => self.read_reconcile(case.id().as_str(), CASE_SK).await?,
        };
        let first = read.as_ref().map(|item| Reader::new("the case", item).optional("event", Reader::event));
        if matches!(&first, Some(Ok(Some(first))) if first == event) {
            return Ok(());
        }
        let facts = [
            Some(("event", event.to_string())),
            case.body.map(|body| ("body_sha256", body.to_string())),
            case.key.as_ref().map(|key| ("payout_key", key.to_string())),
            case.money.map(|money| ("sum", money.to_string())),
        ];
        let by = Who::function("payonce");
        let item = Fields::new(case.id(), format!("{PREFIX}{EVENT}{event}"))
            .text("act", ACT)
            .text("by", &by.subject)
            // By which the case is found when somebody looks for this event.
            .text("event", event)
            .number("since", case.opened_at)
            .number("at", case.opened_at)
            .map("facts", facts.into_iter().flatten())
            .done();
        // Done, or noted before.
        self.transact("note an event of a case", &[self.put_new(item)?]).await.map(drop)
    }
}

/// The case that an event's record stands beside; `None` for a row that is a case itself.
pub(crate) fn beside(row: &Item) -> Option<CaseId> {
    let text = |name: &str| row.get(name).and_then(|value| AttributeValue::as_s(value).ok());
    text("sk").filter(|sk| sk.starts_with(PREFIX))?;
    CaseId::parse(text("pk")?)
}
