//! Starts everything, in the order in which it depends on each other.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use payonce_ledger::{Credentials, Ledger, create_tables};
use payonce_protocol::sweep::MINUTE_MS;
use payonce_providers::Secrets;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::SecretReader;
use payonce_runtime::start::Started;
use serde_json::{Value, json};

use crate::books::Books;
use crate::dynamo::Dynamo;
use crate::front::{Front, Page, Pages};
use crate::sandbox_rail::SandboxRail;
use crate::sender::Sender;

/// The sandbox's configuration, as it is in the repository.
pub const CONFIG: &str = include_str!("../payonce.toml");
/// The address of the rail in [`CONFIG`]; the sandbox's own takes its place.
const RAIL_IN_CONFIG: &str = "http://127.0.0.1:4243";

/// Test values: they open nothing but this sandbox.
pub const SECRETS: &[(&str, &str)] = &[
    ("PAYONCE_SANDBOX_STRIPE", "whsec_sandboxOnlyNotASecret"),
    ("PAYONCE_SANDBOX_RAIL", "sk_test_sandboxOnlyNotASecret"),
    ("PAYONCE_SANDBOX_RAIL_LOOKUP", "rk_test_sandboxOnlyNotASecret"),
];

/// The functions' time-out, as deployed.
pub const FUNCTION_MS: u64 = 25_000;
const CASES_SHOWN: usize = 1_000;

pub struct Options {
    pub port: u16,
    /// Where tables and the rail's ledger are kept; in memory without.
    pub data: Option<PathBuf>,
    /// Where the functions' metrics go.
    pub metrics: fn(Clock) -> Metrics,
    /// A configuration in place of the sandbox's.
    pub config: Option<String>,
}

/// The running stack.
pub struct Stack {
    pub clock: Clock,
    pub front: Front,
    pub rail: Arc<SandboxRail>,
    pub ledger: Arc<Ledger>,
    pub sender: Arc<Sender>,
    pub dynamodb_url: String,
    sweeper: sweeper::Parts,
    _dynamo: Dynamo,
}

/// A secret of the sandbox; the environment's own wins.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).or_else(|| sandbox_secret(name))
}

pub fn sandbox_secret(name: &str) -> Option<String> {
    SECRETS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

impl Stack {
    pub async fn start(options: Options) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let clock = Clock::system();
        let kept = |name: &str| options.data.as_ref().map(|directory| directory.join(name));
        if let Some(directory) = &options.data {
            std::fs::create_dir_all(directory)
                .map_err(|error| io::Error::new(error.kind(), format!("--data {}: {error}", directory.display())))?;
        }
        let near = |step: u16| if options.port == 0 { 0 } else { options.port.saturating_add(step) };
        let rail_secrets = ["PAYONCE_SANDBOX_RAIL", "PAYONCE_SANDBOX_RAIL_LOOKUP"];
        let rail_secrets = rail_secrets.map(|name| variable(name).unwrap_or_default());
        let rail = SandboxRail::start(near(1), rail_secrets, kept("rail.jsonl"), clock.clone()).await?;
        let dynamo = Dynamo::start(near(2), kept("dynamodb.sqlite").as_deref()).await?;

        let text = options.config.unwrap_or_else(|| CONFIG.to_owned()).replace(RAIL_IN_CONFIG, &rail.url());
        let config = Config::parse(&text).map_err(payonce_runtime::start::StartError::Config)?;
        let environment = environment(&dynamo.url())?;
        let reader = SecretReader::with_variables(&environment, variable);
        let credentials = Credentials::Given { key_id: "sandbox".to_owned(), secret: "sandbox".to_owned() };
        let metrics = (options.metrics)(clock.clone());
        let started = Started::of(environment, config, reader, credentials, clock.clone(), metrics).await?;
        create_tables(&started.ledger).await?;

        let ledger = started.ledger.clone();
        let sweeper = sweeper::Parts::of(&started);
        let provider =
            Arc::new(started.config.provider(Some("stripe")).map_err(payonce_runtime::start::StartError::Config)?);
        let secrets = Secrets::new(vec![variable("PAYONCE_SANDBOX_STRIPE").unwrap_or_default()])?;
        let function = Arc::new(webhook::App::start(started).await?);
        let rail = Arc::new(rail);
        let functions = BTreeMap::from([("stripe".to_owned(), function)]);
        let front =
            Front::start(options.port, functions, pages(rail.clone(), ledger.clone()), clock.clone(), FUNCTION_MS)
                .await
                .map_err(|error| io::Error::new(error.kind(), format!("--port {}: {error}", options.port)))?;
        let sender = Arc::new(Sender::new(front.address(), provider, secrets, clock.clone()));
        Ok(Self { clock, front, rail, ledger, sender, sweeper, dynamodb_url: dynamo.url(), _dynamo: dynamo })
    }

    /// The sweeper, as it runs each minute.
    pub fn sweeper(&self) -> sweeper::App {
        sweeper::App::new(self.sweeper.clone())
    }

    /// The sweeper with a clock that is ahead, so that nobody must wait for claims to expire.
    pub async fn sweep_as_if_in(&self, minutes: u64) -> io::Result<sweeper::Report> {
        let clock = Clock::manual(self.clock.now() + minutes * MINUTE_MS);
        let app = sweeper::App::new(sweeper::Parts { clock, ..self.sweeper.clone() });
        app.run().await.map_err(io::Error::other)
    }

    /// The three books.
    pub async fn books(&self) -> io::Result<Books> {
        Books::compare(&self.sender.sent(), &self.rail.executed(), &self.ledger).await.map_err(io::Error::other)
    }
}

