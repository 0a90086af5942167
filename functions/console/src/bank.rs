//! The bank's files on their way in: a person hands one in, reads what it would add, and imports it. An import pays nothing, so one
//! person is enough; who it was, when, and the hash of the file are on record.
//!
//! The page of the dry run holds the file, so that what was looked at is what is imported, and nothing is kept before. What a file adds
//! depends on what was imported before it: when that has changed meanwhile, it is looked at again.

use http::StatusCode;
use jiff::civil::Date;
use payonce_ledger::KeptImport;
use payonce_protocol::case::may_import;
use payonce_protocol::ids::Digest;
use payonce_statements::chain::Doubt;
use payonce_statements::chosen::{NotChosen, PLAIN, chosen};
use payonce_statements::cover::Days;
use payonce_statements::import::{Imported, Plan, Verdict, import};
use payonce_statements::kept::{Imports, Learned};
use payonce_statements::{Format, Limits, Part, RefusedFile, Wrong, read};

use crate::app::{App, BASE, Visit};
use crate::ask::{Ask, Upload};
use crate::cases::acts::wrong;
use crate::cases::again::held_file;
use crate::pages::{BankCheckPage, BankPage, Banner, BannerKind, Checked, CheckedPlan, ImportRow, Section, Told};
use crate::reply::Reply;
use crate::trouble::Trouble;

/// A page holds the file in base64, and API Gateway hands the form over in base64 again: 16/9 of it must fit into the 6 MB that Lambda
/// takes (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub(crate) const BANK_FILE_BYTES_AT_MOST: usize = 3 << 20;
const TOO_LARGE: &str = "The file is larger than 3 MB, which is the most that can be handed in here. Ask the bank for a file of fewer days, \
                         or split it by day.";
/// Of 350 KB, compressed, each some 2,000 rows: what was imported for the same days must fit into the console's memory beside the file.
const PARTS_AT_MOST: usize = 50;
const IMPORTS_SHOWN: usize = 50;
const ROWS_SHOWN: usize = 100;

/// A form that hands a file in.
struct HandedIn<'a> {
    file: &'a Upload,
    bytes: &'a [u8],
    format: Option<&'a str>,
    doubt: Doubt,
}

/// What a file would do, and the number of the last import before it.
struct Looked {
    last: u64,
    found: Result<Found, RefusedFile>,
}

enum Found {
    Plan(Plan),
    /// By that import, where it is told.
    Same(Option<KeptImport>),
}

