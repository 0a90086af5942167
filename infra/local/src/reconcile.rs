//! `payonce reconcile`: the books of some days against each other, for a person at a terminal: of a stack that is deployed, or of the
//! one that is up on this machine, with the bank's files where there are some. It reads: it files no case and writes no table.

mod files;
mod for_sql;
mod moment;
mod place;
mod report;
pub(crate) mod words;

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use indicatif::{ProgressBar, ProgressStyle};
use payonce_books::reconcile::BREAKS;
use payonce_books::said::{BreakLine, SaidLine};
use payonce_ledger::powers;
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::rows::{Book, Units};
use payonce_protocol::reconcile::run::{Manifest, RunVerdict, Window};
use payonce_runtime::clock::Clock;
use payonce_statements::chain::Doubt;
use payonce_statements::kept::Imports;
use reconciler::{Account, AppError, Bank, BankLines, Before, GatherError, reconcile_beside};
use serde_json::{Value, json};

use crate::PORT;
use crate::control::Target;
use crate::report::Paint;
use files::Files;
use for_sql::ForQuery;
use moment::Moment;
use place::Place;

type Failure = Box<dyn Error + Send + Sync>;

/// Of a command that could not say what it was asked: a book is not complete, a file is refused, nobody answers.
pub const NO_VERDICT: u8 = 2;

#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Ends with 0 when the books agree or wait for what is in settle time, with 1 when there are breaks, and with 2 \
    when there is no verdict: a book is not complete, a file is refused or in doubt, or nobody answers. A break in books that are \
    not complete is shown, and ends with 2.\n\n\
    payonce reconcile --local --from 2026-11-29 --to 2026-11-29\n\
    payonce reconcile --from 2026-11-23 --to 2026-11-29 --file statement.xml --keep bank/ --out runs/2026-48/\n\
    payonce reconcile --file statement.xml --keep bank/ --dry-run\n\
    payonce reconcile --from 2026-11-29 --to 2026-11-29 --exports exports/ --for-sql run/"
)]
pub struct Options {
    /// The first day, in UTC, such as 2026-11-23, or a time such as 2026-11-23T09:00:00Z
    #[arg(long, value_name = "DAY", required_unless_present = "dry_run")]
    pub from: Option<Moment>,
    /// The last day, in UTC; of one that is not over, what is settled. Or the time before which the last of it happened
    #[arg(long, value_name = "DAY", required_unless_present = "dry_run")]
    pub to: Option<Moment>,
    /// Of the stack that is up on this machine [default port: 4242]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = LOCAL_PORT)]
    pub local: Option<u16>,
    #[command(flatten)]
    pub target: Target,
    /// The rail's address on this machine, in place of the configuration's
    #[arg(long, value_name = "URL", requires = "local", value_hint = ValueHint::Url)]
    pub rail_url: Option<String>,
    /// The configuration that is deployed, or that the local stack runs [default: infra/payonce.toml; with --local the sandbox's]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// A file of the bank's: camt.053, camt.054, MT940, BAI2, or a list that the configuration describes; repeat it for several
    #[arg(long = "file", value_name = "STATEMENT", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What the files are written in: camt, mt940, bai2, or NAME of [statements.NAME] of the configuration [default: as they begin]
    #[arg(long, value_name = "FORMAT", requires = "files")]
    pub format: Option<String>,
    /// What the files' account is for [default: shared for a rail like Stripe's transfers, else rail]
    #[arg(long, value_name = "USE", value_enum)]
    pub account: Option<AccountUse>,
    /// Rows alike of which nobody can say whether they are known: they are, and the bank told them again
    #[arg(long, requires = "files", conflicts_with = "continues")]
    pub repeats: bool,
    /// They are not: each is another payment
    #[arg(long, requires = "files")]
    pub continues: bool,
    /// Where it is kept what files said (DIR/known.jsonl): later runs have it, and what files share is counted once
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Only say what the files would add, line by line; nothing is kept, and no stack is asked
    #[arg(long, requires = "files", conflicts_with_all = ["from", "to", "out", "after", "for_sql"])]
    pub dry_run: bool,
    /// Go on from the run in this directory: what it left open is taken up
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub after: Option<PathBuf>,
    /// Write breaks.csv, breaks.jsonl, statement.csv and manifest.json into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Write into this new directory what infra/reconcile.sql reads, the query, and the statements for Athena
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "exports")]
    pub for_sql: Option<PathBuf>,
    /// A copy of the bucket with the exports of exactly this time, of the audit table under audit/ and of the other under reconcile/
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "for_sql")]
    pub exports: Option<PathBuf>,
}

