//! Cases: what a person must look at. A case is named by its reason and subject, so it opens once however often its
//! cause is seen; every act on it is a numbered record of its history in the same transaction.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Ending, Status, came_again};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::{Reason, Verdict};
use payonce_protocol::problem::Problem;

use crate::audit::claim::Claim;
use crate::cases::case_item::history;
use crate::item::{Item, ItemReader, SCHEMA};
use crate::keys::{self, ReconcileKey, Versioned};
use crate::powers::{Files, Reads};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub reason: Reason,
    /// What, beside the reason, makes this case another than the next.
    pub subject: Vec<String>,
    pub provider: Option<String>,
    pub key: Option<PayoutKey>,
    pub attempt: Option<u16>,
    pub event: Option<EventId>,
    pub money: Option<Money>,
    /// Where the case is about a part of the sum: how much, in the sum's smallest unit.
    pub concerns: Option<u64>,
    pub destination: Option<Destination>,
    /// SHA-256 of the delivery's body.
    pub body: Option<Digest>,
    /// Shared by all cases of one cause.
    pub incident: Option<String>,
    pub details: Facts,
    /// From when its age counts: the webhook's arrival where that is known.
    pub since: UnixMillis,
    pub opened_at: UnixMillis,
}

/// A person by the issuer's subject, or a function of ours, which has no name beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub subject: String,
    pub name: Option<String>,
}

impl Who {
    pub fn function(name: &str) -> Self {
        Self { subject: name.to_owned(), name: None }
    }
}

/// How a person wants a case to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub ending: Ending,
    /// Reason code.
    pub code: String,
    pub note: String,
    pub by: Who,
    pub at: UnixMillis,
    /// The case's version that was proposed on.
    pub version: u64,
    /// Of a payout: the rail key's generation that it would take.
    pub key_generation: Option<u16>,
    pub duplicate_of: Option<CaseId>,
    pub batch: Option<String>,
}

/// How a case ended: what was proposed, and who agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub approved_by: Who,
    pub at: UnixMillis,
    /// The attempt that was begun for it.
    pub attempt: Option<u16>,
}

/// A case as it stands in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledCase {
    pub case: Case,
    pub status: Status,
    /// Counts what people decide by, from 1: what is written beside the case, or found out about it, leaves it alone.
    pub version: u64,
    /// Counts what was found out. No page shows it and nobody acts on it: it keeps two writers of the item apart.
    pub revision: u64,
    /// The latest that was found out about it.
    pub evidence: Facts,
    pub owner: Option<Who>,
    /// What awaits approval, or was approved.
    pub proposal: Option<Proposal>,
    pub resolution: Option<Resolution>,
    /// Whose proposal was sent back, until somebody makes another: of a case under review.
    pub sent_back: Option<Who>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    New,
    /// It was opened before, by the same cause.
    Existing,
}

/// How a case came to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    New,
    /// It was open.
    Open,
    /// It was resolved, and what it is about came again.
    Reopened,
}

/// Two acts on one case at the same time are rare, five in a row are a fault.
pub(crate) const TRIES: u32 = 5;

/// What alone refused an event.
const LIMIT: &str = "max_amount";

impl Case {
    pub fn new(reason: Reason, subject: Vec<String>, opened_at: UnixMillis) -> Self {
        Self {
            reason,
            subject,
            provider: None,
            key: None,
            attempt: None,
            event: None,
            money: None,
            concerns: None,
            destination: None,
            body: None,
            incident: None,
            details: Facts::default(),
            since: opened_at,
            opened_at,
        }
    }

    /// A case about one attempt, with all that its claim knows.
    pub fn of_claim(reason: Reason, claim: &Claim, opened_at: UnixMillis) -> Self {
        Self {
            provider: Some(claim.provider.clone()),
            key: Some(claim.key.clone()),
            attempt: Some(claim.attempt),
            event: Some(claim.event.clone()),
            money: Some(claim.money),
            destination: Some(claim.destination.clone()),
            body: Some(claim.body),
            since: claim.received_at,
            ..Self::new(reason, attempt_subject(&claim.key, claim.attempt), opened_at)
        }
    }

