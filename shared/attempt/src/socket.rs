//! The connections of one attempt: the payout's, and the claim's. Nothing can leave after the outcome is written, because recording takes
//! [`Closed`], and while one exists no connection can be put into its socket.

use std::marker::PhantomData;

use payonce_ledger::ClaimConnection;
use payonce_rails::RailConnection;

#[derive(Default)]
pub(crate) struct Socket {
    rail: Option<RailConnection>,
    claim: Option<ClaimConnection>,
}

/// No connection stands.
pub(crate) struct Closed<'a>(PhantomData<&'a mut Socket>);

impl Socket {
    pub(crate) fn open(&mut self, rail: RailConnection, claim: Option<ClaimConnection>) {
        *self = Self { rail: Some(rail), claim };
    }

    /// For the first put of the claim. A second one opens its own.
    pub(crate) fn take_for_claim(&mut self) -> Option<ClaimConnection> {
        self.claim.take()
    }

    /// For the one request of the attempt.
    pub(crate) fn take(&mut self) -> Option<RailConnection> {
        self.rail.take()
    }

    pub(crate) fn close(&mut self) -> Closed<'_> {
        *self = Self::default();
        Closed(PhantomData)
    }
}
