//! The books side by side: what the sender sent, what the rail executed, what people paid by hand, what the tables say.
//! Nothing here asks payonce whether all is well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use payonce_ledger::{Case, Ledger, LedgerError};
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason};

use crate::hand::ByHand;
use crate::sandbox_rail::Transfer;
use crate::sender::{Expected, Payout, Sent};

/// Open cases that are read at the most.
pub const CASES_AT_MOST: usize = 100_000;

/// What the tables say about one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub rail_key: String,
    /// For which it was claimed.
    pub event: String,
    pub outcome: Option<Outcome>,
}

/// The books as they are kept, each by its own side.
#[derive(Clone, Debug, Default)]
pub struct Kept {
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
    pub attempts: BTreeMap<String, Attempt>,
    pub cases: Vec<Case>,
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

impl Kept {
    /// Adds what the tables say about every payout key that the sender or the rail knows.
    pub async fn look_up(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        self.cases = ledger.open_cases(CASES_AT_MOST).await?;
        for case in
            self.cases.iter().filter(|case| matches!(case.reason, Reason::PayoutUnknown | Reason::AttemptAbandoned))
        {
            let filed = ledger.case(&case.id()).await?;
            let said = filed.as_ref().and_then(|filed| filed.evidence.get("looked_up"));
            self.looked_up.found += usize::from(said.is_some_and(|said| said == "found"));
            self.looked_up.absent += usize::from(said.is_some_and(|said| said == "absent"));
            self.looked_up.blind += usize::from(said.is_some_and(|said| said == "blind"));
        }
        let asked = self.sent.iter().filter_map(Sent::payout).map(|payout| payout.key.as_str());
        let paid = self.executed.iter().map(|transfer| transfer.payout_key());
        let keys: BTreeSet<&str> = asked.chain(paid).collect();
        for name in keys {
            let Ok(key) = PayoutKey::new(name) else { continue };
            if let Some((claim, outcome)) = ledger.attempt(&key, 1).await? {
                let outcome = outcome.map(|outcome| outcome.verdict.outcome);
                let (rail_key, event) = (claim.rail_key, claim.event.to_string());
                self.attempts.insert(name.to_owned(), Attempt { rail_key, event, outcome });
            }
        }
        Ok(())
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

    pub fn compare(kept: &Kept) -> Self {
        let mut books = Self {
            events: kept.sent.len(),
            claims: kept.claims,
            requests: kept.requests.values().sum(),
            payouts: kept.executed.len(),
            confirmed: kept.executed.iter().filter(|paid| is_accepted(kept, paid.payout_key())).count(),
            by_hand: kept.by_hand.len(),
            cases: per_reason(&kept.cases),
            looked_up: kept.looked_up,
            faults: BTreeSet::new(),
        };
        books.rail_against_others(kept);
        books.hand_against_others(kept);
        for sent in &kept.sent {
            if !sent.acknowledged {
                books.fault(Fault::NotTaken, &sent.name);
            } else if !is_settled(kept, sent) {
                books.fault(Fault::Lost, &sent.name);
            }
        }
        books
    }

    fn rail_against_others(&mut self, kept: &Kept) {
        let asked: BTreeMap<&str, &Payout> =
            kept.sent.iter().filter_map(Sent::payout).map(|payout| (payout.key.as_str(), payout)).collect();
        let mut paid = BTreeSet::new();
        for (index, transfer) in kept.executed.iter().enumerate() {
            let key = transfer.payout_key();
            if !paid.insert(key) {
                self.fault(Fault::PaidTwice, key);
            }
            // A rail that takes no key is sent none.
            let own_key =
                |attempt: &Attempt| transfer.idempotency_key.is_empty() || attempt.rail_key == transfer.idempotency_key;
            if !kept.attempts.get(key).is_some_and(own_key) {
                self.fault(Fault::Unclaimed, key);
            }
            match asked.get(key) {
                Some(payout) if !is_as_asked(transfer, payout) => self.fault(Fault::OtherTerms, key),
                None if index >= kept.executed_before => self.fault(Fault::Unasked, key),
                _ => {}
            }
        }
        for (key, _) in kept.requests.iter().filter(|(_, times)| **times > 1) {
            self.fault(Fault::AskedTwice, key);
        }
    }

    /// One order is one event's: a payee has its money at most once, by whichever hand.
    fn hand_against_others(&mut self, kept: &Kept) {
        let mut orders = BTreeSet::new();
        for by_hand in &kept.by_hand {
            let (key, event) = (by_hand.payout.key.as_str(), by_hand.event.as_str());
            let is_again = !orders.insert((key, event));
            if is_again || kept.executed.iter().any(|transfer| is_of_order(kept, transfer, by_hand)) {
                self.fault(Fault::PaidByHandAsWell, key);
            }
            let asked = kept.sent.iter().filter(|sent| sent.name == event).find_map(Sent::payout);
            if asked.is_some_and(|asked| *asked != by_hand.payout) {
                self.fault(Fault::OtherTerms, key);
            }
        }
    }

    pub fn fault(&mut self, fault: Fault, about: &str) {
        self.faults.insert((fault, about.to_owned()));
    }
}

pub fn per_reason(cases: &[Case]) -> BTreeMap<&'static str, usize> {
    let mut counted = BTreeMap::new();
    for case in cases {
        *counted.entry(case.reason.as_str()).or_default() += 1;
    }
    counted
}

/// Under the key itself when this event claimed it, or as an order of its own.
fn is_of_order(kept: &Kept, transfer: &Transfer, by_hand: &ByHand) -> bool {
    let (key, paid) = (by_hand.payout.key.as_str(), transfer.payout_key());
    if paid == key {
        return kept.attempts.get(key).is_none_or(|attempt| attempt.event == by_hand.event);
    }
    let own = PayoutKey::new(key).ok().zip(EventId::new(by_hand.event.as_str()).ok());
    own.and_then(|(key, event)| key.of_own_order(&event).ok()).is_some_and(|own| own.as_str() == paid)
}

fn is_as_asked(transfer: &Transfer, payout: &Payout) -> bool {
    transfer.amount == payout.amount && transfer.currency == payout.currency && transfer.destination == payout.payee
}

fn is_accepted(kept: &Kept, key: &str) -> bool {
    kept.attempts.get(key).is_some_and(|attempt| attempt.outcome == Some(Outcome::Accepted))
}

fn is_settled(kept: &Kept, sent: &Sent) -> bool {
    match &sent.expected {
        Expected::Nothing => true,
        _ if kept.by_hand.iter().any(|by_hand| by_hand.event == sent.name) => true,
        Expected::Case(reason) => kept.cases.iter().any(|case| {
            case.reason.as_str() == reason && case.subject.iter().any(|subject| sent.about.contains(subject))
        }),
        Expected::Payout(payout) => {
            let paid = kept.executed.iter().any(|transfer| transfer.payout_key() == payout.key);
            (paid && is_accepted(kept, &payout.key)) || kept.cases.iter().any(|case| speaks_of(case, payout))
        }
    }
}

/// A case that says what became of this payout, and not of some other event that asked for the same.
fn speaks_of(case: &Case, payout: &Payout) -> bool {
    let of_payout = matches!(
        case.reason,
        Reason::PayoutRejected
            | Reason::PayoutUnknown
            | Reason::PayoutNotSent
            | Reason::AttemptAbandoned
            | Reason::RefusedNotRedelivered
            | Reason::StaleEvent
            | Reason::BlockedBeforePayout
    );
    of_payout && case.key.as_ref().is_some_and(|key| key.as_str() == payout.key)
}