    pub fn with_order(self, order: &PayoutOrder) -> Self {
        Self {
            key: Some(order.key.clone()),
            event: Some(order.event.clone()),
            money: Some(order.money),
            destination: Some(order.destination.clone()),
            ..self
        }
    }

    /// The first delivery asked for this. The same payee was promised another sum, so only the difference is in question.
    pub fn differing_from(self, first: &Claim) -> Self {
        let is_same_payee = self.destination.as_ref() == Some(&first.destination);
        let sums = self.money.filter(|_| is_same_payee).zip(self.money.and_then(|money| {
            let of_its_currency = first.money.currency() == money.currency();
            first.money.with_exponent(money.exponent()).ok().filter(|_| of_its_currency)
        }));
        Self { concerns: sums.map(|(ours, first)| ours.minor().abs_diff(first.minor())), ..self }
    }

    /// Cases of one cause on one day (UTC) are an incident: an outage is one thing to understand, not ten thousand.
    pub fn of_cause(self, cause: &str) -> Self {
        let cause: String = cause.chars().filter(char::is_ascii_graphic).take(64).collect();
        Self { incident: Some(keys::incident(self.reason, &cause, self.since)), ..self }
    }

    /// Its event does not name it, so another may find it.
    fn is_shared(&self) -> bool {
        self.event.as_ref().is_some_and(|event| self.subject.iter().all(|part| part != event.as_str()))
    }

