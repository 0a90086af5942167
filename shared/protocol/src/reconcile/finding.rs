//! What is said of one key: the pure function from its rows to its finding, its breaks and the life of each.

use crate::outcome::Outcome;
use crate::reconcile::breaks::{Break, Candidate, Candidates, Evidence, Standing, candidates, subject};
use crate::reconcile::facts::Facts;
use crate::reconcile::rows::{BookKey, RailState, Record, Row};
use crate::reconcile::terms::Terms;

crate::words! {
    /// How one key stands. The first that holds, in this order.
    pub enum Finding {
        /// The books contradict each other.
        Break = "break",
        /// Something is not found, in a book that cannot speak of that time.
        Incomplete = "incomplete",
        /// In settle time, or on its way at the rail. No exception.
        Pending = "pending",
        /// Paid outside the rail, as two people said.
        ByHand = "by_hand",
        Reconciled = "reconciled",
        /// With an open case, by what is known of the last attempt.
        Unknown = "unknown",
        NotSent = "not_sent",
        Rejected = "rejected",
        /// People ended it, or the payment was given back: nothing is owed.
        Closed = "closed",
    }
}

impl Finding {
    /// It is carried into the next run.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Reconciled | Self::ByHand | Self::Closed)
    }
}

crate::words! {
    pub enum Life {
        New = "new",
        Persisting = "persisting",
        Gone = "gone",
    }
}

/// A break of the run before that is none any more, with what the books say since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub subject: String,
    pub explained_by: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub finding: Finding,
    /// By subject.
    pub breaks: Vec<(Break, Life)>,
    pub gone: Vec<Gone>,
}

/// All rows of one key.
pub fn find(key: &BookKey, rows: &[Row], terms: &Terms) -> Found {
    examine(&Facts::new(key, rows), terms)
}

pub(crate) fn examine(facts: &Facts<'_>, terms: &Terms) -> Found {
    let Candidates { held, difference_is_ended } = candidates(facts, &terms.settle);
    let mut found = Found { finding: settled(facts, difference_is_ended), breaks: vec![], gone: vec![] };
    if facts.payouts().any(|payout| payout.state == RailState::Pending) {
        found.finding = Finding::Pending;
    }
    // A break of the run before stays one until a record says otherwise: a book that has become silent says nothing.
    let was = |candidate: &Candidate| {
        let subject = candidate.subject();
        facts.rows().any(|row| matches!(row.record, Record::WasBreak { .. }) && row.id.as_str() == subject)
    };
    lost(facts, &held, &mut found);
    let is_unread = terms.unread.contains(facts.key);
    if is_unread {
        found.finding = stronger(found.finding, Finding::Incomplete);
    }
    for candidate in held {
        let (life, standing) = (if was(&candidate) { Life::Persisting } else { Life::New }, candidate.standing(terms));
        let standing = if is_unread { Standing::NotSeen } else { standing };
        if standing == Standing::Proven || life == Life::Persisting {
            found.breaks.push((candidate.said(facts), life));
        } else {
            let finding = if standing == Standing::NotSeen { Finding::Incomplete } else { Finding::Pending };
            found.finding = stronger(found.finding, finding);
        }
    }
    if !found.breaks.is_empty() {
        found.finding = Finding::Break;
    }
    found.breaks.sort_by_cached_key(|(it, _)| it.subject());
    found
}

/// The earlier of the two in [`Finding`]'s order.
fn stronger(one: Finding, other: Finding) -> Finding {
    one.min(other)
}

/// Breaks of the run before that the rows do not show any more: gone, with what is new since; where nothing is new, nothing
/// explains it, and the break stays.
fn lost(facts: &Facts<'_>, held: &[Candidate], found: &mut Found) {
    let news: Vec<Row> = facts.news().cloned().collect();
    for row in facts.rows() {
        let Record::WasBreak { kind, book, attempt, which } = &row.record else { continue };
        let subject = subject(*kind, *book, *attempt, which);
        if held.iter().any(|candidate| candidate.subject() == subject) {
            continue;
        }
        if news.is_empty() {
            let stays = Break {
                kind: *kind,
                book: *book,
                key: facts.key.clone(),
                attempt: *attempt,
                which: which.clone(),
                expected: facts.asked(),
                found: None,
                at: row.at,
                evidence: Evidence { ours: vec![], theirs: vec![] },
            };
            found.breaks.push((stays, Life::Persisting));
        } else {
            found.gone.push(Gone { subject, explained_by: news.clone() });
        }
    }
}

/// How the key stands when nothing is contradicted and nothing is waited for.
fn settled(facts: &Facts<'_>, difference_is_ended: bool) -> Finding {
    if difference_is_ended {
        Finding::Closed
    } else if facts.by_hand().next().is_some() {
        Finding::ByHand
    } else if facts.live().next().is_some() && !facts.last_is_open() {
        Finding::Reconciled
    } else if facts.cases().any(|case| case.is_open) {
        match facts.outcome_of(facts.last_attempt()) {
            Some(Outcome::Rejected) => Finding::Rejected,
            Some(Outcome::Unknown | Outcome::Accepted) => Finding::Unknown,
            Some(Outcome::NotSent) | None => Finding::NotSent,
        }
    } else {
        Finding::Closed
    }
}
