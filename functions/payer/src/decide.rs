//! What may be paid for a case, and under which rail key: from the audit table, the kept body, and what the rail and the
//! provider say now.

use std::time::Duration;

use payonce_ledger::{Closing, FiledCase, LookUpRecord, PAYER, Payout, Proposal, Seen};
use payonce_protocol::UnixMillis;
use payonce_protocol::approval::Approval;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::event;
use payonce_protocol::fact::{FactName, Facts, LookUpSays, SourceSays};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{CaseId, Digest, KeyGeneration};
use payonce_protocol::order::{EventId, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, Reissue, Why, offer};
use payonce_protocol::release::{Standing, ruling};
use payonce_providers::{Misfit, ParsedEvent, Provider, RouteContext, Routed};
use payonce_rails::{AccountCheck, LookUpFailure, Prepared, Purpose};
use payonce_runtime::look_up::{Eyes, kept, look_up, refresh};

use crate::filed::FiledOrder;
use crate::{App, PayerRefusal};

/// Each of the questions before a payout.
pub(crate) const ASK_WITHIN: Duration = Duration::from_secs(4);
const ACCOUNT_WITHIN: Duration = Duration::from_secs(2);
/// The attempt of a webhook, or what people closed in its place.
pub(crate) const FIRST: u16 = 1;

/// For every line from now on.
pub(crate) fn said_of(case: &FiledCase) {
    if let Some(key) = &case.case.key {
        tracing::Span::current().record("payout_key", key.as_str());
    }
}

/// Since when no claim can be missing.
#[derive(Clone, Copy)]
pub(crate) struct Books {
    pub(crate) from: Option<UnixMillis>,
    /// An event without a signed time may be from before.
    pub(crate) files_undated: bool,
}

/// Which limits an order keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Those of its rule.
    Apply,
    /// An attempt was claimed with just these terms, so they were within the limit, or people had lifted it.
    BeforeClaim,
}

/// In which delivery the order's event came.
pub(crate) struct Delivered {
    pub(crate) provider: String,
    pub(crate) body: Digest,
}

/// A payout that may be made now, if two people approved just this.
pub(crate) struct ProposedPayout {
    pub(crate) proposal: Proposal,
    pub(crate) approval: Approval,
    pub(crate) order: PayoutOrder,
    /// As the rule derives it: an order of its own has another.
    pub(crate) base: PayoutKey,
    pub(crate) prepared: Prepared,
    pub(crate) provider: String,
    pub(crate) body: Digest,
    /// Nothing was begun for it under its rail key before: it may be a line of a list.
    pub(crate) is_surely_unpaid: bool,
    /// An earlier request under the same rail key may have paid: then the rail answers with that one's result.
    pub(crate) replay_is_expected: bool,
    /// People had closed the payout before anything was attempted.
    pub(crate) after_closing: bool,
    /// What was found out on the way, for the history.
    pub(crate) facts: Facts,
}

impl App {
    pub(crate) async fn awaited(&self, id: &str) -> Result<FiledCase, PayerRefusal> {
        let id = CaseId::parse(id).ok_or(PayerRefusal::NoCase)?;
        let case = self.parts.ledger.case(&id).await?.ok_or(PayerRefusal::NoCase)?;
        said_of(&case);
        if case.status != Status::AwaitingApproval || case.proposal.as_ref().is_none_or(|made| !made.ending.pays()) {
            return Err(PayerRefusal::NotAwaited);
        }
        Ok(case)
    }

    pub(crate) async fn decide(&self, case: &FiledCase) -> Result<ProposedPayout, PayerRefusal> {
        let proposal = case.proposal.clone().ok_or(PayerRefusal::NotAwaited)?;
        let mut facts = Facts::default();
        let decided = match proposal.ending {
            Ending::Reissue => self.further_attempt(case, proposal, &mut facts).await,
            Ending::OwnOrder => self.own_order(case, proposal, &mut facts).await,
            Ending::LiftLimit | Ending::Replay => self.webhooks_own(case, proposal, &mut facts).await,
            _ => Err(PayerRefusal::NotAwaited),
        };
        if decided.is_err() && !facts.is_empty() {
            // What was found out stays with the case, whoever asks next.
            self.parts.ledger.add_evidence(&case.case.id(), PAYER, &facts, self.parts.clock.now()).await?;
        }
        Ok(ProposedPayout { facts, ..decided? })
    }

