//! Everything that the tables hold of one payout, and of the keys that belong to it: those of its event's other keys, and orders of their
//! own. It becomes one list of lines by time, in the words of the console's pages.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use console::pages::Entry;
use console::pages::words::Words as _;
use console::story;
use payonce_books::reconcile::BREAKS;
use payonce_books::said::{self, BreakLine, SaidLine, SumLine};
use payonce_ledger::powers::Reader;
use payonce_ledger::{Claim, FiledCase, HistoryRecord, KeptRun, Ledger, LedgerError, OurRecords, RefusalNote};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::FactName;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Life;
use payonce_protocol::reconcile::rows::Book;

use super::find::Start;
use crate::reconcile::words;

/// Of one event there are a few; more would be a mistake of the rules.
const KEYS_AT_MOST: usize = 12;
/// Runs whose breaks are read, the latest first: three months of days.
const RUNS_AT_MOST: usize = 100;
const RUNS_AT_ONCE: u16 = 25;

/// One payout key, with all that stands under it.
pub(super) struct Kept {
    pub(super) key: PayoutKey,
    pub(super) records: OurRecords,
}

/// A case, with its history.
pub(super) struct Filed {
    pub(super) filed: FiledCase,
    history: Vec<HistoryRecord>,
}

/// One thing that happened.
pub(super) struct Line {
    pub(super) at: UnixMillis,
    /// Of which payout key, or of which case.
    pub(super) of: String,
    pub(super) what: String,
    pub(super) by: String,
    pub(super) is_person: bool,
    pub(super) note: Option<String>,
    /// By the tables' names.
    pub(super) facts: Vec<(String, String)>,
}

#[derive(Default)]
pub(super) struct Runs {
    /// Runs that could say something of it, and were read.
    pub(super) read: usize,
    /// Where the window of the latest ends.
    pub(super) until: Option<UnixMillis>,
    /// Whose file of breaks is not as it was written, or is of a later version.
    pub(super) unreadable: usize,
    pub(super) are_cut: bool,
}

pub(super) struct Story {
    pub(super) keys: Vec<Kept>,
    pub(super) cases: Vec<Filed>,
    pub(super) lines: Vec<Line>,
    pub(super) runs: Runs,
    pub(super) left_off: usize,
    /// One key belongs to another: both, and how.
    pub(super) links: Vec<(PayoutKey, PayoutKey, &'static str)>,
}

/// The story of the first, if all others belong to it.
pub(super) async fn one_of(
    ledger: &Ledger<Reader>,
    hits: &[(Start, String)],
    now: UnixMillis,
) -> Result<Option<Story>, LedgerError> {
    let Some((first, _)) = hits.first() else { return Ok(None) };
    let mut story = Story::read(ledger, first).await?;
    let belongs = |start: &Start| match start {
        Start::Payout(key) => story.keys.iter().any(|kept| kept.key == *key),
        Start::Case(id) => story.cases.iter().any(|of| of.filed.case.id() == *id),
    };
    if !hits.iter().all(|(start, _)| belongs(start)) {
        return Ok(None);
    }
    story.runs(ledger, now).await?;
    story.lines.sort_by_key(|line| line.at);
    Ok(Some(story))
}

impl Story {
    async fn read(ledger: &Ledger<Reader>, start: &Start) -> Result<Self, LedgerError> {
        let mut story =
            Self { keys: vec![], cases: vec![], lines: vec![], runs: Runs::default(), left_off: 0, links: vec![] };
        let mut wanted = vec![];
        match start {
            Start::Payout(key) => wanted.push(key.clone()),
            Start::Case(id) => {
                let filed = ledger.case(id).await?.ok_or(LedgerError::Missing { what: "the case" })?;
                wanted.extend(filed.case.key.clone());
                story.add_case(ledger, filed, &mut wanted).await?;
            }
        }
        let mut next = 0;
        while let Some(key) = wanted.get(next).cloned() {
            next += 1;
            if story.keys.iter().any(|kept| kept.key == key) {
                continue;
            }
            if story.keys.len() == KEYS_AT_MOST {
                story.left_off += 1;
                continue;
            }
            story.add_key(ledger, key, &mut wanted).await?;
        }
        for kept in &story.keys {
            story.lines.extend(lines_of(kept, &story.cases));
        }
        for of in &story.cases {
            story.lines.extend(of.lines());
        }
        Ok(story)
    }

