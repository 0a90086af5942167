//! The state machine of one event, from "verified order" to "answered".
//!
//! ```text
//! Gating ──► Connecting ──► Claiming ──► Paying ──► Recording ──► Answered
//!    │            │            │  ╲                     ▲
//!    └──► Looking ◄┘            │   ╲─ (hold record, past patience) ─┘
//!            │                 ├──► Filing (another event, other terms, closed) ──► Answered
//!            │                 │      │ (not written)
//!            └──► Noting ◄─────┴──────┘
//!                   └──► Answered (503)
//! ```
//!
//! Where the key was derived otherwise formerly, `Recalling` comes before `Gating`: the claims under the former keys are
//! read first, and one of them is a duplicate just as the own key's would be.
//!
//! Every 503 passes through `Noting`: whatever the reason, an event that never comes back must end as a case.
//!
//! The shell performs the [`Action`] and feeds back what happened as an [`Input`]. Only the transition out of
//! `Claiming` on a claim that is ours makes a [`Claimed`], and only a `Claimed` can be paid: that is the invariant
//! claim-before-pay, held by a type.

use crate::closing::{ClosedBy, ClosingFacts};
use crate::hold::Hold;
use crate::ids::{AttemptId, Digest};
use crate::outcome::{Reason, Verdict};

/// What tells one claim from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimFacts {
    pub attempt_id: AttemptId,
    /// SHA-256 of the event id.
    pub event: Digest,
    /// [`crate::order::terms`] of the order.
    pub terms: Digest,
}

/// Proof that a claim is durable and ours. It cannot be copied, and paying consumes it: one request for each claim.
///
/// ```compile_fail
/// // Only the state machine makes one.
/// let claimed = payonce_protocol::event::Claimed { attempt_id: todo!(), request: todo!() };
/// ```
/// ```compile_fail
/// fn twice(claimed: payonce_protocol::event::Claimed) { drop(claimed.clone()); }
/// ```
#[derive(Debug)]
#[must_use = "a claim that is not paid must be recorded as not sent"]
pub struct Claimed {
    attempt_id: AttemptId,
    request: Digest,
}

impl Claimed {
    pub fn attempt_id(&self) -> AttemptId {
        self.attempt_id
    }

    /// SHA-256 of the exact request that the claim stores; no other may be sent for it.
    pub fn request(&self) -> Digest {
        self.request
    }
}

/// The time that is left of the invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeLeft {
    /// For claim, payout and record.
    ForPayout,
    /// For claim and record.
    ForClaim,
    /// For neither.
    None,
}

/// Whether the provider will still come back when we refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Patience {
    /// The event is younger than `refuse_for`.
    Lasts,
    /// It is older: refusing would lose it.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    Gate {
        hold: Hold,
        time: TimeLeft,
        patience: Patience,
    },
    /// In place of a gate: this version may not pay for these tables or by these rules (see [`crate::release`]), however
    /// long the provider waits.
    Barred(Refusal),
    /// TCP and TLS to the rail stand.
    Connected,
    NotConnected {
        patience: Patience,
    },
    /// A consistent read of the claim's place, or of those under the former keys.
    ClaimRead(Option<ClaimFacts>),
    /// The same read found that people had closed it, or that a blocking event bars it.
    ClosingRead(ClosingFacts),
    /// A claim is there that this code cannot read. It is somebody's.
    ClaimUnreadable,
    /// Whether one is there could not be found out.
    ClaimNotRead,
    /// The note is written, or was there, or could not be written: it is best effort.
    Noted,
    Claim(ClaimAnswer),
    Paid(Verdict),
    Recorded(Recorded),
    CaseFiled,
    CaseNotFiled,
    /// The code that performed the action panicked.
    Panicked,
}

/// What the table said to one conditional put of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimAnswer {
    Written,
    /// The condition failed; this claim was there.
    Taken(ClaimFacts),
    /// The condition failed: people had closed this payout, or a blocking event bars it.
    Closed(ClosingFacts),
    /// Timeout, reset, 5xx, throttle: it may have been written.
    NoAnswer,
    /// Certainly not written, for a reason that will pass (a conflicting transaction).
    NotApplied,
    /// Certainly not written, for a reason that lies in the item itself (validation).
    Unacceptable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recorded {
    Durable,
    /// The sweeper had given this attempt up; ours went beside its outcome, with a case.
    Late,
    Failed,
}