fn environment(dynamodb: &str) -> Result<Environment, payonce_runtime::environment::EnvironmentError> {
    let variables = BTreeMap::from([
        ("PAYONCE_CONFIG", "infra/local/payonce.toml"),
        ("PAYONCE_AUDIT_TABLE", "payonce-audit"),
        ("PAYONCE_BODIES_TABLE", "payonce-bodies"),
        ("PAYONCE_RECONCILE_TABLE", "payonce-reconcile"),
        ("PAYONCE_PROVIDER", "stripe"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "sandbox"),
        ("AWS_SECRET_ACCESS_KEY", "sandbox"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
    ]);
    Environment::read(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn pages(rail: Arc<SandboxRail>, ledger: Arc<Ledger>) -> Pages {
    Arc::new(move |path| {
        let (rail, ledger) = (rail.clone(), ledger.clone());
        Box::pin(async move {
            match path.as_str() {
                "/" => Some(Page::Html(include_str!("index.html").to_owned())),
                "/sandbox/rail" => Some(Page::Json(rail.json())),
                "/sandbox/cases" => Some(Page::Json(match ledger.open_cases(CASES_SHOWN).await {
                    Ok(cases) => cases.iter().map(case_json).collect(),
                    Err(error) => json!({ "problem": error.to_string() }),
                })),
                _ => None,
            }
        })
    })
}

fn case_json(case: &payonce_ledger::Case) -> Value {
    json!({
        "id": case.id().to_string(),
        "reason": case.reason.as_str(),
        "provider": case.provider,
        "payout_key": case.key.as_ref().map(ToString::to_string),
        "attempt": case.attempt,
        "event": case.event.as_ref().map(ToString::to_string),
        "amount": case.money.map(|money| money.to_string()),
        "destination": case.destination.as_ref().map(ToString::to_string),
        "details": case.details,
        "opened_at": case.opened_at,
    })
}

/// Checks a configuration file, and prints what is wrong or unwise.
pub fn check(path: &Path) -> bool {
    match Config::load(path) {
        Ok(config) => {
            for found in config.warnings() {
                println!("  unwise  {}: {}", found.path, found.problem);
            }
            println!("  {} can be used; the fingerprint of its payout keys is {}", path.display(), config.key_rules());
            true
        }
        Err(problems) => {
            for found in problems {
                println!("  wrong   {}: {}", found.path, found.problem);
            }
            false
        }
    }
}
