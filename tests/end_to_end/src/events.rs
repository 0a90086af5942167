//! Stripe events made from the sample in `events/`.

use payonce_local::samples::charge_of;
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use serde_json::Value;

const SAMPLE: &str = include_str!("../../../events/stripe/payment_intent.succeeded.json");

pub const PAYEE: &str = "acct_1SampleWorkshop";

/// A payment that asks for the payout `stripe/pi_{name}` to `payee`.
pub fn payment(name: &str, payee: &str, now: UnixMillis) -> Value {
    let mut event: Value = serde_json::from_str(SAMPLE).unwrap();
    event["id"] = format!("evt_{name}").into();
    event["created"] = (now / 1000).into();
    event["data"]["object"]["id"] = format!("pi_{name}").into();
    event["data"]["object"]["metadata"]["payee"] = payee.into();
    event["data"]["object"]["latest_charge"] = charge_of(&event["data"]["object"], None).into();
    event
}

/// The same, from a charge that was made with a transfer group of its own.
pub fn payment_in_group(name: &str, payee: &str, now: UnixMillis) -> Value {
    let mut event = payment(name, payee, now);
    event["data"]["object"]["transfer_group"] = "ORDER95".into();
    event["data"]["object"]["latest_charge"] = charge_of(&event["data"]["object"], Some("ORDER95")).into();
    event
}

pub fn key_of(event: &Value) -> PayoutKey {
    PayoutKey::new(format!("stripe/{}", event["data"]["object"]["id"].as_str().unwrap())).unwrap()
}
