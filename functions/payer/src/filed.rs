//! What a case without an attempt of its own says of its order. The order itself comes from the signed bytes, and must be this.

use payonce_ledger::Case;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};

use crate::PayerRefusal;

pub(crate) struct FiledOrder {
    pub(crate) key: PayoutKey,
    pub(crate) event: EventId,
    pub(crate) provider: String,
    pub(crate) body: Digest,
    terms: (Option<Money>, Option<Destination>),
}

impl FiledOrder {
    pub(crate) fn of(case: &Case) -> Result<Self, PayerRefusal> {
        Ok(Self {
            key: case.key.clone().ok_or(PayerRefusal::NoOrder("a payout key"))?,
            event: case.event.clone().ok_or(PayerRefusal::NoOrder("an event"))?,
            provider: case.provider.clone().ok_or(PayerRefusal::NoOrder("a provider"))?,
            body: case.body.ok_or(PayerRefusal::NoBody)?,
            terms: (case.money, case.destination.clone()),
        })
    }

    /// People saw the case; what is paid is the order.
    pub(crate) fn must_be(&self, order: &PayoutOrder) -> Result<(), PayerRefusal> {
        let terms = (Some(order.money), Some(order.destination.clone()));
        if order.key == self.key && terms == self.terms { Ok(()) } else { Err(PayerRefusal::OtherOrder) }
    }
}
