//! The sweeper's own items: how far its rounds are complete, and the snapshot of aggregates. Both are overwritten; neither
//! is ever part of a transaction about money (H7).

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::money::Money;
use payonce_protocol::sweep::Minute;
use serde::{Deserialize, Serialize};

use crate::case::FiledCase;
use crate::item::{Fields, Item, Reader};
use crate::{Ledger, LedgerError};

const PK: &str = "sweeper";
const ROUND_SK: &str = "round";
const SNAPSHOT_SK: &str = "snapshot";

/// The open cases in figures, at one moment. Written by the sweeper, read by people: never part of a transaction about money,
/// as one hot item would be (H7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub taken_at: UnixMillis,
    pub totals: Totals,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub open: u64,
    /// By currency; sums of two currencies are never added.
    pub at_risk: BTreeMap<String, Sum>,
    /// How many are younger than a day, three days, a week; and the rest.
    pub ages: [u64; 4],
    pub by_status: BTreeMap<String, u64>,
    pub by_reason: BTreeMap<String, u64>,
    /// By name.
    pub incidents: BTreeMap<String, Incident>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub cases: u64,
    pub minor: u64,
    pub exponent: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    pub cases: u64,
    pub first_seen: UnixMillis,
}

const DAY_MS: u64 = 86_400_000;
/// Where a bucket of ages ends.
pub const AGES_MS: [u64; 3] = [DAY_MS, 3 * DAY_MS, 7 * DAY_MS];

impl Totals {
    pub fn of(cases: &[FiledCase], now: UnixMillis) -> Self {
        let mut totals = Self { open: cases.len() as u64, ..Self::default() };
        for FiledCase { case, status, .. } in cases {
            let age = now.saturating_sub(case.since);
            let bucket = AGES_MS.iter().position(|end| age < *end).unwrap_or(AGES_MS.len());
            totals.ages[bucket] += 1;
            *totals.by_status.entry(status.to_string()).or_default() += 1;
            *totals.by_reason.entry(case.reason.to_string()).or_default() += 1;
            if let Some(money) = &case.money {
                totals.at_risk.entry(money.currency().to_string()).or_default().add(money);
            }
            if let Some(name) = &case.incident {
                let new = Incident { cases: 0, first_seen: case.since };
                let incident = totals.incidents.entry(name.clone()).or_insert(new);
                incident.cases += 1;
                incident.first_seen = incident.first_seen.min(case.since);
            }
        }
        // One case is a case. What many share is an incident, and there is room for the largest.
        let mut largest: Vec<u64> = totals.incidents.values().map(|incident| incident.cases).collect();
        largest.sort_unstable_by(|left, right| right.cmp(left));
        let least = largest.get(INCIDENTS_AT_MOST).copied().unwrap_or_default().max(1);
        totals.incidents.retain(|_, incident| incident.cases > least);
        totals
    }
}

const INCIDENTS_AT_MOST: usize = 20;

impl Sum {
    /// By currency.
    pub fn of<'a>(all: impl IntoIterator<Item = &'a Money>) -> BTreeMap<String, Self> {
        let mut sums: BTreeMap<String, Self> = BTreeMap::new();
        for money in all {
            sums.entry(money.currency().to_string()).or_default().add(money);
        }
        sums
    }

    /// Counted at the finer of both exponents: providers write one currency in two ways.
    fn add(&mut self, money: &Money) {
        let exponent = self.exponent.max(money.exponent());
        let at = |minor: u64, of: u8| minor.saturating_mul(10_u64.saturating_pow(u32::from(exponent - of)));
        self.minor = at(self.minor, self.exponent).saturating_add(at(money.minor(), money.exponent()));
        self.exponent = exponent;
        self.cases += 1;
    }
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
        let totals = serde_json::to_string(&snapshot.totals).unwrap_or_default();
        let item = Fields::new(PK, SNAPSHOT_SK).number("taken_at", snapshot.taken_at).text("totals", totals).done();
        self.overwrite("store a snapshot", item).await
    }

    pub async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let Some(item) = self.read_reconcile(PK, SNAPSHOT_SK).await? else { return Ok(None) };
        let read = Reader::new("the snapshot", &item);
        let totals = read.parsed("totals", |text| serde_json::from_str(text).ok())?;
        Ok(Some(Snapshot { taken_at: read.number("taken_at")?, totals }))
    }

    #[expect(clippy::disallowed_methods, reason = "the sweeper keeps its own place in the reconcile table")]
    pub(crate) async fn overwrite(&self, doing: &'static str, item: Item) -> Result<(), LedgerError> {
        let put = self.records.put_item().table_name(&self.reconcile).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| LedgerError::failed(doing, &error))
    }
}
