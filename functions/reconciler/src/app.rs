//! One invocation: the windows that are over and settled are reconciled, one after the other, each joined to the one before.
//!
//! What a run found is on record in this order: its cases, its files, its own item. Cut off anywhere, the same window is read again:
//! its cases are there already, and nothing follows a run without its item. Two invocations of one window file the same cases,
//! and the first to write the item is the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use payonce_books::BooksError;
use payonce_books::manifest::{self, to_json};
use payonce_books::reconcile::{BREAKS, BREAKS_CSV, CARRIED, STATEMENT_CSV};
use payonce_ledger::powers::Reconciler;
use payonce_ledger::{KeptRun, Ledger, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::run::{ChainError, Manifest, Window};
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::start::{StartError, Started};
use payonce_runtime::telemetry;
use payonce_statements::kept::KeptError;
use serde::Serialize;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};
use tracing::field::Empty;
use tracing::{Instrument, Span, warn_span};

use crate::bank::{Account, BANK, Bank, namespaces};
use crate::config::Reconciliation;
use crate::figures;
use crate::file::{Cases, FileError, Filing};
use crate::gather::GatherError;
use crate::imported::imported;
use crate::run::{Before, Settings, reconcile};
use crate::silence::{HEARD, Heard};

/// The function's time-out, as deployed.
pub const TIME_OUT: Duration = Duration::from_secs(900);
/// A run that cannot be on record in what is left is not begun.
const KEPT_BACK: Duration = Duration::from_secs(20);
/// Of that, for whether a provider has gone silent: it reads every minute since the last run's end.
const SILENCE_WITHIN: Duration = Duration::from_secs(10);
/// A book that does not answer is asked again by each invocation, for so long; then the run is on record without it.
const ASKS_AGAIN_MS: u64 = 12 * 3_600_000;
/// Windows are days of UTC unless the configuration says otherwise: a day's books close together.
pub const DAY_MS: u64 = 86_400_000;

#[derive(Debug, Error)]
pub enum AppError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Gather(#[from] GatherError),
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("import {0} of a bank's file is not as it was written: {1}")]
    Import(u64, KeptError),
    #[error("the run before, whose window ends at {0}, kept no whole {1}")]
    Before(UnixMillis, &'static str),
    #[error("no room to work in: {0}")]
    Folder(#[from] std::io::Error),
    #[error("a book of the window that ends at {0} did not answer; its cases are filed, and it is read again")]
    PageLost(UnixMillis),
    #[error("the window that ends at {0} was not read in the time of one invocation")]
    OutOfTime(UnixMillis),
}

/// Where a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// At the next multiple of so many milliseconds, a [day's](DAY_MS) as deployed.
    Of(u64),
    /// Wherever the books are settled, for whoever cannot wait; then each run covers what came since the one before.
    UntilSettled,
}

#[derive(Clone)]
pub struct Parts {
    pub ledger: Arc<Ledger<Reconciler>>,
    /// With a secret that only reads.
    pub rail: Arc<Rail>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub settings: Settings,
    /// From when the books are held against each other; the day of the first invocation where nobody says.
    pub first: Option<UnixMillis>,
    pub windows: Windows,
    /// What the account of the bank's files is for.
    pub account: Account,
    /// What our payout keys begin with.
    pub namespaces: BTreeSet<String>,
    /// Where a run works: what it leaves there is of no use to the next.
    pub folder: PathBuf,
}

impl Parts {
    /// From the parts that all functions share.
    pub async fn of<P>(started: &Started<P>, ledger: Arc<Ledger<Reconciler>>) -> Result<Self, StartError> {
        let Reconciliation { first, window_ms, account, .. } = Reconciliation::of(&started.config)?;
        Ok(Self {
            ledger,
            rail: started.rail.clone(),
            clock: started.clock.clone(),
            metrics: started.metrics.clone(),
            settings: Settings::of(started).await?,
            first,
            windows: Windows::Of(window_ms),
            account,
            namespaces: namespaces(&started.config),
            folder: std::env::temp_dir(),
        })
    }
}

pub struct App {
    parts: Parts,
}

