//! The people: they look up, and two of them approve whatever `reissue::offer` offers, at any moment. They are never
//! wiser than the offer. They also close cases: a payee who is paid by hand is paid as well.

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::{self, KEY_LIFE_MARGIN_MS, LastAttempt, LookedUp, Reissue, Said};

use crate::mutation::Mutation;
use crate::setting::{Setting, Tick};
use crate::table::{Claim, Table};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct People {
    pub approvals_left: u8,
    pub look_ups_left: u8,
    /// Since the last attempt was claimed.
    pub look_ups: Vec<(Tick, Said)>,
    /// How many cases they may still close.
    pub endings_left: u8,
    pub lifts_left: u8,
    /// What the payee was paid by hand for the order.
    pub by_hand: u8,
    /// The second event's own order.
    pub own: OwnOrder,
}

/// The order of an event that is a second one for its key: paid under a key of its own, or by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnOrder {
    pub is_claimed: bool,
    pub by_rail: u8,
    pub by_hand: u8,
}

/// What a look-up looks for.
#[derive(Clone, Copy, Debug)]
pub struct Searched {
    /// When the last attempt was claimed.
    pub claimed: Tick,
    pub last_used_at: UnixMillis,
}

pub fn searched(table: &Table, people: &People, setting: &Setting) -> Option<Searched> {
    let (slot, last) = last_attempt(table, people, setting)?;
    Some(Searched { claimed: table.claim(slot)?.received, last_used_at: last.key_last_used_at })
}

/// The place of the last attempt, and what the payer would be told about it. `None` while it has no outcome.
fn last_attempt(table: &Table, people: &People, setting: &Setting) -> Option<(u8, LastAttempt)> {
    let claims: Vec<&Claim> = table.claims.iter().flatten().collect();
    let last = claims.last()?;
    let verdict = match last.closing {
        // An ending: no byte left for it. Whoever was paid by hand is not paid again.
        Some(closing) if !closing.by_hand => Verdict::NOT_SENT,
        Some(_) => return None,
        None => last.outcome?.verdict,
    };
    let same_key = claims.iter().filter(|claim| claim.generation == last.generation);
    let used = same_key.clone().filter_map(|claim| last_use(claim));
    let last_attempt = LastAttempt {
        verdict,
        generation: last.generation,
        key_is_uncertain: !setting.is(Mutation::EarlierUnknownForgotten)
            && same_key
                .clone()
                .any(|claim| claim.outcome.is_some_and(|ended| ended.verdict.outcome == Outcome::Unknown)),
        key_first_used_at: setting.at(same_key.clone().filter_map(|claim| first_use(claim)).min()?),
        key_last_used_at: setting.at(used.max()?),
        key_holds_an_error: same_key
            .clone()
            .any(|claim| claim.outcome.is_some_and(|ended| ended.evidence.key_holds_an_error)),
        has_late_outcome: claims.iter().any(|claim| claim.late.is_some()),
        look_ups: people.look_ups.iter().map(|&(tick, said)| LookedUp { at: setting.at(tick), said }).collect(),
    };
    Some((claims.len() as u8 - 1, last_attempt))
}

fn first_use(claim: &Claim) -> Option<Tick> {
    if claim.closing.is_some() {
        return Some(claim.received);
    }
    Some(claim.outcome?.evidence.sent.unwrap_or(claim.received))
}

/// For an attempt of which nobody can say when it sent, the moment at which it was certainly over.
fn last_use(claim: &Claim) -> Option<Tick> {
    if claim.closing.is_some() {
        return Some(claim.received);
    }
    let ended = claim.outcome?;
    let unsent = if ended.verdict.outcome == Outcome::NotSent { claim.received } else { ended.at };
    Some(ended.evidence.sent.unwrap_or(unsent))
}

/// The next attempt's place and key generation, when it may be approved now.
pub fn offered(table: &Table, people: &People, setting: &Setting, tick: Tick) -> Option<(u8, KeyGeneration)> {
    let (slot, last) = last_attempt(table, people, setting)?;
    let unknown = last.verdict.outcome == Outcome::Unknown;
    let generation = match reissue::offer(&last, &setting.rail, setting.at(tick), KEY_LIFE_MARGIN_MS) {
        Reissue::SameKey if unknown && setting.is(Mutation::NewKeyAfterUnknown) => last.generation + 1,
        Reissue::SameKey => last.generation,
        Reissue::NextKey(generation) => generation,
        Reissue::NotBefore(_) | Reissue::LookUpFirst { .. }
            if setting.is(Mutation::FirstLookUpBelieved)
                && people.look_ups.last().is_some_and(|(at, said)| *at == tick && *said != Said::Found) =>
        {
            last.generation + 1
        }
        Reissue::NotBefore(_) | Reissue::LookUpFirst { .. } | Reissue::NotOffered(_) => return None,
    };
    Some((slot + 1, generation))
}

/// People look up while nothing is offered, and at most once at a time.
pub fn may_look_up(table: &Table, people: &People, setting: &Setting, tick: Tick) -> bool {
    setting.rail.look_up == reissue::LookUp::ByReference
        && people.look_ups_left > 0
        && people.look_ups.last().is_none_or(|(last, _)| *last != tick)
        && last_attempt(table, people, setting).is_some_and(|(_, last)| last.verdict.outcome != Outcome::Accepted)
        && offered(table, people, setting, tick).is_none()
}
