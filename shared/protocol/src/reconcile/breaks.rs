//! What the books of one key contradict each other in. A candidate is what the rows say; whether it may be said yet is a
//! matter of settle times and gaps, and is decided in one place for all of them.

use std::collections::BTreeMap;

use crate::UnixMillis;
use crate::case::Ending;
use crate::ids::{CaseId, Digest, Hasher};
use crate::outcome::{Outcome, Reason, Verdict};
use crate::reconcile::facts::Facts;
use crate::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum};
use crate::reconcile::terms::{Settle, Terms};

crate::words! {
    pub enum BreakKind {
        /// The provider's book has an event that never reached us.
        EventMissing = "event_missing",
        /// We took an event that the provider's book does not have.
        EventOrphan = "event_orphan",
        /// We hold a payout as made, and this book (the rail's or the bank's) does not have it.
        PayoutMissing = "payout_missing",
        /// This book holds a payout that nothing asked for, or that we hold as surely not made.
        PayoutOrphan = "payout_orphan",
        /// More than one payout for one key: at the rail, at the bank, or at the rail and by hand.
        PaidTwice = "paid_twice",
        /// This book has another sum.
        AmountMismatch = "amount_mismatch",
        /// This book has another payee.
        PayeeMismatch = "payee_mismatch",
        PayoutReturned = "payout_returned",
        /// A worker reported after its attempt was given up.
        LateOutcome = "late_outcome",
        /// An attempt without an outcome long after it must have ended: the sweeper did not see it.
        OutcomeMissing = "outcome_missing",
        /// An attempt that was not accepted, or a refused event, of which no person was told: a loss that nobody would see.
        CaseMissing = "case_missing",
        /// An outcome without its claim: a record of ours is gone, or was put at another key.
        ClaimMissing = "claim_missing",
        /// A record of ours was changed or removed. Every record of this key is in doubt.
        ClaimOverwritten = "claim_overwritten",
    }
}

impl BreakKind {
    /// The reason under which a break of this kind is filed. `None`: payouts are on hold already, as whatever sees a changed record
    /// holds them; until people know how it came about, no case of this key can rest on its records.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::EventMissing => Some(Reason::EventMissing),
            Self::PayoutMissing => Some(Reason::PayoutMissing),
            Self::EventOrphan | Self::PayoutOrphan | Self::PaidTwice => Some(Reason::PayoutOrphan),
            Self::AmountMismatch => Some(Reason::AmountMismatch),
            Self::PayeeMismatch => Some(Reason::PayeeMismatch),
            Self::PayoutReturned => Some(Reason::PayoutReturned),
            Self::LateOutcome => Some(Reason::LateOutcome),
            Self::OutcomeMissing => Some(Reason::AttemptAbandoned),
            // By the attempt's outcome: `Break::reason`.
            Self::CaseMissing => Some(Reason::PayoutUnknown),
            Self::ClaimMissing | Self::ClaimOverwritten => None,
        }
    }
}

impl BreakKind {
    /// The case of a break that is gone, where the reconciler alone opens such a case. The others are a worker's or the sweeper's as
    /// well: of what they say of an attempt, the books do not have the last word.
    pub fn own_case(self, key: &str, subject: &str) -> Option<CaseId> {
        match self {
            Self::EventMissing
            | Self::EventOrphan
            | Self::PayoutMissing
            | Self::PayoutOrphan
            | Self::PaidTwice
            | Self::AmountMismatch
            | Self::PayeeMismatch
            | Self::PayoutReturned => self.reason().map(|reason| CaseId::new(reason, &[key, subject])),
            Self::LateOutcome
            | Self::OutcomeMissing
            | Self::CaseMissing
            | Self::ClaimMissing
            | Self::ClaimOverwritten => None,
        }
    }