    async fn add_key(
        &mut self,
        ledger: &Ledger<Reader>,
        key: PayoutKey,
        wanted: &mut Vec<PayoutKey>,
    ) -> Result<(), LedgerError> {
        let records = ledger.records(&key, &BTreeSet::new()).await?;
        let payout = &records.payout;
        for own in &payout.own_orders {
            self.links.push((own.clone(), key.clone(), "an order of its own, of another event of"));
            wanted.push(own.clone());
        }
        for alias in &payout.aliases {
            self.links.push((alias.other.clone(), key.clone(), "another key of an event of"));
            wanted.push(alias.other.clone());
        }
        wanted.extend(key.base_of_own_order());
        let claims = payout.attempts.iter().map(|attempt| attempt.claim.event.clone());
        let refused = records.refusals.iter().map(|note| note.event.clone());
        let bar = payout.barred.iter().map(|bar| bar.event.clone());
        let events: BTreeSet<EventId> = claims.chain(refused).chain(bar).collect();
        for filed in records.cases.clone() {
            self.add_case(ledger, filed, wanted).await?;
        }
        // An event that could not be read whole has a case without a key.
        for event in &events {
            for filed in ledger.cases_of_event(event.as_str()).await? {
                if filed.case.key.is_none() {
                    self.add_case(ledger, filed, wanted).await?;
                }
            }
        }
        self.keys.push(Kept { key, records });
        Ok(())
    }

    async fn add_case(
        &mut self,
        ledger: &Ledger<Reader>,
        filed: FiledCase,
        wanted: &mut Vec<PayoutKey>,
    ) -> Result<(), LedgerError> {
        let id = filed.case.id();
        if self.cases.iter().any(|of| of.filed.case.id() == id) {
            return Ok(());
        }
        let history = ledger.history(&id).await?;
        // Under which key payer paid it, where that is another.
        let paid = history.iter().filter(|record| record.facts.get(FactName::Attempt).is_some());
        wanted.extend(paid.filter_map(|record| PayoutKey::new(record.facts.get(FactName::PayoutKey)?).ok()));
        self.cases.push(Filed { filed, history });
        Ok(())
    }

