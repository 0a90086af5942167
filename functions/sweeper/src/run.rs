//! One run: the steps in their order, each with its part of the time. A step that fails, hangs or panics costs the others
//! nothing, and the place is stored whatever happened.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use payonce_ledger::{AttemptName, DUE_AT_MOST, DueLookUp, Ledger, LedgerError, Totals, powers};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Shards;
use payonce_protocol::slo::{Counts, Objective, OutcomeCounts};
use payonce_protocol::sweep::{MINUTE_MS, Minute, Progress, VISITS};
use payonce_protocol::velocity::{Sums, TooFast};
use payonce_runtime::config::Watch;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, warn_span};

use crate::{App, Report};

/// Per cent of the run's time at whose end each step is over. What is left stores the place: a record has five seconds.
const HOLD_UNTIL: u32 = 20;
const VISITS_UNTIL: u32 = 60;
const VELOCITY_UNTIL: u32 = 62;
const STOCK_UNTIL: u32 = 68;
const LOOK_UPS_UNTIL: u32 = 85;
const STORED_UNTIL: u32 = 97;

/// Look-ups are evidence, not a duty.
const LOOK_UPS_WITHIN: Duration = Duration::from_secs(15);
/// The place is stored so often while buckets are worked off: a run that is killed repeats no more than this.
const STORE_EVERY: Duration = Duration::from_secs(1);
/// So many buckets in a row that fail are not the buckets' fault.
const FAILURES_IN_A_ROW: usize = 3;
/// So many owed buckets are not the buckets' fault either.
const OWED_AT_MOST: usize = 256;
/// Minutes after its first visit for which a minute says how payouts go now.
const COUNTED_WITHIN: Minute = 10;
/// Open cases that a run reads to count them.
const COUNTED_AT_ONCE: usize = 5_000;

/// What a run knows and has done.
pub(crate) struct Run {
    pub(crate) now: UnixMillis,
    pub(crate) report: Report,
    began: Instant,
    within: Duration,
    objective: Objective,
    /// What may be accepted within an hour.
    limits: Sums,
    place: Option<Place>,
    failed: Option<LedgerError>,
}

/// What is stored between runs.
struct Place {
    progress: Progress,
    due: Vec<DueLookUp>,
    stored_due: Vec<DueLookUp>,
    /// A measurement. `None`: it could not be read, so that nothing is known and nothing may be stored.
    counts: Option<OutcomeCounts>,
    stored_counts: Option<OutcomeCounts>,
    stored_at: Instant,
}

impl Run {
    pub(crate) fn new(now: UnixMillis, within: Duration, watch: &Watch) -> Self {
        let (objective, limits) = (watch.delivery_success, watch.accepted_an_hour());
        Self {
            now,
            report: Report::default(),
            began: Instant::now(),
            within,
            objective,
            limits,
            place: None,
            failed: None,
        }
    }

    fn until(&self, per_cent: u32) -> Instant {
        self.began + self.within * per_cent / 100
    }

    fn minute(&self) -> Minute {
        self.now / MINUTE_MS
    }

    pub(crate) fn failed(&mut self, error: LedgerError) {
        tracing::error!(%error, "a step of the sweep failed");
        self.failed.get_or_insert(error);
    }

    /// How the attempts of this minute ended.
    pub(crate) fn counted(&mut self, minute: Minute, counts: Counts) {
        let known = self.place.as_mut().and_then(|place| place.counts.as_mut());
        known.into_iter().for_each(|known| known.count(minute, counts));
    }

    /// Whether what the rail accepted of this minute is still to be counted.
    pub(crate) fn wants_sums(&self, minute: Minute) -> bool {
        let now = self.minute();
        let counts = self.place.as_ref().and_then(|place| place.counts.as_ref());
        !self.limits.is_empty() && counts.is_some_and(|counts| counts.accepted.wants(minute, now))
    }

