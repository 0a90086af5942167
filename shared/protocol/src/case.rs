//! What people may do with a case: who may, in which state, and what needs a second person. Pure rules; the tables hold
//! them in the condition of each write, and the page shows no button that they would refuse.

use std::fmt;

use crate::outcome::{Outcome, Reason, Verdict};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$each:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$each])* $name,)* }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a person is to the queue. A person may have several roles, or none, and then sees nothing.
    Role {
        /// Reads the queue and its cases, without the deliveries' bodies.
        Viewer = "viewer",
        /// Works on cases, and proposes how they end.
        Analyst = "analyst",
        /// Decides on what another person proposed.
        Approver = "approver",
        /// Reads everything and changes nothing.
        Auditor = "auditor",
    }
}

words! {
    Status {
        Open = "open",
        InReview = "in_review",
        AwaitingApproval = "awaiting_approval",
        Resolved = "resolved",
        Reopened = "reopened",
    }
}

impl Status {
    /// Still somebody's work.
    pub fn is_open(self) -> bool {
        self != Self::Resolved
    }
}

words! {
    /// What a person can do with a case.
    Act {
        /// Become its owner, or give it to somebody.
        Assign = "assign",
        Comment = "comment",
        /// Attach evidence from outside: a file's hash and where it is kept, or a link.
        Attach = "attach",
        /// Ask the rail, which only reads.
        LookUp = "look_up",
        Propose = "propose",
        /// Agree to what another person proposed.
        Approve = "approve",
        /// Turn a proposal down; the case is in review again.
        SendBack = "send_back",
        Reopen = "reopen",
    }
}

words! {
    /// How a case can end.
    Ending {
        /// The payee has the money, by a way outside payonce.
        PaidElsewhere = "paid_elsewhere",
        /// The rail did take the order, as its books show.
        ConfirmedAccepted = "confirmed_accepted",
        /// Nothing was paid, and nothing is owed.
        NotPaid = "not_paid",
        WrittenOff = "written_off",
        /// Another case is about the same thing.
        DuplicateOf = "duplicate_of",
        /// A second, rightful payout that shares its key with the first: it is paid under a key of its own.
        OwnOrder = "own_order",
        /// One more attempt at the payout.
        Reissue = "reissue",
        /// A rightful payout that a limit of ours alone refused: it is paid as the webhook would have, under the event's own key.
        LiftLimit = "lift_limit",
    }
}

words! {
    /// How far a batch of payouts by hand has come.
    BatchState {
        /// Its maker was sent to sign in for it.
        Drafted = "drafted",
        AwaitingApproval = "awaiting_approval",
        /// Its lines may be paid, one after the other.
        Approved = "approved",
        /// What was not paid by then is in review again.
        SentBack = "sent_back",
        Done = "done",
    }
}

impl Ending {
    /// It makes a payout: two people sign in afresh for it, and payer checks both.
    pub fn pays(self) -> bool {
        matches!(self, Self::OwnOrder | Self::Reissue | Self::LiftLimit)
    }

    /// It says that the payee has the money, or gets it by another way: that can be shown.
    pub fn wants_evidence(self) -> bool {
        matches!(self, Self::PaidElsewhere | Self::ConfirmedAccepted)
    }

    /// Somebody saw it before they proposed it. What is paid by hand is paid only after the ending binds, and shown then:
    /// asked for a receipt before, people would pay before.
    pub fn needs_evidence(self) -> bool {
        self == Self::ConfirmedAccepted
    }

    /// It says that the payee has nothing from the rail, or would pay once more.
    pub fn denies_the_rail(self) -> bool {
        matches!(self, Self::NotPaid | Self::PaidElsewhere | Self::Reissue)
    }

    /// What may be proposed for a case whose payout was, or was not, seen in the rail's books.
    pub fn is_offered_now(self, reason: Reason, verdict: Option<Verdict>, rail_has_it: bool) -> bool {
        match (rail_has_it, self) {
            (true, Self::ConfirmedAccepted) => true,
            (true, _) if self.denies_the_rail() => false,
            _ => self.is_offered(reason, verdict),
        }
    }

