//! The provider's own list as rows of its book. What it gives is read by the rules that read a delivery, without a signature, and
//! stands under the payout key that a delivery of it would have claimed.
//!
//! What asks for no payout is no row, nor is an event of which no rule speaks: a provider lists more types than it was told to send
//! here. A blocking event is one as long as nothing bars its payout: what was lost with its payment would let people pay that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_ledger::{Ledger, LedgerError, Standing};
use payonce_lists::{End, Gap as ListGap, ListBook, ListedEvent, ProviderList};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey};
use payonce_protocol::outcome::Reason;
use payonce_protocol::reconcile::rows::{Book, BookKey, Record, Row, RowId, Units};
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_protocol::release::Derivation;
use payonce_providers::{Block, BodyMisfit, ItemMisfit, ParsedEvent, Provider, RouteContext, Routed};
use payonce_runtime::start::{StartError, Started};

/// A page that was not answered is asked for again: it only reads.
const PAGE_TRIES: u32 = 3;

/// Of the providers in the configuration, those that can be asked for their list.
#[derive(Debug, Default)]
pub struct Lists {
    asked: BTreeMap<String, Asked>,
    /// Nobody can ask these.
    without: BTreeSet<String>,
    /// Of all of them.
    pub(crate) namespaces: BTreeSet<String>,
}

/// A provider with its list.
pub(crate) struct Asked {
    provider: Provider,
    namespace: String,
    list: ProviderList,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

/// What a listed event asks for, as far as its rules could read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub provider: String,
    pub event: EventId,
    pub money: Option<Money>,
    pub destination: Option<Destination>,
    /// It says that the payment was given back or is disputed.
    pub blocks: bool,
    /// It is the event itself. A payment of a list of payments is not: what it is replayed as would be another event than the one
    /// that comes after all.
    pub is_event: bool,
    /// The event as the provider lists it, in the form of a delivery.
    pub body: Vec<u8>,
}

/// Where it stands in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub key: BookKey,
    pub row: RowId,
    pub listed: Listed,
}

/// What of a provider's standing the rules go by, beside the event.
#[derive(Debug)]
pub(crate) struct Ruling {
    rail_mode: Mode,
    paid_from: Option<UnixMillis>,
    former: Vec<Derivation>,
}

/// An event in a list that no row can be made of.
#[derive(Debug)]
pub(crate) struct NotPlaced(String);

impl Lists {
    pub async fn of<P>(started: &Started<P>) -> Result<Self, StartError> {
        let mut described = started.config.lists().map_err(StartError::Config)?;
        let mut lists = Self::default();
        for (name, config) in &started.config.providers {
            let Some((list, secret)) = described.remove(name) else {
                tracing::info!(provider = name, "without a list of its own: its events are taken from our records");
                lists.without(name, config.namespace_or(name));
                continue;
            };
            let secret = started.reader.rail_secret(&secret).await?;
            let list = ProviderList::new(&list, &secret, started.rail.mode(), None)
                .map_err(|found| found.below(&format!("providers.{name}.list")))?;
            let provider = started.config.provider(Some(name)).map_err(StartError::Config)?;
            lists.add(provider, config.namespace_or(name), list);
        }
        Ok(lists)
    }

    pub fn add(&mut self, provider: Provider, namespace: &str, list: ProviderList) {
        let (name, namespace) = (provider.name().to_owned(), namespace.to_owned());
        self.namespaces.insert(namespace.clone());
        self.asked.insert(name, Asked { provider, namespace, list });
    }

    /// A provider whose events nobody can ask for.
    pub fn without(&mut self, provider: &str, namespace: &str) {
        self.without.insert(provider.to_owned());
        self.namespaces.insert(namespace.to_owned());
    }

