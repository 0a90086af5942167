//! Our own book, for the reconciliation: what the two tables hold of one payout key, as rows. Names are those of the items, so that
//! an export of the tables gives the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::try_join;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::reconcile::rows::{BookKey, Record, Row, RowId, Sum, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::sweep::MINUTE_MS;

use crate::keys::AuditSk;
use crate::powers::{QueriesAudit, QueriesCases, Reads};
use crate::{Entry, FiledCase, Ledger, LedgerError, Payout, RefusalNote};

/// A delivery is claimed, and its claim is stamped, within this after it came: no invocation of Lambda's lasts longer
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const CLAIMED_WITHIN_MS: u64 = 15 * 60_000;

/// Payout keys of which something was received in a window or shortly before, or a refusal became final there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedKeys {
    /// With the events that were refused, by the digest that names their note.
    pub keys: BTreeMap<PayoutKey, BTreeSet<Digest>>,
    /// Rows that nobody can read: the book is not complete.
    pub unreadable: u32,
}

/// Everything of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OurRecords {
    pub payout: Payout,
    pub cases: Vec<FiledCase>,
    pub refusals: Vec<RefusalNote>,
    /// Notes that are listed, and that nobody can read.
    pub unreadable: u32,
}

/// A record that cannot stand in a book: a sum that is no whole number of the run's units, or a name that is too long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {key} cannot stand in a book: {why}")]
pub struct NoRow {
    pub key: String,
    pub what: &'static str,
    pub why: String,
}

impl<P: Reads + QueriesAudit + QueriesCases> Ledger<P> {
    /// By the index, which lags by seconds: a window is asked for when it is settled.
    pub async fn keys_within(&self, window: Window) -> Result<ListedKeys, LedgerError> {
        let from = window.from().saturating_sub(CLAIMED_WITHIN_MS);
        let minutes = from / MINUTE_MS..window.to().div_ceil(MINUTE_MS);
        let mut listed = ListedKeys::default();
        let mut read = pin!(self.minutes(minutes).await?);
        while let Some(minute) = read.try_next().await? {
            listed.unreadable = listed.unreadable.saturating_add(minute.unreadable);
            for row in minute.rows {
                match row.entry {
                    Entry::Claim(_) => drop(listed.keys.entry(row.key).or_default()),
                    Entry::Refusal(event) => drop(listed.keys.entry(row.key).or_default().insert(event)),
                    // Its case is filed by the sweeper, and stands in the book then.
                    Entry::Unfiled => {}
                }
            }
        }
        Ok(listed)
    }

    /// `refused`: events of the key that the index lists as refused. A refusal is listed under the minute in which it becomes final; one
    /// that is not final yet stands beside the claims.
    pub async fn records(&self, key: &PayoutKey, refused: &BTreeSet<Digest>) -> Result<OurRecords, LedgerError> {
        let (payout, cases) = try_join(self.payout(key), self.cases_of_key(key.as_str())).await?;
        let (mut refusals, mut unreadable) = (vec![], 0);
        for event in refused.union(&payout.refused) {
            match self.refusal(key, *event).await? {
                Some(note) => refusals.push(note),
                None => unreadable += 1,
            }
        }
        Ok(OurRecords { payout, cases, refusals, unreadable })
    }
}

impl OurRecords {
    /// Who sent this event, by the first record that names it.
    pub fn provider_of(&self, event: &EventId) -> Option<&str> {
        let claims = self.payout.attempts.iter().map(|of| (&of.claim.event, of.claim.provider.as_str()));
        let refusals = self.refusals.iter().map(|note| (&note.event, note.provider.as_str()));
        let closing = self.payout.closed.iter().map(|closing| (closing.event.as_ref(), closing.provider.as_deref()));
        let cases = self.cases.iter().map(|of| (of.case.event.as_ref(), of.case.provider.as_deref()));
        let named = closing.chain(cases).filter_map(|(event, provider)| Some((event?, provider?)));
        claims.chain(refusals).chain(named).find(|(of, _)| *of == event).map(|(_, provider)| provider)
    }

