//! Payouts that are known to be accepted, so that a look-up can show that it sees: the sweeper keeps a few of the last hours
//! in an item of its own. They are hints. Whoever decides about money reads claim and outcome in the audit table first.

use payonce_protocol::UnixMillis;
use payonce_protocol::order::{Destination, PayoutKey};
use serde::{Deserialize, Serialize};

use crate::item::{Fields, ItemReader};
use crate::keys::ReconcileKey;
use crate::powers::{Reads, Sweeps};
use crate::{Claim, Ledger, LedgerError};

/// Two hours of a busy stack.
const SAMPLES_AT_MOST: usize = 12;
/// Look-ups prefer an old sample, so a few that are far apart say more than many of one minute. The newest is as it comes.
const APART_MS: u64 = 600_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub key: PayoutKey,
    pub attempt: u16,
    pub claimed_at: UnixMillis,
    pub destination: Destination,
}

#[derive(Serialize, Deserialize)]
struct StoredSample {
    key: String,
    attempt: u16,
    claimed_at: UnixMillis,
    destination: String,
}

impl Sample {
    pub fn of(claim: &Claim) -> Self {
        let (key, destination) = (claim.key.clone(), claim.destination.clone());
        Self { key, attempt: claim.attempt, claimed_at: claim.claimed_at, destination }
    }

    fn read(kept: StoredSample) -> Option<Self> {
        Some(Self {
            key: PayoutKey::new(kept.key).ok()?,
            attempt: kept.attempt,
            claimed_at: kept.claimed_at,
            destination: Destination::new(kept.destination).ok()?,
        })
    }

    fn kept(&self) -> StoredSample {
        StoredSample {
            key: self.key.to_string(),
            attempt: self.attempt,
            claimed_at: self.claimed_at,
            destination: self.destination.to_string(),
        }
    }
}

impl<P: Reads> Ledger<P> {
    /// The oldest claim first. None on a new stack.
    pub async fn accepted_samples(&self) -> Result<Vec<Sample>, LedgerError> {
        let Some(item) = self.read_reconcile(&ReconcileKey::Samples).await? else { return Ok(vec![]) };
        let read = ItemReader::new("the accepted payouts", &item);
        let kept: Vec<StoredSample> = read.parsed("samples", |text| serde_json::from_str(text).ok())?;
        let mut samples: Vec<Sample> = kept.into_iter().filter_map(Sample::read).collect();
        samples.sort_by_key(|sample| sample.claimed_at);
        Ok(samples)
    }

    /// Keeps this one as the newest. The newest before it stays only if it is well apart from the one before that, so that a
    /// look-up of a minute ago has its sample, and one of hours ago an old one. Of too many the oldest goes.
    pub async fn remember_accepted(&self, accepted: &Sample) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        let mut samples = match self.accepted_samples().await {
            // An unreadable sample is skipped.
            Err(LedgerError::Unreadable { .. }) => vec![],
            read => read?,
        };
        if samples.last().is_some_and(|newest| accepted.claimed_at <= newest.claimed_at) {
            return Ok(());
        }
        if let [.., before, newest] = samples.as_slice()
            && newest.claimed_at < before.claimed_at.saturating_add(APART_MS)
        {
            samples.pop();
        }
        samples.push(accepted.clone());
        let kept = samples.iter().rev().take(SAMPLES_AT_MOST).map(Sample::kept).collect::<Vec<_>>();
        let text = serde_json::to_string(&kept).unwrap_or_default();
        self.overwrite(
            "remember an accepted payout",
            Fields::new(ReconcileKey::Samples.keys()).text("samples", text).done(),
        )
        .await
    }
}