    /// Between what was asked for and what was paid, of a key that is paid.
    const fn leaves_a_difference(self) -> bool {
        match self {
            Self::PayoutOrphan | Self::PaidTwice | Self::AmountMismatch | Self::PayoutReturned => true,
            Self::EventMissing
            | Self::EventOrphan
            | Self::PayoutMissing
            | Self::PayeeMismatch
            | Self::LateOutcome
            | Self::OutcomeMissing
            | Self::CaseMissing
            | Self::ClaimMissing
            | Self::ClaimOverwritten => false,
        }
    }
}

/// The rows of both sides as they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub ours: Vec<Row>,
    /// Of the break's book; of the rail's where the break is within our own.
    pub theirs: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    pub kind: BreakKind,
    /// The book that lacks, has too much or says something else.
    pub book: Book,
    pub key: BookKey,
    /// 0: it is about no attempt.
    pub attempt: u16,
    /// The row that it is about: an event, a payout, a line. Empty: the key as a whole.
    pub which: String,
    /// What this key asks for.
    pub expected: Option<Sum>,
    /// What the row says.
    pub found: Option<Sum>,
    pub at: UnixMillis,
    pub evidence: Evidence,
}

impl Break {
    /// One break has one id in every run.
    pub fn id(&self) -> Digest {
        Hasher::new("payonce/break/1")
            .part(self.kind.as_str())
            .part(self.book.as_str())
            .part(self.key.as_str())
            .part(self.attempt.to_be_bytes())
            .part(&self.which)
            .finish()
    }

    /// Which of its key's breaks it is. The SQL, which hashes nothing, writes the same.
    pub fn subject(&self) -> String {
        subject(self.kind, self.book, self.attempt, &self.which)
    }

    pub fn reason(&self) -> Option<Reason> {
        if self.kind != BreakKind::CaseMissing {
            return self.kind.reason();
        }
        let of_attempt = self.evidence.ours.iter().find_map(|row| match row.record {
            Record::Outcome { attempt, outcome } if attempt == self.attempt => Verdict::plain(outcome).reason(),
            _ => None,
        });
        Some(of_attempt.unwrap_or(Reason::RefusedNotRedelivered))
    }

    /// It opens once, however many runs see it. A late outcome has its case already: the worker's, by key and attempt.
    pub fn case(&self) -> Option<CaseId> {
        let (key, subject) = (self.key.as_str(), self.subject());
        let attempt = self.attempt.to_string();
        let of_others = || {
            self.reason().map(|reason| match self.kind {
                BreakKind::CaseMissing if self.attempt == 0 => CaseId::new(reason, &[key, &self.which]),
                _ => CaseId::new(reason, &[key, &attempt]),
            })
        };
        self.kind.own_case(key, &subject).or_else(of_others)
    }
}

/// Which of its key's breaks one is.
pub fn subject(kind: BreakKind, book: Book, attempt: u16, which: &str) -> String {
    format!("{kind}:{book}:{attempt}:{which}")
}

/// What the rows of a key say against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub kind: BreakKind,
    pub book: Book,
    pub attempt: u16,
    pub which: String,
    pub found: Option<Sum>,
    pub at: UnixMillis,
    /// From when what is not found would stand in the books of `needs`, and by when at the latest.
    pub from: UnixMillis,
    pub due: UnixMillis,
    /// Books that must be complete for it to be said.
    pub needs: &'static [Book],
}

/// Whether it may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Proven,
    InSettleTime,
    /// The book in which something is not found cannot speak of that time.
    NotSeen,
}

impl Candidate {
    /// Nothing is missing for it: rows that are there contradict each other.
    fn shown(kind: BreakKind, book: Book, row: &Row, found: Option<Sum>) -> Self {
        let which = row.id.to_string();
        Self { kind, book, attempt: 0, which, found, at: row.at, from: row.at, due: 0, needs: &[] }
    }

    fn of_attempt(self, attempt: u16) -> Self {
        Self { attempt, which: String::new(), ..self }
    }

    fn absent(self, needs: &'static [Book], from: UnixMillis, due: UnixMillis) -> Self {
        Self { needs, from, due, ..self }
    }

    pub fn subject(&self) -> String {
        subject(self.kind, self.book, self.attempt, &self.which)
    }