pub(crate) const LOCAL_PORT: &str = "4242";
const _: () = assert!(PORT == 4242);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccountUse {
    /// The rail pays from it and nobody else: each payout has its line, and each debit is a payout
    Rail,
    /// Other money moves on it, too: only lines with our reference count, and payments by hand are looked for
    Shared,
}

/// What was said, to be shown to people or programs.
pub struct Done {
    files: Files,
    run: Option<Ran>,
}

pub(crate) struct Ran {
    pub place: String,
    pub manifest: Manifest,
    pub breaks: Vec<BreakLine>,
    pub units: Units,
    /// Where the window was cut, as what comes later is not settled.
    pub cut: Option<UnixMillis>,
    pub bank: Option<(Account, BankLines)>,
    pub out: Option<PathBuf>,
    pub for_query: Option<ForQuery>,
}

pub async fn run(options: &Options) -> Result<Done, Failure> {
    let doubt = match (options.repeats, options.continues) {
        (true, _) => Doubt::Repeats,
        (_, true) => Doubt::Continues,
        _ => Doubt::Refuse,
    };
    let place = Place::of(options)?;
    let files = Files::read(&options.files, options.format.as_deref(), &place.config, options.keep.as_deref(), doubt)?;
    if options.dry_run {
        return Ok(Done { files, run: None });
    }
    if let Some(folder) = &options.keep {
        files.keep(folder)?;
    }
    let run = reconcile(options, &place, &files).await?;
    Ok(Done { files, run: Some(run) })
}

