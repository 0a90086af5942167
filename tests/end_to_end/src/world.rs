//! One whole stack for one test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderName, HeaderValue};
use lambda_http::{Body, Context, Request, RequestExt};
use payonce_ledger::{Case, Ledger, Tables};
use payonce_local::sandbox_rail::{SandboxRail, Transfer};
use payonce_local::stack::{CONFIG, sandbox_secret};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::sweep::MINUTE_MS;
use payonce_providers::{Provider, Secrets};
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::{SecretReader, SecretSource};
use payonce_runtime::telemetry::Captured;
use payonce_suite::dynamo::{self, Engine};
use payonce_suite::faults::Proxy;
use serde_json::Value;

/// 2026-11-23T00:00:00Z, a whole minute.
const BEGINNING: UnixMillis = 1_795_392_000_000;
/// The functions' time-out, as deployed.
pub const FUNCTION_MS: u64 = 25_000;
const RAIL_IN_CONFIG: &str = "http://127.0.0.1:4243";

pub struct World {
    pub clock: Clock,
    pub proxy: Proxy,
    pub rail: SandboxRail,
    pub config: Config,
    /// Straight to the engine, past the proxy: what a test looks with.
    pub ledger: Ledger,
    pub tables: Tables,
    pub provider: Provider,
    pub secrets: Secrets,
    pub function_ms: u64,
    /// What webhook and sweeper report.
    pub measured: Captured,
    metrics: Metrics,
    /// While set, no secret can be read.
    pub secrets_away: Arc<AtomicBool>,
    /// Which of the configuration's providers sends.
    sender: &'static str,
    app: Arc<webhook::App>,
    engine: Engine,
    /// The functions' own, through the proxy.
    parts: (Arc<Ledger>, Arc<Rail>),
}

#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub body: Value,
}

/// The sandbox's configuration, in which the provider of this name signs with the world's secret.
pub fn own_secret(text: String, provider: &str) -> String {
    text.replace(&format!("PAYONCE_SANDBOX_{}\"", provider.to_ascii_uppercase()), "PAYONCE_SANDBOX_STRIPE\"")
}

impl Answered {
    pub fn outcome(&self) -> &str {
        self.body["events"][0]["outcome"].as_str().unwrap_or_default()
    }

    pub fn reason(&self) -> &str {
        self.body["events"][0]["reason"].as_str().unwrap_or_default()
    }
}

impl World {
    pub async fn start() -> Self {
        Self::with(|text| text).await
    }

    /// With a configuration made from the sandbox's.
    pub async fn with(change: impl Fn(String) -> String) -> Self {
        Self::of("stripe", change).await
    }

    /// With the deliveries of another provider, which the changed configuration holds.
    pub async fn of(sender: &'static str, change: impl Fn(String) -> String) -> Self {
        let world = Self::unreleased(sender, change).await;
        world.ledger.start_books(world.config.key_rules(), world.clock.now()).await.unwrap();
        world
    }

    /// With the deliveries of one of the sandbox's own providers, in place of Stripe.
    pub async fn of_own(sender: &'static str, change: impl Fn(String) -> String) -> Self {
        Self::of(sender, |text| change(own_secret(text, sender))).await
    }

    /// As it is deployed: no person has released payouts or accepted rules.
    pub async fn unreleased(sender: &'static str, change: impl Fn(String) -> String) -> Self {
        let clock = Clock::manual(BEGINNING);
        let engine = Engine::start();
        let tables = engine.tables().await;
        let proxy = Proxy::start(&engine);
        let secret = sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap();
        let sandbox = SandboxRail::start(0, [secret.clone(), secret.clone()], None, clock.clone()).await.unwrap();
        let config = Config::parse(&change(CONFIG.replace(RAIL_IN_CONFIG, &sandbox.url()))).unwrap();
        let rail = Rail::new(&config.rail, RailSecret::new(secret).unwrap(), None, None).unwrap();
        let parts = (Arc::new(dynamo::ledger(&proxy.url(), &tables)), Arc::new(rail));
        let secrets_away = Arc::default();
        let (metrics, measured) = Metrics::captured(clock.clone());
        let app = app(&config, sender, &clock, &metrics, &parts, &secrets_away).await;
        let ledger = dynamo::ledger(&engine.url(), &tables);
        // A new stack would sweep the last day, in which there is nothing.
        ledger.set_round(clock.now() / MINUTE_MS).await.unwrap();
        Self {
            measured,
            metrics,
            secrets_away,
            ledger,
            provider: config.provider(Some(sender)).unwrap(),
            secrets: Secrets::new(vec![sandbox_secret("PAYONCE_SANDBOX_STRIPE").unwrap()]).unwrap(),
            function_ms: FUNCTION_MS,
            sender,
            rail: sandbox,
            app,
            clock,
            proxy,
            config,
            tables,
            engine,
            parts,
        }
    }

