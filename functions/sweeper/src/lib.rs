//! Turns claims that have no outcome into cases, each minute. It never pays; what may be concluded and when is decided
//! by `payonce_protocol::sweep`.
//!
//! Index rows are hints: claim and outcome are read consistently from the table before anything is concluded. A run goes
//! through its steps in `run`; how far it came is stored by bucket, so that neither a row, a rail nor a pause stops it.
//!
//! It is built once, and each invocation is one run:
//!
//! ```no_run
//! # use payonce_runtime::start::{Duty, on_lambda};
//! # async fn sweeps() -> Result<(), Box<dyn std::error::Error>> {
//! let started = on_lambda(Duty::LookUp).await?;
//! let app = sweeper::App::new(sweeper::Parts::of(&started, started.ledger.clone()));
//! app.run().await?;
//! # Ok(())
//! # }
//! ```

mod due;
mod hold;
mod look_up;
mod run;
mod visit;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use payonce_ledger::{Ledger, LedgerError, powers};
use payonce_protocol::slo::Burn;
use payonce_protocol::sweep;
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Watch;
use payonce_runtime::look_up::Eyes;
use payonce_runtime::metrics::{Metrics, Sweep};
use payonce_runtime::start::Started;
use payonce_runtime::telemetry;
use serde::Serialize;
use tracing::field::Empty;
use tracing::{Instrument, Span, warn_span};

use run::Run;

/// The function's time-out, as deployed.
pub const TIME_OUT: Duration = Duration::from_secs(55);

#[derive(Clone)]
pub struct Parts {
    pub ledger: Arc<Ledger<powers::Sweeper>>,
    /// For look-ups, which only read.
    pub rail: Arc<Rail>,
    pub clock: Clock,
    pub metrics: Metrics,
    /// Added to a claim's expiry before it is given up: [`sweep::MARGIN_MS`].
    pub margin_ms: u64,
    /// `[watch]` of the configuration.
    pub watch: Watch,
}

impl Parts {
    /// From the parts that all functions share.
    pub fn of<P>(started: &Started<P>, ledger: Arc<Ledger<powers::Sweeper>>) -> Self {
        Self {
            ledger,
            rail: started.rail.clone(),
            clock: started.clock.clone(),
            metrics: started.metrics.clone(),
            margin_ms: sweep::MARGIN_MS,
            watch: started.config.watch.clone(),
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
    /// Minutes of the index that were worked off.
    pub buckets: usize,
    /// Claims given up by this run.
    pub abandoned: u32,
    /// Refused events that never came back.
    pub refusals: u32,
    /// Cases that their webhook could not write.
    pub unfiled: u32,
    /// Payouts that the rail was asked for.
    pub looked_up: u32,
    /// Look-ups that wait for the next run.
    pub look_ups_waiting: Option<usize>,
    /// Rows and records that nobody can read.
    pub unreadable: u32,
    /// Findings without a case to put them into.
    pub evidence_lost: u32,
    pub hold_tripped: bool,
    /// Minutes that are still to be made up after a pause.
    pub minutes_behind: Option<u64>,
    pub oldest_open_age_s: Option<u64>,
    /// Of what `[watch]` allows; of several currencies the highest.
    pub money_at_risk_percent: Option<u64>,
    /// What the rail accepted within an hour, of what `[watch]` allows.
    pub accepted_hour_percent: Option<u64>,
    /// How well payouts go, as of the newest minute that was visited.
    #[serde(skip)]
    pub burn: Option<Burn>,
}

impl Report {
    /// Nothing was found that somebody has to look at.
    fn is_plain(&self) -> bool {
        let found = self.abandoned + self.refusals + self.unfiled + self.unreadable + self.evidence_lost;
        found == 0 && !self.hold_tripped
    }

    fn figures(&self) -> Sweep {
        Sweep {
            swept: u64::from(self.abandoned),
            cases_filed: u64::from(self.abandoned + self.refusals + self.unfiled),
            oldest_open_age_seconds: self.oldest_open_age_s,
            money_at_risk_percent: self.money_at_risk_percent,
            accepted_hour_percent: self.accepted_hour_percent,
            rounds_behind: self.minutes_behind,
            hold_tripped: self.hold_tripped,
            unreadable: u64::from(self.unreadable),
            evidence_lost: u64::from(self.evidence_lost),
            look_ups_waiting: self.look_ups_waiting.map(|waiting| waiting as u64),
            burn: self.burn,
        }
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { parts, eyes: Eyes::default() }
    }

    /// One run in the time that it has as deployed.
    pub async fn run(&self) -> Result<Report, LedgerError> {
        self.run_within(TIME_OUT).await
    }

    /// One run, which is over before this time is: with its place stored and its metrics written, whatever becomes of its
    /// steps. The first error is returned when all is done; the next run begins where this one came to.
    pub async fn run_within(&self, within: Duration) -> Result<Report, LedgerError> {
        self.swept(within).instrument(warn_span!("sweep", plain = Empty)).await
    }

    async fn swept(&self, within: Duration) -> Result<Report, LedgerError> {
        let mut metrics = self.parts.metrics.sweep();
        let mut run = Run::new(self.parts.clock.now(), within, &self.parts.watch);
        if AssertUnwindSafe(self.steps(&mut run)).catch_unwind().await.is_err() {
            run.failed(LedgerError::Failed { doing: "sweep", why: "panic".to_owned() });
        }
        let (report, failed) = run.end();
        if let Some(error) = failed {
            metrics.so_far(&report.figures());
            return Err(error);
        }
        metrics.ran(&report.figures());
        if report.is_plain() {
            telemetry::plain(&Span::current());
        }
        tracing::info!(
            buckets = report.buckets,
            abandoned = report.abandoned,
            refusals = report.refusals,
            unfiled = report.unfiled,
            looked_up = report.looked_up,
            look_ups_waiting = report.look_ups_waiting,
            unreadable = report.unreadable,
            evidence_lost = report.evidence_lost,
            hold_tripped = report.hold_tripped,
            minutes_behind = report.minutes_behind,
            oldest_open_age_s = report.oldest_open_age_s,
            money_at_risk_percent = report.money_at_risk_percent,
            accepted_hour_percent = report.accepted_hour_percent,
            "sweep done"
        );
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_run_has_the_time_that_the_template_gives_it() {
        let template = include_str!("../../../infra/template.yaml");
        let (_, sweeper) = template.split_once("CodeUri: ../functions/sweeper").unwrap();
        let time_out = sweeper.lines().find_map(|line| line.trim().strip_prefix("Timeout: ")).unwrap();
        assert_eq!(time_out.parse(), Ok(super::TIME_OUT.as_secs()));
    }
}
