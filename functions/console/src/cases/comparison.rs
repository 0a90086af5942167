//! Side by side: what the event expects, what was claimed and what the rail's books hold; and two deliveries of one event.

use payonce_ledger::{Attempted, Case, FiledCase, FoundPayout, Payout};
use payonce_protocol::UnixMillis;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;
use payonce_protocol::reissue::Said;

use crate::cases::standing::{found, found_sum, last_look_up};
use crate::pages::{Compared, Deliveries, Look, Mark, clock, mark, money};

pub(crate) fn compared(filed: &FiledCase, attempt: Option<&Attempted>, payout: &Payout) -> Vec<Compared> {
    let case = &filed.case;
    // Two deliveries are compared with each other.
    let Some(claim) = attempt.map(|attempt| &attempt.claim).filter(|_| case.reason != Reason::ConflictingDuplicate)
    else {
        return vec![];
    };
    let found = found(payout, [filed]).map(|(found, _)| found).unwrap_or_default();
    let look = match last_look_up(payout, [filed]).map(|last| last.seen.said()) {
        _ if !found.is_empty() => Look::Found,
        None => Look::NotAsked,
        Some(Said::Absent) => Look::NotThere,
        Some(Said::Found | Said::Blind) => Look::Blind,
    };
    let line = |field: String, expected: Option<String>, claimed: String, found: Option<String>| {
        let mark = mark(expected.as_deref(), Some(&claimed), found.as_deref(), look);
        Compared { field, expected, claimed: Some(claimed), found, mark }
    };
    let mut lines = vec![];
    let each: Vec<Option<&FoundPayout>> =
        if found.is_empty() { vec![None] } else { found.iter().take(FOUND_SHOWN).map(Some).collect() };
    for one in &each {
        let of = one.filter(|_| each.len() > 1).map(|one| format!(" of {}", one.id)).unwrap_or_default();
        let sum = case.money.as_ref().map(money);
        // A rail may write the same sum with more digits than the order.
        let as_claimed = |one: &FoundPayout| {
            let sum = one.money().filter(|sum| sum.same_sum(&claim.money));
            sum.map_or_else(|| found_sum(one), |_| money(&claim.money))
        };
        let mut amount = line(format!("Amount{of}"), sum, money(&claim.money), one.map(as_claimed));
        let apart = one.and_then(FoundPayout::money).and_then(|found| difference(&found, &claim.money));
        if matches!(amount.mark, Mark::Differs(_)) {
            amount.mark = Mark::Differs(apart);
        }
        lines.push(amount);
        let payee = case.destination.as_ref().map(ToString::to_string);
        let theirs = one.and_then(|one| one.destination.clone());
        lines.push(line(format!("Payee{of}"), payee, claim.destination.to_string(), theirs));
    }
    lines
}

pub(crate) const FOUND_SHOWN: usize = 4;

/// How far apart two sums are.
pub(crate) fn difference(left: &Money, right: &Money) -> Option<String> {
    let exponent = left.exponent().max(right.exponent());
    let [left_sum, right_sum] = [left, right].map(|sum| sum.with_exponent(exponent).ok().map(|sum| sum.minor()));
    let apart = left_sum?.abs_diff(right_sum?);
    if left.currency() != right.currency() {
        return None;
    }
    Money::new(apart, exponent, left.currency()).ok().map(|sum| money(&sum))
}

/// Both deliveries of a conflict. `None`: the first cannot be read.
pub(crate) fn deliveries(case: &Case, payout: &Payout, now: UnixMillis) -> Option<Deliveries> {
    let first = payout.attempts.first().filter(|_| case.reason == Reason::ConflictingDuplicate)?;
    let claim = &first.claim;
    let sum = case.money.as_ref().map(money).unwrap_or_default();
    let apart = case.money.as_ref().and_then(|ours| difference(ours, &claim.money));
    let payee = case.destination.as_ref().map(ToString::to_string).unwrap_or_default();
    let event = case.event.as_ref().map(ToString::to_string).unwrap_or_default();
    let other = |is_other: bool| if is_other { "another one".to_owned() } else { String::new() };
    let is_other_sum = case.money.is_none_or(|ours| !ours.same_sum(&claim.money));
    let by = match apart {
        Some(apart) => format!("differs by {apart}"),
        None => other(is_other_sum),
    };
    let (theirs, first_event) = (claim.destination.to_string(), claim.event.to_string());
    Some(Deliveries {
        lines: vec![
            ("Amount", money(&claim.money), sum, by),
            ("Payee", theirs.clone(), payee.clone(), other(theirs != payee)),
            ("Event", first_event.clone(), event.clone(), other(first_event != event)),
            ("Received", clock(claim.received_at, now), clock(case.since, now), String::new()),
        ],
    })
}
