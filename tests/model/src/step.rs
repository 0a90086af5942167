//! One step of the world: what may happen next, and what it costs.

use payonce_protocol::event::{ClaimAnswer, Input};
use payonce_protocol::outcome::Reason;
use payonce_protocol::reissue::Said;

use crate::fault::Fault;
use crate::rail::Processing;
use crate::setting::Asked;
use crate::worker::Start;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Tick,
    /// The next delivery comes.
    Arrive(Start),
    /// Two people approved what is offered, and the payer begins.
    Approve,
    Put(usize, Fate),
    /// A put that nobody waits for lands.
    Land(usize),
    Hide(u8),
    List(u8),
    LookUpClaim(usize, Fate),
    Note(usize, Fate),
    /// The first byte is offered, or refused by the gate.
    Send(usize, Fate),
    Process(usize, Processing, Arrives),
    LoseRequest(usize),
    GiveUp(usize),
    Record(usize, Fate),
    File(usize, Fate),
    /// By invocation.
    Crash(u8),
    Freeze(u8),
    Sweep,
    WriteSwept,
    SweeperDies,
    /// Its time is over before the last of what it found is written.
    SweeperStops,
    LookUpAtRail(Said, List),
    /// Two people close a case about an event that nothing was claimed for.
    End(Reason, Asked, Ending),
    /// Two people lift the limit that alone refused this event, and the payer makes the webhook's own first attempt.
    Lift(Asked),
    /// A second event is paid under a key of its own.
    PayOwnOrder,
    /// The payment is given back, and its event comes.
    GiveBack,
}

/// The list that a look-up searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    Whole,
    Lagging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody pays the payee by hand once the ending is approved.
    ByHand,
    NotPaid,
}

/// What became of an action, and of the answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    AnswerLost,
    NotDone,
    /// Under way when nobody waits any more.
    Late,
    Refused(ClaimAnswer),
    PanicBefore,
    PanicAfter,
}

/// Whether the rail's answer reaches a worker that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrives {
    Yes,
    No,
}

impl Step {
    /// What it costs.
    pub fn fault(&self) -> Option<Fault> {
        match *self {
            Self::Arrive(start) => start.fault(),
            Self::Put(_, Fate::Late) => Some(Fault::PutLate),
            Self::Put(_, Fate::AnswerLost) => Some(Fault::PutAnswerLost),
            Self::Put(_, Fate::NotDone) => Some(Fault::PutDropped),
            Self::Put(_, Fate::Refused(_)) => Some(Fault::PutRefused),
            Self::Put(_, Fate::PanicBefore | Fate::PanicAfter)
            | Self::Send(_, Fate::PanicBefore | Fate::PanicAfter)
            | Self::Record(_, Fate::PanicBefore | Fate::PanicAfter)
            | Self::File(_, Fate::PanicBefore | Fate::PanicAfter) => Some(Fault::Panic),
            Self::Hide(_) => Some(Fault::IndexLags),
            Self::LookUpClaim(_, Fate::NotDone) => Some(Fault::ReadFails),
            Self::Note(_, Fate::NotDone) => Some(Fault::NoteLost),
            Self::Record(_, Fate::AnswerLost | Fate::NotDone) => Some(Fault::RecordLost),
            Self::File(_, Fate::AnswerLost | Fate::NotDone) => Some(Fault::CaseLost),
            Self::Process(_, how, arrives) => match (how, arrives) {
                (Processing::Refuses, _) => Some(Fault::Refuses),
                (Processing::RefusesUnbegun, _) => Some(Fault::NotBegun),
                (Processing::FailsHavingPaid | Processing::FailsUnpaid, _) => Some(Fault::KeepsError),
                (Processing::ExecutesRewriting, _) => Some(Fault::RewritesReference),
                (_, Arrives::No) => Some(Fault::ReplyLost),
                (_, Arrives::Yes) => None,
            },
            Self::LoseRequest(_) => Some(Fault::RequestLost),
            Self::GiveUp(_) => Some(Fault::GivesUp),
            Self::Crash(_) => Some(Fault::Crash),
            Self::Freeze(_) => Some(Fault::Freeze),
            Self::SweeperDies => Some(Fault::SweeperDies),
            Self::SweeperStops => Some(Fault::SweeperStops),
            Self::LookUpAtRail(_, List::Lagging) => Some(Fault::ListLags),
            _ => None,
        }
    }
}

impl Fate {
    /// What the machine is told.
    pub fn input(self, answer: Input, no_answer: Input) -> Input {
        match self {
            Self::Done | Self::Refused(_) => answer,
            Self::AnswerLost | Self::NotDone | Self::Late => no_answer,
            Self::PanicBefore | Self::PanicAfter => Input::Panicked,
        }
    }
}
