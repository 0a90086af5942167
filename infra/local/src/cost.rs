//! `cost`: what AWS asks for a stack, item by item, with the arithmetic. The prices are data (`infra/prices.toml`), the work that one
//! delivery makes is measured (`tests/end_to_end/tests/whole/cost.rs`), and everything is reckoned in whole billionths of a dollar.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use payonce_catalogue::alarm::{Scope, is_of_providers};
use payonce_catalogue::placed::causes;
use payonce_catalogue::{alarms, dashboards};
use payonce_runtime::metrics::Metric;
use reconciler::AGAIN_AFTER_DAYS;
use serde::Deserialize;
use serde_json::{Value, json};

const PRICES: &str = include_str!("../../prices.toml");
/// Billionths of a dollar.
const NANO: u128 = 1_000_000_000;
/// 365 days in twelve.
const SECONDS_A_MONTH: u128 = 2_628_000;
const MILLION: u128 = 1_000_000;
const GIGABYTE: u128 = 1_000_000_000;
/// Of a rate and of a share: what is written with more digits is refused.
const MILLIONTHS: u128 = 1_000_000;

/// What one accepted delivery of one event of 3 KB makes. A test holds each against what the functions really sent and wrote.
pub mod measured {
    /// Of a sweeper that finds nothing, each minute: most of it questions without an answer, which take half a unit, too.
    pub const IDLE_READ_UNITS_A_MINUTE: u128 = 18;
    /// Claim, its three rows of indexes, outcome and body; one of a body of 3 KB.
    pub const WRITE_UNITS: u128 = 6;
    /// Claim and outcome, kept for ever.
    pub const AUDIT_BYTES: u128 = 1_060;
    /// Their rows of indexes, of which no backup is kept.
    pub const INDEX_BYTES: u128 = 560;
    /// The compressed body under its hash.
    pub const BODY_BYTES: u128 = 680;
    /// The one line that the webhook logs; the first of a minute has its zeros beside it.
    pub const LOG_BYTES: u128 = 1_050;
    /// What the sweeper reads of it in all of its visits.
    pub const SWEEPER_READ_UNITS: u128 = 3;
    /// What the reconciler reads of it with `window_hours = 1`: its records and its cases, and of a quarter of all in two windows.
    pub const RECONCILER_READ_UNITS: u128 = 2;
    /// Of one processor in the reconciler, by `payonce-benchmark reconciler` on a shared machine.
    pub const RECONCILER_MICROS: u128 = 750;
}

/// Of Lambda itself: START, END and REPORT.
const PLATFORM_LOG_BYTES: u128 = 330;
/// Kept for 30 days, which is too little to show.
const ACCESS_LOG_BYTES: u128 = 480;
/// Answer, payout and the handshakes of two connections.
const BYTES_OUT: u128 = 4_000;
/// A transaction of outcome and case with the case's indexes, and the acts of two people.
const CASE_WRITE_UNITS: u128 = 60;
/// A case with its history and all of its index rows.
const CASE_BYTES: u128 = 30_000;
const WEBHOOK_MEMORY_MB: u128 = 256;
/// Connecting to the rail, a claim on a connection of its own, the outcome, and the processor time of two handshakes.
const BESIDE_THE_RAIL_MS: u128 = 120;
/// An item's overhead, which DynamoDB bills as stored: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>.
const ITEM_OVERHEAD_BYTES: u128 = 100;
const STORED_LOG_PERCENT: u128 = 15;

#[derive(Clone, Debug, Args)]
pub struct Load {
    /// Accepted deliveries a second, on average
    #[arg(long, value_name = "N", default_value = "1", value_parser = millionths)]
    pub rate: u128,
    /// How many providers have a function of their own
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub providers: u32,
    /// The share of deliveries that end as a case
    #[arg(long, value_name = "PERCENT", default_value = "0.5%", value_parser = percent)]
    pub case_share: u128,
    /// How long the rail takes to answer
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub rail_ms: u32,
    /// In which class audit records and bodies are kept, as the template's TableClass says
    #[arg(long, value_name = "CLASS", value_enum, default_value_t)]
    pub table_class: TableClass,
    /// How long bodies are kept
    #[arg(long, value_name = "DAYS", default_value_t = 400)]
    pub body_days: u32,
}

