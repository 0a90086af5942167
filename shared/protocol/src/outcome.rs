//! The certainty ladder: what is known about one attempt.

pub use crate::reason::Reason;

crate::words! {
    /// What is known about one attempt. Decided by what the socket did and by the rail's complete answer.
    pub enum Outcome {
        /// The rail took the order: a complete 2xx with its payout id and a status that its table lists as accepted.
        Accepted = "accepted",
        /// The rail refused, in its own error format, with an answer that its table lists as not executed.
        Rejected = "rejected",
        /// No byte of the request was offered to the connection.
        NotSent = "not_sent",
        /// Everything else.
        Unknown = "unknown",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_acceptance_needs_no_case() {
        for outcome in Outcome::ALL {
            assert_eq!(Verdict::plain(*outcome).reason().is_none(), *outcome == Outcome::Accepted);
        }
        assert!(Verdict { replayed: true, ..Verdict::plain(Outcome::Accepted) }.reason().is_some());
    }
}
