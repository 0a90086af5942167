//! The outage switch: whatever says the same of every payout holds payouts.

use payonce_ledger::{AttemptName, Entry, LedgerError, MinuteRows, Outcomes, StoredEnd};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::{HELD, Hold, Tally, WINDOW_MS};
use payonce_protocol::outcome::Outcome;
use payonce_protocol::sweep::MINUTE_MS;

use crate::App;
use crate::run::Run;

/// The newest attempts are enough: what is the matter with all is the matter with these.
const COUNTED_AT_MOST: usize = 20_000;
/// No worker lives longer after its delivery came: API Gateway waits half of this.
const WORKER_AT_MOST_MS: UnixMillis = 60_000;

/// Between a person's machine, the console and the sweeper.
const CLOCKS_DIFFER_MS: UnixMillis = 120_000;

impl App {
    /// Sets `refuse` when most of the last two minutes ended `Unknown` or without a word of their workers, or was not made for
    /// one cause; only a person sets it back, and what was counted before that is not counted again.
    pub(crate) async fn trip_hold(&self, now: UnixMillis) -> Result<bool, LedgerError> {
        let Some(control) = self.parts.ledger.control().await? else { return Ok(false) };
        if control.hold != Hold::Pay {
            return Ok(false);
        }
        let window = now.saturating_sub(WINDOW_MS);
        // A person whose clock is ahead must not keep the sweeper from counting.
        let since = if control.set_at <= now { control.set_at.max(window) } else { window };
        let Some(trip) = self.tally(since, now).await?.trips() else { return Ok(false) };
        self.parts.ledger.stop_payouts("sweeper", &trip.to_string(), now).await?;
        tracing::error!(why = %trip, "payouts are held");
        Ok(true)
    }

    /// Sets `refuse` when more was accepted within an hour than a person allows. What was accepted before payouts were last released
    /// is not counted: somebody looked at it.
    pub(crate) async fn trip_velocity(&self, run: &Run) -> Result<bool, LedgerError> {
        if run.too_fast(0).is_none() {
            return Ok(false);
        }
        let Some(control) = self.parts.ledger.control().await?.filter(|control| control.hold == Hold::Pay) else {
            return Ok(false);
        };
        // A person whose clock is far ahead must not keep the sweeper from counting; one who decided while this ran is to be heard.
        let is_now = control.set_at <= self.parts.clock.now().saturating_add(CLOCKS_DIFFER_MS);
        let since = if is_now { control.set_at } else { 0 };
        let Some(why) = run.too_fast(since) else { return Ok(false) };
        self.parts.ledger.stop_payouts("sweeper", &why.to_string(), run.now).await?;
        tracing::error!(%why, "payouts are held");
        Ok(true)
    }

    /// How the claims ended that were received since.
    async fn tally(&self, since: UnixMillis, now: UnixMillis) -> Result<Tally, LedgerError> {
        let mut attempts: Vec<(UnixMillis, AttemptName)> = Vec::new();
        let shards = self.parts.ledger.shards().await?;
        for minute in since / MINUTE_MS..=now / MINUTE_MS {
            let MinuteRows { rows, .. } = self.parts.ledger.minute(minute, shards).await?;
            attempts.extend(rows.into_iter().filter_map(|row| match row.entry {
                Entry::Claim(attempt) if row.received_at >= since => Some((row.received_at, (row.key, attempt))),
                _ => None,
            }));
        }
        attempts.sort_unstable_by_key(|(received_at, _)| std::cmp::Reverse(*received_at));
        attempts.truncate(COUNTED_AT_MOST);
        let newest = attempts.iter().map(|(_, attempt)| attempt.clone()).collect();
        let Outcomes { ended: outcomes, unreadable } = self.parts.ledger.outcomes(&newest, true).await?;
        let is_accepted =
            |name: &AttemptName| outcomes.get(name).is_some_and(|ended| ended.outcome == Outcome::Accepted);
        if let Some((_, accepted)) = attempts.iter().find(|(_, name)| is_accepted(name)) {
            self.remember_accepted(accepted.clone()).await;
        }
        let mut tally = Tally::default();
        // Its worker is dead, and whatever kills one worker may kill all.
        let is_over = |received_at: &UnixMillis| received_at.saturating_add(WORKER_AT_MOST_MS) <= now;
        for (received_at, name) in &attempts {
            if is_over(received_at) && !outcomes.contains_key(name) && !unreadable.contains(name) {
                tally.count(Outcome::Unknown, String::new);
            }
        }
        // Claimed while payouts were held: that says nothing of the rail.
        let was_held = |ended: &StoredEnd| ended.evidence.get(FactName::Failure) == Some(HELD);
        for ended in outcomes.into_values().filter(|ended| !was_held(ended)) {
            tally.count(ended.outcome, || cause(ended.outcome, &ended.evidence));
        }
        Ok(tally)
    }
}

/// In the words of the evidence, which are allow-listed: the rail's answer, else what became of the exchange.
fn cause(outcome: Outcome, evidence: &Facts) -> String {
    let facts =
        [FactName::HttpStatus, FactName::ErrorType, FactName::ErrorCode, FactName::RailStatus, FactName::Failure];
    let said = facts.into_iter().filter_map(|fact| evidence.get(fact));
    std::iter::once(outcome.as_str()).chain(said).collect::<Vec<_>>().join(" ")
}