/// DynamoDB's two: with the second, requests cost a quarter more and what is kept less than half.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.TableClasses.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableClass {
    #[default]
    Standard,
    InfrequentAccess,
}

/// A decimal number in millionths.
fn millionths(text: &str) -> Result<u128, String> {
    let value = scaled(text, 6).ok_or("a number of at most six digits behind the point is expected")?;
    if value == 0 { Err("more than 0 is expected".to_owned()) } else { Ok(value) }
}

fn percent(text: &str) -> Result<u128, String> {
    let number = text.strip_suffix('%').ok_or("a percentage such as 0.5% is expected")?;
    let value = scaled(number, 4).ok_or("a percentage of at most four digits behind the point is expected")?;
    if value > MILLIONTHS { Err("at most 100% is expected".to_owned()) } else { Ok(value) }
}

/// A decimal number of at most so many digits behind the point, as an integer of that scale.
fn scaled(text: &str, digits: usize) -> Option<u128> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || rest.len() > digits || !is_number(whole) || !is_number(rest) {
        return None;
    }
    format!("{whole}{rest:0<digits$}").parse().ok()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    pub region: String,
    pub looked_up: String,
    api: Table,
    lambda: Table,
    dynamodb: Table,
    dynamodb_infrequent_access: Table,
    logs: Table,
    network: Table,
    secrets: Table,
    kms: Table,
    s3: Table,
    athena: Table,
}

type Table = std::collections::BTreeMap<String, String>;

#[derive(Debug, thiserror::Error)]
pub enum CostError {
    #[error("infra/prices.toml: {0}")]
    Prices(#[from] toml::de::Error),
    #[error("infra/prices.toml: {0} is missing or no price")]
    Price(String),
}

/// One price, for `of` of its units.
#[derive(Clone, Copy)]
struct Price {
    /// Ten thousandths of a billionth, as one second of one gigabyte costs less than a billionth has digits for.
    fine: u128,
    of: u128,
}

const FINE: u128 = 10_000;

impl Price {
    /// Billionths of a dollar, rounded.
    fn times(self, units: u128) -> u128 {
        (units * self.fine + self.of * FINE / 2) / (self.of * FINE)
    }
}

impl Prices {
    pub fn read() -> Result<Self, CostError> {
        Ok(toml::from_str(PRICES)?)
    }

    fn price(table: &Table, name: &str, of: u128) -> Result<Price, CostError> {
        let fine = table.get(name).and_then(|text| scaled(text, 13));
        Ok(Price { fine: fine.ok_or_else(|| CostError::Price(name.to_owned()))?, of })
    }
}

/// One line of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub what: &'static str,
    /// How it comes about, for one million accepted deliveries or for a month.
    pub arithmetic: String,
    pub nano_dollars: u128,
}

#[derive(Clone, Debug)]
pub struct Bill {
    pub deliveries: u128,
    /// Of one month, by what is done.
    pub running: Vec<Item>,
    /// Of one month, whatever is delivered.
    pub fixed: Vec<Item>,
    /// Of the first year's keeping, for what one month brings.
    pub keeping: Vec<Item>,
    /// Not surely: it depends on how AWS counts.
    pub perhaps: Vec<Item>,
}

fn total(items: &[Item]) -> u128 {
    items.iter().map(|item| item.nano_dollars).sum()
}

