//! The bank's files on their way in: what each adds to what is kept, and how that is shown. A file that is refused stops everything:
//! nothing of any is kept then.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use payonce_runtime::config::Config;
use payonce_runtime::start::StartError;
use payonce_statements::chain::Doubt;
use payonce_statements::chosen::{Described, NotChosen, PLAIN, chosen};
use payonce_statements::import::{Imported, Plan, Verdict, import};
use payonce_statements::kept::{Imports, Learned};
use payonce_statements::{Format, Limits};
use serde_json::{Value, json};

use super::Failure;
use crate::given;
use crate::near::hint;
use crate::report::Paint;

const KEPT: &str = "known.jsonl";

/// What was kept, with what these files add.
pub struct Files {
    pub imports: Imports,
    read: Vec<(PathBuf, Option<Plan>)>,
    /// To be kept, a line for each import.
    lines: String,
}

impl Files {
    pub fn read(
        paths: &[PathBuf],
        format: Option<&str>,
        config: &Config,
        kept: Option<&Path>,
        doubt: Doubt,
    ) -> Result<Self, Failure> {
        let described: Described = config.section("statements").map_err(StartError::Config)?.unwrap_or_default();
        let mut files = Self { imports: read_kept(kept)?, read: vec![], lines: String::new() };
        let mut refused = String::new();
        let bar = bar(paths)?;
        for path in paths {
            bar.set_message(path.display().to_string());
            let mut file = BufReader::new(bar.wrap_read(open(path)?));
            let format = format_of(&mut file, path, format, &described)?;
            match import(&format, Limits::default(), &mut file, &files.imports.known, doubt) {
                Ok(Imported::SameFile(_)) => files.read.push((path.clone(), None)),
                Ok(Imported::Plan(plan)) => {
                    let learned = Learned::of(&plan);
                    files.lines.push_str(&learned.line()?);
                    files.imports.add(learned);
                    files.read.push((path.clone(), Some(plan)));
                }
                Err(found) => {
                    let _ = write!(refused, "{}: refused, nothing of it counts\n  ", path.display());
                    refused.push_str(&found.to_string().replace('\n', "\n  "));
                    refused.push('\n');
                }
            }
        }
        bar.finish_and_clear();
        if refused.is_empty() { Ok(files) } else { Err(refused.trim_end().into()) }
    }

    /// On disk when this returns.
    pub fn keep(&self, folder: &Path) -> Result<(), Failure> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let path = folder.join(KEPT);
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(self.lines.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| format!("{}: {}", path.display(), given::not_read(&error)).into())
    }

    pub fn doubtful(&self) -> u64 {
        self.read.iter().flat_map(|(_, plan)| plan).map(|plan| plan.tally().doubtful).sum()
    }

    /// Of a plan each line; else those that a person must look at.
    pub fn text(&self, is_plan: bool, paint: Paint) -> String {
        let mut text = String::new();
        for (path, plan) in &self.read {
            let Some(plan) = plan else {
                let _ = writeln!(text, "{}: imported before, nothing is new", path.display());
                continue;
            };
            let tally = plan.tally();
            let _ = writeln!(
                text,
                "{}: {} new, {} known, {} changed, {} doubtful",
                path.display(),
                tally.new,
                tally.known,
                tally.changed,
                tally.doubtful
            );
            for row in plan.rows.iter().filter(|row| is_plan || is_odd(&row.verdict)) {
                let line = row.to_string();
                let _ = writeln!(text, "  {}", if row.is_doubtful() { paint.bad(&line) } else { line });
            }
            if tally.doubtful > 0 {
                text.push_str(
                    "  Doubtful rows do not count. Ask the bank, and import the file again: with --repeats if it told known payments \
                     again, with --continues if each is another.\n",
                );
            }
        }
        text
    }

    pub fn json(&self, is_plan: bool) -> Value {
        let files = self.read.iter().map(|(path, plan)| {
            let Some(plan) = plan else {
                return json!({ "file": path.display().to_string(), "imported_before": true });
            };
            let tally = plan.tally();
            let shown = plan.rows.iter().filter(|row| is_plan || is_odd(&row.verdict));
            json!({
                "file": path.display().to_string(),
                "sha256": plan.file.to_string(),
                "new": tally.new, "known": tally.known, "changed": tally.changed, "doubtful": tally.doubtful,
                "rows": shown.map(|row| json!({
                    "line": row.entry.place.line,
                    "place": row.entry.place.path,
                    "verdict": word(&row.verdict),
                    "says": row.to_string(),
                })).collect::<Vec<_>>(),
            })
        });
        files.collect()
    }
}

fn is_odd(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Changed(_) | Verdict::Doubtful(_))
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::New => "new",
        Verdict::Known | Verdict::DetailOf(_) | Verdict::DetailedBefore => "known",
        Verdict::Changed(_) => "changed",
        Verdict::Doubtful(_) => "doubtful",
    }
}

fn read_kept(folder: Option<&Path>) -> Result<Imports, Failure> {
    let Some(path) = folder.map(|folder| folder.join(KEPT)) else { return Ok(Imports::default()) };
    match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Imports::default()),
        Err(error) => Err(format!("{}: {}", path.display(), given::not_read(&error)).into()),
        Ok(file) => Imports::read(BufReader::new(file)).map_err(|error| format!("{}: {error}", path.display()).into()),
    }
}

/// The same words as of any file that somebody names.
fn open(path: &Path) -> Result<File, Failure> {
    match File::open(path) {
        Ok(file) if !file.metadata()?.is_dir() => Ok(file),
        _ => Err(given::read(path).err().unwrap_or_else(|| format!("{}: it cannot be read", path.display())).into()),
    }
}

/// By bytes: how many rows there are shows at the end of a file. Drawn on a terminal alone; `play` has the same crate.
fn bar(paths: &[PathBuf]) -> Result<ProgressBar, Failure> {
    let mut bytes = 0;
    for path in paths {
        bytes += open(path)?.metadata()?.len();
    }
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40.green/dim} {bytes}/{total_bytes}  {msg}") {
        bar.set_style(style);
    }
    Ok(bar)
}

fn format_of(
    file: &mut impl BufRead,
    path: &Path,
    named: Option<&str>,
    described: &Described,
) -> Result<Format, Failure> {
    chosen(named, file.fill_buf()?, described).map_err(|why| match (why, named) {
        (NotChosen::Unknown, Some(name)) => {
            let known: Vec<&str> = PLAIN.into_iter().chain(described.keys().map(String::as_str)).collect();
            let near = hint(name, known.iter().copied());
            format!("--format {name}: there is {}{near}", known.join(", ")).into()
        }
        (why @ NotChosen::NotShown, _) => format!("{}: {why}: say it with --format", path.display()).into(),
        (why, _) => why.into(),
    })
}
