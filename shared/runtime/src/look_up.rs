//! Asking the rail whether it has a payout. What is not found counts as absent only when the same secret and the same kind
//! of search have just found another payout, which is known to be accepted and was claimed when the one that is looked for
//! must have been executed, had it arrived ([`sight_from`]). That catches a key of another account, a key that may not see,
//! and a list that lags. Anything else is a blind look-up: it says why, and nothing may rest on it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use payonce_ledger::{Claim, FoundPayout, Ledger, Payout, Seen, powers};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reissue::sight_from;
use payonce_rails::{AccountCheck, LookUpFailure, Purpose, Rail, RailPayout, Refreshed};
use tokio::time::Instant;

/// A search that saw this long ago still shows that the next one does.
const SHOWN_FOR_MS: u64 = 60_000;
const ACCOUNT_WITHIN: Duration = Duration::from_secs(2);

/// What the searches of this process have shown lately, so that many look-ups in a row need one proof.
#[derive(Debug, Default)]
pub struct Eyes(Mutex<Option<Shown>>);

#[derive(Clone, Debug)]
struct Shown {
    at: UnixMillis,
    /// When the payout was claimed that was found.
    claimed_at: UnixMillis,
    sight: String,
}

impl Eyes {
    fn recent(&self, since: UnixMillis, now: UnixMillis) -> Option<String> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_ref()?;
        (shown.claimed_at >= since && now.abs_diff(shown.at) <= SHOWN_FOR_MS).then(|| shown.sight.clone())
    }

    fn note(&self, shown: Option<Shown>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}

/// Reads the rail's secrets again when one was answered 401, and says what came of it.
pub async fn refresh(rail: &Rail, now: UnixMillis) -> bool {
    match rail.refresh(now).await {
        Refreshed::Untouched => false,
        Refreshed::Same => {
            tracing::warn!("the rail answered 401, and its secrets are the same as before");
            false
        }
        Refreshed::Changed => {
            tracing::info!("the rail's secrets have changed");
            true
        }
        Refreshed::Refused(why) => {
            tracing::error!(%why, "the rail's new secret may not be used here; the old one stays");
            false
        }
    }
}

/// Asks for a payout with everything that was claimed for it. An error: the rail did not answer, and nothing is known.
pub async fn look_up(
    ledger: &Ledger<impl powers::Reads + powers::QueriesAudit>,
    rail: &Rail,
    eyes: &Eyes,
    payout: &Payout,
    now: UnixMillis,
    within: Duration,
) -> Result<Seen, LookUpFailure> {
    let (Some(first), Some(last)) = (payout.attempts.first(), payout.attempts.last()) else {
        return Ok(blind("nothing was ever claimed"));
    };
    let (first, last) = (&first.claim, &last.claim);
    if !is_of(rail, last) {
        return Ok(blind("it was claimed for another rail, account or mode than is asked now"));
    }
    if refresh(rail, now).await {
        eyes.note(None);
    }
    let deadline = Instant::now() + within;
    match rail.check_account(Purpose::LookUp, ACCOUNT_WITHIN.min(within / 3)).await {
        AccountCheck::Same => {}
        AccountCheck::Other(other) => {
            tracing::error!(configured = %rail.account(), %other, "the look-up secret is of another account");
            return Ok(blind(&format!("the look-up secret is of account {other}, not of {}", rail.account())));
        }
        AccountCheck::Unchecked(why) => tracing::info!(%why, "the look-up secret's account is unchecked"),
    }
    let since = sight_from(last.expires_at, rail.promises().settle_ms);
    // Sight first: what is looked for afterwards is looked for by a search that sees at least as much.
    let left = || deadline.saturating_duration_since(Instant::now());
    let sight = match eyes.recent(since, now) {
        Some(sight) => Ok(sight),
        None if now < since => Err(format!("the rail may still execute it until {}", in_words(since))),
        None => show(ledger, rail, since, left() / 2).await.map(|(claimed_at, sight)| {
            eyes.note(Some(Shown { at: now, claimed_at, sight: sight.clone() }));
            sight
        }),
    };
    let wanted = rail.wanted(&last.key, &last.destination, first.claimed_at..last.expires_at);
    let found = rail.find(&wanted, left()).await?;
    if !found.is_empty() {
        return Ok(Seen::Found(found.into_iter().map(kept).collect()));
    }
    Ok(match sight {
        Ok(sight) => Seen::Absent { sight },
        Err(why) => blind(&why),
    })
}

/// Finds the oldest known payout that was claimed since: when it was claimed, and the proof. Or why nothing is shown.
async fn show(
    ledger: &Ledger<impl powers::Reads + powers::QueriesAudit>,
    rail: &Rail,
    since: UnixMillis,
    within: Duration,
) -> Result<(UnixMillis, String), String> {
    let samples = ledger.accepted_samples().await.map_err(|_| "the list of accepted payouts cannot be read")?;
    for sample in samples.iter().filter(|sample| sample.claimed_at >= since) {
        // The list of samples is a hint: the audit table says what was accepted.
        let read = ledger.attempt(&sample.key, sample.attempt).await;
        let Some((claim, Some(outcome))) = read.map_err(|_| "the audit table cannot be read")? else { continue };
        let id = outcome.evidence.get(FactName::RailPayout);
        let (true, Some(id)) = (outcome.verdict.outcome == Outcome::Accepted, id) else { continue };
        if claim.claimed_at < since || !is_of(rail, &claim) {
            continue;
        }
        let wanted = rail.wanted(&claim.key, &claim.destination, claim.claimed_at..claim.expires_at);
        let found = rail.find(&wanted, within).await;
        let found = found.map_err(|failure| format!("the search for an accepted payout did not succeed: {failure}"))?;
        let accepted_at = in_words(outcome.recorded_at);
        return if found.iter().any(|payout| payout.id == id) {
            Ok((claim.claimed_at, format!("the same search finds {id}, which was accepted at {accepted_at}")))
        } else {
            Err(format!("the search does not find {id}, which was accepted at {accepted_at}"))
        };
    }
    Err(format!("no payout is known to be accepted since {}", in_words(since)))
}

fn is_of(rail: &Rail, claim: &Claim) -> bool {
    (claim.rail.as_str(), &claim.rail_account, claim.rail_mode) == (rail.name(), &rail.account(), rail.mode())
}

fn blind(why: &str) -> Seen {
    Seen::Blind { why: why.to_owned() }
}

fn in_words(at: UnixMillis) -> String {
    let at = i64::try_from(at / 1000).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// As it is recorded.
pub fn kept(payout: RailPayout) -> FoundPayout {
    FoundPayout {
        id: payout.id,
        amount: payout.amount,
        exponent: payout.exponent,
        currency: payout.currency,
        destination: payout.destination,
        created_at: payout.created_at,
        returned: payout.returned,
    }
}
