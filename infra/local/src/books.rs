//! The books side by side: what the sender sent, what the rail executed, what people paid by hand, what the tables say.
//! Nothing here asks payonce whether all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use payonce_ledger::{Case, Ledger, LedgerError};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::LookUpSays;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::Said;

use crate::hand::ByHand;
use crate::sandbox_rail::Transfer;
use crate::sender::{Expected, Payout, Sent};

/// Open cases that are read at the most.
pub const CASES_AT_MOST: usize = 100_000;

/// What the tables say about one attempt.
#[derive(Clone, Debug)]
pub struct BookedAttempt {
    pub rail_key: String,
    /// For which it was claimed.
    pub event: String,
    pub outcome: Option<Outcome>,
}

/// A case that two people ended.
#[derive(Clone, Debug)]
pub struct EndedCase {
    pub case: Case,
    pub ending: Ending,
}

/// What people left in the place of an attempt.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Whose case was ended by it.
    pub event: Option<String>,
    pub ending: Ending,
}

/// The books as they are kept, each by its own side.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// By the sender.
    pub sent: Vec<Sent>,
    /// By the rail: what it executed, and how many requests it was sent for each payout key.
    pub executed: Vec<Transfer>,
    pub requests: BTreeMap<String, u64>,
    /// Of `executed`, those before this one are not of this play: others may have asked for them.
    pub executed_before: usize,
    /// By whoever paid without payonce.
    pub by_hand: Vec<ByHand>,
    /// In the tables.
    pub claims: usize,
    /// All attempts at a payout, by its key.
    pub attempts: BTreeMap<String, Vec<BookedAttempt>>,
    /// By the payout key whose place they have.
    pub closed: BTreeMap<String, Closed>,
    /// Those that are open.
    pub cases: Vec<Case>,
    pub ended: Vec<EndedCase>,
    pub looked_up: LookedUp,
}

/// What the sweeper wrote into the cases of payouts that may or may not have been made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedUp {
    pub found: usize,
    pub absent: usize,
    /// Not found, by a search that was not shown to see.
    pub blind: usize,
}

impl Records {
    /// Adds what the tables say about every payout key that the sender or the rail knows, and `filed`: every case that was ever
    /// written. An ended one stands in no list, but what people decided still accounts for its event.
    pub async fn look_up(&mut self, ledger: &Ledger, filed: &[CaseId]) -> Result<(), LedgerError> {
        for id in filed {
            let Some(filed) = ledger.case(id).await? else { continue };
            if filed.case.reason.rules().certainty == Some(Outcome::Unknown) {
                self.looked_up.add(filed.evidence.look_up());
            }
            // It says nothing that the records themselves do not say.
            if filed.is_explained() {
                continue;
            }
            match filed.proposal {
                Some(proposal) if !filed.status.is_open() => {
                    self.ended.push(EndedCase { case: filed.case, ending: proposal.ending });
                }
                _ => self.cases.push(filed.case),
            }
        }
        let asked = self.sent.iter().filter_map(Sent::payout).map(|payout| payout.key.as_str());
        let paid = self.executed.iter().map(|transfer| transfer.payout_key());
        let keys: BTreeSet<&str> = asked.chain(paid).collect();
        for name in keys {
            let Ok(key) = PayoutKey::new(name) else { continue };
            let payout = ledger.payout(&key).await?;
            if let Some(closing) = payout.closed {
                let event = closing.event.map(|event| event.to_string());
                self.closed.insert(name.to_owned(), Closed { event, ending: closing.ending });
            }
            let attempts: Vec<BookedAttempt> = payout
                .attempts
                .into_iter()
                .map(|attempted| BookedAttempt {
                    rail_key: attempted.claim.rail_key,
                    event: attempted.claim.event.to_string(),
                    outcome: attempted.outcome.map(|outcome| outcome.verdict.outcome),
                })
                .collect();
            if !attempts.is_empty() {
                self.attempts.insert(name.to_owned(), attempts);
            }
        }
        Ok(())
    }

