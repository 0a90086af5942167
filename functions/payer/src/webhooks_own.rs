//! The webhook's own payout, made late by two people: attempt 1 under the event's own key, so that whoever is first, a delivery of
//! the event or these two, is the only one. Its event rightly asks for it, and either a limit of ours alone refused it (too much
//! for one payout, or too old), which they lift for just this sum and payee; or it never reached us, and the provider's own list
//! has it: then every rule holds for it as for a delivery that comes now.

use payonce_ledger::{FiledCase, Proposal};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::Facts;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_providers::ParsedEvent;

use crate::decide::{Books, Delivered, FIRST, ProposedPayout};
use crate::filed::FiledOrder;
use crate::{App, PayerRefusal};

impl App {
    pub(crate) async fn webhooks_own(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        facts: &mut Facts,
    ) -> Result<ProposedPayout, PayerRefusal> {
        let filed = &case.case;
        if !proposal.ending.is_offered(filed.reason, None) {
            return Err(PayerRefusal::NotAwaited);
        }
        let said = FiledOrder::of(filed)?;
        // Closed as not to be paid, and wrongly so: the closing stays in the first place.
        if let Some((_, payout)) = self.parts.ledger.payout_of(filed).await?
            && let Some(closing) = payout.closed.clone().filter(|_| payout.is_closed_for(filed))
        {
            return self.after_closing(case, proposal, &closing, facts).await;
        }
        let books_from = self.is_open(&said.provider, self.parts.clock.now()).await?;
        // It was never claimed: whether it may have been by books or rules before these, only its own time can say.
        let from = books_from.max(self.rules_from(&said.provider).await?);
        let books = Books { from, files_undated: books_from.is_some() };
        let (order, event) =
            self.webhooks_order(proposal.ending, filed.reason, &said.provider, said.body, &said.event, books).await?;
        said.must_be(&order)?;
        self.not_barred(&order).await?;
        if self.parts.ledger.standing(&order.key, FIRST).await?.is_some() {
            return Err(PayerRefusal::Claimed);
        }
        self.not_claimed_formerly(&order).await?;
        self.check_account(facts).await?;
        let delivered = Delivered { provider: said.provider, body: said.body };
        self.never_sent(case, proposal, (order, event), delivered, FIRST, facts).await
    }

    /// The order by the rules as they are; where a limit is lifted, its age aside, and aside from the limit where the case is about
    /// that. What is from before a rule's cutover stays unpaid: whoever paid before payonce may have paid it.
    pub(crate) async fn webhooks_order(
        &self,
        ending: Ending,
        reason: Reason,
        provider: &str,
        body: Digest,
        event: &EventId,
        books: Books,
    ) -> Result<(PayoutOrder, ParsedEvent), PayerRefusal> {
        let (provider, event) = self.kept(provider, body, event).await?;
        let lifts = ending == Ending::LiftLimit;
        let now = if lifts { 0 } else { self.parts.clock.now() };
        let routed = provider.route(&event, &self.context(books, now));
        self.ordered(provider, event, routed, lifts && reason == Reason::InvalidEvent).await
    }
}
