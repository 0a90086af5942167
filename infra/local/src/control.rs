//! What only a person may do to a stack that is deployed: hold and release its payouts, and accept a provider's rules of
//! payout keys. On-call's commands, so they answer in a second and say what stands afterwards.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use payonce_ledger::{Accepted, Books, Control, Credentials, Ledger, NotAccepted, Settings, Tables, Wish};
use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::release::{NotYet, TableIds};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;

/// Which stack; the credentials are those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// What the names of its tables begin with
    #[arg(long, global = true, value_name = "NAME", default_value = "payonce")]
    stack: String,
    /// And what they end in, such as -2: tables that were restored have new names
    #[arg(long, global = true, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    suffix: String,
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
    /// What stands: hold, by whom, since when, why, for which tables; and each provider's accepted rules
    Show,
    /// Stop payouts; a running function obeys within seconds
    Hold {
        #[arg(long, value_enum, default_value = "refuse")]
        mode: Mode,
        #[command(flatten)]
        signed: Signed,
    },
    /// Make payouts, for the tables that are there and no others
    Release {
        /// These are the first books: nothing was ever paid from other tables. Without it, what is older than the release of
        /// new tables is a case, because claims may be missing
        #[arg(long)]
        first: bool,
        #[command(flatten)]
        signed: Signed,
    },
    /// Accept a provider's rules of payout keys; what was signed before --paid-from is a case and not paid
    AcceptKeys {
        #[arg(long, value_name = "NAME")]
        provider: String,
        #[arg(long, value_name = "FILE", default_value = "infra/payonce.toml")]
        config: PathBuf,
        /// From when events are paid, such as 2026-12-01T00:00:00Z [default: from when no version with other rules could pay]
        #[arg(long, value_name = "TIME")]
        paid_from: Option<Timestamp>,
        /// Until when the rules before count [default: until the provider's events cannot come again]
        #[arg(long, value_name = "TIME")]
        former_until: Option<Timestamp>,
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

type Failure = Box<dyn Error + Send + Sync>;

/// What is said in the end.
pub async fn run(target: &Target, command: &Command) -> Result<String, Failure> {
    let settings = Settings {
        region: target.region.clone(),
        endpoint: target.endpoint.clone().filter(|endpoint| !endpoint.is_empty()),
        credentials: Credentials::Environment,
    };
    let named = |what| format!("{}-{what}{}", target.stack, target.suffix);
    let tables = Tables { audit: named("audit"), bodies: named("bodies"), reconcile: named("reconcile") };
    let ledger = Ledger::new(&settings, tables)?;
    let now = Clock::system().now();
    match command {
        Command::Show => {}
        Command::Hold { mode, signed } => {
            let hold = match mode {
                Mode::Refuse => Hold::Refuse,
                Mode::Record => Hold::Record,
            };
            ledger.set_hold(hold, &signed.by, &signed.why, now).await?;
        }
        Command::Release { first, signed } => {
            let books = if *first { Books::First } else { Books::Restored };
            ledger.release(books, &signed.by, &signed.why, now).await?;
        }
        Command::AcceptKeys { provider, config, paid_from, former_until, by } => {
            let config = Config::load(config).map_err(|problems| {
                let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
                format!("{} cannot be used: {}", config.display(), listed.join("; "))
            })?;
            let rules = config.key_rules().iter().find(|rules| rules.provider == *provider);
            let rules = rules.ok_or_else(|| format!("the configuration has no provider {provider}"))?;
            let millis = |time: &Option<Timestamp>| time.map(|time| u64::try_from(time.as_millisecond())).transpose();
            let wish = Wish { paid_from: millis(paid_from)?, former_until: millis(former_until)? };
            ledger.accept_keys(rules, wish, by, now).await.map_err(|refused| in_words(provider, refused))?;
        }
    }
    let tables = ledger.table_ids().await?;
    let mut shown = ledger.control().await?.map_or_else(
        || "hold       nobody has released payouts yet: nothing is paid".to_owned(),
        |control| held(&control, &tables),
    );
    for accepted in ledger.all_accepted().await? {
        shown.push_str(&rules(&accepted));
    }
    Ok(shown)
}

/// Why rules are not accepted, and what to do about it.
fn in_words(provider: &str, refused: NotAccepted) -> String {
    match refused {
        NotAccepted::Same => format!("just these rules of {provider} are accepted already: there is nothing to do"),
        NotAccepted::NotYet(NotYet::NotHeld) => format!(
            "payouts are not held. Another version may be paying by the rules of {provider} that stand: hold them first \
             (control hold), and come back when every version has seen it"
        ),
        NotAccepted::NotYet(NotYet::Until { until }) => {
            format!("a version that has not seen the hold may still be paying; this is possible from {} on", at(until))
        }
        NotAccepted::NotYet(NotYet::PaidFrom { least }) => {
            format!(
                "what was signed before {} may have been paid by the rules that stand: --paid-from is too early",
                at(least)
            )
        }
        NotAccepted::EndsTooEarly { least } => {
            format!("{provider} may send events from before again until {}: --former-until is too early", at(least))
        }
        NotAccepted::Uncovered(missing) => {
            let listed: String = missing.iter().map(|was| format!("\n  {was}")).collect();
            format!(
                "{provider} signs no time, so only its former keys tell what was paid. No `formerly` of the new rules says \
                 how these stood (type: namespace, pointers):{listed}"
            )
        }
        NotAccepted::AnotherName(other) => format!(
            "{other} has the same scheme and another namespace. If {provider} is {other} under a new name, what {other} paid is \
             paid once more: write `namespace` in the table of {provider}, the same as that of {other} where both hear of the \
             same payments"
        ),
        NotAccepted::Ledger(error) => error.to_string(),
    }
}

fn at(ms: UnixMillis) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime("%FT%TZ").to_string())
}

fn held(control: &Control, tables: &TableIds) -> String {
    let released = match &control.released_for {
        Some(released) if released == tables => "these tables",
        Some(_) => "other tables: nothing is paid until somebody releases these",
        None => "no tables: nothing is paid",
    };
    let books_from =
        control.books_from.map(at).map(|from| format!("\npaid from  {from}, every provider")).unwrap_or_default();
    format!(
        "hold       {}\nset by     {} at {}\nwhy        {}\nreleased   {released}\n           audit {}, reconcile {}{books_from}",
        control.hold,
        control.set_by,
        at(control.set_at),
        control.why,
        tables.audit,
        tables.reconcile,
    )
}

fn rules(accepted: &Accepted) -> String {
    let paid_from = accepted
        .paid_from
        .filter(|from| *from > 0)
        .map(at)
        .map(|from| format!(", paid from {from}"))
        .unwrap_or_default();
    let own: String = accepted.derivations.iter().map(|one| format!("\n           {one}")).collect();
    let former = accepted.former.iter().map(|(one, until)| format!("\n  formerly {one}, until {}", at(*until)));
    format!(
        "\n{:<10} accepted by {} at {}{paid_from}{own}{}",
        accepted.provider,
        accepted.by,
        at(accepted.at),
        former.collect::<String>(),
    )
}
