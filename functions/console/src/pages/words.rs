//! Codes in plain words: what finance reads instead of `payout_unknown`. One table for each kind of code; the tests hold
//! them to be complete.

use payonce_protocol::case::{Act, Ending, Role, Status};
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

/// The sentence at the top of a case once two people have agreed how the case ended.
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
        Ending::Replay => "The event was replayed from the provider's list. How that ended, its own attempt says.",
        Ending::Explained => {
            "The books agree again. The reconciler ended this case, and its history has the rows that explain it."
        }
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
            Self::Replay => "Replay the event, and pay this once",
            Self::Explained => "The books agree again",
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
            Self::Replay => {
                "The provider's own list has the event, and it never reached us. It goes through the same rules as a delivery, and \
                 is paid once; should it come after all, nothing more is paid."
            }
            Self::Explained => "What the books said against each other they say no more. No money moves.",
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

pub(crate) use super::case_reason::{advice, tone};
pub use super::case_reason::{certainty, certainty_icon, known, risk};
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
        let cause = super::causes::cause(parts.next()?);
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
        "explained" => "The books agree again",
        "release" => "Released for payment",
        _ => return fact(kind),
    };
    known.to_owned()
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
    fn every_code_has_words() {
        check(Reason::ALL.iter().copied(), |reason| reason.to_string());
        check(Ending::ALL.iter().copied(), |ending| ending.to_string());
        check(Act::ALL.iter().copied(), |_| String::new());
        check(Role::ALL.iter().copied(), |role| role.to_string());
        check(Outcome::ALL.iter().copied().map(Some).chain([None]), |_| String::new());
        check(Status::ALL.iter().copied(), |_| String::new());
    }

    /// "Open" and "Resolved" are words already; the codes with a low line are not.
    #[test]
    fn every_status_has_a_label() {
        for status in Status::ALL {
            assert_ne!(status.label(), status.as_str());
        }
    }

    #[test]
    fn shows_an_incident_of_an_unknown_shape_as_it_is() {
        assert_eq!(
            incident("20416/payout_unknown/rail_timeout"),
            "No clear answer from the rail: rail timeout, 24 Nov 2025"
        );
        assert_eq!(
            incident("20416/payout_unknown/answer_cut"),
            "No clear answer from the rail: its answer broke off, 24 Nov 2025"
        );
        assert_eq!(incident("20416/other"), "20416/other");
        assert_eq!(incident("x"), "x");
    }
}