/// What one invocation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Windows that it reconciled.
    pub runs: u32,
    /// Cases that it opened.
    pub cases: u64,
    /// Cases that it ended, because the books agree again.
    pub explained: u64,
    /// Of any of them, of how many times a book should have spoken and did not.
    pub incomplete: u64,
    /// Since the end of the last reconciled window.
    pub behind_s: Option<u64>,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub async fn run_within(&self, within: Duration) -> Result<Report, AppError> {
        self.ran(within).instrument(warn_span!("reconciliation", plain = Empty)).await
    }

    async fn ran(&self, within: Duration) -> Result<Report, AppError> {
        let until = Instant::now() + within.saturating_sub(KEPT_BACK);
        let mut metrics = self.parts.metrics.reconciliation();
        let mut report = Report::default();
        let not_sending = self.parts.settings.lists.not_sending(self.parts.settings.page_within);
        metrics.endpoints_off(not_sending.instrument(warn_span!("endpoints")).await);
        let ran = self.windows(until, &mut report).await;
        let said = self.parts.ledger.runs(None, 1).await;
        let mut is_readable = true;
        if let Some(last) = said.as_ref().ok().and_then(|runs| runs.first()) {
            let figures = figures::of(last, self.parts.clock.now());
            is_readable = figures.is_some();
            if let Some(mut figures) = figures {
                // Of several runs each is heard of: the next one does not ask again.
                figures.incomplete = figures.incomplete.max(report.incomplete);
                report.behind_s = Some(figures.behind_seconds);
                metrics.last_run(&figures);
            }
            // A line that Lambda cuts off says nothing at all: not that the books are late, either.
            let silent = timeout_at(until + SILENCE_WITHIN, self.silent(last).instrument(warn_span!("silence")));
            if let Ok(Some(silent)) = silent.await {
                metrics.providers_silent(silent);
            }
        }
        metrics.filed(report.cases);
        if let Err(error) = ran {
            tracing::error!(%error, "the books were not reconciled");
            return Err(error);
        }
        let last = said?.first().map_or(0, |last| last.to);
        if !is_readable {
            return Err(AppError::Before(last, manifest::FILE));
        }
        metrics.ran();
        if report.cases == 0 {
            telemetry::plain(&Span::current());
        }
        tracing::info!(
            runs = report.runs,
            cases = report.cases,
            explained = report.explained,
            behind_s = report.behind_s,
            "reconciliation done"
        );
        Ok(report)
    }

    async fn windows(&self, until: Instant, report: &mut Report) -> Result<(), AppError> {
        // What is settled while it runs is the next invocation's.
        let settled = self.parts.settings.settled_before(self.parts.clock.now());
        loop {
            let last = self.parts.ledger.runs(None, 1).await?.into_iter().next();
            let Some(window) = self.next_window(last.as_ref(), settled).await? else { return Ok(()) };
            let run = timeout_at(until, self.one(window, last.as_ref())).instrument(warn_span!("window")).await;
            let (done, incomplete, is_whole) = run.map_err(|_| AppError::OutOfTime(window.to()))??;
            report.cases += done.opened;
            report.explained += done.explained;
            if !is_whole {
                return Err(AppError::PageLost(window.to()));
            }
            report.runs += 1;
            report.incomplete = report.incomplete.max(incomplete);
        }
    }

    /// How many providers have gone silent, as far as that can be told.
    async fn silent(&self, last: &KeptRun) -> Option<u64> {
        let Parts { ledger, settings, clock, .. } = &self.parts;
        let found = async {
            let Some(bytes) = ledger.run_file(last, HEARD).await? else { return Ok(vec![]) };
            let heard = Heard::read(&bytes).map_err(BooksError::from)?;
            Ok::<_, AppError>(heard.silent(ledger, last.to, settings.silence_floor_ms, clock.now()).await?)
        };
        match found.await {
            Ok(silent) => {
                for (namespace, since) in &silent {
                    tracing::error!(
                        namespace,
                        since,
                        next = "see whether the provider still sends here",
                        "a provider has gone silent"
                    );
                }
                Some(silent.len() as u64)
            }
            Err(error) => {
                tracing::warn!(%error, "whether a provider has gone silent could not be told");
                None
            }
        }
    }

    /// The one after the last run's, once it is over and its books are settled.
    async fn next_window(&self, last: Option<&KeptRun>, settled: UnixMillis) -> Result<Option<Window>, AppError> {
        let Parts { ledger, clock, first, windows, .. } = &self.parts;
        let from = match (last, first) {
            (Some(last), _) => last.to,
            (None, Some(first)) => *first,
            (None, None) => ledger.runs_begin(clock.now()).await? / DAY_MS * DAY_MS,
        };
        let to = match windows {
            Windows::Of(ms) => (from / ms + 1) * ms,
            Windows::UntilSettled => settled,
        };
        if to > settled || to <= from { Ok(None) } else { Ok(Some(Window::new(from, to)?)) }
    }

    /// And whether it is on record: as long as a page may still be had its window is read again.
    /// With how many times of which a book should have spoken and did not.
    async fn one(&self, window: Window, last: Option<&KeptRun>) -> Result<(Cases, u64, bool), AppError> {
        let Parts { ledger, rail, clock, settings, account, namespaces, folder, .. } = &self.parts;
        let folder = tempfile::tempdir_in(folder)?;
        let (earlier, own) = (folder.path().join("before"), folder.path().join("run"));
        let before = match last {
            Some(last) => self.take_up(last, &earlier).instrument(warn_span!("take_up")).await?,
            None => Before::default(),
        };
        let imports = imported(ledger, window, settings, &before).instrument(warn_span!("bank")).await?;
        let bank = (imports.last() > 0).then_some(Bank { imports: &imports, account: *account, namespaces });
        let manifest = reconcile(ledger, rail, settings, window, &before, bank, &own, clock.now());
        let manifest = manifest.instrument(warn_span!("books")).await?;
        let filing = Filing { ledger, settings, rail_mode: rail.mode(), window, now: clock.now() };
        let done = filing.breaks(&own.join(BREAKS)).instrument(warn_span!("file_cases")).await?;
        let lost = |gap: &Gap| gap.why == Why::PageLost && gap.from < window.to() && window.from() < gap.until;
        if manifest.gaps.iter().any(lost) && clock.now() < settings.settled_at(window).saturating_add(ASKS_AGAIN_MS) {
            return Ok((done, 0, false));
        }
        let run = self.kept(&manifest, &own).instrument(warn_span!("keep")).await?;
        if !ledger.finish_run(&run).await? {
            tracing::warn!(to = window.to(), "another run of this window came to its end first");
        }
        let incomplete = figures::of(&run, clock.now()).map_or(0, |figures| figures.incomplete);
        Ok((done, incomplete, true))
    }

    /// What the run before left, as files.
    async fn take_up(&self, last: &KeptRun, folder: &Path) -> Result<Before, AppError> {
        let carried = self.parts.ledger.run_file(last, CARRIED).await?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(CARRIED), carried.ok_or(AppError::Before(last.to, CARRIED))?)?;
        for name in [HEARD, BANK] {
            if let Some(bytes) = self.parts.ledger.run_file(last, name).await? {
                std::fs::write(folder.join(name), bytes)?;
            }
        }
        std::fs::write(folder.join(manifest::FILE), &last.manifest)?;
        Before::read(folder)?.ok_or(AppError::Before(last.to, manifest::FILE))
    }

    async fn kept(&self, manifest: &Manifest, folder: &Path) -> Result<KeptRun, AppError> {
        let (from, to) = (manifest.window.from(), manifest.window.to());
        let mut files = BTreeMap::new();
        let bank = folder.join(BANK).exists().then_some(BANK);
        for name in [BREAKS, BREAKS_CSV, STATEMENT_CSV, CARRIED, HEARD].into_iter().chain(bank) {
            let bytes = std::fs::read(folder.join(name))?;
            files.insert(name.to_owned(), self.parts.ledger.keep_run_file(to, &bytes).await?);
        }
        let finished_at = self.parts.clock.now();
        Ok(KeptRun { from, to, finished_at, manifest: to_json(manifest)?.to_string(), files })
    }
}
