//! The sample events of `events/`, made anew for each use.

use std::io;

use jiff::Timestamp;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::Reason;
use payonce_runtime::clock::Clock;
use serde_json::Value;

use crate::charges::Charge;
use crate::sender::{Expected, Payout, Sent};

const PAYMENT: &str = include_str!("../../../events/stripe/payment_intent.succeeded.json");
const REFUND: &str = include_str!("../../../events/stripe/charge.refunded.json");
const IGNORED: &str = include_str!("../../../events/stripe/payment_intent.created.json");
const UNROUTED: &str = include_str!("../../../events/stripe/customer.created.json");

/// Stands in every id of the other providers' samples, to be replaced by what makes it another event.
pub const PLACE_OF_ID: &str = "sample0001";
/// The same where an id is a number, as Shopify's are.
const PLACE_OF_NUMBER: &str = "820982911946154508";
const PAYEE: &str = "acct_1SampleWorkshop";
/// The moment of every sample, as their providers write it, each with how far behind UTC it is read. To be replaced by now:
/// an old event is a case.
const MOMENTS: [(&str, u64); 2] = [("2026-11-23T10:00:00", 0), ("2026-11-23T05:00:00", 5 * 3_600)];
const MOMENT_S: &str = "1795428000";

/// A sample of one of the other providers: its body, and what must come of it.
pub struct Sample {
    pub provider: &'static str,
    body: &'static str,
    /// Each event's payout key behind the provider's name, and what it asks for.
    expected: &'static [(&'static str, Asked)],
}

/// An amount and its currency as the rail writes them, or a case of this reason.
type Asked = Result<(u64, &'static str), Reason>;

macro_rules! sample {
    ($provider:literal, $file:literal, $($expected:expr),*) => {
        Sample {
            provider: $provider,
            body: include_str!(concat!("../../../events/", $provider, "/", $file, ".json")),
            expected: &[$($expected),*],
        }
    };
}

/// One for each provider but Stripe.
pub static OTHERS: &[Sample] = &[
    sample!("standard_webhooks", "payment.succeeded", ("pay_sample0001", Ok((4200, "eur")))),
    sample!("svix", "payment.succeeded", ("pay_sample0001", Ok((4200, "eur")))),
    sample!("adyen", "AUTHORISATION", ("PSPsample0001", Ok((4200, "eur")))),
    sample!("adyen_balance_platform", "balancePlatform.transfer.updated", ("TRFsample0001", Ok((4200, "eur")))),
    sample!("square", "payment.updated", ("sqpay_sample0001", Ok((4200, "usd")))),
    sample!(
        "gocardless",
        "payments.confirmed",
        ("PMsample0001x1", Ok((4200, "gbp"))),
        ("EVsample0001x2", Err(Reason::InvalidEvent)),
        ("PMsample0001x3", Ok((1250, "gbp")))
    ),
    sample!("checkout", "payment_captured", ("pay_sample0001", Ok((4200, "gbp")))),
    sample!("razorpay", "payment.captured", ("pay_sample0001", Ok((420_000, "inr")))),
    sample!("paystack", "charge.success", ("ref_sample0001", Ok((4200, "usd")))),
    sample!("flutterwave", "charge.completed", ("chg_sample0001", Ok((4200, "usd")))),
    sample!("mollie", "payment.paid", ("tr_sample0001", Ok((4200, "eur")))),
    sample!("shopify", "orders.paid", ("820982911946154508", Ok((4200, "jpy")))),
    sample!("modern_treasury", "completed", ("ipd_sample0001", Ok((4200, "usd")))),
    sample!("coinbase_commerce", "charge.confirmed", ("charge_sample0001", Ok((4200, "usd")))),
    // These ask for nothing: one has no amount, the other no rule.
    sample!("dwolla", "transfer_completed",),
    sample!("github", "sponsorship",),
    sample!("custom", "sale.done", ("sale_sample0001", Ok((4200, "eur")))),
];

impl Sample {
    /// Its body and what is in it, made anew for this run.
    pub fn made(&self, run: &str, now: UnixMillis) -> (String, Vec<Sent>) {
        let body = moved_to(now, &renamed(self.body, run));
        let made = |(name, expected): &(&str, Asked)| {
            let name = renamed(name, run);
            let key = format!("{}/{name}", self.provider);
            let expected = match expected {
                Ok((amount, currency)) => Expected::Payout(Payout {
                    key: key.clone(),
                    amount: *amount,
                    currency: (*currency).to_owned(),
                    payee: PAYEE.to_owned(),
                }),
                Err(reason) => Expected::Case(reason.to_string()),
            };
            Sent { name: key, about: vec![name], expected, acknowledged: false }
        };
        (body, self.expected.iter().map(made).collect())
    }
}

/// A sample, or a part of one, with ids of its own for each `run`.
pub fn renamed(sample: &str, run: &str) -> String {
    let digits = Digest::of(run).to_string();
    let number = digits.get(..15).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    sample.replace(PLACE_OF_ID, run).replace(PLACE_OF_NUMBER, &number.to_string())
}

/// A sample as if it had happened now.
pub fn moved_to(now: UnixMillis, sample: &str) -> String {
    let now_s = now / 1000;
    MOMENTS.iter().fold(sample.replace(MOMENT_S, &now_s.to_string()), |text, (moment, behind_s)| {
        let local = i64::try_from(now_s.saturating_sub(*behind_s)).ok().and_then(|s| Timestamp::from_second(s).ok());
        local.map_or(text.clone(), |local| text.replace(moment, local.to_string().trim_end_matches('Z')))
    })
}

/// The charge behind a PaymentIntent, as the sandbox rail knows it.
pub fn charge_of(payment: &Value, own_group: Option<&str>) -> String {
    let word = |name: &str| payment[name].as_str().unwrap_or_default();
    Charge::id(word("id"), payment["amount_received"].as_u64().unwrap_or_default(), word("currency"), own_group)
}

pub struct Samples {
    payment: Value,
    refund: Value,
    ignored: Value,
    unrouted: Value,
    clock: Clock,
    pub began: UnixMillis,
    /// Tells this run's events from those that a data directory holds already.
    pub run: String,
}

impl Samples {
    pub fn new(clock: Clock) -> io::Result<Self> {
        let run = payonce_runtime::random::attempt_id().to_string()[..8].to_owned();
        Ok(Self {
            payment: serde_json::from_str(PAYMENT)?,
            refund: serde_json::from_str(REFUND)?,
            ignored: serde_json::from_str(IGNORED)?,
            unrouted: serde_json::from_str(UNROUTED)?,
            began: clock.now(),
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
        object["latest_charge"] = charge_of(object, None).into();
        event
    }

    /// That a payment was given back.
    pub fn refund(&self, name: &str, payment: &Value) -> Value {
        let mut event = self.stamped(&self.refund, name);
        event["data"]["object"]["payment_intent"] = payment["data"]["object"]["id"].clone();
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

    /// The same, whose charge was made with a transfer group of its own.
    pub fn payment_in_group(&self, name: &str, payee: &str, group: &str) -> Value {
        let mut event = self.payment(name, payee);
        let object = &mut event["data"]["object"];
        object["transfer_group"] = group.into();
        object["latest_charge"] = charge_of(object, Some(group)).into();
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
