//! Codes in plain words: what finance reads instead of `payout_unknown`. One table for each kind of code; the tests hold
//! them to be complete.

use payonce_protocol::case::{self, Act, Ending, Role, Status};
use payonce_protocol::outcome::{Outcome, Reason};

use super::format::{day_of, shown};
use super::icon::Icon;

/// A code as people say it.
pub trait Words: Copy {
    /// A few words, for a cell of a table or a choice in a form.
    fn label(self) -> &'static str;
    /// One sentence.
    fn says(self) -> &'static str;
}

impl Words for Reason {
    fn label(self) -> &'static str {
        match self {
            Self::PayoutRejected => "Refused by the rail",
            Self::PayoutUnknown => "No clear answer from the rail",
            Self::PayoutNotSent => "Request never left",
            Self::AttemptAbandoned => "Worker died while paying",
            Self::RefusedNotRedelivered => "Provider did not come back",
            Self::SecondEventForKey => "Second event, same payout",
            Self::ConflictingDuplicate => "Same event, other terms",
            Self::InvalidEvent => "Event asks for what no rule allows",
            Self::UnroutedEvent => "Event type without a rule",
            Self::BeforeCutover => "Older than our start",
            Self::StaleEvent => "Event is too old",
            Self::BlockedBeforePayout => "Given back before it was paid",
            Self::BlockedAfterPayout => "Given back after it was paid",
            Self::LateOutcome => "Answer after we gave up",
            Self::PayoutReplayed => "Rail had seen this key before",
            Self::PayoutReturned => "Money came back",
            Self::EventMissing => "Event never reached us",
            Self::PayoutMissing => "Not in the rail's books",
            Self::PayoutOrphan => "Payout nobody asked for",
            Self::AmountMismatch => "Sums differ",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::PayoutRejected => "The rail answered in its own format that it will not execute this payout.",
            Self::PayoutUnknown => "The request left us, and no complete answer came back that we could rely on.",
            Self::PayoutNotSent => "The payout was claimed, and not one byte of its request was sent.",
            Self::AttemptAbandoned => "A worker began this payout and never said how it ended.",
            Self::RefusedNotRedelivered => "We asked the provider to deliver the event again, and it never did.",
            Self::SecondEventForKey => "Another event asks for a payout that was already claimed.",
            Self::ConflictingDuplicate => "The same event came again, with another sum or another payee.",
            Self::InvalidEvent => "The event is properly signed, but its rule does not allow the payout it asks for.",
            Self::UnroutedEvent => "The event is properly signed, but no rule says what to do with its type.",
            Self::BeforeCutover => "The event happened before the moment from which payouts are made here.",
            Self::StaleEvent => "The event is older than its rule allows: what it says may have changed since.",
            Self::BlockedBeforePayout => {
                "The buyer's payment was given back or disputed before its payout was claimed, so nothing was paid."
            }
            Self::BlockedAfterPayout => {
                "The buyer's payment was given back or disputed after its payout had been claimed."
            }
            Self::LateOutcome => "The worker reported an outcome after its attempt had been given up.",
            Self::PayoutReplayed => {
                "On our first use of its key the rail repeated an earlier answer: somebody else sent it."
            }
            Self::PayoutReturned => "The rail took the payout and later gave the money back.",
            Self::EventMissing => "The provider's books name an event that never reached us.",
            Self::PayoutMissing => "We hold this payout as accepted, and the rail's books do not have it.",
            Self::PayoutOrphan => "The rail's books hold a payout that nothing here asked for.",
            Self::AmountMismatch => "Our books and the rail's books name different sums for one payout.",
        }
    }
}

/// The one sentence at the top of a case: whether money moved, as far as it is known.
pub fn known(reason: Reason) -> &'static str {
    match (case::certainty(reason), reason) {
        (Some(Outcome::Unknown), _) => "We do not know whether this was paid.",
        (Some(Outcome::NotSent), _) => "This was not sent. No money moved.",
        (Some(Outcome::Rejected), _) => "The rail refused this. It says that no money moved.",
        (_, Reason::PayoutReturned) => "This was paid, and the money came back.",
        (_, Reason::PayoutReplayed) => "The rail accepted this, but somebody else had used its key first.",
        (_, Reason::LateOutcome) => "An answer came after we had given up. Read it before anything else.",
        (_, Reason::PayoutMissing) => "We believe this was paid. The rail's books do not show it.",
        (_, Reason::PayoutOrphan) => "The rail paid something that we did not ask for.",
        (_, Reason::AmountMismatch) => "Something was paid. The books disagree on how much.",
        (_, Reason::ConflictingDuplicate | Reason::SecondEventForKey) => {
            "Nothing was paid for this event. A payout with the same key exists."
        }
        (_, Reason::BlockedAfterPayout) => {
            "This was paid, or may have been, and the buyer's payment was given back or is disputed."
        }
        (_, Reason::EventMissing) => "The provider expected a payout. We never heard of it.",
        (Some(Outcome::Accepted), _) => "The rail accepted this. Something about it must be explained.",
        (None, _) => "Nothing was sent. There was no attempt to pay.",
    }
}

