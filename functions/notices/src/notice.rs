//! The events themselves. They name no person and no payee: whoever may read the bus need not be one who may read the tables.

use jiff::Timestamp;
use payonce_ledger::{Attempted, FiledCase};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Status;
use payonce_protocol::fact::FactName;
use payonce_protocol::money::Money;
use serde_json::{Value, json};

/// Of `detail.schema`. A field may come to be; one that is renamed, or means something else, takes another number.
pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub detail_type: &'static str,
    /// When it happened.
    pub at: UnixMillis,
    pub detail: Value,
}

impl Notice {
    /// `None`: the attempt has not ended.
    pub fn of_attempt(attempted: &Attempted, now: UnixMillis) -> Option<Self> {
        let Attempted { claim, outcome, late } = attempted;
        let outcome = outcome.as_ref()?;
        // What its worker said in the end is more than that nobody heard of it.
        let last = late.as_ref().unwrap_or(outcome);
        Some(Self {
            detail_type: "Payout Attempt Ended",
            at: last.recorded_at,
            detail: json!({
                "schema": SCHEMA,
                "read_at": moment(now),
                "payout_key": claim.key.as_str(),
                "attempt": claim.attempt,
                "outcome": last.verdict.outcome.as_str(),
                "given_up": outcome.by_sweeper,
                "money": money(&claim.money),
                "provider": claim.provider,
                "event": claim.event.as_str(),
                "rail": claim.rail,
                "rail_payout": last.evidence.get(FactName::RailPayout),
                "claimed_at": moment(claim.claimed_at),
                "recorded_at": moment(last.recorded_at),
            }),
        })
    }

    pub fn of_case(filed: &FiledCase, now: UnixMillis) -> Self {
        let FiledCase { case, status, version, proposal, resolution, .. } = filed;
        let is_resolved = *status == Status::Resolved;
        let ended = resolution.as_ref().filter(|_| is_resolved);
        Self {
            detail_type: if is_resolved { "Case Resolved" } else { "Case Reopened" },
            at: ended.map_or(now, |resolution| resolution.at),
            detail: json!({
                "schema": SCHEMA,
                "read_at": moment(now),
                "case": case.id().to_string(),
                "version": version,
                "reason": case.reason.as_str(),
                "status": status.as_str(),
                "ending": proposal.as_ref().filter(|_| is_resolved).map(|proposal| proposal.ending.as_str()),
                "payout_key": case.key.as_ref().map(|key| key.as_str()),
                "attempt": case.attempt,
                "further_attempt": ended.and_then(|resolution| resolution.attempt),
                "money": case.money.as_ref().map(money),
                "opened_at": moment(case.opened_at),
                "resolved_at": ended.map(|resolution| moment(resolution.at)),
            }),
        }
    }
}

fn money(money: &Money) -> Value {
    json!({ "minor": money.minor(), "exponent": money.exponent(), "currency": money.currency().as_str() })
}

/// RFC 3339.
fn moment(at: UnixMillis) -> Option<String> {
    Some(Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?.to_string())
}
