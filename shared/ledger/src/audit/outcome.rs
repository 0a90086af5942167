//! The second audit record of an attempt. It is written once, by the worker or by the sweeper that gave it up; a worker
//! that comes too late writes beside it, and a person hears of both.

use payonce_protocol::UnixMillis;
use payonce_protocol::event::Recorded;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::AttemptId;
use payonce_protocol::outcome::{Outcome, Reason, Verdict};

use crate::audit::attempt::is_taken;
use crate::audit::claim::Claim;
use crate::cases::case::Case;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::AuditSk;
use crate::powers::{Claims, GivesUp, Reads};
use crate::transaction::{Failure, Transacted, through_conflicts};
use crate::{Ledger, LedgerError};

/// What the worker knows about its attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRecord {
    pub verdict: Verdict,
    /// Allow-listed facts.
    pub evidence: Facts,
    pub recorded_at: UnixMillis,
}

/// An outcome as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOutcome {
    pub attempt_id: AttemptId,
    pub verdict: Verdict,
    pub evidence: Facts,
    pub recorded_at: UnixMillis,
    /// Not the worker itself: its attempt was given up.
    pub by_sweeper: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// The attempt is `Unknown` now, and its case is open.
    Filed,
    /// Somebody recorded an outcome before.
    OutcomeThere,
}

pub(crate) const WORKER: &str = "worker";
pub(crate) const SWEEPER: &str = "sweeper";

enum Appended {
    New,
    /// This was there before.
    There(Item),
}

impl<P: Reads> Ledger<P> {
    /// Writes the worker's outcome, in one transaction with its case when it has one. An outcome of our own that is
    /// there already means that the answer to its write was lost: it counts as success. The sweeper's outcome stays;
    /// ours goes beside it, with a case.
    pub async fn record(&self, claim: &Claim, outcome: &OutcomeRecord, case: Option<&Case>) -> Recorded
    where
        P: Claims,
    {
        self.try_record(claim, outcome, case).await.unwrap_or_else(|error| {
            tracing::error!(
                payout_key = %claim.key, attempt = claim.attempt, attempt_id = %claim.attempt_id,
                outcome = %outcome.verdict.outcome, %error,
                "an outcome is not recorded: the sweeper will file its attempt"
            );
            Recorded::Failed
        })
    }

    async fn try_record(
        &self,
        claim: &Claim,
        outcome: &OutcomeRecord,
        case: Option<&Case>,
    ) -> Result<Recorded, LedgerError> {
        let item = outcome.to_item(claim, AuditSk::Outcome(claim.attempt), WORKER);
        match self.append_with_case("record an outcome", item, case).await? {
            Appended::New => Ok(Recorded::Durable),
            Appended::There(there) if is_same(&there, claim, outcome) => Ok(Recorded::Durable),
            Appended::There(_) => self.record_late(claim, outcome).await,
        }
    }

    async fn record_late(&self, claim: &Claim, outcome: &OutcomeRecord) -> Result<Recorded, LedgerError> {
        let mut case = Case::of_claim(Reason::LateOutcome, claim, outcome.recorded_at).of_cause(&claim.rail);
        case.say(FactName::Outcome, outcome.verdict.outcome);
        let item = outcome.to_item(claim, AuditSk::Late(claim.attempt), WORKER);
        match self.append_with_case("record a late outcome", item, Some(&case)).await? {
            Appended::New => Ok(Recorded::Late),
            Appended::There(there) if is_same(&there, claim, outcome) => Ok(Recorded::Late),
            Appended::There(_) => Err(LedgerError::Changed { what: "the late outcome" }),
        }
    }

