//! Claims and notes: writing them, finding them again. The index is only a hint of where to look; whatever is concluded
//! is concluded from a consistent read of the table.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use payonce_protocol::UnixMillis;
use payonce_protocol::event::ClaimAnswer;
use payonce_protocol::ids::{Digest, Shards};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::sweep::Minute;

use crate::audit::claim::{Claim, RefusalNote};
use crate::audit::claim_answer;
use crate::audit::closing::is_no_attempt;
use crate::audit::outcome::StoredOutcome;
use crate::audit::sweep::MinuteRows;
use crate::item::{Item, ItemReader};
use crate::keys::{self, AuditSk};
use crate::powers::{Claims, QueriesAudit, Reads};
use crate::schema::BY_MINUTE;
use crate::single_shot::{ClaimConnection, SingleShot};
use crate::{Ledger, LedgerError};

/// Questions to the index that are open at a time, of whichever minute. A page may have a megabyte, and all that come at once share a
/// processor, or a third of one: each has to be read within the time of its attempt.
const ASKED_AT_ONCE: usize = 8;

/// A hint that something is to be examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    pub key: PayoutKey,
    pub entry: Entry,
    pub received_at: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The claim of this attempt. It is listed under the minute in which its delivery was received.
    Claim(u16),
    /// The note that the event with this digest was refused. It is listed under the minute in which it becomes final.
    Refusal(Digest),
    /// The note that a case could not be written, under the minute in which it was wanted.
    Unfiled,
}

/// An attempt by its payout key and its number.
pub type AttemptName = (PayoutKey, u16);

impl<P: Reads> Ledger<P> {
    /// Exactly one HTTP request. Asked a second time with the same claim it sends the identical item.
    pub async fn put_claim(&self, claim: &Claim) -> ClaimAnswer
    where
        P: Claims,
    {
        self.put_claim_on(None, claim).await
    }

    /// On a connection that stands already, where there is one.
    pub async fn put_claim_on(&self, connection: Option<ClaimConnection>, claim: &Claim) -> ClaimAnswer
    where
        P: Claims,
    {
        let put = self.audit.append(&self.claims, claim.to_item(self.shards)).send();
        claim_answer::classify(claim, SingleShot::on(connection, put).await)
    }

    /// For a claim that is about to be put. `None`: none could be had in time, and the claim opens its own.
    pub async fn connect_for_claim(&self, within: Duration) -> Option<ClaimConnection>
    where
        P: Claims,
    {
        self.single_shot.stand(within).await
    }

    /// The claim of an attempt; where people closed the payout, or a blocking event bars it, there is none. A consistent read.
    pub async fn read_claim(&self, key: &PayoutKey, attempt: u16) -> Result<Option<Claim>, LedgerError> {
        let item = self.read_audit(key, AuditSk::Claim(attempt)).await?;
        item.as_ref().filter(|item| !is_no_attempt(item)).map(Claim::from_item).transpose()
    }