    /// What stops webhooks stops people. Since when the books are whole: an attempt from before may have been followed by
    /// another whose claim is missing.
    pub(crate) async fn is_open(
        &self,
        provider: &str,
        claimed_at: UnixMillis,
    ) -> Result<Option<UnixMillis>, PayerRefusal> {
        let ledger = &self.parts.ledger;
        let own = self.parts.providers.get(provider).ok_or(PayerRefusal::OtherOrder)?.key_rules();
        let tables = ledger.table_ids().await?;
        // The hold before the rules, as the webhook does.
        let control = ledger.control().await?;
        let accepted = ledger.accepted(provider).await?.map(|accepted| accepted.fingerprint);
        let hold = control.as_ref().map(|control| (control.hold, control.released_for.as_ref()));
        match ruling(Standing { hold, accepted, own, tables: Some(&tables) }) {
            Ok(Hold::Pay) => {}
            Ok(_) => return Err(PayerRefusal::Held),
            Err(event::Refusal::RulesNotAccepted) => return Err(PayerRefusal::KeyRules),
            Err(_) => return Err(PayerRefusal::NotReleased),
        }
        match control.and_then(|control| control.books_from) {
            Some(books_from) if claimed_at < books_from => Err(PayerRefusal::BeforeBooks),
            books_from => Ok(books_from),
        }
    }

    /// From when events are paid by the provider's rules, where these replaced others: what is older may be paid under
    /// another key.
    pub(crate) async fn rules_from(&self, provider: &str) -> Result<Option<UnixMillis>, PayerRefusal> {
        let accepted = self.parts.ledger.accepted(provider).await?;
        Ok(accepted.filter(|accepted| accepted.version > 1).and_then(|accepted| accepted.paid_from))
    }

    /// Under the keys that earlier rules derived nothing stands, as the webhook makes sure, too.
    pub(crate) async fn not_claimed_formerly(&self, order: &PayoutOrder) -> Result<(), PayerRefusal> {
        for key in &order.former_keys {
            if self.parts.ledger.standing(key, FIRST).await?.is_some() {
                return Err(PayerRefusal::Claimed);
            }
        }
        Ok(())
    }

    /// Nothing was sent under this key, so there is nothing to find; what is found all the same was paid. Found once it stays
    /// found, and a rail that does not answer is not taken to have nothing.
    async fn not_at_the_rail(
        &self,
        order: &PayoutOrder,
        case: &FiledCase,
        facts: &mut Facts,
    ) -> Result<(), PayerRefusal> {
        if self.parts.ledger.rail_has_it(case).await? {
            return Err(PayerRefusal::NotOffered(Why::FoundAtTheRail));
        }
        let rail = &self.parts.rail;
        let wanted = rail.wanted(&order.key, &order.destination, case.case.since..self.parts.clock.now());
        match rail.find(&wanted, ASK_WITHIN).await {
            Ok(found) if found.is_empty() => Ok(()),
            Ok(found) => {
                let seen = Seen::Found(found.into_iter().map(kept).collect());
                let look_up = LookUpRecord { at: self.parts.clock.now(), seen, by: PAYER.to_owned() };
                facts.add_all(look_up.facts());
                Err(PayerRefusal::NotOffered(Why::FoundAtTheRail))
            }
            // Nobody can ask this rail for one payout, and people know it.
            Err(LookUpFailure::NotOffered) => Ok(()),
            Err(failure) => {
                facts.add(FactName::LookedUp, LookUpSays::NoAnswer);
                Err(PayerRefusal::RailSilent(failure.to_string()))
            }
        }
    }

