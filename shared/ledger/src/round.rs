//! The sweeper's own items: how far its rounds are complete, and the snapshot of aggregates. Both are overwritten; neither
//! is ever part of a transaction about money (H7).

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::sweep::Minute;

use crate::item::{Fields, Item, Reader};
use crate::{Ledger, LedgerError};

const PK: &str = "sweeper";
const ROUND_SK: &str = "round";
const SNAPSHOT_SK: &str = "snapshot";

/// Figures at one moment, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub taken_at: UnixMillis,
    pub figures: BTreeMap<String, String>,
}

impl Ledger {
    /// The end of the last complete round. `None` on a new stack.
    pub async fn last_round(&self) -> Result<Option<Minute>, LedgerError> {
        let item = self.read_reconcile(PK, ROUND_SK).await?;
        item.map(|item| Reader::new("the round", &item).number("through")).transpose()
    }

    pub async fn set_round(&self, through: Minute) -> Result<(), LedgerError> {
        self.overwrite("store a round", Fields::new(PK, ROUND_SK).number("through", through).done()).await
    }

    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError> {
        let item =
            Fields::new(PK, SNAPSHOT_SK).number("taken_at", snapshot.taken_at).map("figures", &snapshot.figures).done();
        self.overwrite("store a snapshot", item).await
    }

    pub async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let Some(item) = self.read_reconcile(PK, SNAPSHOT_SK).await? else { return Ok(None) };
        let read = Reader::new("the snapshot", &item);
        Ok(Some(Snapshot { taken_at: read.number("taken_at")?, figures: read.map("figures")? }))
    }

    #[expect(clippy::disallowed_methods, reason = "the sweeper keeps its own place in the reconcile table")]
    async fn overwrite(&self, doing: &'static str, item: Item) -> Result<(), LedgerError> {
        let put = self.records.put_item().table_name(&self.reconcile).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| LedgerError::failed(doing, &error))
    }
}