    fn attempts_at(&self, key: &str) -> &[BookedAttempt] {
        self.attempts.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    fn has_paid(&self, key: &str) -> bool {
        self.executed.iter().any(|transfer| transfer.payout_key() == key)
    }
}

impl LookedUp {
    fn add(&mut self, says: Option<LookUpSays>) {
        match says {
            Some(LookUpSays::Said(Said::Found)) => self.found += 1,
            Some(LookUpSays::Said(Said::Absent)) => self.absent += 1,
            Some(LookUpSays::Said(Said::Blind)) => self.blind += 1,
            Some(LookUpSays::NoAnswer) | None => {}
        }
    }
}

/// What one side's book says and another's does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Executed at the rail more than once for one payout key.
    PaidTwice,
    /// A payee got the money of one order more than once, and not each time from the rail.
    PaidByHandAsWell,
    /// Sent and taken; to be paid or filed, and there is neither.
    Lost,
    /// Executed, and the sender asked for nothing of the kind.
    Unasked,
    /// Executed for another amount, currency or payee than the sender asked for.
    OtherTerms,
    /// Executed under a rail key that no claim holds.
    Unclaimed,
    /// The rail was sent a second request for one payout key.
    AskedTwice,
    /// Not signed by the provider, and yet something was written or sent.
    Trace,
    /// Not answered 2xx by the end of the play.
    NotTaken,
    /// Two people ended its case as not paid, and it was executed.
    PaidThoughEnded,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PaidTwice => "paid twice",
            Self::PaidByHandAsWell => "paid by hand as well",
            Self::Lost => "lost",
            Self::Unasked => "paid, and nobody asked for it",
            Self::OtherTerms => "paid on other terms than asked for",
            Self::Unclaimed => "paid without a claim",
            Self::AskedTwice => "the rail was asked twice",
            Self::Trace => "a forged delivery left a trace",
            Self::NotTaken => "not taken in the end",
            Self::PaidThoughEnded => "ended as not paid, and the rail has paid",
        })
    }
}

/// The books, compared.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub events: usize,
    pub claims: usize,
    pub requests: u64,
    pub payouts: usize,
    /// Payouts that an outcome confirms.
    pub confirmed: usize,
    /// Payments that people made.
    pub by_hand: usize,
    pub cases: BTreeMap<&'static str, usize>,
    /// Cases that two people ended, by how.
    pub ended: BTreeMap<&'static str, usize>,
    pub looked_up: LookedUp,
    /// Each with the event, payout key or place that it is about.
    pub faults: BTreeSet<(Fault, String)>,
}

impl Books {
    pub fn agree(&self) -> bool {
        self.faults.is_empty()
    }

    pub fn count(&self, fault: Fault) -> usize {
        self.faults.iter().filter(|(found, _)| *found == fault).count()
    }

    pub fn compare(kept: &Records) -> Self {
        let mut books = Self {
            events: kept.sent.len(),
            claims: kept.claims,
            requests: kept.requests.values().sum(),
            payouts: kept.executed.len(),
            confirmed: kept.executed.iter().filter(|paid| is_accepted(kept, paid.payout_key())).count(),
            by_hand: kept.by_hand.len(),
            cases: per_reason(&kept.cases),
            ended: counted(kept.ended.iter().map(|ended| ended.ending.as_str())),
            looked_up: kept.looked_up,
            faults: BTreeSet::new(),
        };
        books.rail_against_others(kept);
        books.hand_against_others(kept);
        books.endings_against_others(kept);
        for sent in &kept.sent {
            if !sent.acknowledged {
                books.fault(Fault::NotTaken, &sent.name);
            } else if !is_settled(kept, sent) {
                books.fault(Fault::Lost, &sent.name);
            }
        }
        books
    }

