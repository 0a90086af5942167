//! Worlds in which one guard is missing. A guard whose absence the checker does not notice is either not needed, or
//! lives in a world too tame to need it.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// Two events of one delivery share their attempt id (claim-before-pay).
    AttemptIdPerDelivery,
    /// Whatever claim the second put meets is taken for ours.
    AttemptIdIgnored,
    /// A put without an answer is taken for written.
    SilenceIsWritten,
    /// The SDK sends a put without an answer again by itself, and reports the second answer.
    SdkRepeatsPut,
    /// Something below the protocol sends the payout request twice.
    RequestRepeated,
    /// An outcome that could not be recorded is answered 503.
    UnrecordedIs503,
    /// A case is taken for written before it is.
    CaseBelievedWritten,
    /// A payout that did not plainly succeed frees its claim, so that a redelivery may try again.
    ClaimDeletedOnError,
    /// A claim without an outcome is freed when its worker must be dead.
    ClaimExpires,
    NoSweeper,
    /// A claim is given up as soon as a visit finds it.
    SweepBeforeExpiry,
    /// A claim is given up at its expiry by the sweeper's clock, which is not the worker's.
    SweepWithoutMargin,
    /// Every minute of the index is read once, and never again (no-silent-loss).
    Watermark,
    /// The first byte leaves whatever the time is (one-request-per-attempt).
    NoGateAtFirstByte,
    /// An attempt whose end is unknown is repeated under a new key while the rail still knows the old one (absence-needs-sight).
    NewKeyAfterUnknown,
    /// Only the last attempt under a key is asked how certain it is.
    EarlierUnknownForgotten,
    /// One "absent" is believed, however soon after the request it was seen.
    FirstLookUpBelieved,
    /// A refusal is not remembered.
    NoNote,
    /// A note is listed under the minute of the refusal, not of the moment from which it is final.
    NoteListedAtRefusal,
    /// A claim of any event answers the note.
    AnyClaimAnswersNote,
    /// A payout is known by the reference that was sent, which the rail may overwrite.
    IdentifiedByReference,
    /// A search that found nothing is believed without having been shown to see.
    AbsenceWithoutSight,
    /// A search is shown to see by a payout that was accepted before ours must have been executed.
    SightOfAnEarlierPayout,
    /// People close a case without a claim, and the key stays free.
    EndingWithoutClaim,
    /// A second event is closed by hand while its own order can still be paid.
    SecondEventEndsWithoutClaim,
    /// What two people lift is put without a condition, over whatever was faster.
    LiftedOverAClaim,
    /// A claim takes the place of a bar.
    BarIgnored,
    /// What comes again is filed under a case that is resolved.
    FiledUnderAResolvedCase,
    /// The sweeper stores its place before everything up to there is written.
    PlaceBeforeWork,
}
