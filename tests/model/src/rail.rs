//! The rail: it remembers keys for as long as it promises (and may do so longer), executes a request up to the settle
//! time later, may write a group of its own into what it executed, and counts what it executed. Its list may lag for
//! longer than it promises.

use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::{Said, sight_from};

use crate::mutation::Mutation;
use crate::people::Searched;
use crate::setting::{Setting, Tick};
use crate::table::Evidence;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rail {
    pub under_way: Vec<Request>,
    pub keys: Vec<Kept>,
    /// More than one is what must never be.
    pub executed: Vec<Executed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Executed {
    /// When its request was sent.
    pub sent: Tick,
    pub at: Tick,
    /// The rail wrote its own group over the reference that it was sent; our own mark stays.
    pub rewritten: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub worker: u8,
    pub generation: KeyGeneration,
    pub sent: Tick,
}

/// What the rail stores under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kept {
    pub generation: KeyGeneration,
    pub since: Tick,
    pub result: KeptResult,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeptResult {
    Paid,
    Refused,
    Error,
}

/// How the rail deals with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Processing {
    /// Answers what it stored under the key.
    Replays,
    Executes,
    /// With a group of its own in place of the reference that it was sent.
    ExecutesRewriting,
    Refuses,
    RefusesUnbegun,
    FailsHavingPaid,
    FailsUnpaid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    pub verdict: Verdict,
    pub key_holds_an_error: bool,
}

impl Rail {
    fn kept(&self, generation: KeyGeneration) -> Option<&Kept> {
        self.keys.iter().find(|kept| kept.generation == generation)
    }

    /// What may happen to a request now. Inside the key's life the stored result is all; from its end on the rail may
    /// still know it, or not.
    pub fn possible(&self, request: Request, setting: &Setting, tick: Tick) -> Vec<Processing> {
        let mut possible = vec![Processing::RefusesUnbegun];
        let kept = self.kept(request.generation);
        if kept.is_some() {
            possible.push(Processing::Replays);
        }
        let must_remember = kept.is_some_and(|kept| {
            setting.rail.key_life_ms.is_some_and(|life| setting.at(tick) < setting.at(kept.since) + life)
        });
        if !must_remember {
            possible.extend([
                Processing::Executes,
                Processing::ExecutesRewriting,
                Processing::Refuses,
                Processing::FailsHavingPaid,
                Processing::FailsUnpaid,
            ]);
        }
        possible
    }

    pub fn process(&mut self, request: Request, how: Processing, setting: &Setting, tick: Tick) -> Reply {
        self.under_way.retain(|other| *other != request);
        let result = match how {
            Processing::RefusesUnbegun => {
                let verdict = Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) };
                return Reply { verdict, key_holds_an_error: false };
            }
            Processing::Replays => {
                let result = self.kept(request.generation).map_or(KeptResult::Error, |kept| kept.result);
                return Reply::of(result, true);
            }
            Processing::Executes | Processing::ExecutesRewriting => KeptResult::Paid,
            Processing::Refuses => KeptResult::Refused,
            Processing::FailsHavingPaid | Processing::FailsUnpaid => KeptResult::Error,
        };
        let rewritten = how == Processing::ExecutesRewriting;
        if rewritten || matches!(how, Processing::Executes | Processing::FailsHavingPaid) {
            self.executed.push(Executed { sent: request.sent, at: tick, rewritten });
        }
        if setting.rail.key_life_ms.is_some() {
            self.keys.retain(|kept| kept.generation != request.generation);
            self.keys.push(Kept { generation: request.generation, since: tick, result });
        }
        if rewritten && setting.is(Mutation::IdentifiedByReference) {
            // The answer does not repeat what was sent.
            return Reply { verdict: Verdict::UNKNOWN, key_holds_an_error: false };
        }
        Reply::of(result, false)
    }

    /// What a look-up by our own mark may say now: the list is whole but for what may still settle. Other payouts are made
    /// and accepted at every moment, so what a search sees of them is told by how far its list goes.
    pub fn look_up(&self, searched: Searched, setting: &Setting, tick: Tick) -> Vec<Said> {
        let settled = |paid: &&Executed| setting.at(tick) >= setting.at(paid.sent) + setting.rail.settle_ms;
        let listed = |paid: &&Executed| shows(paid, setting);
        let nothing = unseen(searched, setting, tick);
        if self.executed.iter().filter(settled).any(|paid| listed(&paid)) {
            vec![Said::Found]
        } else if self.executed.iter().any(|paid| listed(&paid)) {
            vec![nothing, Said::Found]
        } else {
            vec![nothing]
        }
    }

    /// The same from a list that ends at an earlier moment than it should.
    pub fn lagging_look_up(&self, searched: Searched, setting: &Setting, tick: Tick) -> Vec<Said> {
        let seen = |until: Tick| self.executed.iter().any(|paid| paid.at <= until && shows(paid, setting));
        let said = |until| if seen(until) { Said::Found } else { unseen(searched, setting, until) };
        let mut all: Vec<Said> = (0..tick).map(said).collect();
        all.sort_unstable_by_key(|said| *said as u8);
        all.dedup();
        all
    }
}

fn shows(paid: &Executed, setting: &Setting) -> bool {
    !(paid.rewritten && setting.is(Mutation::IdentifiedByReference))
}

/// Nothing was found in a list that ends at `until`: whether it was shown to see.
fn unseen(searched: Searched, setting: &Setting, until: Tick) -> Said {
    let sees = (0..=until).any(|known| match setting.mutation {
        Some(Mutation::SightOfAnEarlierPayout) => known >= searched.claimed,
        _ => setting.at(known) >= sight_from(searched.last_used_at, setting.rail.settle_ms),
    });
    if sees || setting.is(Mutation::AbsenceWithoutSight) { Said::Absent } else { Said::Blind }
}

impl Reply {
    fn of(result: KeptResult, replayed: bool) -> Self {
        let outcome = match result {
            KeptResult::Paid => Outcome::Accepted,
            KeptResult::Refused => Outcome::Rejected,
            KeptResult::Error => Outcome::Unknown,
        };
        let verdict = Verdict { replayed, ..Verdict::plain(outcome) };
        Self { verdict, key_holds_an_error: result == KeptResult::Error }
    }

    pub fn evidence(self, sent: Tick) -> Evidence {
        Evidence { sent: Some(sent), key_holds_an_error: self.key_holds_an_error }
    }
}
