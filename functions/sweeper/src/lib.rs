//! Turns claims that have no outcome into cases, each minute. It never pays; what may be concluded and when is decided
//! by `payonce_protocol::sweep`.
//!
//! Index rows are hints: claim and outcome are read consistently from the table before anything is concluded. A round is
//! stored as done only when every one of its buckets was worked off, so a run that fails is made up by the next.

mod look_up;
mod visit;

use std::sync::Arc;

use payonce_ledger::{Claim, Ledger, LedgerError, Queue, Snapshot, Totals};
use payonce_protocol::hold::{self, Hold, Tally};
use payonce_protocol::outcome::Outcome;
use payonce_protocol::sweep::{self, MINUTE_MS};
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::look_up::Eyes;
use payonce_runtime::metrics::{Metrics, Sweep};
use payonce_runtime::start::Started;
use serde::Serialize;

#[derive(Clone)]
pub struct Parts {
    pub ledger: Arc<Ledger>,
    /// For look-ups, which only read.
    pub rail: Arc<Rail>,
    pub clock: Clock,
    pub metrics: Metrics,
    /// Added to a claim's expiry before it is given up: [`sweep::MARGIN_MS`].
    pub margin_ms: u64,
}

impl Parts {
    /// From the parts that all functions share.
    pub fn of(started: &Started) -> Self {
        Self {
            ledger: started.ledger.clone(),
            rail: started.rail.clone(),
            clock: started.clock.clone(),
            metrics: started.metrics.clone(),
            margin_ms: sweep::MARGIN_MS,
        }
    }
}

pub struct App {
    parts: Parts,
    eyes: Eyes,
}

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub buckets: usize,
    /// Claims given up by this run.
    pub abandoned: u32,
    /// Refused events that never came back.
    pub refusals: u32,
    /// Cases that their webhook could not write.
    pub unfiled: u32,
    /// Cases whose payout was looked up at the rail.
    pub looked_up: u32,
    pub hold_tripped: bool,
    /// Minutes that are still to be made up after a pause.
    pub minutes_behind: Option<u64>,
    pub oldest_open_age_s: Option<u64>,
}

impl Report {
    fn figures(&self) -> Sweep {
        Sweep {
            swept: u64::from(self.abandoned),
            cases_filed: u64::from(self.abandoned + self.refusals + self.unfiled),
            oldest_open_age_seconds: self.oldest_open_age_s,
            rounds_behind: self.minutes_behind,
            hold_tripped: self.hold_tripped,
        }
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { parts, eyes: Eyes::default() }
    }

    /// One run. An error leaves the round unfinished, and the next run begins where this one did.
    pub async fn run(&self) -> Result<Report, LedgerError> {
        let mut metrics = self.parts.metrics.sweep();
        let mut report = Report::default();
        let done = self.round(&mut report).await;
        match &done {
            Ok(()) => metrics.ran(&report.figures()),
            Err(_) => metrics.so_far(&report.figures()),
        }
        done?;
        tracing::info!(?report, "sweep done");
        Ok(report)
    }

    async fn round(&self, report: &mut Report) -> Result<(), LedgerError> {
        let now = self.parts.clock.now();
        let minute = now / MINUTE_MS;
        // The outage switch first: it is what keeps the number of cases small.
        report.hold_tripped = self.trip_hold(now).await?;
        let round = sweep::round(self.parts.ledger.last_round().await?, minute);
        report.buckets = round.buckets.len();
        for bucket in &round.buckets {
            self.visit_bucket(*bucket, now, report).await?;
        }
        self.parts.ledger.set_round(round.through).await?;
        report.minutes_behind = Some(minute - round.through);
        report.oldest_open_age_s = self.take_stock(now).await?.map(|since| now.saturating_sub(since) / 1000);
        Ok(())
    }

    /// Counts the open cases for people, all of them: sixteen queries of an index. Since when the oldest is one.
    async fn take_stock(&self, now: u64) -> Result<Option<u64>, LedgerError> {
        let open = self.parts.ledger.queue(Queue::Age, usize::MAX, None, true, |_| true).await?.cases;
        let snapshot = Snapshot { taken_at: now, totals: Totals::of(&open, now) };
        self.parts.ledger.put_snapshot(&snapshot).await?;
        Ok(open.first().map(|oldest| oldest.case.since))
    }

    /// Sets `refuse` when most of the last two minutes ended `Unknown`; only a person sets it back.
    async fn trip_hold(&self, now: u64) -> Result<bool, LedgerError> {
        let tally = self.tally(now).await?;
        if !hold::trips(tally) {
            return Ok(false);
        }
        match self.parts.ledger.control().await? {
            Some(control) if control.hold == Hold::Pay => {}
            _ => return Ok(false),
        }
        let why = format!("{} of the last {} attempts ended unknown", tally.unknown, tally.ended);
        self.parts.ledger.set_hold(Hold::Refuse, "sweeper", &why, now).await?;
        tracing::error!(unknown = tally.unknown, ended = tally.ended, "payouts are held: the rail does not answer");
        Ok(true)
    }

    async fn tally(&self, now: u64) -> Result<Tally, LedgerError> {
        let since = now.saturating_sub(hold::WINDOW_MS);
        let (mut tally, mut accepted) = (Tally::default(), None::<Claim>);
        for bucket in since / MINUTE_MS..=now / MINUTE_MS {
            for (claim, outcome) in self.outcomes_of(bucket, since).await? {
                tally.ended += 1;
                tally.unknown += u32::from(outcome == Outcome::Unknown);
                if outcome == Outcome::Accepted && accepted.as_ref().is_none_or(|one| one.claimed_at < claim.claimed_at)
                {
                    accepted = Some(claim);
                }
            }
        }
        self.remember_accepted(accepted.as_ref()).await;
        Ok(tally)
    }
}
