//! The commands and their options, as a person or a shell's completion reads them.

use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::Error;
use clap::{Arg, Args, CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use payonce_protocol::order::Mode;

use crate::send::Form;
use crate::stack::CONFIG;
use crate::{PORT, control, cost, export, reconcile, template, trace};

/// payonce on one machine: plays signed deliveries, shows the books, stays up until Ctrl-C.
#[derive(Parser)]
#[command(name = "payonce", version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Ends with 0 when all is well, with 1 when it is not, with 2 when the command itself is wrong.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: Run,
    /// For programs: one JSON document on stdout, of a play one a line; errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Args)]
pub struct Run {
    /// Run this configuration instead of the sandbox's: its rail and its issuer are played, its secrets are taken from the
    /// environment or made up, and nothing of it leaves this machine
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Play the samples in DIR/PROVIDER/*.json instead of the sandbox's own
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "no_play")]
    pub events: Option<PathBuf>,
    /// Send samples with the time that stands in them, though it is an hour past or more
    #[arg(long, requires = "events")]
    pub as_written: bool,
    /// Whether the rail takes live or test events [default: as the configuration says, else test]
    #[arg(long, value_name = "MODE")]
    pub mode: Option<WrittenMode>,
    /// End after the play; not 0 if the books do not agree
    #[arg(long)]
    pub exit: bool,
    /// Show the books and stay up, without a play
    #[arg(long)]
    pub no_play: bool,
    /// Keep the tables, the rail's ledger and the sender's list in this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
    /// Where deliveries are taken, on 127.0.0.1 (0: any free port); the rail and DynamoDB take the two after it
    #[arg(long, value_name = "N", default_value_t = PORT)]
    pub port: u16,
    /// Write what the functions log and measure to this file, as Lambda would to CloudWatch
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub enum WrittenMode {
    /// Real money, were the rail a real one
    Live,
    /// Trials
    Test,
}

impl WrittenMode {
    pub fn mode(self) -> Mode {
        match self {
            Self::Live => Mode::Live,
            Self::Test => Mode::Test,
        }
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Say step by step what becomes of one delivery; sends and writes nothing
    ///
    /// Ends with 0 when everything in it would be paid or asks for nothing, and with 1 when there would be a case or a refusal.
    Explain {
        /// The delivery's body, as the provider sends it
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Who sends it: a provider of the configuration
        #[arg(long, value_name = "NAME", value_parser = ProviderName)]
        provider: String,
        /// By which configuration [default: the sandbox's]
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        config: Option<PathBuf>,
        /// A header as it was received; repeat it for several. Without one the file is signed here
        #[arg(long, value_name = "NAME: VALUE")]
        header: Vec<String>,
        /// The signing secret [default: from the environment, else the test value]
        #[arg(long, value_name = "SECRET")]
        secret: Option<String>,
        /// Whether the rail takes live or test events [default: as the configuration says, else test]
        #[arg(long, value_name = "MODE")]
        mode: Option<WrittenMode>,
    },
    /// Sign a file as the provider would, and send it to the stack that is up
    Send {
        /// The delivery's body, as the provider sends it
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Who sends it: a provider of the configuration
        #[arg(long, value_name = "NAME", value_parser = ProviderName)]
        provider: String,
        /// The configuration that the stack runs [default: the sandbox's]
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        config: Option<PathBuf>,
        /// The signing secret [default: the running stack's]
        #[arg(long, value_name = "SECRET")]
        secret: Option<String>,
        /// Write the signed delivery down instead, for somebody else to send to --url
        #[arg(long = "as", value_name = "FORM", value_enum)]
        form: Option<Form>,
        /// Where the stack is
        #[arg(long, value_name = "URL", default_value_t = format!("http://127.0.0.1:{PORT}"), value_hint = ValueHint::Url)]
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
    /// Hold the books of some days against each other: ours, the rail's and the bank's; files no case, writes no table
    Reconcile(Box<reconcile::Options>),
    /// Write what changed in the tables of the stack on this machine, as an export of DynamoDB to S3 does
    Export(export::Options),
    /// Tell the story of one payout from the tables alone: what happened, how it stands, and what happens next by itself
    Trace(Box<trace::Options>),
    /// Check a configuration: what is wrong, what is allowed but unwise, and what it would pay
    ///
    /// Ends with 0 when it can be used and no --event would be a case or refused, else with 1.
    #[command(alias = "check-config")]
    Check {
        /// The configuration
        #[arg(value_name = "FILE", required_unless_present = "config", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// The same
        #[arg(long, value_name = "FILE", conflicts_with = "file", hide = true)]
        config: Option<PathBuf>,
        /// A delivery's body: say what would be paid by it, and which pointers find nothing; repeat it for several
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        event: Vec<PathBuf>,
        /// Who sends --event [default: the only provider of the configuration]
        #[arg(long, value_name = "NAME", value_parser = ProviderName, requires = "event")]
        provider: Option<String>,
    },
    /// Say what AWS asks for a stack, item by item, with the arithmetic
    Cost(cost::Load),
    /// Write the template that is deployed, from the configuration and the catalogue
    ///
    /// Ends with 0 when it is written, or with --check when it is as it would be written, else with 1.
    Template(template::Options),
    /// Print a script that completes these commands in a shell
    #[command(after_help = "bash: payonce completions bash > ~/.local/share/bash-completion/completions/payonce\n\
        zsh:  payonce completions zsh > a directory of your fpath, as _payonce\n\
        fish: payonce completions fish > ~/.config/fish/completions/payonce.fish")]
    Completions {
        /// Which one
        #[arg(value_name = "SHELL", value_parser = clap::value_parser!(Shell))]
        shell: Shell,
    },
}

/// Any name may stand in a configuration of one's own; those of the sandbox's are listed.
#[derive(Clone)]
struct ProviderName;

impl TypedValueParser for ProviderName {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&Arg>, value: &std::ffi::OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let tables = CONFIG.lines().filter_map(|line| line.strip_prefix("[providers.")?.strip_suffix(']'));
        Some(Box::new(tables.filter(|name| !name.contains('.')).map(PossibleValue::new)))
    }
}

pub fn completions(shell: Shell) -> io::Result<String> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Arguments::command(), "payonce", &mut script);
    String::from_utf8(script).map_err(io::Error::other)
}
