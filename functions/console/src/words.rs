//! Plain words for everything that a person reads: finance knows its trade, not our codes.

use jiff::Timestamp;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{Reissue, Why};

/// What happened, and what it means.
pub(crate) fn reason(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::PayoutRejected => ("Refused by the rail", "The rail refused the payout before anything was paid."),
        Reason::PayoutUnknown => ("Not known whether paid", "The request left us and no clear answer came back."),
        Reason::PayoutNotSent => ("Claimed, never sent", "No byte of the payout request left us. Nothing was paid."),
        Reason::AttemptAbandoned => {
            ("Worker died", "The worker that held this payout died. It may or may not have sent the request.")
        }
        Reason::RefusedNotRedelivered => {
            ("Never delivered again", "We asked the provider to come back with this event, and it never did.")
        }
        Reason::SecondEventForKey => {
            ("Second event, same payout", "Another event asks for a payout that is already claimed.")
        }
        Reason::ConflictingDuplicate => {
            ("Same event, other terms", "The same event came again with another sum or payee. It was not paid again.")
        }
        Reason::InvalidEvent => ("Event not payable", "A signed event asks for a payout that its rule does not allow."),
        Reason::UnroutedEvent => ("Unknown type of event", "No rule names this type of event, and it is not ignored."),
        Reason::BeforeCutover => ("Before the cutover", "The event is older than the moment from which we pay here."),
        Reason::LateOutcome => ("Late report", "A worker reported after its attempt had been given up."),
        Reason::PayoutReplayed => {
            ("Answered as a repeat", "The rail says it has seen this payout before: who sent it?")
        }
        Reason::PayoutReturned => ("Returned", "The rail took the order, and gave the money back later."),
        Reason::EventMissing => ("Event missing here", "The provider's books name an event that never reached us."),
        Reason::PayoutMissing => ("Payout missing there", "We hold it as accepted; the rail's books do not have it."),
        Reason::PayoutOrphan => {
            ("Payout nobody asked for", "The rail's books hold a payout that nothing here asked for.")
        }
        Reason::AmountMismatch => ("Sums differ", "The books disagree on the sum."),
    }
}

/// How sure we are about the payout, with a sign beside the word: colour alone would not do.
pub(crate) fn certainty(known: Option<Outcome>) -> (&'static str, &'static str, &'static str) {
    match known {
        Some(Outcome::Unknown) => ("unknown", "?", "Not known"),
        Some(Outcome::Rejected) => ("rejected", "×", "Refused"),
        Some(Outcome::NotSent) => ("not-sent", "○", "Not sent"),
        Some(Outcome::Accepted) => ("accepted", "✓", "Accepted"),
        None => ("none", "–", "No attempt"),
    }
}

pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "New",
        Status::InReview => "In review",
        Status::AwaitingApproval => "Awaiting approval",
        Status::Resolved => "Resolved",
        Status::Reopened => "Reopened",
    }
}

pub(crate) fn ending(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::PaidElsewhere => ("Paid elsewhere", "The payee has the money, by a way outside payonce."),
        Ending::ConfirmedAccepted => ("Confirmed paid", "The rail's books show that it did take the order."),
        Ending::NotPaid => ("Not paid, nothing owed", "Nothing was paid, and nothing is to be paid."),
        Ending::WrittenOff => ("Written off", "The difference is taken as a loss."),
        Ending::DuplicateOf => ("Duplicate of another case", "Another case is about the same thing."),
        Ending::OwnOrder => ("Pay as its own order", "A second, rightful payout: it gets a key of its own."),
        Ending::Reissue => ("Issue again", "One more attempt at this payout, as far as the rail's key allows."),
    }
}

/// Codes from which a person chooses why.
pub(crate) const CODES: [(&str, &str); 7] = [
    ("rail_books_checked", "Checked in the rail's books"),
    ("bank_statement", "Seen on a bank statement"),
    ("payee_confirmed", "Confirmed by the payee"),
    ("provider_confirmed", "Confirmed by the provider"),
    ("customer_refunded", "The buyer was refunded"),
    ("data_corrected", "Wrong data at the provider"),
    ("other", "Something else: see the note"),
];

pub(crate) fn offer(offered: Reissue) -> String {
    match offered {
        Reissue::SameKey => {
            "It may be issued again under the same rail key, with the same bytes. Should the first request \
             have arrived after all, the rail answers with its result and pays nothing new."
                .to_owned()
        }
        Reissue::NextKey(generation) => format!(
            "It may be issued again under a new rail key (number {generation}): the rail would only repeat its refusal under \
             the old one, or has forgotten it."
        ),
        Reissue::NotBefore(at) => format!("It may not be issued again before {}.", time(at)),
        Reissue::LookUpFirst { times } => format!(
            "The rail must say {times} more times that it has no such payout. It is asked again when two people approve."
        ),
        Reissue::NotOffered(why) => match why {
            Why::AlreadyAccepted => "It is not issued again: an attempt was accepted.",
            Why::FoundAtTheRail => "It is not issued again: the rail has this payout.",
            Why::LateOutcome => "It is not issued again: a worker reported late. Read that first.",
            Why::RailCannotBeAsked => {
                "It is not issued again: the rail cannot be asked for it, so nobody can know that it was not paid."
            }
        }
        .to_owned(),
    }
}

/// `2026-11-23 18:40:05 UTC`
pub(crate) fn time(at: UnixMillis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.unwrap_or_default().strftime("%F %T UTC").to_string()
}

/// `40 s`, `3 h`, `2 d`
pub(crate) fn age(since: UnixMillis, now: UnixMillis) -> String {
    let seconds = now.saturating_sub(since) / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Digits in groups of three, as finance reads them: `1 234.50`.
pub(crate) fn sum(money: &Money) -> String {
    let text = money.to_string();
    let number = text.split(' ').next().unwrap_or_default();
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

/// What is left of the time that a case should take.
pub(crate) fn due(days_left: i32) -> String {
    match days_left {
        0 => "today".to_owned(),
        1 => "in 1 business day".to_owned(),
        -1 => "1 business day late".to_owned(),
        late if late < 0 => format!("{} business days late", late.unsigned_abs()),
        left => format!("in {left} business days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_a_code() {
        for code in Reason::ALL {
            let (label, sentence) = reason(*code);
            assert!(!label.contains('_') && sentence.ends_with(['.', '?']), "{code}");
        }
        assert!(Ending::ALL.iter().all(|code| !ending(*code).0.contains('_')));
        assert!(Status::ALL.iter().all(|code| !status(*code).contains('_')));
    }

    #[test]
    fn digits_run_together_or_lose_their_point() {
        let money = |minor, exponent| Money::new(minor, exponent, "EUR".parse().unwrap()).unwrap();
        assert_eq!(sum(&money(123_456_789, 2)), "1\u{202f}234\u{202f}567.89");
        assert_eq!(sum(&money(999, 2)), "9.99");
        assert_eq!(sum(&money(1_000, 0)), "1\u{202f}000");
    }
}
