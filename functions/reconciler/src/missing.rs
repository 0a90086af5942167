//! Events that never reached us are asked for once more when their cases are filed: each case bears what its event asks for, and the
//! event itself as the provider lists it, so that people can have it paid. A case that was opened when the list could not be asked
//! gets its body from a later run. No other body of a list is kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use payonce_books::BooksError;
use payonce_books::said::{BreakLine, SaidLine};
use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_ledger::{Ledger, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::Mode;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::rows::BookKey;

use crate::list::{Listed, Lists};

/// Bodies in memory.
pub(crate) const AT_ONCE: usize = 64;
/// What lies closer together is asked for in one question.
const APART_MS: u64 = 60_000;

/// Where the lines of missing events stand in a file of breaks, by their time: neighbours are asked for together.
pub(crate) struct Missing {
    file: BufReader<File>,
    lines: Vec<(UnixMillis, u64)>,
}

pub(crate) fn is_one(it: &BreakLine) -> bool {
    it.kind == BreakKind::EventMissing.as_str()
}

/// A break that was seen before has its case.
pub(crate) fn is_new(it: &BreakLine) -> bool {
    it.life == Life::New.as_str()
}

impl Missing {
    pub(crate) fn of(path: &Path) -> Result<Self, BooksError> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut lines, mut line, mut at) = (vec![], String::new(), 0_u64);
        for number in 1.. {
            line.clear();
            let length = file.read_line(&mut line)?;
            if length == 0 {
                break;
            }
            if let SaidLine::Break(it) = parsed(&line, number)?
                && is_one(&it)
            {
                lines.push((it.at, at));
            }
            at = at.saturating_add(length as u64);
        }
        lines.sort_unstable();
        Ok(Self { file, lines })
    }

    pub(crate) fn chunks(&self) -> usize {
        self.lines.len().div_ceil(AT_ONCE)
    }

    pub(crate) fn chunk(&mut self, number: usize) -> Result<Vec<BreakLine>, BooksError> {
        let (mut all, mut line) = (vec![], String::new());
        for (_, at) in self.lines.iter().skip(number.saturating_mul(AT_ONCE)).take(AT_ONCE) {
            line.clear();
            self.file.seek(SeekFrom::Start(*at))?;
            self.file.read_line(&mut line)?;
            if let SaidLine::Break(it) = parsed(&line, 0)? {
                all.push(*it);
            }
        }
        Ok(all)
    }
}

fn parsed(line: &str, number: u64) -> Result<SaidLine, BooksError> {
    serde_json::from_str(line).map_err(|_| BooksError::Line { number, what: "break" })
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub rail_mode: Mode,
    pub page_within: Duration,
    pub now: UnixMillis,
}

/// By the break's id. What the provider does not list any more, or could not be asked for, is not there.
pub(crate) async fn listed<P: Reads + QueriesAudit + QueriesCases>(
    ledger: &Ledger<P>,
    lists: &Lists,
    breaks: &[&BreakLine],
    asking: Asking,
) -> Result<BTreeMap<String, Listed>, LedgerError> {
    let mut found = BTreeMap::new();
    for asked in lists.iter() {
        let is_its = |it: &&&BreakLine| BookKey::parse(it.key.as_str()).is_ok_and(|key| asked.may_hold(&key));
        let wanted: Vec<&BreakLine> = breaks.iter().filter(is_its).copied().collect();
        if wanted.is_empty() {
            continue;
        }
        let ruling = asked.ruling(ledger, asking.rail_mode, asking.now).await?;
        for near in wanted.chunk_by(|one, next| next.at.saturating_sub(one.at) <= APART_MS) {
            let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
            let mut reading = asked.book(first.at, last.at.saturating_add(1), asking.now);
            while let Some(page) = reading.next(asking.page_within).await {
                for item in page.iter().filter(|item| near.iter().any(|it| it.at == item.created_at)) {
                    for placed in asked.placed(ledger, &ruling, item).await?.into_iter().flatten() {
                        let is_it = |it: &&&BreakLine| {
                            it.key == placed.key.as_str() && it.which == placed.row.as_str() && it.at == item.created_at
                        };
                        if let Some(it) = near.iter().find(is_it) {
                            found.insert(it.id.clone(), placed.listed);
                        }
                    }
                }
            }
            if reading.gap().is_some() {
                tracing::error!(provider = asked.name(), "a missing event may be filed without its body");
            }
        }
    }
    Ok(found)
}
