//! What people may do with a case: who may, in which state, and what needs a second person. Pure rules; the tables hold
//! them in the condition of each write, and the page shows no button that they would refuse.

use crate::outcome::{Outcome, Reason, Verdict};
use crate::reason::ANY_CASE;
use crate::words;

words! {
    /// What a person is to the queue. A person may have several roles, or none, and then sees nothing.
    pub enum Role {
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
    pub enum Status {
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
    pub enum Act {
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
    pub enum Ending {
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
        /// An event that the provider's books have and that never reached us: it is paid as the webhook would have paid it.
        Replay = "replay",
        /// What the books said against each other they say no more. The reconciler alone ends a case so, and none that a
        /// person has taken up.
        Explained = "explained",
    }
}

words! {
    /// How far a batch of payouts by hand has come.
    pub enum BatchState {
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
        matches!(self, Self::OwnOrder | Self::Reissue) || self.is_webhooks_own()
    }

    /// The payout that the webhook would have made: the first attempt under the event's own key, so that whoever is first, a
    /// delivery of the event or two people, is the only one.
    pub fn is_webhooks_own(self) -> bool {
        matches!(self, Self::LiftLimit | Self::Replay)
    }

    /// People may propose it.
    pub fn is_for_people(self) -> bool {
        self != Self::Explained
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
        matches!(self, Self::NotPaid | Self::PaidElsewhere) || self.pays()
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
        if self == Self::Reissue && verdict.is_none_or(|verdict| verdict.outcome == Outcome::Accepted) {
            return false;
        }
        ANY_CASE.contains(&self) || reason.rules().endings.contains(&self)
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

/// The bank's files are evidence for the books: whoever may attach evidence to a case may hand them in.
pub fn may_import(roles: &[Role]) -> bool {
    may(roles, Act::Attach)
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

/// What the books say may end it without a person: nobody has taken it up.
pub fn is_untouched(status: Status, has_owner: bool) -> bool {
    matches!(status, Status::Open | Status::Reopened) && !has_owner
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
    fn each_role_may_do_the_acts_of_its_list_alone() {
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
    fn whoever_may_attach_evidence_may_hand_in_the_banks_files_and_nobody_else() {
        for (role, allowed) in
            [(Role::Viewer, false), (Role::Analyst, true), (Role::Approver, true), (Role::Auditor, false)]
        {
            assert_eq!(may_import(&[role]), allowed, "{role}");
        }
        assert!(!may_import(&[]));
    }

    #[test]
    fn case_is_resolved_by_approving_a_proposal_alone() {
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

    /// Each way from one state to another, and each act that is no way.
    #[test]
    fn each_act_leads_to_its_own_state_or_is_not_possible() {
        use Status::{AwaitingApproval, InReview, Open, Reopened, Resolved};
        let ways = [
            (Open, Act::Assign, InReview),
            (Reopened, Act::Assign, InReview),
            (InReview, Act::Assign, InReview),
            (AwaitingApproval, Act::Assign, AwaitingApproval),
            (Open, Act::Propose, AwaitingApproval),
            (InReview, Act::Propose, AwaitingApproval),
            (Reopened, Act::Propose, AwaitingApproval),
            (AwaitingApproval, Act::Approve, Resolved),
            (AwaitingApproval, Act::SendBack, InReview),
            (Resolved, Act::Reopen, Reopened),
        ];
        for status in Status::ALL {
            for act in Act::ALL {
                let way = ways.iter().find(|(from, by, _)| (from, by) == (status, act)).map(|(.., to)| *to);
                let stays = matches!(act, Act::Comment | Act::Attach | Act::LookUp).then_some(*status);
                assert_eq!(next(*status, *act), way.or(stays), "{status} {act}");
            }
        }
    }

    /// What a person has taken up, a person ends.
    #[test]
    fn the_books_end_only_what_nobody_has_taken_up() {
        for status in Status::ALL {
            let is_new = matches!(status, Status::Open | Status::Reopened);
            assert_eq!(is_untouched(*status, false), is_new, "{status}");
            assert!(!is_untouched(*status, true), "{status}");
            assert_eq!(status.is_open(), *status != Status::Resolved, "{status}");
        }
        for ending in Ending::ALL {
            assert_eq!(ending.is_for_people(), *ending != Ending::Explained, "{ending}");
        }
    }

    /// Asked for a receipt of what is paid by hand, people would pay before the ending binds.
    #[test]
    fn evidence_comes_before_a_confirmation_and_after_a_payment_by_hand() {
        let endings = |of: fn(Ending) -> bool| Ending::ALL.iter().copied().filter(|it| of(*it)).collect::<Vec<_>>();
        assert_eq!(endings(Ending::needs_evidence), [Ending::ConfirmedAccepted]);
        assert_eq!(endings(Ending::wants_evidence), [Ending::PaidElsewhere, Ending::ConfirmedAccepted]);
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
    fn reissue_is_offered_for_attempts_that_were_not_accepted_alone() {
        for reason in Reason::ALL {
            assert!(!Ending::Reissue.is_offered(*reason, Some(Verdict::plain(Outcome::Accepted))), "{reason}");
            assert!(!Ending::Reissue.is_offered(*reason, None), "{reason}");
            assert_eq!(Ending::OwnOrder.is_offered(*reason, None), *reason == Reason::SecondEventForKey);
            let by_limit = matches!(reason, Reason::InvalidEvent | Reason::StaleEvent);
            assert_eq!(Ending::LiftLimit.is_offered(*reason, None), by_limit);
            assert_eq!(Ending::Replay.is_offered(*reason, None), *reason == Reason::EventMissing);
            assert!(!Ending::Explained.is_offered(*reason, None), "no person ends a case so: {reason}");
        }
        assert!(Ending::Reissue.is_offered(Reason::PayoutUnknown, Some(Verdict::UNKNOWN)));
        assert_eq!(Ending::ALL.iter().filter(|ending| ending.pays()).count(), 4);
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
}
