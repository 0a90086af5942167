//! The rail that is described in the configuration: what its requests hold however hostile an order's values are, what
//! is refused at start, and two real APIs as their pages describe them.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml's allowance covers #[test] functions only.
#![allow(clippy::disallowed_methods, reason = "a sandbox has threads of its own")]

mod injection;
mod modern_treasury;
mod pages;
mod razorpayx;
mod sandbox;
mod start;
#[path = "../hostile/support.rs"]
#[allow(dead_code, reason = "the hostile servers' tests use the rest")]
mod support;

use payonce_protocol::ids::KeyGeneration;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_rails::{LookUpFailure, Misfit, Payment, Rail, RailConfig, RailPayout, RailSecret};

use support::{AMPLE, book, claimed, open_gate};

/// The `[rail]` table of a file of the configuration.
fn config(text: &str) -> Result<RailConfig, String> {
    #[derive(serde::Deserialize)]
    struct File {
        rail: RailConfig,
    }
    toml::from_str::<File>(text).map(|file| file.rail).map_err(|error| error.to_string())
}

/// The rail of such a file, at a sandbox instead of its own address.
fn rail_at(url: &str, text: &str, secret: &str) -> Rail {
    let config = RailConfig { url: url.to_owned(), ..config(text).unwrap() };
    assert_eq!(config.check(), []);
    Rail::new(&config, RailSecret::new(secret).unwrap(), None, None).unwrap()
}

fn order(key: &str, minor: u64, currency: &str, destination: &str) -> PayoutOrder {
    PayoutOrder {
        key: PayoutKey::new(key).unwrap(),
        event: EventId::new("evt_1").unwrap(),
        money: Money::new(minor, 2, currency.parse().unwrap()).unwrap(),
        destination: Destination::new(destination).unwrap(),
        rail_fields: Default::default(),
        former_keys: vec![],
    }
}

/// Described rails search by our reference; payee and time do not matter to them.
async fn find(rail: &Rail, key: &PayoutKey) -> Result<Vec<RailPayout>, LookUpFailure> {
    rail.find(&rail.wanted(key, &Destination::new("payee").unwrap(), 0..1), AMPLE).await
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn pay(rail: &Rail, order: &PayoutOrder, generation: KeyGeneration) -> Result<Payment, Misfit> {
    let prepared = rail.prepare(order, generation)?;
    Ok(now(async {
        let connection = rail.connect(AMPLE).await.unwrap();
        rail.pay(connection, &prepared, claimed(prepared.digest()), open_gate()).await
    }))
}
