//! The rows of one key, sorted out: of two readings of one row the later counts.

use std::collections::BTreeMap;

use crate::UnixMillis;
use crate::case::Ending;
use crate::order::{Destination, EventId};
use crate::outcome::{Outcome, Reason};
use crate::reconcile::rows::{BookKey, Direction, RailState, Record, Row, RowId, Sum};

pub struct Facts<'a> {
    pub key: &'a BookKey,
    rows: Vec<&'a Row>,
    carried: Vec<&'a Row>,
}

/// One reading of each row: what is carried gives way to what was read now, and the earlier to the later.
fn latest<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a Row> {
    let mut latest: BTreeMap<(&str, &RowId), &Row> = BTreeMap::new();
    for row in rows {
        let kept = latest.entry((row.record.kind(), &row.id)).or_insert(row);
        if kept.carried || !row.carried {
            *kept = row;
        }
    }
    latest.into_values().collect()
}

/// A claim of this key.
#[derive(Clone, Copy)]
pub struct ClaimRow<'a> {
    pub row: &'a Row,
    pub attempt: u16,
    pub event: &'a EventId,
    pub sum: Sum,
    pub expires_at: UnixMillis,
}

#[derive(Clone, Copy)]
pub struct PayoutRow<'a> {
    pub row: &'a Row,
    pub sum: Sum,
    pub state: RailState,
    pub shows_at_bank: bool,
}

impl PayoutRow<'_> {
    /// The money has left, or will.
    pub fn is_live(&self) -> bool {
        matches!(self.state, RailState::Pending | RailState::Paid)
    }
}

#[derive(Clone, Copy)]
pub struct CaseRow<'a> {
    pub reason: Reason,
    pub attempt: Option<u16>,
    pub is_open: bool,
    pub ending: Option<Ending>,
    pub subject: Option<&'a str>,
    pub row: &'a Row,
}

impl<'a> Facts<'a> {
    /// All rows must be of this key.
    pub fn new(key: &'a BookKey, rows: &'a [Row]) -> Self {
        let carried = latest(rows.iter().filter(|row| row.carried));
        Self { key, rows: latest(rows.iter()), carried }
    }

    /// What the run before knew, as it stood then.
    pub fn before(&self) -> Self {
        Self { key: self.key, rows: self.carried.clone(), carried: vec![] }
    }