    pub fn id(&self) -> CaseId {
        CaseId::new(self.reason, &self.subject.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Adds to what it says of its event.
    pub fn say(&mut self, name: FactName, value: impl ToString) {
        self.details.add(name, value);
    }

    /// The event is as its rule wants it, and a limit alone keeps it from being paid.
    pub fn of_limit(mut self) -> Self {
        self.say(FactName::RefusedBy, LIMIT);
        self
    }

    /// Why its event is not paid by itself, in words.
    pub fn cause(&self) -> Option<String> {
        self.details.get(FactName::Problem).map(|problem| Problem::read(problem).words())
    }

    pub fn of_problem(mut self, problem: &str) -> Self {
        self.say(FactName::Problem, problem);
        self
    }

    /// The provider's list has an event that takes its payment back, and that never came: nothing bars the payout.
    pub fn is_of_a_lost_block(&self) -> bool {
        self.reason == Reason::EventMissing && self.details.get(FactName::BlockedBy).is_some()
    }

    /// The ending may be proposed. `verdict` is that of the case's attempt.
    pub fn offers(&self, ending: Ending, verdict: Option<Verdict>) -> bool {
        let has_terms = || {
            let has_order = self.key.is_some() && self.money.is_some() && self.destination.is_some();
            has_order && self.event.is_some() && self.body.is_some() && self.provider.is_some()
        };
        let is_by_limit = || self.reason == Reason::StaleEvent || self.details.get(FactName::RefusedBy) == Some(LIMIT);
        ending.is_offered(self.reason, verdict)
            && (!ending.is_webhooks_own() || has_terms())
            && (ending != Ending::LiftLimit || is_by_limit())
    }

    /// The name of the case that `reason` opens for one attempt.
    pub fn id_of(reason: Reason, key: &PayoutKey, attempt: u16) -> CaseId {
        Self::new(reason, attempt_subject(key, attempt), 0).id()
    }
}

/// For the history of a case that is open again.
fn what_came(case: &Case) -> Facts {
    let event = case.event.as_ref().map(|event| (FactName::Event, event.to_string()));
    let body = case.body.map(|body| (FactName::BodySha256, body.to_string()));
    let mut facts: Facts = event.into_iter().chain(body).collect();
    facts.add_all(case.details.clone());
    facts
}

fn attempt_subject(key: &PayoutKey, attempt: u16) -> Vec<String> {
    vec![key.to_string(), attempt.to_string()]
}

impl<P: Reads> Ledger<P> {
    /// When it returns, an open case says so: it was opened, or found open, or people had resolved it and it is work again. For
    /// what happens to us, and can happen again. An event that finds the case of another is noted beside it.
    pub async fn file_case(&self, case: &Case) -> Result<Filed, LedgerError>
    where
        P: Files,
    {
        // Events that share a case would contend for it in transactions: it is looked for first.
        let mut stands = None;
        if case.is_shared() {
            stands = self.read_reconcile(&ReconcileKey::Case(case.id())).await?;
        }
        if stands.is_none() {
            match self.transact("open a case", &self.opening(case)?).await? {
                Transacted::Done => return Ok(Filed::New),
                Transacted::Unmet(unmet) => stands = unmet.into_iter().find_map(|unmet| unmet.item),
            }
        }
        // Somebody may end the case just now: it is read again when the event is beside it.
        let is_noted = self.note_beside(case, stands.as_ref()).await?;
        self.ensure_open(case, stands.filter(|_| !is_noted)).await
    }

    /// Of a case that exists; `brought`: how it was found.
    pub(crate) async fn ensure_open(&self, case: &Case, mut brought: Option<Item>) -> Result<Filed, LedgerError> {
        let id = case.id();
        for _ in 0..TRIES {
            let item = match brought.take() {
                Some(item) => item,
                None => self
                    .read_reconcile(&ReconcileKey::Case(id.clone()))
                    .await?
                    .ok_or(LedgerError::Missing { what: "the case" })?,
            };
            let read = ItemReader::new("the case", &item);
            // Readable of a newer schema as well; such a case is not written by us.
            let Some(status) = came_again(read.parsed("status", Status::parse)?) else { return Ok(Filed::Open) };
            if read.is_newer() {
                return Err(read.unreadable("v"));
            }
            let seen = FiledCase::from_item(&item)?;
            let next = FiledCase { status, proposal: None, resolution: None, ..seen.clone() };
            let by = Who::function("payonce");
            let record = history(
                Versioned::Case(id.clone()),
                seen.version + 1,
                "reopened",
                &by,
                case.opened_at,
                &what_came(case),
            );
            let parts = [self.move_on(&seen, next)?, self.put_new(record)?];
            if let Transacted::Done = self.transact("reopen a case", &parts).await? {
                let payout_key = case.key.as_ref().map(tracing::field::display);
                tracing::warn!(case = %id, reason = %case.reason, payout_key, "what a resolved case is about came again: it is open");
                return Ok(Filed::Reopened);
            }
        }
        Err(LedgerError::Changed { what: "the case" })
    }

    /// Durable when it returns; opened once, however often it is called, and never again.
    pub async fn open_case(&self, case: &Case) -> Result<Opened, LedgerError>
    where
        P: Files,
    {
        match self.transact("open a case", &self.opening(case)?).await? {
            Transacted::Done => Ok(Opened::New),
            Transacted::Unmet(_) => Ok(Opened::Existing),
        }
    }

    /// The case and the first record of its history, as parts of a transaction.
    pub(crate) fn opening(&self, case: &Case) -> Result<[TransactWriteItem; 2], LedgerError> {
        let id = case.id();
        let opened =
            history(Versioned::Case(id), 1, "opened", &Who::function("payonce"), case.opened_at, &Facts::default());
        let filed = FiledCase::opened(case.clone());
        Ok([self.put_new_or_old(filed.to_item())?, self.put_new(opened)?])
    }

    /// A consistent read.
    pub async fn case(&self, id: &CaseId) -> Result<Option<FiledCase>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Case(id.clone())).await?;
        item.as_ref().map(FiledCase::from_item).transpose()
    }

    /// From the version that was seen to the next; fails when somebody else acted meanwhile, or something was found out.
    pub(crate) fn move_on(&self, seen: &FiledCase, next: FiledCase) -> Result<TransactWriteItem, LedgerError> {
        self.put_over(seen, &FiledCase { version: seen.version + 1, ..next })
    }