    /// What the rail accepted of this minute.
    pub(crate) fn accepted(&mut self, minute: Minute, mut sums: Sums) {
        sums.retain(|currency, _| self.limits.contains_key(currency));
        if let Some(known) = self.place.as_mut().and_then(|place| place.counts.as_mut()) {
            known.accepted.count(minute, sums);
        }
    }

    /// More than may be, since this moment: within the hour up to the newest minute that was visited.
    pub(crate) fn too_fast(&self, since: UnixMillis) -> Option<TooFast> {
        let place = self.place.as_ref()?;
        // However far behind: a backlog is no reason to let more through.
        let newest = place.progress.visited[0].min(self.minute());
        place.counts.as_ref()?.accepted.too_fast(newest, since.div_ceil(MINUTE_MS), &self.limits)
    }

    /// What is to be looked up, unless it is waiting already.
    pub(crate) fn owe_look_up(&mut self, attempt: AttemptName) {
        let since = self.now;
        let Some(place) = &mut self.place else { return };
        if place.due.iter().any(|due| due.attempt == attempt) {
            return;
        }
        if place.due.len() == DUE_AT_MOST {
            tracing::error!(payout_key = %attempt.0, "too many look-ups wait: a later visit comes by this one again");
            return;
        }
        place.due.push(DueLookUp { attempt, since });
    }

    pub(crate) fn due(&self) -> &[DueLookUp] {
        self.place.as_ref().map(|place| place.due.as_slice()).unwrap_or_default()
    }

    /// Off the list.
    pub(crate) fn looked_up(&mut self, done: &DueLookUp) {
        self.place.iter_mut().for_each(|place| place.due.retain(|due| due != done));
    }

    /// To the end of the list: one that always fails must not stand before the others.
    pub(crate) fn look_up_later(&mut self, failed: DueLookUp) {
        self.looked_up(&failed);
        self.place.iter_mut().for_each(|place| place.due.push(failed.clone()));
    }

    pub(crate) fn end(mut self) -> (Report, Option<LedgerError>) {
        if let Some(place) = &self.place {
            self.report.minutes_behind = Some(place.progress.behind(self.minute()));
            self.report.look_ups_waiting = Some(place.due.len());
            let counted = newest(place, self.minute());
            let percent = |(all, at): (&OutcomeCounts, Minute)| all.accepted.percent(at, &self.limits);
            self.report.accepted_hour_percent = place.counts.as_ref().zip(counted).and_then(percent);
            self.report.burn = place.counts.as_ref().zip(counted).map(|(all, at)| all.burn(at, self.objective));
        }
        (self.report, self.failed)
    }
}

/// Of what may be at risk, how much is: of the currencies that have a limit the highest.
fn at_risk_percent(watch: &Watch, open: &Totals) -> Option<u64> {
    let percent = |(currency, limit): (&String, &u64)| {
        let minor = open.at_risk.get(currency).map_or(0, |sum| sum.minor);
        minor.saturating_mul(100).checked_div(*limit)
    };
    watch.money_at_risk.iter().filter_map(percent).max()
}

