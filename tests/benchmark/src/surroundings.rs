//! What the function works with, on loopback: an emulated DynamoDB, a rail that pays nobody, the sandbox's configuration
//! with all of its providers, and deliveries as API Gateway hands them over.

use std::time::{SystemTime, UNIX_EPOCH};

use payonce_ledger::{Credentials, Ledger, Settings, Tables, create_tables};
use payonce_local::dynamo::Dynamo;
use payonce_local::samples::Samples;
use payonce_local::sandbox_rail::SandboxRail;
use payonce_local::stack::{CONFIG, PROVIDER, sandbox_secret, sandbox_secrets, secret_of};
use payonce_providers::{Provider, Secrets};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const TABLES: [&str; 3] = ["payonce-audit", "payonce-bodies", "payonce-reconcile"];
const PAYEE: &str = "acct_1SampleWorkshop";
/// Where the sandbox's configuration says that the rail is.
const RAIL_IN_CONFIG: &str = "http://127.0.0.1:4243";

pub struct Surroundings {
    rail: SandboxRail,
    samples: Samples,
    provider: Provider,
    secrets: Secrets,
    endpoint: String,
    folder: TempDir,
    _dynamo: Dynamo,
    _runtime: Runtime,
}

impl Surroundings {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let rail_secrets =
            ["PAYONCE_SANDBOX_RAIL", "PAYONCE_SANDBOX_RAIL_LOOKUP"].map(|name| sandbox_secret(name).unwrap());
        let (dynamo, rail) = runtime.block_on(async {
            let rail = SandboxRail::start(0, rail_secrets, None, Clock::system()).await;
            (Dynamo::start(0, None).await.unwrap(), rail.unwrap())
        });
        let settings = Settings {
            region: "eu-central-1".to_owned(),
            endpoint: Some(dynamo.url()),
            credentials: Credentials::Given { key_id: "benchmark".to_owned(), secret: "benchmark".to_owned() },
        };
        let [audit, bodies, reconcile] = TABLES.map(str::to_owned);
        let ledger = Ledger::new(&settings, Tables { audit, bodies, reconcile }).unwrap();
        runtime.block_on(create_tables(&ledger)).unwrap();
        let text = CONFIG.replace(RAIL_IN_CONFIG, &rail.url());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("payonce.toml"), &text).unwrap();
        let config = Config::parse(&text).unwrap();
        runtime.block_on(ledger.start_books(config.key_rules(), Clock::system().now())).unwrap();
        Self {
            rail,
            samples: Samples::new(Clock::system()).unwrap(),
            provider: config.provider(Some(PROVIDER)).unwrap(),
            secrets: Secrets::new(vec![sandbox_secret(&secret_of(PROVIDER)).unwrap()]).unwrap(),
            endpoint: dynamo.url(),
            folder,
            _dynamo: dynamo,
            _runtime: runtime,
        }
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let config = self.folder.path().join("payonce.toml");
        let fixed = [
            ("PAYONCE_CONFIG", config.to_str().unwrap()),
            ("PAYONCE_PROVIDER", PROVIDER),
            ("PAYONCE_AUDIT_TABLE", TABLES[0]),
            ("PAYONCE_BODIES_TABLE", TABLES[1]),
            ("PAYONCE_RECONCILE_TABLE", TABLES[2]),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "benchmark"),
            ("AWS_SECRET_ACCESS_KEY", "benchmark"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fixed.into_iter().chain(sandbox_secrets()).collect()
    }

    /// The body of the payment of this number.
    pub fn payment(&self, number: usize) -> String {
        self.samples.payment(&number.to_string(), PAYEE).to_string()
    }

    /// What API Gateway hands over for this body, signed now; a forged one was changed after that.
    pub fn payload(&self, body: &str, forged: bool) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let signed = self.provider.sign(&self.secrets, body.as_bytes(), u64::try_from(now).unwrap());
        let mut headers: Map<String, Value> =
            signed.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
        headers.insert("content-type".to_owned(), "application/json".into());
        let body = if forged { body.replace("eur", "usd") } else { body.to_owned() };
        let path = format!("/webhooks/{PROVIDER}");
        json!({
            "version": "2.0",
            "routeKey": format!("POST {path}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {
                "accountId": "000000000000", "apiId": "api", "domainName": "localhost", "domainPrefix": "api",
                "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                    "userAgent": "benchmark" },
                "requestId": "id", "routeKey": format!("POST {path}"), "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            },
            "body": body,
            "isBase64Encoded": false,
        })
        .to_string()
    }

    /// Payouts that the rail has executed.
    pub fn paid(&self) -> usize {
        self.rail.executed().len()
    }
}
