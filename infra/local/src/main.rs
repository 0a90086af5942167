//! `cargo run`: the whole job on this machine. Plays the sample events, shows the books, and stays up.

#![allow(clippy::disallowed_methods, reason = "a sandbox spawns and reads the clock as the platform would")]

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use payonce_local::books::Books;
use payonce_local::play;
use payonce_local::sender::{Sender, post};
use payonce_local::stack::{self, CONFIG, Options, Stack};
use payonce_providers::Secrets;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::metrics::Metrics;

const PORT: u16 = 4242;

/// payonce on one machine: plays signed deliveries, shows the books, stays up until Ctrl-C.
#[derive(Parser)]
#[command(name = "payonce", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// End after the play; not 0 if the books do not agree
    #[arg(long)]
    exit: bool,
    /// Keep the tables and the rail's ledger in this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where deliveries are taken, on 127.0.0.1 (0: any free port)
    #[arg(long, value_name = "N", default_value_t = PORT)]
    port: u16,
}

#[derive(Subcommand)]
enum Command {
    /// Sign a file as the provider would, and send it to the stack that is up
    Send {
        file: PathBuf,
        #[arg(long)]
        provider: String,
        /// The signing secret (default: the sandbox's)
        #[arg(long, value_name = "S")]
        secret: Option<String>,
        #[arg(long, value_name = "N", default_value_t = PORT)]
        port: u16,
    },
    /// Check a configuration: what is wrong, and what is allowed but unwise
    Check {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Some(Command::Check { config }) => Ok(stack::check(&config)),
        Some(Command::Send { file, provider, secret, port }) => send(&file, &provider, secret, port).await,
        None => run(arguments).await,
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

type Ended = Result<bool, Box<dyn Error + Send + Sync>>;

async fn run(arguments: Arguments) -> Ended {
    let data = arguments.data.clone();
    // The functions' own output would drown the play: metrics go nowhere, and logs only where they are asked for.
    let options = Options { port: arguments.port, data, metrics: |clock| Metrics::to(clock, |_| {}), config: None };
    let stack = Stack::start(options).await?;
    introduce(&stack, arguments.data.as_deref());
    play::play(&stack).await?;
    let books = stack.books().await?;
    show(&stack, &books);
    if arguments.exit {
        return Ok(books.agree());
    }
    let address = stack.front.address();
    println!("\n  The stack stays up until Ctrl-C; the sweeper runs each minute. Try, in another terminal:");
    println!("\n    cargo run -- send events/stripe/payment_intent.succeeded.json --provider stripe");
    println!("    curl http://{address}/sandbox/rail");
    println!("    curl http://{address}/sandbox/cases\n");
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    let sweeper = stack.sweeper();
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(true),
            _ = minute.tick() => if let Err(error) = sweeper.run().await {
                eprintln!("payonce: the sweeper: {error}");
            },
        }
    }
}

fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

fn introduce(stack: &Stack, data: Option<&std::path::Path>) {
    let address = stack.front.address();
    let kept = data.map_or_else(|| "in memory".to_owned(), |directory| format!("kept in {}", directory.display()));
    println!("{}\n", bold("payonce on this machine: nothing here moves money"));
    println!("  front door    http://{address}  (POST /webhooks/stripe)");
    println!("  DynamoDB      {}  ({kept})", stack.dynamodb_url);
    println!("  sandbox rail  {}", stack.rail.url());
    println!("  secrets       test values, of no use elsewhere:");
    for (name, value) in stack::SECRETS {
        println!("                {name}={value}");
    }
    println!();
    let _ = std::io::stdout().flush();
}

fn show(stack: &Stack, books: &Books) {
    let answers = stack.sender.answers();
    let line = |name: &str, value: &dyn std::fmt::Display| println!("  {name:<32}{value:>8}");
    println!("{}\n", bold("The books: the sender's list, the rail's ledger, the tables"));
    line("deliveries sent", &answers.values().sum::<u64>());
    for (status, count) in &answers {
        line(&format!("  answered {status}"), count);
    }
    line("claims", &books.claims);
    line("payouts at the rail", &books.payouts);
    line("  confirmed by an outcome", &books.accepted);
    line("open cases", &books.cases.values().sum::<usize>());
    for (reason, count) in &books.cases {
        line(&format!("  {reason}"), count);
    }
    println!();
    for (what, events) in [("paid twice", &books.paid_twice), ("lost", &books.lost), ("unasked", &books.unasked)] {
        for event in events {
            println!("  {what}: {event}");
        }
    }
    if books.unacknowledged > 0 {
        println!("  {} events still wait to be taken", books.unacknowledged);
    }
    println!("  {}", bold(&format!("{} paid twice, {} lost", books.paid_twice.len(), books.lost.len())));
}

/// Signs as the provider would, and sends.
async fn send(file: &std::path::Path, provider: &str, secret: Option<String>, port: u16) -> Ended {
    let body = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let config = Config::parse(CONFIG).map_err(payonce_runtime::start::StartError::Config)?;
    let provider = config.provider(Some(provider)).map_err(payonce_runtime::start::StartError::Config)?;
    let secret = secret.or_else(|| stack::sandbox_secret("PAYONCE_SANDBOX_STRIPE")).unwrap_or_default();
    let headers = provider.sign(&Secrets::new(vec![secret])?, &body, Clock::system().now());
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let answered = post(to, &Sender::path(provider.name()), &body, headers)
        .await
        .map_err(|error| format!("http://{to}: {error}; is the stack up? (cargo run)"))?;
    println!("HTTP {}\n{}", answered.status, answered.body);
    Ok((200..300).contains(&answered.status))
}