impl App {
    pub(crate) async fn steps(&self, run: &mut Run) {
        // The outage switch first: it is what keeps the number of cases small.
        let hold = in_time("decide about the hold", run.until(HOLD_UNTIL), self.trip_hold(run.now));
        let hold = hold.instrument(warn_span!("hold")).await;
        match hold {
            Ok(tripped) => run.report.hold_tripped = tripped,
            Err(error) => run.failed(error),
        }
        let place = in_time("read the place", run.until(VISITS_UNTIL), self.place(run.minute()));
        match place.instrument(warn_span!("place")).await {
            Ok((place, unreadable, uncounted)) => {
                // A measurement, but for whoever wants payouts to be held by it.
                if let Some(error) = uncounted {
                    tracing::warn!(%error, "payouts are not counted in this run");
                    if !run.limits.is_empty() {
                        run.failed(error);
                    }
                }
                run.place = Some(place);
                run.report.unreadable += unreadable;
                // Out of time is no fault: the place says where the next run begins.
                let _ = timeout_at(run.until(VISITS_UNTIL), self.visits(run)).instrument(warn_span!("visits")).await;
                let hold = in_time("decide about the hold", run.until(VELOCITY_UNTIL), self.trip_velocity(run));
                match hold.instrument(warn_span!("velocity")).await {
                    Ok(tripped) => run.report.hold_tripped |= tripped,
                    Err(error) => run.failed(error),
                }
                self.store(run).await;
            }
            Err(error) => run.failed(error),
        }
        let stock = self.parts.ledger.count_open(run.now, COUNTED_AT_ONCE);
        let stock = in_time("count the open cases", run.until(STOCK_UNTIL), stock);
        match stock.instrument(warn_span!("stock")).await {
            Ok(stock) => {
                run.report.unreadable += stock.unreadable;
                run.report.money_at_risk_percent = at_risk_percent(&self.parts.watch, &stock.snapshot.totals);
                run.report.oldest_open_age_s = stock.oldest.map(|since| run.now.saturating_sub(since) / 1000);
            }
            Err(error) => run.failed(error),
        }
        let until = run.until(LOOK_UPS_UNTIL).min(Instant::now() + LOOK_UPS_WITHIN);
        let look_ups = timeout_at(until, AssertUnwindSafe(self.look_ups(run, until)).catch_unwind());
        let _ = look_ups.instrument(warn_span!("look_ups")).await;
        self.store(run).await;
    }

    async fn place(&self, minute: Minute) -> Result<(Place, u32, Option<LedgerError>), LedgerError> {
        let ledger = &self.parts.ledger;
        let (progress, unreadable) = match ledger.progress().await {
            Ok(Some(progress)) => (progress, 0),
            Ok(None) => (Progress::of_new_stack(minute), 0),
            Err(error @ LedgerError::Unreadable { .. }) => {
                tracing::error!(%error, "the last day is swept again");
                (Progress { shards: Shards::MOST, ..Progress::of_new_stack(minute) }, 1)
            }
            Err(error) => return Err(error),
        };
        let progress = Progress { shards: progress.shards.max(ledger.shards_written()), ..progress };
        let due = ledger.due_look_ups().await?;
        let counts = ledger.outcome_counts().await;
        let (counts, uncounted) = match counts {
            Ok(counts) => (Some(counts), None),
            Err(error) => (None, Some(error)),
        };
        let (stored_due, stored_counts) = (due.clone(), counts.clone());
        Ok((
            Place { progress, due, stored_due, counts, stored_counts, stored_at: Instant::now() },
            unreadable,
            uncounted,
        ))
    }

    /// Bucket after bucket. One that fails is owed as soon as a later one does not.
    async fn visits(&self, run: &mut Run) {
        let minute = run.minute();
        let Some(place) = &run.place else { return };
        let (listed, shards) = (place.progress.due(minute), place.progress.shards);
        let mut failed = Vec::new();
        for bucket in listed {
            let visit = AssertUnwindSafe(self.visit_bucket(bucket, shards, run)).catch_unwind().await;
            let visit = visit.unwrap_or_else(|_| Err(panicked("visit a minute")));
            let Some(place) = &mut run.place else { return };
            match visit {
                Ok(()) if place.progress.owed.len() + failed.len() <= OWED_AT_MOST => {
                    place.progress.owed.extend(failed.drain(..));
                    place.progress.worked_off(bucket, minute);
                    run.report.buckets += 1;
                }
                Ok(()) => return,
                Err(error) => {
                    failed.push(bucket);
                    run.failed(error);
                    if failed.len() == FAILURES_IN_A_ROW {
                        return;
                    }
                }
            }
            if run.place.as_ref().is_some_and(|place| place.stored_at.elapsed() >= STORE_EVERY) {
                self.store(run).await;
            }
        }
    }

