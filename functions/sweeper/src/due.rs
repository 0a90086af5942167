//! The look-ups that are due, last and under a budget: a rail that hangs costs one or two of them.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use payonce_ledger::{Attempted, Case, DueLookUp, LedgerError, LookUpRecord, Payout};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::LookUpSays;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::Said;
use tokio::time::Instant;
use tracing::{Instrument, warn_span};

use crate::App;
use crate::run::Run;

/// As long as one look-up may take: none is begun that could not end in time.
const ONE_WITHIN: Duration = Duration::from_secs(5);
/// A run asks the rail no more often, and rails limit reads.
const AT_MOST: usize = 128;
/// Once the rail has answered.
const AT_ONCE: usize = 8;
/// So many failures, and the rest wait for the next run.
const FAILURES: u32 = 2;
/// The visit's look-up was made: the next visit comes later than this.
const JUST_NOW_MS: u64 = 10 * 60_000;
/// What could not be looked up in this time is given up; the last visit of its minute comes a day after.
const GIVEN_UP_MS: u64 = 25 * 60 * 60_000;

enum Asked {
    Made,
    /// Its case says that it was found, or it has been asked for just now, or it is not unknown.
    NoNeed,
    /// The rail could not be asked.
    Failed,
    /// The record of this payout cannot be read.
    Unreadable,
    /// The finding is in the audit, and there is no readable case for it.
    NoCase(LedgerError),
}

impl App {
    pub(crate) async fn look_ups(&self, run: &mut Run, until: Instant) {
        let now = run.now;
        let (mut left, mut failures, mut at_once) = (AT_MOST.min(run.due().len()), 0, 1);
        while left > 0 && failures < FAILURES && Instant::now() + ONE_WITHIN <= until {
            let next: Vec<DueLookUp> = run.due().iter().take(at_once.min(left)).cloned().collect();
            left -= next.len();
            let asked = |due: DueLookUp| async move {
                let span = warn_span!("look_up", payout_key = %due.attempt.0, attempt = due.attempt.1);
                (self.look_up_due(&due, now).instrument(span).await, due)
            };
            let mut answers = stream::iter(next).map(asked).buffer_unordered(AT_ONCE);
            while let Some((asked, due)) = answers.next().await {
                let key = &due.attempt.0;
                let asked = asked.unwrap_or_else(|error| {
                    tracing::warn!(payout_key = %key, %error, "a look-up failed");
                    Asked::Failed
                });
                match asked {
                    Asked::Made => {
                        run.report.looked_up += 1;
                        at_once = AT_ONCE;
                    }
                    Asked::NoNeed => {}
                    Asked::Unreadable => run.report.unreadable += 1,
                    Asked::NoCase(error) => {
                        tracing::error!(payout_key = %key, %error, "a finding has no case");
                        run.report.evidence_lost += 1;
                    }
                    Asked::Failed => {
                        failures += 1;
                        if now.saturating_sub(due.since) < GIVEN_UP_MS {
                            run.look_up_later(due);
                            continue;
                        }
                    }
                }
                run.looked_up(&due);
            }
        }
    }

    async fn look_up_due(&self, due: &DueLookUp, now: UnixMillis) -> Result<Asked, LedgerError> {
        let (key, attempt) = &due.attempt;
        let payout = match self.parts.ledger.payout(key).await {
            Ok(payout) => payout,
            Err(LedgerError::Unreadable { .. }) => return Ok(Asked::Unreadable),
            Err(error) => return Err(error),
        };
        let Some(attempted) = unknown(&payout, *attempt) else { return Ok(Asked::NoNeed) };
        // Who ended the attempt opened its case.
        let by_sweeper = attempted.outcome.as_ref().is_some_and(|outcome| outcome.by_sweeper);
        let reason = if by_sweeper { Reason::AttemptAbandoned } else { Reason::PayoutUnknown };
        let was_found = payout.look_ups.iter().any(|look_up| look_up.seen.said() == Said::Found);
        let is_recent =
            |look_up: &LookUpRecord| look_up.by == "sweeper" && look_up.at.saturating_add(JUST_NOW_MS) > now;
        let was_just_made = payout.look_ups.iter().any(is_recent);
        if was_found || was_just_made {
            // A run that ended between the audit and the case left the case without the finding: then it is made again.
            let case = self.parts.ledger.case(&Case::id_of(reason, key, *attempt)).await;
            let told = case.ok().flatten().and_then(|case| case.evidence.look_up());
            let newest = payout.look_ups.last().map(|look_up| LookUpSays::Said(look_up.seen.said()));
            if told.is_some() && told == newest {
                return Ok(Asked::NoNeed);
            }
        }
        match self.look_up(&payout, &attempted.claim, reason, now).await {
            Ok(false) => Ok(Asked::Failed),
            Ok(true) => Ok(Asked::Made),
            Err(error @ (LedgerError::Missing { .. } | LedgerError::Unreadable { .. })) => Ok(Asked::NoCase(error)),
            Err(error) => Err(error),
        }
    }
}

fn unknown(payout: &Payout, number: u16) -> Option<&Attempted> {
    let attempt = payout.attempts.iter().find(|attempt| attempt.claim.attempt == number)?;
    attempt.outcome.as_ref().is_some_and(|outcome| outcome.verdict.outcome == Outcome::Unknown).then_some(attempt)
}
