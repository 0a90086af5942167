//! What may go wrong. Each costs one unit of the setting's budget; whatever is not listed here happens freely, in any
//! order.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A put was applied, or met a claim, and its answer did not come back.
    PutAnswerLost,
    /// A put never arrives.
    PutDropped,
    /// A put that nobody waits for any more lands within a day.
    PutLate,
    /// A put is certainly not applied: a conflicting transaction, or an item that the table does not take.
    PutRefused,
    /// A new row of the index stays hidden, for up to a day.
    IndexLags,
    /// A consistent read has no answer.
    ReadFails,
    /// A note is not written.
    NoteLost,
    /// A case is not written, or is and the answer is lost.
    CaseLost,
    /// The outcome is not written, or is and the answer is lost.
    RecordLost,
    /// A delivery's process ends between two steps.
    Crash,
    /// A delivery's process stands still past its end, and goes on later.
    Freeze,
    /// The code around one action panics, before or after the action took effect.
    Panic,
    /// The control item says `refuse` or `record`.
    Hold,
    /// Too little of the invocation is left.
    NoTime,
    /// TCP or TLS to the rail do not stand.
    NotConnected,
    /// The worker stops waiting while its request is still under way.
    GivesUp,
    /// The rail processed the request; its answer is lost.
    ReplyLost,
    /// The request never reaches the rail.
    RequestLost,
    /// The rail refuses, and keeps the refusal under the key.
    Refuses,
    /// The rail refuses before it looks at anything, key included.
    NotBegun,
    /// The rail fails, before or after moving the money, and keeps the error under the key.
    KeepsError,
    /// The rail writes a group of its own over the reference that it was sent.
    RewritesReference,
    /// The rail's list ends at an earlier moment than the rail promises, or is another account's.
    ListLags,
    /// The event lies before the cutover, or its rule does not allow it: a case, and no claim. The cause may go away.
    Misfit,
    /// The sweeper dies between reading and writing.
    SweeperDies,
    /// The sweeper's time is over before all of what it found is written.
    SweeperStops,
}

impl Fault {
    /// Everything around the claim and the table.
    pub const TABLE: &[Self] = &[
        Self::PutAnswerLost,
        Self::PutDropped,
        Self::PutLate,
        Self::PutRefused,
        Self::IndexLags,
        Self::ReadFails,
        Self::NoteLost,
        Self::CaseLost,
        Self::RecordLost,
    ];

    pub const ALL: &[Self] = &[
        Self::PutAnswerLost,
        Self::PutDropped,
        Self::PutLate,
        Self::PutRefused,
        Self::IndexLags,
        Self::ReadFails,
        Self::NoteLost,
        Self::CaseLost,
        Self::RecordLost,
        Self::Crash,
        Self::Freeze,
        Self::Panic,
        Self::Hold,
        Self::NoTime,
        Self::NotConnected,
        Self::GivesUp,
        Self::ReplyLost,
        Self::RequestLost,
        Self::Refuses,
        Self::NotBegun,
        Self::KeepsError,
        Self::SweeperDies,
        Self::SweeperStops,
    ];
}
