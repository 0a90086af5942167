//! What happens next if nobody does anything: by the rules that the functions follow, at the times that they keep.

use console::pages::words::Words as _;
use jiff::Timestamp;
use payonce_ledger::{Attempted, RefusalNote, Seen};
use payonce_protocol::UnixMillis;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::sweep::{MARGIN_MS, MINUTE_MS, VISITS, refusal_is_final};
use reconciler::AGAIN_AFTER_DAYS;

use super::gather::{Filed, Kept, Story};

const DAY_MS: u64 = 86_400_000;

pub(super) fn next(story: &Story, now: UnixMillis) -> Vec<String> {
    let mut says: Vec<String> = story.keys.iter().flat_map(|kept| of_key(story, kept, now)).collect();
    let open = story.cases.iter().filter(|of| of.filed.status.is_open());
    says.extend(open.map(of_case));
    if says.is_empty() {
        says.push("Nothing.".to_owned());
    }
    says
}

/// RFC 3339, in UTC.
pub(super) fn time(at: UnixMillis) -> String {
    let at = i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "?".to_owned(), |at| format!("{at:.3}"))
}

fn of_key(story: &Story, kept: &Kept, now: UnixMillis) -> Vec<String> {
    let payout = &kept.records.payout;
    let mut says = vec![];
    if let Some(last) = payout.attempts.last() {
        says.push(of_attempt(kept, last, now));
    } else if payout.closed.is_some() {
        says.push(format!("Nothing is paid under {}: two people closed it.", kept.key));
    }
    if payout.barred.is_some() {
        says.push(format!("No further attempt is made under {}: its payment was given back or is disputed.", kept.key));
    }
    let waits = kept.records.refusals.iter().filter(|note| !is_accounted_for(story, note));
    says.extend(waits.map(|note| of_refusal(note, now)));
    says
}

/// When the sweeper comes by a claim that arrived then, from now on.
fn visits(received_at: UnixMillis, now: UnixMillis) -> String {
    let minute = received_at / MINUTE_MS;
    let times = VISITS.map(|visit| (minute + visit) * MINUTE_MS);
    let times: Vec<String> = times.into_iter().filter(|at| *at > now).map(time).collect();
    times.join(", ")
}

fn of_attempt(kept: &Kept, last: &Attempted, now: UnixMillis) -> String {
    let (claim, number) = (&last.claim, last.claim.attempt);
    let visits = visits(claim.received_at, now);
    let outcomes = || kept.records.payout.attempts.iter().flat_map(|one| one.outcome.iter().chain(&one.late));
    if outcomes().any(|outcome| outcome.verdict.outcome == Outcome::Accepted) {
        let days = AGAIN_AFTER_DAYS.iter().filter(|days| claim.claimed_at + **days * DAY_MS > now);
        let days: Vec<String> = days.map(u64::to_string).collect();
        let again = match days.as_slice() {
            [] => String::new(),
            days => format!(" It looks for it at the rail again {} days after it was made.", days.join(", ")),
        };
        return format!(
            "Nothing more is paid under {}. The reconciler holds the payout against the other books.{again}",
            kept.key
        );
    }
    let found = kept.records.payout.look_ups.iter().any(|look_up| matches!(look_up.seen, Seen::Found(_)));
    match last.outcome.as_ref().map(|outcome| outcome.verdict.outcome) {
        None => {
            let from = time(claim.expires_at.saturating_add(MARGIN_MS));
            let when = if visits.is_empty() { "the next round that it makes up".to_owned() } else { visits };
            format!(
                "The worker of attempt {number} may still record how it ended. From {from} on the sweeper gives it up and opens a \
                 case; it comes by at {when}. Nothing is sent again."
            )
        }
        Some(Outcome::Unknown) if !found && !visits.is_empty() => {
            format!("Nothing is sent again. The sweeper asks the rail whether it has the payout, at {visits}.")
        }
        Some(_) => format!("Nothing is sent again under {} by itself.", kept.key),
    }
}

/// Something was claimed for it, or a case speaks of it.
fn is_accounted_for(story: &Story, note: &RefusalNote) -> bool {
    let claimed = |kept: &Kept| kept.records.payout.attempts.iter().any(|attempt| attempt.claim.event == note.event);
    let closed = |kept: &Kept| {
        kept.records.payout.closed.as_ref().is_some_and(|closing| closing.event.as_ref() == Some(&note.event))
    };
    let filed = |of: &Filed| of.filed.case.event.as_ref() == Some(&note.event);
    story.keys.iter().any(|kept| claimed(kept) || closed(kept)) || story.cases.iter().any(filed)
}

fn of_refusal(note: &RefusalNote, now: UnixMillis) -> String {
    let at = time(note.final_after);
    if refusal_is_final(note.final_after, now) {
        return format!("{} had until {at} to come back: the sweeper opens a case at its next visits.", note.event);
    }
    format!(
        "{} may still come again, until {at}, and is paid then if payouts are made. If it never does, the sweeper opens a case.",
        note.event
    )
}

fn of_case(of: &Filed) -> String {
    let case = &of.filed.case;
    format!("A person decides case {} ({}): {}", case.id(), case.reason.label(), of.filed.status.says())
}
