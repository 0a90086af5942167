//! What every function builds at init, before any claim: whatever can fail at start fails here, and says why.

use payonce_protocol::config::ConfigError;
use std::sync::Arc;

use payonce_ledger::{Credentials, Ledger, LedgerError, Settings, powers};
use payonce_rails::{Rail, Reread, SecretPair};

use crate::clock::Clock;
use crate::config::Config;
use crate::environment::{Environment, EnvironmentError};
use crate::metrics::Metrics;
use crate::secrets::{SecretError, SecretReader, SecretRef};
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
    #[error("the tables cannot be used: {0}")]
    Ledger(#[from] LedgerError),
}

impl StartError {
    /// One key of the configuration, or a variable of the environment, is not as it must be.
    pub fn wrong(path: impl Into<String>, problem: impl Into<String>) -> Self {
        ConfigError::new(path, problem).into()
    }
}

impl From<ConfigError> for StartError {
    fn from(found: ConfigError) -> Self {
        Self::Config(vec![found])
    }
}

fn listed(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a function is for; it reads no secret that it has no use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Pays for a delivery, and asks for nothing: it reads the paying secret alone.
    Deliver,
    /// Pays for people, and asks the rail before: it reads both.
    Pay,
    /// Only asks the rail: the paying secret is read where the configuration names no other.
    LookUp,
    /// Asks the rail for people, who may own what they work with: it never reads the paying secret, and does not start where
    /// the configuration names no other.
    Show,
}

/// The parts that the functions share; `P` are the powers of one over the tables.
pub struct Started<P = powers::Everything> {
    pub environment: Environment,
    pub config: Config,
    pub clock: Clock,
    pub reader: SecretReader,
    pub ledger: Arc<Ledger<P>>,
    pub rail: Arc<Rail>,
    pub metrics: Metrics,
}

/// From the environment that Lambda gives, with logs and metrics to stdout.
pub async fn on_lambda<P: powers::Holder>(duty: Duty) -> Result<Started<P>, StartError> {
    let (environment, clock, metrics) = watched()?;
    let config = match &environment.config {
        Some(path) => Config::load(path),
        None => Config::built_in(),
    };
    let reader = SecretReader::new(&environment);
    let config = config.map_err(StartError::Config)?;
    let started = Started::of(duty, environment, config, reader, Credentials::Environment, clock, metrics).await?;
    Ok(started.narrowed())
}

/// For a function with neither configuration nor rail nor secrets.
pub struct Tables<P = powers::Nothing> {
    pub environment: Environment,
    pub clock: Clock,
    pub ledger: Arc<Ledger<P>>,
    pub metrics: Metrics,
}

/// From the environment that Lambda gives, with logs and metrics to stdout.
pub fn tables_on_lambda<P: powers::Holder>() -> Result<Tables<P>, StartError> {
    let (environment, clock, metrics) = watched()?;
    let ledger = ledger(&environment, Credentials::Environment)?.narrowed();
    Ok(Tables { environment, clock, ledger, metrics })
}

/// A delivery takes and frees some 400 KB. glibc gives the end of its heap back to the kernel as soon as 128 KB of it are free, and asks for it anew
/// at the next delivery, page by page; but once a block that it had mapped was freed, it keeps twice as much as that block had
/// (`M_MMAP_THRESHOLD` in <https://man7.org/linux/man-pages/man3/mallopt.3.html>). Nothing is written to this one, so that it takes no memory.
fn keep_the_heap() {
    const BLOCK: usize = 1024 * 1024;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(BLOCK)));
}

fn watched() -> Result<(Environment, Clock, Metrics), StartError> {
    keep_the_heap();
    let environment = Environment::of_this_process()?;
    let clock = Clock::system();
    telemetry::start(environment.log, clock.clone());
    let metrics = Metrics::stdout(clock.clone());
    Ok((environment, clock, metrics))
}

fn ledger(environment: &Environment, credentials: Credentials) -> Result<Ledger, StartError> {
    let settings = Settings {
        region: environment.region.clone(),
        endpoint: environment.endpoints.dynamodb.clone(),
        credentials,
        authorities: None,
    };
    let tables = payonce_ledger::Tables {
        audit: environment.audit_table.clone(),
        bodies: environment.bodies_table.clone(),
        reconcile: environment.reconcile_table.clone(),
    };
    Ok(Ledger::new(&settings, tables)?)
}

impl Started {
    pub async fn of(
        duty: Duty,
        environment: Environment,
        config: Config,
        reader: SecretReader,
        credentials: Credentials,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, StartError> {
        let (ledger, shards) = (ledger(&environment, credentials)?, config.limits.index_shards);
        let places = RailSecrets::of(duty, &config)?;
        let listing = async {
            match duty {
                Duty::Deliver | Duty::Pay => ledger.listing_under_at_most(shards).await,
                Duty::LookUp | Duty::Show => ledger.listing_under(shards),
            }
        };
        let (ledger, secrets) = tokio::join!(listing, places.read(&reader));
        let (ledger, (secret, lookup)) = (Arc::new(ledger), secrets?);
        let rail = Arc::new(Rail::new(&config.rail, secret, lookup, None)?.rereading(places.reread(reader.clone())));
        Ok(Self { environment, config, clock, reader, ledger, rail, metrics })
    }

    /// For one function.
    pub fn narrowed<P: powers::Holder>(self) -> Started<P> {
        let Self { environment, config, clock, reader, ledger, rail, metrics } = self;
        Started { environment, config, clock, reader, ledger: ledger.narrowed(), rail, metrics }
    }
}

/// Where the secrets of a duty are kept: one, and one for look-ups beside it.
#[derive(Clone)]
struct RailSecrets {
    first: SecretRef,
    lookup: Option<SecretRef>,
}

impl RailSecrets {
    fn of(duty: Duty, config: &Config) -> Result<Self, StartError> {
        let (paying, lookup) = (config.rail_secret().clone(), config.lookup_secret().cloned());
        match (duty, lookup) {
            (Duty::LookUp | Duty::Show, Some(lookup)) => Ok(Self { first: lookup, lookup: None }),
            (Duty::Show, None) => {
                let problem = "is missing: the console may not read the secret that pays";
                Err(StartError::wrong("rail.lookup_secret", problem))
            }
            (Duty::Deliver, _) => Ok(Self { first: paying, lookup: None }),
            (Duty::Pay | Duty::LookUp, lookup) => Ok(Self { first: paying, lookup }),
        }
    }

    async fn read(&self, reader: &SecretReader) -> Result<SecretPair, SecretError> {
        let lookup = async {
            match &self.lookup {
                Some(lookup) => Ok(Some(reader.rail_secret(lookup).await?)),
                None => Ok(None),
            }
        };
        tokio::try_join!(reader.rail_secret(&self.first), lookup)
    }

    /// For the rail, after a 401.
    fn reread(self, reader: SecretReader) -> Reread {
        Box::new(move || {
            let (places, reader) = (self.clone(), reader.clone());
            Box::pin(async move {
                let read = places.read(&reader).await;
                read.inspect_err(|error| tracing::warn!(%error, "the rail's secrets could not be read again")).ok()
            })
        })
    }
}
