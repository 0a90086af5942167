//! Which stack is asked, and with what: the tables and the rail that the functions use, and the secret that can only read.

use std::path::Path;

use payonce_ledger::{Credentials, LedgerError};
use payonce_protocol::reconcile::terms::Settle;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::SecretReader;
use payonce_runtime::start::{Duty, StartError, Started};
use reconciler::{Account, Settings};

use super::{Failure, Options};
use crate::control::{Target, trouble};
use crate::setup::Setup;
use crate::{check, given};

const DEPLOYED: &str = "infra/payonce.toml";
/// The sandbox's books have everything at once, and nobody waits days for them. Rails count in seconds.
const SANDBOX: Settle = Settle { provider_ms: 0, ours_ms: 2_000, rail_ms: 2_000, bank_ms: 0 };
/// Nobody listens there, and nobody is sent there: a reconciliation signs no person in.
const NO_ISSUER: &str = "http://127.0.0.1:9";

pub struct Place {
    pub config: Config,
    /// For people.
    pub name: String,
    reach: Reach,
}

enum Reach {
    Deployed(Target),
    Local { setup: Box<Setup>, dynamodb: String },
}

impl Place {
    pub fn of(options: &Options) -> Result<Self, Failure> {
        let text = |path: &Path| Ok::<_, Failure>((given::read_text(path)?, path.to_owned()));
        let Some(port) = options.local else {
            let (text, path) = text(options.config.as_deref().unwrap_or(Path::new(DEPLOYED)))?;
            let config = Config::parse(&text);
            let config = config.map_err(|found| check::listed(&path, &check::in_words(&text, &found)))?;
            let name = format!("{}, {}", options.target.table("audit"), options.target.region);
            return Ok(Self { config, name, reach: Reach::Deployed(options.target.clone()) });
        };
        let setup = match options.config.as_deref().map(text).transpose()? {
            None => Setup::sandbox().map_err(StartError::Config)?,
            Some((text, path)) => {
                Setup::of(&text, true, None).map_err(|found| check::listed(&path, &check::in_words(&text, &found)))?
            }
        };
        let near = |step: u16| format!("http://127.0.0.1:{}", port.saturating_add(step));
        let rail = options.rail_url.clone().unwrap_or_else(|| near(1));
        let dynamodb = options.target.own_endpoint().map_or_else(|| near(2), str::to_owned);
        let config = setup.config(&rail, NO_ISSUER).map_err(StartError::Config)?;
        let name = format!("the stack on this machine: tables {dynamodb}, rail {rail}");
        Ok(Self { config, name, reach: Reach::Local { setup: Box::new(setup), dynamodb } })
    }

    /// The paying secret is never read.
    pub async fn started(&self) -> Result<Started, Failure> {
        let (environment, reader, credentials) = match &self.reach {
            Reach::Deployed(target) => {
                trouble::credentials().map_err(|why| trouble::tried(target, &why))?;
                let environment = Environment::read(|name| match name {
                    "PAYONCE_AUDIT_TABLE" => Some(target.table("audit")),
                    "PAYONCE_BODIES_TABLE" => Some(target.table("bodies")),
                    "PAYONCE_RECONCILE_TABLE" => Some(target.table("reconcile")),
                    "AWS_REGION" => Some(target.region.clone()),
                    "AWS_ENDPOINT_URL" => target.own_endpoint().map(str::to_owned),
                    _ => std::env::var(name).ok(),
                })?;
                let reader = SecretReader::new(&environment);
                (environment, reader, Credentials::Environment)
            }
            Reach::Local { setup, dynamodb } => {
                let environment = Environment::planted(&[("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)])?;
                let variables = setup.variables();
                let reader = SecretReader::with_variables(&environment, move |name| variables.get(name).cloned());
                let credentials = Credentials::Given { key_id: "sandbox".to_owned(), secret: "sandbox".to_owned() };
                (environment, reader, credentials)
            }
        };
        let clock = Clock::system();
        let unmeasured = Metrics::to(clock.clone(), Box::new(|_: &str| {}));
        Ok(Started::of(Duty::Show, environment, self.config.clone(), reader, credentials, clock, unmeasured).await?)
    }

    /// As the configuration says; of a sandbox whose configuration says nothing, the sandbox's own.
    pub async fn settings(&self, started: &Started) -> Result<Settings, Failure> {
        let settings = Settings::of(started).await?;
        let is_written = self.config.section::<toml::Table>("reconciler").map_err(StartError::Config)?.is_some();
        let is_local = matches!(self.reach, Reach::Local { .. });
        Ok(if is_local && !is_written { Settings { settle: SANDBOX, ..settings } } else { settings })
    }

    /// As the configuration says, or by the rail.
    pub fn account(&self) -> Result<Account, Failure> {
        Ok(Account::configured(&self.config)?)
    }

    pub async fn why(&self, target: &Target, error: &LedgerError) -> String {
        match &self.reach {
            Reach::Deployed(_) => trouble::tried(target, &trouble::why(target, error).await),
            Reach::Local { dynamodb, .. } => format!("{error}; is the stack up? (cargo run) tried: {dynamodb}"),
        }
    }
}
