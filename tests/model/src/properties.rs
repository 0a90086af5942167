//! What must hold in every state, and what must be possible for that to mean anything. Liveness is said as "no bad state
//! at rest".

use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::Said;
use stateright::Property;

use crate::setting::{Asked, ONE, OTHER_EVENT, OTHER_TERMS, Setting};
use crate::table::{Claim, Subject};
use crate::world::{State, World};

pub const AT_MOST_ONCE: &str = "the payee gets the money of the order at most once, by the rail or by hand";
pub const OWN_ORDER_ONCE: &str = "the payee gets the money of the second event's own order at most once";
pub const GIVEN_BACK_UNPAID: &str = "nothing is claimed for a payment after it was given back";
pub const FILED_IS_OPEN: &str = "filed is answered only when an open case says so";
pub const CLAIM_BEFORE_PAY: &str = "claim-before-pay";
pub const ONE_REQUEST: &str = "one-request-per-attempt";
pub const REFUSED_UNPAID: &str = "503-means-unclaimed: a refused event has sent nothing";
pub const FIRST_PUT_IS_FRESH: &str = "a first put never meets its own attempt id";
pub const EVERY_CLAIM_ENDS: &str = "at rest every claim has an outcome, and a case unless it was accepted";
pub const NO_SILENT_LOSS: &str = "at rest every event answered 2xx is accepted or a case";
pub const REFUSAL_REMEMBERED: &str = "at rest every refused event came back, is claimed, or is a case";

/// The case that the sweeper makes of a note.
pub const NEVER_CAME_BACK: Reason = Reason::RefusedNotRedelivered;

/// What must be seen at least once in a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Paid,
    LostAnswerRecognised,
    Swept,
    SweptAndPaid,
    LateOutcome,
    SecondEventFiled,
    OtherTermsFiled,
    RefusedThenPaid,
    NeverCameBack,
    PaidBySameKey,
    PaidByNextKey,
    Replayed,
    ThirdAttempt,
    /// A look-up that was not shown to see.
    Blind,
    PaidByHand,
    /// An ending was wrong: a further attempt is paid.
    PaidAfterAnEnding,
    /// Sent again after an ending, and not paid.
    CameAgainAfterAnEnding,
    OwnOrderByRail,
    OwnOrderByHand,
    /// Refused for its limit, and paid because two people lifted it.
    Lifted,
    Rewritten,
    GivenBackFirst,
    GivenBackAfterwards,
}

pub fn of(setting: &Setting) -> Vec<Property<World>> {
    let mut all = vec![
        always(AT_MOST_ONCE, |_, state| state.rail.executed.len() + usize::from(state.people.by_hand) <= 1),
        always(OWN_ORDER_ONCE, |_, state| state.people.own.by_rail + state.people.own.by_hand <= 1),
        always(GIVEN_BACK_UNPAID, |_, state| {
            state.table.bar.is_none_or(|bar| claims(state).count() <= usize::from(bar.claims_before))
        }),
        always(FILED_IS_OPEN, |_, state| !state.seen.filed_unseen),
        always(CLAIM_BEFORE_PAY, |_, state| !state.seen.request_without_claim),
        always(ONE_REQUEST, |_, state| claims(state).all(|(_, claim)| claim.requests <= 1)),
        always(REFUSED_UNPAID, |_, state| !state.seen.refused_having_paid),
        always(FIRST_PUT_IS_FRESH, |_, state| !state.seen.impossible),
        always(EVERY_CLAIM_ENDS, |world, state| {
            !world.is_at_rest(state) || claims(state).all(|(slot, claim)| has_ended(state, slot, claim))
        }),
        always(NO_SILENT_LOSS, |world, state| {
            !world.is_at_rest(state) || among(state.seen.answered).all(|asked| accounted(state, asked))
        }),
        always(REFUSAL_REMEMBERED, |world, state| {
            !world.is_at_rest(state)
                || among(state.seen.refused & !state.seen.unnoted).all(|asked| accounted(state, asked))
        }),
    ];
    // What is said of rest would hold in a world that never comes to it.
    all.push(sometimes("a claim comes to rest", |world, state| {
        world.is_at_rest(state) && state.table.claim(0).is_some()
    }));
    all.extend(setting.sights.iter().map(|sight| sight.property()));
    all
}

/// Spelled out, so that the closures know what they are given.
fn always(name: &'static str, holds: fn(&World, &State) -> bool) -> Property<World> {
    Property::always(name, holds)
}

fn sometimes(name: &'static str, happens: fn(&World, &State) -> bool) -> Property<World> {
    Property::sometimes(name, happens)
}

fn claims(state: &State) -> impl Iterator<Item = (u8, &Claim)> {
    state.table.claims.iter().enumerate().filter_map(|(slot, claim)| Some((slot as u8, claim.as_ref()?)))
}

fn among(set: u8) -> impl Iterator<Item = Asked> {
    [ONE, OTHER_EVENT, OTHER_TERMS].into_iter().filter(move |asked| set & asked.bit() != 0)
}

