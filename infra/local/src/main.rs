//! `cargo run`: the whole job on this machine. Plays the sample events, shows the books, and stays up.

#![allow(clippy::disallowed_methods, reason = "a sandbox spawns and reads the clock as the platform would")]

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use console::ConsoleConfig;
use payonce_local::explain::{Asked, explain};
use payonce_local::report::{self, Paint};
use payonce_local::send::{Changes, Form, sign};
use payonce_local::sender::Answered;
use payonce_local::setup::Setup;
use payonce_local::stack::{Lines, Options, Stack};
use payonce_local::{PORT, control, play};
use payonce_protocol::order::Mode;
use payonce_protocol::release::KeyRules;
use payonce_providers::ConfigError;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::telemetry::{self, Level};
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// payonce on one machine: plays signed deliveries, shows the books, stays up until Ctrl-C.
#[derive(Parser)]
#[command(name = "payonce", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Args)]
struct Run {
    /// Run this configuration instead of the sandbox's: its rail and its issuer are played, its secrets are taken from the
    /// environment or made up, and nothing of it leaves this machine
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Play the samples in DIR/PROVIDER/*.json instead of the sandbox's own
    #[arg(long, value_name = "DIR", conflicts_with = "no_play")]
    events: Option<PathBuf>,
    /// Send samples with the time that stands in them, though it is an hour past or more
    #[arg(long, requires = "events")]
    as_written: bool,
    /// Whether the rail takes live or test events [default: as the configuration says, else test]
    #[arg(long, value_name = "MODE")]
    mode: Option<WrittenMode>,
    /// End after the play; not 0 if the books do not agree
    #[arg(long)]
    exit: bool,
    /// Show the books and stay up, without a play
    #[arg(long)]
    no_play: bool,
    /// Keep the tables, the rail's ledger and the sender's list in this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where deliveries are taken, on 127.0.0.1 (0: any free port); the rail and DynamoDB take the two after it
    #[arg(long, value_name = "N", default_value_t = PORT)]
    port: u16,
    /// Write what the functions log and measure to this file, as Lambda would to CloudWatch
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum WrittenMode {
    Live,
    Test,
}

impl WrittenMode {
    fn mode(self) -> Mode {
        match self {
            Self::Live => Mode::Live,
            Self::Test => Mode::Test,
        }
    }
}

#[derive(Subcommand)]
enum Command {
    /// Say step by step what becomes of one delivery; sends and writes nothing
    ///
    /// Ends with 0 when everything in it would be paid or asks for nothing, and with 1 when there would be a case or a refusal.
    Explain {
        file: PathBuf,
        #[arg(long)]
        provider: String,
        /// By which configuration [default: the sandbox's]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// A header as it was received; repeat it for several. Without one the file is signed here
        #[arg(long, value_name = "NAME: VALUE")]
        header: Vec<String>,
        /// The signing secret [default: from the environment, else the test value]
        #[arg(long, value_name = "S")]
        secret: Option<String>,
        /// Whether the rail takes live or test events [default: as the configuration says, else test]
        #[arg(long, value_name = "MODE")]
        mode: Option<WrittenMode>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign a file as the provider would, and send it to the stack that is up
    Send {
        file: PathBuf,
        #[arg(long)]
        provider: String,
        /// The configuration that the stack runs [default: the sandbox's]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The signing secret [default: the running stack's]
        #[arg(long, value_name = "S")]
        secret: Option<String>,
        /// Write the signed delivery down instead, for somebody else to send to --url
        #[arg(long = "as", value_name = "FORM", value_enum)]
        form: Option<Form>,
        /// Where the stack is
        #[arg(long, value_name = "U", default_value_t = format!("http://127.0.0.1:{PORT}"))]
        url: String,
        /// Change the file's ids and its time first, so that it was never sent before
        #[arg(long)]
        fresh: bool,
        /// Change a value first, such as /data/object/metadata/payee=acct_sandboxDies
        #[arg(long, value_name = "POINTER=VALUE")]
        set: Vec<String>,
    },
    /// Look at, hold and release the payouts of a stack that is deployed
    Control {
        #[command(flatten)]
        target: control::Target,
        #[command(subcommand)]
        command: control::Command,
    },
    /// Check a configuration: what is wrong, and what is allowed but unwise
    #[command(alias = "check-config")]
    Check {
        #[arg(value_name = "FILE", required_unless_present = "config")]
        file: Option<PathBuf>,
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
    },
}

/// Of somebody's own samples, each with its problem.
const CASES_SHOWN: usize = 50;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Some(Command::Check { file, config }) => check(&file.or(config).unwrap_or_default()),
        Some(Command::Control { target, command }) => match control::run(&target, &command).await {
            Ok(shown) => say(&shown).map(|()| true).map_err(Into::into),
            Err(error) => Err(error),
        },
        Some(Command::Explain { file, provider, config, header, secret, mode, json }) => {
            let asked = Asked { file: &file, provider: &provider, headers: &header, secret };
            setup(config.as_deref(), mode).and_then(|setup| explained(&asked, &setup, json))
        }
        Some(Command::Send { file, provider, config, secret, form, url, fresh, set }) => {
            let changes = Changes { fresh, set };
            let signed =
                setup(config.as_deref(), None).and_then(|setup| sign(&file, &provider, secret, &changes, &setup));
            match (signed, form) {
                (Ok(delivery), None) => delivery.send(&url).await.and_then(|answered| show(&answered)),
                (Ok(delivery), Some(form)) => {
                    delivery.written(form, &url).and_then(|text| say(&text).map(|()| true).map_err(Into::into))
                }
                (Err(error), _) => Err(error),
            }
        }
        None => run(arguments.run).await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("payonce: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A configuration of somebody's own, or the sandbox's; everything that is wrong with it is said.
fn setup(config: Option<&Path>, mode: Option<WrittenMode>) -> Result<Setup, Failure> {
    Setup::read(config, mode.map(WrittenMode::mode)).map_err(|problems| {
        let listed: Vec<String> = problems.iter().map(|found| format!("{}: {}", found.path, found.problem)).collect();
        let file = config.map(|path| path.display().to_string()).unwrap_or_default();
        format!("{file} cannot be used\n  {}", listed.join("\n  ")).into()
    })
}

/// `false` when it would be a case, or refused.
fn explained(asked: &Asked<'_>, setup: &Setup, json: bool) -> Result<bool, Failure> {
    let explained = explain(asked, setup, Clock::system().now())?;
    match json {
        true => say(&serde_json::to_string_pretty(&explained)?)?,
        false => say(&explained.text(&Paint::stdout()))?,
    }
    Ok(explained.is_well())
}

/// `false` when the books do not agree.
async fn run(arguments: Run) -> Result<bool, Failure> {
    let paint = Paint::stdout();
    let own = arguments.config.as_deref();
    let setup = setup(own, arguments.mode)?;
    let names = setup.as_written().map_err(|problems| format!("{problems:?}"))?.providers;
    let names: Vec<&str> = names.keys().map(String::as_str).collect();
    let samples = arguments.events.as_deref().map(|directory| play::own::read(directory, &names)).transpose()?;
    let live = Arc::new(AtomicBool::new(false));
    let metrics = lines(arguments.log.as_deref(), live.clone())?;
    let data = arguments.data;
    let stack = Stack::with(setup, Options { port: arguments.port, data: data.clone(), metrics }).await?;
    say(&report::introduction(&stack, data.as_deref(), paint))?;
    if let Some(held) = stack.held().await? {
        say(&report::held(&stack, &held, paint))?;
    }

    let played = match &samples {
        Some(samples) => {
            let (played, retimed) = play::own::play(&stack, samples, arguments.as_written).await?;
            if retimed > 0 {
                let were = if retimed == 1 { "sample was" } else { "samples were" };
                say(&format!(
                    "\n  {retimed} older {were} sent with the present time; --as-written sends what stands there"
                ))?;
            }
            played
        }
        None if arguments.no_play || own.is_some() => play::Played::default(),
        None => play::play(&stack).await?,
    };
    if !played.scenes.is_empty() {
        say(&format!("\n{}", report::scenes(&played.scenes, paint)))?;
    }
    if samples.is_some() {
        let cases = stack.ledger.open_cases(CASES_SHOWN).await?;
        say(&format!("\n{}", report::cases(&cases, paint)))?;
    }
    // An own configuration without samples has nothing to compare yet.
    let agree = if own.is_none() || samples.is_some() || arguments.exit || data.is_some() {
        let mut books = stack.books().await?;
        played.faults.iter().for_each(|(fault, about)| books.fault(*fault, about));
        say(&format!("\n{}", report::books(&stack.sender.answers(), &books, paint)))?;
        books.agree()
    } else {
        true
    };
    if arguments.exit {
        return Ok(agree);
    }
    say(&report::invitation(&stack, own, paint))?;
    live.store(true, Ordering::Relaxed);
    stay_up(&stack).await?;
    Ok(true)
}

fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    stdout.flush()
}

async fn stay_up(stack: &Stack) -> io::Result<()> {
    let sweeper = stack.sweeper();
    let every = Duration::from_secs(60);
    let mut minute = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => return stop,
            _ = minute.tick() => if let Err(error) = sweeper.run().await {
                eprintln!("payonce: the sweeper: {error}");
            },
        }
    }
}

/// What the functions measure and log goes to a file where it is asked for, and while the stack stays up each delivery
/// is told in a few words; it would drown the play.
fn lines(log: Option<&Path>, live: Arc<AtomicBool>) -> Result<Lines, Failure> {
    let file = log.map(|path| File::create(path).map_err(about(path))).transpose()?.map(Arc::new);
    if let Some(file) = &file {
        // The emulator in this process is not one of the functions.
        let functions = file.clone().with_filter(|line| !line.target().starts_with("dynoxide"));
        let subscriber = telemetry::subscriber(Level::Info, Clock::system(), functions);
        tracing::subscriber::set_global_default(subscriber)?;
    }
    Ok(Box::new(move |line| {
        if let Some(mut file) = file.as_deref() {
            // One write for each line: others write to this file, too.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        if live.load(Ordering::Relaxed)
            && let Some(words) = report::in_passing(line)
        {
            let _ = say(&format!("  {words}"));
        }
    }))
}

/// `false` when it was not taken.
fn show(answered: &Answered) -> Result<bool, Failure> {
    let pretty: Option<serde_json::Value> = serde_json::from_str(&answered.body).ok();
    let pretty = pretty.map_or_else(|| answered.body.clone(), |json| format!("{json:#}"));
    say(&format!("HTTP {}\n{pretty}", answered.status))?;
    Ok(answered.is_success())
}

/// With the sections that only the functions with people behind them read; whether there is a console.
fn checked(path: &Path) -> Result<(Config, bool), Vec<ConfigError>> {
    let config = Config::load(path)?;
    match (ConsoleConfig::of(&config), config.sources()) {
        (Ok(console), Ok(_)) => Ok((config, console.is_some())),
        (console, sources) => Err([console.err(), sources.err()].into_iter().flatten().flatten().collect()),
    }
}

/// `false` when it cannot be used.
fn check(path: &Path) -> Result<bool, Failure> {
    match checked(path) {
        Ok((config, has_console)) => {
            for found in config.warnings() {
                say(&format!("unwise  {}: {}", found.path, found.problem))?;
            }
            if !has_console {
                say("unwise  console: not given: the functions console and payer do not start")?;
            }
            for rules in config.key_rules() {
                say_keys(rules)?;
            }
            say(&format!("{} can be used.", path.display()))?;
            Ok(true)
        }
        Err(problems) => {
            for found in &problems {
                eprintln!("wrong   {}: {}", found.path, found.problem);
            }
            eprintln!("{} cannot be used.", path.display());
            Ok(false)
        }
    }
}

/// What each payout key is made of: what a person accepts by `control accept-keys`.
fn say_keys(rules: &KeyRules) -> io::Result<()> {
    for rule in &rules.rules {
        let former: String = rule.former.iter().map(|former| format!(", formerly {former}")).collect();
        say(&format!("keys    {}{former}", rule.own))?;
    }
    let days = rules.comes_back_ms.div_ceil(86_400_000);
    let protected = if rules.signs_time {
        "a change of keys is protected by the signed time (paid_from)".to_owned()
    } else {
        format!("no time is signed: a change of keys needs `formerly`, for {days} days")
    };
    say(&format!("        {}: {protected}", rules.provider))
}

fn about(path: &Path) -> impl Fn(io::Error) -> io::Error {
    let path = path.display().to_string();
    move |error| io::Error::new(error.kind(), format!("{path}: {error}"))
}