/// What a month of this load costs.
pub fn bill(load: &Load, prices: &Prices) -> Result<Bill, CostError> {
    use measured::{
        AUDIT_BYTES, BODY_BYTES, IDLE_READ_UNITS_A_MINUTE, INDEX_BYTES, LOG_BYTES, RECONCILER_READ_UNITS,
        SWEEPER_READ_UNITS, WRITE_UNITS,
    };

    let count = load.rate * SECONDS_A_MONTH / MILLIONTHS;
    let cases = count * load.case_share / MILLIONTHS;
    let duration_ms = u128::from(load.rail_ms) + BESIDE_THE_RAIL_MS;
    let log_bytes = LOG_BYTES + PLATFORM_LOG_BYTES;
    let price = Prices::price;
    let mut running = vec![];
    let mut add = |what, arithmetic: String, price: Price, units| {
        running.push(Item { what, arithmetic, nano_dollars: price.times(units) });
    };
    add("API Gateway", "1 request".to_owned(), price(&prices.api, "million_requests", MILLION)?, count);
    add("Lambda requests", "1".to_owned(), price(&prices.lambda, "million_requests", MILLION)?, count);
    add(
        "Lambda duration",
        format!("{WEBHOOK_MEMORY_MB} MB for {duration_ms} ms, of which the rail takes {}", load.rail_ms),
        price(&prices.lambda, "gigabyte_second", 1024 * 1000)?,
        count * WEBHOOK_MEMORY_MB * duration_ms,
    );
    let class = match load.table_class {
        TableClass::Standard => &prices.dynamodb,
        TableClass::InfrequentAccess => &prices.dynamodb_infrequent_access,
    };
    let writes = price(class, "million_write_units", MILLION)?;
    add("DynamoDB writes", format!("{WRITE_UNITS} units"), writes, count * WRITE_UNITS);
    let writes = price(&prices.dynamodb, "million_write_units", MILLION)?;
    let reads = price(class, "million_read_units", MILLION)?;
    add("DynamoDB writes of cases", format!("{CASE_WRITE_UNITS} units a case"), writes, cases * CASE_WRITE_UNITS);
    add("Sweeper's reads", format!("{SWEEPER_READ_UNITS} units"), reads, count * SWEEPER_READ_UNITS);
    add("Reconciler's reads", format!("{RECONCILER_READ_UNITS} units"), reads, count * RECONCILER_READ_UNITS);
    add(
        "Logs",
        format!("{log_bytes} bytes, of which {LOG_BYTES} are ours"),
        price(&prices.logs, "gigabyte_ingested", GIGABYTE)?,
        count * log_bytes,
    );
    add(
        "Access log",
        format!("{ACCESS_LOG_BYTES} bytes"),
        price(&prices.logs, "gigabyte_ingested_infrequent_access", GIGABYTE)?,
        count * ACCESS_LOG_BYTES,
    );
    add(
        "Traffic out",
        format!("{BYTES_OUT} bytes"),
        price(&prices.network, "gigabyte_out", GIGABYTE)?,
        count * BYTES_OUT,
    );

    let functions = u128::from(load.providers);
    let metrics = scaled_by(functions, Metric::ALL, |metric| is_of_providers(*metric));
    let alarms = scaled_by(functions, &alarms::all(), |alarm| alarm.scope == Scope::EachProvider);
    let composed: Vec<_> = causes(&alarms::all()).into_iter().collect();
    let composed = scaled_by(functions, &composed, |(scope, _)| *scope == Scope::EachProvider);
    let dashboards = dashboards::all().len() as u128;
    let secrets = functions + SECRETS_OF_THE_STACK;
    let mut fixed = vec![];
    let mut add = |what, arithmetic: String, price: Price, units| {
        fixed.push(Item { what, arithmetic, nano_dollars: price.times(units) });
    };
    add("Metrics", format!("{metrics}"), price(&prices.logs, "metric_month", 1)?, metrics);
    add("Alarms", format!("{alarms}"), price(&prices.logs, "alarm_month", 1)?, alarms);
    add("Composite alarms", format!("{composed}"), price(&prices.logs, "composite_alarm_month", 1)?, composed);
    add("Dashboards", format!("{dashboards}"), price(&prices.logs, "dashboard_month", 1)?, dashboards);
    add("Secrets", format!("{secrets}"), price(&prices.secrets, "secret_month", 1)?, secrets);
    add("Key", "1".to_owned(), price(&prices.kms, "key_month", 1)?, 1);
    let idle = IDLE_READ_UNITS_A_MINUTE * SECONDS_A_MONTH / 60;
    add("Sweeper, idle", format!("{IDLE_READ_UNITS_A_MINUTE} read units a minute"), reads, idle);

    // Both are kept through the months that follow: what one month brings is paid for twelve times, a body for its own days.
    let gigabyte_month = GIGABYTE;
    let recovery = price(&prices.dynamodb, "gigabyte_month_recovery", gigabyte_month)?;
    let with_recovery = |table| {
        let kept = price(table, "gigabyte_month", gigabyte_month)?;
        Ok::<_, CostError>(Price { fine: kept.fine + recovery.fine, of: gigabyte_month })
    };
    // A backup is charged by the table's own size: https://aws.amazon.com/dynamodb/pricing/on-demand/
    let kept = price(class, "gigabyte_month", gigabyte_month)?;
    let (both, of_cases) = (with_recovery(class)?, with_recovery(&prices.dynamodb)?);
    let body_bytes = BODY_BYTES + ITEM_OVERHEAD_BYTES;
    let body_days = u128::from(load.body_days);
    let keeping = vec![
        Item {
            what: "Bodies",
            arithmetic: format!("{body_bytes} bytes for {body_days} days, with their backup"),
            nano_dollars: both.times(count * body_bytes * body_days * 12 / 365),
        },
        Item {
            what: "Audit records",
            arithmetic: format!(
                "{AUDIT_BYTES} bytes for twelve months, with their backup, and {INDEX_BYTES} in indexes; and every year again"
            ),
            nano_dollars: both.times(count * AUDIT_BYTES * 12) + kept.times(count * INDEX_BYTES * 12),
        },
        Item {
            what: "Cases",
            arithmetic: format!("{CASE_BYTES} bytes a case for twelve months, with their backup"),
            nano_dollars: of_cases.times(cases * CASE_BYTES * 12),
        },
        Item {
            what: "Logs",
            arithmetic: format!("{log_bytes} bytes, compressed to {STORED_LOG_PERCENT} %, for 400 days"),
            nano_dollars: price(&prices.logs, "gigabyte_month", GIGABYTE * 100 * 365)?
                .times(count * log_bytes * STORED_LOG_PERCENT * 400 * 12),
        },
    ];
    // The claims' client keeps no connection, and DynamoDB may ask the key anew for each:
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
    let perhaps = vec![Item {
        what: "Key, asked for each claim",
        arithmetic: "1 Decrypt for each new connection".to_owned(),
        nano_dollars: price(&prices.kms, "million_requests", MILLION)?.times(count),
    }];
    Ok(Bill { deliveries: count, running, fixed, keeping, perhaps })
}

