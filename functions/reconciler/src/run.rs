//! One run: what the run before left open is taken up, the books of the window are read, and what they say goes into a folder. The
//! manifest is written last; a folder without one is no run, and the same window is run again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use payonce_books::for_sql::{AskedList, Conditions, ForSql};
use payonce_books::intake::{Intake, Shelf};
use payonce_books::reconcile::{Books, CARRIED};
use payonce_books::{BooksError, manifest};
use payonce_ledger::Ledger;
use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reconcile::rows::{Book, Units};
use payonce_protocol::reconcile::run::{Manifest, Window};
use payonce_protocol::reconcile::terms::{Gap, Settle};
use payonce_rails::Rail;
use payonce_runtime::start::{StartError, Started};
use tracing::{Instrument, warn_span};

use crate::bank::{AccountRead, BANK, Bank, BankBook, Read};
use crate::config::{Reconciliation, units};
use crate::gather::{GatherError, Sources, gather};
use crate::list::{Asked, Lists};
use crate::silence::{HEARD, Heard};

/// Of a page of a foreign book.
const PAGE_WITHIN: Duration = Duration::from_secs(10);
const CARRIED_BYTES: usize = 16 * 1024 * 1024;

/// What does not change from run to run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub units: Units,
    pub settle: Settle,
    pub page_within: Duration,
    pub lists: Arc<Lists>,
    /// Accounts of the bank's files that do not count.
    pub left_out: BTreeSet<String>,
    /// Shorter than this nothing is a silence.
    pub silence_floor_ms: u64,
    /// How long the body of an event is kept that never reached us.
    pub body_days: u32,
}

impl Settings {
    /// As the configuration says, with the providers' lists that it names.
    pub async fn of<P>(started: &Started<P>) -> Result<Self, StartError> {
        let Reconciliation { settle, silence_floor_ms, left_out, .. } = Reconciliation::of(&started.config)?;
        Ok(Self {
            units: units(),
            settle,
            page_within: PAGE_WITHIN,
            lists: Arc::new(Lists::of(started).await?),
            left_out,
            silence_floor_ms,
            body_days: started.config.limits.body_days,
        })
    }

    /// When the books of a window can be read.
    pub fn settled_at(&self, window: Window) -> UnixMillis {
        window.to().saturating_add(self.settle.ours_ms.max(self.settle.rail_ms))
    }

    /// What ended before this is in every book that we can read.
    pub fn settled_before(&self, now: UnixMillis) -> UnixMillis {
        now.saturating_sub(self.settle.ours_ms.max(self.settle.rail_ms))
    }
}

/// The run before: its manifest and what it carries.
#[derive(Debug, Default)]
pub struct Before {
    run: Option<payonce_protocol::reconcile::run::Before>,
    open: BTreeSet<PayoutKey>,
    /// Of these, what was paid at the rail and waits for its line at the bank.
    at_bank: BTreeSet<PayoutKey>,
    carried: Option<std::path::PathBuf>,
    heard: Heard,
    bank: Option<Read>,
}

