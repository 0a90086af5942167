//! What payonce would do with a delivery, found out without sending or writing anything: by the very steps that the webhook
//! takes, from the signature to the prepared request.

use payonce_protocol::order::{Mode, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_providers::{Misfit, NoPayout, ParsedEvent, Provider, RouteContext, Routed};
use payonce_rails::{Prepared, Rail};

/// What one event comes to.
pub enum Foreseen {
    Pays { order: PayoutOrder, prepared: Prepared },
    Nothing(NoPayout),
    Case(Misfit),
}

impl Foreseen {
    pub fn of(provider: &Provider, rail: &Rail, event: &ParsedEvent) -> Self {
        match provider.route(event, &context(rail.mode())) {
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
            Routed::Unrouted { event_type } => Self::Case(Misfit {
                shared: Some(vec![provider.name().to_owned(), event_type]),
                ..Misfit::new(Reason::UnroutedEvent, "no rule names this type, and it is not ignored")
            }),
            Routed::Misfit(misfit) => Self::Case(misfit),
        }
    }
}

/// As a stack stands that was released for good: nothing is from before its beginning.
fn context(rail_mode: Mode) -> RouteContext {
    RouteContext { rail_mode, paid_from: None, files_undated: false }
}