impl App {
    pub(crate) async fn bank(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let mut imports = self.parts.ledger.imports().await?;
        let done: Option<u64> = ask.query.get("imported").and_then(|number| number.parse().ok());
        let done = done.and_then(|number| imports.iter().find(|import| import.number == number)).map(|import| {
            let text = format!("The file {} is imported. The reconciler's next run reads it.", import.name);
            Banner::new(BannerKind::Done, text)
        });
        let count = imports.len();
        imports.reverse();
        imports.truncate(IMPORTS_SHOWN);
        let mut frame = self.frame(Some(visit), "The bank's files", Section::Books);
        frame.banners.extend(done);
        let page = BankPage {
            frame,
            may_import: may_import(&visit.roles),
            formats: PLAIN.into_iter().map(str::to_owned).chain(self.parts.statements.keys().cloned()).collect(),
            more: count.saturating_sub(imports.len()),
            imports: imports.iter().map(row).collect(),
            bytes_at_most: BANK_FILE_BYTES_AT_MOST,
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// Says what the file would add; nothing is kept.
    pub(crate) async fn check_bank_file(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let given = handed_in(ask, visit)?;
        let looked = self.look(&given).await?;
        self.checked(&given, &looked, visit, None)
    }

    pub(crate) async fn import_bank_file(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let given = handed_in(ask, visit)?;
        let looked = self.look(&given).await?;
        let Ok(Found::Plan(plan)) = &looked.found else { return self.checked(&given, &looked, visit, None) };
        if ask.form.get("seen").and_then(|seen| seen.parse().ok()) != Some(looked.last) {
            return self.changed(&given, &looked, visit);
        }
        let learned = Learned::of(plan);
        let lines = learned.line().map_err(|_| wrong("What the file says cannot be written down."))?;
        let tally = plan.tally();
        let import = KeptImport {
            number: looked.last + 1,
            at: self.parts.clock.now(),
            by: visit.who(),
            name: given.file.name.clone(),
            file: plan.file,
            days: learned.days().map(|(first, last)| (first.to_string(), last.to_string())),
            new: tally.new,
            known: tally.known,
            changed: tally.changed,
            doubtful: tally.doubtful,
            kept: self.parts.ledger.keep_import_lines(lines.as_bytes()).await?,
        };
        if !self.parts.ledger.finish_import(&import).await? {
            let looked = self.look(&given).await?;
            return self.changed(&given, &looked, visit);
        }
        let by_sha256 = Digest::of(&visit.session.person.subject);
        let KeptImport { number, new, known, changed, doubtful, file, .. } = &import;
        tracing::info!(number, new, known, changed, doubtful, %file, %by_sha256, "a bank's file was imported");
        Ok(Reply::see(format!("{BASE}/bank?imported={number}")))
    }

    fn changed(&self, given: &HandedIn<'_>, looked: &Looked, visit: &Visit) -> Result<Reply, Trouble> {
        let text = "Somebody imported a file meanwhile, so this one was not imported. Below is what it would add now.";
        self.checked(given, looked, visit, Some(Banner::new(BannerKind::Warn, text)))
    }

    async fn look(&self, given: &HandedIn<'_>) -> Result<Looked, Trouble> {
        let format = chosen(given.format, given.bytes, &self.parts.statements).map_err(|why| match why {
            NotChosen::NotShown => wrong("How the file begins does not show what it is written in. Choose its format."),
            NotChosen::Unknown => wrong("There is no format of this name."),
            NotChosen::Config(_) => wrong("This format is not described as it must be. Tell whoever runs payonce."),
        })?;
        let imports = self.parts.ledger.imports().await?;
        let last = imports.last().map_or(0, |import| import.number);
        let days = match days(&format, given.bytes) {
            Ok(days) => days,
            Err(refused) => return Ok(Looked { last, found: Err(refused) }),
        };
        let digest = Digest::of(given.bytes);
        if let Some(same) = imports.iter().rev().find(|import| import.file == digest && import.doubtful == 0) {
            return Ok(Looked { last, found: Ok(Found::Same(Some(same.clone()))) });
        }
        let known = self.known(&imports, days).await?;
        let found = match import(&format, limits(), &mut &given.bytes[..], &known.known, given.doubt) {
            Ok(Imported::Plan(plan)) => Ok(Found::Plan(plan)),
            Ok(Imported::SameFile(_)) => Ok(Found::Same(None)),
            Err(refused) => Err(refused),
        };
        Ok(Looked { last, found })
    }

    /// What was imported of the days of a file: nothing else says which of its rows are known.
    async fn known(&self, imports: &[KeptImport], days: Option<Days>) -> Result<Imports, Trouble> {
        let shares = |import: &&KeptImport| {
            let (Some((first, last)), Some((begins, ends))) = (days, &import.days) else { return false };
            begins.parse().is_ok_and(|begins: Date| begins <= last)
                && ends.parse().is_ok_and(|ends: Date| ends >= first)
        };
        let shared: Vec<&KeptImport> = imports.iter().filter(shares).collect();
        if shared.iter().map(|import| import.kept.parts).sum::<usize>() > PARTS_AT_MOST {
            return Err(wrong(
                "So much was imported for these days that it cannot be compared here. Hand in a file of fewer days.",
            ));
        }
        let mut known = Imports::default();
        for import in shared {
            let lines = self.parts.ledger.import_lines(import).await?;
            let learned = Learned::read(&lines).map_err(|error| {
                tracing::error!(number = import.number, %error, "an import of a bank's file is not as it was written");
                wrong("What was imported for these days cannot be read. Tell whoever runs payonce.")
            })?;
            known.add_as(import.number, learned);
        }
        Ok(known)
    }

    fn checked(
        &self,
        given: &HandedIn<'_>,
        looked: &Looked,
        visit: &Visit,
        banner: Option<Banner>,
    ) -> Result<Reply, Trouble> {
        let mut status = if banner.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
        let checked = match &looked.found {
            Ok(Found::Plan(plan)) => Checked::Plan(plan_shown(plan)),
            Ok(Found::Same(import)) => Checked::Same(import.as_ref().map(row)),
            Err(RefusedFile(refused)) => {
                status = StatusCode::UNPROCESSABLE_ENTITY;
                Checked::Refused {
                    lines: refused.iter().map(ToString::to_string).collect(),
                    is_unplaced: refused.iter().any(|one| one.wrong == Wrong::Unplaced),
                }
            }
        };
        let mut frame = self.frame(Some(visit), "What the file would add", Section::Books);
        frame.banners.extend(banner);
        let page = BankCheckPage {
            frame,
            file: held_file(given.file).ok_or_else(|| wrong(TOO_LARGE))?,
            sha256: Digest::of(given.bytes).to_string(),
            format: given.format.map(str::to_owned),
            doubt: given.doubt,
            seen: looked.last,
            checked,
        };
        Ok(Reply::html(status, page.render()?))
    }
}

fn handed_in<'a>(ask: &'a Ask, visit: &Visit) -> Result<HandedIn<'a>, Trouble> {
    if !may_import(&visit.roles) {
        return Err(Trouble::NotAllowed);
    }
    let file = ask.file.as_ref().ok_or_else(|| wrong("Choose a file."))?;
    let bytes = file.bytes.as_deref().filter(|bytes| bytes.len() <= BANK_FILE_BYTES_AT_MOST);
    let bytes = bytes.ok_or_else(|| wrong(TOO_LARGE))?;
    if bytes.is_empty() {
        return Err(wrong("The file is empty."));
    }
    let doubt = match ask.form.get("doubt") {
        None => Doubt::Refuse,
        Some("repeats") => Doubt::Repeats,
        Some("continues") => Doubt::Continues,
        Some(_) => return Err(wrong("Say whether the rows are known or others.")),
    };
    Ok(HandedIn { file, bytes, format: ask.form.get("format"), doubt })
}