    /// How many providers do not send here what their rules name, by their own word, or would not say.
    pub(crate) async fn not_sending(&self, within: Duration) -> u64 {
        let mut off = 0;
        for asked in self.iter() {
            off += u64::from(asked.is_off(within).await);
        }
        off
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Asked> {
        self.asked.values()
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.asked.keys().cloned().collect()
    }

    /// Some events stand in no list that could be asked for.
    pub(crate) fn lack_some(&self) -> bool {
        self.asked.is_empty() || !self.without.is_empty()
    }

    /// In whose list an event of this key stands. `provider`: who sent it, where a record says so.
    pub(crate) fn of_key(&self, key: &BookKey, provider: Option<&str>) -> Option<&Asked> {
        match provider {
            Some(provider) => self.asked.get(provider),
            None => self.iter().find(|asked| asked.may_hold(key)),
        }
    }
}

/// The event of which a row tells that no payout key names: its provider, and its id.
pub(crate) fn unmarked(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix('!')?.strip_prefix(Book::Provider.as_str())?.strip_prefix('/')?.split_once('/')
}

impl Asked {
    pub(crate) fn name(&self) -> &str {
        self.provider.name()
    }

    /// Every event that asks for a payout of a time is in its list of that time. A payment is in the list of the time at which it was
    /// begun, so one that is not found there may be in an earlier one.
    pub(crate) fn speaks_alone(&self) -> bool {
        self.list.lists_events()
    }

    pub(crate) fn may_hold(&self, key: &BookKey) -> bool {
        let is_ours = |(namespace, _): (&str, &str)| namespace == self.namespace;
        match unmarked(key.as_str()) {
            Some((provider, _)) => provider == self.name(),
            None => key.as_str().split_once('/').is_some_and(is_ours),
        }
    }

    async fn is_off(&self, within: Duration) -> bool {
        let provider = self.name();
        match self.list.not_sent(&self.provider.event_types(), within).await {
            None => false,
            Some(Ok(why)) => {
                for why in &why {
                    tracing::error!(provider, %why, next = "set its endpoint right at the provider", "a provider does not send here");
                }
                !why.is_empty()
            }
            Some(Err(gap)) => {
                tracing::error!(provider, %gap, "the provider did not say whether it sends here");
                true
            }
        }
    }

    pub(crate) fn book(&self, from: UnixMillis, to: UnixMillis, now: UnixMillis) -> Reading<'_> {
        Reading { asked: self, book: self.list.book(from..to, now), from, to }
    }

    pub(crate) async fn ruling<P: Reads>(
        &self,
        ledger: &Ledger<P>,
        rail_mode: Mode,
        now: UnixMillis,
    ) -> Result<Ruling, LedgerError> {
        let accepted = ledger.accepted(self.name()).await?;
        let control = ledger.control().await?;
        // Before a person released payouts nothing was to come here, and others may have paid.
        let is_released = control.as_ref().is_some_and(|control| control.released_for.is_some());
        let books_from = control.and_then(|control| control.books_from).or((!is_released).then_some(UnixMillis::MAX));
        let former = accepted.as_ref().map(|accepted| accepted.others(&self.provider.derivations(), now));
        // Nor, where nobody says from when the books are compared, before there was somebody to compare them.
        let began = ledger.runs_began().await?;
        let paid_from = accepted.and_then(|accepted| accepted.paid_from).max(books_from).max(began);
        Ok(Ruling { rail_mode, paid_from, former: former.unwrap_or_default() })
    }

    /// A provider that lists payments has no word for the events that told of them: the payment stands for whichever it was, by the
    /// name of its key.
    pub(crate) fn event_name(&self, key: &BookKey, event: &EventId) -> EventId {
        if self.list.lists_events() || unmarked(key.as_str()).is_some() {
            return event.clone();
        }
        let named = EventId::new(key.as_str()).or_else(|_| EventId::new(Digest::of(key.as_str()).to_string()));
        named.unwrap_or_else(|_| event.clone())
    }

