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

use clap::Parser;
use payonce_local::check::{self, Tried};
use payonce_local::cli::{self, Arguments, Command, Run, WrittenMode};
use payonce_local::explain::{Asked, explain};
use payonce_local::report::{self, Paint};
use payonce_local::send::{Changes, sign};
use payonce_local::sender::Answered;
use payonce_local::setup::Setup;
use payonce_local::stack::{Lines, Options, Stack};
use payonce_local::{control, cost, export, given, machine, play, reconcile, template, trace};
use payonce_runtime::clock::Clock;
use payonce_runtime::start::StartError;
use payonce_runtime::telemetry::{self, Level};
use serde_json::{Value, json};
use tracing_subscriber::fmt::writer::MakeWriterExt;

/// Of somebody's own samples, each with its problem.
const CASES_SHOWN: usize = 50;

const NOT_WELL: u8 = 1;
/// A command that is wrong in itself, as clap has it.
const MISUSED: u8 = 2;

type Failure = Box<dyn Error + Send + Sync>;

/// For a person or a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Person,
    Program,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misused(&error),
    };
    let to = if arguments.json { To::Program } else { To::Person };
    // As `diff` has it: 1 is said of what was compared, and what kept it from being compared is more than that.
    let trouble = match &arguments.command {
        Some(Command::Reconcile(_)) => reconcile::NO_VERDICT,
        _ => NOT_WELL,
    };
    let ended = match arguments.command {
        Some(command) => commanded(command, to).await,
        None => run(arguments.run, to).await.map(exit),
    };
    match ended {
        Ok(exit) => ExitCode::from(exit),
        // Whoever read this has had enough, as `head` does.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(is_broken_pipe) => ExitCode::from(trouble),
        Err(error) => {
            let said = match to {
                To::Person => format!("payonce: {error}"),
                To::Program => json!({ "error": error.to_string(), "exit": trouble }).to_string(),
            };
            eprintln!("{said}");
            ExitCode::from(trouble)
        }
    }
}

