//! A payout that its event rightly asks for and that a limit of ours alone refused: too much for one payout, or too old. Two
//! people lift the limit for just this sum and payee. It is the webhook's own payout, made late: attempt 1 under the event's
//! own key, so that whoever is first, the event's redelivery or these two, is the only one.

use std::collections::BTreeMap;

use payonce_ledger::{FiledCase, Proposal};
use payonce_protocol::case::Ending;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_protocol::reissue::Why;
use payonce_providers::{Misfit, ParsedEvent, RouteContext, Routed};

use crate::decide::{ASK_WITHIN, Books, Decided, FIRST};
use crate::{App, Refusal};

impl App {
    pub(crate) async fn over_limit(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        facts: &mut BTreeMap<String, String>,
    ) -> Result<Decided, Refusal> {
        let filed = &case.case;
        if !Ending::LiftLimit.is_offered(filed.reason, None) {
            return Err(Refusal::NotAwaited);
        }
        let key = filed.key.clone().ok_or(Refusal::NoOrder("a payout key"))?;
        let event_id = filed.event.clone().ok_or(Refusal::NoOrder("an event"))?;
        let provider = filed.provider.clone().ok_or(Refusal::NoOrder("a provider"))?;
        let body = filed.body.ok_or(Refusal::NoBody)?;
        // Closed as not to be paid, and wrongly so: the closing stays in the first place.
        if let Some((_, payout)) = self.parts.ledger.payout_of(filed).await?
            && let Some(closing) = payout.closed.clone().filter(|_| payout.is_closed_for(filed))
        {
            return self.after_closing(case, proposal, &closing, facts).await;
        }
        let books_from = self.is_open(&provider, self.parts.clock.now()).await?;
        // It was never claimed: whether it may have been by books or rules before these, only its own time can say.
        let from = books_from.max(self.rules_from(&provider).await?);
        let books = Books { from, files_undated: books_from.is_some() };
        let (order, event) = self.lifted(filed.reason, &provider, body, &event_id, books).await?;
        let terms = (filed.money, filed.destination.clone());
        if order.key != key || terms != (Some(order.money), Some(order.destination.clone())) {
            return Err(Refusal::OtherOrder);
        }
        self.not_barred(&order).await?;
        if self.parts.ledger.standing(&order.key, FIRST).await?.is_some() {
            return Err(Refusal::Claimed);
        }
        self.not_claimed_formerly(&order).await?;
        self.check_account(facts).await?;
        // Nothing was sent under this key, so there is nothing to find; what is found all the same was paid.
        let rail = &self.parts.rail;
        let wanted = rail.wanted(&order.key, &order.destination, filed.since..self.parts.clock.now());
        if rail.find(&wanted, ASK_WITHIN).await.is_ok_and(|found| !found.is_empty()) {
            facts.insert("looked_up".to_owned(), "found".to_owned());
            return Err(Refusal::NotOffered(Why::FoundAtTheRail));
        }
        let prepared = rail.prepare(&order, 1).map_err(Refusal::Misfit)?;
        self.ask_source(&provider, &event, facts).await?;
        Ok(Decided { provider, body, ..self.decided(case, proposal, order, prepared, 1, FIRST)? })
    }

    /// The order by the rules as they are, its age aside, and aside from the limit where the case is about that. What is from
    /// before a rule's cutover stays unpaid: whoever paid before payonce may have paid it.
    pub(crate) async fn lifted(
        &self,
        reason: Reason,
        provider: &str,
        body: Digest,
        event: &EventId,
        books: Books,
    ) -> Result<(PayoutOrder, ParsedEvent), Refusal> {
        let (provider, event) = self.kept(provider, body, event).await?;
        let Books { from: paid_from, files_undated } = books;
        let context = RouteContext { rail_mode: self.parts.rail.mode(), paid_from, files_undated, now: 0 };
        let order = match provider.route(&event, &context) {
            Routed::Order(order) => order,
            Routed::Misfit(Misfit { lifted: Some(order), .. }) if reason == Reason::InvalidEvent => *order,
            Routed::Misfit(Misfit { reason: Reason::BeforeCutover, .. }) => return Err(Refusal::BeforeBooks),
            _ => return Err(Refusal::OtherOrder),
        };
        Ok((self.with_former_keys(provider, order, &event).await?, event))
    }
}
