//! The deployed binary in its world, with what this test's payments look like.

use std::time::Duration;

use payonce_ledger::{Case, Claim, StoredOutcome};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_runtime_api_tests::{
    self as surroundings, Ending, Function, Output, RuntimeApi, Start, Treatment, built, now_ms,
};
use serde_json::{Value, json};

/// Of the function; API Gateway gives up a little later.
const WITHIN: Duration = Duration::from_secs(25);
const SIGNING: &str = "whsec_planted_release";
const PAYING: &str = "sk_test_planted_release";
const LOOKING: &str = "rk_test_planted_release";

pub struct World {
    pub api: RuntimeApi,
    around: surroundings::World,
}

/// The rail and the proxy are used as if they were the world's own.
impl std::ops::Deref for World {
    type Target = surroundings::World;

    fn deref(&self) -> &Self::Target {
        &self.around
    }
}

/// What API Gateway would pass on.
#[derive(Debug)]
pub struct Answer {
    pub status: u64,
    pub body: Value,
}

impl Answer {
    /// Of a delivery with one event.
    pub fn outcome(&self) -> &str {
        self.body["events"][0]["outcome"].as_str().unwrap_or_default()
    }
}

impl World {
    pub fn new() -> Self {
        let around = surroundings::World::start([PAYING, LOOKING], |rail| {
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

            [providers.collections]
            scheme = "gocardless"
            mode = "test"
            secrets = ["env:SIGNING"]

            [[providers.collections.payouts]]
            event = "payments/confirmed"
            key = "/links/payment"
            amount = "/resource_metadata/payout_pence"
            amount_as = "minor_text"
            currency = "GBP"
            destination = "/resource_metadata/payee"
            destination_pattern = "^acct_[A-Za-z0-9]+$"

            [rail]
            kind = "stripe"
            account = "acct_sandboxPlatform"
            url = "{rail}"
            secret = "env:PAYING"
            lookup_secret = "env:LOOKING"
            "#
            )
        });
        Self { api: RuntimeApi::start(), around }
    }

    pub fn start(&self, name: &str) -> Function {
        self.start_for(name, "stripe")
    }

    pub fn start_for(&self, name: &str, provider: &str) -> Function {
        let more = [("PAYONCE_PROVIDER", provider), ("SIGNING", SIGNING), ("PAYING", PAYING), ("LOOKING", LOOKING)];
        let environment = self.environment(more);
        let (binary, output) = (&built(name), Output::Kept);
        Function::start(
            Start { binary, arguments: &[], memory_mib: 512, environment, output, on_one_core: false },
            &self.api,
        )
    }

    /// Queues a delivery of this payment, signed now, and returns its request id.
    pub fn deliver(&self, payment: &str, treatment: Treatment) -> String {
        let now = now_ms() / 1000;
        let body = json!({
            "id": format!("evt_{payment}"),
            "object": "event",
            "created": now,
            "livemode": false,
            "type": "payment_intent.succeeded",
            "data": { "object": {
                "id": format!("pi_{payment}"),
                "amount_received": 4200,
                "currency": "eur",
                "metadata": { "payee": "acct_1SampleWorkshop", "name": "Planted Person" },
            }},
        });
        self.deliver_from("stripe", &body.to_string(), treatment)
    }

    /// Queues this body, signed now by the provider.
    pub fn deliver_from(&self, provider: &str, body: &str, treatment: Treatment) -> String {
        self.api.invoke(self.payload(provider, SIGNING, body), WITHIN, treatment)
    }

    pub fn answer(&self, request_id: &str) -> Answer {
        match self.api.ending(request_id) {
            Ending::Response(bytes) => {
                let response: Value = serde_json::from_slice(&bytes).unwrap();
                let body = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
                Answer { status: response["statusCode"].as_u64().unwrap(), body }
            }
            Ending::Error(error) => panic!("{}", String::from_utf8_lossy(&error)),
        }
    }

    /// What the audit table says of the first attempt for this payment.
    pub fn attempt(&self, payment: &str) -> Option<(Claim, Option<StoredOutcome>)> {
        let key = PayoutKey::new(format!("stripe/pi_{payment}")).unwrap();
        self.runtime.block_on(self.ledger.attempt(&key, 1)).unwrap()
    }

    /// Why somebody has to look at this payment.
    pub fn cases_about(&self, payment: &str) -> Vec<Reason> {
        let cases = self.runtime.block_on(self.ledger.open_cases(1_000)).unwrap();
        let event = format!("evt_{payment}");
        let about = |case: &Case| case.event.as_ref().is_some_and(|id| id.to_string() == event);
        cases.into_iter().filter(about).map(|case| case.reason).collect()
    }

    /// Time passes for the sweeper, which runs each minute.
    pub fn sweep(&self, minutes: u64) {
        self.around.sweep(PAYING, minutes);
    }

    pub fn cases(&self) -> Vec<Case> {
        self.runtime.block_on(self.ledger.open_cases(1_000)).unwrap()
    }

    /// How many payout requests for this payment reached the rail.
    pub fn requests(&self, payment: &str) -> u64 {
        self.rail.requests().get(&format!("stripe/pi_{payment}")).copied().unwrap_or(0)
    }
}
