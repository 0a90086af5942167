//! What the sweeper reads: the index of one minute, and outcomes a hundred at a time. Reads grow with what is wrong: that an
//! attempt has ended is seen by a hundredth of a request, and only what seems not to have ended is read consistently.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use payonce_protocol::fact::Facts;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;
use tokio::time::sleep;

use crate::audit::append::Projection;
use crate::audit::attempt::{AttemptName, IndexRow, whole_attempt};
use crate::audit::claim::Claim;
use crate::audit::closing::FIRST;
use crate::audit::outcome::StoredOutcome;
use crate::item::{Item, ItemReader};
use crate::keys::AuditSk;
use crate::powers::Reads;
use crate::transaction::{FIRST_PAUSE, LAST_PAUSE};
use crate::{Ledger, LedgerError};

/// DynamoDB takes no more keys in one request.
const KEYS_AT_ONCE: usize = 100;
const REQUESTS_AT_ONCE: usize = 8;

/// What the index lists under a minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinuteRows {
    pub rows: Vec<IndexRow>,
    /// Rows that nobody can read.
    pub unreadable: u32,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEnd {
    pub outcome: Outcome,
    /// Empty unless it was asked for.
    pub evidence: Facts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Those whose outcome was seen.
    pub ended: BTreeMap<AttemptName, StoredEnd>,
    /// An outcome is there that cannot be read, or one of a newer schema.
    pub unreadable: BTreeSet<AttemptName>,
}

/// Attempts as consistent reads found them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    pub found: Vec<(Claim, Option<StoredOutcome>)>,
    pub unreadable: u32,
}

impl<P: Reads> Ledger<P> {
    /// How these attempts ended. The reads are eventually consistent: an outcome that is seen stays, and that none is seen
    /// proves nothing.
    pub async fn outcomes(
        &self,
        attempts: &BTreeSet<AttemptName>,
        with_evidence: bool,
    ) -> Result<Outcomes, LedgerError> {
        let keys = attempts.iter().map(|(key, attempt)| AuditSk::Outcome(*attempt).of(key).into_item());
        let evidence: &[&str] = if with_evidence { &["evidence"] } else { &[] };
        let projection =
            Projection { consistent: false, attributes: &[&["pk", "sk", "v", "outcome"], evidence].concat() };
        let mut outcomes = Outcomes::default();
        for item in self.read_batches(keys, projection).await? {
            let read = ItemReader::new("the outcome", &item);
            let name = (read.payout_key()?, read.parsed("sk", AuditSk::ended)?);
            match ended(&read) {
                Ok(ended) => drop(outcomes.ended.insert(name, ended)),
                Err(error) => {
                    tracing::error!(payout_key = %name.0, attempt = name.1, %error, "an attempt is left alone");
                    outcomes.unreadable.insert(name);
                }
            }
        }
        Ok(outcomes)
    }

    /// Consistent reads of claims and outcomes. Whatever is concluded is concluded from these.
    pub async fn attempts(&self, names: &BTreeSet<AttemptName>) -> Result<Attempts, LedgerError> {
        let keys = names.iter().flat_map(|(key, attempt)| {
            [AuditSk::Claim(*attempt), AuditSk::Outcome(*attempt)].map(|sk| sk.of(key).into_item())
        });
        let (mut claims, mut ends) = (BTreeMap::new(), BTreeMap::new());
        for item in self.read_batches(keys, Projection { consistent: true, attributes: &[] }).await? {
            let read = ItemReader::new("the attempt", &item);
            let (pk, sk) = (read.text("pk")?.to_owned(), read.text("sk")?);
            match AuditSk::parse(sk) {
                Some(AuditSk::Claim(attempt)) => drop(claims.insert((pk, attempt), item)),
                Some(AuditSk::Outcome(attempt)) => drop(ends.insert((pk, attempt), item)),
                _ => {}
            }
        }
        let mut attempts = Attempts::default();
        for (name, claim) in claims {
            match whole_attempt(&claim, ends.get(&name)) {
                Ok(whole) => attempts.found.push(whole),
                Err(error) => {
                    tracing::error!(payout_key = name.0, attempt = name.1, %error, "an attempt is left alone");
                    attempts.unreadable += 1;
                }
            }
        }
        Ok(attempts)
    }

    /// The sums of these claims, of those that can be read. Eventually consistent: a measurement.
    pub async fn claimed(&self, names: &BTreeSet<AttemptName>) -> Result<Vec<Money>, LedgerError> {
        let keys = names.iter().map(|(key, attempt)| AuditSk::Claim(*attempt).of(key).into_item());
        let projection = Projection { consistent: false, attributes: &["amount", "exponent", "currency"] };
        let claims = self.read_batches(keys, projection).await?;
        Ok(claims.iter().filter_map(|claim| ItemReader::new("the claim", claim).money().ok()).collect())
    }

    /// Which of these refused events came back and claimed their payout. Eventually consistent, as [`Ledger::outcomes`] is.
    pub async fn came_back(
        &self,
        refused: &BTreeSet<(PayoutKey, Digest)>,
    ) -> Result<BTreeSet<(PayoutKey, Digest)>, LedgerError> {
        let payouts: BTreeSet<&PayoutKey> = refused.iter().map(|(key, _)| key).collect();
        let keys = payouts.into_iter().map(|key| AuditSk::Claim(FIRST).of(key).into_item());
        let projection = Projection { consistent: false, attributes: &["pk", "event"] };
        let claims = self.read_batches(keys, projection).await?;
        let claimed = claims.iter().filter_map(|item| {
            let read = ItemReader::new("the claim", item);
            let key = read.payout_key().ok()?;
            Some((key, Digest::of(read.event().ok()?.as_str())))
        });
        Ok(claimed.filter(|claimed| refused.contains(claimed)).collect())
    }

    async fn read_batches(
        &self,
        keys: impl Iterator<Item = Item>,
        projection: Projection<'_>,
    ) -> Result<Vec<Item>, LedgerError> {
        let keys: Vec<Item> = keys.collect();
        let batches: Vec<Vec<Item>> = keys.chunks(KEYS_AT_ONCE).map(<[Item]>::to_vec).collect();
        let read: Vec<Vec<Item>> = stream::iter(batches)
            .map(|keys| self.read_batch(keys, projection))
            .buffer_unordered(REQUESTS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// What DynamoDB leaves out of an answer is asked for again, with pauses.
    async fn read_batch(&self, keys: Vec<Item>, projection: Projection<'_>) -> Result<Vec<Item>, LedgerError> {
        let mut asked = projection.of(keys)?;
        let mut found = Vec::new();
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = self.audit.get_batch(&self.records, asked).send().await;
            let answer = answer.map_err(|error| LedgerError::failed("read a batch", &error))?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let rest = answer.unprocessed_keys.unwrap_or_default().into_values().next();
            let Some(rest) = rest else { return Ok(found) };
            if pause > LAST_PAUSE {
                return Err(LedgerError::Failed { doing: "read a batch", why: "UnprocessedKeys".to_owned() });
            }
            sleep(pause).await;
            pause *= 2;
            asked = rest;
        }
    }
}

fn ended(read: &ItemReader<'_>) -> Result<StoredEnd, LedgerError> {
    if read.is_newer() {
        return Err(read.unreadable("v"));
    }
    Ok(StoredEnd { outcome: read.parsed("outcome", Outcome::parse)?, evidence: read.facts("evidence")? })
}
