//! `cargo run --release -p payonce-benchmark`: the size, the start, the memory and the speed of the webhook function as it
//! is deployed, beside the limits that it has to keep. Not 0 where one of them is exceeded. `-- sweeper` measures the sweeper
//! on a bad day, `-- reconciler` the reconciler over an hour of payouts, `-- growth` how the work of webhook and sweeper grows, and `-- rivals`
//! what somebody would write with AWS Lambda Powertools beside the webhook.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "a stand-in spawns, waits and reads the clock; it pays nobody")]
#![allow(clippy::float_arithmetic, reason = "ratios and medians; no money")]

mod binary;
mod cold;
mod deliveries;
mod function;
mod growth;
mod reconciles;
mod report;
mod rivals;
mod start;
mod surroundings;
mod sweeps;
mod written;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use binary::Binary;
use growth::Growth;
use reconciles::Reconciles;
use report::{Limits, Report};
use rivals::Rivals;
use surroundings::Surroundings;
use sweeps::Sweeps;

/// Measures the webhook function as `cargo lambda build --release` left it.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The folder that `cargo lambda build --release` fills
    #[arg(long, value_name = "DIR", env = "PAYONCE_LAMBDA", default_value = "target/lambda")]
    lambda: PathBuf,
    /// The folder that `cargo lambda build --release --arm64 --lambda-dir DIR` filled; only its size is measured
    #[arg(long, value_name = "DIR")]
    arm64: Option<PathBuf>,
    #[arg(long, value_name = "N", default_value_t = 50)]
    starts: usize,
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    deliveries: usize,
    /// Of the zip that is deployed, in bytes
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    max_zip: usize,
    /// Of the median start
    #[arg(long, value_name = "N", default_value_t = 15.0)]
    max_init_ms: f64,
    /// Of the peak after all deliveries
    #[arg(long, value_name = "N", default_value_t = 16.0)]
    max_memory_mib: f64,
}

#[derive(Subcommand)]
enum Part {
    /// Measures the sweeper function instead
    Sweeper(Sweeps),
    /// Measures how the work of webhook and sweeper grows
    Growth(Growth),
    /// Compares the webhook with AWS Lambda Powertools, for speed and under faults
    Rivals(Rivals),
    /// What `rivals` starts as the limit of this machine
    #[command(hide = true)]
    Floor,
    /// Measures the reconciler function instead
    Reconciler(Reconciles),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let binary = |name: &str| arguments.lambda.join(name).join("bootstrap");
    match &arguments.part {
        Some(Part::Sweeper(sizes)) => {
            return if sweeps::measure(&binary("sweeper"), sizes) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Some(Part::Reconciler(sizes)) => {
            return if reconciles::measure(&binary("reconciler"), sizes) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Some(Part::Growth(sizes)) => {
            let is_kept = |is_kept| if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            return growth::measure(&arguments.lambda, sizes).map_or_else(surprised, is_kept);
        }
        Some(Part::Rivals(sizes)) => {
            return rivals::measure(&binary("webhook"), sizes).map_or_else(surprised, |()| ExitCode::SUCCESS);
        }
        Some(Part::Floor) => rivals::floor::serve(),
        None => {}
    }
    match measure(&arguments) {
        Ok(report) => {
            let limits =
                Limits { zip: arguments.max_zip, init_ms: arguments.max_init_ms, memory_mib: arguments.max_memory_mib };
            print!("{}", report.table(&limits));
            let exceeded = report.exceeded(&limits);
            exceeded.iter().for_each(|what| eprintln!("exceeded: {what}"));
            if exceeded.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => surprised(problem),
    }
}

fn surprised(problem: String) -> ExitCode {
    eprintln!("payonce-benchmark: {problem}");
    ExitCode::from(2)
}

fn measure(arguments: &Arguments) -> Result<Report, String> {
    let webhook = |folder: &Path| Binary::read(&folder.join("webhook").join("bootstrap"));
    let mut binaries = vec![webhook(&arguments.lambda)?];
    if let Some(folder) = &arguments.arm64 {
        binaries.push(webhook(folder)?);
    }
    let here = binaries.iter().find(|binary| binary.architecture == std::env::consts::ARCH);
    let here = here.ok_or(format!("{} is not built for this machine", binaries[0].path.display()))?;
    let surroundings = Surroundings::start();
    let starts = start::measure(&here.path, &surroundings, arguments.starts);
    let first = cold::measure(&here.path, &surroundings, arguments.starts.div_ceil(5))?;
    let deliveries = deliveries::measure(&here.path, &surroundings, arguments.deliveries)?;
    let sizes = binaries.iter().map(|binary| (binary.architecture, binary.bytes, binary.zip)).collect();
    Ok(Report { sizes, starts, first, deliveries })
}
