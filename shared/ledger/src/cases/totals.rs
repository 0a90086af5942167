//! The open cases in figures. They are counted shard by shard of the index, and each run counts as many anew as it may
//! read: what a run costs has a bound, however many cases are open.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::money::Money;
use payonce_protocol::reason::{Reason, Risk};
use serde::{Deserialize, Serialize};

use crate::item::{Fields, Item, ItemReader};
use crate::keys::{OPEN_SHARDS, ReconcileKey, open_shard};
use crate::powers::{QueriesCases, Reads, Sweeps};
use crate::schema::OPEN;
use crate::{Ledger, LedgerError};

/// The open cases in figures. Written by the sweeper, read by people: never part of a transaction about money: one
/// item that every payout writes would make their transactions conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub taken_at: UnixMillis,
    /// Of the oldest count in it: of very many open cases each run counts a part anew.
    pub counted_at: UnixMillis,
    pub totals: Totals,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub open: u64,
    /// By currency; sums of two currencies are never added. Everything that an open case is about.
    pub at_risk: BTreeMap<String, Sum>,
    /// Of it, what may have left unseen.
    #[serde(default)]
    pub may_have_left: BTreeMap<String, Sum>,
    /// Of it, what a payee waits for.
    #[serde(default)]
    pub waited_for: BTreeMap<String, Sum>,
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

/// What counting the open cases came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    pub snapshot: Snapshot,
    /// Since when the oldest is open.
    pub oldest: Option<UnixMillis>,
    /// Rows that could not be read; they are in no figure.
    pub unreadable: u32,
}

/// The last count of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Count {
    at: UnixMillis,
    oldest: Option<UnixMillis>,
    totals: Totals,
}

/// What is counted of an open case.
struct Counted {
    since: UnixMillis,
    status: Status,
    reason: Reason,
    money: Option<Money>,
    /// How much of it, where not all.
    concerns: Option<u64>,
    incident: Option<String>,
}

/// So many incidents are shown; of a shard more are kept, for what is small in one may be large in all.
const INCIDENTS_AT_MOST: usize = 20;
const INCIDENTS_OF_A_SHARD: usize = 100;

impl Totals {
    fn add(&mut self, case: &Counted, now: UnixMillis) {
        let age = now.saturating_sub(case.since);
        let bucket = AGES_MS.iter().position(|end| age < *end).unwrap_or(AGES_MS.len());
        self.open += 1;
        self.ages[bucket] += 1;
        *self.by_status.entry(case.status.to_string()).or_default() += 1;
        *self.by_reason.entry(case.reason.to_string()).or_default() += 1;
        if let Some(money) = &case.money {
            let sum = Sum { cases: 1, minor: case.concerns.unwrap_or(money.minor()), exponent: money.exponent() };
            let currency = money.currency().to_string();
            let part = match case.reason.rules().risk {
                Risk::MayHaveLeft => Some(&mut self.may_have_left),
                Risk::PayeeWaits => Some(&mut self.waited_for),
                Risk::NothingMoved => None,
            };
            part.into_iter().for_each(|part| part.entry(currency.clone()).or_default().merge(sum));
            self.at_risk.entry(currency).or_default().merge(sum);
        }
        if let Some(name) = &case.incident {
            self.add_incident(name, Incident { cases: 1, first_seen: case.since });
        }
    }

    fn add_incident(&mut self, name: &str, more: Incident) {
        let incident = self.incidents.entry(name.to_owned()).or_insert(Incident { cases: 0, ..more });
        incident.cases += more.cases;
        incident.first_seen = incident.first_seen.min(more.first_seen);
    }

    fn merge(&mut self, other: &Self) {
        self.open += other.open;
        self.ages.iter_mut().zip(other.ages).for_each(|(age, more)| *age += more);
        other.by_status.iter().for_each(|(name, more)| *self.by_status.entry(name.clone()).or_default() += more);
        other.by_reason.iter().for_each(|(name, more)| *self.by_reason.entry(name.clone()).or_default() += more);
        let add = |to: &mut BTreeMap<String, Sum>, more: &BTreeMap<String, Sum>| {
            more.iter().for_each(|(name, more)| to.entry(name.clone()).or_default().merge(*more));
        };
        add(&mut self.at_risk, &other.at_risk);
        add(&mut self.may_have_left, &other.may_have_left);
        add(&mut self.waited_for, &other.waited_for);
        other.incidents.iter().for_each(|(name, more)| self.add_incident(name, *more));
    }