    pub fn standing(&self, terms: &Terms) -> Standing {
        if terms.as_of < self.due {
            Standing::InSettleTime
        } else if self.needs.iter().all(|book| terms.sees(*book, self.from, self.due)) {
            Standing::Proven
        } else {
            Standing::NotSeen
        }
    }

    pub fn said(self, facts: &Facts<'_>) -> Break {
        let of = |book| facts.rows().filter(|row| row.record.book() == Some(book)).cloned().collect();
        let theirs = if self.book == Book::Ours { Book::Rail } else { self.book };
        Break {
            kind: self.kind,
            book: self.book,
            key: facts.key.clone(),
            attempt: self.attempt,
            which: self.which,
            expected: facts.asked(),
            found: self.found,
            at: self.at,
            evidence: Evidence { ours: of(Book::Ours), theirs: of(theirs) },
        }
    }
}

/// Every contradiction among the rows of one key, whatever the time and the gaps.
pub(crate) struct Candidates {
    pub held: Vec<Candidate>,
    /// People ended one of them that leaves a difference between what was asked for and what was paid.
    pub difference_is_ended: bool,
}

pub(crate) fn candidates(facts: &Facts<'_>, settle: &Settle) -> Candidates {
    let mut all = events(facts, settle);
    all.extend(attempts(facts, settle));
    all.extend(payouts(facts, settle));
    all.extend(lines(facts, settle));
    all.extend(sums(facts));
    all.extend(payees(facts));
    let (ended, held): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| is_ended(facts, it));
    Candidates { held, difference_is_ended: ended.iter().any(|it| it.kind.leaves_a_difference()) }
}

/// People ended the case of this very break. A late outcome's is the worker's own, which names no break. What the books ended they
/// may contradict again.
fn is_ended(facts: &Facts<'_>, candidate: &Candidate) -> bool {
    let subject = candidate.subject();
    facts.cases().filter(|case| !case.is_open && case.ending != Some(Ending::Explained)).any(|case| {
        let is_workers = case.reason == Reason::LateOutcome && case.attempt == Some(candidate.attempt);
        case.subject == Some(subject.as_str()) || (candidate.kind == BreakKind::LateOutcome && is_workers)
    })
}

fn events(facts: &Facts<'_>, settle: &Settle) -> Vec<Candidate> {
    let mut all = vec![];
    for (row, sum) in facts.events() {
        if !facts.named().any(|(_, event)| event.as_str() == row.id.as_str()) {
            let missing = Candidate::shown(BreakKind::EventMissing, Book::Provider, row, sum);
            all.push(missing.absent(&[Book::Ours], row.at, row.at.saturating_add(settle.provider_ms)));
        }
    }
    // A bar names the event that gave the payment back, and the provider lists an own order's event under another key.
    let asked = facts.named().filter(|(row, _)| !matches!(row.record, Record::Closing { is_bar: true, .. }));
    let mut asked: Vec<_> = asked.filter(|_| !facts.key.is_own_order()).collect();
    asked.sort_by_key(|(row, _)| row.at);
    let mut first: BTreeMap<&str, &Row> = BTreeMap::new();
    for (row, event) in asked {
        first.entry(event.as_str()).or_insert(row);
    }
    for (event, row) in first {
        if !facts.events().any(|(listed, _)| listed.id.as_str() == event) {
            let orphan = Candidate::shown(BreakKind::EventOrphan, Book::Provider, row, None);
            let since = row.at.saturating_sub(settle.provider_ms);
            let orphan = orphan.absent(&[Book::Provider], since, row.at.saturating_add(settle.provider_ms));
            all.push(Candidate { which: event.to_owned(), ..orphan });
        }
    }
    all
}

