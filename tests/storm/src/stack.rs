//! The world of a storm, and what its providers would post.

use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use payonce_runtime_api_tests::{World, now_ms};
use serde_json::json;

use crate::plan::FAN_OUT;
use crate::process::Process;

/// The webhooks' time-out: connect, two claims, payout and record at their slowest, and a little.
pub const WITHIN: Duration = Duration::from_secs(14);
const SIGNING: &str = "whsec_storm_not_a_secret";
const PAYING: &str = "sk_test_storm_not_a_secret";

/// Binaries that have to be built first.
#[derive(Debug)]
pub struct Missing(pub PathBuf);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} is missing: run `cargo lambda build --release -p webhook -p sweeper` first, or name the folder that it \
             fills in PAYONCE_LAMBDA",
            self.0.display()
        )
    }
}

/// A binary as `cargo lambda build` left it.
pub fn built(name: &str) -> Result<PathBuf, Missing> {
    let folder = std::env::var_os("PAYONCE_LAMBDA").map_or_else(|| PathBuf::from("target/lambda"), PathBuf::from);
    let binary = folder.join(name).join("bootstrap");
    if binary.is_file() { Ok(binary) } else { Err(Missing(binary)) }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// One event in each delivery.
    Stripe,
    /// Many.
    GoCardless,
}

impl Sender {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::GoCardless => "gocardless",
        }
    }

    /// The payout keys that the delivery of this number asks for.
    pub fn keys(self, number: usize) -> Vec<String> {
        match self {
            Self::Stripe => vec![format!("stripe/pi_storm{number}")],
            Self::GoCardless => (0..FAN_OUT).map(|place| format!("gocardless/PM{number}x{place}")).collect(),
        }
    }

    fn body(self, number: usize, payee: &str, created_s: u64) -> String {
        match self {
            Self::Stripe => json!({
                "id": format!("evt_storm{number}"),
                "object": "event",
                "created": created_s,
                "livemode": false,
                "type": "payment_intent.succeeded",
                "data": { "object": {
                    "id": format!("pi_storm{number}"),
                    "amount_received": 4200,
                    "currency": "eur",
                    "metadata": { "payee": payee },
                }},
            }),
            Self::GoCardless => {
                let created = jiff::Timestamp::from_second(created_s.cast_signed()).unwrap().to_string();
                let event = |place: usize| {
                    json!({
                        "id": format!("EV{number}x{place}"),
                        "created_at": created,
                        "resource_type": "payments",
                        "action": "confirmed",
                        "links": { "payment": format!("PM{number}x{place}") },
                        "resource_metadata": { "pence": "4200", "payee": payee },
                    })
                };
                json!({ "events": (0..FAN_OUT).map(event).collect::<Vec<_>>() })
            }
        }
        .to_string()
    }
}

pub struct Stack {
    world: World,
    began_s: u64,
    binaries: [PathBuf; 2],
}

/// The rail, the tables and the proxy are used as if they were the stack's own.
impl Deref for Stack {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Stack {
    pub fn start() -> Result<Self, Missing> {
        let binaries = [built("webhook")?, built("sweeper")?];
        let world = World::start([PAYING, PAYING], config);
        world.proxy.remember_nothing();
        Ok(Self { world, began_s: now_ms() / 1000, binaries })
    }

    pub fn webhook(&self, sender: Sender) -> Process {
        Process::start(&self.binaries[0], WITHIN, &self.log(), self.environment(Some(sender)))
    }

    pub fn sweeper(&self) -> Process {
        Process::start(&self.binaries[1], sweeper::TIME_OUT, &self.log(), self.environment(None))
    }

    fn environment(&self, sender: Option<Sender>) -> Vec<(String, String)> {
        let provider = sender.map(|sender| ("PAYONCE_PROVIDER", sender.name()));
        self.world.environment([("SIGNING", SIGNING), ("PAYING", PAYING)].into_iter().chain(provider))
    }

    /// What API Gateway hands over for this delivery, signed now.
    pub fn payload(&self, sender: Sender, number: usize, payee: &str) -> String {
        self.world.payload(sender.name(), SIGNING, &sender.body(number, payee, self.began_s))
    }

    /// Half an hour passes for a sweeper, which runs each minute.
    pub fn half_an_hour_later(&self) {
        self.world.sweep(PAYING, 30);
    }
}

fn config(rail: &str) -> String {
    format!(
        r#"
[providers.stripe]
scheme = "stripe"
secrets = ["env:SIGNING"]

[[providers.stripe.payouts]]
event = "payment_intent.succeeded"
key = "/data/object/id"
amount = "/data/object/amount_received"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
max_amount = {{ eur = 500000 }}

[providers.gocardless]
scheme = "gocardless"
mode = "test"
secrets = ["env:SIGNING"]

[[providers.gocardless.payouts]]
event = "payments/confirmed"
key = "/links/payment"
amount = "/resource_metadata/pence"
currency = "GBP"
destination = "/resource_metadata/payee"
destination_pattern = "^acct_[A-Za-z0-9]+$"

[rail]
kind = "stripe"
account = "acct_sandboxPlatform"
url = "{rail}"
secret = "env:PAYING"

[limits]
payout_ms = 1000
"#
    )
}
