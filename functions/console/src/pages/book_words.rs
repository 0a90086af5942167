//! What finance reads of the books: verdicts, gaps, findings, breaks and single rows, each in words. A word that is new in the
//! protocol does not compile until it is said here.

use std::sync::LazyLock;

use payonce_books::line::Line;
use payonce_protocol::case::Ending;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::{Finding, Life};
use payonce_protocol::reconcile::rows::{Book, Direction, RailState, Units};
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::statement::Total;
use payonce_protocol::reconcile::terms::Why;

use super::format::{Moment as _, shown, sum};
use super::icon::Icon;
use super::words::{self, Words};

/// In which the books count each currency.
static UNITS: LazyLock<Units> = LazyLock::new(payonce_providers::units::finest);

/// Of the books' units. Of a currency that is not known here, nobody knows where the point stands.
pub(crate) fn book_sum(minor: u64, currency: &str) -> String {
    match currency.parse().ok().and_then(|currency| UNITS.0.get(&currency)) {
        Some(exponent) => sum(u128::from(minor), *exponent, currency),
        None => format!("{minor} smallest units of {}", shown(currency)),
    }
}

/// With a sign where it is below zero: more was paid than was asked for.
pub(crate) fn signed_sum(total: Total, currency: &str) -> String {
    let sign = if total.minor < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", book_sum(total.minor.unsigned_abs(), currency))
}

pub(crate) fn signed_count(total: Total) -> String {
    let sign = if total.count < 0 { "\u{2212}" } else { "" };
    format!("{sign}{}", super::format::grouped(u128::from(total.count.unsigned_abs())))
}

impl Words for RunVerdict {
    fn label(self) -> &'static str {
        match self {
            Self::Incomplete => "Not every book was whole",
            Self::Breaks => "The books differ",
            Self::Pending => "Still settling",
            Self::Reconciled => "Reconciled",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Incomplete => {
                "At least one book could not be read for all of this time. What is not in it is not called missing, so that nobody \
                 can say yet that all is well."
            }
            Self::Breaks => {
                "Every book could be read, and they do not say the same. Each difference stands below, with its case."
            }
            Self::Pending => {
                "No book differs from another. Something is still within the time that it may take to stand in every book."
            }
            Self::Reconciled => "Every book could be read, and all of them say the same.",
        }
    }
}

pub(crate) fn verdict_tone(verdict: RunVerdict) -> (&'static str, Icon) {
    match verdict {
        RunVerdict::Incomplete => ("warn", Icon::Missing),
        RunVerdict::Breaks => ("bad", Icon::Differs),
        RunVerdict::Pending => ("calm", Icon::Clock),
        RunVerdict::Reconciled => ("good", Icon::Equal),
    }
}

impl Words for Book {
    fn label(self) -> &'static str {
        match self {
            Self::Provider => "The provider's events",
            Self::Ours => "Our own records",
            Self::Rail => "The rail's payouts",
            Self::Bank => "The bank's statement",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Provider => "What the provider says that it asked for.",
            Self::Ours => "What we took, tried and filed.",
            Self::Rail => "What the rail says that it paid.",
            Self::Bank => "What left the account, and what came back.",
        }
    }
}

pub(crate) fn whose(book: Book) -> &'static str {
    match book {
        Book::Provider => "the provider's book",
        Book::Ours => "our own book",
        Book::Rail => "the rail's book",
        Book::Bank => "the bank's book",
    }
}

pub(crate) fn why(why: Why) -> &'static str {
    match why {
        Why::PageLost => "A part of it was asked for several times, and did not come.",
        Why::ReportNotReady => "Its report was not ready.",
        Why::WindowNotSettled => "It was read before everything could stand in it.",
        Why::NotBefore => "It begins later.",
        Why::NoLongerAskable => "It is kept for a while only, and that is over.",
        Why::Unreadable => "Something in it could not be read.",
        Why::OneRecord => "The record of one payout could not be read; every other was.",
        Why::NotAskable => "Nobody keeps such a book where we can read it.",
    }
}

impl Words for Finding {
    fn label(self) -> &'static str {
        match self {
            Self::Break => "The books differ",
            Self::Incomplete => "Not found in a book that was not whole",
            Self::Pending => "Still settling",
            Self::ByHand => "Paid by hand",
            Self::Reconciled => "Paid, and all books agree",
            Self::Unknown => "We do not know, with an open case",
            Self::NotSent => "Not sent, with an open case",
            Self::Rejected => "Refused by the rail, with an open case",
            Self::Closed => "Ended without a payout",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::Break => "Its case says in what.",
            Self::Incomplete => "Whether it is missing shows once that book can be read.",
            Self::Pending => "It may take until then to stand in every book.",
            Self::ByHand => "Paid outside the rail, as two people said.",
            Self::Reconciled => "Nothing is left.",
            Self::Unknown => "The attempt may have paid.",
            Self::NotSent => "The attempt was not sent.",
            Self::Rejected => "The rail said that it will not pay.",
            Self::Closed => "People ended it, or the payment was given back: nothing is owed.",
        }
    }
}

