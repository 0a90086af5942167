//! An ending without a payout, of a case whose event has no attempt of its own: it takes the event's place in the audit table
//! (invariant endings-bind), which no tool of people's may write. No money moves, so nobody signs in afresh for it.

use payonce_ledger::{
    Acted, Agreed, Case, CaseAct, Closed, Closing, FiledCase, LedgerError, Place, Proposal, Standing, Who,
};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::closing::{CameAfterAll, was_known};
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::Why;
use payonce_protocol::sweep::refusal_is_final;
use payonce_providers::{Misfit, RouteContext, Routed};
use payonce_runtime::random;

use crate::decide::said_of;
use crate::{Answer, App, CloseCase, PayerRefusal};

/// A place is taken once, so the second look finds what was faster.
const LOOKS: u32 = 2;

/// Cases of their own that one request gives to events that share one: a few seconds' work.
const SPREAD_AT_ONCE: usize = 100;

/// What is known of the event by bytes that its provider signed; nothing of it is taken from the case.
#[derive(Default)]
struct Known {
    key: Option<PayoutKey>,
    /// Under which it could have been claimed by earlier rules.
    former: Vec<PayoutKey>,
    terms: Option<(Money, Destination)>,
}

impl App {
    pub(crate) async fn close(&self, request: &CloseCase) -> Result<Answer, PayerRefusal> {
        let id = CaseId::parse(&request.close).ok_or(PayerRefusal::NoCase)?;
        let case = self.parts.ledger.case(&id).await?.ok_or(PayerRefusal::NoCase)?;
        said_of(&case);
        let proposal = case.proposal.clone().filter(|made| !made.ending.pays());
        let proposal = proposal.filter(|_| case.status == Status::AwaitingApproval).ok_or(PayerRefusal::NotAwaited)?;
        let checker = Who { subject: request.checker.subject.clone(), name: Some(request.checker.name.clone()) };
        if proposal.by.subject == checker.subject {
            return Err(PayerRefusal::SamePerson);
        }
        if proposal.ending.denies_the_rail() && self.parts.ledger.rail_has_it(&case).await? {
            return Err(PayerRefusal::NotOffered(Why::FoundAtTheRail));
        }
        // A case of a type is about no event; see `known`.
        let binds = case.case.reason == Reason::InvalidEvent;
        if binds && let moved @ 1.. = self.parts.ledger.spread(&id, SPREAD_AT_ONCE).await? {
            return Err(PayerRefusal::Spread(moved));
        }
        let answer = self.end(&case, &proposal, &checker, request).await?;
        // One that came while the case was ended found it open.
        if binds && self.parts.ledger.stands_beside(&id).await? {
            self.parts.ledger.file_case(&case.case).await?;
        }
        Ok(answer)
    }

    async fn end(
        &self,
        case: &FiledCase,
        proposal: &Proposal,
        checker: &Who,
        request: &CloseCase,
    ) -> Result<Answer, PayerRefusal> {
        let id = case.case.id();
        let known = self.known(&case.case).await?;
        let Some(key) = case.case.key.clone().or_else(|| known.key.clone()) else {
            return self.end_bound(case, checker, &request.note, &known.former).await;
        };
        for _ in 0..LOOKS {
            let places = match self.places(&case.case, &key, &known).await {
                // What cannot be read is a claim, and claims are for ever: nothing more is to be taken.
                Err(LedgerError::Unreadable { .. }) if !case.case.reason.is_claimless() => {
                    return self.end_bound(case, checker, &request.note, &known.former).await;
                }
                places => places?,
            };
            if places.iter().any(|place| place.standing.is_some()) {
                for place in &places {
                    self.was_known(&case.case, proposal, place).await?;
                }
                return self.end_bound(case, checker, &request.note, &known.former).await;
            }
            let mut keys = places.into_iter().map(|place| place.key);
            let closing = self.closing(&case.case, proposal.ending, &known, keys.next().unwrap_or(key.clone()));
            let also: Vec<PayoutKey> = keys.collect();
            let agreed = Agreed { case, checker, note: &request.note, at: closing.closed_at };
            match self.parts.ledger.close(&closing, &also, agreed).await? {
                Closed::Done => {
                    tracing::info!(payout_key = %closing.key, case = %id, ending = %closing.ending, "a payout is closed");
                    return Ok(Answer::Closed { case: id.to_string() });
                }
                Closed::Taken => {}
                Closed::Changed => return Err(PayerRefusal::Changed),
            }
        }
        Err(PayerRefusal::Changed)
    }

    /// Where the event could be claimed, and by earlier rules could have been.
    async fn places(&self, case: &Case, key: &PayoutKey, known: &Known) -> Result<Vec<Place>, LedgerError> {
        let ledger = &self.parts.ledger;
        let mut places = ledger.places(key, case.event.as_ref()).await?;
        for former in &known.former {
            if places.iter().all(|place| place.key != *former) {
                places.push(ledger.place(former, case.event.as_ref()).await?);
            }
        }
        Ok(places)
    }

