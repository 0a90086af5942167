//! Everything around the processes, on loopback: tables behind a faulty line, a rail with its own ledger, and what a
//! provider would post.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payonce_ledger::{Credentials, Ledger, Settings, Tables, create_tables};
use payonce_local::dynamo::Dynamo;
use payonce_local::sandbox_rail::SandboxRail;
use payonce_providers::{Provider, Secrets};
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::metrics::Metrics;
use payonce_suite::faults::Proxy;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::plan::FAN_OUT;
use crate::process::Process;

/// The webhooks' time-out: connect, two claims, payout and record at their slowest, and a little.
pub const WITHIN: Duration = Duration::from_secs(14);
const SIGNING: &str = "whsec_storm_not_a_secret";
const PAYING: &str = "sk_test_storm_not_a_secret";
const TABLES: [&str; 3] = ["payonce-audit", "payonce-bodies", "payonce-reconcile"];

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
    pub runtime: Runtime,
    pub proxy: Proxy,
    pub rail: SandboxRail,
    /// Straight to the tables, past the faults: what the books are read with.
    pub ledger: Arc<Ledger>,
    config: Config,
    began_s: u64,
    binaries: [PathBuf; 2],
    _dynamo: Dynamo,
    folder: TempDir,
}

impl Stack {
    pub fn start() -> Result<Self, Missing> {
        let binaries = [built("webhook")?, built("sweeper")?];
        let runtime = Runtime::new().unwrap();
        let (dynamo, rail) = runtime.block_on(async {
            let secrets = [PAYING, PAYING].map(str::to_owned);
            let rail = SandboxRail::start(0, secrets, None, Clock::system()).await;
            (Dynamo::start(0, None).await.unwrap(), rail.unwrap())
        });
        let proxy = Proxy::before(dynamo.url().trim_start_matches("http://").parse().unwrap());
        proxy.remember_nothing();
        let settings = Settings {
            region: "eu-central-1".to_owned(),
            endpoint: Some(dynamo.url()),
            credentials: Credentials::Given { key_id: "storm".to_owned(), secret: "storm".to_owned() },
        };
        let [audit, bodies, reconcile] = TABLES.map(str::to_owned);
        let ledger = Arc::new(Ledger::new(&settings, Tables { audit, bodies, reconcile }).unwrap());
        runtime.block_on(create_tables(&ledger)).unwrap();
        // A new stack would sweep the last day, in which there is nothing.
        runtime.block_on(ledger.set_round(now_s() / 60)).unwrap();
        let text = config(&rail.url());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("payonce.toml"), &text).unwrap();
        let config = Config::parse(&text).unwrap();
        runtime.block_on(ledger.start_books(config.key_rules(), now_s() * 1000)).unwrap();
        Ok(Self { runtime, proxy, rail, ledger, config, began_s: now_s(), binaries, _dynamo: dynamo, folder })
    }

    pub fn webhook(&self, sender: Sender) -> Process {
        Process::start(&self.binaries[0], WITHIN, &self.log(), &self.environment(Some(sender)))
    }

    pub fn sweeper(&self) -> Process {
        Process::start(&self.binaries[1], sweeper::TIME_OUT, &self.log(), &self.environment(None))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("functions.log")
    }

    fn environment(&self, sender: Option<Sender>) -> Vec<(String, String)> {
        let config = self.folder.path().join("payonce.toml");
        let fixed = [
            ("PAYONCE_CONFIG", config.to_str().unwrap()),
            ("PAYONCE_AUDIT_TABLE", TABLES[0]),
            ("PAYONCE_BODIES_TABLE", TABLES[1]),
            ("PAYONCE_RECONCILE_TABLE", TABLES[2]),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "storm"),
            ("AWS_SECRET_ACCESS_KEY", "storm"),
            ("AWS_ENDPOINT_URL", &self.proxy.url()),
            ("SIGNING", SIGNING),
            ("PAYING", PAYING),
        ];
        let provider = sender.map(|sender| ("PAYONCE_PROVIDER", sender.name()));
        fixed.into_iter().chain(provider).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn provider(&self, sender: Sender) -> Provider {
        self.config.provider(Some(sender.name())).unwrap()
    }

    /// What API Gateway hands over for this delivery, signed now.
    pub fn payload(&self, sender: Sender, number: usize, payee: &str) -> String {
        let body = sender.body(number, payee, self.began_s);
        let secrets = Secrets::new(vec![SIGNING.to_owned()]).unwrap();
        let signed = self.provider(sender).sign(&secrets, body.as_bytes(), now_s() * 1000);
        let mut headers: Map<String, Value> =
            signed.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        headers.insert("content-type".to_owned(), "application/json".into());
        let path = format!("/webhooks/{}", sender.name());
        json!({
            "version": "2.0",
            "routeKey": format!("POST {path}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000", "apiId": "api", "domainName": "localhost", "domainPrefix": "api",
                "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "storm" },
                "requestId": "id", "routeKey": format!("POST {path}"), "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            },
            "body": body,
            "isBase64Encoded": false,
        })
        .to_string()
    }

    /// Half an hour passes for a sweeper in this process, which runs each minute: a binary's own clock cannot be moved.
    pub fn half_an_hour_later(&self) {
        let clock = Clock::manual(now_s() * 1000);
        let rail = Rail::new(&self.config.rail, RailSecret::new(PAYING).unwrap(), None, None).unwrap();
        let sweeper = sweeper::App::new(sweeper::Parts {
            ledger: self.ledger.narrowed(),
            rail: Arc::new(rail),
            metrics: Metrics::to(clock.clone(), |_| {}),
            clock: clock.clone(),
            margin_ms: payonce_protocol::sweep::MARGIN_MS,
        });
        for _ in 0..30 {
            clock.advance(payonce_protocol::sweep::MINUTE_MS);
            self.runtime.block_on(sweeper.run()).unwrap();
        }
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

pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