    pub fn rows(&self) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().copied()
    }

    /// The provider's, with the sum that each asks for.
    pub fn events(&self) -> impl Iterator<Item = (&'a Row, Option<Sum>)> {
        self.rows().filter_map(|row| match row.record {
            Record::Event { sum } => Some((row, sum)),
            _ => None,
        })
    }

    pub fn claims(&self) -> impl Iterator<Item = ClaimRow<'a>> {
        self.rows().filter_map(|row| match &row.record {
            Record::Claim { attempt, event, sum, expires_at } => {
                Some(ClaimRow { row, attempt: *attempt, event, sum: *sum, expires_at: *expires_at })
            }
            _ => None,
        })
    }

    pub fn outcomes(&self) -> impl Iterator<Item = (&'a Row, u16, Outcome)> {
        self.rows().filter_map(|row| match row.record {
            Record::Outcome { attempt, outcome } => Some((row, attempt, outcome)),
            _ => None,
        })
    }

    pub fn late(&self) -> impl Iterator<Item = (&'a Row, u16, Outcome)> {
        self.rows().filter_map(|row| match row.record {
            Record::Late { attempt, outcome } => Some((row, attempt, outcome)),
            _ => None,
        })
    }

    pub fn cases(&self) -> impl Iterator<Item = CaseRow<'a>> {
        self.rows().filter_map(|row| match &row.record {
            Record::Case { reason, attempt, is_open, ending, subject, .. } => Some(CaseRow {
                reason: *reason,
                attempt: *attempt,
                is_open: *is_open,
                ending: *ending,
                subject: subject.as_deref(),
                row,
            }),
            _ => None,
        })
    }

    pub fn payouts(&self) -> impl Iterator<Item = PayoutRow<'a>> {
        self.rows().filter_map(|row| match row.record {
            Record::Payout { sum, state, shows_at_bank } => Some(PayoutRow { row, sum, state, shows_at_bank }),
            _ => None,
        })
    }

    pub fn live(&self) -> impl Iterator<Item = PayoutRow<'a>> {
        self.payouts().filter(PayoutRow::is_live)
    }

    /// Paid by hand; the second is whether it shows at the bank.
    pub fn by_hand(&self) -> impl Iterator<Item = (&'a Row, Sum, bool)> {
        self.rows().filter_map(|row| match row.record {
            Record::ByHand { sum, shows_at_bank } => Some((row, sum, shows_at_bank)),
            _ => None,
        })
    }

    pub fn lines(&self, wanted: Direction) -> impl Iterator<Item = (&'a Row, Sum)> {
        self.rows().filter_map(move |row| match row.record {
            Record::Line { sum, direction } if direction == wanted => Some((row, sum)),
            _ => None,
        })
    }

    /// Rows of ours that name an event: it reached us. A case that was opened for a break repeats what the break says.
    pub fn named(&self) -> impl Iterator<Item = (&'a Row, &'a EventId)> {
        self.rows().filter_map(|row| match &row.record {
            Record::Claim { event, .. } | Record::Refused { event, .. } => Some((row, event)),
            Record::Case { event: Some(event), subject: None, .. } | Record::Closing { event: Some(event), .. } => {
                Some((row, event))
            }
            _ => None,
        })
    }

    /// The number of the last attempt; 0: there was none.
    pub fn last_attempt(&self) -> u16 {
        self.claims().map(|claim| claim.attempt).max().unwrap_or_default()
    }

    /// What is known of an attempt that somebody recorded.
    pub fn outcome_of(&self, attempt: u16) -> Option<Outcome> {
        self.outcomes().find(|(_, of, _)| *of == attempt).map(|(_, _, outcome)| outcome)
    }

    /// What says that an attempt was accepted: its outcome, be it late, or two people who confirmed it.
    pub fn acceptances(&self) -> impl Iterator<Item = (&'a Row, u16)> {
        let recorded = self.outcomes().chain(self.late()).filter(|(_, _, outcome)| *outcome == Outcome::Accepted);
        let confirmed = self.cases().filter(|case| case.ending == Some(Ending::ConfirmedAccepted));
        let confirmed = confirmed.filter_map(|case| Some((case.row, case.attempt?)));
        recorded.map(|(row, attempt, _)| (row, attempt)).chain(confirmed)
    }

    pub fn accepted_at(&self) -> Option<UnixMillis> {
        self.acceptances().map(|(row, _)| row.at).min()
    }

    /// People ended the last attempt's case so that the payee has nothing of the rail.
    pub fn is_ended_unpaid(&self) -> bool {
        let last = Some(self.last_attempt());
        let ended = |ending| matches!(ending, Some(Ending::NotPaid | Ending::WrittenOff));
        self.cases().any(|case| case.subject.is_none() && case.attempt == last && ended(case.ending))
    }

    /// The case of the last attempt is open: people may still pay it by hand, or again.
    pub fn last_is_open(&self) -> bool {
        self.cases().any(|case| case.is_open && case.attempt == Some(self.last_attempt()))
    }

    /// Every attempt ended, and none of them can have paid.
    pub fn is_surely_unpaid(&self) -> bool {
        let paid_nothing = |outcome| matches!(outcome, Outcome::Rejected | Outcome::NotSent);
        self.claims().all(|claim| self.outcome_of(claim.attempt).is_some())
            && self.outcomes().chain(self.late()).all(|(_, _, outcome)| paid_nothing(outcome))
    }

    /// What this key asks for, once, by whatever speaks most surely of it: a claim, a closing, a payment by hand, a case, a
    /// refusal, an event; of several of one kind the first by its id. `None`: nothing asked, or nobody knows for how much.
    pub fn asked(&self) -> Option<Sum> {
        let spoken = self.rows().filter_map(|row| {
            let (rank, sum) = match &row.record {
                Record::Claim { sum, .. } => (1, Some(*sum)),
                Record::Closing { sum, .. } => (2, *sum),
                Record::ByHand { sum, .. } => (3, Some(*sum)),
                // A case that was opened for a break repeats what the break says.
                Record::Case { sum, subject: None, .. } => (4, *sum),
                Record::Refused { sum, .. } => (5, Some(*sum)),
                Record::Event { sum } => (6, *sum),
                _ => (7, None),
            };
            Some(((rank, &row.id), sum?))
        });
        spoken.min_by_key(|(order, _)| *order).map(|(_, sum)| sum)
    }

    /// To whom the payout was claimed; of several claims by the first, as [`Self::asked`].
    pub fn payee(&self) -> Option<&'a Destination> {
        self.claims().min_by_key(|claim| &claim.row.id).and_then(|claim| claim.row.payee.as_ref())
    }

    /// Paid at the rail for good.
    pub fn paid(&self) -> impl Iterator<Item = Sum> {
        self.payouts().filter(|payout| payout.state == RailState::Paid).map(|payout| payout.sum)
    }

    /// How it stood at the end of the run before, where it was not done with.
    pub fn was_open(&self) -> bool {
        self.rows().any(|row| matches!(row.record, Record::WasOpen { .. }))
    }

    /// What the run before did not know.
    pub fn news(&self) -> impl Iterator<Item = &'a Row> {
        self.rows().filter(|row| !row.carried)
    }
}
