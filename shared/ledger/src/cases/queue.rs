//! The queue: open cases by age or by risk, by owner or by incident, a page at a time, and every case of a payout key or an
//! event. Indexes alone are read, never the table as a whole; whatever else is filtered for is narrowed down here,
//! within what an index gives.

use std::cmp::Ordering;
use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use crate::cases::batch::Batch;
use crate::cases::case::{Case, FiledCase};
use crate::cases::case_events::beside;
use crate::item::{Item, ItemReader};
use crate::keys::{self, OPEN_SHARDS, open_shard};
use crate::powers::{QueriesCases, Reads};
use crate::schema::{AWAITING, BY_EVENT, BY_INCIDENT, BY_KEY, BY_OWNER, BY_RISK, OPEN};
use crate::{Ledger, LedgerError};

/// Which open cases, in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue<'a> {
    /// The oldest first.
    Age,
    /// The greatest risk first.
    Risk,
    /// A person's, the oldest first.
    Owner(&'a str),
    Incident(&'a str),
    /// What awaits approval outside a batch, the oldest first.
    Awaiting,
}

/// The last case of a page: its place in the index, and its id among those of the same place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub place: String,
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub cases: Vec<FiledCase>,
    /// Where the next page begins after; `None` on the last.
    pub next: Option<Cursor>,
}

/// How many rows are read at first, where nothing is filtered out: of several shards twice the even share of each, so that few are
/// asked a second time for a page.
fn first_rows(at_most: usize, shards: usize) -> i32 {
    let wanted = at_most + 1;
    i32::try_from(if shards > 1 { (2 * wanted / shards).max(6) } else { wanted }).unwrap_or(i32::MAX)
}

impl Queue<'_> {
    fn index(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Age => (OPEN, "open", "since"),
            Self::Risk => (BY_RISK, "open", "risk"),
            Self::Owner(_) => (BY_OWNER, "open_owner", "since"),
            Self::Incident(_) => (BY_INCIDENT, "open_incident", "since"),
            Self::Awaiting => (AWAITING, "awaiting", "since"),
        }
    }

    fn partitions(self) -> Vec<String> {
        match self {
            Self::Age | Self::Risk => OPEN_SHARDS.iter().map(|shard| open_shard(*shard)).collect(),
            Self::Owner(one) => vec![one.to_owned()],
            Self::Incident(one) => keys::incident_shards(one).collect(),
            Self::Awaiting => vec![keys::APPROVAL.to_owned()],
        }
    }

    fn is_descending(self) -> bool {
        self == Self::Risk
    }

    fn place(self, case: &Case) -> String {
        match self {
            Self::Risk => case.risk(),
            _ => keys::place(case.since),
        }
    }

    fn value(self, place: &str) -> AttributeValue {
        match self {
            Self::Risk => AttributeValue::S(place.to_owned()),
            _ => AttributeValue::N(keys::moment(place).unwrap_or_default().to_string()),
        }
    }
}

/// One partition of the index, read as far as it was needed.
struct Shard {
    partition: String,
    /// In the page's order.
    rows: VecDeque<Row>,
    /// Of the last place that was read, of which more may follow: an index has no order among the same places.
    unsorted: Vec<Row>,
    from: Option<Item>,
    is_read: bool,
}

type Row = (Cursor, FiledCase);

impl<P: Reads> Ledger<P> {
    /// Up to `at_most` cases that `keeps` wants, after `cursor`. `is_filtered` says that it may want few of them.
    pub async fn queue(
        &self,
        queue: Queue<'_>,
        at_most: usize,
        cursor: Option<&Cursor>,
        is_filtered: bool,
        keeps: impl Fn(&FiledCase) -> bool,
    ) -> Result<Page, LedgerError>
    where
        P: QueriesCases,
    {
        let new = |partition| {
            let (rows, unsorted) = (VecDeque::new(), vec![]);
            Shard { partition, rows, unsorted, from: None, is_read: false }
        };
        let mut shards: Vec<Shard> = queue.partitions().into_iter().map(new).collect();
        let mut rows = (!is_filtered).then_some(first_rows(at_most, shards.len()));
        let mut cases: Vec<FiledCase> = Vec::new();
        let mut last: Option<Cursor> = None;
        loop {
            let empty = shards.iter_mut().filter(|shard| shard.rows.is_empty() && !shard.is_read);
            let fetched = try_join_all(empty.map(|shard| self.read_on(queue, shard, cursor, rows))).await?;
            let times = if fetched.is_empty() { 1 } else { 2 };
            rows = rows.map(|rows| rows.saturating_mul(times));
            if shards.iter().any(|shard| shard.rows.is_empty() && !shard.is_read) {
                continue;
            }
            let first = shards.iter_mut().filter(|shard| !shard.rows.is_empty()).min_by(|left, right| {
                match (left.rows.front(), right.rows.front()) {
                    (Some((left, _)), Some((right, _))) => order(queue, left, right),
                    _ => Ordering::Equal,
                }
            });
            let Some((place, case)) = first.and_then(|shard| shard.rows.pop_front()) else {
                return Ok(Page { cases, next: None });
            };
            if !keeps(&case) {
                continue;
            }
            if cases.len() == at_most {
                return Ok(Page { cases, next: last });
            }
            cases.push(case);
            last = Some(place);
        }
    }

