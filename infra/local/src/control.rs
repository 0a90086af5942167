//! What only a person may do to a stack that is deployed: hold and release its payouts, and accept a provider's rules of
//! payout keys. On-call's commands, so they answer in a second and say what stands afterwards.

pub(crate) mod trouble;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use jiff::Timestamp;
use payonce_ledger::{Accepted, Books, Control, Credentials, Ledger, LedgerError, NotAccepted, Settings, Tables, Wish};
use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::release::{NotYet, TableIds};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use serde_json::{Value, json};

use crate::near::hint;
use crate::{check, given};

/// Which stack; the credentials are those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// What the names of its tables begin with
    #[arg(long, global = true, value_name = "NAME", default_value = "payonce")]
    pub(crate) stack: String,
    /// And what they end in, such as -2: tables that were restored have new names
    #[arg(long, global = true, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    pub(crate) suffix: String,
    /// Where it is deployed
    #[arg(long, global = true, value_name = "REGION", env = "AWS_REGION", default_value = "eu-central-1")]
    pub(crate) region: String,
    /// Of an emulator on this machine, in place of AWS's
    #[arg(long, global = true, value_name = "URL", env = "AWS_ENDPOINT_URL", hide_env_values = true, value_hint = ValueHint::Url)]
    pub(crate) endpoint: Option<String>,
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
        /// What becomes of the events that come meanwhile
        #[arg(long, value_name = "MODE", value_enum, default_value = "refuse")]
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
        /// A provider of the configuration
        #[arg(long, value_name = "NAME")]
        provider: String,
        /// The configuration that is deployed
        #[arg(long, value_name = "FILE", default_value = "infra/payonce.toml", value_hint = ValueHint::FilePath)]
        config: PathBuf,
        /// From when events are paid, such as 2026-12-01T00:00:00Z [default: from when no version with other rules could pay]
        #[arg(long, value_name = "TIME")]
        paid_from: Option<Timestamp>,
        /// Until when the rules before count [default: until the provider's events cannot come again]
        #[arg(long, value_name = "TIME")]
        former_until: Option<Timestamp>,
        /// Who does it
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

type Failure = Box<dyn Error + Send + Sync>;

/// What stands in the end.
pub struct Stands {
    target: Target,
    tables: TableIds,
    control: Option<Control>,
    accepted: Vec<Accepted>,
}

/// Whatever fails names where it was tried, and why in plain words.
pub async fn run(target: &Target, command: &Command) -> Result<Stands, Failure> {
    trouble::credentials().map_err(|why| trouble::tried(target, &why))?;
    match acted(target, command).await {
        Err(error) => match error.downcast_ref::<LedgerError>() {
            Some(failed) => Err(trouble::tried(target, &trouble::why(target, failed).await).into()),
            None => Err(error),
        },
        stands => stands,
    }
}

async fn acted(target: &Target, command: &Command) -> Result<Stands, Failure> {
    let settings = Settings {
        region: target.region.clone(),
        endpoint: target.own_endpoint().map(str::to_owned),
        credentials: Credentials::Environment,
        authorities: None,
    };
    let [audit, bodies, reconcile] = ["audit", "bodies", "reconcile"].map(|what| target.table(what));
    let ledger = Ledger::new(&settings, Tables { audit, bodies, reconcile })?;
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
        Command::AcceptKeys { provider, config: path, paid_from, former_until, by } => {
            let text = given::read_text(path)?;
            let config = Config::parse(&text);
            let config = config.map_err(|found| check::listed(path, &check::in_words(&text, &found)))?;
            let rules = config.key_rules().iter().find(|rules| rules.provider == *provider);
            let rules = rules.ok_or_else(|| {
                let known: Vec<&str> = config.providers.keys().map(String::as_str).collect();
                let near = hint(provider, known.iter().copied());
                format!("the configuration has no provider {provider}; there is {}{near}", known.join(", "))
            })?;
            let millis = |time: &Option<Timestamp>| time.map(|time| u64::try_from(time.as_millisecond())).transpose();
            let wish = Wish { paid_from: millis(paid_from)?, former_until: millis(former_until)? };
            match ledger.accept_keys(rules, wish, by, now).await {
                Err(NotAccepted::Ledger(error)) => return Err(error.into()),
                settled => settled.map_err(|refused| in_words(provider, refused))?,
            };
        }
    }
    let tables = ledger.table_ids().await?;
    let control = ledger.control().await?;
    Ok(Stands { target: target.clone(), tables, control, accepted: ledger.all_accepted().await? })
}

impl Target {
    /// An emulator's; AWS's where there is none.
    pub(crate) fn own_endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty())
    }

    fn endpoint(&self) -> String {
        self.own_endpoint().map_or_else(|| format!("https://dynamodb.{}.amazonaws.com", self.region), str::to_owned)
    }

    pub(crate) fn table(&self, what: &str) -> String {
        format!("{}-{what}{}", self.stack, self.suffix)
    }
}

impl Stands {
    pub fn text(&self) -> String {
        let mut shown = match &self.control {
            None => "hold       nobody has released payouts yet: nothing is paid".to_owned(),
            Some(control) => held(control, &self.tables),
        };
        self.accepted.iter().for_each(|accepted| shown.push_str(&rules(accepted)));
        shown
    }

    pub fn json(&self) -> Value {
        let released = |control: &Control| match &control.released_for {
            Some(released) if *released == self.tables => "these_tables",
            Some(_) => "other_tables",
            None => "no_tables",
        };
        let from = |ms: Option<UnixMillis>| ms.filter(|from| *from > 0).map(at);
        let providers = self.accepted.iter().map(|accepted| {
            let former =
                accepted.former.iter().map(|(rule, until)| json!({ "rule": rule.to_string(), "until": at(*until) }));
            json!({
                "provider": accepted.provider,
                "accepted_by": accepted.by,
                "accepted_at": at(accepted.at),
                "paid_from": from(accepted.paid_from),
                "rules": accepted.derivations.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "formerly": former.collect::<Vec<_>>(),
            })
        });
        json!({
            "endpoint": self.target.endpoint(),
            "region": self.target.region,
            "tables": { "audit": self.tables.audit, "reconcile": self.tables.reconcile },
            "hold": self.control.as_ref().map(|control| control.hold.to_string()),
            "set_by": self.control.as_ref().map(|control| control.set_by.clone()),
            "set_at": self.control.as_ref().map(|control| at(control.set_at)),
            "why": self.control.as_ref().map(|control| control.why.clone()),
            "released_for": self.control.as_ref().map(released),
            "paid_from": from(self.control.as_ref().and_then(|control| control.books_from)),
            "providers": providers.collect::<Vec<_>>(),
        })
    }
}

/// Why rules are not accepted, and what to do about it.
fn in_words(provider: &str, refused: NotAccepted) -> String {
    match refused {
        NotAccepted::Same => format!("the rules of {provider} are accepted already: there is nothing to do"),
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