    /// Each event of a listed body that asks for a payout.
    pub(crate) async fn placed<P: Reads + QueriesAudit + QueriesCases>(
        &self,
        ledger: &Ledger<P>,
        ruling: &Ruling,
        item: &ListedEvent,
    ) -> Result<Vec<Result<Placed, NotPlaced>>, LedgerError> {
        let mut all = vec![];
        for event in self.events(item) {
            let said = match event {
                Ok(event) => self.said(ledger, ruling, item, &event).await?,
                Err((Some(event), _)) => Some(Said { key: None, listed: self.listed(&event, None, None, item) }),
                Err((None, problem)) => {
                    all.push(Err(NotPlaced(problem)));
                    continue;
                }
            };
            all.extend(said.map(|said| self.place(said)));
        }
        Ok(all)
    }

    /// The delivered events of a listed body, each with its id, or why it has none that can be read.
    #[expect(clippy::disallowed_methods, reason = "the provider's own list gave it, asked by TLS and under our secret")]
    fn events(&self, item: &ListedEvent) -> Vec<Result<ParsedEvent, (Option<EventId>, String)>> {
        match self.provider.listed(item.body.as_bytes()) {
            Ok(events) => {
                let misfit = |ItemMisfit { misfit, .. }| (misfit.event, misfit.problem);
                events.into_iter().map(|event| event.map_err(misfit)).collect()
            }
            Err(BodyMisfit::Event(misfit)) => vec![Err((misfit.event, misfit.problem))],
            Err(misfit) => vec![Err((None, misfit.to_string()))],
        }
    }

    /// As a delivery is routed at the moment at which it was made: `None` where it asks for no payout.
    async fn said<P: Reads + QueriesAudit + QueriesCases>(
        &self,
        ledger: &Ledger<P>,
        ruling: &Ruling,
        item: &ListedEvent,
        event: &ParsedEvent,
    ) -> Result<Option<Said>, LedgerError> {
        let Ruling { rail_mode, paid_from, ref former } = *ruling;
        let now = event.created_at.unwrap_or(item.created_at);
        let context = RouteContext { rail_mode, paid_from, files_undated: false, now };
        let (keys, is_shared, money, destination) = match self.provider.route(event, &context) {
            Routed::NoPayout(_) | Routed::Unrouted { .. } => return Ok(None),
            Routed::Block(block) => return self.said_to_block(ledger, item, event, block).await,
            Routed::Order(order) => {
                let order = self.provider.with_former_keys(order, event, former);
                let keys = [vec![order.key], order.former_keys].concat();
                (keys, false, Some(order.money), Some(order.destination))
            }
            Routed::Misfit(misfit) => {
                // From before anybody sent here; where one did, there is a case of it.
                let is_early = misfit.reason == Reason::BeforeCutover;
                if is_early && ledger.cases_of_event(event.id.as_str()).await?.is_empty() {
                    return Ok(None);
                }
                let former = misfit.key.as_ref().map(|_| self.provider.former_keys(event, former));
                let keys = misfit.key.into_iter().chain(former.into_iter().flatten()).collect();
                (keys, misfit.shared.is_some(), misfit.money, misfit.destination)
            }
        };
        let key = key_of(ledger, &event.id, &keys, is_shared).await?;
        Ok(Some(Said { key, listed: self.listed(&event.id, money, destination, item) }))
    }

    /// The first that comes bars the payment, and says enough.
    async fn said_to_block<P: Reads>(
        &self,
        ledger: &Ledger<P>,
        item: &ListedEvent,
        event: &ParsedEvent,
        block: Block,
    ) -> Result<Option<Said>, LedgerError> {
        for key in std::iter::once(&block.key).chain(&block.former_keys) {
            if ledger.is_barred(key).await? {
                return Ok(None);
            }
        }
        let listed = Listed { blocks: true, ..self.listed(&event.id, None, None, item) };
        Ok(Some(Said { key: Some(block.key), listed }))
    }

    fn listed(
        &self,
        event: &EventId,
        money: Option<Money>,
        destination: Option<Destination>,
        item: &ListedEvent,
    ) -> Listed {
        let (provider, body) = (self.name().to_owned(), item.body.clone().into_bytes());
        Listed {
            provider,
            event: event.clone(),
            money,
            destination,
            blocks: false,
            is_event: self.list.lists_events(),
            body,
        }
    }