    /// What was given back is not paid, whoever decides it: the claim is conditioned on the bar, too.
    pub(crate) async fn not_barred(&self, order: &PayoutOrder) -> Result<(), PayerRefusal> {
        for key in std::iter::once(&order.key).chain(&order.former_keys) {
            if self.parts.ledger.is_barred(key).await? {
                return Err(PayerRefusal::Barred);
            }
            // What bars it may have been lost with it.
            let cases = self.parts.ledger.cases_of_key(key.as_str()).await?;
            if cases.iter().any(|filed| filed.case.is_of_a_lost_block()) {
                return Err(PayerRefusal::Barred);
            }
        }
        Ok(())
    }

    async fn further_attempt(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        facts: &mut Facts,
    ) -> Result<ProposedPayout, PayerRefusal> {
        let payout = self.parts.ledger.payout_of(&case.case).await?;
        let (key, mut payout) = payout.ok_or(PayerRefusal::NoOrder("a payout key"))?;
        if let Some(closing) = payout.closed.clone().filter(|_| payout.is_closed_for(&case.case)) {
            return self.after_closing(case, proposal, &closing, facts).await;
        }
        let last = payout.attempts.last().ok_or(PayerRefusal::NoOrder("an attempt"))?.claim.clone();
        let books_from = self.is_open(&last.provider, last.claimed_at).await?;
        let verdict = payout.last_attempt().ok_or(PayerRefusal::UnderWay)?.verdict;
        // An older attempt's case says nothing about the payout as it stands.
        if case.case.attempt != Some(last.attempt) || !Ending::Reissue.is_offered(case.case.reason, Some(verdict)) {
            return Err(PayerRefusal::NotAwaited);
        }
        let rail = &self.parts.rail;
        if (last.rail.as_str(), last.rail_account.as_str(), last.rail_mode)
            != (rail.name(), &rail.account(), rail.mode())
        {
            return Err(PayerRefusal::OtherRail);
        }
        self.check_account(facts).await?;
        self.look_up(&key, last.attempt, &mut payout, facts).await?;
        let (generation, is_uncertain) = self.generation(&payout)?;
        let books = Books { from: books_from, files_undated: false };
        let (order, event) = self.order(&last.provider, last.body, &last.event, books, Limits::BeforeClaim).await?;
        if order.key != key || order.terms() != last.facts().terms {
            return Err(PayerRefusal::OtherOrder);
        }
        self.not_barred(&order).await?;
        let prepared = rail.prepare(&order, generation).map_err(PayerRefusal::Misfit)?;
        if generation == last.key_generation && prepared.digest() != last.request {
            return Err(PayerRefusal::OtherBytes);
        }
        self.ask_source(&last.provider, &event, facts).await?;
        let delivered = Delivered { provider: last.provider, body: last.body };
        let decided = self.decided(case, proposal, order, prepared, delivered, last.attempt + 1)?;
        let replay_is_expected = is_uncertain && generation == last.key_generation;
        let is_surely_unpaid = payout.last_attempt().is_some_and(|last| last.is_surely_unpaid());
        Ok(ProposedPayout { is_surely_unpaid, replay_is_expected, ..decided })
    }

