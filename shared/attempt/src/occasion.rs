//! What is to be paid, and what differs by who asks for it.

use payonce_ledger::powers::{Claims, Files, Reads};
use payonce_ledger::{Case, Claim, ClaimConnection};
use payonce_protocol::UnixMillis;
use payonce_protocol::event::{ClaimAnswer, Patience, Refusal};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::PayoutOrder;
use payonce_protocol::outcome::Reason;
use payonce_rails::Prepared;

/// One payout that is to be attempted; all of it is known before the claim is built.
pub struct Intent {
    /// Its former keys are looked at before anything else, and named to it.
    pub order: PayoutOrder,
    /// The attempt's number, from 1.
    pub attempt: u16,
    pub prepared: Prepared,
    pub provider: String,
    /// SHA-256 of the delivery's body.
    pub body: Digest,
    /// The sweeper looks for the claim under the minute of this.
    pub received_at: UnixMillis,
    pub request_id: String,
    pub trace_id: Option<String>,
    /// An error: it may not be paid now, whatever its age.
    pub hold: Result<Hold, Refusal>,
    /// When the platform ends this invocation: after it, nothing of it runs.
    pub deadline: UnixMillis,
    /// When whoever asks for it hangs up. `None`: not before the deadline.
    pub answer_by: Option<UnixMillis>,
    /// An earlier request under the same rail key may have paid: then the rail answers with that one's result. Any other
    /// replay says that somebody else sent the request.
    pub replay_is_expected: bool,
}

/// What differs between a webhook's payout and one that two people decided.
pub trait Occasion: Sync {
    /// The message of the log's line about the end of an attempt.
    const ENDED: &'static str;

    /// The powers of the function over the tables.
    type Powers: Reads + Claims + Files + Copy;

    /// Whether whoever asks comes back after a refusal.
    fn patience(&self, now: UnixMillis) -> Patience;

    /// The conditional write that makes the claim. The same claim, put again, is to be the identical request.
    fn put_claim(&self, connection: Option<ClaimConnection>, claim: &Claim)
    -> impl Future<Output = ClaimAnswer> + Send;

    /// Nothing was claimed, and whoever asks is told to come back.
    fn note_refusal(&self, intent: &Intent) -> impl Future<Output = ()> + Send;

    /// The case of a payout that is not attempted because of what its event asks for. `None`: it has one.
    fn case_of_event(&self, reason: Reason, claim: &Claim) -> impl Future<Output = Option<Case>> + Send;

    /// The claim is ours, or a case is to be filed: from now on the delivery's body is evidence.
    fn body_is_evidence(&self);
}
