//! Everything around the deployed binary, on loopback: the Runtime API that feeds it, a DynamoDB, a rail that counts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payonce_ledger::{Case, Claim, Credentials, Ledger, Settings, StoredOutcome, Tables, create_tables};
use payonce_local::dynamo::Dynamo;
use payonce_local::sandbox_rail::SandboxRail;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_providers::Secrets;
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::metrics::Metrics;
use payonce_runtime_api_tests::{Ending, Function, RuntimeApi, Treatment};
use payonce_suite::faults::Proxy;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Of the function; API Gateway gives up a little later.
const WITHIN: Duration = Duration::from_secs(25);
const SIGNING: &str = "whsec_planted_release";
const PAYING: &str = "sk_test_planted_release";
const LOOKING: &str = "rk_test_planted_release";
const TABLES: [&str; 3] = ["payonce-audit", "payonce-bodies", "payonce-reconcile"];

pub struct World {
    pub api: RuntimeApi,
    pub rail: SandboxRail,
    /// Between the functions and their tables.
    pub proxy: Proxy,
    runtime: Runtime,
    ledger: Arc<Ledger>,
    config: Config,
    _dynamo: Dynamo,
    folder: TempDir,
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

/// A binary as `cargo lambda build` left it.
pub fn built(name: &str) -> PathBuf {
    let binary = payonce_tools::LAMBDA.path().join(name).join("bootstrap");
    assert!(binary.exists(), "{} is not built", binary.display());
    binary
}

impl World {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let clock = Clock::system();
        let (dynamo, rail) = runtime.block_on(async {
            let secrets = [PAYING, LOOKING].map(str::to_owned);
            (Dynamo::start(0, None).await.unwrap(), SandboxRail::start(0, secrets, None, clock).await.unwrap())
        });
        let settings = Settings {
            region: "eu-central-1".to_owned(),
            endpoint: Some(dynamo.url()),
            credentials: Credentials::Given { key_id: "AKIDPLANTED".to_owned(), secret: "planted-secret".to_owned() },
        };
        let [audit, bodies, reconcile] = TABLES.map(str::to_owned);
        let ledger = Arc::new(Ledger::new(&settings, Tables { audit, bodies, reconcile }).unwrap());
        runtime.block_on(create_tables(&ledger)).unwrap();
        // A new stack would sweep the last day, in which there is nothing.
        runtime.block_on(ledger.set_round(now_s() / 60)).unwrap();
        let config = format!(
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
            url = "{}"
            secret = "env:PAYING"
            lookup_secret = "env:LOOKING"
            "#,
            rail.url()
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("payonce.toml"), &config).unwrap();
        let config = Config::parse(&config).unwrap();
        runtime.block_on(ledger.start_books(config.key_rules(), Clock::system().now())).unwrap();
        let proxy = Proxy::before(dynamo.url().trim_start_matches("http://").parse().unwrap());
        Self { api: RuntimeApi::start(), rail, proxy, runtime, ledger, config, _dynamo: dynamo, folder }
    }

    pub fn start(&self, name: &str) -> Function {
        self.start_for(name, "stripe")
    }

    pub fn start_for(&self, name: &str, provider: &str) -> Function {
        let config = self.folder.path().join("payonce.toml");
        let environment = [
            ("PAYONCE_CONFIG", config.to_str().unwrap()),
            ("PAYONCE_AUDIT_TABLE", TABLES[0]),
            ("PAYONCE_BODIES_TABLE", TABLES[1]),
            ("PAYONCE_RECONCILE_TABLE", TABLES[2]),
            ("PAYONCE_PROVIDER", provider),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDPLANTED"),
            ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
            ("AWS_ENDPOINT_URL", &self.proxy.url()),
            ("SIGNING", SIGNING),
            ("PAYING", PAYING),
            ("LOOKING", LOOKING),
        ];
        Function::start(&built(name), &self.api, &environment)
    }

    /// Queues a delivery of this payment, signed now, and returns its request id.
    pub fn deliver(&self, payment: &str, treatment: Treatment) -> String {
        let now = now_s();
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
        let secrets = Secrets::new(vec![SIGNING.to_owned()]).unwrap();
        let provider = self.config.provider(Some(provider)).unwrap();
        let signed = provider.sign(&secrets, body.as_bytes(), now_s() * 1000);
        let headers: serde_json::Map<String, Value> =
            signed.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        self.api.invoke(gateway_event(body, headers).to_string(), WITHIN, treatment)
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

    /// Time passes for the sweeper, which runs each minute. Not the binary's: its clock cannot be moved.
    pub fn sweep(&self, minutes: u64) {
        let clock = Clock::manual(now_s() * 1000);
        let rail = Rail::new(&self.config.rail, RailSecret::new(PAYING).unwrap(), None, None).unwrap();
        let sweeper = sweeper::App::new(sweeper::Parts {
            ledger: self.ledger.narrowed(),
            rail: Arc::new(rail),
            metrics: Metrics::stdout(clock.clone()),
            clock: clock.clone(),
            margin_ms: payonce_protocol::sweep::MARGIN_MS,
        });
        for _ in 0..minutes {
            clock.advance(payonce_protocol::sweep::MINUTE_MS);
            self.runtime.block_on(sweeper.run()).unwrap();
        }
    }

    pub fn cases(&self) -> Vec<Case> {
        self.runtime.block_on(self.ledger.open_cases(1_000)).unwrap()
    }

    /// How many payout requests for this payment reached the rail.
    pub fn requests(&self, payment: &str) -> u64 {
        self.rail.requests().get(&format!("stripe/pi_{payment}")).copied().unwrap_or(0)
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An event of an HTTP API, payload format 2.0.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
fn gateway_event(body: &str, mut headers: serde_json::Map<String, Value>) -> Value {
    headers.insert("content-type".to_owned(), "application/json".into());
    json!({
        "version": "2.0",
        "routeKey": "POST /webhooks/stripe",
        "rawPath": "/webhooks/stripe",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "localhost",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/webhooks/stripe",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "tests",
            },
            "requestId": "id",
            "routeKey": "POST /webhooks/stripe",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}
