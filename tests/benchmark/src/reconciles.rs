//! `payonce-benchmark reconciler`: the deployed reconciler over an hour of steady payouts, on one core (`taskset`), as Lambda gives it
//! one for 1769 MB. DynamoDB and the rail are as far away as the options say. Around the hour stands what a running stack has, too: the
//! claims of the quarter of an hour before, and at the rail the hours of 1, 5 and 30 days ago.
//!
//! Times hold the emulator's own, which runs beside it. Processor time is the function's alone.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use payonce_local::sandbox_rail::{PAYOUT_KEY, Transfer};
use payonce_protocol::outcome::Outcome;
use payonce_protocol::sweep::{MINUTE_MS, Minute};
use payonce_runtime_api_tests::{Ending, Treatment, now_ms as now};
use payonce_suite::link::Link;
use reconciler::{AGAIN_AFTER_DAYS, DAY_MS, TIME_OUT};
use serde_json::Value;

use crate::function::Function;
use crate::surroundings::config_for;
use crate::sweeps::{AMOUNT, Day, payee};

const HOUR: u64 = 60;
/// Claims of which the window's run reads the records, too: they may have been made in the window.
const BEFORE: u64 = 15;

#[derive(clap::Args)]
pub struct Reconciles {
    /// Payouts of the hour, one size after the other
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [5_000, 20_000])]
    payouts: Vec<usize>,
    /// How long a request to DynamoDB is on its way
    #[arg(long, value_name = "MS", default_value_t = 5)]
    dynamo_ms: u64,
    /// And one for a page of the rail, which has a hundred payouts
    #[arg(long, value_name = "MS", default_value_t = 150)]
    rail_ms: u64,
}

/// Whether each hour was reconciled whole, with nothing found that is wrong.
pub fn measure(binary: &Path, sizes: &Reconciles) -> bool {
    sizes.payouts.iter().all(|payouts| hour(binary, *payouts, sizes))
}

fn hour(binary: &Path, payouts: usize, sizes: &Reconciles) -> bool {
    let day = Day::start();
    // The first window is the first hour of yesterday, and nothing after it is settled.
    let from = (now() / DAY_MS - 1) * DAY_MS;
    day.runtime.block_on(day.ledger.runs_begin(from)).unwrap();
    let settle_minutes = (now() - from) / MINUTE_MS - HOUR * 3 / 2;
    let minutes = from / MINUTE_MS;
    let a_minute = payouts.div_ceil(60);
    for minute in minutes - BEFORE..minutes + HOUR {
        day.fill(minute, &named(minute), a_minute, |_| Some(Outcome::Accepted));
    }
    for days in AGAIN_AFTER_DAYS.into_iter().rev().chain([0]) {
        let first = minutes - days * DAY_MS / MINUTE_MS;
        day.rail.plant((first..first + HOUR).flat_map(|minute| paid(minute, a_minute)));
    }
    let to_tables = Link::start(day.engine.address(), Duration::from_millis(sizes.dynamo_ms));
    let rail: SocketAddr = day.rail.url().trim_start_matches("http://").parse().unwrap();
    let to_rail = Link::start(rail, Duration::from_millis(sizes.rail_ms));
    day.write_config(&format!(
        "{}\n[reconciler]\nwindow_hours = 1\nsettle_minutes = {{ ours = {settle_minutes} }}\n",
        config_for(&to_rail.url())
    ));
    let mut environment = day.environment();
    environment.push(("AWS_ENDPOINT_URL".to_owned(), to_tables.url()));
    let function = Function::start(binary, environment, true).0;
    for link in [&to_tables, &to_rail] {
        link.passed();
    }
    let (cpu, began) = (function.cpu(), Instant::now());
    let request = function.api.invoke("{}", TIME_OUT, Treatment::Take);
    let ending = function.api.ending_within(&request, TIME_OUT);
    let (took, cpu) = (began.elapsed(), function.cpu() - cpu);
    let (tables, rail) = (to_tables.passed(), to_rail.passed());
    let Some(Ending::Response(bytes)) = ending else {
        println!("{payouts} payouts of one hour: ended as {ending:?}");
        return false;
    };
    let report: Value = serde_json::from_slice(&bytes).unwrap();
    let run = day.runtime.block_on(day.ledger.runs(None, 1)).unwrap().remove(0);
    let manifest: Value = serde_json::from_str(&run.manifest).unwrap();
    let payouts = a_minute * 60;
    let each = |number: f64| format!("{:.3}", number / payouts as f64);
    let requests: usize = tables.requests.values().sum();
    println!("{payouts} payouts of one hour, {} ms to the tables, {} ms to the rail", sizes.dynamo_ms, sizes.rail_ms);
    line("took", format!("{:.1} s", took.as_secs_f64()));
    line("requests to the tables a payout", each(requests as f64));
    line("read units a payout", each(tables.read_halves as f64 / 2.0));
    line("processor time a payout", format!("{} ms", each(cpu.as_secs_f64() * 1000.0)));
    line("of the processor", format!("{:.0} %", 100.0 * cpu.as_secs_f64() / took.as_secs_f64()));
    line("requests to the rail", rail.requests.values().sum::<usize>().to_string());
    line("at once, to the tables and to the rail", format!("{}, {}", tables.at_once, rail.at_once));
    line("peak memory", format!("{} MiB", function.memory_kib("VmHWM") / 1024));
    let asked_and_paid = ["asked", "paid"].map(|name| manifest["statement"]["EUR"][name]["count"].as_u64());
    let is_whole = report["runs"] == 1 && report["cases"] == 0 && asked_and_paid == [Some(payouts as u64); 2];
    line("all asked for and paid, without a case", if is_whole { "yes" } else { "NO" }.to_owned());
    is_whole
}

fn line(name: &str, value: String) {
    println!("  {name:<44}{value:>12}");
}

fn named(minute: Minute) -> String {
    format!("m{minute}n")
}

/// What the rail has of a minute's claims, each a second after it.
fn paid(minute: Minute, payouts: usize) -> impl Iterator<Item = Transfer> {
    (0..payouts).map(move |number| {
        let key = Day::key(&named(minute), number);
        Transfer {
            id: format!("tr_{minute}n{number}"),
            amount: AMOUNT,
            currency: "eur".to_owned(),
            destination: payee(&key),
            source_transaction: None,
            transfer_group: None,
            metadata: [(PAYOUT_KEY.to_owned(), key.to_string())].into(),
            idempotency_key: key.to_string(),
            created: minute * 60 + 1,
            amount_reversed: 0,
        }
    })
}