    /// What may be proposed for a case of this reason. `verdict` is that of its attempt, where it is about one.
    pub fn is_offered(self, reason: Reason, verdict: Option<Verdict>) -> bool {
        match self {
            Self::Reissue => {
                let about_an_attempt = matches!(
                    reason,
                    Reason::PayoutRejected | Reason::PayoutUnknown | Reason::PayoutNotSent | Reason::AttemptAbandoned
                );
                about_an_attempt && verdict.is_some_and(|verdict| verdict.outcome != Outcome::Accepted)
            }
            Self::OwnOrder => reason == Reason::SecondEventForKey,
            // Of an invalid event only where nothing but the limit is wrong with it, which its reason alone does not say.
            Self::LiftLimit => matches!(reason, Reason::InvalidEvent | Reason::StaleEvent),
            // Nobody can confirm what no attempt asked for.
            Self::ConfirmedAccepted => matches!(
                reason,
                Reason::PayoutUnknown
                    | Reason::AttemptAbandoned
                    | Reason::PayoutReplayed
                    | Reason::LateOutcome
                    | Reason::PayoutMissing
                    | Reason::AmountMismatch
            ),
            Self::PaidElsewhere | Self::NotPaid | Self::WrittenOff | Self::DuplicateOf => true,
        }
    }
}

/// How much is at stake in cases of this reason, for the order of work: 3, money may have left unseen; 2, a payee waits;
/// 1, nothing moved.
pub fn risk(reason: Reason) -> u8 {
    match reason {
        Reason::PayoutUnknown
        | Reason::AttemptAbandoned
        | Reason::LateOutcome
        | Reason::PayoutReplayed
        | Reason::PayoutOrphan
        | Reason::BlockedAfterPayout
        | Reason::AmountMismatch => 3,
        Reason::PayoutRejected
        | Reason::PayoutNotSent
        | Reason::RefusedNotRedelivered
        | Reason::SecondEventForKey
        | Reason::ConflictingDuplicate
        | Reason::PayoutReturned
        | Reason::EventMissing
        | Reason::StaleEvent
        | Reason::PayoutMissing => 2,
        Reason::InvalidEvent | Reason::UnroutedEvent | Reason::BeforeCutover | Reason::BlockedBeforePayout => 1,
    }
}

/// What is known about the payout of a case, by its reason alone. `None`: it is about no attempt.
pub fn certainty(reason: Reason) -> Option<Outcome> {
    match reason {
        Reason::PayoutRejected => Some(Outcome::Rejected),
        Reason::PayoutNotSent => Some(Outcome::NotSent),
        Reason::PayoutUnknown | Reason::AttemptAbandoned => Some(Outcome::Unknown),
        Reason::PayoutReplayed | Reason::PayoutReturned => Some(Outcome::Accepted),
        _ => None,
    }
}

/// Deny by default: what is not listed here nobody may do.
pub fn may(roles: &[Role], act: Act) -> bool {
    roles.iter().any(|role| match role {
        Role::Viewer | Role::Auditor => false,
        Role::Analyst => !matches!(act, Act::Approve | Act::SendBack),
        Role::Approver => true,
    })
}

/// Whoever has any role may read; bodies hold personal data.
pub fn may_read_bodies(roles: &[Role]) -> bool {
    roles.iter().any(|role| matches!(role, Role::Analyst | Role::Approver | Role::Auditor))
}

/// The state after an act, or `None` when the act is not possible in this state.
pub fn next(status: Status, act: Act) -> Option<Status> {
    match (status, act) {
        (Status::Open | Status::Reopened, Act::Assign) => Some(Status::InReview),
        (Status::InReview | Status::AwaitingApproval, Act::Assign) => Some(status),
        (_, Act::Comment | Act::Attach | Act::LookUp) => Some(status),
        (Status::Open | Status::InReview | Status::Reopened, Act::Propose) => Some(Status::AwaitingApproval),
        (Status::AwaitingApproval, Act::Approve) => Some(Status::Resolved),
        (Status::AwaitingApproval, Act::SendBack) => Some(Status::InReview),
        (Status::Resolved, Act::Reopen) => Some(Status::Reopened),
        _ => None,
    }
}

