//! Asking the rail about payouts that may or may not have been made, and keeping the samples by which a look-up shows that it
//! sees.

use std::time::Duration;

use payonce_ledger::{AttemptName, Case, Claim, LedgerError, LookUpRecord, Payout, Sample, Seen};
use payonce_protocol::UnixMillis;
use payonce_protocol::outcome::Reason;
use payonce_runtime::look_up::look_up;

use crate::App;

/// A look-up is evidence, not a duty.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

impl App {
    /// Asks the rail whether it knows the payout, and puts what it says into the case. A person decides; most cases are
    /// decided by this.
    /// `false`: the rail could not be asked.
    pub(crate) async fn look_up(
        &self,
        payout: &Payout,
        claim: &Claim,
        reason: Reason,
        now: UnixMillis,
    ) -> Result<bool, LedgerError> {
        let (ledger, rail) = (&self.parts.ledger, &self.parts.rail);
        let seen = match look_up(ledger, rail, &self.eyes, payout, now, LOOK_UP_WITHIN).await {
            Ok(seen) => seen,
            Err(failure) => {
                tracing::warn!(payout_key = %claim.key, %failure, "the rail could not be asked");
                return Ok(false);
            }
        };
        if let Seen::Blind { why } = &seen {
            tracing::warn!(payout_key = %claim.key, %why, "the look-up is blind: it says nothing");
        }
        // Into the audit as well: a further attempt rests on it, and people's tools cannot write there.
        let look_up = LookUpRecord { at: now, seen, by: "sweeper".to_owned() };
        ledger.add_look_up(&claim.key, claim.attempt, &look_up).await?;
        let case = Case::id_of(reason, &claim.key, claim.attempt);
        ledger.add_evidence(&case, "sweeper", &look_up.facts(), now).await?;
        Ok(true)
    }

    /// A sample more or less decides nothing: a failure is logged, and the next run tries again.
    pub(crate) async fn remember_accepted(&self, newest: AttemptName) {
        let remembered = async {
            match self.parts.ledger.attempts(&[newest].into()).await?.found.first() {
                Some((claim, _)) => self.parts.ledger.remember_accepted(&Sample::of(claim)).await,
                None => Ok(()),
            }
        };
        if let Err(error) = remembered.await {
            tracing::warn!(%error, "an accepted payout could not be remembered; look-ups may be blind");
        }
    }
}
