//! Closing claims: what an ending by people leaves in the place of an attempt, so that the event cannot be paid later as if
//! nobody had decided. The ending and its closing claim are one transaction, and no ending is written without proof that the
//! place is taken.

use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, next};
use payonce_protocol::closing::{ClosedBy, ClosingFacts, Held, closing_key};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{AttemptId, CaseId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey, terms};
use payonce_protocol::outcome::Reason;

use crate::audit::bar::{Bar, is_bar};
use crate::audit::claim::{Claim, RefusalNote, mode};
use crate::audit::payout::Payout;
use crate::cases::case::{Case, FiledCase, Resolution, Who};
use crate::cases::case_item::history;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{AuditSk, Versioned};
use crate::powers::{Acts, Claims, QueriesAudit, QueriesCases, Reads};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// The place of a payout's first attempt, which a webhook claims.
pub(crate) const FIRST: u16 = 1;

/// Stands where the first attempt's claim would. It has no outcome, and no bucket: there is nothing to sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    pub key: PayoutKey,
    pub attempt_id: AttemptId,
    pub case: CaseId,
    pub ending: Ending,
    pub closed_at: UnixMillis,
    /// As the case names them.
    pub event: Option<EventId>,
    pub provider: Option<String>,
    /// The sum and the payee, where they were verified, and not taken from the case.
    pub terms: Option<(Money, Destination)>,
    /// The rail that a further attempt would be made at.
    pub rail: String,
    pub rail_account: String,
    pub rail_mode: Mode,
}

/// What stands in the place of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Claim(Claim),
    Closing(Closing),
    /// A blocking event came before any claim.
    Bar(Bar),
}

/// Where the event of a case could be claimed, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub key: PayoutKey,
    pub standing: Option<Standing>,
}

/// Proof that the event of a case cannot be claimed any more: its place is taken, and claims are for ever. Only
/// [`Ledger::bound`] makes one, for a case as it stands.
///
/// ```compile_fail,E0451
/// let bound = payonce_ledger::Bound { case: todo!(), version: 1 };
/// ```
/// ```compile_fail,E0061
/// // No ending is approved without it.
/// let approve = payonce_ledger::CaseAct::Approve("seen".to_owned());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    case: CaseId,
    version: u64,
}

impl Bound {
    pub(crate) fn is_of(&self, seen: &FiledCase) -> bool {
        self.case == seen.case.id() && self.version == seen.version
    }
}

/// How putting a closing claim ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    Done,
    /// Something stands there: a claim, or another closing.
    Taken,
    /// The case is not what it was.
    Changed,
}

/// An ending that another person agreed to.
#[derive(Clone, Copy, Debug)]
pub struct Agreed<'a> {
    /// The case as it awaits approval.
    pub case: &'a FiledCase,
    pub checker: &'a Who,
    pub note: &'a str,
    pub at: UnixMillis,
}

impl Closing {
    pub fn facts(&self) -> ClosingFacts {
        ClosingFacts {
            by: ClosedBy::People,
            event: self.event.as_ref().map(|event| Digest::of(event.as_str())),
            terms: self.terms.as_ref().map(|(money, destination)| terms(money, destination)),
        }
    }

    pub(crate) fn to_item(&self) -> Item {
        Fields::new(AuditSk::Claim(FIRST).of(&self.key))
            .text(CLOSING, &self.case)
            .text("ending", self.ending)
            .text("attempt_id", self.attempt_id)
            .number("closed_at", self.closed_at)
            .optional(self.event.as_ref(), |fields, event| fields.text("event", event))
            .optional(self.provider.as_ref(), |fields, provider| fields.text("provider", provider))
            .optional(self.terms.as_ref(), |fields, (money, destination)| {
                fields.money(money).text("destination", destination)
            })
            .text("rail", &self.rail)
            .text("rail_account", &self.rail_account)
            .text("rail_mode", self.rail_mode.as_str())
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the closing claim", item);
        Ok(Self {
            key: read.payout_key()?,
            attempt_id: read.parsed("attempt_id", AttemptId::from_hex)?,
            case: read.parsed(CLOSING, CaseId::parse)?,
            ending: read.parsed("ending", Ending::parse)?,
            closed_at: read.number("closed_at")?,
            event: read.optional("event", ItemReader::event)?,
            provider: read.optional("provider", |read| read.text("provider").map(str::to_owned))?,
            terms: read.optional("amount", |read| Ok((read.money()?, read.destination()?)))?,
            rail: read.text("rail")?.to_owned(),
            rail_account: read.text("rail_account")?.to_owned(),
            rail_mode: read.parsed("rail_mode", mode)?,
        })
    }
}