    /// As they stood at `as_of`; all of them as read now, none carried.
    pub fn rows(&self, key: &PayoutKey, units: &Units, as_of: UnixMillis) -> Result<Vec<Row>, NoRow> {
        let maker = RowMaker { key, units };
        let mut rows = vec![];
        for attempt in &self.payout.attempts {
            let claim = &attempt.claim;
            let record = Record::Claim {
                attempt: claim.attempt,
                event: claim.event.clone(),
                sum: maker.sum("a claim", &claim.money)?,
                expires_at: claim.expires_at,
            };
            let row = maker.row("a claim", AuditSk::Claim(claim.attempt), claim.claimed_at, record)?;
            rows.push(Row { payee: Some(claim.destination.clone()), ..row });
            if let Some(outcome) = &attempt.outcome {
                let record = Record::Outcome { attempt: claim.attempt, outcome: outcome.verdict.outcome };
                rows.push(maker.row("an outcome", AuditSk::Outcome(claim.attempt), outcome.recorded_at, record)?);
            }
            if let Some(late) = &attempt.late {
                let record = Record::Late { attempt: claim.attempt, outcome: late.verdict.outcome };
                rows.push(maker.row("a late outcome", AuditSk::Late(claim.attempt), late.recorded_at, record)?);
            }
        }
        if let Some(closing) = &self.payout.closed {
            let sum = closing.terms.as_ref().map(|(money, _)| maker.sum("a closing", money)).transpose()?;
            let record = Record::Closing { event: closing.event.clone(), is_bar: false, sum };
            rows.push(maker.row("a closing", AuditSk::Claim(1), closing.closed_at, record)?);
        }
        // What bars a payout that was claimed takes nothing back from the book: it says that its event came.
        if let Some(bar) = &self.payout.barred {
            let record = Record::Closing { event: Some(bar.event.clone()), is_bar: true, sum: None };
            rows.push(maker.row("a bar", AuditSk::Barred, bar.barred_at, record)?);
        }
        for note in &self.refusals {
            let sum = maker.sum("a refusal", &note.money)?;
            let record = Record::Refused { event: note.event.clone(), sum, final_after: note.final_after };
            let id = AuditSk::Refused(Digest::of(note.event.as_str()));
            rows.push(maker.row("a refusal", id, note.refused_at, record)?);
        }
        rows.extend(case_rows(&self.cases, &BookKey::of(key), units, as_of)?);
        rows.retain(|row| row.at < as_of);
        Ok(rows)
    }
}

/// Of cases that meet under this key, which need not be a payout's.
pub fn case_rows(cases: &[FiledCase], key: &BookKey, units: &Units, as_of: UnixMillis) -> Result<Vec<Row>, NoRow> {
    let wrong = |what, why: &dyn ToString| NoRow { key: key.to_string(), what, why: why.to_string() };
    let mut rows = vec![];
    for filed in cases.iter().filter(|filed| filed.case.opened_at < as_of) {
        let case = &filed.case;
        let sum = case.money.map(|money| units.sum(&money)).transpose().map_err(|why| wrong("a case", &why))?;
        let resolution = filed.resolution.as_ref().filter(|resolution| resolution.at < as_of);
        let id = RowId::new(case.id().to_string()).map_err(|why| wrong("a case", &why))?;
        let is_open = filed.status.is_open() || resolution.is_none();
        let record = Record::Case {
            reason: case.reason,
            attempt: case.attempt,
            event: case.event.clone(),
            is_open,
            ending: filed.proposal.as_ref().map(|made| made.ending).filter(|_| !is_open),
            subject: case.details.get(FactName::BookBreak).map(str::to_owned),
            sum,
        };
        rows.push(Row { key: key.clone(), id: id.clone(), at: case.opened_at, carried: false, payee: None, record });
        let elsewhere = filed.proposal.as_ref().is_some_and(|made| made.ending == Ending::PaidElsewhere);
        if let (Some(resolution), false, true, Some(sum)) = (resolution, is_open, elsewhere, sum) {
            let record = Record::ByHand { sum, shows_at_bank: false };
            rows.push(Row { key: key.clone(), id, at: resolution.at, carried: false, payee: None, record });
        }
    }
    Ok(rows)
}

struct RowMaker<'a> {
    key: &'a PayoutKey,
    units: &'a Units,
}

