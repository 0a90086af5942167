//! What people look for beside the queue: what was resolved in a period, what awaits their approval, and the payout of an id
//! that is not its key. Indexes alone are read, as for the queue.

use std::cmp::Reverse;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures_util::future::try_join;
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;

use crate::cases::batch::Batch;
use crate::cases::case::FiledCase;
use crate::cases::queue::{Cursor, Page, readable};
use crate::item::ItemReader;
use crate::keys;
use crate::powers::{QueriesAudit, QueriesCases, Reads};
use crate::schema::{AWAITING, BY_EVENT, BY_RAIL_KEY, RESOLVED};
use crate::{Ledger, LedgerError};

/// From the first moment to the last but one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: UnixMillis,
    pub until: UnixMillis,
}

/// How much awaits somebody's approval, counted as far as it is worth it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToApprove {
    pub count: u32,
    pub is_more: bool,
}

/// Rows of one answer; a case has about one kilobyte, and an answer at most a megabyte.
const ROWS: i32 = 500;
/// A hundred rows are some 13 read units: every page that an approver opens counts them.
const COUNTED_AT_MOST: i32 = 100;
/// One event asks for a few payouts, one rail key is of one.
const KEYS_AT_MOST: i32 = 25;

impl<P: Reads> Ledger<P> {
    /// Up to `at_most` resolved cases of a period that `keeps` wants, the latest first, after `cursor`. A case that was opened
    /// again is not there until it is resolved again.
    pub async fn resolved(
        &self,
        period: Period,
        at_most: usize,
        cursor: Option<&Cursor>,
        keeps: impl Fn(&FiledCase) -> bool,
    ) -> Result<Page, LedgerError>
    where
        P: QueriesCases,
    {
        let mut found: Vec<(Cursor, FiledCase)> = vec![];
        let last = period.until.saturating_sub(1);
        let last = cursor.and_then(|cursor| keys::moment(&cursor.place)).map_or(last, |at| at.min(last));
        let partitions = if period.from > last { None } else { Some(keys::resolved_within(period.from, last)) };
        for partition in partitions.into_iter().flatten() {
            let mut rows = self.resolved_rows(partition, period.from, last).into_paginator().items().send();
            while let Some(row) = rows.next().await {
                let row = row.map_err(|error| LedgerError::failed("read the resolved cases", &error))?;
                let Some(case) = readable(&row) else { continue };
                let at = case.resolution.as_ref().map_or(0, |resolution| resolution.at);
                let place = Cursor { place: keys::place(at), id: case.case.id().to_string() };
                // An index has no order among the same moments: one ends where another begins.
                let is_next = found.last().is_some_and(|(last, _)| last.place != place.place);
                if found.len() > at_most && is_next {
                    return Ok(page(found, at_most));
                }
                let is_after = |cursor: &Cursor| order(cursor) < order(&place);
                if cursor.is_none_or(is_after) && keeps(&case) {
                    found.push((place, case));
                }
            }
        }
        Ok(page(found, at_most))
    }

    fn resolved_rows(&self, partition: String, from: UnixMillis, last: UnixMillis) -> QueryFluentBuilder {
        let number = |number: u64| AttributeValue::N(number.to_string());
        self.records
            .query()
            .table_name(&self.reconcile)
            .index_name(RESOLVED)
            .key_condition_expression("#in = :in AND #at BETWEEN :from AND :last")
            .expression_attribute_names("#in", "resolved_in")
            .expression_attribute_names("#at", "resolved_at")
            .expression_attribute_values(":in", AttributeValue::S(partition))
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":last", number(last))
            .scan_index_forward(false)
            .limit(ROWS)
    }

    /// What this person may decide: cases outside a batch, and batches, that somebody else proposed. One query.
    pub async fn count_to_approve(&self, me: &str) -> Result<ToApprove, LedgerError> {
        let answer = self.awaiting_others(me).select(Select::Count).limit(COUNTED_AT_MOST).send().await;
        let answer = answer.map_err(|error| LedgerError::failed("count what awaits approval", &error))?;
        let count = u32::try_from(answer.count()).unwrap_or_default();
        Ok(ToApprove { count, is_more: answer.last_evaluated_key.is_some() })
    }

    /// The batches among them, the oldest first, as far as they are counted.
    pub async fn batches_to_approve(&self, me: &str) -> Result<Vec<Batch>, LedgerError>
    where
        P: QueriesCases,
    {
        let answer = self.awaiting_others(me).limit(COUNTED_AT_MOST).send().await;
        let answer = answer.map_err(|error| LedgerError::failed("read what awaits approval", &error))?;
        answer.items().iter().filter(|item| Batch::is_of(item)).map(Batch::from_item).collect()
    }

    fn awaiting_others(&self, me: &str) -> QueryFluentBuilder {
        self.records
            .query()
            .table_name(&self.reconcile)
            .index_name(AWAITING)
            .key_condition_expression("#awaiting = :approval")
            .filter_expression("#maker <> :me")
            .expression_attribute_names("#awaiting", "awaiting")
            .expression_attribute_names("#maker", "maker")
            .expression_attribute_values(":approval", AttributeValue::S(keys::APPROVAL.to_owned()))
            .expression_attribute_values(":me", AttributeValue::S(me.to_owned()))
    }

    /// The keys under which the audit table holds something of this event, or a claim with this rail key.
    pub async fn keys_of_id(&self, id: &str) -> Result<Vec<PayoutKey>, LedgerError>
    where
        P: QueriesAudit,
    {
        let (of_event, of_rail_key) =
            try_join(self.keys_by(BY_EVENT, "event", id), self.keys_by(BY_RAIL_KEY, "rail_key", id)).await?;
        let mut keys: Vec<PayoutKey> = of_event.into_iter().chain(of_rail_key).collect();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    async fn keys_by(&self, index: &str, attribute: &str, id: &str) -> Result<Vec<PayoutKey>, LedgerError>
    where
        P: QueriesAudit,
    {
        let answer = self
            .audit
            .query(&self.records)
            .index_name(index)
            .key_condition_expression("#by = :by")
            .expression_attribute_names("#by", attribute)
            .expression_attribute_values(":by", AttributeValue::S(id.to_owned()))
            .limit(KEYS_AT_MOST)
            .send()
            .await;
        let answer = answer.map_err(|error| LedgerError::failed("look a payout up", &error))?;
        let key = |item| ItemReader::new("a row of an index", item).payout_key().ok();
        // A note of a case that could not be written has a key of its own, which is no payout's.
        Ok(answer.items().iter().filter_map(key).collect())
    }
}

fn order(cursor: &Cursor) -> (Reverse<&str>, &str) {
    (Reverse(&cursor.place), &cursor.id)
}

fn page(mut found: Vec<(Cursor, FiledCase)>, at_most: usize) -> Page {
    found.sort_by(|(left, _), (right, _)| order(left).cmp(&order(right)));
    let is_more = found.len() > at_most;
    found.truncate(at_most);
    let next = found.last().map(|(place, _)| place.clone()).filter(|_| is_more);
    Page { cases: found.into_iter().map(|(_, case)| case).collect(), next }
}