/// The attribute by which a closing claim is told from an attempt's.
pub(crate) const CLOSING: &str = "closing";

fn is_closing(item: &Item) -> bool {
    item.contains_key(CLOSING)
}

/// A closing claim or a bar: nothing was attempted here.
pub(crate) fn is_no_attempt(item: &Item) -> bool {
    is_closing(item) || is_bar(item)
}

/// What a closing claim, or a bar, says to an event. One of a newer schema, or that cannot be read, closes the payout all the same, and
/// vouches for nobody.
pub(crate) fn facts_of(item: &Item) -> ClosingFacts {
    if is_bar(item) {
        let event = Bar::from_item(item).ok().and_then(|bar| bar.facts().event);
        return ClosingFacts { by: ClosedBy::Bar, event, terms: None };
    }
    let newer = ItemReader::new("the closing claim", item).is_newer();
    match Closing::from_item(item) {
        Ok(closing) if !newer => closing.facts(),
        _ => ClosingFacts { by: ClosedBy::People, event: None, terms: None },
    }
}

impl Place {
    /// The key's own, or that of an own order under it.
    pub fn is_of(&self, key: &PayoutKey) -> bool {
        self.key == *key || self.key.is_own_order_of(key)
    }
}

impl Standing {
    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        if is_bar(item) {
            Bar::from_item(item).map(Self::Bar)
        } else if is_closing(item) {
            Closing::from_item(item).map(Self::Closing)
        } else {
            Claim::from_item(item).map(Self::Claim)
        }
    }

    /// When its place was taken.
    pub fn taken_at(&self) -> UnixMillis {
        match self {
            Self::Claim(claim) => claim.claimed_at,
            Self::Closing(closing) => closing.closed_at,
            Self::Bar(bar) => bar.barred_at,
        }
    }

    /// Of which event it is.
    pub fn event(&self) -> Option<&EventId> {
        match self {
            Self::Claim(claim) => Some(&claim.event),
            Self::Closing(closing) => closing.event.as_ref(),
            Self::Bar(bar) => Some(&bar.event),
        }
    }

    fn held(standing: Option<&Self>) -> Held {
        standing.map_or(Held::Free, |standing| Held::By(standing.event().map(|event| Digest::of(event.as_str()))))
    }
}

impl<P: Reads> Ledger<P> {
    /// What stands in the place of an attempt, by a consistent read.
    pub async fn standing(&self, key: &PayoutKey, attempt: u16) -> Result<Option<Standing>, LedgerError> {
        let item = self.read_audit(key, AuditSk::Claim(attempt)).await?;
        item.as_ref().map(Standing::from_item).transpose()
    }

    /// Where this event could be claimed under this key.
    pub async fn place(&self, key: &PayoutKey, event: Option<&EventId>) -> Result<Place, LedgerError> {
        let standing = self.standing(key, FIRST).await?;
        let place = closing_key(key, event, Standing::held(standing.as_ref()));
        let standing = if place == *key { standing } else { self.standing(&place, FIRST).await? };
        Ok(Place { key: place, standing })
    }

    /// Where this event could be claimed: under this key, and under each that other rules gave it.
    pub async fn places(&self, key: &PayoutKey, event: Option<&EventId>) -> Result<Vec<Place>, LedgerError>
    where
        P: QueriesAudit,
    {
        let mut places = vec![];
        for key in self.keys_of(key, event).await? {
            places.push(self.place(&key, event).await?);
        }
        Ok(places)
    }

    /// The payout that the event of a case has, or would have: where another event has the key's own place, an order of its own;
    /// and where other rules gave the event another key, what was begun there.
    pub async fn payout_of(&self, case: &Case) -> Result<Option<(PayoutKey, Payout)>, LedgerError>
    where
        P: QueriesAudit,
    {
        let Some(key) = &case.key else { return Ok(None) };
        let mut first = None;
        for key in self.keys_of(key, case.event.as_ref()).await? {
            let payout = self.payout(&key).await?;
            let own = closing_key(&key, case.event.as_ref(), payout.held());
            let found = if own == key { (key, payout) } else { (own.clone(), self.payout(&own).await?) };
            if found.1.held() != Held::Free {
                return Ok(Some(found));
            }
            first = first.or(Some(found));
        }
        Ok(first)
    }

