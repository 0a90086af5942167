//! What payonce would do with a delivery, found out without sending or writing anything: by the very steps that the webhook
//! takes, from the signature to the prepared request.

use payonce_protocol::UnixMillis;
use payonce_protocol::order::{PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_providers::{Misfit, NoPayout, ParsedEvent, Provider, RouteContext, Routed};
use payonce_rails::{Prepared, Rail};

/// What one event comes to.
pub enum Foreseen {
    Pays {
        order: PayoutOrder,
        prepared: Prepared,
    },
    Nothing(NoPayout),
    /// It bars the payout of this key.
    Bars(PayoutKey),
    Case(Misfit),
}

impl Foreseen {
    /// `now`: when it comes.
    pub fn of(provider: &Provider, rail: &Rail, event: &ParsedEvent, now: UnixMillis) -> Self {
        // As a stack stands that was released for good: nothing is from before its beginning.
        let context = RouteContext { rail_mode: rail.mode(), paid_from: None, files_undated: false, now };
        match provider.route(event, &context) {
            Routed::Order(order) => match rail.prepare(&order, 1) {
                Ok(prepared) => Self::Pays { order, prepared },
                Err(misfit) => Self::Case(Misfit {
                    key: Some(order.key),
                    money: Some(order.money),
                    destination: Some(order.destination),
                    ..Misfit::new(Reason::InvalidEvent, misfit.to_string())
                }),
            },
            Routed::NoPayout(why) => Self::Nothing(why),
            Routed::Block(block) => Self::Bars(block.key),
            Routed::Unrouted { event_type } => Self::Case(Misfit {
                shared: Some(vec![provider.name().to_owned(), event_type]),
                ..Misfit::new(Reason::UnroutedEvent, "no rule names this type, and it is not ignored")
            }),
            Routed::Misfit(misfit) => Self::Case(misfit),
        }
    }
}