    /// People closed the payout, and were wrong: the first attempt is made after all. Its place keeps their closing, so this
    /// is attempt 2.
    pub(crate) async fn after_closing(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        closing: &Closing,
        facts: &mut Facts,
    ) -> Result<ProposedPayout, PayerRefusal> {
        let rail = &self.parts.rail;
        if (closing.rail.as_str(), closing.rail_account.as_str(), closing.rail_mode)
            != (rail.name(), &rail.account(), rail.mode())
        {
            return Err(PayerRefusal::OtherRail);
        }
        let event_id = closing.event.clone().ok_or(PayerRefusal::NoOrder("an event"))?;
        let provider = closing.provider.clone().ok_or(PayerRefusal::NoOrder("a provider"))?;
        let books_from = self.is_open(&provider, closing.closed_at).await?;
        self.check_account(facts).await?;
        let body = case.case.body.ok_or(PayerRefusal::NoBody)?;
        // It was never claimed under this key: whether the books were whole when it came, and whether it was paid by the
        // rules before these, only its own time can say.
        let from = books_from.max(self.rules_from(&provider).await?);
        let books = Books { from, files_undated: books_from.is_some() };
        let (order, event) = match proposal.ending {
            Ending::LiftLimit | Ending::Replay => {
                self.webhooks_order(proposal.ending, case.case.reason, &provider, body, &event_id, books).await?
            }
            _ => self.order(&provider, body, &event_id, books, Limits::Apply).await?,
        };
        let own = order.key.of_own_order(&event_id).ok();
        let is_its_own = closing.key == order.key || Some(&closing.key) == own.as_ref();
        let is_as_closed = closing.facts().terms.is_none_or(|terms| terms == order.terms());
        if !is_its_own || !is_as_closed {
            return Err(PayerRefusal::OtherOrder);
        }
        self.not_claimed_formerly(&order).await?;
        self.not_barred(&order).await?;
        if closing.key != order.key {
            // An order of its own needs the first one, of another event.
            let first = self
                .parts
                .ledger
                .standing(&order.key, FIRST)
                .await?
                .ok_or(PayerRefusal::NoOrder("the first payout"))?;
            if first.event().is_none_or(|first| *first == event_id) {
                return Err(PayerRefusal::Claimed);
            }
        }
        let base = order.key.clone();
        let order = PayoutOrder { key: closing.key.clone(), ..order };
        let delivered = Delivered { provider, body };
        let decided = self.never_sent(case, proposal, (order, event), delivered, FIRST + 1, facts).await?;
        Ok(ProposedPayout { base, after_closing: true, ..decided })
    }

    /// The event asks for a payout whose key another event has claimed. Its own key ends with its own hash, so that one
    /// event is never paid as its own order twice, whatever cases there are: the claim's place is taken.
    async fn own_order(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        facts: &mut Facts,
    ) -> Result<ProposedPayout, PayerRefusal> {
        let filed = &case.case;
        if !Ending::OwnOrder.is_offered(filed.reason, None) {
            return Err(PayerRefusal::NotAwaited);
        }
        let said = FiledOrder::of(filed)?;
        let (key, event_id) = (&said.key, &said.event);
        // The first event's own claim must stand: without it nothing says that this one is the second.
        let first = self.parts.ledger.standing(key, FIRST).await?.ok_or(PayerRefusal::NoOrder("the first payout"))?;
        let from = self.is_open(&said.provider, first.taken_at()).await?;
        let books = Books { from, files_undated: false };
        let (order, event) = self.order(&said.provider, said.body, event_id, books, Limits::Apply).await?;
        said.must_be(&order)?;
        if first.event().ok_or(PayerRefusal::NoOrder("the first payout"))? == event_id {
            return Err(PayerRefusal::Claimed);
        }
        self.not_claimed_formerly(&order).await?;
        self.not_barred(&order).await?;
        self.check_account(facts).await?;
        let own = key.of_own_order(event_id).map_err(|_| PayerRefusal::NoOrder("a shorter payout key"))?;
        let order = PayoutOrder { key: own, ..order };
        if self.parts.ledger.standing(&order.key, FIRST).await?.is_some() {
            return Err(PayerRefusal::Claimed);
        }
        let delivered = Delivered { provider: said.provider, body: said.body };
        let decided = self.never_sent(case, proposal, (order, event), delivered, FIRST, facts).await?;
        Ok(ProposedPayout { base: said.key, ..decided })
    }

    /// The generation of the rail key that the ladder allows now, and whether an attempt under the last one is uncertain.
    fn generation(&self, payout: &Payout) -> Result<(KeyGeneration, bool), PayerRefusal> {
        let last = payout.last_attempt().ok_or(PayerRefusal::UnderWay)?;
        let offered = offer(&last, &self.parts.rail.promises(), self.parts.clock.now(), KEY_LIFE_MARGIN_MS);
        match (offered, PayerRefusal::of(offered)) {
            (_, Some(refusal)) => Err(refusal),
            (Reissue::NextKey(generation), None) => Ok((generation, last.key_is_uncertain)),
            _ => Ok((last.generation, last.key_is_uncertain)),
        }
    }

