//! The audit table (claims, outcomes, late outcomes, the note), its index, and the reconcile table. There is one payout
//! key, and one slot for each attempt.

use std::collections::BTreeSet;

use payonce_protocol::closing::{ClosedBy, ClosingFacts};
use payonce_protocol::event::{ClaimAnswer, ClaimFacts, Input, Recorded};
use payonce_protocol::ids::{AttemptId, Digest, KeyGeneration};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};

use crate::setting::{Asked, Tick};

/// More attempts than people can approve in any setting.
pub const SLOTS: usize = 4;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    pub claims: [Option<Claim>; SLOTS],
    pub note: Option<Note>,
    /// Claims whose put is still under way, though nobody waits for it.
    pub landing: Vec<(u8, Claim)>,
    pub cases: BTreeSet<(Reason, Subject)>,
    pub bar: Option<Bar>,
    /// Of these, the ones that people have closed.
    pub resolved: BTreeSet<(Reason, Subject)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    pub attempt_id: u8,
    pub asked: Asked,
    pub generation: KeyGeneration,
    pub received: Tick,
    /// Whether the index shows it.
    pub listed: bool,
    pub outcome: Option<Ended>,
    pub late: Option<Verdict>,
    /// Payout requests that left under this claim: what is checked, not what the table holds.
    pub requests: u8,
    /// The payer's, and not of a delivery: what is checked, too.
    pub by_people: bool,
    /// People closed a case, and claimed its key by that.
    pub closing: Option<Closing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    /// The payee has the money, or gets it now.
    pub by_hand: bool,
}

/// A blocking event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bar {
    /// How many attempts were claimed before it; where there was none, it stands in the first one's place.
    pub claims_before: u8,
}

/// The attempt id of a closing claim: no worker's.
pub(crate) const CLOSED: u8 = u8::MAX;

/// The outcome record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    pub verdict: Verdict,
    pub at: Tick,
    pub evidence: Evidence,
    /// Written by the sweeper.
    pub abandoned: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// When the first byte left.
    pub sent: Option<Tick>,
    pub key_holds_an_error: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    pub asked: Asked,
    pub refused: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Event(Asked),
    Attempt(u8),
}

/// What a bar says, and of which event it is: none of those that ask for a payout.
const BARRED: ClosingFacts = ClosingFacts { by: ClosedBy::Bar, event: Some(Digest([9; 32])), terms: None };

pub fn facts(attempt_id: u8, asked: Asked) -> ClaimFacts {
    ClaimFacts {
        attempt_id: AttemptId([attempt_id; 16]),
        event: Digest([asked.event; 32]),
        terms: Digest([asked.terms; 32]),
    }
}

impl Claim {
    pub fn of_ending(asked: Asked, received: Tick, by_hand: bool) -> Self {
        let (outcome, late) = (None, None);
        let closing = Some(Closing { by_hand });
        let (attempt_id, generation, requests, by_people) = (CLOSED, 1, 0, true);
        Self { attempt_id, asked, generation, received, listed: true, outcome, late, requests, by_people, closing }
    }

    pub fn facts(&self) -> ClaimFacts {
        facts(self.attempt_id, self.asked)
    }
}

impl Table {
    pub fn claim(&self, slot: u8) -> Option<&Claim> {
        self.claims.get(usize::from(slot))?.as_ref()
    }

    pub fn claim_mut(&mut self, slot: u8) -> Option<&mut Claim> {
        self.claims.get_mut(usize::from(slot))?.as_mut()
    }

    /// The conditional put. A further attempt is claimed in one transaction with the check that the one before has an
    /// outcome, not `Accepted`, and nothing late.
    pub fn put(&mut self, slot: u8, claim: Claim) -> ClaimAnswer {
        match (slot, self.bar) {
            (0, Some(_)) if self.claim(0).is_none() => return ClaimAnswer::Closed(BARRED),
            (1.., Some(_)) => return ClaimAnswer::NotApplied,
            _ => {}
        }
        if let Some(theirs) = self.claim(slot) {
            return ClaimAnswer::Taken(theirs.facts());
        }
        if slot > 0 && !self.claim(slot - 1).is_some_and(Claim::may_be_followed) {
            return ClaimAnswer::NotApplied;
        }
        match self.claims.get_mut(usize::from(slot)) {
            Some(place) => {
                *place = Some(claim);
                ClaimAnswer::Written
            }
            None => ClaimAnswer::Unacceptable,
        }
    }

    /// Outcome and case in one transaction, on the condition that no outcome is there; ours is success, another's means
    /// that this one goes beside it.
    pub fn record(&mut self, slot: u8, attempt_id: u8, ended: Ended) -> Recorded {
        let Some(claim) = self.claim_mut(slot).filter(|claim| claim.attempt_id == attempt_id) else {
            return Recorded::Failed;
        };
        match claim.outcome {
            None => {
                claim.outcome = Some(ended);
                if let Some(reason) = ended.verdict.reason() {
                    self.cases.insert((reason, Subject::Attempt(slot)));
                }
                Recorded::Durable
            }
            Some(there) if there.abandoned => {
                claim.late = Some(ended.verdict);
                self.cases.insert((Reason::LateOutcome, Subject::Attempt(slot)));
                Recorded::Late
            }
            Some(_) => Recorded::Durable,
        }
    }

    /// The sweeper's transaction, on the condition that no outcome is there.
    pub fn abandon(&mut self, slot: u8, at: Tick) {
        if let Some(claim) = self.claim_mut(slot).filter(|claim| claim.outcome.is_none() && claim.closing.is_none()) {
            claim.outcome =
                Some(Ended { verdict: Verdict::UNKNOWN, at, evidence: Evidence::default(), abandoned: true });
            self.cases.insert((Reason::AttemptAbandoned, Subject::Attempt(slot)));
        }
    }

    /// An open case says so when this returns: a resolved one is opened again.
    pub fn file(&mut self, reason: Reason, subject: Subject) {
        self.resolved.remove(&(reason, subject));
        self.cases.insert((reason, subject));
    }

    /// What a blocking event leaves: in the free place, or beside the claim with a case.
    pub fn bar(&mut self) {
        let claims_before = self.claims.iter().flatten().count() as u8;
        self.bar = Some(Bar { claims_before });
        if claims_before > 0 {
            self.file(Reason::BlockedAfterPayout, Subject::Attempt(0));
        }
    }

    /// What stands in the first place, to whoever reads it before a refusal.
    pub fn first(&self) -> Input {
        match (self.claim(0), self.bar) {
            (None, Some(_)) => Input::ClosingRead(BARRED),
            (claim, _) => Input::ClaimRead(claim.map(Claim::facts)),
        }
    }

    pub fn is_open(&self, reason: Reason, subject: Subject) -> bool {
        self.cases.contains(&(reason, subject)) && !self.resolved.contains(&(reason, subject))
    }

    pub fn has_case(&self, subject: Subject) -> bool {
        self.cases.iter().any(|(_, about)| *about == subject)
    }
}

impl Claim {
    pub fn may_be_followed(&self) -> bool {
        let ended_unpaid = self.outcome.is_some_and(|ended| ended.verdict.outcome != Outcome::Accepted);
        self.late.is_none() && (ended_unpaid || self.closing.is_some())
    }
}