    fn rail_against_others(&mut self, kept: &Records) {
        let asked: BTreeMap<&str, &Payout> =
            kept.sent.iter().filter_map(Sent::payout).map(|payout| (payout.key.as_str(), payout)).collect();
        let mut paid = BTreeSet::new();
        for (index, transfer) in kept.executed.iter().enumerate() {
            let key = transfer.payout_key();
            if !paid.insert(key) {
                self.fault(Fault::PaidTwice, key);
            }
            // A rail that takes no key is sent none.
            let own_key = |attempt: &BookedAttempt| {
                transfer.idempotency_key.is_empty() || attempt.rail_key == transfer.idempotency_key
            };
            if !kept.attempts_at(key).iter().any(own_key) {
                self.fault(Fault::Unclaimed, key);
            }
            match asked.get(key) {
                Some(payout) if !is_as_asked(transfer, payout) => self.fault(Fault::OtherTerms, key),
                None if index >= kept.executed_before => self.fault(Fault::Unasked, key),
                _ => {}
            }
        }
        // Each further attempt is one that two people decided, with a claim of its own.
        let claimed = |key: &str| kept.attempts_at(key).len().max(1) as u64;
        for (key, _) in kept.requests.iter().filter(|(key, times)| **times > claimed(key)) {
            self.fault(Fault::AskedTwice, key);
        }
    }

    /// One order is one event's: a payee has its money at most once, by whichever hand.
    fn hand_against_others(&mut self, kept: &Records) {
        let mut orders = BTreeSet::new();
        for by_hand in &kept.by_hand {
            let (key, event) = (by_hand.payout.key.as_str(), by_hand.event.as_str());
            let is_again = !orders.insert((key, event));
            if is_again || kept.executed.iter().any(|transfer| is_of_order(kept, transfer, key, event)) {
                self.fault(Fault::PaidByHandAsWell, key);
            }
            let asked = kept.sent.iter().filter(|sent| sent.name == event).find_map(Sent::payout);
            if asked.is_some_and(|asked| *asked != by_hand.payout) {
                self.fault(Fault::OtherTerms, key);
            }
        }
    }

    /// An ending is the word of two people about money. It is held against the rail's ledger like any other.
    fn endings_against_others(&mut self, kept: &Records) {
        for EndedCase { case, ending } in kept.ended.iter().filter(|ended| is_of_payout(ended.case.reason)) {
            let (Some(key), Some(event)) = (&case.key, &case.event) else { continue };
            let of_order = |transfer: &Transfer| is_of_order(kept, transfer, key.as_str(), event.as_str());
            if !kept.executed.iter().any(of_order) {
                continue;
            }
            match ending {
                Ending::PaidElsewhere => self.fault(Fault::PaidByHandAsWell, key.as_str()),
                Ending::NotPaid => self.fault(Fault::PaidThoughEnded, key.as_str()),
                Ending::ConfirmedAccepted
                | Ending::WrittenOff
                | Ending::DuplicateOf
                | Ending::OwnOrder
                | Ending::LiftLimit
                | Ending::Replay
                | Ending::Explained
                | Ending::Reissue => {}
            }
        }
    }

    pub fn fault(&mut self, fault: Fault, about: &str) {
        self.faults.insert((fault, about.to_owned()));
    }
}

pub fn per_reason(cases: &[Case]) -> BTreeMap<&'static str, usize> {
    counted(cases.iter().map(|case| case.reason.as_str()))
}

