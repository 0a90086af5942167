//! What finance reads about each reason of a case: one row of words for each, beside its row of rules in
//! `payonce_protocol::reason`.

use payonce_protocol::reason::{About, Reason, Risk};

use super::icon::Icon;
use super::words::{Words, outcome_icon, outcome_tone};

struct Row {
    /// A few words, for a cell of a table or a choice in a form.
    label: &'static str,
    /// One sentence: what happened.
    says: &'static str,
    /// The sentence at the top of a case: whether money moved, as far as it is known.
    known: &'static str,
    /// What to do when nothing can be said about a further attempt.
    advice: &'static str,
}

const NOT_KNOWN: &str = "We do not know whether this was paid.";
const NO_ATTEMPT: &str = "Nothing was sent. There was no attempt to pay.";
const OTHER_PAID: &str = "Nothing was paid for this event. A payout with the same key exists.";
const STILL_OPEN: &str = "The attempt has not been closed yet. The sweeper closes it within minutes; come back then.";
const CORRECT_RULES: &str =
    "Find out what the sender meant. If the rules are wrong, have them corrected; then resolve this case.";
const DELIVER_AGAIN: &str =
    "Look at the provider's dashboard: deliver the event again there, or settle it another way.";
const WHO_ELSE: &str = "Find out who else sends payouts to this rail account.";
const COMPARE_BOOKS: &str = "Ask the rail, and compare its books with ours.";

/// Exhaustive, without a wildcard: a new reason does not compile until it has its words.
const fn row(reason: Reason) -> Row {
    match reason {
        Reason::PayoutRejected => Row {
            label: "Refused by the rail",
            says: "The rail answered in its own format that it will not execute this payout.",
            known: "The rail refused this. It says that no money moved.",
            advice: STILL_OPEN,
        },
        Reason::PayoutUnknown => Row {
            label: "No clear answer from the rail",
            says: "The request left us, and no complete answer came back that we could rely on.",
            known: NOT_KNOWN,
            advice: STILL_OPEN,
        },
        Reason::PayoutNotSent => Row {
            label: "Request never left",
            says: "The payout was claimed, and not one byte of its request was sent.",
            known: "This was not sent. No money moved.",
            advice: STILL_OPEN,
        },
        Reason::AttemptAbandoned => Row {
            label: "Worker died while paying",
            says: "A worker began this payout and never said how it ended.",
            known: NOT_KNOWN,
            advice: STILL_OPEN,
        },
        Reason::RefusedNotRedelivered => Row {
            label: "Provider did not come back",
            says: "We asked the provider to deliver the event again, and it never did.",
            known: NO_ATTEMPT,
            advice: DELIVER_AGAIN,
        },
        Reason::SecondEventForKey => Row {
            label: "Second event, same payout",
            says: "Another event asks for a payout that was already claimed.",
            known: OTHER_PAID,
            advice: "Compare both events. If both are rightful, propose to pay this one as an order of its own.",
        },
        Reason::ConflictingDuplicate => Row {
            label: "Same event, other terms",
            says: "The same event came again, with another sum or another payee.",
            known: OTHER_PAID,
            advice: "Compare both deliveries, and ask the provider which terms hold.",
        },
        Reason::InvalidEvent => Row {
            label: "Event asks for what no rule allows",
            says: "The event is properly signed, but its rule does not allow the payout it asks for.",
            known: NO_ATTEMPT,
            advice: CORRECT_RULES,
        },
        Reason::UnroutedEvent => Row {
            label: "Event type without a rule",
            says: "The event is properly signed, but no rule says what to do with its type.",
            known: NO_ATTEMPT,
            advice: CORRECT_RULES,
        },
        Reason::BeforeCutover => Row {
            label: "Older than our start",
            says: "The event happened before the moment from which payouts are made here.",
            known: NO_ATTEMPT,
            advice: "Find out whether the payout was made before payonce took over.",
        },
        Reason::StaleEvent => Row {
            label: "Event is too old",
            says: "The event is older than its rule allows: what it says may have changed since.",
            known: NO_ATTEMPT,
            advice: "Look at the payment in the provider's dashboard as it stands today: was it paid out, given back, \
                     disputed?",
        },
        Reason::BlockedBeforePayout => Row {
            label: "Given back before it was paid",
            says: "The buyer's payment was given back or disputed before its payout was claimed, so nothing was paid.",
            known: NO_ATTEMPT,
            advice: "Look at the payment in the provider's dashboard. Of what was given back in part, payonce pays nothing: \
                     propose \"Paid another way\", and once that is approved pay what remains at the rail yourself.",
        },
        Reason::BlockedAfterPayout => Row {
            label: "Given back after it was paid",
            says: "The buyer's payment was given back or disputed after its payout had been claimed.",
            known: "This was paid, or may have been, and the buyer's payment was given back or is disputed.",
            advice: "Read the payout's outcome in the timeline. If the payee was paid, settle with the payee what was given \
                     back: all of it, or the part that the provider's dashboard names.",
        },
        Reason::LateOutcome => Row {
            label: "Answer after we gave up",
            says: "The worker reported an outcome after its attempt had been given up.",
            known: "An answer came after we had given up. Read it before anything else.",
            advice: "Read the late answer in the timeline, and compare it with the rail's books.",
        },
        Reason::PayoutReplayed => Row {
            label: "Rail had seen this key before",
            says: "On our first use of its key the rail repeated an earlier answer: somebody else sent it.",
            known: "The rail accepted this, but somebody else had used its key first.",
            advice: WHO_ELSE,
        },
        Reason::PayoutReturned => Row {
            label: "Money came back",
            says: "The payout was made, and the money or a part of it came back.",
            known: "This was paid, and the money came back.",
            advice: "Find out why the rail gave it back, and settle it with the payee.",
        },
        Reason::EventMissing => Row {
            label: "Event never reached us",
            says: "The provider's books name an event that never reached us.",
            known: "The provider expected a payout. We never heard of it.",
            advice: DELIVER_AGAIN,
        },
        Reason::PayoutMissing => Row {
            label: "Paid, and not in the books",
            says: "We hold this payout as made, and the rail's or the bank's books do not have it.",
            known: "We believe this was paid. The books do not show it.",
            advice: COMPARE_BOOKS,
        },
        Reason::PayoutOrphan => Row {
            label: "Payout nobody asked for",
            says: "The books hold a payout that nothing asked for: a stranger's, a second one, or one for an event that the \
                   provider does not know.",
            known: "Something was paid that nobody asked for.",
            advice: WHO_ELSE,
        },
        Reason::AmountMismatch => Row {
            label: "Sums differ",
            says: "Two books name different sums for one payout.",
            known: "Something was paid. The books disagree on how much.",
            advice: COMPARE_BOOKS,
        },
        Reason::PayeeMismatch => Row {
            label: "Payees differ",
            says: "Two books name different payees for one payout.",
            known: "Something was paid. The books disagree on who has it.",
            advice: COMPARE_BOOKS,
        },
    }
}