fn has_ended(state: &State, slot: u8, claim: &Claim) -> bool {
    claim.closing.is_some()
        || claim.outcome.is_some_and(|ended| {
            ended.verdict.outcome == Outcome::Accepted || state.table.has_case(Subject::Attempt(slot))
        })
}

fn accounted(state: &State, asked: Asked) -> bool {
    let claimed = state.table.claim(0).is_some_and(|claim| claim.asked == asked && has_ended(state, 0, claim));
    claimed || state.table.has_case(Subject::Event(asked))
}

fn accepted(state: &State, slot: u8) -> bool {
    let ended = state.table.claim(slot).and_then(|claim| claim.outcome);
    ended.is_some_and(|ended| ended.verdict.outcome == Outcome::Accepted)
}

/// The last attempt was accepted, and is a re-issue under a generation related to the one before as `related` says.
fn reissued(state: &State, related: fn(u16, u16) -> bool) -> bool {
    (1..)
        .map_while(|slot| Some((slot, state.table.claim(slot - 1)?, state.table.claim(slot)?)))
        .any(|(slot, before, claim)| related(before.generation, claim.generation) && accepted(state, slot))
}

impl Sight {
    fn property(self) -> Property<World> {
        match self {
            Self::Paid => sometimes("paid", |_, state| accepted(state, 0)),
            Self::LostAnswerRecognised => sometimes("a lost answer is recognised, and paid", |_, state| {
                state.workers.iter().any(|worker| worker.recognised && worker.evidence.sent.is_some())
            }),
            Self::Swept => sometimes("swept", |_, state| swept(state)),
            Self::SweptAndPaid => {
                sometimes("swept, though it had paid", |_, state| swept(state) && !state.rail.executed.is_empty())
            }
            Self::LateOutcome => sometimes("a late outcome beside the sweeper's", |_, state| {
                claims(state).any(|(_, claim)| claim.late.is_some())
            }),
            Self::SecondEventFiled => sometimes("a second event is filed", |_, state| {
                state.table.cases.contains(&(Reason::SecondEventForKey, Subject::Event(OTHER_EVENT)))
            }),
            Self::OtherTermsFiled => sometimes("other terms are filed", |_, state| {
                state.table.cases.contains(&(Reason::ConflictingDuplicate, Subject::Event(OTHER_TERMS)))
            }),
            Self::RefusedThenPaid => sometimes("refused, came back, paid", |_, state| {
                state.seen.refused & ONE.bit() != 0 && accepted(state, 0)
            }),
            Self::NeverCameBack => sometimes("refused, never came back, a case", |_, state| {
                state.table.cases.contains(&(NEVER_CAME_BACK, Subject::Event(ONE)))
            }),
            Self::PaidBySameKey => sometimes("re-issued under the same key, accepted", |_, state| {
                reissued(state, |before, now| before == now)
            }),
            Self::PaidByNextKey => sometimes("re-issued under the next key, accepted", |_, state| {
                reissued(state, |before, now| before < now)
            }),
            Self::Replayed => sometimes("a re-issue is answered with the first payout", |_, state| {
                claims(state).any(|(_, claim)| claim.outcome.is_some_and(|ended| ended.verdict.replayed))
            }),
            Self::Blind => sometimes("a look-up is blind", |_, state| {
                state.people.look_ups.iter().any(|(_, said)| *said == Said::Blind)
            }),
            Self::PaidByHand => sometimes("paid by hand", |_, state| state.people.by_hand == 1),
            Self::PaidAfterAnEnding => {
                sometimes("an ending was wrong, and is paid", |_, state| closed(state) && accepted(state, 1))
            }
            Self::CameAgainAfterAnEnding => sometimes("sent again after an ending, not paid", |_, state| {
                closed(state) && state.arrived > 1 && state.workers.is_empty() && state.seen.answered == ONE.bit()
            }),
            Self::OwnOrderByRail => {
                sometimes("an own order is paid by the rail", |_, state| state.people.own.by_rail == 1)
            }
            Self::OwnOrderByHand => sometimes("an own order is paid by hand", |_, state| state.people.own.by_hand == 1),
            Self::Lifted => sometimes("a limit is lifted, and it is paid", |_, state| {
                let is_payers = state.table.claim(0).is_some_and(|claim| claim.by_people);
                accepted(state, 0) && is_payers
            }),
            Self::GivenBackFirst => sometimes("given back first, and filed", |_, state| {
                state.table.is_open(Reason::BlockedBeforePayout, Subject::Event(ONE))
            }),
            Self::GivenBackAfterwards => sometimes("given back when it was paid, a case", |_, state| {
                accepted(state, 0) && state.table.has_case(Subject::Attempt(0))
            }),
            Self::Rewritten => sometimes("the rail wrote its own group", |_, state| {
                accepted(state, 0) && state.rail.executed.iter().any(|paid| paid.rewritten)
            }),
            Self::ThirdAttempt => sometimes("a third attempt is accepted", |_, state| accepted(state, 2)),
        }
    }
}

fn closed(state: &State) -> bool {
    state.table.claim(0).is_some_and(|claim| claim.closing.is_some())
}

fn swept(state: &State) -> bool {
    claims(state).any(|(_, claim)| claim.outcome.is_some_and(|ended| ended.abandoned))
}