    async fn read_on(
        &self,
        queue: Queue<'_>,
        shard: &mut Shard,
        cursor: Option<&Cursor>,
        rows: Option<i32>,
    ) -> Result<(), LedgerError>
    where
        P: QueriesCases,
    {
        let (index, partition, place) = queue.index();
        let mut query = self
            .records
            .query()
            .table_name(&self.reconcile)
            .index_name(index)
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":partition", AttributeValue::S(shard.partition.clone()))
            .scan_index_forward(!queue.is_descending())
            .set_limit(rows)
            .set_exclusive_start_key(shard.from.take());
        let mut condition = "#partition = :partition".to_owned();
        if let Some(cursor) = cursor {
            condition.push_str(if queue.is_descending() { " AND #place <= :place" } else { " AND #place >= :place" });
            query = query
                .expression_attribute_names("#place", place)
                .expression_attribute_values(":place", queue.value(&cursor.place));
        }
        let answer = query.key_condition_expression(condition).send().await;
        let answer = answer.map_err(|error| LedgerError::failed("read the open cases", &error))?;
        // A batch awaits approval beside the cases.
        for item in answer.items().iter().filter(|item| !Batch::is_of(item)) {
            let Some(case) = readable(item) else { continue };
            let place = Cursor { place: queue.place(&case.case), id: case.case.id().to_string() };
            if cursor.is_none_or(|cursor| order(queue, cursor, &place) == Ordering::Less) {
                shard.unsorted.push((place, case));
            }
        }
        shard.from = answer.last_evaluated_key;
        shard.is_read = shard.from.is_none();
        shard.settle(queue);
        Ok(())
    }

    /// Up to `limit` open cases, the oldest first.
    pub async fn open_cases(&self, limit: usize) -> Result<Vec<Case>, LedgerError>
    where
        P: QueriesCases,
    {
        let is_filtered = limit > 100;
        let page = self.queue(Queue::Age, limit, None, is_filtered, |_| true).await?;
        Ok(page.cases.into_iter().map(|filed| filed.case).collect())
    }

    /// Every case of a payout key, resolved ones too.
    pub async fn cases_of_key(&self, key: &str) -> Result<Vec<FiledCase>, LedgerError>
    where
        P: QueriesCases,
    {
        self.cases_by(BY_KEY, "key", key).await
    }

    /// Every case that one event opened, resolved ones too.
    pub async fn cases_of_event(&self, event: &str) -> Result<Vec<FiledCase>, LedgerError>
    where
        P: QueriesCases,
    {
        self.cases_by(BY_EVENT, "event", event).await
    }

    async fn cases_by(&self, index: &str, attribute: &str, value: &str) -> Result<Vec<FiledCase>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut rows = self
            .records
            .query()
            .table_name(&self.reconcile)
            .index_name(index)
            .key_condition_expression("#by = :by")
            .expression_attribute_names("#by", attribute)
            .expression_attribute_values(":by", AttributeValue::S(value.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut cases = Vec::new();
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| LedgerError::failed("look cases up", &error))?;
            match beside(&row) {
                Some(id) => cases.extend(self.case(&id).await?),
                None => cases.extend(readable(&row)),
            }
        }
        Ok(cases)
    }
}

impl Shard {
    /// Sorts what is complete: all that was read, or all but the last place.
    fn settle(&mut self, queue: Queue<'_>) {
        let last = self.unsorted.last().map(|(cursor, _)| cursor.place.clone()).filter(|_| !self.is_read);
        let (open, mut complete): (Vec<Row>, Vec<Row>) = std::mem::take(&mut self.unsorted)
            .into_iter()
            .partition(|(cursor, _)| Some(&cursor.place) == last.as_ref());
        complete.sort_by(|(left, _), (right, _)| order(queue, left, right));
        self.rows.extend(complete);
        self.unsorted = open;
    }
}

/// The page's order: an index's own, and by id where that does not tell two apart.
fn order(queue: Queue<'_>, left: &Cursor, right: &Cursor) -> Ordering {
    let places = left.place.cmp(&right.place);
    let places = if queue.is_descending() { places.reverse() } else { places };
    places.then_with(|| left.id.cmp(&right.id))
}

/// One case that cannot be read must not close the queue.
pub(crate) fn readable(item: &Item) -> Option<FiledCase> {
    if ItemReader::new("the case", item).is_newer() {
        tracing::error!("a case of a newer schema is left out of the queue");
        return None;
    }
    FiledCase::from_item(item).inspect_err(|error| tracing::error!(%error, "a case is left out of the queue")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row more than a page tells whether there is a next one.
    #[test]
    fn first_read_of_a_page_takes_twice_the_even_share_of_each_shard() {
        assert_eq!(
            [(50, 1), (50, 16), (50, 4), (1, 16)].map(|(at_most, shards)| first_rows(at_most, shards)),
            [51, 6, 25, 6]
        );
    }
}