/// The same sentence once two people have agreed how the case ended.
pub fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::PaidElsewhere => "This was paid, by a way outside payonce.",
        Ending::ConfirmedAccepted => "This was paid. The rail's books show it.",
        Ending::NotPaid => "This was not paid, and nothing is owed.",
        Ending::WrittenOff => "This was written off.",
        Ending::DuplicateOf => "This is the same as another case, and is settled there.",
        Ending::OwnOrder => "It was paid as an order of its own. How that ended, its own attempt says.",
        Ending::Reissue => "It was tried again. How that ended, its own outcome says.",
        Ending::LiftLimit => "The limit was lifted for this one payout. How that ended, its own attempt says.",
    }
}

/// What is known about the payout; `None`: there was no attempt.
impl Words for Option<Outcome> {
    fn label(self) -> &'static str {
        match self {
            Some(Outcome::NotSent) => "Not sent",
            Some(Outcome::Rejected) => "Refused",
            Some(Outcome::Unknown) => "We do not know",
            Some(Outcome::Accepted) => "Accepted, to be explained",
            None => "No attempt",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Some(Outcome::NotSent) => "Not one byte of the request left us.",
            Some(Outcome::Rejected) => "The rail refused, in an answer that its documentation lists as not executed.",
            Some(Outcome::Unknown) => "The request may have arrived, and may have been executed.",
            Some(Outcome::Accepted) => "The rail took the order, and something about it does not fit.",
            None => "This case is not about an attempt to pay.",
        }
    }
}

/// Of a case: books that disagree are about no one attempt, and are not "no attempt" either.
pub fn certainty(reason: Reason) -> &'static str {
    if is_about_books(reason) { "To be explained" } else { case::certainty(reason).label() }
}

fn is_about_books(reason: Reason) -> bool {
    matches!(reason, Reason::LateOutcome | Reason::PayoutMissing | Reason::PayoutOrphan | Reason::AmountMismatch)
}

/// How one attempt ended, where acceptance is the plain good case.
pub fn outcome(outcome: Outcome) -> &'static str {
    if outcome == Outcome::Accepted { "Accepted" } else { Some(outcome).label() }
}

/// One attempt: how it ended in words, its tone, its icon.
pub(crate) fn attempt(ended: Option<Outcome>) -> (&'static str, &'static str, Icon) {
    match ended {
        None => ("No outcome yet", "none", Icon::Clock),
        Some(Outcome::Accepted) => ("Accepted", "good", Icon::Done),
        Some(other) => (outcome(other), outcome_tone(other), outcome_icon(other)),
    }
}

/// In addresses, for cases without an attempt.
pub const NO_ATTEMPT: &str = "none";

impl Words for Status {
    fn label(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::InReview => "In review",
            Self::AwaitingApproval => "Awaiting approval",
            Self::Resolved => "Resolved",
            Self::Reopened => "Reopened",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Open => "Nobody has looked at it yet.",
            Self::InReview => "Somebody owns it and works on it.",
            Self::AwaitingApproval => "An ending was proposed; another person decides.",
            Self::Resolved => "Two people agreed how it ended.",
            Self::Reopened => "It was resolved, and is work again.",
        }
    }
}

