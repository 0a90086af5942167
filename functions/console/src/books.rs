//! What the reconciler's runs found, from the tables to the pages: all runs, one run, and its files for a spreadsheet.

use csv::{Terminator, WriterBuilder};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use payonce_books::reconcile::{BREAKS, BREAKS_CSV, STATEMENT_CSV};
use payonce_books::said::{SaidLine, read};
use payonce_ledger::{KeptRun, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{CaseId, Digest};

use crate::app::{App, Visit};
use crate::ask::Ask;
use crate::cases::show::link;
use crate::cases::spreadsheet::Style;
use crate::pages::{BooksPage, BreakList, BreakRow, RunPage, RunRow, RunSaid, Section, day_at, in_order};
use crate::reply::Reply;
use crate::trouble::Trouble;

/// A month and what is left of a week.
const RUNS_A_PAGE: u16 = 35;
const BREAKS_A_PAGE: usize = 50;
const CASES_AT_ONCE: usize = 8;
/// A part holds 350 KB, compressed to about a tenth: more than these would not fit into the console's memory.
const PARTS_AT_MOST: usize = 4;
/// Lambda answers with at most 6 MB, and quotes are escaped on the way.
const DOWNLOAD_BYTES_AT_MOST: usize = 4 << 20;

const NOT_WHOLE: &str = "The list of differences cannot be read: a part of it is missing or was changed. What stands above is \
                         from the run's own record. Show this to whoever runs payonce.";
const TOO_LARGE: &str = "The list is too long for this page. Whoever runs payonce can hand it over as a file.";
const NOT_KEPT: &str = "The run kept no list of differences.";

impl App {
    pub(crate) async fn books(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let before = ask.query.get("before").map(|before| before.parse().map_err(|_| Trouble::NotFound)).transpose()?;
        let mut runs = self.parts.ledger.runs(before, RUNS_A_PAGE + 1).await?;
        let has_next = runs.len() > usize::from(RUNS_A_PAGE);
        runs.truncate(RUNS_A_PAGE.into());
        let row = |run: &KeptRun| RunRow { from: run.from, to: run.to, said: RunSaid::read(&run.manifest) };
        let page = BooksPage {
            frame: self.frame(Some(visit), "Reconciliation", Section::Books),
            runs: runs.iter().map(row).collect(),
            is_first: before.is_none(),
            has_next,
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    pub(crate) async fn run(&self, ask: &Ask, end: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let run = self.kept_run(end).await?;
        let said = RunSaid::read(&run.manifest).ok_or(Trouble::RunFile(
            "The run's own record cannot be read: it was written by another version of payonce.",
        ))?;
        let number = ask.query.get("page").map_or(Some(1), |page| page.parse().ok()).ok_or(Trouble::NotFound)?;
        let page = RunPage {
            frame: self.frame(Some(visit), &format!("Reconciliation of {}", said.day()), Section::Books),
            finished_at: run.finished_at,
            said,
            breaks: self.breaks(&run, number).await?,
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// As whoever reads a page may: it says no more.
    pub(crate) async fn run_csv(&self, ask: &Ask, end: &str, name: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let name = [BREAKS_CSV, STATEMENT_CSV].into_iter().find(|known| *known == name).ok_or(Trouble::NotFound)?;
        let style = ask.query.get("csv").map_or(Some(Style::default()), Style::parse);
        let style = style.ok_or_else(|| Trouble::Wrong("Not understood in the address: csv.".to_owned()))?;
        let run = self.kept_run(end).await?;
        let too_large =
            || Trouble::RunFile("It is too large to be fetched here. Whoever runs payonce can hand it over.");
        let bytes = match self.read(&run, name).await? {
            Read::Whole(bytes) if bytes.len() <= DOWNLOAD_BYTES_AT_MOST => bytes,
            Read::Whole(_) | Read::TooLarge => return Err(too_large()),
            Read::NotKept => return Err(Trouble::NotFound),
            Read::NotWhole => return Err(Trouble::RunFile("A part of it is missing or was changed.")),
        };
        let by_sha256 = Digest::of(&visit.session.person.subject);
        tracing::info!(run = run.to, file = name, %by_sha256, "a run's file was exported");
        let day = day_at(run.to.saturating_sub(1));
        Ok(Reply::csv(format!("payonce-{}-{day}.csv", name.trim_end_matches(".csv")), styled(bytes, style)?))
    }

    async fn kept_run(&self, end: &str) -> Result<KeptRun, Trouble> {
        let to: UnixMillis = end.parse().map_err(|_| Trouble::NotFound)?;
        self.parts.ledger.run(to).await?.ok_or(Trouble::NotFound)
    }

    async fn read(&self, run: &KeptRun, name: &str) -> Result<Read, Trouble> {
        if run.files.get(name).is_some_and(|kept| kept.parts > PARTS_AT_MOST) {
            return Ok(Read::TooLarge);
        }
        match self.parts.ledger.run_file(run, name).await {
            Ok(bytes) => Ok(bytes.map_or(Read::NotKept, Read::Whole)),
            Err(error @ LedgerError::Unreadable { .. }) => {
                tracing::error!(run = run.to, file = name, %error, "a file of a run is not as it was written");
                Ok(Read::NotWhole)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn breaks(&self, run: &KeptRun, number: usize) -> Result<BreakList, Trouble> {
        let bytes = match self.read(run, BREAKS).await? {
            Read::Whole(bytes) => bytes,
            Read::NotKept => return Ok(BreakList::Not(NOT_KEPT)),
            Read::NotWhole => return Ok(BreakList::Not(NOT_WHOLE)),
            Read::TooLarge => return Ok(BreakList::Not(TOO_LARGE)),
        };
        let Ok(mut lines) = read(bytes.as_slice()).collect::<Result<Vec<SaidLine>, _>>() else {
            return Ok(BreakList::Not(NOT_WHOLE));
        };
        in_order(&mut lines);
        let of = lines.len().div_ceil(BREAKS_A_PAGE).max(1);
        let at = number.checked_sub(1).filter(|at| *at < of).ok_or(Trouble::NotFound)? * BREAKS_A_PAGE;
        let shown = lines.into_iter().skip(at).take(BREAKS_A_PAGE);
        let rows = stream::iter(shown).map(|said| self.break_row(said)).buffered(CASES_AT_ONCE).try_collect().await?;
        Ok(BreakList::Shown { rows, number, of })
    }

    async fn break_row(&self, said: SaidLine) -> Result<BreakRow, LedgerError> {
        let id = match &said {
            SaidLine::Break(it) => it.case.as_deref().and_then(CaseId::parse),
            SaidLine::Gone(_) => None,
        };
        let filed = match id {
            Some(id) => self.parts.ledger.case(&id).await?,
            None => None,
        };
        Ok(BreakRow { said, case: filed.as_ref().map(link) })
    }
}

enum Read {
    Whole(Vec<u8>),
    NotKept,
    NotWhole,
    TooLarge,
}

/// As it was written, so that its hash is the manifest's; or with the sign between its columns that the reader's spreadsheet wants.
/// All numbers in it are whole.
fn styled(bytes: Vec<u8>, style: Style) -> Result<Vec<u8>, csv::Error> {
    if style == Style::default() {
        return Ok(bytes);
    }
    let mut csv = WriterBuilder::new().delimiter(style.separator()).terminator(Terminator::CRLF).from_writer(vec![]);
    for record in csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice()).byte_records() {
        csv.write_byte_record(&record?)?;
    }
    csv.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_the_run_wrote_it_unless_another_sign_is_asked_for() {
        let written = b"currency,line,count,minor\nEUR,\"a,b;c\",1,4200\n".to_vec();
        assert_eq!(styled(written.clone(), Style::Comma).unwrap(), written);
        let parted = styled(written, Style::Semicolon).unwrap();
        assert_eq!(parted, b"currency;line;count;minor\r\nEUR;\"a,b;c\";1;4200\r\n");
    }
}