impl Words for Reason {
    fn label(self) -> &'static str {
        row(self).label
    }

    fn says(self) -> &'static str {
        row(self).says
    }
}

pub fn known(reason: Reason) -> &'static str {
    row(reason).known
}

pub(crate) fn advice(reason: Reason) -> &'static str {
    row(reason).advice
}

/// What is known about the payout, in a few words.
pub fn certainty(reason: Reason) -> &'static str {
    let rules = reason.rules();
    if is_to_be_explained(reason) { "To be explained" } else { rules.certainty.label() }
}

/// Several sources speak of its payout, and do not agree: that is no one attempt's outcome, and not "no attempt" either.
fn is_to_be_explained(reason: Reason) -> bool {
    let rules = reason.rules();
    rules.about == About::Payout && rules.certainty.is_none()
}

/// Told apart by shape; the text stands beside it.
pub fn certainty_icon(reason: Reason) -> Icon {
    match reason.rules().certainty {
        None if is_to_be_explained(reason) => Icon::Accepted,
        None => Icon::NoAttempt,
        Some(outcome) => outcome_icon(outcome),
    }
}

/// For the style sheet.
pub(crate) fn tone(reason: Reason) -> &'static str {
    match reason.rules().certainty {
        None if is_to_be_explained(reason) => "odd",
        None => "none",
        Some(outcome) => outcome_tone(outcome),
    }
}

pub fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::MayHaveLeft => "money may have left",
        Risk::PayeeWaits => "payee waits",
        Risk::NothingMoved => "nothing moved",
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::outcome::Outcome;

    use super::*;

    #[test]
    fn top_of_a_case_says_what_is_known_and_no_more() {
        for reason in Reason::ALL {
            let (says, rules) = (known(*reason), reason.rules());
            assert!(says.ends_with('.') && advice(*reason).ends_with(['.', '?']), "{reason}");
            let is_unknown = rules.certainty == Some(Outcome::Unknown);
            assert_eq!(says.starts_with("We do not know"), is_unknown, "{reason}");
            // Nothing was sent only where nothing can have been sent.
            let is_unsent = rules.about == About::Event || rules.certainty == Some(Outcome::NotSent);
            assert!(is_unsent || !says.starts_with("Nothing was sent"), "{reason}");
            let is_other = matches!(reason, Reason::ConflictingDuplicate | Reason::SecondEventForKey);
            assert_eq!(says == OTHER_PAID, is_other, "{reason}");
        }
    }

    #[test]
    fn what_must_be_explained_is_not_called_no_attempt() {
        assert_eq!(certainty(Reason::AmountMismatch), "To be explained");
        assert_eq!(certainty(Reason::BlockedAfterPayout), "To be explained");
        assert_eq!(certainty(Reason::InvalidEvent), "No attempt");
        assert_eq!(certainty(Reason::AttemptAbandoned), "We do not know");
    }
}
