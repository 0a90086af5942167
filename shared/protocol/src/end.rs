//! How one event of a delivery ended, in one word and one reason: what is answered, logged and counted.

use crate::event::{Answer, Recorded};
use crate::outcome::{Outcome, Reason};

/// How one event of a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It asks for no payout.
    NoPayout,
    /// It asks for no payout, and bars one that was not made.
    Barred,
    /// It is no order; a case is open.
    Filed(Reason),
    /// It is no order, and its case could not be written.
    NotFiled,
    /// The protocol's answer to an order.
    Order(Answer),
}

impl End {
    /// The word for answers, logs and metrics.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::NoPayout => "no_payout",
            Self::Barred => "barred",
            Self::Filed(_) | Self::Order(Answer::Filed(_)) => "filed",
            Self::Order(Answer::Done(verdict, _)) => verdict.outcome.as_str(),
            Self::Order(Answer::Duplicate) => "duplicate",
            Self::NotFiled | Self::Order(Answer::Refused(_)) => "refused",
            Self::Order(Answer::Impossible) => "impossible",
        }
    }

    /// Nobody has anything to look at: it was paid and is on record, was handled before, or asks for nothing.
    pub fn is_plain(self) -> bool {
        match self {
            Self::NoPayout | Self::Barred | Self::Order(Answer::Duplicate) => true,
            Self::Order(Answer::Done(verdict, Recorded::Durable)) => {
                verdict.outcome == Outcome::Accepted && verdict.reason().is_none()
            }
            Self::Filed(_) | Self::NotFiled => false,
            Self::Order(Answer::Done(..) | Answer::Filed(_) | Answer::Refused(_) | Answer::Impossible) => false,
        }
    }

    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::NoPayout | Self::Barred | Self::Order(Answer::Duplicate | Answer::Impossible) => None,
            Self::Filed(reason) | Self::Order(Answer::Filed(reason)) => Some(reason.as_str()),
            Self::Order(Answer::Done(verdict, Recorded::Durable)) => verdict.reason().map(Reason::as_str),
            Self::Order(Answer::Done(_, Recorded::Late)) => Some(Reason::LateOutcome.as_str()),
            Self::Order(Answer::Done(_, Recorded::Failed)) => Some("unrecorded"),
            Self::NotFiled => Some("case_not_written"),
            Self::Order(Answer::Refused(refusal)) => Some(refusal.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Refusal;
    use crate::outcome::Verdict;

    /// Whoever counts, logs and answers has these words alone.
    #[test]
    fn only_what_needs_nobody_is_plain_and_everything_else_says_why() {
        let done = |verdict, recorded| End::Order(Answer::Done(verdict, recorded));
        let accepted = Verdict::plain(Outcome::Accepted);
        let replayed = Verdict { replayed: true, ..accepted };
        let late = Reason::LateOutcome.as_str();
        for (end, outcome, reason, is_plain) in [
            (End::NoPayout, "no_payout", None, true),
            (End::Barred, "barred", None, true),
            (End::Filed(Reason::InvalidEvent), "filed", Some("invalid_event"), false),
            (End::NotFiled, "refused", Some("case_not_written"), false),
            (done(accepted, Recorded::Durable), "accepted", None, true),
            (done(accepted, Recorded::Late), "accepted", Some(late), false),
            (done(accepted, Recorded::Failed), "accepted", Some("unrecorded"), false),
            (done(replayed, Recorded::Durable), "accepted", Some("payout_replayed"), false),
            (done(Verdict::UNKNOWN, Recorded::Durable), "unknown", Some("payout_unknown"), false),
            (done(Verdict::NOT_SENT, Recorded::Durable), "not_sent", Some("payout_not_sent"), false),
            (End::Order(Answer::Duplicate), "duplicate", None, true),
            (End::Order(Answer::Filed(Reason::SecondEventForKey)), "filed", Some("second_event_for_key"), false),
            (End::Order(Answer::Refused(Refusal::ClaimUncertain)), "refused", Some("claim_uncertain"), false),
            (End::Order(Answer::Impossible), "impossible", None, false),
        ] {
            assert_eq!((end.outcome(), end.reason(), end.is_plain()), (outcome, reason, is_plain), "{end:?}");
        }
    }
}