    fn closing(&self, case: &Case, ending: Ending, known: &Known, key: PayoutKey) -> Closing {
        let rail = &self.parts.rail;
        Closing {
            key,
            attempt_id: random::attempt_id(),
            case: case.id(),
            ending,
            closed_at: self.parts.clock.now(),
            event: case.event.clone(),
            provider: case.provider.clone(),
            terms: known.terms.clone(),
            rail: rail.name().to_owned(),
            rail_account: rail.account(),
            rail_mode: rail.mode(),
        }
    }

    /// The place is taken: nothing more is to be written than the ending.
    async fn end_bound(
        &self,
        case: &FiledCase,
        checker: &Who,
        note: &str,
        former: &[PayoutKey],
    ) -> Result<Answer, PayerRefusal> {
        let bound = self.parts.ledger.bound_under(case, former).await?.ok_or(PayerRefusal::Changed)?;
        let doing = CaseAct::Approve(note.to_owned(), bound);
        match self.parts.ledger.act(case, &doing, checker, self.parts.clock.now()).await? {
            Acted::Done(_) => Ok(Answer::Closed { case: case.case.id().to_string() }),
            Acted::Changed => Err(PayerRefusal::Changed),
            Acted::NotNow => Err(PayerRefusal::NotAwaited),
            Acted::Own => Err(PayerRefusal::SamePerson),
        }
    }

    /// Should the event have come after all, people end its case with that attempt before their eyes, or not at all.
    async fn was_known(&self, case: &Case, proposal: &Proposal, place: &Place) -> Result<(), PayerRefusal> {
        let Some(standing) = &place.standing else { return Ok(()) };
        let is_another = case.event.as_ref().is_some_and(|event| standing.event() != Some(event));
        if is_another || !case.reason.is_claimless() {
            return Ok(());
        }
        let payout = self.parts.ledger.payout(&place.key).await?;
        let is_accepted = payout.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref());
        let is_accepted = is_accepted.into_iter().any(|outcome| outcome.verdict.outcome == Outcome::Accepted);
        let claim = match standing {
            Standing::Claim(claim) => claim,
            // No money can leave under it.
            Standing::Bar(_) => return Ok(()),
            // Closed before. What was paid all the same, by payonce or by hand for another case, is not paid by hand again.
            Standing::Closing(closing) => {
                let by_hand = closing.ending == Ending::PaidElsewhere && closing.case != case.id();
                return match proposal.ending == Ending::PaidElsewhere && (is_accepted || by_hand) {
                    true => Err(PayerRefusal::CameAfterAll(place.key.clone(), "was paid")),
                    false => Ok(()),
                };
            }
        };
        // Paid by earlier rules, under a key that the case does not name: nobody who decided saw that.
        if is_accepted && case.key.as_ref().is_some_and(|key| !place.is_of(key)) {
            return Err(PayerRefusal::CameAfterAll(place.key.clone(), "was paid"));
        }
        let came = CameAfterAll { claimed_at: claim.claimed_at, is_accepted };
        if was_known(came, proposal.ending, proposal.at) {
            return Ok(());
        }
        Err(PayerRefusal::CameAfterAll(place.key.clone(), if is_accepted { "was paid" } else { "was claimed" }))
    }

    /// From the kept body, or else from the note that the event was refused, once its provider will not come back: until then
    /// nobody may say on the case's word alone that it is over.
    async fn known(&self, case: &Case) -> Result<Known, PayerRefusal> {
        // A type is no event: when it has a rule one day, its events are to be paid.
        if case.reason == Reason::UnroutedEvent {
            return Ok(Known::default());
        }
        let mut known = self.known_by_body(case).await?;
        if known.key.is_some() && case.key.is_some() && known.key != case.key {
            known = Known::default();
        }
        if let (None, Some(key), Some(event)) = (&known.terms, &case.key, &case.event) {
            let note = self.parts.ledger.refusal(key, Digest::of(event.as_str())).await?;
            let note = note.filter(|note| refusal_is_final(note.final_after, self.parts.clock.now()));
            known.terms = note.map(|note| (note.money, note.destination));
        }
        Ok(known)
    }

    async fn known_by_body(&self, case: &Case) -> Result<Known, PayerRefusal> {
        let (Some(provider), Some(event), Some(body)) = (&case.provider, &case.event, case.body) else {
            return Ok(Known::default());
        };
        let Some(provider) = self.parts.providers.get(provider) else { return Ok(Known::default()) };
        let Some(stored) = self.parts.ledger.body(body).await? else { return Ok(Known::default()) };
        let Some(event) = provider.kept(&stored.bytes, body, event) else { return Ok(Known::default()) };
        let (rail_mode, now) = (self.parts.rail.mode(), self.parts.clock.now());
        let context = RouteContext { rail_mode, paid_from: None, files_undated: false, now };
        let accepted = self.parts.ledger.accepted(provider.name()).await?;
        let accepted = accepted.map_or_else(Vec::new, |accepted| accepted.others(&provider.derivations(), now));
        let former = provider.former_keys(&event, &accepted);
        Ok(match provider.route_by_people(&event, &context) {
            Routed::Order(order) => {
                Known { key: Some(order.key), former, terms: Some((order.money, order.destination)) }
            }
            Routed::Misfit(Misfit { key, .. }) => Known { key, former, terms: None },
            Routed::NoPayout(_) | Routed::Unrouted { .. } | Routed::Block(_) => Known::default(),
        })
    }
}
