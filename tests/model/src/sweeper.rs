//! The sweeper: reads what `sweep::Progress` tells it to, concludes what `sweep::examine` allows, and writes under the
//! table's conditions. Reading and writing are two steps, so that a slow worker can come between them.

use payonce_protocol::outcome::Reason;
use payonce_protocol::sweep::{self, Finding, MARGIN_MS, MINUTE_MS, Minute, Progress};

use crate::mutation::Mutation;
use crate::setting::{Setting, Tick};
use crate::table::{Claim, Note, SLOTS, Subject, Table};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sweeper {
    /// One more than the tick through which rounds are complete; 0 before the first.
    pub done: Tick,
    pub found: Option<Found>,
}

/// What a reading found, to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    pub read_at: Tick,
    pub claims: [bool; SLOTS],
    pub note: bool,
}

impl Found {
    pub fn is_nothing(&self) -> bool {
        !self.note && !self.claims.contains(&true)
    }
}

/// Which buckets are read by the rounds between two moments; worked out once, from the protocol's own `Progress`.
#[derive(Clone, Debug)]
pub struct Visits {
    /// By `done`, by now, by the tick whose minute is meant.
    claims: Vec<Vec<Vec<bool>>>,
    notes: Vec<Vec<Vec<bool>>>,
}

impl Visits {
    pub fn of(setting: &Setting) -> Self {
        let ticks = 0..=setting.last_tick();
        let claim_buckets: Vec<Minute> = ticks.clone().map(|tick| setting.at(tick) / MINUTE_MS).collect();
        let note_listed = |tick| match setting.is(Mutation::NoteListedAtRefusal) {
            true => setting.at(tick),
            false => setting.at(tick) + setting.refusal_waits_ms,
        };
        let note_buckets: Vec<Minute> = ticks.clone().map(|tick| note_listed(tick) / MINUTE_MS).collect();
        let read = |buckets: &[Minute]| -> Vec<Vec<Vec<bool>>> {
            let from = 0..=setting.last_tick() + 1;
            from.map(|done| {
                ticks
                    .clone()
                    .map(|now| {
                        let visited = visited(setting, done, now);
                        buckets.iter().map(|bucket| visited.binary_search(bucket).is_ok()).collect()
                    })
                    .collect()
            })
            .collect()
        };
        Self { claims: read(&claim_buckets), notes: read(&note_buckets) }
    }

    fn claim(&self, done: Tick, now: Tick, received: Tick) -> bool {
        self.claims[usize::from(done)][usize::from(now)][usize::from(received)]
    }

    fn note(&self, done: Tick, now: Tick, refused: Tick) -> bool {
        self.notes[usize::from(done)][usize::from(now)][usize::from(refused)]
    }
}

/// Every bucket that the rounds up to now read, sorted.
fn visited(setting: &Setting, done: Tick, now: Tick) -> Vec<Minute> {
    let now = setting.at(now) / MINUTE_MS;
    let last = match done.checked_sub(1) {
        Some(tick) => setting.at(tick) / MINUTE_MS,
        None => setting.at(0) / MINUTE_MS - 1,
    };
    let mut visited = vec![];
    if setting.is(Mutation::Watermark) {
        return (last + 1..=now).map(|run| run - sweep::VISITS[0]).collect();
    }
    let mut progress = Progress::through(last);
    while progress.behind(now) > 0 {
        for bucket in progress.due(now) {
            progress.worked_off(bucket, now);
            visited.push(bucket);
        }
    }
    visited.sort_unstable();
    visited.dedup();
    visited
}

impl Sweeper {
    pub fn is_behind(&self, tick: Tick) -> bool {
        self.done <= tick
    }

    /// Whether a reading now would leave something to write.
    pub fn would_find(&self, table: &Table, setting: &Setting, visits: &Visits, tick: Tick) -> bool {
        let mut reading = self.clone();
        reading.read(table, setting, visits, tick);
        reading.found.is_some()
    }

    pub fn read(&mut self, table: &Table, setting: &Setting, visits: &Visits, tick: Tick) {
        let mut found = Found { read_at: tick, claims: [false; SLOTS], note: false };
        for (flag, claim) in found.claims.iter_mut().zip(&table.claims) {
            *flag = claim.as_ref().is_some_and(|claim| {
                claim.listed && visits.claim(self.done, tick, claim.received) && abandoned(claim, setting, tick)
            });
        }
        found.note = table.note.as_ref().is_some_and(|note| {
            visits.note(self.done, tick, note.refused)
                && sweep::refusal_is_final(setting.at(note.refused) + setting.refusal_waits_ms, setting.at(tick))
                && !followed(note, table, setting)
        });
        if found.is_nothing() {
            self.done = tick + 1;
        } else {
            self.found = Some(found);
        }
    }
}

fn abandoned(claim: &Claim, setting: &Setting, tick: Tick) -> bool {
    let (expires_at, margin_ms) = match setting.mutation {
        Some(Mutation::SweepBeforeExpiry) => (setting.at(claim.received), 0),
        Some(Mutation::SweepWithoutMargin) => (setting.expires_at(claim.received), 0),
        _ => (setting.expires_at(claim.received), MARGIN_MS),
    };
    claim.closing.is_none()
        && sweep::examine(expires_at, claim.outcome.is_some(), setting.at(tick), margin_ms) == Finding::Abandoned
}

/// A note is answered by a claim of its own event, or by the case that it is a second one for the key; another event's
/// claim alone does not pay it.
fn followed(note: &Note, table: &Table, setting: &Setting) -> bool {
    let is_second = table.cases.contains(&(Reason::SecondEventForKey, Subject::Event(note.asked)));
    is_second
        || table.claim(0).is_some_and(|claim| claim.asked == note.asked || setting.is(Mutation::AnyClaimAnswersNote))
}