    /// Keeps the incidents of more than `least` cases, and at most so many.
    fn keep_largest(&mut self, at_most: usize, least: u64) {
        self.incidents.retain(|_, incident| incident.cases > least);
        let mut largest: Vec<(String, u64)> =
            self.incidents.iter().map(|(name, incident)| (name.clone(), incident.cases)).collect();
        largest.sort_unstable_by_key(|(_, cases)| std::cmp::Reverse(*cases));
        for (name, _) in largest.into_iter().skip(at_most) {
            self.incidents.remove(&name);
        }
    }
}

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
        self.merge(Self { cases: 1, minor: money.minor(), exponent: money.exponent() });
    }

    fn merge(&mut self, other: Self) {
        let exponent = self.exponent.max(other.exponent);
        let at = |sum: Self| sum.minor.saturating_mul(10_u64.saturating_pow(u32::from(exponent - sum.exponent)));
        self.minor = at(*self).saturating_add(at(other));
        self.exponent = exponent;
        self.cases += other.cases;
    }
}

impl<P: Reads> Ledger<P> {
    /// Counts the open cases: shard after shard, the one first whose count is the oldest, until `rows` were read. Stores the
    /// counts and the snapshot that they add up to.
    pub async fn count_open(&self, now: UnixMillis, rows: usize) -> Result<Stock, LedgerError>
    where
        P: Sweeps + QueriesCases,
    {
        let mut counts = self.open_counts().await?;
        let mut shards = OPEN_SHARDS;
        shards.sort_by_key(|shard| counts.get(shard).map(|count| count.at));
        let (mut read, mut unreadable, mut counted) = (0, 0, 0);
        for shard in shards {
            if read >= rows {
                break;
            }
            let (count, odd) = self.count_shard(shard, now).await?;
            read += usize::try_from(count.totals.open).unwrap_or(usize::MAX).saturating_add(odd as usize);
            unreadable += odd;
            counted += 1;
            counts.insert(shard, count);
        }
        let rest = &shards[counted..];
        let oldest = try_join_all(rest.iter().map(|shard| self.oldest_of(*shard))).await?;
        for (shard, oldest) in rest.iter().zip(oldest) {
            counts.entry(*shard).or_default().oldest = oldest;
        }
        let mut totals = Totals::default();
        counts.values().for_each(|count| totals.merge(&count.totals));
        // One case is a case. What many share is an incident, and there is room for the largest.
        totals.keep_largest(INCIDENTS_AT_MOST, 1);
        let counted_at = counts.values().map(|count| count.at).min().unwrap_or(now);
        let snapshot = Snapshot { taken_at: now, counted_at, totals };
        let text = serde_json::to_string(&counts).unwrap_or_default();
        self.overwrite("store the counts", Fields::new(ReconcileKey::OpenCounts.keys()).text("counts", text).done())
            .await?;
        self.put_snapshot(&snapshot).await?;
        Ok(Stock { snapshot, oldest: counts.values().filter_map(|count| count.oldest).min(), unreadable })
    }

