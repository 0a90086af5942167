//! Breaks become cases, each once: a break that was seen before finds its case there, open or ended by people, and leaves it alone.
//! Of a break that is gone the case is ended with the rows that explain it, unless somebody is at work on it, who is told instead.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use payonce_books::BooksError;
use payonce_books::line::Line;
use payonce_books::said::{BreakLine, GoneLine, SaidLine, SumLine, read};
use payonce_ledger::powers::{Files, KeepsBodies, QueriesAudit, QueriesCases, Reads, Reconciles};
use payonce_ledger::{Case, Explained, Filed, Ledger, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{EventId, Mode, PayoutKey};
use payonce_protocol::outcome::Reason;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::rows::{Sum, Units};
use payonce_protocol::reconcile::run::Window;
use thiserror::Error;

use crate::list::{Listed, unmarked};
use crate::missing::{self, Asking, Missing};
use crate::run::Settings;

const AT_ONCE: usize = 8;
/// In whose name a case is ended.
const BY: &str = "reconciler";
/// Of each side's rows, the first: a case is read by a person, and the run's file has them all.
const ROWS_AT_MOST: usize = 20;

#[derive(Debug, Error)]
pub enum FileError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Books(#[from] BooksError),
    /// Its name and the rules by which cases are named differ.
    #[error("the break {0} does not make the case that it names")]
    OtherCase(String),
}

/// What was done with one run's breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    pub opened: u64,
    /// Ended, because their breaks are gone.
    pub explained: u64,
}

impl std::ops::Add for Cases {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { opened: self.opened + other.opened, explained: self.explained + other.explained }
    }
}

/// One run's breaks on their way to people.
pub(crate) struct Filing<'a, P> {
    pub ledger: &'a Ledger<P>,
    pub settings: &'a Settings,
    pub rail_mode: Mode,
    pub window: Window,
    pub now: UnixMillis,
}

impl<P: Reads + QueriesAudit + QueriesCases + KeepsBodies + Files + Reconciles> Filing<'_, P> {
    pub(crate) async fn breaks(&self, file: &Path) -> Result<Cases, FileError> {
        let lines = read(BufReader::new(File::open(file).map_err(BooksError::from)?));
        let others = stream::iter(lines).map(|line| async move {
            match line? {
                SaidLine::Break(it) if !missing::is_one(&it) => self.opened(&it, None).await,
                SaidLine::Break(_) => Ok(Cases::default()),
                SaidLine::Gone(it) => self.explained(&it).await,
            }
        });
        let mut done = others
            .buffer_unordered(AT_ONCE)
            .try_fold(Cases::default(), |all, one| async move { Ok(all + one) })
            .await?;
        let mut missing = Missing::of(file)?;
        for chunk in 0..missing.chunks() {
            done = done + self.missing(&missing.chunk(chunk)?).await?;
        }
        Ok(done)
    }

    /// Each with what its provider lists of it.
    async fn missing(&self, breaks: &[BreakLine]) -> Result<Cases, FileError> {
        let Settings { lists, page_within, .. } = self.settings;
        let asking = Asking { rail_mode: self.rail_mode, page_within: *page_within, now: self.now };
        let mut wanted = vec![];
        for it in breaks {
            if missing::is_new(it) || self.lacks_body(it).await? {
                wanted.push(it);
            }
        }
        let listed = &missing::listed(self.ledger, lists, &wanted, asking).await?;
        let opened = stream::iter(breaks).map(|it| self.opened(it, listed.get(&it.id)));
        opened.buffer_unordered(AT_ONCE).try_fold(Cases::default(), |all, one| async move { Ok(all + one) }).await
    }

    /// The list could not be asked when its case was opened.
    async fn lacks_body(&self, it: &BreakLine) -> Result<bool, FileError> {
        let Some(id) = it.case.as_deref().and_then(CaseId::parse) else { return Ok(false) };
        let filed = self.ledger.case(&id).await?;
        Ok(filed.is_none_or(|filed| filed.status.is_open() && filed.case.body.is_none()))
    }

    async fn opened(&self, it: &BreakLine, listed: Option<&Listed>) -> Result<Cases, FileError> {
        let Self { ledger, settings, window, now, .. } = *self;
        let Some(case) = case_of(ledger, it, listed, &settings.units, window, now).await? else {
            return Ok(Cases::default());
        };
        if let (Some(listed), Some(digest)) = (listed, case.body) {
            ledger.put_body(digest, &listed.body, now, settings.body_days).await?;
        }
        if ledger.open_break(&case).await? == Filed::Open {
            if case.body.is_some() {
                ledger.complete_case(&case, BY, now).await?;
            }
            return Ok(Cases::default());
        }
        tracing::warn!(case = %case.id(), reason = %case.reason, payout_key = %it.key, "the books contradict each other: a case is open");
        Ok(Cases { opened: 1, explained: 0 })
    }

    async fn explained(&self, it: &GoneLine) -> Result<Cases, FileError> {
        let Some(id) = case_of_gone(it) else { return Ok(Cases::default()) };
        let rows: Vec<&Line> = it.explained_by.iter().take(ROWS_AT_MOST).collect();
        let facts = Facts::from([
            (FactName::BookBreak, it.subject.clone()),
            (FactName::BookRun, self.window.to().to_string()),
            (FactName::BookExplains, serde_json::to_string(&rows).map_err(BooksError::from)?),
        ]);
        let explained = self.ledger.explain_case(&id, BY, &facts, self.now).await?;
        if explained == Explained::Ended {
            tracing::info!(case = %id, payout_key = %it.key, "the books agree again: the case is ended");
        }
        Ok(Cases { opened: 0, explained: u64::from(explained == Explained::Ended) })
    }
}