    fn place(&self, said: Said) -> Result<Placed, NotPlaced> {
        let wrong = |why: &dyn ToString| NotPlaced(why.to_string());
        let event = RowId::new(said.listed.event.as_str()).map_err(|why| wrong(&why))?;
        let key = match &said.key {
            Some(key) => BookKey::of(key),
            None => BookKey::unmarked(Book::Provider, self.name(), &event).map_err(|why| wrong(&why))?,
        };
        let name = self.event_name(&key, &said.listed.event);
        Ok(Placed { row: RowId::new(name.as_str()).map_err(|why| wrong(&why))?, key, listed: said.listed })
    }
}

struct Said {
    key: Option<PayoutKey>,
    listed: Listed,
}

/// Under which of its keys an event stands. Where rules were replaced, it may be an earlier one, and what shares a case with others
/// stands under none, unless it was claimed.
async fn key_of<P: Reads + QueriesAudit + QueriesCases>(
    ledger: &Ledger<P>,
    event: &EventId,
    keys: &[PayoutKey],
    is_shared: bool,
) -> Result<Option<PayoutKey>, LedgerError> {
    if keys.len() < 2 && !is_shared {
        return Ok(keys.first().cloned());
    }
    for key in keys {
        let named = match ledger.place(key, Some(event)).await?.standing {
            Some(Standing::Claim(claim)) => Some(claim.event),
            Some(Standing::Closing(closing)) => closing.event,
            Some(Standing::Bar(_)) | None => None,
        };
        if named.as_ref() == Some(event) {
            return Ok(Some(key.clone()));
        }
    }
    if is_shared {
        return Ok(None);
    }
    let cases = ledger.cases_of_event(event.as_str()).await?;
    let filed = keys.iter().find(|key| cases.iter().any(|filed| filed.case.key.as_ref() == Some(key)));
    Ok(filed.or_else(|| keys.first()).cloned())
}

impl Placed {
    pub(crate) fn row(&self, at: UnixMillis, units: &Units) -> Result<Row, NotPlaced> {
        let sum = self.listed.money.map(|money| units.sum(&money)).transpose();
        let sum = sum.map_err(|why| NotPlaced(why.to_string()))?;
        let payee = self.listed.destination.clone();
        Ok(Row {
            key: self.key.clone(),
            id: self.row.clone(),
            at,
            carried: false,
            payee,
            record: Record::Event { sum },
        })
    }
}

impl std::fmt::Display for NotPlaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One list on its way through a time.
pub(crate) struct Reading<'a> {
    asked: &'a Asked,
    book: ListBook<'a>,
    from: UnixMillis,
    to: UnixMillis,
}

impl Reading<'_> {
    /// The next page; `None` after the last, or where no further one can be had.
    pub(crate) async fn next(&mut self, within: Duration) -> Option<Vec<ListedEvent>> {
        let mut failures = 0;
        loop {
            match self.book.next(within).await {
                Ok(page) => return page,
                Err(failure) => {
                    failures += 1;
                    let provider = self.asked.name();
                    tracing::warn!(provider, %failure, failures, "a page of the provider's list was not read");
                    if failures >= PAGE_TRIES || !failure.may_pass() {
                        return None;
                    }
                }
            }
        }
    }

    /// Of which time it cannot speak.
    pub(crate) fn gap(&self) -> Option<Gap> {
        let End::Incomplete { why } = self.book.end() else { return None };
        tracing::error!(provider = self.asked.name(), %why, "the provider's book is not complete");
        let (until, why) = match why {
            ListGap::Before(from) => (from.min(self.to), Why::NoLongerAskable),
            ListGap::Gone => (self.to, Why::NoLongerAskable),
            ListGap::NotOver => (self.to, Why::WindowNotSettled),
            ListGap::Unreadable => (self.to, Why::Unreadable),
            ListGap::NoAnswer(_)
            | ListGap::Refused(_)
            | ListGap::Circle
            | ListGap::TooLong(_)
            | ListGap::OtherAccount
            | ListGap::Unread => (self.to, Why::PageLost),
        };
        Some(Gap { book: Book::Provider, from: self.from, until, why })
    }
}
