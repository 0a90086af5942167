//! One event of one delivery, or one approved re-issue, between two steps: the protocol's machine, and the action that
//! it asked for last.

use payonce_protocol::event::{Action, Answer, ClaimAnswer, ClaimFacts, Event, Input, Patience, TimeLeft};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{AttemptId, Digest, KeyGeneration};
use payonce_protocol::outcome::{Reason, Verdict};

use crate::fault::Fault;
use crate::setting::{Asked, Tick};
use crate::table::{Claim, Evidence, facts};
use crate::world::PAYERS;

/// As the machine knows them.
const OWN: u8 = 0;
const ANOTHERS: u8 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    /// Tells workers apart; the attempt id does not do so in every mutation.
    pub number: u8,
    /// The process that it runs in: events of one delivery share it. The number of one of them.
    pub invocation: u8,
    pub attempt_id: u8,
    pub asked: Asked,
    /// The attempt's place in the table, from 0.
    pub slot: u8,
    pub generation: KeyGeneration,
    pub started: Tick,
    pub frozen: bool,
    pub doing: Doing,
    pub evidence: Evidence,
    /// Its claim was found to be its own on the second put.
    pub recognised: bool,
    machine: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    LookUp,
    Note,
    Put {
        again: bool,
    },
    /// Holds the proof that the claim is ours, and has not offered a byte.
    Send,
    AwaitReply,
    Record(Verdict),
    File(Reason),
}

/// What a worker finds before it touches anything that others see: gate and connection, in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    Open,
    Held(Hold, Patience),
    TimeLeft(TimeLeft, Patience),
    NotConnected(Patience),
    PanicsWhileConnecting,
    /// It asks for nothing that may be paid now: filed, and nothing is attempted.
    Misfit,
}

impl Start {
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::Held(Hold::Refuse, Patience::Lasts),
        Self::Held(Hold::Refuse, Patience::Over),
        Self::Held(Hold::Record, Patience::Lasts),
        Self::TimeLeft(TimeLeft::ForClaim, Patience::Lasts),
        Self::TimeLeft(TimeLeft::ForClaim, Patience::Over),
        Self::TimeLeft(TimeLeft::None, Patience::Lasts),
        Self::NotConnected(Patience::Lasts),
        Self::NotConnected(Patience::Over),
        Self::PanicsWhileConnecting,
        Self::Misfit,
    ];

    pub fn fault(self) -> Option<Fault> {
        match self {
            Self::Open => None,
            Self::Held(..) => Some(Fault::Hold),
            Self::TimeLeft(..) => Some(Fault::NoTime),
            Self::NotConnected(_) => Some(Fault::NotConnected),
            Self::PanicsWhileConnecting => Some(Fault::Panic),
            Self::Misfit => Some(Fault::Misfit),
        }
    }

    fn gate(self) -> Input {
        let (hold, time, patience) = match self {
            Self::Held(hold, patience) => (hold, TimeLeft::ForPayout, patience),
            Self::TimeLeft(time, patience) => (Hold::Pay, time, patience),
            Self::Open | Self::NotConnected(_) | Self::PanicsWhileConnecting | Self::Misfit => {
                (Hold::Pay, TimeLeft::ForPayout, Patience::Lasts)
            }
        };
        Input::Gate { hold, time, patience }
    }

    fn connecting(self) -> Input {
        match self {
            Self::NotConnected(patience) => Input::NotConnected { patience },
            Self::PanicsWhileConnecting => Input::Panicked,
            _ => Input::Connected,
        }
    }
}

/// The parts of a worker that are chosen for it.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub number: u8,
    pub invocation: u8,
    pub attempt_id: u8,
    pub asked: Asked,
    pub slot: u8,
    pub generation: KeyGeneration,
    pub started: Tick,
}

impl Worker {
    /// `None` when the machine answers at once.
    pub fn start(job: Job, start: Start) -> Option<Self> {
        let mut machine = Event::new(facts(OWN, job.asked), Digest([job.generation as u8; 32]));
        let mut action = machine.step(start.gate());
        if matches!(action, Action::Connect) {
            action = machine.step(start.connecting());
        }
        let Job { number, invocation, attempt_id, asked, slot, generation, started } = job;
        let mut worker = Self {
            number,
            invocation,
            attempt_id,
            asked,
            slot,
            generation,
            started,
            frozen: false,
            doing: Doing::LookUp,
            evidence: Evidence::default(),
            recognised: false,
            machine,
        };
        worker.take_up(action).is_none().then_some(worker)
    }

    /// Tells the machine what happened; returns its answer once it has one.
    pub fn feed(&mut self, input: Input) -> Option<Answer> {
        let action = self.machine.step(self.as_it_sees(input));
        self.take_up(action)
    }

    /// Attempt ids are told apart and nothing else, so the machine knows its own and one for all others: what it holds does not
    /// depend on how workers are numbered.
    fn as_it_sees(&self, input: Input) -> Input {
        let seen = |theirs: ClaimFacts| {
            let is_own = theirs.attempt_id == AttemptId([self.attempt_id; 16]);
            ClaimFacts { attempt_id: AttemptId([if is_own { OWN } else { ANOTHERS }; 16]), ..theirs }
        };
        match input {
            Input::ClaimRead(theirs) => Input::ClaimRead(theirs.map(seen)),
            Input::Claim(ClaimAnswer::Taken(theirs)) => Input::Claim(ClaimAnswer::Taken(seen(theirs))),
            other => other,
        }
    }

    fn take_up(&mut self, action: Action) -> Option<Answer> {
        self.doing = match action {
            Action::Answer(answer) => return Some(answer),
            Action::LookUpClaim => Doing::LookUp,
            Action::NoteRefusal => Doing::Note,
            Action::PutClaim => Doing::Put { again: matches!(self.doing, Doing::Put { .. }) },
            // The bytes that the proof allows are the ones that the claim stores.
            Action::Pay(claimed)
                if claimed.request() == Digest([self.generation as u8; 32])
                    && claimed.attempt_id() == AttemptId([OWN; 16]) =>
            {
                Doing::Send
            }
            Action::Pay(_) => return self.feed(Input::Paid(Verdict::NOT_SENT)),
            Action::Record(verdict) => Doing::Record(verdict),
            Action::FileCase(reason) => Doing::File(reason),
            // A second connection is never asked for, and no rule here was another one formerly.
            Action::Connect | Action::LookUpFormer | Action::LookAtGate => return self.feed(Input::Panicked),
        };
        None
    }

    pub fn claim(&self) -> Claim {
        Claim {
            attempt_id: self.attempt_id,
            asked: self.asked,
            generation: self.generation,
            received: self.started,
            listed: true,
            outcome: None,
            late: None,
            requests: 0,
            by_people: self.invocation >= PAYERS,
            closing: None,
        }
    }
}