impl Words for Ending {
    fn label(self) -> &'static str {
        match self {
            Self::PaidElsewhere => "Paid another way",
            Self::ConfirmedAccepted => "Paid: the rail's books show it",
            Self::NotPaid => "Not paid, nothing owed",
            Self::WrittenOff => "Write off",
            Self::DuplicateOf => "Same as another case",
            Self::OwnOrder => "Pay as an order of its own",
            Self::Reissue => "Try again",
            Self::LiftLimit => "Lift the limit, and pay this once",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::PaidElsewhere => {
                "The payee gets the money by a way outside payonce. Pay by hand only once this is approved: the ending keeps \
                 payonce from paying as well."
            }
            Self::ConfirmedAccepted => "The rail did take the order. Attach what shows it.",
            Self::NotPaid => "Nothing was paid and nothing is owed. No money moves.",
            Self::WrittenOff => "The difference is accepted as a loss. No money moves.",
            Self::DuplicateOf => "Another case is about the same thing, and is worked on there.",
            Self::OwnOrder => {
                "A second, rightful payout that shares its key with the first. It is paid under a key of its own."
            }
            Self::Reissue => "The payout is tried once more, and is paid at most once.",
            Self::LiftLimit => {
                "The event is rightful, and only our own limit of sum or age refused it. It is paid once, as it would have been; \
                 should the event come again, nothing more is paid."
            }
        }
    }
}

impl Words for Act {
    fn label(self) -> &'static str {
        match self {
            Self::Assign => "Give to somebody",
            Self::Comment => "Comment",
            Self::Attach => "Attach evidence",
            Self::LookUp => "Ask the rail now",
            Self::Propose => "Propose an ending",
            Self::Approve => "Approve",
            Self::SendBack => "Send back",
            Self::Reopen => "Reopen",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Assign => "The owner works on the case.",
            Self::Comment => "A comment stays with the case for good.",
            Self::Attach => "A file's hash and where it is kept, or a link. payonce keeps no file itself.",
            Self::LookUp => "This only reads the rail's books. Nothing is paid.",
            Self::Propose => "Another person must approve before the case ends.",
            Self::Approve => "The case ends as proposed.",
            Self::SendBack => "The case is in review again, with your note.",
            Self::Reopen => "The case is work again; nothing of its history is lost.",
        }
    }
}

impl Words for Role {
    fn label(self) -> &'static str {
        match self {
            Self::Viewer => "May read",
            Self::Analyst => "May propose",
            Self::Approver => "May approve",
            Self::Auditor => "May audit",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Viewer => "Reads the queue and its cases, without the deliveries' bodies.",
            Self::Analyst => "Works on cases, and proposes how they end.",
            Self::Approver => "Decides on what another person proposed.",
            Self::Auditor => "Reads everything and changes nothing.",
        }
    }
}

/// The roles of a person, for the head of the page.
pub fn roles(roles: &[Role]) -> String {
    let labels: Vec<&str> = roles.iter().map(|role| role.label()).collect();
    labels.join(", ")
}

pub use super::reasons::{code, codes};

/// A field of the address that could not be read, and how to write it.
pub(crate) fn misread(name: &str) -> String {
    match name {
        "from" | "to" => format!(
            "the amount \u{201c}{}\u{201d}: write whole units such as 1234, or two decimals such as 1234,00. What stands \
             before three digits may divide or group, and is not guessed",
            if name == "to" { "up to" } else { "from" }
        ),
        _ => name.to_owned(),
    }
}

/// By ledger's buckets: younger than a day, three, a week; and the rest.
pub const AGES: [&str; 4] = ["under 1 day", "1 to 3 days", "3 to 7 days", "over 7 days"];

/// An incident is named `day/reason/cause` by the tables.
pub fn incident(name: &str) -> String {
    let mut parts = name.splitn(3, '/');
    let read = (|| {
        let day = day_of(parts.next()?.parse().ok()?)?;
        let reason = Reason::parse(parts.next()?)?;
        let cause = shown(parts.next()?).replace(['_', '-'], " ");
        Some(format!("{}: {cause}, {day}", reason.label()))
    })();
    read.unwrap_or_else(|| shown(name).into_owned())
}

/// The name of a fact, as the tables write it: `rail_request_id`.
pub fn fact(name: &str) -> String {
    let words = shown(name).replace('_', " ").replace("sha256", "SHA-256").replace("http", "HTTP");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What an entry of a case's history says happened: the name of an act, or of what a function did.
pub fn happened(kind: &str) -> String {
    let known = match kind {
        "opened" => "Case opened",
        "evidence" => "Evidence found",
        "assign" => "Owner changed",
        "comment" => "Comment",
        "attach" => "Evidence attached",
        "look_up" => "Rail asked",
        "propose" => "Ending proposed",
        "approve" => "Approved",
        "send_back" => "Sent back",
        "reopen" => "Reopened",
        "reopened" => "It came again, and the case is open again",
        "event" => "Another event of the same kind",
        "release" => "Released for payment",
        _ => return fact(kind),
    };
    known.to_owned()
}

/// How much is at stake, 3 to 1; as in `payonce_protocol::case::risk`.
pub fn risk(risk: u8) -> &'static str {
    match risk {
        3 => "money may have left",
        2 => "payee waits",
        _ => "nothing moved",
    }
}

