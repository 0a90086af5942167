//! Time passes in a test's world, and the sweeper runs as it is deployed. The minutes under which nothing stands are taken as
//! read: each would be sixteen queries that answer nothing, and a test of three days reads four thousand.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::BY_MINUTE;
use payonce_protocol::sweep::{MINUTE_MS, Progress};

use crate::World;

type Item = HashMap<String, AttributeValue>;

/// The sweeper reads so many owed minutes in one run; where more hold something, it goes through all, as deployed.
const OWED_AT_MOST: usize = 16;

impl World {
    /// Time passes, and the sweeper runs each minute.
    pub async fn minutes_pass(&self, minutes: u64) {
        let sweeper = self.sweeper();
        for _ in 0..minutes {
            self.clock.advance(MINUTE_MS);
            self.leave_out_empty_minutes().await;
            sweeper.run().await.unwrap();
        }
    }

    /// Those that are due now and hold something are owed, the others worked off. Nothing else about a run changes.
    pub async fn leave_out_empty_minutes(&self) {
        let Some(mut progress) = self.ledger.progress().await.unwrap() else { return };
        let now = self.clock.now() / MINUTE_MS;
        let mut due = progress.due(now);
        let Some(filled) = self.filled_minutes().await else { return };
        due.retain(|minute| filled.contains(minute));
        if due.len() + progress.owed.len() > OWED_AT_MOST {
            return;
        }
        let (owed, shards) = (progress.owed.into_iter().chain(due).collect(), progress.shards);
        progress = Progress { owed, shards, ..Progress::through(now) };
        self.ledger.set_progress(&progress).await.unwrap();
    }

    /// Of the index by minute, read past the proxy. `None`: it is more than a page, and the sweeper goes through it as deployed.
    async fn filled_minutes(&self) -> Option<Vec<u64>> {
        let rows =
            self.engine().client().scan().table_name(&self.tables.audit).index_name(BY_MINUTE).send().await.unwrap();
        if rows.last_evaluated_key().is_some() {
            return None;
        }
        let minute = |bucket: &str| bucket.split_once('#')?.0.parse().ok();
        let of = |row: &Item| minute(row["bucket"].as_s().unwrap()).expect("a minute and a shard");
        Some(rows.items().iter().map(of).collect())
    }
}
