//! One visit to one minute of the index.

use futures_util::{StreamExt, TryStreamExt, stream};
use payonce_ledger::{Abandoned, Case, Claim, Entry, IndexRow, LedgerError, Opened};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::sweep::{self, Finding, Minute};

use crate::{App, Report};

/// Reads under way at a time: a minute of a busy stack holds hundreds of claims.
const AT_ONCE: usize = 16;

impl App {
    pub(crate) async fn visit_bucket(
        &self,
        bucket: Minute,
        now: UnixMillis,
        report: &mut Report,
    ) -> Result<(), LedgerError> {
        let rows = self.parts.ledger.rows_of_minute(bucket).await?;
        let visits: Vec<Report> =
            stream::iter(rows).map(|row| self.visit(row, now)).buffer_unordered(AT_ONCE).try_collect().await?;
        for visit in visits {
            report.abandoned += visit.abandoned;
            report.refusals += visit.refusals;
            report.unfiled += visit.unfiled;
            report.looked_up += visit.looked_up;
        }
        Ok(())
    }

    /// How the claims of a minute ended, those received since.
    pub(crate) async fn outcomes_of(
        &self,
        bucket: Minute,
        since: UnixMillis,
    ) -> Result<Vec<(Claim, Outcome)>, LedgerError> {
        let rows = self.parts.ledger.rows_of_minute(bucket).await?;
        let attempts = rows.into_iter().filter_map(|row| match row.entry {
            Entry::Claim(attempt) if row.received_at >= since => Some((row.key, attempt)),
            _ => None,
        });
        let read: Vec<_> = stream::iter(attempts)
            .map(|(key, attempt)| async move { self.parts.ledger.attempt(&key, attempt).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let ended = read.into_iter().flatten().filter_map(|(claim, outcome)| Some((claim, outcome?)));
        Ok(ended.map(|(claim, outcome)| (claim, outcome.verdict.outcome)).collect())
    }

    async fn visit(&self, row: IndexRow, now: UnixMillis) -> Result<Report, LedgerError> {
        match row.entry {
            Entry::Claim(attempt) => self.visit_claim(&row, attempt, now).await,
            Entry::Refusal(event) => self.visit_refusal(&row, event, now).await,
            Entry::Unfiled => self.visit_unfiled(&row).await,
        }
    }

    async fn visit_claim(&self, row: &IndexRow, attempt: u16, now: UnixMillis) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        let Some((claim, outcome)) = self.parts.ledger.attempt(&row.key, attempt).await? else {
            return Ok(report);
        };
        match sweep::examine(claim.expires_at, outcome.is_some(), now, self.parts.margin_ms) {
            Finding::TooEarly => {}
            Finding::Abandoned => {
                if self.parts.ledger.abandon(&claim, now).await? == Abandoned::Filed {
                    tracing::warn!(
                        payout_key = %claim.key, attempt_id = %claim.attempt_id, event_id = %claim.event,
                        "a claim without outcome was given up: a case is open"
                    );
                    report.abandoned += 1;
                }
                report.looked_up += self.look_up(&claim, Reason::AttemptAbandoned, now).await?;
            }
            Finding::Settled => {
                if outcome.is_some_and(|outcome| outcome.verdict.outcome == Outcome::Unknown) {
                    report.looked_up += self.look_up(&claim, Reason::PayoutUnknown, now).await?;
                }
            }
        }
        Ok(report)
    }

    async fn visit_refusal(&self, row: &IndexRow, event: Digest, now: UnixMillis) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        let Some(note) = self.parts.ledger.refusal(&row.key, event).await? else {
            return Ok(report);
        };
        // Another event's claim does not answer for this one: that event may be all that ever came.
        if !sweep::refusal_is_final(note.final_after, now) || self.parts.ledger.is_accounted_for(&note).await? {
            return Ok(report);
        }
        let case = Case {
            provider: Some(note.provider.clone()),
            event: Some(note.event.clone()),
            key: Some(note.key.clone()),
            money: Some(note.money),
            destination: Some(note.destination.clone()),
            since: note.refused_at,
            ..Case::new(Reason::RefusedNotRedelivered, vec![note.key.to_string(), note.event.to_string()], now)
        }
        .of_cause(&note.provider);
        if self.parts.ledger.open_case(&case).await? == Opened::New {
            tracing::warn!(payout_key = %note.key, event_id = %note.event, "a refused event never came back: a case is open");
            report.refusals += 1;
        }
        Ok(report)
    }

    /// A case that its webhook could not write. Visited again, it is the same one.
    async fn visit_unfiled(&self, row: &IndexRow) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        if let Some(case) = self.parts.ledger.noted_case(&row.key).await?
            && self.parts.ledger.open_case(&case).await? == Opened::New
        {
            tracing::warn!(case = %case.id(), reason = %case.reason, "a case that could not be written is open now");
            report.unfiled += 1;
        }
        Ok(report)
    }
}
