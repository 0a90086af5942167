//! One blocking event: a payment was given back or is disputed. Its bar is durable before the 200; where the payout was
//! claimed before, so is a case. No money moves here, so a hold does not stop it; what forbids to claim does, because where
//! claims may be missing a bar would call a payout unmade that was made.

use payonce_ledger::{Bar, Barred, Case, LedgerError, Made};
use payonce_protocol::end::End;
use payonce_protocol::event::{Answer, Refusal};
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_providers::{Block, ParsedEvent};

use crate::delivery::{Delivery, EventEnd};
use crate::gate::Ruling;

impl Delivery<'_> {
    pub(crate) async fn block(&self, event: &ParsedEvent, block: &Block, body: Digest, ruling: &Ruling) -> EventEnd {
        self.keep_body.notify_one();
        let end = match ruling.hold {
            Err(refusal) => self.not_barred(event, block, body, refusal).await,
            Ok(_) => match self.bar(event, block, body, ruling).await {
                Ok(end) => end,
                Err(error) => {
                    tracing::error!(request_id = %self.request_id, payout_key = %block.key, %error, "a bar could not be written");
                    self.not_barred(event, block, body, Refusal::ClaimUncertain).await
                }
            },
        };
        tracing::info!(
            request_id = %self.request_id, payout_key = %block.key, event_id = %event.id, outcome = end.outcome(),
            reason = end.reason(), "blocking event answered"
        );
        EventEnd { keeps_body: true, ..EventEnd::new(Some(event), Some(block.key.to_string()), end) }
    }

    /// The own key first: from then on no first attempt is claimed.
    async fn bar(&self, event: &ParsedEvent, block: &Block, body: Digest, ruling: &Ruling) -> Result<End, LedgerError> {
        let parts = &self.app.parts;
        let bar = Bar {
            key: block.key.clone(),
            event: event.id.clone(),
            provider: parts.provider.name().to_owned(),
            body,
            received_at: self.received_at,
            barred_at: parts.clock.now(),
        };
        let mut found = parts.ledger.bar(&bar).await?;
        for key in block.all_former_keys(&ruling.namespaces) {
            found.extend(parts.ledger.bar_former(&Bar { key, ..bar.clone() }).await?);
        }
        Ok(self.after_payouts(event, block, &bar, &found).await)
    }

    /// A case for each payout of the payment. One that cannot be written asks for the event again.
    async fn after_payouts(&self, event: &ParsedEvent, block: &Block, bar: &Bar, found: &Barred) -> End {
        let mut end = End::Barred;
        for made in found {
            let case = self.after_payout(event, block, bar, made);
            let filed =
                self.file(case, "the payment was given back or is disputed, and its payout had been made").await;
            if !matches!(end, End::NotFiled) {
                end = filed;
            }
        }
        end
    }

    /// With all that is known of the payout. One for each refund or dispute, where its events name it, or else for each event: two
    /// refunds in part are two sums to settle.
    fn after_payout(&self, event: &ParsedEvent, block: &Block, bar: &Bar, made: &Made) -> Case {
        let reason = Reason::BlockedAfterPayout;
        let unclaimed = |key: &PayoutKey| Case { key: Some(key.clone()), ..self.case(event, reason, bar.body) };
        let mut case = match made {
            Made::Claimed(claim) => Case::of_claim(reason, claim, self.received_at),
            Made::ByHand(closing) => {
                let (money, destination) = closing.terms.clone().unzip();
                Case { event: closing.event.clone(), money, destination, ..unclaimed(&closing.key) }
            }
            Made::Unreadable => unclaimed(&bar.key),
        };
        let key = case.key.as_ref().unwrap_or(&bar.key);
        let about = block.subject.clone().unwrap_or_else(|| event.id.to_string());
        case.subject = vec![key.to_string(), about];
        case.since = self.received_at;
        if let Made::ByHand(closing) = made {
            case.say(FactName::PaidByHand, &closing.case);
        }
        case.say(FactName::BlockedBy, &event.id);
        case.say(FactName::BlockedByType, &event.event_type);
        case.say(FactName::BlockedByBody, bar.body);
        case.of_cause(&bar.provider)
    }

    /// A 503 that is noted as a case: should the provider not come back, nobody else would say that the payment was given back.
    async fn not_barred(&self, event: &ParsedEvent, block: &Block, body: Digest, refusal: Refusal) -> End {
        let key: &PayoutKey = &block.key;
        let mut case = self.case(event, Reason::RefusedNotRedelivered, body);
        case.subject = vec![key.to_string(), event.id.to_string()];
        case.key = Some(key.clone());
        let problem = "a blocking event was refused: see whether it came again, and bars its payout";
        case.say(FactName::Problem, problem);
        self.noted("a blocking event", || self.app.parts.ledger.note_case(&case)).await;
        End::Order(Answer::Refused(refusal))
    }
}
