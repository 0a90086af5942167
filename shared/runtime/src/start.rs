//! What every function builds at init, before any claim: whatever can fail at start fails here, and says why.

use std::sync::Arc;

use payonce_ledger::{Credentials, Ledger, LedgerError, Settings, Tables};
use payonce_providers::ConfigError;
use payonce_rails::{Rail, RailError};

use crate::clock::Clock;
use crate::config::Config;
use crate::environment::{Environment, EnvironmentError};
use crate::metrics::Metrics;
use crate::secrets::{SecretError, SecretReader};
use crate::telemetry;

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("the configuration cannot be used: {}", listed(.0))]
    Config(Vec<ConfigError>),
    #[error("a secret cannot be had: {0}")]
    Secret(#[from] SecretError),
    #[error("the rail cannot be used: {0}")]
    Rail(#[from] RailError),
    #[error("the tables cannot be used: {0}")]
    Ledger(#[from] LedgerError),
}

fn listed(problems: &[ConfigError]) -> String {
    problems.iter().map(|found| format!("{}: {}", found.path, found.problem)).collect::<Vec<_>>().join("; ")
}

/// The parts that the functions share.
pub struct Started {
    pub environment: Environment,
    pub config: Config,
    pub clock: Clock,
    pub reader: SecretReader,
    pub ledger: Arc<Ledger>,
    pub rail: Arc<Rail>,
    pub metrics: Metrics,
}

/// From the environment that Lambda gives, with logs and metrics to stdout.
pub async fn on_lambda() -> Result<Started, StartError> {
    let environment = Environment::of_this_process()?;
    let clock = Clock::system();
    telemetry::start(environment.log, clock.clone());
    let config = Config::load(&environment.config).map_err(StartError::Config)?;
    let reader = SecretReader::new(&environment);
    let metrics = Metrics::stdout(clock.clone());
    Started::of(environment, config, reader, Credentials::Environment, clock, metrics).await
}

impl Started {
    pub async fn of(
        environment: Environment,
        config: Config,
        reader: SecretReader,
        credentials: Credentials,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let settings = Settings {
            region: environment.region.clone(),
            endpoint: environment.endpoints.dynamodb.clone(),
            credentials,
        };
        let tables = Tables {
            audit: environment.audit_table.clone(),
            bodies: environment.bodies_table.clone(),
            reconcile: environment.reconcile_table.clone(),
        };
        let ledger = Arc::new(Ledger::new(&settings, tables)?);
        let secret = reader.rail_secret(config.rail_secret()).await?;
        let lookup = match config.lookup_secret() {
            Some(reference) => Some(reader.rail_secret(reference).await?),
            None => None,
        };
        let rail = Arc::new(Rail::new(&config.rail, secret, lookup, None)?);
        Ok(Self { environment, config, clock, reader, ledger, rail, metrics })
    }
}