/// How many there are, of which each provider has its own.
fn scaled_by<T>(providers: u128, all: &[T], is_of_a_provider: impl Fn(&T) -> bool) -> u128 {
    all.iter().map(|one| if is_of_a_provider(one) { providers } else { 1 }).sum()
}

/// The rail's two and the console's two.
pub const SECRETS_OF_THE_STACK: u128 = 4;

fn dollars(nano: u128) -> String {
    let cents = (nano + NANO / 200) / (NANO / 100);
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Bill {
    /// Dollars for a million accepted deliveries.
    fn per_million(&self, nano: u128) -> u128 {
        (nano * MILLION).checked_div(self.deliveries).unwrap_or_default()
    }

    pub fn running_per_million(&self) -> u128 {
        self.per_million(total(&self.running))
    }

    /// With all that is kept of them.
    pub fn first_year_per_million(&self) -> u128 {
        self.per_million(total(&self.running) + total(&self.keeping))
    }

    fn parts(&self) -> [(&'static str, &[Item]); 4] {
        [
            ("Running", &self.running),
            ("Kept, first year", &self.keeping),
            ("Whatever is delivered", &self.fixed),
            ("Perhaps", &self.perhaps),
        ]
    }

    pub fn text(&self, prices: &Prices) -> String {
        let mut text = format!(
            "{} accepted deliveries a month, at AWS's list prices of {} ({})\n",
            self.deliveries, prices.region, prices.looked_up
        );
        for (title, items) in self.parts() {
            let _ = writeln!(text, "\n{title:<28}{:>12}{:>12}", "$ a month", "$ a million");
            for item in items {
                let million = dollars(self.per_million(item.nano_dollars));
                let _ = writeln!(
                    text,
                    "  {:<26}{:>12}{million:>12}   {}",
                    item.what,
                    dollars(item.nano_dollars),
                    item.arithmetic
                );
            }
            let sum = total(items);
            let _ = writeln!(text, "  {:<26}{:>12}{:>12}", "in all", dollars(sum), dollars(self.per_million(sum)));
        }
        let running = self.running.iter().chain(&self.keeping).max_by_key(|item| item.nano_dollars);
        if let Some(most) = running {
            let of = total(&self.running) + total(&self.keeping);
            let share = (most.nano_dollars * 100).checked_div(of).unwrap_or_default();
            let _ =
                writeln!(text, "\nMost of it, {share} %, is for: {} ({})", most.what.to_lowercase(), most.arithmetic);
        }
        let _ = writeln!(
            text,
            "For a million: {} running, {} with all that is kept of them for a year",
            dollars(self.running_per_million()),
            dollars(self.first_year_per_million())
        );
        text
    }

    pub fn json(&self, prices: &Prices) -> Value {
        let parts = self.parts().map(|(title, items)| {
            let dollars_of = dollars(total(items));
            let items = items.iter().map(|item| {
                json!({ "what": item.what, "arithmetic": item.arithmetic, "dollars": dollars(item.nano_dollars) })
            });
            json!({ "part": title, "dollars": dollars_of, "items": items.collect::<Vec<_>>() })
        });
        json!({
            "region": prices.region,
            "looked_up": prices.looked_up,
            "deliveries": self.deliveries.to_string(),
            "month": parts,
            "million": {
                "running": dollars(self.running_per_million()),
                "first_year": dollars(self.first_year_per_million()),
            },
        })
    }
}

/// A month of payouts reconciled by Athena in daily runs: the exports of both tables, the rail's and the provider's books beside them, and
/// the bytes that the SQL reads.
#[derive(Clone, Copy, Debug)]
pub struct Warehouse {
    pub payouts: u128,
    pub case_share: u128,
}

/// How many times the statements read an export, the other books, and what the first of them keeps of both: Athena reads a named part of a
/// query anew wherever it is used. Counted by tests/reconcile.
pub const EXPORT_READINGS: u128 = 2;
pub const LISTED_READINGS: u128 = 1;
pub const PLACED_READINGS: u128 = 6;

/// A change with its keys, both images and the names of all attributes, as JSON.
pub const EXPORTED_BYTES: u128 = 1_900;
/// A row of the rail's or the provider's book, as a line of JSON.
pub const LISTED_BYTES: u128 = 260;
const COMPRESSED_PERCENT: u128 = 20;

impl Warehouse {
    pub fn items(&self, prices: &Prices) -> Result<Vec<Item>, CostError> {
        use measured::AUDIT_BYTES;
        let cases = self.payouts * self.case_share / MILLIONTHS;
        let changed = self.payouts * AUDIT_BYTES + cases * CASE_BYTES;
        // Claim and outcome; the rail's row and the provider's.
        let exported = self.payouts * 2 * EXPORTED_BYTES * COMPRESSED_PERCENT / 100;
        let listed = self.payouts * 2 * LISTED_BYTES * COMPRESSED_PERCENT / 100;
        let read = exported + listed;
        // Parquet of the same rows: taken to be as large.
        let kept = read;
        let scanned = exported * EXPORT_READINGS + listed * LISTED_READINGS + kept * PLACED_READINGS;
        let price = Prices::price;
        Ok(vec![
            Item {
                what: "Incremental exports",
                arithmetic: format!("{} GB of changes", changed / GIGABYTE),
                nano_dollars: price(&prices.dynamodb, "gigabyte_exported", GIGABYTE)?.times(changed),
            },
            Item {
                what: "Kept in S3 for a month",
                arithmetic: format!("{} GB, compressed, and as much that the statements keep", read / GIGABYTE),
                nano_dollars: price(&prices.s3, "gigabyte_month", GIGABYTE)?.times(read + kept),
            },
            Item {
                what: "Athena",
                arithmetic: format!(
                    "the exports {EXPORT_READINGS} times, the rest {LISTED_READINGS} time, what is kept {PLACED_READINGS} times"
                ),
                nano_dollars: price(&prices.athena, "terabyte_scanned", 1_000 * GIGABYTE)?.times(scanned),
            },
        ])
    }
}

/// What one invocation of the reconciler carries with `window_hours = 1`, at a rail that takes so many requests a second and lists a
/// hundred payouts on a page. It reads four times of the rail's book, and asks for one payout in sixty by itself; then come our own
/// records. One after the other, though they overlap.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    pub rail_takes: u128,
}

/// Without what is kept back for the run's record.
const INVOCATION_SECONDS: u128 = 880;
const RECONCILER_MEMORY_MB: u128 = 1_769;
const RAIL_PAGE: u128 = 100;
/// How long the rail takes for a page, connecting included.
const RAIL_PAGE_MS: u128 = 150;
/// Each book is read page by page; keys are read so many at once.
const RAIL_KEYS_AT_ONCE: u128 = 16;
/// Those of the first minute may stand in the rail's book before the window.
const ASKED_BY_ITSELF: u128 = 60;
const MICROS: u128 = 1_000_000;

impl Invocation {
    pub fn micros_a_payout(self) -> u128 {
        // Four fifths of what it takes, and no more than come back meanwhile.
        let between = |at_once: u128| (MICROS * 5 / 4 / self.rail_takes).max(RAIL_PAGE_MS * 1_000 / at_once);
        let books = AGAIN_AFTER_DAYS.len() as u128 + 1;
        let (pages, keys) = (books * between(books) / RAIL_PAGE, between(RAIL_KEYS_AT_ONCE) / ASKED_BY_ITSELF);
        pages + keys + measured::RECONCILER_MICROS
    }

    pub fn payouts(self) -> u128 {
        INVOCATION_SECONDS * MICROS / self.micros_a_payout()
    }

    /// A month of so many payouts.
    pub fn items(self, payouts: u128, prices: &Prices) -> Result<Vec<Item>, CostError> {
        use measured::RECONCILER_READ_UNITS;
        let seconds = payouts * self.micros_a_payout() / MICROS;
        let price = Prices::price;
        Ok(vec![
            Item {
                what: "DynamoDB reads",
                arithmetic: format!("{RECONCILER_READ_UNITS} units a payout"),
                nano_dollars: price(&prices.dynamodb, "million_read_units", MILLION)?
                    .times(payouts * RECONCILER_READ_UNITS),
            },
            Item {
                what: "Lambda duration",
                arithmetic: format!("{RECONCILER_MEMORY_MB} MB for {} hours", seconds / 3_600),
                nano_dollars: price(&prices.lambda, "gigabyte_second", 1024)?.times(seconds * RECONCILER_MEMORY_MB),
            },
        ])
    }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