    /// In the place of the case that was seen, and of no other.
    pub(crate) fn put_over(&self, seen: &FiledCase, next: &FiledCase) -> Result<TransactWriteItem, LedgerError> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(next.to_item()))
            .condition_expression("#version = :seen AND #revision = :revision AND #v = :v AND #status = :status")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#revision", "revision")
            .expression_attribute_names("#v", "v")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":seen", number(seen.version))
            .expression_attribute_values(":revision", number(seen.revision))
            .expression_attribute_values(":v", number(SCHEMA))
            .expression_attribute_values(":status", AttributeValue::S(seen.status.to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::order::Mode;

    use super::*;
    use crate::persisted_tests::{claim, event, key, money};

    #[test]
    fn case_of_an_order_says_what_the_order_asks_for() {
        let destination = Destination::new("acct_1").unwrap();
        let order = PayoutOrder {
            key: key(),
            event: event(),
            money: money(),
            destination: destination.clone(),
            rail_fields: [].into(),
            former_keys: vec![],
        };
        let bare = Case::new(Reason::InvalidEvent, vec!["evt_1".to_owned()], 1);
        let case = bare.clone().with_order(&order);
        let (key, event, money) = (Some(key()), Some(event()), Some(money()));
        assert_eq!(case, Case { key, event, money, destination: Some(destination), ..bare });
    }

    /// Payer makes the webhook's own payout from what the case says: without all of it there is none to approve.
    #[test]
    fn webhooks_own_payout_is_offered_with_all_of_its_terms_and_lifted_over_a_limit_alone() {
        let whole = |reason| Case {
            provider: Some("stripe".to_owned()),
            key: Some(key()),
            event: Some(event()),
            money: Some(money()),
            destination: Destination::new("acct_1").ok(),
            body: Some(Digest::of("body")),
            ..Case::new(reason, vec!["evt_1".to_owned()], 1)
        };
        let limited = || whole(Reason::InvalidEvent).of_limit();
        let lifts = |case: &Case| case.offers(Ending::LiftLimit, None);
        assert!(lifts(&limited()) && lifts(&whole(Reason::StaleEvent)) && !lifts(&whole(Reason::InvalidEvent)));
        for part in [
            Case { provider: None, ..limited() },
            Case { key: None, ..limited() },
            Case { event: None, ..limited() },
            Case { money: None, ..limited() },
            Case { destination: None, ..limited() },
            Case { body: None, ..limited() },
        ] {
            assert!(!lifts(&part) && part.offers(Ending::NotPaid, None), "{part:?}");
        }
        assert!(whole(Reason::EventMissing).offers(Ending::Replay, None), "no limit is lifted");
        assert!(!lifts(&whole(Reason::EventMissing)) && !limited().offers(Ending::Replay, None));
    }

    #[test]
    fn lost_block_is_an_event_that_never_came_and_takes_its_payment_back() {
        let case = |reason| Case::new(reason, vec!["evt_1".to_owned()], 1);
        let blocked = |reason| {
            let mut case = case(reason);
            case.say(FactName::BlockedBy, "charge.refunded");
            case
        };
        assert!(blocked(Reason::EventMissing).is_of_a_lost_block());
        assert!(!case(Reason::EventMissing).is_of_a_lost_block());
        assert!(!blocked(Reason::BlockedBeforePayout).is_of_a_lost_block());
    }

    #[test]
    fn cause_is_the_problem_in_words() {
        let case = Case::new(Reason::InvalidEvent, vec!["evt_1".to_owned()], 1);
        assert_eq!(case.cause(), None);
        assert_eq!(case.of_problem("not JSON").cause(), Some(Problem::read("not JSON").words()));
    }

    #[test]
    fn conflict_is_about_the_difference_where_payee_and_currency_are_the_same() {
        let concerns = |minor, currency: &str, payee: &str| {
            let case = Case {
                money: Money::new(minor, 2, currency.parse().unwrap()).ok(),
                destination: Destination::new(payee).ok(),
                ..Case::new(Reason::ConflictingDuplicate, vec!["stripe/pi_1".to_owned()], 1)
            };
            case.differing_from(&claim(Mode::Live)).concerns
        };
        assert_eq!(concerns(9_000, "EUR", "acct_1"), Some(900));
        assert_eq!(concerns(9_000, "EUR", "acct_2"), None);
        assert_eq!(concerns(9_000, "USD", "acct_1"), None);
    }
}
