//! What findings, breaks and gaps are for a person who keeps books.

use jiff::Timestamp;
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::finding::Finding;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::RunVerdict;
use payonce_protocol::reconcile::terms::{Gap, Why};

fn stamp(ms: UnixMillis) -> Option<Timestamp> {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

pub fn time(ms: UnixMillis) -> String {
    stamp(ms).map_or_else(|| "?".to_owned(), |at| at.strftime("%F %T UTC").to_string())
}

fn day(ms: UnixMillis) -> String {
    stamp(ms).map_or_else(|| "?".to_owned(), |at| at.strftime("%F").to_string())
}

/// The days in which a time without its end lies.
pub fn days(from: UnixMillis, until: UnixMillis) -> String {
    let (first, last) = (day(from), day(until.saturating_sub(1)));
    if first == last { first } else { format!("{first} to {last}") }
}

pub fn verdict(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Incomplete => "INCOMPLETE: not every book says everything, so nobody can say that they agree",
        RunVerdict::Breaks => "BREAKS: the books contradict each other",
        RunVerdict::Pending => "PENDING: the books agree, and some of it may still come",
        RunVerdict::Reconciled => "RECONCILED: the books agree",
    }
}

pub fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::Break => "with a break",
        Finding::Incomplete => "not seen in a book that is not complete",
        Finding::Pending => "in settle time, or under way",
        Finding::ByHand => "paid by hand",
        Finding::Reconciled => "reconciled",
        Finding::Unknown => "open case: paid or not, nobody knows",
        Finding::NotSent => "open case: not sent to the rail",
        Finding::Rejected => "open case: the rail refused it",
        Finding::Closed => "closed: people ended it",
    }
}

pub fn broken(kind: Option<BreakKind>, book: Option<Book>) -> &'static str {
    let (Some(kind), Some(book)) = (kind, book) else { return "this version does not know it" };
    match (kind, book) {
        (BreakKind::EventMissing, _) => "the provider lists it, and it never reached us",
        (BreakKind::EventOrphan, _) => "we took it, and the provider does not list it",
        (BreakKind::PayoutMissing, Book::Bank) => "paid, and the bank has no line of it",
        (BreakKind::PayoutMissing, _) => "held as paid, and the rail does not have it",
        (BreakKind::PayoutOrphan, Book::Bank) => "the bank has a line, and neither rail nor people paid it",
        (BreakKind::PayoutOrphan, _) => "the rail paid it, and nothing asked for it",
        (BreakKind::PaidTwice, _) => "paid more than once",
        (BreakKind::AmountMismatch, _) => "another sum than was asked for",
        (BreakKind::PayeeMismatch, _) => "another payee than was asked for",
        (BreakKind::PayoutReturned, _) => "it came back",
        (BreakKind::LateOutcome, _) => "a worker reported after it was given up",
        (BreakKind::OutcomeMissing, _) => "an attempt has no outcome",
        (BreakKind::CaseMissing, _) => "not paid, and no person was told",
        (BreakKind::ClaimMissing, _) => "an outcome without its claim: a record is gone",
        (BreakKind::ClaimOverwritten, _) => "a record of ours was changed",
    }
}

pub fn lacks(gap: &Gap) -> String {
    let days = days(gap.from, gap.until);
    match (gap.why, gap.book) {
        (Why::NotAskable, Book::Provider) => format!("its list is not asked, these are its deliveries: {days}"),
        (Why::NotAskable, _) => format!("nobody asks for it: {days}"),
        (Why::PageLost, _) => format!("not read to its end: {days}"),
        (Why::ReportNotReady, Book::Bank) => format!("no statement of {days}"),
        (Why::ReportNotReady, _) => format!("its report is not there: {days}"),
        (Why::WindowNotSettled, _) => format!("not settled: {days}"),
        (Why::NotBefore, _) => format!("it begins on {}", day(gap.until)),
        (Why::NoLongerAskable, _) => format!("it is not kept so long: {days}"),
        (Why::OneRecord, _) => format!("the record of one payout cannot be read: {days}"),
        (Why::Unreadable, Book::Bank) => format!("a row that is doubtful or in no unit of ours: {days}"),
        (Why::Unreadable, _) => format!("something in it cannot be read: {days}"),
    }
}
