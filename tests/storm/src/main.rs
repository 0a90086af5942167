//! `cargo run -p payonce-storm -- --deliveries 10000 --seed 7`, or `--minutes 60`

#![allow(clippy::disallowed_methods, reason = "a test's seed may come from the clock")]

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use payonce_storm::{Extent, Options, run};

const USAGE: &str = "usage: payonce-storm [--deliveries N | --minutes N] [--seed N] [--processes N]";

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let extent = match options.extent {
        Extent::Deliveries(all) => format!("{all} deliveries"),
        Extent::Minutes(minutes) => format!("{minutes} minutes"),
    };
    println!("{extent}, {} processes, --seed {}\n", options.processes, options.seed);
    match run(options) {
        Ok(report) => {
            println!("{report}");
            if report.books.compare().agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(missing) => {
            eprintln!("{missing}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Option<Options> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut options = Options { extent: Extent::Deliveries(10_000), seed, processes: 6 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value: u64 = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--deliveries" => options.extent = Extent::Deliveries(usize::try_from(value).ok()?),
            "--minutes" => options.extent = Extent::Minutes(value),
            "--seed" => options.seed = value,
            "--processes" => options.processes = usize::try_from(value).ok().filter(|processes| *processes >= 2)?,
            _ => return None,
        }
    }
    Some(options)
}