    /// A new environment of the function: nothing is cached, everything durable is there. With another configuration, as
    /// after a deployment.
    pub async fn restart_with(&mut self, change: impl Fn(String) -> String) {
        self.config = Config::parse(&change(CONFIG.replace(RAIL_IN_CONFIG, &self.rail.url()))).unwrap();
        self.provider = self.config.provider(Some(self.sender)).unwrap();
        self.app = app(&self.config, self.sender, &self.clock, &self.metrics, &self.parts, &self.secrets_away).await;
    }

    /// The functions, each afresh, with this rail: another secret, or one that is read again.
    pub async fn restart_with_rail(&mut self, rail: Rail) {
        self.parts.1 = Arc::new(rail);
        self.app = app(&self.config, self.sender, &self.clock, &self.metrics, &self.parts, &self.secrets_away).await;
    }

    /// The functions, each afresh, with another way to the tables and to the rail.
    pub async fn restart_between(&mut self, ledger: Ledger, rail: Rail) {
        self.parts = (Arc::new(ledger), Arc::new(rail));
        self.app = app(&self.config, self.sender, &self.clock, &self.metrics, &self.parts, &self.secrets_away).await;
    }

    /// A rail as the configuration says, with these secrets.
    pub fn rail_with(&self, secret: &str, lookup: Option<&str>) -> Rail {
        let lookup = lookup.map(|text| RailSecret::new(text).unwrap());
        Rail::new(&self.config.rail, RailSecret::new(secret).unwrap(), lookup, None).unwrap()
    }

    /// As after a deployment, for another sender of the configuration, whose signing secret is this one.
    pub async fn switch_to(&mut self, sender: &'static str, secret: &str, change: impl Fn(String) -> String) {
        self.sender = sender;
        self.secrets = Secrets::new(vec![sandbox_secret(secret).unwrap()]).unwrap();
        self.restart_with(change).await;
    }

    /// Copies of all tables as they are now, under other names: a backup.
    pub async fn backup(&self) -> Tables {
        let tables = self.engine.tables().await;
        self.engine.copy(&self.tables, &tables).await;
        tables
    }

    /// The functions work with other tables from now on.
    pub async fn move_to(&mut self, tables: Tables) {
        self.parts.0 = Arc::new(dynamo::ledger(&self.proxy.url(), &tables));
        self.ledger = dynamo::ledger(&self.engine.url(), &tables);
        self.tables = tables;
        self.app = app(&self.config, self.sender, &self.clock, &self.metrics, &self.parts, &self.secrets_away).await;
    }

    /// The rail's key is taken away, and a new environment of the function goes on with it.
    pub async fn revoke_paying_key(&mut self) {
        let revoked = RailSecret::new("sk_test_revoked_not_a_secret").unwrap();
        self.parts.1 = Arc::new(Rail::new(&self.config.rail, revoked, None, None).unwrap());
        self.app = app(&self.config, self.sender, &self.clock, &self.metrics, &self.parts, &self.secrets_away).await;
    }