    /// The look-ups first: a bucket is done when what it owes is on record.
    async fn store(&self, run: &mut Run) {
        let until = run.until(STORED_UNTIL);
        let minute = run.minute();
        let Some(place) = &mut run.place else { return };
        if let (Some(newest), Some(counts)) = (newest(place, minute), &mut place.counts) {
            counts.through(newest);
        }
        let stored = in_time("store the place", until, store(&self.parts.ledger, place));
        let stored = stored.instrument(warn_span!("store")).await;
        place.stored_at = Instant::now();
        if let Err(error) = stored {
            run.failed(error);
        }
    }
}

/// The newest minute that has had its first visit, and all before it. `None`: what was counted is too old to say how it stands.
fn newest(place: &Place, run: Minute) -> Option<Minute> {
    let newest = place.progress.visited[0].min(run.saturating_sub(VISITS[0]));
    (run - newest <= VISITS[0] + COUNTED_WITHIN).then_some(newest)
}

async fn store(ledger: &Ledger<powers::Sweeper>, place: &mut Place) -> Result<(), LedgerError> {
    ledger.set_due_look_ups(&place.stored_due, &place.due).await?;
    place.stored_due.clone_from(&place.due);
    ledger.set_progress(&place.progress).await?;
    // Last, and no fault: a measurement never stands before a duty.
    if let Some(counts) = place.counts.as_ref().filter(|_| place.stored_counts != place.counts) {
        match ledger.set_outcome_counts(counts).await {
            Ok(()) => place.stored_counts.clone_from(&place.counts),
            Err(error) => tracing::warn!(%error, "what was counted of payouts is not stored"),
        }
    }
    Ok(())
}

/// A step that neither outlasts its time nor takes the others down with it.
async fn in_time<T>(
    doing: &'static str,
    until: Instant,
    step: impl Future<Output = Result<T, LedgerError>>,
) -> Result<T, LedgerError> {
    match timeout_at(until, AssertUnwindSafe(step).catch_unwind()).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(panicked(doing)),
        Err(_) => Err(LedgerError::Failed { doing, why: "timeout".to_owned() }),
    }
}

fn panicked(doing: &'static str) -> LedgerError {
    LedgerError::Failed { doing, why: "panic".to_owned() }
}

#[cfg(test)]
mod tests {
    use payonce_ledger::Sum;
    use payonce_protocol::order::PayoutKey;

    use super::*;

    /// As many as the table has room for.
    #[test]
    fn eight_thousand_look_ups_wait_and_no_more() {
        let mut run = Run::new(0, Duration::from_secs(1), &Watch::default());
        let attempt = |number| (PayoutKey::new("stripe/pi_1").unwrap(), number);
        run.place = Some(Place {
            progress: Progress::through(0),
            due: (1..8_000).map(|number| DueLookUp { attempt: attempt(number), since: 0 }).collect(),
            stored_due: vec![],
            counts: None,
            stored_counts: None,
            stored_at: Instant::now(),
        });
        for number in [8_000, 8_001] {
            run.owe_look_up(attempt(number));
        }
        assert_eq!(run.due().len(), 8_000);
    }

    #[test]
    fn money_at_risk_is_that_of_the_currency_nearest_its_limit() {
        let sum = |minor| Sum { cases: 1, minor, exponent: 2 };
        let open = Totals {
            at_risk: [("EUR", 30_000), ("USD", 50), ("JPY", u64::MAX)]
                .map(|(name, minor)| (name.to_owned(), sum(minor)))
                .into(),
            ..Totals::default()
        };
        let limits = |limits: &[(&str, u64)]| Watch {
            money_at_risk: limits.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect(),
            ..Watch::default()
        };
        assert_eq!(at_risk_percent(&limits(&[]), &open), None, "nobody says how much");
        assert_eq!(at_risk_percent(&limits(&[("EUR", 20_000), ("USD", 100)]), &open), Some(150));
        assert_eq!(at_risk_percent(&limits(&[("EUR", 60_001), ("USD", 100)]), &open), Some(50));
        assert_eq!(at_risk_percent(&limits(&[("GBP", 1)]), &open), Some(0), "a limit and no case");
        assert_eq!(at_risk_percent(&limits(&[("JPY", 1)]), &open), Some(u64::MAX));
    }
}
