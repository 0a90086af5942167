//! The page of a payout: every attempt at it, how it stands, and its cases.

use http::StatusCode;
use payonce_protocol::case::may_read_bodies;
use payonce_protocol::fact::FactName;
use payonce_protocol::order::PayoutKey;

use crate::app::{App, Visit};
use crate::ask::Ask;
use crate::cases::show::{link, owned};
use crate::cases::standing::standing;
use crate::pages::{self, PayoutPage, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

impl App {
    pub(crate) async fn payout(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let key = ask.query.get("key").and_then(|key| PayoutKey::new(key).ok()).ok_or(Trouble::NotFound)?;
        let payout = self.parts.ledger.payout(&key).await?;
        let mut cases = self.parts.ledger.cases_of_key(key.as_str()).await?;
        cases.sort_by_key(|filed| filed.case.since);
        if payout.attempts.is_empty() && cases.is_empty() {
            return Err(Trouble::NotFound);
        }
        let claim = payout.attempts.first().map(|attempt| &attempt.claim);
        // As a delivery's body: it may name a person.
        let reads_bodies = may_read_bodies(&visit.roles);
        let may_be_read = |(name, _): &(String, String)| reads_bodies || name != FactName::RailSays.as_str();
        let attempts = payout.attempts.iter().map(|attempt| pages::AttemptView {
            number: attempt.claim.attempt,
            rail: attempt.claim.rail.clone(),
            rail_key: attempt.claim.rail_key.clone(),
            generation: attempt.claim.key_generation,
            event: attempt.claim.event.to_string(),
            claimed_at: attempt.claim.claimed_at,
            ended: attempt.outcome.as_ref().map(|outcome| (outcome.verdict.outcome, outcome.recorded_at)),
            facts: attempt.outcome.iter().flat_map(|outcome| owned(&outcome.evidence)).filter(may_be_read).collect(),
        });
        let page = PayoutPage {
            frame: self.frame(Some(visit), "Payout", Section::Queue),
            key: key.to_string(),
            money: claim.map(|claim| claim.money),
            payee: claim.map(|claim| claim.destination.to_string()),
            provider: claim.map(|claim| claim.provider.clone()),
            attempts: attempts.collect(),
            standing: standing(&payout, &cases, self.parts.clock.now()),
            cases: cases.iter().map(link).collect(),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }
}