    /// What runs of the reconciler said about its keys, from the first that could.
    async fn runs(&mut self, ledger: &Ledger<Reader>, now: UnixMillis) -> Result<(), LedgerError> {
        let Some(begins) = self.lines.iter().map(|line| line.at).min() else { return Ok(()) };
        let keys: BTreeSet<String> = self.keys.iter().map(|kept| kept.key.to_string()).collect();
        let mut before = None;
        loop {
            let page = ledger.runs(before, RUNS_AT_ONCE).await?;
            let is_last = page.len() < usize::from(RUNS_AT_ONCE);
            for run in &page {
                if run.to <= begins {
                    return Ok(());
                }
                if self.runs.read == RUNS_AT_MOST {
                    self.runs.are_cut = true;
                    return Ok(());
                }
                self.runs.read += 1;
                self.runs.until = self.runs.until.max(Some(run.to.min(now)));
                self.run(ledger, run, &keys).await?;
            }
            before = page.last().map(|run| run.to);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn run(
        &mut self,
        ledger: &Ledger<Reader>,
        run: &KeptRun,
        keys: &BTreeSet<String>,
    ) -> Result<(), LedgerError> {
        let bytes = match ledger.run_file(run, BREAKS).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(LedgerError::Unreadable { .. }) => {
                self.runs.unreadable += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for line in said::read(Cursor::new(bytes)) {
            match line {
                Ok(SaidLine::Break(it)) if keys.contains(&it.key) => self.lines.push(broken(run, &it)),
                Ok(SaidLine::Gone(it)) if keys.contains(&it.key) => self.lines.push(Line {
                    at: run.finished_at,
                    of: it.key,
                    what: "the books agree again".to_owned(),
                    by: "reconciler".to_owned(),
                    is_person: false,
                    note: None,
                    facts: vec![fact(FactName::BookBreak, it.subject), fact(FactName::BookRun, run.to)],
                }),
                Ok(_) => {}
                Err(_) => {
                    self.runs.unreadable += 1;
                    break;
                }
            }
        }
        Ok(())
    }
}

fn fact(name: FactName, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn named(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn line(of: &str, entry: Entry) -> Line {
    Line {
        at: entry.at,
        of: of.to_owned(),
        what: story::happened(&entry),
        by: entry.by,
        is_person: entry.is_person,
        note: entry.note,
        facts: entry.facts,
    }
}

fn lines_of(kept: &Kept, cases: &[Filed]) -> Vec<Line> {
    let payout = &kept.records.payout;
    let claims: BTreeMap<String, &Claim> =
        payout.attempts.iter().map(|attempt| (story::claimed(attempt.claim.attempt), &attempt.claim)).collect();
    let entries = story::entries(payout).into_iter().map(|mut entry| {
        if let Some(claim) = claims.get(&entry.kind) {
            entry.facts = of_claim(claim, cases).chain(entry.facts).collect();
        }
        line(kept.key.as_str(), entry)
    });
    entries.chain(kept.records.refusals.iter().map(|note| refused(kept, note))).collect()
}

/// Who decided it, and what it is bound to.
fn of_claim<'a>(claim: &'a Claim, cases: &'a [Filed]) -> impl Iterator<Item = (String, String)> + use<'a> {
    let number = claim.attempt.to_string();
    let decides = |record: &&HistoryRecord| {
        record.facts.get(FactName::PayoutKey) == Some(claim.key.as_str())
            && record.facts.get(FactName::Attempt) == Some(number.as_str())
    };
    let decided = cases.iter().find_map(|of| Some((of, of.history.iter().find(decides)?)));
    let by = match decided {
        Some((of, record)) => {
            let name = |who: &payonce_ledger::Who| who.name.clone().unwrap_or_else(|| who.subject.clone());
            let maker = of.filed.proposal.as_ref().map(|made| name(&made.by)).unwrap_or_default();
            format!("two people, {maker} and {}, by case {}", name(&record.by), of.filed.case.id())
        }
        None => format!("a delivery of {}", claim.provider),
    };
    let trace = claim.trace_id.as_ref().map(|trace| named("trace_id", trace));
    [
        named("decided_by", by),
        fact(FactName::Sum, claim.money),
        named("payee", &claim.destination),
        fact(FactName::Event, &claim.event),
        named("rail", &claim.rail),
        named("rail_account", &claim.rail_account),
        named("rail_mode", claim.rail_mode.as_str()),
        fact(FactName::Request, &claim.request_id),
        named("claim_expires_at", claim.expires_at),
    ]
    .into_iter()
    .chain(trace)
    .filter(|(_, value)| !value.is_empty())
}

fn refused(kept: &Kept, note: &RefusalNote) -> Line {
    Line {
        at: note.refused_at,
        of: kept.key.to_string(),
        what: "answered 503, and noted: the provider is asked to come back".to_owned(),
        by: "payonce".to_owned(),
        is_person: false,
        note: None,
        facts: vec![
            fact(FactName::Event, &note.event),
            fact(FactName::Sum, note.money),
            named("payee", &note.destination),
            named("final_at", note.final_after),
        ],
    }
}

fn broken(run: &KeptRun, it: &BreakLine) -> Line {
    let (kind, book) = (BreakKind::parse(&it.kind), Book::parse(&it.book));
    let again = if Life::parse(&it.life) == Some(Life::Persisting) { ", still" } else { "" };
    let sum = |line: &SumLine| {
        line.sum().map_or_else(|| line.minor.to_string(), |sum| format!("{} {}", sum.minor(), sum.currency))
    };
    let rows = |rows: &[payonce_books::line::Line]| {
        let row = |row: &payonce_books::line::Line| {
            let to = row.payee.as_ref().map(|payee| format!(" to {payee}")).unwrap_or_default();
            format!("{} {} {}{to}", row.book, row.kind, row.id)
        };
        rows.iter().map(row).collect::<Vec<_>>().join("; ")
    };
    let facts = [
        fact(FactName::BookBreakKind, &it.kind),
        fact(FactName::Book, &it.book),
        fact(FactName::BookExpected, it.expected.as_ref().map(sum).unwrap_or_default()),
        fact(FactName::BookFound, it.found.as_ref().map(sum).unwrap_or_default()),
        fact(FactName::Case, it.case.clone().unwrap_or_default()),
        fact(FactName::BookOurs, rows(&it.ours)),
        fact(FactName::BookTheirs, rows(&it.theirs)),
        fact(FactName::BookRun, run.to),
    ];
    Line {
        at: run.finished_at,
        of: it.key.clone(),
        what: format!("the books{again}: {}", words::broken(kind, book)),
        by: "reconciler".to_owned(),
        is_person: false,
        note: None,
        facts: facts.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
    }
}

impl Filed {
    fn lines(&self) -> impl Iterator<Item = Line> {
        let case = &self.filed.case;
        let of = format!("case {}", case.id());
        self.history.iter().map(move |record| {
            let mut line = line(&of, story::entry(record));
            if record.act == "opened" {
                let about = [case.event.as_ref().map(|event| fact(FactName::Event, event))];
                let about = about.into_iter().flatten().chain(case.cause().map(|cause| fact(FactName::Problem, cause)));
                line.what = format!("{}: {}", line.what, case.reason.label());
                line.facts = about.chain(std::mem::take(&mut line.facts)).collect();
            }
            line
        })
    }
}
