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

/// The keys of payouts that these events of one delivery bar, which the webhook does before it pays any.
pub fn barred<'e>(
    provider: &Provider,
    rail: &Rail,
    events: impl IntoIterator<Item = &'e ParsedEvent>,
) -> Vec<PayoutKey> {
    let blocks = events.into_iter().filter_map(|event| match provider.route(event, &context(rail, 0)) {
        Routed::Block(block) => Some(block),
        _ => None,
    });
    blocks.flat_map(|block| block.former_keys.into_iter().chain([block.key])).collect()
}

/// As a stack stands that was released for good: nothing is from before its beginning.
fn context(rail: &Rail, now: UnixMillis) -> RouteContext {
    RouteContext { rail_mode: rail.mode(), paid_from: None, files_undated: false, now }
}

impl Foreseen {
    /// `now`: when it comes. `barred`: what its delivery bars.
    pub fn of(provider: &Provider, rail: &Rail, event: &ParsedEvent, now: UnixMillis, barred: &[PayoutKey]) -> Self {
        match provider.route(event, &context(rail, now)) {
            Routed::Order(order)
                if [&order.key].into_iter().chain(&order.former_keys).any(|key| barred.contains(key)) =>
            {
                Self::Case(Misfit {
                    key: Some(order.key),
                    money: Some(order.money),
                    destination: Some(order.destination),
                    ..Misfit::new(Reason::BlockedBeforePayout, "another event of this delivery bars its payout")
                })
            }
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