fn exit(is_well: bool) -> u8 {
    if is_well { 0 } else { NOT_WELL }
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Help and the version are no errors.
fn misused(error: &clap::Error) -> ExitCode {
    let for_program = std::env::args().any(|argument| argument == "--json");
    if !error.use_stderr() || !for_program {
        error.exit();
    }
    let text = error.render().to_string();
    let says = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    eprintln!("{}", json!({ "error": says, "exit": MISUSED }));
    ExitCode::from(MISUSED)
}

/// With what it ends.
async fn commanded(command: Command, to: To) -> Result<u8, Failure> {
    match command {
        Command::Check { file, config, event, provider } => {
            let path = file.or(config).unwrap_or_default();
            checked(&path, &Tried { files: &event, provider: provider.as_deref() }, to).map(exit)
        }
        Command::Control { target, command } => {
            let stands = control::run(&target, &command).await?;
            show(to, &stands.text(), || stands.json())?;
            Ok(0)
        }
        Command::Cost(load) => {
            let prices = cost::Prices::read()?;
            let bill = cost::bill(&load, &prices)?;
            show(to, &bill.text(&prices), || bill.json(&prices))?;
            Ok(0)
        }
        Command::Explain { file, provider, config, header, secret, mode } => {
            let asked = Asked { file: &file, provider: &provider, headers: &header, secret };
            let explained = explain(&asked, &setup(config.as_deref(), mode)?, Clock::system().now())?;
            let json = serde_json::to_value(&explained)?;
            show(to, &explained.text(&Paint::stdout()), || json)?;
            Ok(exit(explained.is_well()))
        }
        Command::Send { file, provider, config, secret, form, url, fresh, set } => {
            let signed = sign(&file, &provider, secret, &Changes { fresh, set }, &setup(config.as_deref(), None)?)?;
            match form {
                None => answered(&signed.send(&url).await?, to).map(exit),
                Some(form) => {
                    let text = signed.written(form, &url)?;
                    show(to, &text, || json!({ "written": text }))?;
                    Ok(0)
                }
            }
        }
        Command::Reconcile(options) => {
            let done = reconcile::run(&options).await?;
            let json = done.json()?;
            show(to, &done.text(Paint::stdout()), || json)?;
            Ok(done.code())
        }
        Command::Export(options) => {
            let done = export::run(&options).await?;
            show(to, &done.text(), || done.json())?;
            Ok(0)
        }
        Command::Trace(options) => {
            let told = trace::run(&options).await?;
            show(to, &told.text(Paint::stdout()), || told.json())?;
            Ok(exit(told.is_found()))
        }
        Command::Template(options) => {
            let done = template::run(&options)?;
            let json = serde_json::to_value(&done)?;
            show(to, &done.text(), || json)?;
            Ok(exit(done.is_well()))
        }
        Command::Completions { shell } => {
            let script = cli::completions(shell)?;
            show(to, &script, || json!({ "shell": shell.to_string(), "script": script }))?;
            Ok(0)
        }
    }
}

/// A configuration of somebody's own, or the sandbox's; everything that is wrong with it is said.
fn setup(config: Option<&Path>, mode: Option<WrittenMode>) -> Result<Setup, Failure> {
    let mode = mode.map(WrittenMode::mode);
    let Some(path) = config else { return Setup::sandbox_in(mode).map_err(|found| StartError::Config(found).into()) };
    let text = given::read_text(path)?;
    Setup::of(&text, true, mode).map_err(|found| check::listed(path, &check::in_words(&text, &found)).into())
}

fn checked(path: &Path, tried: &Tried<'_>, to: To) -> Result<bool, Failure> {
    let checked = check::check(path, tried, Clock::system().now())?;
    let json = serde_json::to_value(&checked)?;
    match to {
        To::Person if !checked.can_be_used => eprintln!("{}", checked.problems(Paint::stderr())),
        _ => show(to, &checked.text(Paint::stdout()), || json)?,
    }
    Ok(checked.is_well())
}

/// `false` when the books do not agree.
async fn run(arguments: Run, to: To) -> Result<bool, Failure> {
    let paint = Paint::stdout();
    let own = arguments.config.as_deref();
    let setup = setup(own, arguments.mode)?;
    let names = setup.as_written().map_err(StartError::Config)?.providers;
    let names: Vec<&str> = names.keys().map(String::as_str).collect();
    let samples = arguments.events.as_deref().map(|directory| play::own::read(directory, &names)).transpose()?;
    let live = Arc::new(AtomicBool::new(false));
    let metrics = lines(arguments.log.as_deref(), live.clone(), to)?;
    let data = arguments.data;
    let stack = Stack::with(setup, Options { port: arguments.port, data: data.clone(), metrics }).await?;
    show(to, &report::introduction(&stack, data.as_deref(), paint), || machine::stack(&stack, data.as_deref()))?;
    if let Some(held) = stack.held().await? {
        show(to, &report::held(&stack, &held, paint), || machine::held(&held))?;
    }

    let played = match &samples {
        Some(samples) => {
            let (played, retimed) = play::own::play(&stack, samples, arguments.as_written).await?;
            if retimed > 0 {
                let were = if retimed == 1 { "sample was" } else { "samples were" };
                let says =
                    format!("{retimed} older {were} sent with the present time; --as-written sends what stands there");
                show(to, &format!("\n  {says}"), || json!({ "kind": "note", "says": says }))?;
            }
            played
        }
        None if arguments.no_play || own.is_some() => play::Played::default(),
        None => play::play(&stack).await?,
    };
    match to {
        To::Person if !played.scenes.is_empty() => say(&format!("\n{}", report::scenes(&played.scenes, paint)))?,
        To::Person => {}
        To::Program => played.scenes.iter().try_for_each(|scene| say(&machine::scene(scene).to_string()))?,
    }
    if samples.is_some() {
        let cases = stack.ledger.open_cases(CASES_SHOWN).await?;
        match to {
            To::Person => say(&format!("\n{}", report::cases(&cases, paint)))?,
            To::Program => cases.iter().try_for_each(|case| say(&machine::case(case).to_string()))?,
        }
    }
    // An own configuration without samples has nothing to compare yet.
    let agree = if own.is_none() || samples.is_some() || arguments.exit || data.is_some() {
        let mut books = stack.books().await?;
        played.faults.iter().for_each(|(fault, about)| books.fault(*fault, about));
        let answers = stack.sender.answers();
        if let Some(run) = &played.reconciled {
            show(to, &format!("\n{}", report::reconciled(run, paint)), || machine::reconciled(run))?;
        }
        show(to, &format!("\n{}", report::books(&answers, &books, paint)), || machine::books(&answers, &books))?;
        books.agree()
    } else {
        true
    };
    if arguments.exit {
        return Ok(agree);
    }
    show(to, &report::invitation(&stack, own, paint), || machine::up(&stack))?;
    live.store(true, Ordering::Relaxed);
    stay_up(&stack, to).await?;
    Ok(true)
}

fn show(to: To, text: &str, json: impl FnOnce() -> Value) -> io::Result<()> {
    match to {
        To::Person => say(text),
        To::Program => say(&json().to_string()),
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    stdout.flush()
}

async fn stay_up(stack: &Stack, to: To) -> io::Result<()> {
    let sweeper = stack.sweeper();
    let every = Duration::from_secs(60);
    let mut minute = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => return stop,
            _ = minute.tick() => {
                let swept = sweeper.run().await.map(drop).map_err(|error| format!("the sweeper: {error}"));
                let reconciled = stack.reconcile().await.map(drop).map_err(|error| format!("the reconciler: {error}"));
                for error in [swept, reconciled].into_iter().filter_map(Result::err) {
                    match to {
                        To::Person => eprintln!("payonce: {error}"),
                        To::Program => eprintln!("{}", json!({ "error": error })),
                    }
                }
            },
        }
    }
}

/// What the functions measure and log goes to a file where it is asked for, and while the stack stays up each delivery
/// is told in a few words; it would drown the play.
fn lines(log: Option<&Path>, live: Arc<AtomicBool>, to: To) -> Result<Lines, Failure> {
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
        if !live.load(Ordering::Relaxed) {
            return;
        }
        let said = match to {
            To::Person => report::in_passing(line).map(|words| format!("  {words}")),
            To::Program => machine::in_passing(line).map(|said| said.to_string()),
        };
        if let Some(said) = said {
            let _ = say(&said);
        }
    }))
}

/// `false` when it was not taken.
fn answered(answered: &Answered, to: To) -> Result<bool, Failure> {
    let body: Option<Value> = serde_json::from_str(&answered.body).ok();
    let pretty = body.as_ref().map_or_else(|| answered.body.clone(), |json| format!("{json:#}"));
    let text = format!("HTTP {}\n{pretty}", answered.status);
    show(
        to,
        &text,
        || json!({ "status": answered.status, "answer": body.unwrap_or_else(|| answered.body.as_str().into()) }),
    )?;
    Ok(answered.is_success())
}

fn about(path: &Path) -> impl Fn(io::Error) -> io::Error {
    let path: PathBuf = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("{}: {}", path.display(), given::not_read(&error)))
}