/// Rows that came before are kept in some 40 bytes each, compressed: of one file in half of [`PARTS_AT_MOST`].
fn limits() -> Limits {
    Limits { file_bytes: BANK_FILE_BYTES_AT_MOST as u64, before: 200_000, ..Limits::default() }
}

/// The first and the last of its rows. `None`: it has none, and nothing that was imported can concern it.
fn days(format: &Format, bytes: &[u8]) -> Result<Option<Days>, RefusedFile> {
    let mut days: Option<Days> = None;
    read(format, limits(), &mut &bytes[..], &mut |part| {
        if let Part::Entry(entry) = part {
            let (first, last) = days.unwrap_or((entry.booked_on, entry.booked_on));
            days = Some((first.min(entry.booked_on), last.max(entry.booked_on)));
        }
    })?;
    Ok(days)
}

fn row(import: &KeptImport) -> ImportRow {
    ImportRow {
        at: import.at,
        by: import.by.name.clone().unwrap_or_else(|| import.by.subject.clone()),
        name: import.name.clone(),
        sha256: import.file.to_string(),
        days: import.days.clone(),
        new: import.new,
        known: import.known,
        changed: import.changed,
        doubtful: import.doubtful,
    }
}

fn plan_shown(plan: &Plan) -> CheckedPlan {
    let told = |is_shown: fn(&Verdict) -> bool| {
        let rows: Vec<String> =
            plan.rows.iter().filter(|row| is_shown(&row.verdict)).map(ToString::to_string).collect();
        let more = rows.len().saturating_sub(ROWS_SHOWN);
        (rows.into_iter().take(ROWS_SHOWN).collect(), more)
    };
    let tally = plan.tally();
    CheckedPlan {
        new: tally.new,
        known: tally.known,
        changed: tally.changed,
        doubtful: tally.doubtful,
        statements: plan.covers.iter().map(Told::of).collect(),
        odd: told(|verdict| matches!(verdict, Verdict::Changed(_) | Verdict::Doubtful(_))),
        added: told(|verdict| *verdict == Verdict::New),
    }
}