    /// The sweeper's: `Unknown`, unless an outcome is there, in one transaction with the case `attempt_abandoned`.
    pub async fn abandon(&self, claim: &Claim, now: UnixMillis) -> Result<Abandoned, LedgerError>
    where
        P: GivesUp,
    {
        let outcome = OutcomeRecord { verdict: Verdict::UNKNOWN, evidence: Facts::default(), recorded_at: now };
        let item = outcome.to_item(claim, AuditSk::Outcome(claim.attempt), SWEEPER);
        let case = Case::of_claim(Reason::AttemptAbandoned, claim, now).of_cause(&claim.rail);
        match self.append_with_case("give an attempt up", item, Some(&case)).await? {
            Appended::New => Ok(Abandoned::Filed),
            Appended::There(_) => Ok(Abandoned::OutcomeThere),
        }
    }

    /// A case that exists already does not stand in the way of the record; it is open, or open again, when that is written.
    async fn append_with_case(
        &self,
        doing: &'static str,
        item: Item,
        case: Option<&Case>,
    ) -> Result<Appended, LedgerError> {
        let Some(case) = case else { return self.append_alone(doing, item).await };
        let mut parts = vec![self.audit.append_with(item.clone())?];
        parts.extend(self.opening(case)?);
        match self.transact(doing, &parts).await? {
            Transacted::Done => Ok(Appended::New),
            Transacted::Unmet(unmet) => match unmet.into_iter().next() {
                Some(record) if record.part == 0 => self.there(&item, record.item).await,
                existing => {
                    self.ensure_open(case, existing.and_then(|existing| existing.item)).await?;
                    self.append_alone(doing, item).await
                }
            },
        }
    }

    async fn append_alone(&self, doing: &'static str, item: Item) -> Result<Appended, LedgerError> {
        let there = through_conflicts(doing, || async {
            match self.audit.append(&self.records, item.clone()).send().await {
                Ok(_) => Ok(None),
                Err(error) if is_taken(&error) => Ok(Some(error)),
                Err(error) => Err(Failure::of(doing, &error)),
            }
        })
        .await?;
        match there {
            None => Ok(Appended::New),
            Some(error) => self.there(&item, old(error)).await,
        }
    }

    /// The item that failed the condition; asked for, should the answer not have brought it.
    async fn there(&self, ours: &Item, brought: Option<Item>) -> Result<Appended, LedgerError> {
        if let Some(item) = brought {
            return Ok(Appended::There(item));
        }
        let read = ItemReader::new("the outcome", ours);
        let item = self.read_audit(&read.payout_key()?, read.parsed("sk", AuditSk::parse)?).await?;
        item.map(Appended::There).ok_or(LedgerError::Missing { what: "the outcome" })
    }
}

type PutError = aws_sdk_dynamodb::error::SdkError<aws_sdk_dynamodb::operation::put_item::PutItemError>;

fn old(error: PutError) -> Option<Item> {
    match error.into_service_error() {
        aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => failed.item,
        _ => None,
    }
}

/// Written by this very worker, and saying the same.
fn is_same(there: &Item, claim: &Claim, outcome: &OutcomeRecord) -> bool {
    StoredOutcome::from_item(there).is_ok_and(|stored| {
        !stored.by_sweeper && stored.attempt_id == claim.attempt_id && stored.verdict == outcome.verdict
    })
}

impl OutcomeRecord {
    pub(crate) fn to_item(&self, claim: &Claim, sk: AuditSk, by: &str) -> Item {
        Fields::new(sk.of(&claim.key))
            .text("attempt_id", claim.attempt_id)
            .text("recorded_by", by)
            .text("outcome", self.verdict.outcome)
            .mark("replayed", self.verdict.replayed)
            .mark("not_begun", self.verdict.not_begun)
            .map("evidence", &self.evidence)
            .number("recorded_at", self.recorded_at)
            .done()
    }
}

impl StoredOutcome {
    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the outcome", item);
        Ok(Self {
            attempt_id: read.parsed("attempt_id", AttemptId::from_hex)?,
            verdict: Verdict {
                outcome: read.parsed("outcome", Outcome::parse)?,
                replayed: read.mark("replayed"),
                not_begun: read.mark("not_begun"),
            },
            evidence: read.facts("evidence")?,
            recorded_at: read.number("recorded_at")?,
            by_sweeper: read.text("recorded_by")? == SWEEPER,
        })
    }
}