fn counted(words: impl Iterator<Item = &'static str>) -> BTreeMap<&'static str, usize> {
    let mut counted = BTreeMap::new();
    for word in words {
        *counted.entry(word).or_default() += 1;
    }
    counted
}

/// Under the key itself when this event claimed it, or as an order of its own.
fn is_of_order(kept: &Records, transfer: &Transfer, key: &str, event: &str) -> bool {
    if transfer.payout_key() == key {
        return kept.attempts_at(key).first().is_none_or(|attempt| attempt.event == event);
    }
    own_order(key, event).is_some_and(|own| own.as_str() == transfer.payout_key())
}

fn own_order(key: &str, event: &str) -> Option<PayoutKey> {
    PayoutKey::new(key).ok()?.of_own_order(&EventId::new(event).ok()?).ok()
}

fn is_as_asked(transfer: &Transfer, payout: &Payout) -> bool {
    transfer.amount == payout.amount && transfer.currency == payout.currency && transfer.destination == payout.payee
}

fn is_accepted(kept: &Records, key: &str) -> bool {
    kept.attempts_at(key).iter().any(|attempt| attempt.outcome == Some(Outcome::Accepted))
}

fn is_settled(kept: &Records, sent: &Sent) -> bool {
    let by_hand = || kept.by_hand.iter().any(|by_hand| by_hand.event == sent.name);
    let ended = || kept.ended.iter().any(|ended| ended.is_about(sent) && ended.accounts_for(kept));
    match &sent.expected {
        Expected::Nothing => true,
        Expected::Case(reason) => by_hand() || ended() || kept.cases.iter().any(|case| is_filed_as(case, reason, sent)),
        Expected::Payout(payout) => {
            let closed = || {
                let closed = kept.closed.get(&payout.key);
                closed.is_some_and(|closed| {
                    let is_its_own = closed.event.as_ref().is_some_and(|event| sent.about.contains(event));
                    is_its_own && is_kept(kept, closed.ending, &payout.key, &sent.name)
                })
            };
            (kept.has_paid(&payout.key) && is_accepted(kept, &payout.key))
                || kept.cases.iter().any(|case| speaks_of(case, payout))
                || by_hand()
                || ended()
                || closed()
        }
    }
}

impl EndedCase {
    fn is_about(&self, sent: &Sent) -> bool {
        match &sent.expected {
            Expected::Nothing => false,
            Expected::Case(reason) => is_filed_as(&self.case, reason, sent),
            Expected::Payout(payout) => speaks_of(&self.case, payout),
        }
    }

    fn accounts_for(&self, kept: &Records) -> bool {
        let key = self.case.key.as_ref().map_or("", PayoutKey::as_str);
        let event = self.case.event.as_ref().map_or("", EventId::as_str);
        is_kept(kept, self.ending, key, event)
    }
}

/// An ending that says that money left, or is to leave, through payonce must be found so at the rail, or in a case that says
/// what became of it. Any other is what two people decided.
fn is_kept(kept: &Records, ending: Ending, key: &str, event: &str) -> bool {
    let follows = |key: &str| {
        let of_key = |case: &Case| case.key.as_ref().is_some_and(|of| of.as_str() == key) && is_of_payout(case.reason);
        kept.has_paid(key) || kept.cases.iter().any(of_key)
    };
    match ending {
        Ending::ConfirmedAccepted => kept.has_paid(key),
        Ending::Reissue | Ending::LiftLimit | Ending::Replay => follows(key),
        Ending::OwnOrder => own_order(key, event).is_some_and(|own| follows(own.as_str())),
        Ending::PaidElsewhere | Ending::NotPaid | Ending::WrittenOff | Ending::DuplicateOf | Ending::Explained => true,
    }
}

fn is_filed_as(case: &Case, reason: &str, sent: &Sent) -> bool {
    case.reason.as_str() == reason && case.subject.iter().any(|subject| sent.about.contains(subject))
}

/// A case that says what became of this payout, and not of some other event that asked for the same.
fn speaks_of(case: &Case, payout: &Payout) -> bool {
    is_of_payout(case.reason) && case.key.as_ref().is_some_and(|key| key.as_str() == payout.key)
}

fn is_of_payout(reason: Reason) -> bool {
    match reason {
        Reason::PayoutRejected
        | Reason::PayoutUnknown
        | Reason::PayoutNotSent
        | Reason::AttemptAbandoned
        | Reason::RefusedNotRedelivered
        | Reason::StaleEvent
        | Reason::BlockedBeforePayout
        | Reason::EventMissing => true,
        // Of another event with the same key, of one without a payout that its sender counts on, or of a payout that was made.
        Reason::SecondEventForKey
        | Reason::ConflictingDuplicate
        | Reason::InvalidEvent
        | Reason::UnroutedEvent
        | Reason::BeforeCutover
        | Reason::BlockedAfterPayout
        | Reason::LateOutcome
        | Reason::PayoutReplayed
        | Reason::PayoutReturned
        | Reason::PayoutMissing
        | Reason::PayoutOrphan
        | Reason::AmountMismatch
        | Reason::PayeeMismatch => false,
    }
}
