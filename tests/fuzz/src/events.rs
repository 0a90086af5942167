//! Bodies that their provider signed: the name of a provider, and a body, which is signed here.
//!
//! * What is paid is what the plain reading of the body says. Where a name stands twice, or a number does not fit, nothing is.
//! * A sum is above zero and at most 2^53.
//! * What cannot be read is told in short words that repeat nothing of the body.
//! * The same body gives the same events again, from their own bytes, too.

use http::HeaderMap;
use payonce_protocol::money::MAX_MINOR;
use payonce_protocol::order::{Mode, PayoutOrder};
use payonce_providers::{Provider, RouteContext, Routed, Verified};
use serde_json::Value;

use crate::signatures::{KNOWN, Known, NOW};
use crate::{PLANTED, split};

const CONTEXT: RouteContext = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: 0 };
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Of what is said about a body.
const WORDS_AT_MOST: usize = 400;

pub fn run(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    let Some(known) = head.first().and_then(|name| KNOWN.get(*name)) else { return };
    let orders = paid(known, body);
    if orders.is_empty() {
        return;
    }
    assert!(orders.iter().all(|order| (1..=MAX_MINOR).contains(&order.money.minor())));
    let plain = body.strip_prefix(MARK).unwrap_or(body);
    if let Ok(plain) = serde_json::from_slice::<Value>(plain) {
        let read = terms(&paid(known, plain.to_string().as_bytes()));
        for terms in terms(&orders) {
            assert!(read.contains(&terms), "{terms} is paid, and the body says {read:?}");
        }
    }
}

fn paid(Known { provider, secrets, .. }: &Known, body: &[u8]) -> Vec<PayoutOrder> {
    let body = provider.seal(secrets, body);
    let headers: HeaderMap = provider.sign(secrets, &body, NOW).into_iter().collect();
    match provider.verify(secrets, &headers, &body, NOW) {
        Ok(verified) => {
            let orders = orders(provider, &verified);
            assert_eq!(orders, self::orders(provider, &verified));
            orders
        }
        Err(_) => {
            assert_eq!(provider.name(), "adyen", "only its signature stands in the body");
            vec![]
        }
    }
}

/// With what is said of all else looked at.
pub(crate) fn orders(provider: &Provider, verified: &Verified<'_>) -> Vec<PayoutOrder> {
    let say = |problem: &dyn ToString| {
        let problem = problem.to_string();
        assert!(problem.len() < WORDS_AT_MOST && !problem.contains(PLANTED), "{problem}");
    };
    let events = match provider.events(verified) {
        Ok(events) => events,
        Err(misfit) => {
            say(&misfit);
            return vec![];
        }
    };
    let mut orders = vec![];
    for event in events {
        let event = match event {
            Ok(event) => event,
            Err(misfit) => {
                say(&misfit);
                continue;
            }
        };
        match provider.route(&event, &CONTEXT) {
            Routed::Order(order) => orders.push(order),
            Routed::Misfit(misfit) => {
                say(&misfit.problem);
                assert!(misfit.money.is_none_or(|money| (1..=MAX_MINOR).contains(&money.minor())));
            }
            Routed::Block(_) | Routed::NoPayout(_) | Routed::Unrouted { .. } => {}
        }
    }
    orders
}

pub(crate) fn terms(orders: &[PayoutOrder]) -> Vec<String> {
    orders.iter().map(|order| format!("{} {} {}", order.key, order.money, order.destination)).collect()
}