impl Words for Life {
    fn label(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Persisting => "Still there",
            Self::Gone => "Gone",
        }
    }

    fn says(self) -> &'static str {
        match self {
            Self::New => "This run saw it first.",
            Self::Persisting => "An earlier run saw it, and nothing explains it yet.",
            Self::Gone => "An earlier run saw it, and a record explains it now.",
        }
    }
}

pub(crate) fn life_tone(life: Life) -> (&'static str, Icon) {
    match life {
        Life::New => ("bad", Icon::Differs),
        Life::Persisting => ("warn", Icon::Clock),
        Life::Gone => ("good", Icon::Done),
    }
}

/// What one break is.
pub(crate) struct BreakSaid {
    /// A few words, for a cell.
    pub label: &'static str,
    /// The sentence at the top of its case.
    pub known: &'static str,
    /// What to do.
    pub advice: &'static str,
}

const ASK_THE_RAIL: &str = "Ask the rail for this payout, and compare its answer with our attempt in the timeline.";
const DELIVER_AGAIN: &str = "Look at the event in the provider's dashboard. If it is still owed, propose to replay it, or deliver it again there.";
const PAID_TWICE: &str = "Find out who made each of them. Ask the payee, or the rail, to give the second one back.";
const TO_AN_ENGINEER: &str =
    "Show this to whoever runs payonce before anything is paid: a record was not written as the rules say.";

pub(crate) fn break_said(kind: BreakKind, book: Book) -> BreakSaid {
    let is_bank = book == Book::Bank;
    let said = |label, known, advice| BreakSaid { label, known, advice };
    match kind {
        BreakKind::EventMissing => said(
            "Event never reached us",
            "The provider's book has this event, and it never reached us. We tried no payout for it.",
            DELIVER_AGAIN,
        ),
        BreakKind::EventOrphan => said(
            "Event unknown to the provider",
            "We paid, or tried to, for an event that the provider's book does not have.",
            "Ask the provider about the event. If it is not theirs, find out who holds the secret that signed it.",
        ),
        BreakKind::PayoutMissing if is_bank => said(
            "Not at the bank",
            "This counts as paid, and the bank's statement does not have it.",
            "Ask the rail when the money left, and the bank whether it came through.",
        ),
        BreakKind::PayoutMissing => {
            said("Not at the rail", "The rail accepted this, and its own book does not have it.", ASK_THE_RAIL)
        }
        BreakKind::PayoutOrphan if is_bank => said(
            "Nobody asked for it, at the bank",
            "Money left the account, and neither we nor the rail know what for.",
            "Find out at the bank who ordered it.",
        ),
        BreakKind::PayoutOrphan => said(
            "Nobody asked for it, at the rail",
            "The rail's book has a payout that nothing here asked for.",
            "Find out who else sends payouts to this rail account.",
        ),
        BreakKind::PaidTwice if is_bank => {
            said("Paid twice, at the bank", "The bank's statement has this more than once.", PAID_TWICE)
        }
        BreakKind::PaidTwice => {
            said("Paid twice", "This was paid more than once: at the rail, or at the rail and by hand.", PAID_TWICE)
        }
        BreakKind::AmountMismatch => said(
            match book {
                Book::Provider => "Other sum at the provider",
                Book::Ours => "Other sum in our records",
                Book::Rail => "Other sum at the rail",
                Book::Bank => "Other sum at the bank",
            },
            "The books name different sums for one payout.",
            "Find out which sum is right. Settle the difference with the payee, or accept it.",
        ),
        BreakKind::PayeeMismatch => said(
            match book {
                Book::Provider => "Other payee at the provider",
                Book::Ours => "Other payee in our records",
                Book::Rail => "Other payee at the rail",
                Book::Bank => "Other payee at the bank",
            },
            "The books name different payees for one payout.",
            "Find out who has the money, and who changed the payee. Ask for it back before anybody is paid again.",
        ),
        BreakKind::PayoutReturned => said(
            if is_bank { "Came back at the bank" } else { "Came back at the rail" },
            "This was sent, and the money or a part of it came back.",
            "Find out why it came back, and settle it with the payee.",
        ),
        BreakKind::LateOutcome => said(
            "Answer after we gave up",
            "An answer came after its attempt had been given up.",
            "Read the late answer in the timeline, and compare it with the rail's book.",
        ),
        BreakKind::OutcomeMissing => said(
            "Attempt without an end",
            "A payout was begun, and nothing says how it ended: it may have been paid.",
            ASK_THE_RAIL,
        ),
        BreakKind::CaseMissing => said(
            "Not paid, and nobody was told",
            "This was not paid, and until now no case said so.",
            "Find out whether it is still owed, and settle it.",
        ),
        BreakKind::ClaimMissing => said(
            "Outcome without its attempt",
            "The record of an attempt is gone, or was put elsewhere.",
            TO_AN_ENGINEER,
        ),
        BreakKind::ClaimOverwritten => {
            said("Record changed or removed", "A record of ours was changed or removed.", TO_AN_ENGINEER)
        }
    }
}