/// What the shell does next.
#[derive(Debug)]
pub enum Action {
    /// Read the claims under the former keys: the first that is there, if any.
    LookUpFormer,
    /// Look at hold and time (again), and say what they are.
    LookAtGate,
    Connect,
    LookUpClaim,
    NoteRefusal,
    /// The conditional put. Asked for a second time, it is to send the identical item.
    PutClaim,
    /// Pay on the connection that stands. The only action that moves money.
    Pay(Claimed),
    /// Write the outcome, together with its case when it has one.
    Record(Verdict),
    /// Open this case for the event, durably.
    FileCase(Reason),
    Answer(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 200: our attempt ended so.
    Done(Verdict, Recorded),
    /// 200: claimed before, by the same event with the same terms.
    Duplicate,
    /// 200: not paid, a case is open.
    Filed(Reason),
    /// 503: not claimed by this delivery; the provider is to come back.
    Refused(Refusal),
    /// 200, and an alarm: the first put met our own attempt id, which cannot be. The sweeper files the claim.
    Impossible,
}

impl Answer {
    /// Whether the provider is told not to come back.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

crate::words! {
    pub enum Refusal {
        Hold = "hold",
        /// Nobody released payouts for the tables that are there.
        TablesNotReleased = "tables_not_released",
        /// Nobody accepted the rules that this version derives payout keys by.
        RulesNotAccepted = "rules_not_accepted",
        ControlUnreadable = "control_unreadable",
        NoTime = "no_time",
        RailUnreachable = "rail_unreachable",
        ClaimUncertain = "claim_uncertain",
        CaseNotWritten = "case_not_written",
    }
}

impl Refusal {
    /// Something does not work, which a new version may have brought. The others are a person's will: no reason to take a
    /// version back.
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::Hold | Self::TablesNotReleased | Self::RulesNotAccepted)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Put {
    First,
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum OnceClaimed {
    Pay,
    FileAsNotSent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// Not read yet.
    Former,
    Recalling,
    Gating,
    Connecting,
    Looking(Refusal),
    Noting(Refusal),
    Claiming(Put, OnceClaimed),
    Paying,
    Recording(Verdict),
    Filing(Reason),
    Answered(Answer),
}

/// One event of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    ours: ClaimFacts,
    request: Digest,
    state: State,
}

impl Event {
    /// `request` is the SHA-256 of the payout request that the claim will store.
    pub fn new(ours: ClaimFacts, request: Digest) -> Self {
        Self { ours, request, state: State::Gating }
    }

    /// The payout's key was derived otherwise formerly.
    pub fn with_former_keys(self) -> Self {
        Self { state: State::Former, ..self }
    }

    pub fn step(&mut self, input: Input) -> Action {
        let (state, action) = self.next(input);
        self.state = state;
        action
    }

    fn next(&self, input: Input) -> (State, Action) {
        match (self.state, input) {
            (State::Former, Input::Gate { time: TimeLeft::None, .. }) => look(Refusal::NoTime),
            (State::Former, _) => (State::Recalling, Action::LookUpFormer),
            (State::Recalling, Input::ClaimRead(Some(theirs))) => self.duplicate(theirs),
            (State::Recalling, Input::ClosingRead(closing)) => self.closed(closing),
            (State::Recalling, Input::ClaimUnreadable) => answer(Answer::Duplicate),
            (State::Recalling, Input::ClaimRead(None)) => (State::Gating, Action::LookAtGate),
            // Without them nobody knows whether it was paid.
            (State::Recalling, _) => note(Refusal::ClaimUncertain),

            (State::Gating, Input::Gate { hold, time, patience }) => gate(hold, time, patience),
            (State::Gating, Input::Barred(refusal)) => look(refusal),

            (State::Connecting, Input::Connected) => claim(OnceClaimed::Pay),
            (State::Connecting, Input::NotConnected { patience: Patience::Over }) => claim(OnceClaimed::FileAsNotSent),
            (State::Connecting, Input::NotConnected { patience: Patience::Lasts }) => look(Refusal::RailUnreachable),

            (State::Looking(_), Input::ClaimRead(Some(theirs))) => self.duplicate(theirs),
            (State::Looking(_), Input::ClaimUnreadable) => answer(Answer::Duplicate),
            (State::Looking(_), Input::ClosingRead(closing)) => self.closed(closing),
            (State::Looking(refusal), _) => note(refusal),
            (State::Noting(refusal), _) => answer(Answer::Refused(refusal)),

            (State::Claiming(put, once), Input::Claim(said)) => self.claimed(put, once, said),

            (State::Paying, Input::Paid(verdict)) => record(verdict),
            // Whatever else happens while the money may be moving, what is known is nothing.
            (State::Paying, _) => record(Verdict::UNKNOWN),

            (State::Recording(verdict), Input::Recorded(recorded)) => answer(Answer::Done(verdict, recorded)),
            (State::Recording(verdict), _) => answer(Answer::Done(verdict, Recorded::Failed)),

            (State::Filing(reason), Input::CaseFiled) => answer(Answer::Filed(reason)),
            (State::Filing(_), _) => note(Refusal::CaseNotWritten),

            (State::Answered(said), _) => answer(said),

            // A panic before the payout: the event is poisoned, and must not come back for ever (503-means-unclaimed). Should the claim
            // have been written meanwhile, the sweeper files it too.
            (State::Gating | State::Connecting | State::Claiming(..), _) => file(Reason::InvalidEvent),
        }
    }

