//! Why a case is opened, and what follows from it: one row of rules for each reason. A new reason is added here, gets its words
//! in the console, and nothing else has to know it.

use crate::case::Ending;
use crate::outcome::Outcome;

crate::words! {
    /// Why a case was opened.
    pub enum Reason {
        /// The rail refused the payout.
        PayoutRejected = "payout_rejected",
        /// The payout may or may not have been made.
        PayoutUnknown = "payout_unknown",
        /// The payout was claimed, and its request never left.
        PayoutNotSent = "payout_not_sent",
        /// A claim has no outcome: its worker died. It may or may not have paid.
        AttemptAbandoned = "attempt_abandoned",
        /// We asked the provider to come back, and it never did.
        RefusedNotRedelivered = "refused_not_redelivered",
        /// Another event asks for a payout that is already claimed.
        SecondEventForKey = "second_event_for_key",
        /// The same event came again with another sum or payee.
        ConflictingDuplicate = "conflicting_duplicate",
        /// A signed event asks for a payout that its rule does not allow.
        InvalidEvent = "invalid_event",
        /// A signed event of a type that no rule names and that is not ignored.
        UnroutedEvent = "unrouted_event",
        /// The event is older than the moment from which payouts are made here.
        BeforeCutover = "before_cutover",
        /// The event is older than its rule's `max_age`: what it says may not be so any more.
        StaleEvent = "stale_event",
        /// The payment was given back, or disputed, before its payout was claimed. Nothing was sent.
        BlockedBeforePayout = "blocked_before_payout",
        /// The payment was given back, or disputed, after its payout was claimed.
        BlockedAfterPayout = "blocked_after_payout",
        /// A worker reported after its attempt was given up.
        LateOutcome = "late_outcome",
        /// The rail replayed an answer on the first use of a key: somebody else sent it.
        PayoutReplayed = "payout_replayed",
        /// The rail took the order and later gave the money back.
        PayoutReturned = "payout_returned",
        /// The provider's books name an event that never reached us.
        EventMissing = "event_missing",
        /// We hold a payout as accepted that the rail's books do not have.
        PayoutMissing = "payout_missing",
        /// The rail's books hold a payout that nothing here asked for.
        PayoutOrphan = "payout_orphan",
        /// The books disagree on the sum.
        AmountMismatch = "amount_mismatch",
        /// The books disagree on the payee.
        PayeeMismatch = "payee_mismatch",
    }
}

/// What a case is about, and with that how much of the tables speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// One attempt that ended without a plain acceptance: it may be tried again once it is known not to have paid.
    Attempt,
    /// A payout that was claimed, and of which something must be explained: it is not tried again.
    Payout,
    /// An event that has no attempt of its own. When its case ends, nothing but a closing claim keeps the event from being paid
    /// later.
    Event,
    /// A delivery of an event that has its attempt already.
    Redelivery,
}

/// The order of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    NothingMoved = 1,
    PayeeWaits = 2,
    /// Money may have left unseen.
    MayHaveLeft = 3,
}

/// What follows from a reason.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub about: About,
    pub risk: Risk,
    /// What is known about the payout, by the reason alone. `None`: it is about no attempt, or about more than one source.
    pub certainty: Option<Outcome>,
    /// The endings that may be proposed beside those of [`ANY_CASE`].
    pub endings: &'static [Ending],
    /// What the rail's books show decides which endings are true. Not where they are what must be explained, or where the
    /// payout was made and its money is settled with the payee.
    pub books_decide: bool,
}

/// The endings that may be proposed for a case of any reason.
pub const ANY_CASE: [Ending; 4] = [Ending::PaidElsewhere, Ending::NotPaid, Ending::WrittenOff, Ending::DuplicateOf];

impl Reason {
    /// Exhaustive, without a wildcard: a new reason does not compile until its row is here.
    pub const fn rules(self) -> Rules {
        use Ending::{ConfirmedAccepted, LiftLimit, OwnOrder, Reissue, Replay};
        use Outcome::{Accepted, NotSent, Rejected, Unknown};
        use Risk::{MayHaveLeft, NothingMoved, PayeeWaits};

        match self {
            Self::PayoutRejected => Rules::of_attempt(PayeeWaits, Rejected, &[Reissue]),
            Self::PayoutUnknown => Rules::of_attempt(MayHaveLeft, Unknown, &[Reissue, ConfirmedAccepted]),
            Self::PayoutNotSent => Rules::of_attempt(PayeeWaits, NotSent, &[Reissue]),
            Self::AttemptAbandoned => Rules::of_attempt(MayHaveLeft, Unknown, &[Reissue, ConfirmedAccepted]),
            Self::RefusedNotRedelivered => Rules::of_event(PayeeWaits, &[]),
            Self::SecondEventForKey => Rules::of_event(PayeeWaits, &[OwnOrder]),
            Self::ConflictingDuplicate => {
                Rules { about: About::Redelivery, risk: PayeeWaits, certainty: None, endings: &[], books_decide: false }
            }
            // Only where nothing but the limit is wrong with it, which the reason alone does not say.
            Self::InvalidEvent => Rules::of_event(NothingMoved, &[LiftLimit]),
            Self::UnroutedEvent => Rules::of_event(NothingMoved, &[]),
            Self::BeforeCutover => Rules::of_event(NothingMoved, &[]),
            Self::StaleEvent => Rules::of_event(PayeeWaits, &[LiftLimit]),
            Self::BlockedBeforePayout => Rules::of_event(NothingMoved, &[]),
            Self::BlockedAfterPayout => Rules::of_payout(MayHaveLeft, None, &[]),
            Self::LateOutcome => {
                Rules { books_decide: true, ..Rules::of_payout(MayHaveLeft, None, &[ConfirmedAccepted]) }
            }
            Self::PayoutReplayed => {
                Rules { books_decide: true, ..Rules::of_payout(MayHaveLeft, Some(Accepted), &[ConfirmedAccepted]) }
            }
            Self::PayoutReturned => Rules::of_payout(PayeeWaits, Some(Accepted), &[]),
            Self::EventMissing => Rules::of_event(PayeeWaits, &[Replay]),
            Self::PayoutMissing => Rules::of_payout(PayeeWaits, None, &[ConfirmedAccepted]),
            Self::PayoutOrphan => Rules::of_payout(MayHaveLeft, None, &[]),
            Self::AmountMismatch => Rules::of_payout(MayHaveLeft, None, &[ConfirmedAccepted]),
            Self::PayeeMismatch => Rules::of_payout(MayHaveLeft, None, &[ConfirmedAccepted]),
        }
    }