/// A row of a book, for a line of a table.
pub(crate) struct RowSaid {
    pub what: String,
    pub at: String,
    pub sum: Option<String>,
    /// As others know it; what names a record in our tables is nobody's.
    pub id: Option<String>,
    /// Of a claim, an event or a payout.
    pub payee: Option<String>,
}

/// What another version wrote is shown as it is.
pub(crate) fn row(line: &Line) -> RowSaid {
    let word = line.word.as_deref().unwrap_or_default();
    let plain = |text: &str| shown(text).replace('_', " ");
    let attempt = line.attempt.unwrap_or_default();
    let outcome = || Outcome::parse(word).map_or_else(|| plain(word), |outcome| words::outcome(outcome).to_lowercase());
    let what = match line.kind.as_str() {
        "event" => "Event".to_owned(),
        "claim" => format!("Attempt {attempt} begun"),
        "outcome" => format!("Attempt {attempt} ended: {}", outcome()),
        "late" => format!("Late answer to attempt {attempt}: {}", outcome()),
        "case" => {
            let reason = Reason::parse(word).map_or_else(|| plain(word), |reason| reason.label().to_owned());
            let ended = line.ending.as_deref().and_then(Ending::parse).map(|ending| format!(", {}", ending.label()));
            let state = line.state.as_deref().unwrap_or_default();
            format!("Case “{reason}”, {}{}", plain(state), ended.unwrap_or_default())
        }
        "closing" if line.state.as_deref() == Some("bar") => "Payment given back before an attempt".to_owned(),
        "closing" => "Closed by two people before an attempt".to_owned(),
        "refused" => "Event not taken; the provider was asked to come back".to_owned(),
        "by_hand" => "Paid by hand".to_owned(),
        "overwritten" => "Record changed or removed".to_owned(),
        "payout" => match RailState::parse(word) {
            Some(RailState::Pending) => "Payout on its way".to_owned(),
            Some(RailState::Paid) => "Payout made".to_owned(),
            Some(RailState::Failed) => "Payout failed".to_owned(),
            Some(RailState::Returned) => "Payout, of which money came back".to_owned(),
            None => format!("Payout, {}", plain(word)),
        },
        "line" if Direction::parse(word) == Some(Direction::Back) => "Money came back to the account".to_owned(),
        "line" => "Money left the account".to_owned(),
        kind => plain(kind),
    };
    RowSaid {
        what,
        at: line.at.utc(),
        sum: line.minor.zip(line.currency.as_deref()).map(|(minor, currency)| book_sum(minor, currency)),
        id: match line.kind.as_str() {
            "claim" | "refused" | "closing" => line.event.clone(),
            "event" | "payout" | "line" | "case" => Some(line.id.clone()),
            _ => None,
        },
        payee: line.payee.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_break_has_words_of_its_own_and_says_what_to_do() {
        let mut labels = std::collections::BTreeSet::new();
        for kind in BreakKind::ALL {
            for book in Book::ALL {
                let said = break_said(*kind, *book);
                assert!(said.known.ends_with('.') && said.advice.ends_with('.'), "{kind} {book}");
                labels.insert((said.label, *kind));
            }
        }
        let words: std::collections::BTreeSet<_> = labels.iter().map(|(label, _)| *label).collect();
        assert_eq!(words.len(), labels.len(), "two kinds are called the same");
    }

    #[test]
    fn sums_are_in_the_books_unit_and_below_zero_where_more_was_paid() {
        let total = |minor| Total { count: -2, minor };
        assert_eq!(signed_sum(total(-123_450), "EUR"), "\u{2212}1\u{202f}234.50\u{a0}EUR");
        assert_eq!(signed_sum(total(500), "JPY"), "500\u{a0}JPY");
        assert_eq!(signed_sum(total(500), "XXX"), "500 smallest units of XXX");
        assert_eq!(signed_count(total(0)), "\u{2212}2");
    }

    #[test]
    fn a_row_of_another_version_is_shown_as_it_is() {
        let line = Line { kind: "moon_phase".to_owned(), ..Line::default() };
        assert_eq!(row(&line).what, "moon phase");
        let line = Line { kind: "payout".to_owned(), word: Some("lost_at_sea".to_owned()), ..Line::default() };
        assert_eq!(row(&line).what, "Payout, lost at sea");
    }
}
