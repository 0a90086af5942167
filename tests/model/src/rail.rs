//! The rail: it remembers keys for as long as it promises (and may do so longer), executes a request up to the settle
//! time later, and counts what it executed.

use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::outcome::{Outcome, Verdict};

use crate::setting::{Setting, Tick};
use crate::table::Evidence;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rail {
    pub under_way: Vec<Request>,
    pub keys: Vec<Kept>,
    /// When the request of each executed payout was sent. More than one is what must never be.
    pub executed: Vec<Tick>,
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
            Processing::Executes => KeptResult::Paid,
            Processing::Refuses => KeptResult::Refused,
            Processing::FailsHavingPaid | Processing::FailsUnpaid => KeptResult::Error,
        };
        if matches!(how, Processing::Executes | Processing::FailsHavingPaid) {
            self.executed.push(request.sent);
        }
        if setting.rail.key_life_ms.is_some() {
            self.keys.retain(|kept| kept.generation != request.generation);
            self.keys.push(Kept { generation: request.generation, since: tick, result });
        }
        Reply::of(result, false)
    }

    /// What a look-up by our reference may say: it lags by up to the settle time.
    pub fn look_up(&self, setting: &Setting, tick: Tick) -> Vec<bool> {
        let settled = |sent: &Tick| setting.at(tick) >= setting.at(*sent) + setting.rail.settle_ms;
        if self.executed.iter().any(settled) {
            vec![true]
        } else if self.executed.is_empty() {
            vec![false]
        } else {
            vec![false, true]
        }
    }
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