/// Told apart by shape; the text stands beside it.
pub fn certainty_icon(reason: Reason) -> Icon {
    match case::certainty(reason) {
        None if is_about_books(reason) => Icon::Accepted,
        None => Icon::NoAttempt,
        Some(outcome) => outcome_icon(outcome),
    }
}

pub fn outcome_icon(outcome: Outcome) -> Icon {
    match outcome {
        Outcome::NotSent => Icon::NotSent,
        Outcome::Rejected => Icon::Refused,
        Outcome::Unknown => Icon::Unknown,
        Outcome::Accepted => Icon::Accepted,
    }
}

/// For the style sheet.
pub(crate) fn tone(reason: Reason) -> &'static str {
    match case::certainty(reason) {
        None if is_about_books(reason) => "odd",
        None => "none",
        Some(outcome) => outcome_tone(outcome),
    }
}

pub(crate) fn outcome_tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "warn",
        Outcome::Rejected => "bad",
        Outcome::Accepted => "odd",
        Outcome::NotSent => "calm",
    }
}

pub fn status_icon(status: Status) -> Icon {
    match status {
        Status::Open => Icon::Open,
        Status::InReview => Icon::InReview,
        Status::AwaitingApproval => Icon::Awaiting,
        Status::Resolved => Icon::Done,
        Status::Reopened => Icon::Reopened,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check<T: Words + std::fmt::Debug>(all: impl IntoIterator<Item = T>, code: impl Fn(T) -> String) {
        let mut labels = BTreeSet::new();
        for one in all {
            let (label, says) = (one.label(), one.says());
            assert!(!label.is_empty() && says.ends_with('.') && says.len() > label.len(), "{one:?}");
            for text in [label, says] {
                let lower = text.to_lowercase();
                assert!(lower != code(one) && !text.contains('_'), "{one:?} is shown as its code");
            }
            assert!(labels.insert(label), "{one:?} is called as another is");
        }
    }

    #[test]
    fn a_code_is_shown_as_its_code() {
        check(Reason::ALL.iter().copied(), |reason| reason.to_string());
        check(Ending::ALL.iter().copied(), |ending| ending.to_string());
        check(Act::ALL.iter().copied(), |_| String::new());
        check(Role::ALL.iter().copied(), |role| role.to_string());
        check(Outcome::ALL.map(Some).into_iter().chain([None]), |_| String::new());
        check(Status::ALL.iter().copied(), |_| String::new());
    }

    /// "Open" and "Resolved" are words already; the codes with a low line are not.
    #[test]
    fn a_status_is_shown_as_its_code() {
        for status in Status::ALL {
            assert_ne!(status.label(), status.as_str());
        }
    }

    #[test]
    fn the_top_of_a_case_says_nothing_or_more_than_is_known() {
        for reason in Reason::ALL {
            let says = known(*reason);
            assert!(says.ends_with('.'), "{reason}");
            let is_unknown = case::certainty(*reason) == Some(Outcome::Unknown);
            assert_eq!(says.starts_with("We do not know"), is_unknown, "{reason}");
            // Whose own event was not paid says so, however the other one's attempt ended.
            let is_other = matches!(reason, Reason::ConflictingDuplicate | Reason::SecondEventForKey);
            assert_eq!(says.starts_with("Nothing was paid for this event"), is_other, "{reason}");
        }
    }

    #[test]
    fn books_that_disagree_are_called_no_attempt() {
        assert_eq!(certainty(Reason::AmountMismatch), "To be explained");
        assert_eq!(certainty(Reason::InvalidEvent), "No attempt");
        assert_eq!(certainty(Reason::AttemptAbandoned), "We do not know");
    }

    #[test]
    fn an_incident_of_another_shape_is_not_shown() {
        assert_eq!(
            incident("20416/payout_unknown/rail_timeout"),
            "No clear answer from the rail: rail timeout, 24 Nov 2025"
        );
        assert_eq!(incident("20416/other"), "20416/other");
        assert_eq!(incident("x"), "x");
    }
}