    async fn open_counts(&self) -> Result<BTreeMap<char, Count>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::OpenCounts).await?;
        let counts =
            |item| ItemReader::new("the counts", item).parsed("counts", |text| serde_json::from_str(text).ok());
        // What cannot be read is counted anew.
        Ok(item.as_ref().and_then(|item| counts(item).ok()).unwrap_or_default())
    }

    async fn count_shard(&self, shard: char, now: UnixMillis) -> Result<(Count, u32), LedgerError> {
        let mut rows = self
            .open_rows(shard)
            .projection_expression("#v, #since, #status, #reason, #amount, #concerns, #exponent, #currency, #incident")
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#since", "since")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#reason", "reason")
            .expression_attribute_names("#amount", "amount")
            .expression_attribute_names("#concerns", "concerns")
            .expression_attribute_names("#exponent", "exponent")
            .expression_attribute_names("#currency", "currency")
            .expression_attribute_names("#incident", "incident")
            .into_paginator()
            .items()
            .send();
        let (mut count, mut unreadable) = (Count { at: now, ..Count::default() }, 0);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| LedgerError::failed("count the open cases", &error))?;
            match Counted::from_item(&row) {
                Ok(case) => {
                    count.oldest = count.oldest.or(Some(case.since));
                    count.totals.add(&case, now);
                }
                Err(error) => {
                    tracing::error!(%error, "an open case is in no figure");
                    unreadable += 1;
                }
            }
        }
        count.totals.keep_largest(INCIDENTS_OF_A_SHARD, 0);
        Ok((count, unreadable))
    }

    async fn oldest_of(&self, shard: char) -> Result<Option<UnixMillis>, LedgerError>
    where
        P: QueriesCases,
    {
        let answer = self.open_rows(shard).limit(1).send().await;
        let answer = answer.map_err(|error| LedgerError::failed("read the oldest open case", &error))?;
        Ok(answer.items().first().and_then(|item| ItemReader::new("the case", item).number("since").ok()))
    }

    /// The oldest first.
    fn open_rows(&self, shard: char) -> QueryFluentBuilder {
        self.records
            .query()
            .table_name(&self.reconcile)
            .index_name(OPEN)
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", AttributeValue::S(open_shard(shard)))
    }

    pub async fn put_snapshot(&self, snapshot: &Snapshot) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        let totals = serde_json::to_string(&snapshot.totals).unwrap_or_default();
        let item = Fields::new(ReconcileKey::Snapshot.keys())
            .number("taken_at", snapshot.taken_at)
            .number("counted_at", snapshot.counted_at)
            .text("totals", totals)
            .done();
        self.overwrite("store a snapshot", item).await
    }

    pub async fn snapshot(&self) -> Result<Option<Snapshot>, LedgerError> {
        let Some(item) = self.read_reconcile(&ReconcileKey::Snapshot).await? else { return Ok(None) };
        let read = ItemReader::new("the snapshot", &item);
        let totals = read.parsed("totals", |text| serde_json::from_str(text).ok())?;
        Ok(Some(Snapshot { taken_at: read.number("taken_at")?, counted_at: read.number("counted_at")?, totals }))
    }
}

impl Counted {
    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the case", item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
        Ok(Self {
            since: read.number("since")?,
            status: read.parsed("status", Status::parse)?,
            reason: read.parsed("reason", Reason::parse)?,
            money: read.optional("amount", ItemReader::money)?,
            concerns: read.optional("concerns", |read| read.number("concerns"))?,
            incident: read.optional("incident", |read| read.text("incident").map(str::to_owned))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_left_is_apart_from_what_payees_wait_for() {
        let case = |reason, concerns| Counted {
            since: 0,
            status: Status::Open,
            reason,
            money: Money::new(9_900, 2, "EUR".parse().unwrap()).ok(),
            concerns,
            incident: None,
        };
        let (mut totals, mut more) = (Totals::default(), Totals::default());
        totals.add(&case(Reason::PayoutUnknown, None), 0);
        totals.add(&case(Reason::PayoutRejected, None), 0);
        more.add(&case(Reason::ConflictingDuplicate, Some(5_700)), 0);
        more.add(&case(Reason::InvalidEvent, None), 0);
        totals.merge(&more);
        let sums = |part: &BTreeMap<String, Sum>| (part["EUR"].cases, part["EUR"].minor);
        assert_eq!(sums(&totals.may_have_left), (1, 9_900));
        assert_eq!(sums(&totals.waited_for), (2, 9_900 + 5_700), "a conflict counts its difference");
        assert_eq!(totals.open, 4);
    }

    #[test]
    fn sums_are_counted_at_the_finer_of_two_exponents() {
        let money = |minor, exponent, currency: &str| Money::new(minor, exponent, currency.parse().unwrap()).unwrap();
        let sums = Sum::of(&[money(500, 2, "EUR"), money(7, 0, "ISK"), money(3, 0, "EUR"), money(1, 3, "EUR")]);
        let said: Vec<_> = sums.iter().map(|(name, sum)| (name.as_str(), sum.cases, sum.minor, sum.exponent)).collect();
        assert_eq!(said, [("EUR", 3, 8_001, 3), ("ISK", 1, 7, 0)]);
    }

    #[test]
    fn a_case_is_older_than_an_age_from_its_very_end_on() {
        let case = Counted {
            since: 0,
            status: Status::Open,
            reason: Reason::PayoutUnknown,
            money: None,
            concerns: None,
            incident: None,
        };
        let mut totals = Totals::default();
        for end in [1, 3, 7].map(|days| days * 86_400_000) {
            totals.add(&case, end - 1);
            totals.add(&case, end);
        }
        assert_eq!(totals.ages, [1, 2, 2, 1]);
    }
}
