//! The control item of a stack that is deployed: who holds payouts and why, hold, release, and rules of payout keys that
//! a person accepts. On-call's commands, so they answer in a second and say what stands afterwards.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use payonce_ledger::{Control, Credentials, Ledger, Settings, Tables};
use payonce_protocol::hold::Hold;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;

/// Which stack; the credentials are those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// What the names of its tables begin with
    #[arg(long, global = true, value_name = "NAME", default_value = "payonce")]
    stack: String,
    #[arg(long, global = true, value_name = "R", env = "AWS_REGION", default_value = "eu-central-1")]
    region: String,
    /// Of an emulator on this machine, in place of AWS's
    #[arg(long, global = true, value_name = "U", env = "AWS_ENDPOINT_URL", hide_env_values = true)]
    endpoint: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub struct Signed {
    /// Who does it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Kept in the history, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Mode {
    /// 503, nothing claimed: the providers keep the events and come back
    Refuse,
    /// Claimed and filed as cases, nothing paid
    Record,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What stands: hold, by whom, since when, why
    Show,
    /// Stop payouts; a running function obeys within seconds
    Hold {
        #[arg(long, value_enum, default_value = "refuse")]
        mode: Mode,
        #[command(flatten)]
        signed: Signed,
    },
    /// Make payouts again
    Release {
        #[command(flatten)]
        signed: Signed,
    },
    /// Accept the rules of payout keys of a configuration; what was signed before the moment is a case and not paid
    AcceptKeys {
        #[arg(long, value_name = "FILE", default_value = "infra/payonce.toml")]
        config: PathBuf,
        /// From when events are paid, such as 2026-12-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        paid_from: Timestamp,
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

/// What is said in the end.
pub async fn run(target: &Target, command: &Command) -> Result<String, Box<dyn Error + Send + Sync>> {
    let settings = Settings {
        region: target.region.clone(),
        endpoint: target.endpoint.clone().filter(|endpoint| !endpoint.is_empty()),
        credentials: Credentials::Environment,
    };
    let named = |what| format!("{}-{what}", target.stack);
    let tables = Tables { audit: named("audit"), bodies: named("bodies"), reconcile: named("reconcile") };
    let ledger = Ledger::new(&settings, tables)?;
    let now = Clock::system().now();
    let control = match command {
        Command::Show => match ledger.control().await? {
            Some(control) => control,
            None => return Ok("no delivery has come to this stack yet, so nothing is held".to_owned()),
        },
        Command::Hold { mode, signed } => {
            let hold = match mode {
                Mode::Refuse => Hold::Refuse,
                Mode::Record => Hold::Record,
            };
            ledger.set_hold(hold, &signed.by, &signed.why, now).await?
        }
        Command::Release { signed } => ledger.set_hold(Hold::Pay, &signed.by, &signed.why, now).await?,
        Command::AcceptKeys { config, paid_from, by } => {
            let config = Config::load(config).map_err(|problems| {
                let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
                format!("{} cannot be used: {}", config.display(), listed.join("; "))
            })?;
            let paid_from = u64::try_from(paid_from.as_millisecond())?;
            ledger.accept_keys(config.key_rules(), paid_from, by, now).await?
        }
    };
    Ok(shown(&control))
}

fn shown(control: &Control) -> String {
    let time = |ms| i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at = |ms| time(ms).map_or_else(|| "?".to_owned(), |time| time.strftime("%FT%TZ").to_string());
    let paid_from = control.paid_from.map(at).map(|from| format!("\npaid from  {from}")).unwrap_or_default();
    format!(
        "hold       {}\nset by     {} at {}\nwhy        {}\nkeys       {}{paid_from}\nversion    {}",
        control.hold,
        control.set_by,
        at(control.set_at),
        control.why,
        control.keys,
        control.version
    )
}
