//! One visit to one minute of the index. A row that cannot be read is counted and passed by; one that cannot be written
//! fails the visit, after all others had theirs.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{Stream, StreamExt, stream};
use payonce_ledger::{
    Abandoned, AttemptName, Case, Claim, Entry, Filed, IndexRow, LedgerError, MinuteRows, Opened, StoredEnd,
};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::FactName;
use payonce_protocol::hold::HELD;
use payonce_protocol::ids::{Digest, Shards};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::slo::Counts;
use payonce_protocol::sweep::{self, Finding, Minute};
use payonce_protocol::velocity::sums;
use tracing::{Instrument, warn_span};

use crate::run::Run;
use crate::{App, Report};

/// Cases written at a time.
const AT_ONCE: usize = 16;

impl App {
    pub(crate) async fn visit_bucket(&self, bucket: Minute, shards: Shards, run: &mut Run) -> Result<(), LedgerError> {
        let MinuteRows { rows, unreadable } = self.parts.ledger.minute(bucket, shards).await?;
        run.report.unreadable += unreadable;
        let (mut claims, mut refusals, mut unfiled) = (BTreeSet::new(), Vec::new(), Vec::new());
        for row in rows {
            match row.entry {
                Entry::Claim(attempt) => drop(claims.insert((row.key, attempt))),
                Entry::Refusal(event) => refusals.push((row, event)),
                Entry::Unfiled => unfiled.push(row),
            }
        }
        let claims = self.visit_claims(bucket, claims, run).await;
        let unfiled = self.visit_unfiled(unfiled, run).await;
        self.visit_refusals(refusals, run).await.and(unfiled).and(claims)
    }

    async fn visit_claims(
        &self,
        bucket: Minute,
        claims: BTreeSet<AttemptName>,
        run: &mut Run,
    ) -> Result<(), LedgerError> {
        let now = run.now;
        let seen = self.parts.ledger.outcomes(&claims, false).await?;
        run.report.unreadable += seen.unreadable.len() as u32;
        let is_open = |name: &AttemptName| !seen.ended.contains_key(name) && !seen.unreadable.contains(name);
        let open: BTreeSet<AttemptName> = claims.into_iter().filter(is_open).collect();
        let mut counts = Counts::default();
        let read = self.parts.ledger.attempts(&open).await?;
        run.report.unreadable += read.unreadable;
        let is_unknown =
            |(name, ended): (&AttemptName, &StoredEnd)| (ended.outcome == Outcome::Unknown).then(|| name.clone());
        let mut unknown: Vec<AttemptName> = seen.ended.iter().filter_map(is_unknown).collect();
        let (mut abandoned, mut settled) = (Vec::new(), Vec::new());
        for (claim, outcome) in read.found {
            match sweep::examine(claim.expires_at, outcome.is_some(), now, self.parts.margin_ms) {
                Finding::TooEarly => {}
                Finding::Abandoned => {
                    counts.failed += 1;
                    abandoned.push(claim);
                }
                Finding::Settled => {
                    let outcome = outcome.map_or(Outcome::Unknown, |outcome| outcome.verdict.outcome);
                    counts.count(outcome);
                    let name = (claim.key, claim.attempt);
                    if outcome == Outcome::Unknown {
                        unknown.push(name.clone());
                    }
                    settled.push((name, outcome));
                }
            }
        }
        unknown.into_iter().for_each(|name| run.owe_look_up(name));
        let given_up = stream::iter(abandoned).map(|claim| async move {
            let span =
                warn_span!("give_up", payout_key = %claim.key, attempt = claim.attempt, attempt_id = %claim.attempt_id);
            let done = self.give_up(&claim, now).instrument(span).await?;
            Ok((done, Some((claim.key, claim.attempt))))
        });
        let given_up = each(given_up.buffer_unordered(AT_ONCE), run).await;
        // A measurement, when the duty is done.
        match self.counts(&seen.ended).await {
            Ok(ended) => run.counted(bucket, counts.with(ended)),
            Err(error) => tracing::warn!(%error, bucket, "the payouts of a minute are not counted"),
        }
        let ended = seen.ended.into_iter().map(|(name, ended)| (name, ended.outcome)).chain(settled);
        let accepted = ended.filter(|(_, outcome)| *outcome == Outcome::Accepted).map(|(name, _)| name).collect();
        if run.wants_sums(bucket) {
            match self.parts.ledger.claimed(&accepted).await {
                Ok(claimed) => run.accepted(bucket, sums(claimed)),
                Err(error) => tracing::warn!(%error, bucket, "what was accepted in a minute is not counted"),
            }
        }
        given_up
    }

    /// What these say of how well payouts go. One that was claimed while a person held payouts says nothing of it.
    async fn counts(&self, ended: &BTreeMap<AttemptName, StoredEnd>) -> Result<Counts, LedgerError> {
        let is_not_sent =
            |(name, ended): (&AttemptName, &StoredEnd)| (ended.outcome == Outcome::NotSent).then(|| name.clone());
        let not_sent: BTreeSet<AttemptName> = ended.iter().filter_map(is_not_sent).collect();
        let explained = self.parts.ledger.outcomes(&not_sent, true).await?.ended;
        let was_held = |name: &AttemptName| {
            explained.get(name).is_some_and(|ended| ended.evidence.get(FactName::Failure) == Some(HELD))
        };
        let mut counts = Counts::default();
        for (_, ended) in ended.iter().filter(|(name, _)| !was_held(name)) {
            counts.count(ended.outcome);
        }
        Ok(counts)
    }