fn attempts(facts: &Facts<'_>, settle: &Settle) -> Vec<Candidate> {
    let mut all = vec![];
    for claim in facts.claims().filter(|claim| facts.outcome_of(claim.attempt).is_none()) {
        let missing = Candidate::shown(BreakKind::OutcomeMissing, Book::Ours, claim.row, None);
        let due = claim.expires_at.saturating_add(settle.ours_ms);
        all.push(missing.of_attempt(claim.attempt).absent(&[Book::Ours], claim.row.at, due));
    }
    let mut recorded: Vec<_> = facts.late().chain(facts.outcomes()).map(|(row, attempt, _)| (attempt, row)).collect();
    recorded.sort_by_key(|(_, row)| row.at);
    // The last one of each attempt; of two of one moment the outcome.
    for (attempt, row) in recorded.into_iter().collect::<BTreeMap<u16, &Row>>() {
        if !facts.claims().any(|claim| claim.attempt == attempt) {
            let missing = Candidate::shown(BreakKind::ClaimMissing, Book::Ours, row, None).of_attempt(attempt);
            all.push(missing.absent(&[Book::Ours], row.at.saturating_sub(settle.ours_ms), row.at));
        }
    }
    for (row, attempt, outcome) in facts.outcomes() {
        let has_case = facts.cases().any(|case| case.attempt == Some(attempt));
        if outcome != Outcome::Accepted && !has_case {
            let missing = Candidate::shown(BreakKind::CaseMissing, Book::Ours, row, None).of_attempt(attempt);
            all.push(missing.absent(&[Book::Ours], row.at, row.at.saturating_add(settle.ours_ms)));
        }
    }
    for (row, attempt, _) in facts.late() {
        all.push(Candidate::shown(BreakKind::LateOutcome, Book::Ours, row, None).of_attempt(attempt));
    }
    for row in facts.rows() {
        match &row.record {
            Record::Overwritten => all.push(Candidate::shown(BreakKind::ClaimOverwritten, Book::Ours, row, None)),
            Record::Refused { event, sum, final_after } => {
                let named = |(other, of): (&Row, _)| other.id != row.id && of == event;
                if !facts.named().any(named) {
                    let lost = Candidate::shown(BreakKind::CaseMissing, Book::Ours, row, Some(*sum));
                    let lost = lost.absent(&[Book::Ours], row.at, final_after.saturating_add(settle.ours_ms));
                    all.push(Candidate { which: event.to_string(), ..lost });
                }
            }
            _ => {}
        }
    }
    all
}

fn payouts(facts: &Facts<'_>, settle: &Settle) -> Vec<Candidate> {
    let mut all = vec![];
    let last = facts.acceptances().max_by_key(|(_, attempt)| *attempt);
    if let (Some((row, attempt)), Some(at), None) = (last, facts.accepted_at(), facts.payouts().next()) {
        let missing = Candidate::shown(BreakKind::PayoutMissing, Book::Rail, row, None).of_attempt(attempt);
        let since = at.saturating_sub(settle.ours_ms);
        all.push(Candidate { at, ..missing.absent(&[Book::Rail], since, at.saturating_add(settle.rail_ms)) });
    }
    let asked_for = facts.claims().next().is_some() && !facts.is_surely_unpaid() && !facts.is_ended_unpaid();
    for payout in facts.live().filter(|_| !asked_for) {
        // The rail's clock may be behind ours: at the end of a window its payout comes before our claim.
        let orphan = Candidate::shown(BreakKind::PayoutOrphan, Book::Rail, payout.row, Some(payout.sum));
        let at = payout.row.at;
        all.push(orphan.absent(&[Book::Ours], at.saturating_sub(settle.ours_ms), at.saturating_add(settle.ours_ms)));
    }
    // One for each beyond the first: what people said of the second says nothing of a third.
    let made = facts.live().map(|payout| payout.row).chain(facts.by_hand().map(|(row, ..)| row));
    for row in in_time(made).into_iter().skip(1) {
        all.push(Candidate::shown(BreakKind::PaidTwice, Book::Rail, row, None));
    }
    let live = facts.live().count();
    for payout in facts.payouts() {
        let never_paid = payout.state == RailState::Failed && live == 0 && facts.accepted_at().is_some();
        if payout.state == RailState::Returned || never_paid {
            all.push(Candidate::shown(BreakKind::PayoutReturned, Book::Rail, payout.row, Some(payout.sum)));
        }
    }
    all
}

