//! The certainty ladder, and the reasons for which a case is opened.

use std::fmt;

/// What is known about one attempt. Decided by what the socket did and by the rail's complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The rail took the order: a complete 2xx with its payout id and a status that its table lists as accepted.
    Accepted,
    /// The rail refused, in its own error format, with an answer that its table lists as not executed.
    Rejected,
    /// No byte of the request was offered to the connection.
    NotSent,
    /// Everything else.
    Unknown,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Rejected, Self::NotSent, Self::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An outcome with the two marks that decide what may follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    pub outcome: Outcome,
    /// The rail said that it replays an earlier answer: somebody else used this rail key first.
    pub replayed: bool,
    /// A refusal that the rail's table marks as made before the request was begun: its rail key is still fresh.
    pub not_begun: bool,
}

impl Verdict {
    pub const UNKNOWN: Self = Self::plain(Outcome::Unknown);
    pub const NOT_SENT: Self = Self::plain(Outcome::NotSent);

    pub const fn plain(outcome: Outcome) -> Self {
        Self { outcome, replayed: false, not_begun: false }
    }

    /// The case that must be written together with this verdict, if any.
    pub fn reason(&self) -> Option<Reason> {
        match self.outcome {
            Outcome::Accepted if self.replayed => Some(Reason::PayoutReplayed),
            Outcome::Accepted => None,
            Outcome::Rejected => Some(Reason::PayoutRejected),
            Outcome::NotSent => Some(Reason::PayoutNotSent),
            Outcome::Unknown => Some(Reason::PayoutUnknown),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a case was opened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
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
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_parses_back() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(*reason));
        }
    }

    #[test]
    fn only_a_plain_acceptance_needs_no_case() {
        for outcome in Outcome::ALL {
            assert_eq!(Verdict::plain(outcome).reason().is_none(), outcome == Outcome::Accepted);
        }
        assert!(Verdict { replayed: true, ..Verdict::plain(Outcome::Accepted) }.reason().is_some());
    }
}