    /// Once for each event of a key; an existing note counts as success.
    pub async fn note_refusal(&self, note: &RefusalNote) -> Result<(), LedgerError>
    where
        P: Claims,
    {
        match self.audit.append(&self.records, note.to_item(self.shards)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("note a refusal", &error)),
        }
    }

    /// A consistent read. A note that cannot be read is left alone, as [`Ledger::attempt`] leaves an attempt.
    pub async fn refusal(&self, key: &PayoutKey, event: Digest) -> Result<Option<RefusalNote>, LedgerError> {
        let Some(item) = self.read_audit(key, AuditSk::Refused(event)).await? else { return Ok(None) };
        let note = RefusalNote::from_item(&item);
        Ok(note.inspect_err(|error| tracing::error!(payout_key = %key, %error, "a note is left alone")).ok())
    }

    /// One attempt by a consistent read: its claim, and its outcome if it has one. `None` when there is no such claim,
    /// and when one of the two is of a newer schema or cannot be read. Such an attempt is left alone; one of them
    /// must not stop the sweep of all others.
    pub async fn attempt(
        &self,
        key: &PayoutKey,
        attempt: u16,
    ) -> Result<Option<(Claim, Option<StoredOutcome>)>, LedgerError>
    where
        P: QueriesAudit,
    {
        let found = keys::attempt(key, attempt).of(self.audit.query(&self.records)).send().await;
        let found = found.map_err(|error| LedgerError::failed("read an attempt", &error))?;
        let part = |sk: AuditSk| {
            let sk = AttributeValue::S(sk.to_string());
            found.items().iter().find(|item| item.get("sk") == Some(&sk))
        };
        let Some(claim) = part(AuditSk::Claim(attempt)).filter(|claim| !is_no_attempt(claim)) else { return Ok(None) };
        match whole_attempt(claim, part(AuditSk::Outcome(attempt))) {
            Ok(whole) => Ok(Some(whole)),
            Err(error) => {
                tracing::error!(payout_key = %key, attempt, %error, "an attempt is left alone");
                Ok(None)
            }
        }
    }

    /// These minutes in their order, several at a time: a day is read in seconds.
    pub async fn minutes(
        &self,
        minutes: impl Iterator<Item = Minute>,
    ) -> Result<impl Stream<Item = Result<MinuteRows, LedgerError>>, LedgerError>
    where
        P: QueriesAudit,
    {
        let shards = self.shards().await?;
        let at_once = ASKED_AT_ONCE.div_ceil(usize::from(shards.number()));
        Ok(stream::iter(minutes).map(move |minute| self.minute(minute, shards)).buffered(at_once))
    }

    /// Everything that the index lists under a minute, of all pages of so many shards ([`Ledger::shards`]).
    pub async fn minute(&self, minute: Minute, shards: Shards) -> Result<MinuteRows, LedgerError>
    where
        P: QueriesAudit,
    {
        let shards = stream::iter(shards.all()).map(|shard| self.shard(keys::bucket(minute, shard)));
        let read = |mut all: MinuteRows, MinuteRows { rows, unreadable }| async move {
            all.rows.extend(rows);
            all.unreadable += unreadable;
            Ok(all)
        };
        shards.buffered(ASKED_AT_ONCE).try_fold(MinuteRows::default(), read).await
    }

    async fn shard(&self, bucket: String) -> Result<MinuteRows, LedgerError>
    where
        P: QueriesAudit,
    {
        let mut pages = self
            .audit
            .query(&self.records)
            .index_name(BY_MINUTE)
            .key_condition_expression("#bucket = :bucket")
            .expression_attribute_names("#bucket", "bucket")
            .expression_attribute_values(":bucket", AttributeValue::S(bucket))
            .into_paginator()
            .items()
            .send();
        let mut read = MinuteRows::default();
        while let Some(row) = pages.next().await {
            let row = row.map_err(|error| LedgerError::failed("read the index by minute", &error))?;
            match IndexRow::from_item(&row) {
                Ok(row) => read.rows.push(row),
                Err(error) => {
                    tracing::error!(%error, "a row is left alone");
                    read.unreadable += 1;
                }
            }
        }
        Ok(read)
    }

    pub(crate) async fn read_audit(&self, key: &PayoutKey, sk: AuditSk) -> Result<Option<Item>, LedgerError> {
        let answer = self.audit.get(&self.records, sk.of(key)).send().await;
        Ok(answer.map_err(|error| LedgerError::failed("read the audit table", &error))?.item)
    }
}

pub(crate) fn whole_attempt(
    claim: &Item,
    outcome: Option<&Item>,
) -> Result<(Claim, Option<StoredOutcome>), LedgerError> {
    for item in [Some(claim), outcome].into_iter().flatten() {
        let read = ItemReader::new("the attempt", item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
    }
    Ok((Claim::from_item(claim)?, outcome.map(StoredOutcome::from_item).transpose()?))
}

impl IndexRow {
    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("a row of the index by minute", item);
        Ok(Self {
            key: read.payout_key()?,
            entry: read.parsed("sk", |sk| match AuditSk::parse(sk)? {
                AuditSk::Claim(attempt) => Some(Entry::Claim(attempt)),
                AuditSk::Refused(event) => Some(Entry::Refusal(event)),
                AuditSk::Unfiled => Some(Entry::Unfiled),
                _ => None,
            })?,
            received_at: read.number("received_at")?,
        })
    }
}

/// The condition failed: something is there.
pub(crate) fn is_taken(error: &SdkError<PutItemError>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}