/// `None`: it was no break of the books' own.
fn case_of_gone(it: &GoneLine) -> Option<CaseId> {
    let (kind, _) = it.subject.split_once(':')?;
    BreakKind::parse(kind)?.own_case(&it.key, &it.subject)
}

/// `None`: it is no case, because our own records of its key are in doubt and payouts are on hold.
async fn case_of<P: Reads + QueriesAudit>(
    ledger: &Ledger<P>,
    it: &BreakLine,
    listed: Option<&Listed>,
    units: &Units,
    window: Window,
    now: UnixMillis,
) -> Result<Option<Case>, FileError> {
    let other = || FileError::OtherCase(it.subject());
    let (Some(reason), Some(id)) = (&it.reason, &it.case) else {
        tracing::error!(payout_key = %it.key, kind = %it.kind, "a record of ours is not as it was written: see the run");
        return Ok(None);
    };
    let reason = Reason::parse(reason).ok_or_else(other)?;
    let kind = BreakKind::parse(&it.kind).ok_or_else(other)?;
    // The name of an event that no rule gives a key is none: nothing is claimed under it, and nothing closed.
    let key = PayoutKey::new(it.key.clone()).ok().filter(|key| unmarked(key.as_str()).is_none());
    let subject = subject(kind, it);
    let mut case = Case { key: key.clone(), since: it.at, ..Case::new(reason, subject, now) };
    // What is claimed under the key of a missing event is another event's.
    if let Some(key) = key.as_ref().filter(|_| kind != BreakKind::EventMissing) {
        case = with_claim(ledger, case, key, it).await?;
    }
    if kind == BreakKind::CaseMissing && it.attempt == 0 {
        case = with_refusal(ledger, case, key.as_ref(), it).await?;
    }
    if kind == BreakKind::EventMissing {
        case.event = EventId::new(it.which.clone()).ok();
        case.provider = unmarked(&it.key).map(|(provider, _)| provider.to_owned());
        if let Some(listed) = listed {
            case = with_listed(case, listed);
        }
    }
    let sum = |line: &Option<SumLine>| line.as_ref().and_then(SumLine::sum);
    let (expected, found) = (sum(&it.expected), sum(&it.found));
    // As is what is expected under it.
    let sum = if kind == BreakKind::EventMissing { found } else { expected.or(found) };
    case.money = case.money.or_else(|| money(sum?, units));
    case.concerns = concerns(kind, expected, found, case.money.as_ref(), units);
    // A case of the payout as a whole is not the case of its last attempt: that one must have its own.
    case.attempt = (it.attempt > 0).then_some(it.attempt);
    say(&mut case, it, window, [expected, found], units)?;
    let case = case.of_cause(&format!("books/{}/{}", it.kind, it.book));
    if case.id().to_string() == *id { Ok(Some(case)) } else { Err(other()) }
}