fn in_time<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort_by_key(|row| (row.at, row.id.as_str(), row.record.kind()));
    rows
}

fn lines(facts: &Facts<'_>, settle: &Settle) -> Vec<Candidate> {
    let mut all = vec![];
    let (outs, backs) = (facts.lines(Direction::Out).count(), facts.lines(Direction::Back).count());
    if outs == 0 {
        let rail = facts.payouts().filter(|payout| payout.state == RailState::Paid && payout.shows_at_bank);
        let hand = facts.by_hand().filter(|(_, _, shows_at_bank)| *shows_at_bank);
        for row in rail.map(|payout| payout.row).chain(hand.map(|(row, ..)| row)) {
            let missing = Candidate::shown(BreakKind::PayoutMissing, Book::Bank, row, None);
            all.push(missing.absent(&[Book::Bank], row.at, row.at.saturating_add(settle.bank_ms)));
        }
    }
    let is_known = facts.payouts().next().is_some() || facts.by_hand().next().is_some();
    for (row, sum) in facts.lines(Direction::Out).filter(|_| !is_known) {
        let orphan = Candidate::shown(BreakKind::PayoutOrphan, Book::Bank, row, Some(sum));
        let since = row.at.saturating_sub(settle.bank_ms);
        all.push(orphan.absent(&[Book::Rail, Book::Ours], since, row.at.saturating_add(settle.rail_ms)));
    }
    for row in in_time(facts.lines(Direction::Out).map(|(row, _)| row)).into_iter().skip(backs + 1) {
        all.push(Candidate::shown(BreakKind::PaidTwice, Book::Bank, row, None));
    }
    for (row, sum) in facts.lines(Direction::Back) {
        all.push(Candidate::shown(BreakKind::PayoutReturned, Book::Bank, row, Some(sum)));
    }
    all
}

/// Every row that has another sum than the key asks for.
fn sums(facts: &Facts<'_>) -> Vec<Candidate> {
    let Some(asked) = facts.asked() else { return vec![] };
    let is_claimed = facts.claims().next().is_some();
    let is_by_hand = facts.by_hand().next().is_some();
    let of_claim = |id: &RowId, sum: Sum| facts.claims().any(|it| it.event.as_str() == id.as_str() && it.sum != sum);
    let mut all = vec![];
    for row in facts.rows() {
        let (book, sum, is_other) = match row.record {
            Record::Event { sum: Some(sum) } => (Book::Provider, sum, of_claim(&row.id, sum)),
            Record::Claim { sum, .. } | Record::ByHand { sum, .. } => (Book::Ours, sum, sum != asked),
            Record::Payout { sum, .. } => (Book::Rail, sum, is_claimed && sum != asked),
            Record::Line { sum, .. } => (Book::Bank, sum, (is_claimed || is_by_hand) && sum != asked),
            _ => continue,
        };
        if is_other {
            all.push(Candidate::shown(BreakKind::AmountMismatch, book, row, Some(sum)));
        }
    }
    all
}

/// Every row that names another payee than the claim.
fn payees(facts: &Facts<'_>) -> Vec<Candidate> {
    let Some(asked) = facts.payee() else { return vec![] };
    let of_claim = |id: &RowId, payee| {
        facts.claims().any(|it| it.event.as_str() == id.as_str() && it.row.payee.as_ref().is_some_and(|it| it != payee))
    };
    let mut all = vec![];
    for row in facts.rows() {
        let Some(payee) = &row.payee else { continue };
        let (book, sum, is_other) = match row.record {
            Record::Event { sum } => (Book::Provider, sum, of_claim(&row.id, payee)),
            Record::Claim { sum, .. } => (Book::Ours, Some(sum), payee != asked),
            Record::Payout { sum, .. } => (Book::Rail, Some(sum), payee != asked),
            _ => continue,
        };
        if is_other {
            all.push(Candidate::shown(BreakKind::PayeeMismatch, book, row, sum));
        }
    }
    all
}
