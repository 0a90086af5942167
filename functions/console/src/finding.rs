//! What is known about the payout of a case, as a short hash in each form: who proposes or approves an ending decides on what
//! they saw, and what was found out meanwhile moves no version.

use payonce_ledger::{FiledCase, Payout, Seen};
use payonce_protocol::ids::Hasher;

use crate::app::App;
use crate::pages::Stand;
use crate::trouble::Trouble;

const CHARS: usize = 12;

/// Outcomes, what stands in the payout's place, and what the rail's books were last seen to say. That it was asked once more,
/// or blindly, changes nothing.
pub(crate) fn finding(filed: &FiledCase, payout: &Payout) -> String {
    let mut hasher = Hasher::new("payonce/finding/1");
    for attempt in &payout.attempts {
        let outcome = attempt.outcome.as_ref().map_or("", |outcome| outcome.verdict.outcome.as_str());
        let late = attempt.late.as_ref().map_or("", |late| late.verdict.outcome.as_str());
        hasher = hasher.part(attempt.claim.attempt.to_be_bytes()).part(outcome).part(late);
    }
    let closed = payout.closed.as_ref().map(|closed| closed.case.to_string()).unwrap_or_default();
    hasher = hasher.part("closed").part(closed).part(if payout.barred.is_some() { "barred" } else { "" });
    let said = payout.look_ups.iter().rev().find(|look_up| !matches!(look_up.seen, Seen::Blind { .. }));
    if let Some(look_up) = said {
        hasher = hasher.part(look_up.seen.word());
        if let Seen::Found(found) = &look_up.seen {
            for one in found {
                let returned = if one.returned { "returned" } else { "" };
                hasher = hasher.part(&one.id).part(one.amount.to_string()).part(&one.currency).part(returned);
            }
        }
    }
    for name in ["looked_up", "found_amount", "found_currency", "found_destination"] {
        hasher = hasher.part(filed.evidence.get(name).map_or("", |said| if said == "blind" { "" } else { said }));
    }
    hasher.finish().to_string().chars().take(CHARS).collect()
}

impl App {
    pub(crate) async fn finding_of(&self, filed: &FiledCase) -> Result<String, Trouble> {
        let payout = match &filed.case.key {
            Some(key) => self.parts.ledger.payout(key).await?,
            None => Payout::default(),
        };
        Ok(finding(filed, &payout))
    }

    /// For the forms of a page that is made now.
    pub(crate) fn stand(&self, filed: &FiledCase, payout: &Payout) -> Stand {
        Stand { version: filed.version, at: self.parts.clock.now(), finding: finding(filed, payout) }
    }
}