async fn reconcile(options: &Options, place: &Place, files: &Files) -> Result<Ran, Failure> {
    let (Some(from), Some(to)) = (options.from, options.to) else { return Err("--from and --to are missing".into()) };
    let started = place.started().await?;
    let settings = place.settings(&started).await?;
    let now = Clock::system().now();
    let whole = Window::new(from.begins()?, to.ends()?)
        .map_err(|_| format!("--from {from} --to {to}: the last day is before the first"))?;
    let settled = settings.settled_before(now);
    if whole.from() >= settled {
        let at = words::time(settled);
        return Err(
            format!("--from {from}: what happened after {at} is not settled yet in books that we can read").into()
        );
    }
    let window = if whole.to() > settled { Window::new(whole.from(), settled)? } else { whole };
    if window != whole && options.for_sql.is_some() {
        let at = words::time(settled);
        return Err(format!(
            "--to {to}: what happened after {at} is not settled yet. Exports are of exactly the time that is reconciled: name an earlier one"
        )
        .into());
    }
    let before = match &options.after {
        Some(folder) => {
            Before::read(folder)?.ok_or_else(|| format!("{}: there is no finished run", folder.display()))?
        }
        None => Before::default(),
    };
    let namespaces = reconciler::namespaces(&place.config);
    let account = match options.account {
        Some(AccountUse::Rail) => Account::OfTheRail,
        Some(AccountUse::Shared) => Account::Shared,
        None => place.account()?,
    };
    let ledger = started.ledger.narrowed::<powers::Reconciler>();
    // Without files of its own the command goes by those that people imported in the console, as the function does.
    let imported = match files.imports.is_empty() {
        true => match reconciler::imported(&ledger, window, &settings, &before).await {
            Ok(imported) => imported,
            Err(AppError::Ledger(error)) => return Err(place.why(&options.target, &error).await.into()),
            Err(error) => return Err(error.into()),
        },
        false => Imports::default(),
    };
    let mut imports = if files.imports.is_empty() { imported } else { files.imports.clone() };
    imports.leave_out(&settings.left_out);
    let imports = &imports;
    let bank =
        (!imports.is_empty() || imports.last() > 0).then_some(Bank { imports, account, namespaces: &namespaces });

    let work = tempfile::tempdir()?;
    let folder = options.out.as_deref().unwrap_or_else(|| work.path());
    // How many keys the books hold shows when they are read: there is nothing to count towards.
    let waiting =
        spinner(&format!("reading the books from {} to {}", words::time(window.from()), words::time(window.to())));
    let (for_query, beside) = match (&options.for_sql, &options.exports) {
        (Some(folder), Some(exports)) => {
            let (for_query, beside) = ForQuery::create(folder, exports, &options.target, window)?;
            (Some(for_query), Some(beside))
        }
        _ => (None, None),
    };
    let rail = &started.rail;
    let ran = reconcile_beside(&ledger, rail, &settings, window, &before, bank, folder, now, beside).await;
    waiting.finish_and_clear();
    let manifest = match ran {
        Ok(manifest) => manifest,
        Err(GatherError::Ledger(error)) => return Err(place.why(&options.target, &error).await.into()),
        Err(error) => return Err(error.into()),
    };
    let rows = manifest.rows.get(&Book::Bank).copied().unwrap_or_default();
    Ok(Ran {
        place: place.name.clone(),
        breaks: breaks(folder)?,
        units: settings.units,
        cut: (window != whole).then_some(window.to()),
        bank: bank.map(|bank| (account, bank.lines(window, rows, &before))),
        out: options.out.clone(),
        for_query,
        manifest,
    })
}

fn breaks(folder: &Path) -> Result<Vec<BreakLine>, Failure> {
    let mut breaks = vec![];
    for line in payonce_books::said::read(BufReader::new(File::open(folder.join(BREAKS))?)) {
        if let SaidLine::Break(line) = line? {
            breaks.push(*line);
        }
    }
    Ok(breaks)
}

/// On a terminal alone.
fn spinner(says: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(says.to_owned());
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Done {
    /// See [`Options`].
    pub fn code(&self) -> u8 {
        let verdict = self.run.as_ref().map(|ran| ran.manifest.verdict);
        code(verdict, self.files.doubtful() > 0)
    }

    pub fn text(&self, paint: Paint) -> String {
        let is_plan = self.run.is_none();
        let run = self.run.as_ref().map(|ran| report::text(ran, paint)).unwrap_or_default();
        format!("{run}{}", self.files.text(is_plan, paint))
    }

    pub fn json(&self) -> Result<Value, Failure> {
        let run = self.run.as_ref().map(report::json).transpose()?;
        Ok(
            json!({ "kind": "reconciliation", "exit": self.code(), "files": self.files.json(self.run.is_none()), "run": run }),
        )
    }
}

fn code(verdict: Option<RunVerdict>, has_doubts: bool) -> u8 {
    match verdict {
        _ if has_doubts => NO_VERDICT,
        Some(RunVerdict::Incomplete) => NO_VERDICT,
        Some(RunVerdict::Breaks) => 1,
        Some(RunVerdict::Pending | RunVerdict::Reconciled) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_outranks_breaks_and_pending_is_well() {
        let codes = RunVerdict::ALL.iter().map(|verdict| (verdict.as_str(), code(Some(*verdict), false)));
        let expected = [("incomplete", 2), ("breaks", 1), ("pending", 0), ("reconciled", 0)];
        assert_eq!(codes.collect::<Vec<_>>(), expected);
        assert_eq!((code(None, false), code(None, true), code(Some(RunVerdict::Reconciled), true)), (0, 2, 2));
    }
}
