//! Cases: what a person must look at. A case is named by its reason and subject, so it opens once however often its
//! cause is seen; every act on it is a numbered record of its history in the same transaction.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use futures_util::future::try_join_all;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;

use crate::append::NOTHING_THERE;
use crate::case_item::{CASE_SK, OPEN_SHARDS, history, open_shard};
use crate::claim::Claim;
use crate::item::{Item, Reader, SCHEMA, text_map};
use crate::schema::OPEN;
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub reason: Reason,
    /// What, beside the reason, makes this case another than the next.
    pub subject: Vec<String>,
    pub provider: Option<String>,
    pub key: Option<PayoutKey>,
    pub attempt: Option<u16>,
    pub event: Option<EventId>,
    pub money: Option<Money>,
    pub destination: Option<Destination>,
    /// SHA-256 of the delivery's body.
    pub body: Option<Digest>,
    /// Shared by all cases of one cause.
    pub incident: Option<String>,
    pub details: BTreeMap<String, String>,
    pub opened_at: UnixMillis,
}

/// A case as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledCase {
    pub case: Case,
    pub status: String,
    /// Counts the acts on this case, from 1.
    pub version: u64,
    /// The latest that was found out about it.
    pub evidence: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    New,
    /// It was opened before, by the same cause.
    Existing,
}

/// Two acts on one case at the same time are rare, five in a row are a fault.
const EVIDENCE_TRIES: u32 = 5;

impl Case {
    pub fn new(reason: Reason, subject: Vec<String>, opened_at: UnixMillis) -> Self {
        Self {
            reason,
            subject,
            provider: None,
            key: None,
            attempt: None,
            event: None,
            money: None,
            destination: None,
            body: None,
            incident: None,
            details: BTreeMap::new(),
            opened_at,
        }
    }

    /// A case about one attempt, with all that its claim knows.
    pub fn of_claim(reason: Reason, claim: &Claim, opened_at: UnixMillis) -> Self {
        Self {
            provider: Some(claim.provider.clone()),
            key: Some(claim.key.clone()),
            attempt: Some(claim.attempt),
            event: Some(claim.event.clone()),
            money: Some(claim.money),
            destination: Some(claim.destination.clone()),
            body: Some(claim.body),
            ..Self::new(reason, attempt_subject(&claim.key, claim.attempt), opened_at)
        }
    }

    pub fn with_order(self, order: &PayoutOrder) -> Self {
        Self {
            key: Some(order.key.clone()),
            event: Some(order.event.clone()),
            money: Some(order.money),
            destination: Some(order.destination.clone()),
            ..self
        }
    }

    pub fn id(&self) -> CaseId {
        CaseId::new(self.reason, &self.subject.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The name of the case that `reason` opens for one attempt.
    pub fn id_of(reason: Reason, key: &PayoutKey, attempt: u16) -> CaseId {
        Self::new(reason, attempt_subject(key, attempt), 0).id()
    }
}

fn attempt_subject(key: &PayoutKey, attempt: u16) -> Vec<String> {
    vec![key.to_string(), attempt.to_string()]
}

impl Ledger {
    /// Durable when it returns; opened once, however often it is called.
    pub async fn open_case(&self, case: &Case) -> Result<Opened, LedgerError> {
        match self.transact("open a case", &self.opening(case)?).await? {
            Transacted::Done => Ok(Opened::New),
            Transacted::Unmet(_) => Ok(Opened::Existing),
        }
    }

    /// The case and the first record of its history, as parts of a transaction.
    pub(crate) fn opening(&self, case: &Case) -> Result<[TransactWriteItem; 2], LedgerError> {
        let id = case.id();
        let opened = history(id.as_str(), 1, "opened", "payonce", case.opened_at, &BTreeMap::new());
        Ok([self.put_new(case.to_item())?, self.put_new(opened)?])
    }

    /// A consistent read.
    pub async fn case(&self, id: &CaseId) -> Result<Option<FiledCase>, LedgerError> {
        let item = self.read_reconcile(id.as_str(), CASE_SK).await?;
        item.as_ref().map(FiledCase::from_item).transpose()
    }

    /// Up to `limit` open cases, the oldest first, by the sparse index.
    pub async fn open_cases(&self, limit: usize) -> Result<Vec<Case>, LedgerError> {
        let shards = OPEN_SHARDS.iter().map(|shard| self.open_cases_of(open_shard(*shard), limit));
        let mut cases: Vec<Case> = try_join_all(shards).await?.into_iter().flatten().collect();
        cases.sort_by_key(|case| case.opened_at);
        cases.truncate(limit);
        Ok(cases)
    }

    async fn open_cases_of(&self, shard: String, limit: usize) -> Result<Vec<Case>, LedgerError> {
        let mut rows = self
            .records
            .query()
            .table_name(&self.reconcile)
            .index_name(OPEN)
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", AttributeValue::S(shard))
            .into_paginator()
            .items()
            .send();
        let mut cases = Vec::new();
        while cases.len() < limit
            && let Some(row) = rows.next().await
        {
            let row = row.map_err(|error| LedgerError::failed("read the open cases", &error))?;
            cases.push(FiledCase::from_item(&row)?.case);
        }
        Ok(cases)
    }

    /// Puts what was found out into the case and its history. `false`: there is no such case, or one of a newer schema,
    /// which is left alone (M7).
    pub async fn add_evidence(
        &self,
        id: &CaseId,
        by: &str,
        evidence: &[(&str, String)],
        at: UnixMillis,
    ) -> Result<bool, LedgerError> {
        for _ in 0..EVIDENCE_TRIES {
            let Some(item) = self.read_reconcile(id.as_str(), CASE_SK).await? else { return Ok(false) };
            if Reader::new("the case", &item).is_newer() {
                tracing::error!(case = %id, "a case of a newer schema is left alone");
                return Ok(false);
            }
            let filed = FiledCase::from_item(&item)?;
            let mut all = filed.evidence;
            all.extend(evidence.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            let parts = [
                self.move_on(id, filed.version, &all)?,
                self.put_new(history(id.as_str(), filed.version + 1, "evidence", by, at, &all))?,
            ];
            if let Transacted::Done = self.transact("add evidence to a case", &parts).await? {
                return Ok(true);
            }
        }
        Err(LedgerError::Changed { what: "the case" })
    }

    /// From version to version + 1; fails when somebody else acted meanwhile.
    #[expect(clippy::disallowed_methods, reason = "a case is updated, on its version")]
    fn move_on(
        &self,
        id: &CaseId,
        version: u64,
        evidence: &BTreeMap<String, String>,
    ) -> Result<TransactWriteItem, LedgerError> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let update = Update::builder()
            .table_name(&self.reconcile)
            .key("pk", AttributeValue::S(id.to_string()))
            .key("sk", AttributeValue::S(CASE_SK.to_owned()))
            .update_expression("SET #version = :next, #evidence = :evidence")
            .condition_expression("#version = :seen AND #v = :v")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#evidence", "evidence")
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":seen", number(version))
            .expression_attribute_values(":next", number(version + 1))
            .expression_attribute_values(":v", number(SCHEMA))
            .expression_attribute_values(":evidence", text_map(evidence))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, LedgerError> {
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(item))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) async fn read_reconcile(&self, pk: &str, sk: &str) -> Result<Option<Item>, LedgerError> {
        let answer = self
            .records
            .get_item()
            .table_name(&self.reconcile)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .consistent_read(true)
            .send()
            .await;
        Ok(answer.map_err(|error| LedgerError::failed("read the reconcile table", &error))?.item)
    }
}