/// As `Break::case` names it.
fn subject(kind: BreakKind, it: &BreakLine) -> Vec<String> {
    let of = |part: String| vec![it.key.clone(), part];
    match kind {
        BreakKind::LateOutcome | BreakKind::OutcomeMissing => of(it.attempt.to_string()),
        BreakKind::CaseMissing if it.attempt > 0 => of(it.attempt.to_string()),
        BreakKind::CaseMissing => of(it.which.clone()),
        _ => of(it.subject()),
    }
}

/// What is known of the attempt that it is about, or of the last.
async fn with_claim<P: Reads + QueriesAudit>(
    ledger: &Ledger<P>,
    case: Case,
    key: &PayoutKey,
    it: &BreakLine,
) -> Result<Case, LedgerError> {
    let payout = match ledger.payout(key).await {
        Err(LedgerError::Unreadable { .. }) => return Ok(case),
        read => read?,
    };
    let of_attempt = payout.attempts.iter().find(|of| of.claim.attempt == it.attempt);
    let Some(of) = of_attempt.or_else(|| payout.attempts.last().filter(|_| it.attempt == 0)) else { return Ok(case) };
    let claimed = Case::of_claim(case.reason, &of.claim, case.opened_at);
    Ok(Case { subject: case.subject, since: case.since, ..claimed })
}

async fn with_refusal<P: Reads>(
    ledger: &Ledger<P>,
    case: Case,
    key: Option<&PayoutKey>,
    it: &BreakLine,
) -> Result<Case, LedgerError> {
    let Some(key) = key else { return Ok(case) };
    let note = match ledger.refusal(key, Digest::of(&it.which)).await {
        Ok(Some(note)) => note,
        Ok(None) | Err(LedgerError::Unreadable { .. }) => return Ok(case),
        Err(error) => return Err(error),
    };
    Ok(Case {
        provider: Some(note.provider),
        event: Some(note.event),
        money: Some(note.money),
        destination: Some(note.destination),
        since: note.refused_at,
        ..case
    })
}

/// As its rules read it, so that it can be paid like a delivery.
fn with_listed(mut case: Case, listed: &Listed) -> Case {
    if listed.blocks {
        case.say(FactName::BlockedBy, &listed.event);
    }
    Case {
        provider: Some(listed.provider.clone()),
        event: Some(listed.event.clone()),
        money: listed.money,
        destination: listed.destination.clone(),
        body: listed.is_event.then(|| Digest::of(&listed.body)),
        ..case
    }
}

fn money(sum: Sum, units: &Units) -> Option<Money> {
    Money::new(sum.minor(), *units.0.get(&sum.currency)?, sum.currency).ok()
}

/// The part of the sum that is in question, in the unit of the case's sum.
fn concerns(
    kind: BreakKind,
    expected: Option<Sum>,
    found: Option<Sum>,
    money: Option<&Money>,
    units: &Units,
) -> Option<u64> {
    if kind != BreakKind::AmountMismatch {
        return None;
    }
    let (expected, found, money) = (expected?, found?, money?);
    if expected.currency != found.currency || money.currency() != found.currency {
        return None;
    }
    let apart = Sum::new(expected.minor().abs_diff(found.minor()), found.currency).ok()?;
    let exponent = *units.0.get(&found.currency)?;
    Some(Money::new(apart.minor(), exponent, found.currency).ok()?.with_exponent(money.exponent()).ok()?.minor())
}

fn say(
    case: &mut Case,
    it: &BreakLine,
    window: Window,
    [expected, found]: [Option<Sum>; 2],
    units: &Units,
) -> Result<(), BooksError> {
    case.say(FactName::BookBreak, it.subject());
    case.say(FactName::BookBreakKind, &it.kind);
    case.say(FactName::Book, &it.book);
    case.say(FactName::BookRun, window.to());
    if !it.which.is_empty() {
        case.say(FactName::BookRow, &it.which);
    }
    let sums = [(FactName::BookExpected, expected), (FactName::BookFound, found)];
    for (name, sum) in sums.into_iter().filter_map(|(name, sum)| Some((name, money(sum?, units)?))) {
        case.say(name, sum);
    }
    for (name, rows) in [(FactName::BookOurs, &it.ours), (FactName::BookTheirs, &it.theirs)] {
        let rows: Vec<&Line> = rows.iter().take(ROWS_AT_MOST).collect();
        if !rows.is_empty() {
            case.say(name, serde_json::to_string(&rows)?);
        }
    }
    Ok(())
}