    /// Whether something speaks for an event that we refused: its claim, a closing claim, or a case of whatever reason, open or
    /// not. A second case would let it be paid by hand beside the first.
    pub async fn is_accounted_for(&self, note: &RefusalNote) -> Result<bool, LedgerError>
    where
        P: QueriesAudit + QueriesCases,
    {
        let places = self.places(&note.key, Some(&note.event)).await?;
        if places.iter().any(|place| place.standing.is_some()) {
            return Ok(true);
        }
        let (provider, event) = (note.provider.as_str(), note.event.as_str());
        // Beside a case that it shares with others, too.
        let known = self.cases_of_event(event).await?;
        let is_misfit = |case: &Case| case.reason == Reason::InvalidEvent && case.provider.as_deref() == Some(provider);
        if known.iter().any(|known| is_misfit(&known.case)) {
            return Ok(true);
        }
        let terms = terms(&note.money, &note.destination).to_string();
        let mut cases = vec![];
        for key in self.keys_of(&note.key, Some(&note.event)).await? {
            for reason in Reason::ALL {
                let named = subjects(*reason, provider, key.as_str(), event, &terms);
                cases.extend(named.into_iter().map(|subject| CaseId::new(*reason, &subject)));
            }
        }
        cases.sort();
        cases.dedup();
        for case in cases {
            if self.case(&case).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `None`: the event of this case could still be claimed and paid, so that no ending may say that it is over; or the rail
    /// has it, and the ending says that it has not.
    pub async fn bound(&self, seen: &FiledCase) -> Result<Option<Bound>, LedgerError>
    where
        P: QueriesAudit,
    {
        self.bound_under(seen, &[]).await
    }

    /// `former`: the keys that earlier rules gave the event, which the case does not name.
    pub async fn bound_under(&self, seen: &FiledCase, former: &[PayoutKey]) -> Result<Option<Bound>, LedgerError>
    where
        P: QueriesAudit,
    {
        let bound = Bound { case: seen.case.id(), version: seen.version };
        // Nobody ends as unpaid what was seen in the rail's books.
        let denies = seen.proposal.as_ref().is_some_and(|made| made.ending.denies_the_rail());
        if denies && self.rail_has_it(seen).await? {
            return Ok(None);
        }
        // Without a key nothing says which place there would be.
        let Some(key) = &seen.case.key else { return Ok(Some(bound)) };
        let event = seen.case.event.as_ref();
        let taken = async {
            let mut places = self.places(key, event).await?;
            for former in former {
                places.push(self.place(former, event).await?);
            }
            Ok(places.iter().any(|place| place.standing.is_some()))
        };
        match taken.await {
            Ok(is_taken) => Ok(is_taken.then_some(bound)),
            // Whatever it is, the webhook takes it as a claim.
            Err(LedgerError::Unreadable { .. }) => Ok(Some(bound)),
            Err(error) => Err(error),
        }
    }

    /// Ends a case and takes the places of its event, or nothing of this. `also`: the keys of the places besides the closing
    /// claim's own.
    pub async fn close(&self, closing: &Closing, also: &[PayoutKey], agreed: Agreed<'_>) -> Result<Closed, LedgerError>
    where
        P: Claims + Acts,
    {
        let (seen, checker) = (agreed.case, agreed.checker);
        let Some(status) = next(seen.status, Act::Approve) else { return Ok(Closed::Changed) };
        if seen.proposal.as_ref().is_none_or(|made| made.ending != closing.ending || made.ending.pays()) {
            return Ok(Closed::Changed);
        }
        let resolution = Resolution { approved_by: checker.clone(), at: agreed.at, attempt: None };
        let after =
            FiledCase { case: closed(&seen.case, closing), status, resolution: Some(resolution), ..seen.clone() };
        let facts = Facts::from([(FactName::Note, agreed.note), (FactName::Closed, closing.key.as_str())]);
        let id = seen.case.id();
        let record = history(Versioned::Case(id), seen.version + 1, Act::Approve.as_str(), checker, agreed.at, &facts);
        let mut parts = vec![self.move_on_by_another(seen, after, checker)?, self.put_new(record)?];
        let of_the_case = parts.len();
        parts.push(self.audit.append_with(closing.to_item())?);
        for key in also {
            parts.push(self.audit.append_with(Closing { key: key.clone(), ..closing.clone() }.to_item())?);
        }
        Ok(match self.transact("close a case", &parts).await? {
            Transacted::Done => Closed::Done,
            Transacted::Unmet(unmet) if unmet.iter().any(|unmet| unmet.part >= of_the_case) => Closed::Taken,
            Transacted::Unmet(_) => Closed::Changed,
        })
    }
}

/// The names that a case which speaks for one event may have. Exhaustive, without a wildcard: a new reason does not compile until it
/// is said here, or else an event that has its case would get a second one once it is given up as refused.
fn subjects<'a>(reason: Reason, provider: &'a str, key: &'a str, event: &'a str, terms: &'a str) -> Vec<Vec<&'a str>> {
    match reason {
        Reason::BeforeCutover | Reason::StaleEvent => vec![vec![provider, event]],
        Reason::InvalidEvent => vec![vec![provider, event], vec![key, event]],
        // Refused: the note under another of its keys was final before this one.
        Reason::SecondEventForKey | Reason::BlockedBeforePayout | Reason::RefusedNotRedelivered => {
            vec![vec![key, event]]
        }
        Reason::ConflictingDuplicate => vec![vec![key, event, terms]],
        // Of an attempt, whose claim speaks for its event; of a type of events; of what the books say.
        Reason::PayoutRejected
        | Reason::PayoutUnknown
        | Reason::PayoutNotSent
        | Reason::AttemptAbandoned
        | Reason::UnroutedEvent
        | Reason::BlockedAfterPayout
        | Reason::LateOutcome
        | Reason::PayoutReplayed
        | Reason::PayoutReturned
        | Reason::EventMissing
        | Reason::PayoutMissing
        | Reason::PayoutOrphan
        | Reason::AmountMismatch
        | Reason::PayeeMismatch => vec![],
    }
}

/// The case with what a further attempt would need, should it be reopened.
fn closed(case: &Case, closing: &Closing) -> Case {
    let (money, destination) = closing.terms.clone().unzip();
    Case {
        key: case.key.clone().or_else(|| Some(closing.key.clone())),
        attempt: case.attempt.or(Some(FIRST)),
        money: case.money.or(money),
        destination: case.destination.clone().or(destination),
        ..case.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persisted_tests;

    #[test]
    fn a_place_was_taken_when_what_stands_there_was_written() {
        let mut standing = [
            Standing::Claim(persisted_tests::claim(Mode::Live)),
            Standing::Closing(persisted_tests::closing(Ending::NotPaid, Mode::Live)),
            Standing::Bar(persisted_tests::bar()),
        ];
        if let [Standing::Claim(claim), Standing::Closing(closing), Standing::Bar(bar)] = &mut standing {
            (claim.claimed_at, closing.closed_at, bar.barred_at) = (1, 2, 3);
        }
        assert_eq!(standing.map(|standing| standing.taken_at()), [1, 2, 3]);
    }

    /// An event that asks for a payout of its own beside another's is claimed under a key behind that one.
    #[test]
    fn place_is_of_its_key_and_of_the_key_that_its_own_order_stands_behind() {
        let key = |object: &str| PayoutKey::from_parts("ns", [object]).unwrap();
        let is_of = |place: PayoutKey, key: &PayoutKey| Place { key: place, standing: None }.is_of(key);
        let own_order = key("a").of_own_order(&EventId::new("evt_1").unwrap()).unwrap();
        assert!(is_of(key("a"), &key("a")) && is_of(own_order.clone(), &key("a")));
        assert!(!is_of(key("a"), &key("b")) && !is_of(own_order.clone(), &key("b")));
        assert!(!is_of(key("a"), &own_order), "the key itself is of no own order");
    }

    /// What a further attempt would need, should the case be opened again.
    #[test]
    fn closed_case_says_what_its_closing_knows_and_keeps_what_it_said() {
        let closing = persisted_tests::closing(Ending::NotPaid, Mode::Live);
        let bare = Case::new(Reason::BeforeCutover, vec!["evt_1".to_owned()], 1);
        let case = closed(&bare, &closing);
        let (money, destination) = closing.terms.clone().unzip();
        assert_eq!((&case.key, case.attempt), (&Some(closing.key.clone()), Some(1)));
        assert_eq!((case.money, &case.destination), (money, &destination));
        let own = Case { attempt: Some(2), destination: Destination::new("acct_own").ok(), ..case };
        assert_eq!(closed(&own, &closing), own);
    }

    /// Somebody acted on the case meanwhile: what was proven is to be proven again.
    #[test]
    fn proof_is_of_one_case_as_it_stands() {
        let filed = |event: &str| FiledCase::opened(Case::new(Reason::InvalidEvent, vec![event.to_owned()], 1));
        let seen = filed("evt_1");
        let proof = Bound { case: seen.case.id(), version: seen.version };
        assert!(proof.is_of(&seen));
        assert!(!proof.is_of(&FiledCase { version: 2, ..seen }));
        assert!(!proof.is_of(&filed("evt_2")));
    }
}