    async fn give_up(&self, claim: &Claim, now: UnixMillis) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        if self.parts.ledger.abandon(claim, now).await? == Abandoned::Filed {
            tracing::warn!(
                payout_key = %claim.key, attempt_id = %claim.attempt_id, event_id = %claim.event,
                "a claim without outcome was given up: a case is open"
            );
            report.abandoned += 1;
        }
        Ok(report)
    }

    async fn visit_refusals(&self, refusals: Vec<(IndexRow, Digest)>, run: &mut Run) -> Result<(), LedgerError> {
        let now = run.now;
        let names = refusals.iter().map(|(row, event)| (row.key.clone(), *event)).collect();
        let back = self.parts.ledger.came_back(&names).await?;
        let gone = refusals.into_iter().filter(|(row, event)| !back.contains(&(row.key.clone(), *event)));
        let filed = stream::iter(gone).map(|(row, event)| async move {
            let span = warn_span!("refusal", payout_key = %row.key);
            match self.visit_refusal(&row, event, now).instrument(span).await {
                Err(error @ LedgerError::Unreadable { .. }) => {
                    tracing::error!(payout_key = %row.key, %error, "a refused event is left alone");
                    Ok((Report { unreadable: 1, ..Report::default() }, None))
                }
                done => Ok((done?, None)),
            }
        });
        each(filed.buffer_unordered(AT_ONCE), run).await
    }

    async fn visit_refusal(&self, row: &IndexRow, event: Digest, now: UnixMillis) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        let Some(note) = self.parts.ledger.refusal(&row.key, event).await? else {
            report.unreadable += 1;
            return Ok(report);
        };
        // Another event's claim does not answer for this one: that event may be all that ever came.
        if !sweep::refusal_is_final(note.final_after, now) || self.parts.ledger.is_accounted_for(&note).await? {
            return Ok(report);
        }
        let key = self.parts.ledger.case_key(&note).await?;
        let case = Case {
            provider: Some(note.provider.clone()),
            event: Some(note.event.clone()),
            key: Some(key.clone()),
            money: Some(note.money),
            destination: Some(note.destination.clone()),
            since: note.refused_at,
            ..Case::new(Reason::RefusedNotRedelivered, vec![key.to_string(), note.event.to_string()], now)
        }
        .of_cause(&note.provider);
        if self.parts.ledger.open_case(&case).await? == Opened::New {
            tracing::warn!(payout_key = %note.key, event_id = %note.event, "a refused event never came back: a case is open");
            report.refusals += 1;
        }
        Ok(report)
    }

    /// Cases that their webhooks could not write. Visited again, each is the same one.
    async fn visit_unfiled(&self, notes: Vec<IndexRow>, run: &mut Run) -> Result<(), LedgerError> {
        let filed = stream::iter(notes).map(|row| async move {
            let mut report = Report::default();
            match self.parts.ledger.noted_case(&row.key).await {
                Ok(Some(case)) => {
                    let payout_key = case.key.as_ref().map(tracing::field::display);
                    let span = warn_span!("file_case", case = %case.id(), payout_key);
                    if self.file_noted(&case).instrument(span.clone()).await? {
                        let _in = span.entered();
                        tracing::warn!(case = %case.id(), reason = %case.reason, "a case that could not be written is open now");
                        report.unfiled += 1;
                    }
                }
                Ok(None) => {}
                Err(error @ LedgerError::Unreadable { .. }) => {
                    tracing::error!(payout_key = %row.key, %error, "the note of a case is left alone");
                    report.unreadable += 1;
                }
                Err(error) => return Err(error),
            }
            Ok((report, None))
        });
        each(filed.buffer_unordered(AT_ONCE), run).await
    }

    /// What came after people had closed its case opens it again; an ending from later speaks of it, too.
    async fn file_noted(&self, case: &Case) -> Result<bool, LedgerError> {
        let there = self.parts.ledger.case(&case.id()).await?;
        let resolved_at = there.as_ref().and_then(|there| there.resolution.as_ref()).map(|ended| ended.at);
        // One that shares its case is not known to whoever ended that.
        let is_news = there.is_some() && self.parts.ledger.note_further_event(case).await?;
        match (there, resolved_at) {
            (Some(_), None) => Ok(is_news),
            (Some(_), Some(at)) if at >= case.opened_at && !is_news => Ok(false),
            _ => Ok(self.parts.ledger.file_case(case).await? != Filed::Open || is_news),
        }
    }
}

/// Counts what each of them did as soon as it is done. The first error is told when all are over.
async fn each(
    done: impl Stream<Item = Result<(Report, Option<AttemptName>), LedgerError>>,
    run: &mut Run,
) -> Result<(), LedgerError> {
    let mut all = Ok(());
    let mut done = std::pin::pin!(done);
    while let Some(one) = done.next().await {
        match one {
            Ok((report, look_up)) => {
                run.report.abandoned += report.abandoned;
                run.report.refusals += report.refusals;
                run.report.unfiled += report.unfiled;
                run.report.unreadable += report.unreadable;
                look_up.into_iter().for_each(|name| run.owe_look_up(name));
            }
            Err(error) => all = all.and(Err(error)),
        }
    }
    all
}
