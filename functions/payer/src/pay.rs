//! The attempt that two people decided: what the driver ([`payonce_attempt`]) does otherwise for people than for a webhook.
//! The claim stands or falls with their case.

use payonce_attempt::{Attempt, Intent, Occasion, Parts};
use payonce_ledger::{Case, Claim, ClaimConnection, FiledCase, FurtherDecision, powers};
use payonce_protocol::UnixMillis;
use payonce_protocol::end::End;
use payonce_protocol::event::{self, ClaimAnswer, Patience};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::Hold;
use payonce_protocol::order::{PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_runtime::metrics::Named;

use crate::decide::ProposedPayout;
use crate::tokens::People;
use crate::{Answer, App, PayerRefusal};

/// A case that two people decided just so.
struct Approved<'a> {
    app: &'a App,
    case: &'a FiledCase,
    people: People,
    facts: Facts,
    base: PayoutKey,
    after_closing: bool,
}

impl App {
    pub(crate) async fn pay(
        &self,
        case: FiledCase,
        decided: ProposedPayout,
        people: People,
        request_id: &str,
        deadline: UnixMillis,
    ) -> Result<Answer, PayerRefusal> {
        let ProposedPayout {
            approval, order, base, prepared, provider, body, replay_is_expected, after_closing, ..
        } = decided;
        let (key, attempt) = (order.key.clone(), approval.attempt);
        let mut facts = decided.facts;
        facts.add_all(people.tokens.clone());
        facts.add(FactName::PayoutKey, &key);
        facts.add(FactName::Attempt, attempt);
        facts.add(FactName::RailKey, prepared.rail_key());
        let mut metrics = self.parts.metrics.payout(&provider, request_id);
        let intent = Intent {
            // What stands under its former keys was looked at before people decided.
            order: PayoutOrder { former_keys: vec![], ..order },
            attempt,
            prepared,
            provider,
            body,
            // Now, and not the webhook's: the sweeper looks for a claim under the minute of this.
            received_at: self.parts.clock.now(),
            request_id: request_id.to_owned(),
            trace_id: None,
            hold: Ok(Hold::Pay),
            deadline,
            answer_by: None,
            replay_is_expected,
        };
        let parts = &self.parts;
        let with = Parts { ledger: &parts.ledger, rail: &parts.rail, clock: &parts.clock, limits: &parts.limits };
        let occasion = Approved { app: self, case: &case, people, facts, base, after_closing };
        let ended = Attempt::new(with, occasion, intent).run().await;
        let named = Named { event: None, payout_key: Some(key.as_str()), attempt_id: Some(ended.attempt_id) };
        metrics.ended(named, attempt, &ended.steps, End::Order(ended.answer));
        let outcome = match ended.answer {
            event::Answer::Done(verdict, _) => verdict.outcome,
            event::Answer::Refused(event::Refusal::ClaimUncertain) => return Err(self.what_changed(&case).await),
            event::Answer::Refused(refusal) => return Err(PayerRefusal::NotBegun(refusal)),
            event::Answer::Duplicate | event::Answer::Filed(_) | event::Answer::Impossible => {
                return Err(PayerRefusal::Claimed);
            }
        };
        Ok(Answer::Attempted { payout_key: key.to_string(), attempt, outcome })
    }

    /// Why the claim was not written, as far as a fresh look tells.
    async fn what_changed(&self, seen: &FiledCase) -> PayerRefusal {
        match self.parts.ledger.case(&seen.case.id()).await {
            Ok(Some(now)) if (now.version, now.revision) != (seen.version, seen.revision) => PayerRefusal::Changed,
            _ => PayerRefusal::NotBegun(event::Refusal::ClaimUncertain),
        }
    }
}

impl Occasion for Approved<'_> {
    const ENDED: &'static str = "a further attempt ended";

    type Powers = powers::Payer;

    /// A person is waiting, and the case stays open.
    fn patience(&self, _: UnixMillis) -> Patience {
        Patience::Lasts
    }

    async fn put_claim(&self, connection: Option<ClaimConnection>, claim: &Claim) -> ClaimAnswer {
        let decision = FurtherDecision {
            case: self.case,
            checker: &self.people.checker,
            facts: &self.facts,
            unless_barred: &self.base,
            after_closing: self.after_closing,
            at: claim.claimed_at,
        };
        self.app.parts.ledger.put_further_claim(connection, claim, decision).await
    }

    /// Nothing is forgotten: the case stays open.
    async fn note_refusal(&self, _: &Intent) {}

    async fn case_of_event(&self, _: Reason, _: &Claim) -> Option<Case> {
        None
    }

    /// It was kept when the event came, or payer would not have found the order.
    fn body_is_evidence(&self) {}
}
