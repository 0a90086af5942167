//! The sample events of `events/`, made anew for each use.

use std::io;

use payonce_runtime::clock::Clock;
use serde_json::Value;

use crate::sender::{Expected, Payout};

const PAYMENT: &str = include_str!("../../../events/stripe/payment_intent.succeeded.json");
const IGNORED: &str = include_str!("../../../events/stripe/payment_intent.created.json");
const UNROUTED: &str = include_str!("../../../events/stripe/customer.created.json");

pub struct Samples {
    payment: Value,
    ignored: Value,
    unrouted: Value,
    clock: Clock,
    /// Tells this run's events from those that a data directory holds already.
    pub run: String,
}

impl Samples {
    pub fn new(clock: Clock) -> io::Result<Self> {
        let run = payonce_runtime::random::attempt_id().to_string()[..8].to_owned();
        Ok(Self {
            payment: serde_json::from_str(PAYMENT)?,
            ignored: serde_json::from_str(IGNORED)?,
            unrouted: serde_json::from_str(UNROUTED)?,
            clock,
            run,
        })
    }

    /// A payment that asks for a payout to this payee.
    pub fn payment(&self, name: &str, payee: &str) -> Value {
        let mut event = self.stamped(&self.payment, name);
        let object = &mut event["data"]["object"];
        object["metadata"]["payee"] = payee.into();
        object["id"] = format!("pi_{}{name}", self.run).into();
        object["latest_charge"] = format!("ch_{}{name}", self.run).into();
        event
    }

    pub fn ignored(&self, name: &str) -> Value {
        self.stamped(&self.ignored, name)
    }

    pub fn unrouted(&self, name: &str) -> Value {
        self.stamped(&self.unrouted, name)
    }

    fn stamped(&self, sample: &Value, name: &str) -> Value {
        let mut event = sample.clone();
        event["id"] = format!("evt_{}{name}", self.run).into();
        event["created"] = (self.clock.now() / 1000).into();
        event
    }

    /// What a payment asks for, read here and not by payonce.
    pub fn payout(event: &Value) -> Expected {
        let object = &event["data"]["object"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Expected::Payout(Payout {
            key: format!("stripe/{}", word(&object["id"])),
            amount: object["amount_received"].as_u64().unwrap_or_default(),
            currency: word(&object["currency"]),
            payee: word(&object["metadata"]["payee"]),
        })
    }
}
