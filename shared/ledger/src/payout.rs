//! Everything that the audit table holds of one payout, and what follows from it for a further attempt.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::{LastAttempt, LookedUp};

use crate::attempt::is_taken;
use crate::claim::{Claim, claimed_attempt};
use crate::item::{Fields, Item, Reader};
use crate::outcome::StoredOutcome;
use crate::{Ledger, LedgerError};

/// All attempts at one payout, the first one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payout {
    pub attempts: Vec<Attempted>,
    /// What the rail said when it was asked, by functions that may write the audit table; the oldest first.
    pub look_ups: Vec<LookUpRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    pub claim: Claim,
    pub outcome: Option<StoredOutcome>,
    /// The worker's own word, after the attempt had been given up.
    pub late: Option<StoredOutcome>,
}

/// That the rail was asked for a payout by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUpRecord {
    pub at: UnixMillis,
    /// The rail's ids of what it has; none: absent.
    pub payouts: Vec<String>,
    /// Which function asked.
    pub by: String,
}

const LOOK_UP: &str = "look_up#";

impl Payout {
    /// What a re-issue is decided from. `None`: nothing was ever claimed, or the last attempt is still under way.
    pub fn last_attempt(&self) -> Option<LastAttempt> {
        let last = self.attempts.last()?;
        let mut verdict = last.outcome.as_ref()?.verdict;
        let verdicts = || self.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref());
        if verdicts().any(|outcome| outcome.verdict.outcome == Outcome::Accepted) {
            verdict = Verdict::plain(Outcome::Accepted);
        }
        let generation = last.claim.key_generation;
        let of_key = || self.attempts.iter().filter(move |attempt| attempt.claim.key_generation == generation);
        Some(LastAttempt {
            verdict,
            generation,
            key_is_uncertain: of_key().any(Attempted::is_unknown),
            key_first_used_at: of_key().map(|attempt| attempt.claim.claimed_at).min()?,
            // Its worker may have sent it until then.
            key_last_used_at: of_key().map(|attempt| attempt.claim.expires_at).max()?,
            key_holds_an_error: of_key().any(Attempted::was_answered_5xx),
            has_late_outcome: self.attempts.iter().any(|attempt| attempt.late.is_some()),
            look_ups: self.look_ups.iter().map(LookUpRecord::seen).collect(),
        })
    }
}

impl Attempted {
    fn is_unknown(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome.verdict.outcome == Outcome::Unknown)
    }

    fn was_answered_5xx(&self) -> bool {
        let status = self.outcome.as_ref().and_then(|outcome| outcome.evidence.get("http_status"));
        status.is_some_and(|status| status.starts_with('5'))
    }
}

impl LookUpRecord {
    fn seen(&self) -> LookedUp {
        LookedUp { at: self.at, found: !self.payouts.is_empty() }
    }

    fn to_item(&self, key: &PayoutKey, attempt: u16) -> Item {
        Fields::new(key, format!("{attempt:04}#{LOOK_UP}{:013}", self.at))
            .list("payouts", &self.payouts)
            .text("by", &self.by)
            .number("at", self.at)
            .done()
    }

    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new("the look-up", item);
        Ok(Self { at: read.number("at")?, payouts: read.list("payouts")?, by: read.text("by")?.to_owned() })
    }
}

impl Ledger {
    /// A consistent read of everything. An item of a newer schema is an error here: what a person decides must not rest on
    /// half of the record.
    pub async fn payout(&self, key: &PayoutKey) -> Result<Payout, LedgerError> {
        let mut rows = self
            .audit
            .query(&self.records)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", AttributeValue::S(key.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut payout = Payout::default();
        while let Some(row) = rows.next().await {
            let row = row.map_err(|error| LedgerError::failed("read a payout", &error))?;
            payout.add(&row)?;
        }
        payout.look_ups.sort_by_key(|look_up| look_up.at);
        Ok(payout)
    }

    /// Beside the attempt that it is about. The same moment twice is the same look-up.
    pub async fn add_look_up(&self, key: &PayoutKey, attempt: u16, look_up: &LookUpRecord) -> Result<(), LedgerError> {
        match self.audit.append(&self.records, look_up.to_item(key, attempt)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("record a look-up", &error)),
        }
    }
}

impl Payout {
    /// In the order of the table: the claim of an attempt comes before everything else of it.
    fn add(&mut self, item: &Item) -> Result<(), LedgerError> {
        let read = Reader::new("the payout", item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
        let sk = read.text("sk")?;
        if claimed_attempt(sk).is_some() {
            self.attempts.push(Attempted { claim: Claim::from_item(item)?, outcome: None, late: None });
            return Ok(());
        }
        let Some((number, kind)) = sk.split_once('#') else { return Err(read.unreadable("sk")) };
        if kind.starts_with(LOOK_UP) {
            self.look_ups.push(LookUpRecord::from_item(item)?);
            return Ok(());
        }
        let number: u16 = number.parse().map_err(|_| read.unreadable("sk"))?;
        let of = self.attempts.last_mut().filter(|attempt| attempt.claim.attempt == number);
        match (kind, of) {
            ("outcome", Some(attempt)) => attempt.outcome = Some(StoredOutcome::from_item(item)?),
            ("late", Some(attempt)) => attempt.late = Some(StoredOutcome::from_item(item)?),
            // A note of a refusal.
            _ if number == 0 => {}
            _ => return Err(read.unreadable("sk")),
        }
        Ok(())
    }
}