    /// The secret that pays must be the configured account's. A rail that does not say so is no reason to refuse, and is said.
    pub(crate) async fn check_account(&self, facts: &mut Facts) -> Result<(), PayerRefusal> {
        refresh(&self.parts.rail, self.parts.clock.now()).await;
        let said = match self.parts.rail.check_account(Purpose::Pay, ACCOUNT_WITHIN).await {
            AccountCheck::Same => "checked".to_owned(),
            AccountCheck::Unchecked(why) => format!("unchecked: {why}"),
            AccountCheck::Other(account) => {
                tracing::error!(%account, "the secret that pays is of another account");
                facts.add(FactName::RailAccount, format!("other: {account}"));
                return Err(PayerRefusal::OtherAccount(account));
            }
        };
        facts.add(FactName::RailAccount, said);
        Ok(())
    }

    /// The rail is asked every time, and what it says is kept where no person's tool can write. An answer that cannot be had
    /// is no "absent", nor is a search that was not shown to see: where "absent" is needed, the ladder says so.
    async fn look_up(
        &self,
        key: &PayoutKey,
        attempt: u16,
        payout: &mut Payout,
        facts: &mut Facts,
    ) -> Result<(), PayerRefusal> {
        let (ledger, now) = (&self.parts.ledger, self.parts.clock.now());
        // Nothing that an earlier question showed is taken over: money rests on this one.
        let eyes = Eyes::default();
        let Ok(seen) = look_up(ledger, &self.parts.rail, &eyes, payout, now, ASK_WITHIN).await else {
            facts.add(FactName::LookedUp, LookUpSays::NoAnswer);
            return Ok(());
        };
        let look_up = LookUpRecord { at: self.parts.clock.now(), seen, by: PAYER.to_owned() };
        facts.add_all(look_up.facts());
        ledger.add_look_up(key, attempt, &look_up).await?;
        payout.look_ups.push(look_up);
        Ok(())
    }

    /// The order as the webhook derived it, from the very bytes that the provider signed.
    async fn order(
        &self,
        provider: &str,
        body: Digest,
        event: &EventId,
        books: Books,
        limits: Limits,
    ) -> Result<(PayoutOrder, ParsedEvent), PayerRefusal> {
        let (provider, event) = self.kept(provider, body, event).await?;
        // It was claimed or filed before, and people decide: only books that may lack claims stop them.
        let routed = provider.route_by_people(&event, &self.context(books, self.parts.clock.now()));
        self.ordered(provider, event, routed, limits == Limits::BeforeClaim).await
    }

    pub(crate) fn context(&self, books: Books, now: UnixMillis) -> RouteContext {
        let Books { from: paid_from, files_undated } = books;
        RouteContext { rail_mode: self.parts.rail.mode(), paid_from, files_undated, now }
    }

    /// The order of a kept event. `lifts`: a limit that alone refuses it does not count.
    pub(crate) async fn ordered(
        &self,
        provider: &Provider,
        event: ParsedEvent,
        routed: Routed,
        lifts: bool,
    ) -> Result<(PayoutOrder, ParsedEvent), PayerRefusal> {
        let order = match routed {
            Routed::Order(order) => order,
            Routed::Misfit(Misfit { lifted: Some(order), .. }) if lifts => *order,
            Routed::Misfit(Misfit { reason: Reason::BeforeCutover, .. }) => return Err(PayerRefusal::BeforeBooks),
            _ => return Err(PayerRefusal::OtherOrder),
        };
        let accepted = self.parts.ledger.accepted(provider.name()).await?;
        let now = self.parts.clock.now();
        let former = accepted.map_or_else(Vec::new, |accepted| accepted.others(&provider.derivations(), now));
        Ok((provider.with_former_keys(order, &event, &former), event))
    }