impl Before {
    /// Of the folder of a finished run. One without a manifest was not finished, and nothing can follow it.
    pub fn read(folder: &Path) -> Result<Option<Self>, BooksError> {
        let Some(run) = manifest::read_before(folder)? else { return Ok(None) };
        let path = folder.join(CARRIED);
        let keys = |keys: BTreeSet<String>| -> BTreeSet<PayoutKey> {
            keys.into_iter().filter_map(|key| PayoutKey::new(key).ok()).collect()
        };
        let open = keys(payonce_books::line::keys(BufReader::new(File::open(&path)?))?);
        let at_bank = keys(payonce_books::line::awaited_at_bank(BufReader::new(File::open(&path)?))?);
        let kept = |name: &str| match std::fs::read(folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let heard = kept(HEARD)?.map(|bytes| Heard::read(&bytes)).transpose()?.unwrap_or_default();
        let bank = kept(BANK)?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?;
        Ok(Some(Self { run: Some(run), open, at_bank, carried: Some(path), heard, bank }))
    }

    /// Where the next window begins.
    pub fn window(&self) -> Option<Window> {
        self.run.as_ref().map(|run| run.window)
    }

    /// How many of the bank's files it had read.
    pub(crate) fn imports_read(&self) -> u64 {
        self.bank.as_ref().map_or(0, |read| read.imports)
    }

    pub(crate) fn bank_read(&self) -> Option<&Read> {
        self.bank.as_ref()
    }

    pub(crate) fn accounts_read(&self) -> &[AccountRead] {
        self.bank.as_ref().map_or(&[], |read| &read.accounts)
    }

    fn shelf(&self) -> Result<Shelf, BooksError> {
        let mut intake = Intake::new(None, CARRIED_BYTES);
        if let Some(path) = &self.carried {
            intake.push_lines(BufReader::new(File::open(path)?))?;
        }
        intake.done()
    }
}

/// `now`: the window must be over, and its books settled. Reads the books and writes the run's files into `folder`.
/// `bank`: what was imported of its files, where there are any.
#[expect(clippy::too_many_arguments, reason = "each is another thing, and each caller spells all of them out")]
pub async fn reconcile<P: Reads + QueriesAudit + QueriesCases>(
    ledger: &Ledger<P>,
    rail: &Rail,
    settings: &Settings,
    window: Window,
    before: &Before,
    bank: Option<Bank<'_>>,
    folder: &Path,
    now: UnixMillis,
) -> Result<Manifest, GatherError> {
    reconcile_beside(ledger, rail, settings, window, before, bank, folder, now, None).await
}

/// The books of the run as `infra/reconcile.sql` reads them.
pub struct Beside {
    pub for_sql: ForSql,
    /// Of the tables' exports, which the query reads in place of the tables.
    pub lacks: Vec<Gap>,
}

/// The same, and what the query reads.
#[expect(clippy::too_many_arguments, reason = "each is another thing, and each caller spells all of them out")]
pub async fn reconcile_beside<P: Reads + QueriesAudit + QueriesCases>(
    ledger: &Ledger<P>,
    rail: &Rail,
    settings: &Settings,
    window: Window,
    before: &Before,
    bank: Option<Bank<'_>>,
    folder: &Path,
    now: UnixMillis,
    beside: Option<Beside>,
) -> Result<Manifest, GatherError> {
    // What the books still lack then would be in no later window.
    if window.to() > settings.settled_before(now) {
        return Err(GatherError::NotSettled { to: window.to(), settled: settings.settled_at(window) });
    }
    let bank_book = match bank {
        Some(bank) => {
            let Settle { bank_ms, .. } = settings.settle;
            let awaited = before.run.as_ref().map(|run| run.awaited.as_slice()).unwrap_or_default();
            bank.book(ledger, rail, &settings.units, window, bank_ms, &before.open, before.bank.as_ref(), awaited)
                .await?
        }
        None => BankBook::default(),
    };
    let sources = Sources {
        ledger,
        rail,
        window,
        units: &settings.units,
        named: bank_book.named,
        lists: &settings.lists,
        is_joined: before.heard.has_read(settings.lists.iter().map(Asked::name)),
        now,
        open: before.open.clone(),
        awaited_at_bank: &before.at_bank,
        at_bank: &bank_book.at_bank,
        page_within: settings.page_within,
    };
    let heard = before.heard.clone().observing(&settings.lists.namespaces, settings.lists.names(), window);
    let gathered = gather(&sources, heard).instrument(warn_span!("gather")).await?;
    std::fs::create_dir_all(folder).map_err(BooksError::from)?;
    std::fs::write(folder.join(HEARD), gathered.heard.to_json().map_err(BooksError::from)?)
        .map_err(BooksError::from)?;
    if let Some(bank) = bank {
        std::fs::write(folder.join(BANK), serde_json::to_vec(&bank.read()).map_err(BooksError::from)?)
            .map_err(BooksError::from)?;
    }
    let mut shelves = vec![before.shelf()?, gathered.provider, gathered.ours, gathered.rail];
    shelves.extend(bank_book.shelf);
    let books = Books { shelves, window, settle: settings.settle, unread: gathered.unread };
    // The bank's files speak of earlier days as well: what they lack now is all that they lack.
    let earlier = before.run.clone().map(|mut run| {
        run.gaps.retain(|gap| bank.is_none() || gap.book != Book::Bank);
        run
    });
    let _merging = warn_span!("merge").entered();
    let Some(Beside { mut for_sql, lacks }) = beside else {
        return Ok(books.reconcile_into(folder, earlier.as_ref())?);
    };
    let manifest = books.reconcile_beside(folder, earlier.as_ref(), |group| for_sql.add(&group.rows))?;
    let asked =
        settings.lists.iter().map(|asked| AskedList { provider: asked.name(), by_payment: !asked.speaks_alone() });
    for_sql.done(&Conditions {
        window,
        settle: settings.settle,
        units: &settings.units,
        hand_at_bank: bank_book.at_bank.currencies(),
        gaps: &[manifest.gaps.as_slice(), &lacks].concat(),
        lists: &asked.collect::<Vec<_>>(),
    })?;
    Ok(manifest)
}