/// The state of a case whose cause came again: one that was resolved is work again. `None`: it is open, and says so.
pub fn came_again(status: Status) -> Option<Status> {
    match status {
        Status::Open | Status::InReview | Status::AwaitingApproval | Status::Reopened => None,
        Status::Resolved => Some(Status::Reopened),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every role and every act, written out: a change here is a change of who may move money.
    #[test]
    fn every_role_and_every_act() {
        let table: [(Role, &[Act]); 4] = [
            (Role::Viewer, &[]),
            (Role::Analyst, &[Act::Assign, Act::Comment, Act::Attach, Act::LookUp, Act::Propose, Act::Reopen]),
            (Role::Approver, Act::ALL),
            (Role::Auditor, &[]),
        ];
        for (role, allowed) in table {
            for act in Act::ALL {
                assert_eq!(may(&[role], *act), allowed.contains(act), "{role} {act}");
            }
        }
        assert!(Act::ALL.iter().all(|act| !may(&[], *act)));
        assert!(may(&[Role::Auditor, Role::Analyst], Act::Propose));
        assert!(!may_read_bodies(&[Role::Viewer]) && !may_read_bodies(&[]) && may_read_bodies(&[Role::Auditor]));
    }

    #[test]
    fn a_case_is_resolved_without_a_proposal_or_approved_twice() {
        for status in Status::ALL {
            let resolves = next(*status, Act::Approve) == Some(Status::Resolved);
            assert_eq!(resolves, *status == Status::AwaitingApproval, "{status}");
            assert_eq!(next(*status, Act::Reopen).is_some(), *status == Status::Resolved, "{status}");
            let proposes = next(*status, Act::Propose).is_some();
            assert_eq!(proposes, !matches!(status, Status::AwaitingApproval | Status::Resolved), "{status}");
        }
        assert_eq!(next(Status::Resolved, Act::Assign), None);
        assert_eq!(next(Status::Resolved, Act::Comment), Some(Status::Resolved));
    }

    /// Else a resolved case swallows whatever comes after it.
    #[test]
    fn what_came_again_is_an_open_case() {
        for status in Status::ALL {
            let after = came_again(*status).unwrap_or(*status);
            assert!(after.is_open(), "{status}");
            assert_eq!(after == *status, status.is_open(), "{status}: work under way is left alone");
        }
    }

    #[test]
    fn an_accepted_payout_or_an_event_is_issued_again() {
        for reason in Reason::ALL {
            assert!(!Ending::Reissue.is_offered(*reason, Some(Verdict::plain(Outcome::Accepted))), "{reason}");
            assert!(!Ending::Reissue.is_offered(*reason, None), "{reason}");
            assert_eq!(Ending::OwnOrder.is_offered(*reason, None), *reason == Reason::SecondEventForKey);
            let by_limit = matches!(reason, Reason::InvalidEvent | Reason::StaleEvent);
            assert_eq!(Ending::LiftLimit.is_offered(*reason, None), by_limit);
        }
        assert!(Ending::Reissue.is_offered(Reason::PayoutUnknown, Some(Verdict::UNKNOWN)));
        assert_eq!(Ending::ALL.iter().filter(|ending| ending.pays()).count(), 3);
    }

    #[test]
    fn what_the_rail_has_is_confirmed_and_neither_denied_nor_paid_again() {
        for reason in [Reason::PayoutUnknown, Reason::PayoutRejected, Reason::PayoutNotSent] {
            let offered = |ending: Ending| ending.is_offered_now(reason, Some(Verdict::UNKNOWN), true);
            let of: Vec<Ending> = Ending::ALL.iter().copied().filter(|ending| offered(*ending)).collect();
            assert_eq!(of, [Ending::ConfirmedAccepted, Ending::WrittenOff, Ending::DuplicateOf], "{reason}");
            for ending in Ending::ALL {
                let plain = ending.is_offered(reason, Some(Verdict::UNKNOWN));
                assert_eq!(ending.is_offered_now(reason, Some(Verdict::UNKNOWN), false), plain);
            }
        }
    }

    #[test]
    fn every_word_parses_back() {
        assert!(Role::ALL.iter().all(|role| Role::parse(role.as_str()) == Some(*role)));
        assert!(Status::ALL.iter().all(|status| Status::parse(status.as_str()) == Some(*status)));
        assert!(Act::ALL.iter().all(|act| Act::parse(act.as_str()) == Some(*act)));
        assert!(Ending::ALL.iter().all(|ending| Ending::parse(ending.as_str()) == Some(*ending)));
        assert!(BatchState::ALL.iter().all(|state| BatchState::parse(state.as_str()) == Some(*state)));
    }
}