    fn claimed(&self, put: Put, once: OnceClaimed, said: ClaimAnswer) -> (State, Action) {
        match (said, put) {
            (ClaimAnswer::Written, _) => self.won(once),
            (ClaimAnswer::Taken(theirs), Put::Second) if theirs.attempt_id == self.ours.attempt_id => self.won(once),
            (ClaimAnswer::Taken(theirs), Put::First) if theirs.attempt_id == self.ours.attempt_id => {
                answer(Answer::Impossible)
            }
            (ClaimAnswer::Taken(theirs), _) => self.duplicate(theirs),
            (ClaimAnswer::Closed(closing), _) => self.closed(closing),
            (ClaimAnswer::NoAnswer, Put::First) => (State::Claiming(Put::Second, once), Action::PutClaim),
            (ClaimAnswer::NoAnswer, Put::Second) | (ClaimAnswer::NotApplied, _) => note(Refusal::ClaimUncertain),
            (ClaimAnswer::Unacceptable, _) => file(Reason::InvalidEvent),
        }
    }

    fn won(&self, once: OnceClaimed) -> (State, Action) {
        match once {
            OnceClaimed::Pay => {
                let claimed = Claimed { attempt_id: self.ours.attempt_id, request: self.request };
                (State::Paying, Action::Pay(claimed))
            }
            OnceClaimed::FileAsNotSent => record(Verdict::NOT_SENT),
        }
    }

    /// Somebody claimed this payout before. The same event with the same terms is a redelivery; anything else is a
    /// payout that will not be made, and a person must know (duplicates-are-2xx).
    fn duplicate(&self, theirs: ClaimFacts) -> (State, Action) {
        if theirs.event != self.ours.event {
            file(Reason::SecondEventForKey)
        } else if theirs.terms != self.ours.terms {
            file(Reason::ConflictingDuplicate)
        } else {
            answer(Answer::Duplicate)
        }
    }

    /// Nothing is paid. A payment that was given back is one case for each event that asks for its payout. Where people closed
    /// it, only the very event whose terms were verified then is a redelivery; of
    /// any other, and where nobody could verify them, a person must know.
    fn closed(&self, closing: ClosingFacts) -> (State, Action) {
        if closing.by == ClosedBy::Bar {
            file(Reason::BlockedBeforePayout)
        } else if closing.event != Some(self.ours.event) {
            file(Reason::SecondEventForKey)
        } else if closing.terms != Some(self.ours.terms) {
            file(Reason::ConflictingDuplicate)
        } else {
            answer(Answer::Duplicate)
        }
    }
}

fn gate(hold: Hold, time: TimeLeft, patience: Patience) -> (State, Action) {
    match (hold, time, patience) {
        (_, TimeLeft::None, _) => look(Refusal::NoTime),
        (Hold::Record, ..) => claim(OnceClaimed::FileAsNotSent),
        (Hold::Refuse, _, Patience::Over) => claim(OnceClaimed::FileAsNotSent),
        (Hold::Refuse, _, Patience::Lasts) => look(Refusal::Hold),
        (Hold::Pay, TimeLeft::ForPayout, _) => (State::Connecting, Action::Connect),
        (Hold::Pay, TimeLeft::ForClaim, Patience::Over) => claim(OnceClaimed::FileAsNotSent),
        (Hold::Pay, TimeLeft::ForClaim, Patience::Lasts) => look(Refusal::NoTime),
    }
}

fn look(refusal: Refusal) -> (State, Action) {
    (State::Looking(refusal), Action::LookUpClaim)
}

fn note(refusal: Refusal) -> (State, Action) {
    (State::Noting(refusal), Action::NoteRefusal)
}

fn claim(once: OnceClaimed) -> (State, Action) {
    (State::Claiming(Put::First, once), Action::PutClaim)
}

fn record(verdict: Verdict) -> (State, Action) {
    (State::Recording(verdict), Action::Record(verdict))
}

fn file(reason: Reason) -> (State, Action) {
    (State::Filing(reason), Action::FileCase(reason))
}

fn answer(answer: Answer) -> (State, Action) {
    (State::Answered(answer), Action::Answer(answer))
}

/// Whether a delivery is answered 200: every one of its events must be final (invariant 503-means-unclaimed).
pub fn delivery_is_final(answers: impl IntoIterator<Item = Answer>) -> bool {
    answers.into_iter().all(Answer::is_final)
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
