//! What every page says beside its own: whether payouts are made, and how much waits for the reader's approval. One read of one
//! item, and for an approver one query that ends after a hundred rows: some 14 read units, whatever is open.

use std::sync::Mutex;

use futures_util::future::join;
use payonce_ledger::{Control, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Role, may};
use payonce_protocol::hold::Hold;
use payonce_protocol::release::TableIds;

use crate::app::App;
use crate::pages::{Held, HoldNotice, HoldSet};

/// A table is not replaced under its name within a minute.
const IDS_FRESH_MS: u64 = 60_000;

/// The ids of the tables that are there, and when they were read.
pub(crate) type Tables = Mutex<Option<(UnixMillis, TableIds)>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Around {
    pub hold: Option<HoldNotice>,
    pub to_approve: Option<String>,
}

impl App {
    /// Never an error: a page that cannot say this is a page all the same.
    pub(crate) async fn around(&self, me: &str, roles: &[Role]) -> Around {
        let hold = async {
            let read = self.hold_notice().await;
            read.unwrap_or_else(|error| {
                tracing::error!(%error, "whether payouts are held cannot be read");
                Some(HoldNotice { held: Held::Unreadable, set: None })
            })
        };
        let (hold, to_approve) = join(hold, self.to_approve(me, roles)).await;
        Around { hold, to_approve }
    }

    /// Nothing, rather than a wrong number.
    async fn to_approve(&self, me: &str, roles: &[Role]) -> Option<String> {
        if !may(roles, Act::Approve) {
            return None;
        }
        let counted = self.parts.ledger.count_to_approve(me).await;
        let counted =
            counted.inspect_err(|error| tracing::error!(%error, "what awaits approval is not counted")).ok()?;
        // Behind the last row that was counted there may be one more.
        Some(format!("{}{}", counted.count, if counted.is_more { "+" } else { "" }))
    }

    async fn hold_notice(&self) -> Result<Option<HoldNotice>, LedgerError> {
        let Some(control) = self.parts.ledger.control().await? else {
            return Ok(Some(HoldNotice { held: Held::NeverReleased, set: None }));
        };
        let held = match (control.hold, &control.released_for) {
            (Hold::Refuse, _) => Held::Refuse,
            (Hold::Record, _) => Held::Record,
            (Hold::Pay, Some(released)) if *released == self.tables().await? => return Ok(None),
            (Hold::Pay, _) => return Ok(Some(HoldNotice { held: Held::OtherTables, set: None })),
        };
        let Control { set_at, set_by, why, .. } = control;
        Ok(Some(HoldNotice { held, set: Some(HoldSet { at: set_at, by: set_by, why }) }))
    }

    async fn tables(&self) -> Result<TableIds, LedgerError> {
        let now = self.parts.clock.now();
        let known = self.tables.lock().ok().and_then(|known| known.clone());
        if let Some((_, tables)) = known.filter(|(at, _)| (*at..*at + IDS_FRESH_MS).contains(&now)) {
            return Ok(tables);
        }
        let tables = self.parts.ledger.table_ids().await?;
        if let Ok(mut known) = self.tables.lock() {
            *known = Some((now, tables.clone()));
        }
        Ok(tables)
    }
}
