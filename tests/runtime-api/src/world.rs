//! What the functions' binaries work with, on loopback: tables behind a proxy that can be made to fail, a rail that pays
//! nobody, and a configuration in a file. For all that runs what is deployed: the tests of the binaries, the storm, and the
//! benchmark.

use std::path::PathBuf;
use std::sync::Arc;

use payonce_ledger::{Ledger, Tables};
use payonce_local::sandbox_rail::SandboxRail;
use payonce_providers::Secrets;
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::{Config, Watch};
use payonce_runtime::metrics::Metrics;
use payonce_suite::dynamo::{self, Engine};
use payonce_suite::faults::Proxy;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const REGION: &str = "eu-central-1";

pub struct World {
    pub runtime: Runtime,
    /// Between the functions and their tables.
    pub proxy: Proxy,
    pub rail: SandboxRail,
    /// Straight to the tables, past the proxy.
    pub ledger: Arc<Ledger>,
    pub config: Config,
    pub tables: Tables,
    pub engine: Engine,
    folder: TempDir,
}

impl World {
    /// With the configuration that is made for a rail at this address, which knows these two secrets: one that pays, and one
    /// that looks up. Payouts are released, and the rules are accepted.
    pub fn start(secrets: [&str; 2], config: impl FnOnce(&str) -> String) -> Self {
        let runtime = Runtime::new().expect("threads");
        let engine = Engine::start();
        let (tables, rail) = runtime.block_on(async {
            let rail = SandboxRail::start(0, secrets.map(str::to_owned), None, Clock::system()).await;
            (engine.tables().await, rail.expect("a port"))
        });
        let text = config(&rail.url());
        let config = Config::parse(&text).expect("the configuration of a test");
        let ledger = Arc::new(dynamo::ledger(&engine.url(), &tables));
        runtime.block_on(async {
            // A new stack would sweep the last day, in which there is nothing.
            ledger.set_round(now_ms() / 60_000).await.expect("the first item");
            ledger.start_books(config.key_rules(), now_ms()).await.expect("a release");
        });
        let folder = tempfile::tempdir().expect("a folder");
        let proxy = Proxy::start(&engine);
        let world = Self { runtime, proxy, rail, ledger, config, tables, engine, folder };
        world.write_config(&text);
        world
    }

    /// What the functions that start from now on read.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config_file(), text).expect("a file");
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("payonce.toml")
    }

    /// A file that goes with this world.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("functions.log")
    }

    /// A function's variables, with these in addition.
    pub fn environment<N: Into<String>, V: Into<String>>(
        &self,
        more: impl IntoIterator<Item = (N, V)>,
    ) -> Vec<(String, String)> {
        let fixed = [
            ("PAYONCE_CONFIG", self.config_file().to_string_lossy().into_owned()),
            ("PAYONCE_AUDIT_TABLE", self.tables.audit.clone()),
            ("PAYONCE_BODIES_TABLE", self.tables.bodies.clone()),
            ("PAYONCE_RECONCILE_TABLE", self.tables.reconcile.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDPLANTED".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "planted-secret".to_owned()),
            ("AWS_ENDPOINT_URL", self.proxy.url()),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value));
        fixed.into_iter().chain(more.into_iter().map(|(name, value)| (name.into(), value.into()))).collect()
    }

    /// What API Gateway hands over for this body, signed now by the provider.
    pub fn payload(&self, provider: &str, secret: &str, body: &str) -> String {
        self.forged(provider, secret, body, body)
    }

    /// The same, with another body than the one that was signed.
    pub fn forged(&self, provider: &str, secret: &str, body: &str, sent: &str) -> String {
        let signer = self.config.provider(Some(provider)).expect("a provider of the configuration");
        let secrets = Secrets::new(vec![secret.to_owned()]).expect("a secret");
        let signed = signer.sign(&secrets, body.as_bytes(), now_ms());
        let text = |value: &http::HeaderValue| Value::from(value.to_str().expect("a header that is text"));
        let headers = signed.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        gateway_event(provider, sent, headers).to_string()
    }

    /// The sweeper in this process, whose clock a test moves: a binary's own cannot be moved.
    pub fn sweep(&self, paying: &str, minutes: u64) {
        self.sweep_upon(&self.ledger, paying, minutes);
    }

    /// The same upon other tables than the first.
    pub fn sweep_upon(&self, ledger: &Ledger, paying: &str, minutes: u64) {
        let clock = Clock::manual(now_ms());
        let rail =
            Rail::new(&self.config.rail, RailSecret::new(paying).expect("a secret"), None, None).expect("a rail");
        let sweeper = sweeper::App::new(sweeper::Parts {
            ledger: ledger.narrowed(),
            rail: Arc::new(rail),
            metrics: Metrics::to(clock.clone(), |_| {}),
            clock: clock.clone(),
            margin_ms: payonce_protocol::sweep::MARGIN_MS,
            watch: Watch::default(),
        });
        for _ in 0..minutes {
            clock.advance(payonce_protocol::sweep::MINUTE_MS);
            self.runtime.block_on(sweeper.run()).expect("a run");
        }
    }
}

pub fn now_ms() -> u64 {
    Clock::system().now()
}

/// An event of an HTTP API, payload format 2.0.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
fn gateway_event(provider: &str, body: &str, mut headers: Map<String, Value>) -> Value {
    headers.insert("content-type".to_owned(), "application/json".into());
    let path = format!("/webhooks/{provider}");
    json!({
        "version": "2.0",
        "routeKey": format!("POST {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "localhost",
            "domainPrefix": "api",
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "tests" },
            "requestId": "id",
            "routeKey": format!("POST {path}"),
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}