    /// What the functions work with, through the proxy.
    pub fn parts(&self) -> (Arc<Ledger>, Arc<Rail>) {
        self.parts.clone()
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What Lambda hands over for this body, signed now by the provider.
    pub fn request(&self, body: &[u8]) -> Request {
        self.request_with(body, self.provider.sign(&self.secrets, body, self.clock.now()))
    }

    pub fn request_with(&self, body: &[u8], headers: Vec<(HeaderName, HeaderValue)>) -> Request {
        let mut request = http::Request::post("https://example.invalid/webhooks/stripe");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = match std::str::from_utf8(body) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Binary(body.to_vec()),
        };
        let mut context = Context::default();
        context.request_id = "00000000-0000-4000-8000-000000000001".to_owned();
        context.xray_trace_id = Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned());
        context.deadline = self.clock.now() + self.function_ms;
        request.body(body).unwrap().with_lambda_context(context)
    }

    pub async fn deliver(&self, event: &Value) -> Answered {
        self.send(self.request(event.to_string().as_bytes())).await
    }

    pub async fn send(&self, request: Request) -> Answered {
        let response = self.app.handle(request).await;
        let body = serde_json::from_slice(response.body().as_ref()).unwrap_or_default();
        Answered { status: response.status().as_u16(), body }
    }

    pub fn app(&self) -> Arc<webhook::App> {
        self.app.clone()
    }

    pub fn sweeper(&self) -> sweeper::App {
        sweeper::App::new(sweeper::Parts {
            ledger: Ledger::clone(&self.parts.0).listing_under(self.config.limits.index_shards).narrowed(),
            rail: self.parts.1.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            margin_ms: payonce_protocol::sweep::MARGIN_MS,
            watch: self.config.watch.clone(),
        })
    }

    pub fn executed(&self, key: &PayoutKey) -> Vec<Transfer> {
        self.rail.executed().into_iter().filter(|transfer| transfer.payout_key() == key.as_str()).collect()
    }

    /// How many payout requests reached the rail, executed or not.
    pub fn payout_requests(&self) -> u64 {
        self.rail.requests().values().sum()
    }

    pub async fn outcome(&self, key: &PayoutKey) -> Option<Outcome> {
        let (_, outcome) = self.ledger.attempt(key, 1).await.unwrap()?;
        outcome.map(|outcome| outcome.verdict.outcome)
    }

    pub async fn cases(&self) -> Vec<Case> {
        self.ledger.open_cases(100_000).await.unwrap()
    }

    /// How many cases of each reason are open.
    pub async fn reasons(&self) -> BTreeMap<Reason, usize> {
        let mut reasons = BTreeMap::new();
        for case in self.cases().await {
            *reasons.entry(case.reason).or_default() += 1;
        }
        reasons
    }

    /// The promise itself: executed at most once, and what was acknowledged is accepted or a case.
    pub async fn assert_at_most_once_and_never_lost(&self, key: &PayoutKey, what: &str) {
        let executed = self.executed(key).len();
        assert!(executed <= 1, "{what}: paid {executed} times");
        let accepted = self.outcome(key).await == Some(Outcome::Accepted);
        let filed = self.cases().await.iter().any(|case| case.key.as_ref() == Some(key));
        assert!(filed || (accepted && executed == 1), "{what}: neither paid and recorded, nor a case");
    }
}

async fn app(
    config: &Config,
    sender: &'static str,
    clock: &Clock,
    metrics: &Metrics,
    parts: &(Arc<Ledger>, Arc<Rail>),
    secrets_away: &Arc<AtomicBool>,
) -> Arc<webhook::App> {
    let environment = Environment::planted(&[]).unwrap();
    let away = secrets_away.clone();
    let read = move |name: &str| sandbox_secret(name).filter(|_| !away.load(Ordering::Relaxed));
    let reader = SecretReader::with_variables(&environment, read);
    Arc::new(webhook::App::new(webhook::Parts {
        provider: config.provider(Some(sender)).unwrap(),
        secrets: SecretSource::open(reader, config.secrets(sender), clock.now()).await.unwrap(),
        ledger: Ledger::clone(&parts.0).listing_under_at_most(config.limits.index_shards).await.narrowed(),
        rail: parts.1.clone(),
        clock: clock.clone(),
        limits: config.limits,
        metrics: metrics.clone(),
    }))
}