impl RowMaker<'_> {
    fn wrong(&self, what: &'static str, why: &dyn ToString) -> NoRow {
        NoRow { key: self.key.to_string(), what, why: why.to_string() }
    }

    fn sum(&self, what: &'static str, money: &Money) -> Result<Sum, NoRow> {
        self.units.sum(money).map_err(|why| self.wrong(what, &why))
    }

    fn row(&self, what: &'static str, id: AuditSk, at: UnixMillis, record: Record) -> Result<Row, NoRow> {
        let id = RowId::new(id.to_string()).map_err(|why| self.wrong(what, &why))?;
        Ok(Row { key: BookKey::of(self.key), id, at, carried: false, payee: None, record })
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::case::Status;
    use payonce_protocol::order::Mode;
    use payonce_protocol::outcome::Reason;

    use super::*;
    use crate::persisted_tests::{NOW, claim, closing, event, key, money};
    use crate::{Attempted, Case, Proposal, Resolution, Who};

    fn units() -> Units {
        Units([(money().currency(), 2)].into())
    }

    fn opened() -> FiledCase {
        let case = Case::new(Reason::PayoutUnknown, vec![key().to_string(), "1".to_owned()], NOW);
        FiledCase::opened(Case { money: Some(money()), ..case })
    }

    fn ended(ending: Ending, at: UnixMillis) -> FiledCase {
        let by = Who::function("ann");
        let proposal = Proposal {
            ending,
            code: "checked".to_owned(),
            note: String::new(),
            by: by.clone(),
            at,
            version: 1,
            key_generation: None,
            duplicate_of: None,
            batch: None,
        };
        let resolution = Some(Resolution { approved_by: by, at, attempt: None });
        FiledCase { status: Status::Resolved, proposal: Some(proposal), resolution, ..opened() }
    }

    /// From when the case is open or over, with its ending; or, with nothing, money went by hand.
    type Said = (UnixMillis, Option<(bool, Option<Ending>)>);

    fn said(case: FiledCase, as_of: UnixMillis) -> Vec<Said> {
        let rows = case_rows(&[case], &BookKey::of(&key()), &units(), as_of).unwrap();
        let said = |row: Row| match row.record {
            Record::Case { is_open, ending, .. } => (row.at, Some((is_open, ending))),
            Record::ByHand { sum, .. } if Ok(sum) == units().sum(&money()) => (row.at, None),
            other => panic!("{other:?}"),
        };
        rows.into_iter().map(said).collect()
    }

    #[test]
    fn case_and_its_ending_stand_in_the_book_from_their_moments_on() {
        assert_eq!(said(opened(), NOW), []);
        assert_eq!(said(opened(), NOW + 1), [(NOW, Some((true, None)))]);
        let by_hand = || ended(Ending::PaidElsewhere, NOW + 5);
        assert_eq!(said(by_hand(), NOW + 5), [(NOW, Some((true, None)))]);
        let paid = [(NOW, Some((false, Some(Ending::PaidElsewhere)))), (NOW + 5, None)];
        assert_eq!(said(by_hand(), NOW + 6), paid, "people paid it");
        let written_off = [(NOW, Some((false, Some(Ending::WrittenOff))))];
        assert_eq!(said(ended(Ending::WrittenOff, NOW + 5), NOW + 6), written_off, "nobody paid it");
    }

    #[test]
    fn claim_stands_in_the_book_from_its_moment_on() {
        let attempts = vec![Attempted { claim: claim(Mode::Live), outcome: None, late: None }];
        let ours = OurRecords { payout: Payout { attempts, ..Payout::default() }, ..OurRecords::default() };
        let rows = |as_of| ours.rows(&key(), &units(), as_of).unwrap().len();
        assert_eq!([NOW + 1, NOW + 2].map(rows), [0, 1]);
    }

    #[test]
    fn provider_of_an_event_is_that_of_the_first_record_which_names_it() {
        let of = |provider: &str| Some(provider.to_owned());
        let attempts = vec![Attempted { claim: claim(Mode::Live), outcome: None, late: None }];
        let other = EventId::new("evt_2").unwrap();
        let mut closed = closing(Ending::NotPaid, Mode::Live);
        (closed.event, closed.provider) = (Some(other.clone()), of("adyen"));
        let mut case = opened();
        (case.case.event, case.case.provider) = (EventId::new("evt_3").ok(), of("paypal"));
        let payout = Payout { attempts, closed: Some(closed), ..Payout::default() };
        let ours = OurRecords { payout, cases: vec![case], ..OurRecords::default() };
        assert_eq!(ours.provider_of(&event()), Some("stripe"));
        assert_eq!(ours.provider_of(&other), Some("adyen"));
        assert_eq!(ours.provider_of(&EventId::new("evt_3").unwrap()), Some("paypal"));
        assert_eq!(ours.provider_of(&EventId::new("evt_4").unwrap()), None);
    }
}