    /// See [`About::Event`].
    pub fn is_claimless(self) -> bool {
        self.rules().about == About::Event
    }

    /// Whether the attempts under its key say how the case stands, and not those of another event that it met.
    pub fn is_about_a_payout(self) -> bool {
        match self.rules().about {
            About::Attempt | About::Payout => true,
            About::Event | About::Redelivery => false,
        }
    }
}

impl Rules {
    const fn of_attempt(risk: Risk, certainty: Outcome, endings: &'static [Ending]) -> Self {
        Self { about: About::Attempt, risk, certainty: Some(certainty), endings, books_decide: true }
    }

    const fn of_event(risk: Risk, endings: &'static [Ending]) -> Self {
        Self { about: About::Event, risk, certainty: None, endings, books_decide: true }
    }

    const fn of_payout(risk: Risk, certainty: Option<Outcome>, endings: &'static [Ending]) -> Self {
        Self { about: About::Payout, risk, certainty, endings, books_decide: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_offers_another_attempt_only_when_it_is_about_one_that_was_not_accepted() {
        for reason in Reason::ALL {
            let rules = reason.rules();
            assert_eq!(rules.endings.contains(&Ending::Reissue), rules.about == About::Attempt, "{reason}");
            let is_open = matches!(rules.certainty, Some(Outcome::Rejected | Outcome::NotSent | Outcome::Unknown));
            assert_eq!(is_open, rules.about == About::Attempt, "{reason}");
            assert!(rules.endings.iter().all(|ending| !ANY_CASE.contains(ending)), "{reason}");
        }
    }

    /// Their endings take the place in which the event could still be claimed; of the others a claim has it already.
    #[test]
    fn case_without_a_claim_is_known_by_its_reason() {
        use Reason::*;
        let claimless = [
            RefusedNotRedelivered,
            SecondEventForKey,
            InvalidEvent,
            UnroutedEvent,
            BeforeCutover,
            StaleEvent,
            BlockedBeforePayout,
            EventMissing,
        ];
        for reason in Reason::ALL {
            assert_eq!(reason.is_claimless(), claimless.contains(reason), "{reason}");
            let is_of_an_event = reason.is_claimless() || *reason == ConflictingDuplicate;
            assert_eq!(reason.is_about_a_payout(), !is_of_an_event, "{reason}");
        }
    }

    /// Elsewhere the books are what must be explained, or the money is settled with the payee.
    #[test]
    fn books_decide_where_a_payout_is_in_doubt() {
        for reason in Reason::ALL {
            let is_explained = matches!(
                reason,
                Reason::ConflictingDuplicate
                    | Reason::BlockedAfterPayout
                    | Reason::PayoutReturned
                    | Reason::PayoutMissing
                    | Reason::PayoutOrphan
                    | Reason::AmountMismatch
                    | Reason::PayeeMismatch
            );
            assert_eq!(reason.rules().books_decide, !is_explained, "{reason}");
        }
    }

    #[test]
    fn only_an_event_without_an_attempt_is_paid_for_the_first_time() {
        for reason in Reason::ALL {
            let begins = reason.rules().endings.iter().any(|it| it.pays() && *it != Ending::Reissue);
            assert!(!begins || reason.is_claimless(), "{reason}");
        }
    }

    #[test]
    fn nothing_can_be_confirmed_that_no_attempt_asked_for() {
        for reason in Reason::ALL {
            let confirms = reason.rules().endings.contains(&Ending::ConfirmedAccepted);
            assert!(!confirms || reason.is_about_a_payout(), "{reason}");
        }
    }

    #[test]
    fn an_unknown_payout_has_the_highest_risk() {
        for reason in Reason::ALL {
            let rules = reason.rules();
            assert!(rules.certainty != Some(Outcome::Unknown) || rules.risk == Risk::MayHaveLeft, "{reason}");
        }
    }
}