    /// Out of the very bytes that the provider signed.
    pub(crate) async fn kept(
        &self,
        provider: &str,
        body: Digest,
        event: &EventId,
    ) -> Result<(&Provider, ParsedEvent), PayerRefusal> {
        let provider = self.parts.providers.get(provider).ok_or(PayerRefusal::OtherOrder)?;
        let stored = self.parts.ledger.body(body).await?.ok_or(PayerRefusal::NoBody)?;
        Ok((provider, provider.kept(&stored.bytes, body, event).ok_or(PayerRefusal::NoBody)?))
    }

    /// Money that was given back to the buyer, or is disputed, is not paid out (given-back-is-not-paid).
    async fn ask_source(&self, provider: &str, event: &ParsedEvent, facts: &mut Facts) -> Result<(), PayerRefusal> {
        let Some(source) = self.parts.sources.get(provider) else {
            facts.add(FactName::Source, SourceSays::NotConfigured);
            return Ok(());
        };
        let object = event.text_at(source.object_pointer()).ok_or(PayerRefusal::OtherOrder)?;
        let state = source
            .state(object, ASK_WITHIN)
            .await
            .map_err(|failure| PayerRefusal::SourceUnknown(failure.to_string()))?;
        state.facts.iter().for_each(|(pointer, value)| facts.add_source_field(pointer, value));
        facts.add(FactName::SourceSha256, state.answer);
        if state.paid && state.blocked_by.is_empty() {
            facts.add(FactName::Source, SourceSays::Paid);
            return Ok(());
        }
        let why = if state.paid { state.blocked_by.join(", ") } else { "not paid".to_owned() };
        facts.add(FactName::Source, SourceSays::Blocks);
        Err(PayerRefusal::SourceBlocks(why))
    }

    /// Of an order under whose key nothing was sent: if the rail has nothing of it, and its payment stands.
    pub(crate) async fn never_sent(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        (order, event): (PayoutOrder, ParsedEvent),
        delivered: Delivered,
        attempt: u16,
        facts: &mut Facts,
    ) -> Result<ProposedPayout, PayerRefusal> {
        // Whoever does not send us a payment sends us no refund of it either, and what its list had was read hours ago.
        if case.case.reason == Reason::EventMissing && !self.parts.sources.contains_key(&delivered.provider) {
            let why = format!("the configuration has no [sources.{}]", delivered.provider);
            return Err(PayerRefusal::SourceUnknown(why));
        }
        self.not_at_the_rail(&order, case, facts).await?;
        let prepared = self.parts.rail.prepare(&order, 1).map_err(PayerRefusal::Misfit)?;
        self.ask_source(&delivered.provider, &event, facts).await?;
        self.decided(case, proposal, order, prepared, delivered, attempt)
    }

    fn decided(
        &self,
        case: &FiledCase,
        proposal: Proposal,
        order: PayoutOrder,
        prepared: Prepared,
        delivered: Delivered,
        attempt: u16,
    ) -> Result<ProposedPayout, PayerRefusal> {
        let key_generation = prepared.key_generation();
        if proposal.key_generation != Some(key_generation) {
            return Err(PayerRefusal::OtherKey);
        }
        let rail = &self.parts.rail;
        let approval = Approval {
            ending: proposal.ending,
            case: case.case.id(),
            version: proposal.version,
            key: order.key.clone(),
            attempt,
            money: order.money,
            destination: order.destination.clone(),
            rail: rail.name().to_owned(),
            rail_account: rail.account(),
            rail_mode: rail.mode(),
            key_generation,
            code: proposal.code.clone(),
            note: proposal.note.clone(),
        };
        let Delivered { provider, body } = delivered;
        let facts = Facts::default();
        let (is_surely_unpaid, replay_is_expected, after_closing) = (false, false, false);
        Ok(ProposedPayout {
            proposal,
            approval,
            base: order.key.clone(),
            order,
            prepared,
            provider,
            body,
            is_surely_unpaid,
            replay_is_expected,
            after_closing,
            facts,
        })
    }
}
