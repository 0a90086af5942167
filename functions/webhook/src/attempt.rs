//! The first attempt at a payout, for one order of a delivery: what the driver ([`payonce_attempt`]) does otherwise for a
//! webhook than for people.

use payonce_attempt::{Attempt, Intent, Occasion, Parts};
use payonce_ledger::{Case, Claim, ClaimConnection, RefusalNote, Standing, powers};
use payonce_protocol::UnixMillis;
use payonce_protocol::end::End;
use payonce_protocol::event::{Answer, ClaimAnswer, Patience};
use payonce_protocol::ids::Digest;
use payonce_protocol::order::PayoutOrder;
use payonce_protocol::outcome::Reason;
use payonce_providers::ParsedEvent;
use payonce_rails::Prepared;
use payonce_runtime::look_up::refresh;

use crate::app;
use crate::delivery::{Delivery, EventEnd};
use crate::gate::Ruling;

/// The first attempt at a payout is the webhook's; later ones need two people.
const FIRST_ATTEMPT: u16 = 1;

/// One event of a delivery.
struct Delivered<'a> {
    delivery: &'a Delivery<'a>,
    event: &'a ParsedEvent,
}

impl Delivery<'_> {
    pub(crate) async fn attempt(
        &self,
        event: &ParsedEvent,
        order: PayoutOrder,
        prepared: Prepared,
        body: Digest,
        ruling: &Ruling,
    ) -> EventEnd {
        let parts = &self.app.parts;
        // Nothing, unless the rail turned the secret away before. The time that it takes is missing at the gate.
        refresh(&parts.rail, parts.clock.now()).await;
        let payout_key = order.key.to_string();
        let intent = Intent {
            order,
            attempt: FIRST_ATTEMPT,
            prepared,
            provider: parts.provider.name().to_owned(),
            body,
            received_at: self.received_at,
            request_id: self.request_id.clone(),
            trace_id: self.trace_id.clone(),
            hold: ruling.hold,
            deadline: self.deadline,
            answer_by: parts.provider.answer_within_ms().map(|within| self.received_at.saturating_add(within)),
            replay_is_expected: false,
        };
        let with = Parts { ledger: &parts.ledger, rail: &parts.rail, clock: &parts.clock, limits: &parts.limits };
        let ended = Attempt::new(with, Delivered { delivery: self, event }, intent).run().await;
        EventEnd {
            attempt_id: Some(ended.attempt_id),
            steps: ended.steps,
            keeps_body: matches!(ended.answer, Answer::Done(..) | Answer::Filed(_)),
            ..EventEnd::new(Some(event), Some(payout_key), End::Order(ended.answer))
        }
    }
}

impl Delivered<'_> {
    fn parts(&self) -> &app::Parts {
        &self.delivery.app.parts
    }

    /// As far as it can be believed: an event without a time, or from the future, counts as made now.
    fn created_at(&self, now: UnixMillis) -> UnixMillis {
        self.event.created_at.map_or(now, |created_at| created_at.min(now))
    }
}

impl Occasion for Delivered<'_> {
    const ENDED: &'static str = "event answered";

    type Powers = powers::Webhook;

    /// Refusing has an end: past it the provider may not come back, and the event is claimed and filed instead.
    fn patience(&self, now: UnixMillis) -> Patience {
        let age = now.saturating_sub(self.created_at(now));
        let refuse_for = self.parts().provider.patience().refuse_for_ms;
        if age >= refuse_for { Patience::Over } else { Patience::Lasts }
    }

    async fn put_claim(&self, connection: Option<ClaimConnection>, claim: &Claim) -> ClaimAnswer {
        self.parts().ledger.put_claim_on(connection, claim).await
    }

    /// Once for each event of a key: the sweeper opens a case should the provider never come back. Final within the
    /// provider's own time from now, whatever time the event claims.
    async fn note_refusal(&self, intent: &Intent) {
        let parts = self.parts();
        let (patience, now) = (parts.provider.patience(), parts.clock.now());
        let patience_ends = self.created_at(now).saturating_add(patience.refuse_for_ms);
        let order = &intent.order;
        let note = RefusalNote {
            key: order.key.clone(),
            event: order.event.clone(),
            provider: intent.provider.clone(),
            money: order.money,
            destination: order.destination.clone(),
            refused_at: now,
            final_after: patience_ends.max(now).saturating_add(patience.longest_gap_ms),
        };
        // This version may be taken back, and the event paid under a key that the accepted rules derive.
        for former in &order.former_keys {
            let alias = || parts.ledger.add_alias(&order.event, &order.key, former);
            self.delivery.noted("another key of its event", alias).await;
        }
        self.delivery.noted("a refusal", || parts.ledger.note_refusal(&note)).await;
    }

    async fn case_of_event(&self, reason: Reason, claim: &Claim) -> Option<Case> {
        let parts = self.parts();
        let mut subject = vec![claim.key.to_string(), claim.event.to_string()];
        if reason == Reason::ConflictingDuplicate {
            subject.push(claim.facts().terms.to_string());
        }
        let case = Case { subject, ..Case::of_claim(reason, claim, parts.clock.now()) }.of_cause(&claim.provider);
        if reason != Reason::ConflictingDuplicate {
            return Some(case);
        }
        // For the figures alone: unread, the whole sum counts.
        match parts.ledger.standing(&claim.key, claim.attempt).await {
            Ok(Some(Standing::Claim(first))) => Some(case.differing_from(&first)),
            _ => Some(case),
        }
    }

    fn body_is_evidence(&self) {
        self.delivery.keep_body.notify_one();
    }
}
