//! The table, and what of it exceeds the limits.

use std::fmt::Write;
use std::time::Duration;

use crate::cold::{ANSWERS_AFTER, FirstAnswers};
use crate::deliveries::{Deliveries, Kind};
use crate::start::Starts;

pub struct Limits {
    pub zip: usize,
    pub init_ms: f64,
    pub memory_mib: f64,
}

pub struct Report {
    /// Architecture, binary and zip, in bytes.
    pub sizes: Vec<(&'static str, usize, usize)>,
    pub starts: Starts,
    pub first: FirstAnswers,
    pub deliveries: Deliveries,
}

impl Report {
    pub fn table(&self, limits: &Limits) -> String {
        let Self { sizes, starts, first, deliveries } = self;
        let mut table = String::new();
        let mut line = |name: &str, value: String, limit: String| {
            writeln!(table, "  {name:<44}{value:>12}  {limit}").unwrap();
        };
        for (architecture, bytes, zip) in sizes {
            let at_most = format!("at most {}", limits.zip);
            line(&format!("webhook, {architecture}, zipped"), format!("{zip} B"), at_most);
            line("  unzipped", format!("{bytes} B"), String::new());
        }
        let (median_ms, nothing_ms) = (median(&starts.function), median(&starts.nothing));
        let at_most = format!("at most {}", limits.init_ms);
        line(&format!("start, median of {}", starts.function.len()), format!("{median_ms:.2} ms"), at_most);
        line("  worst", format!("{:.2} ms", worst(&starts.function)), String::new());
        line("  /bin/true, median", format!("{nothing_ms:.2} ms"), String::new());
        line("  times /bin/true", format!("{:.1}", median_ms / nothing_ms), String::new());
        let name = format!("first answer, {} secrets of {} ms each", first.secrets, ANSWERS_AFTER.as_millis());
        line(&name, format!("{:.1} ms", median(&first.took)), String::new());
        let sent: usize = deliveries.took.iter().map(Vec::len).sum();
        let at_most = format!("at most {}", limits.memory_mib);
        line(&format!("peak memory after {sent} deliveries"), format!("{:.1} MiB", mib(deliveries.peak)), at_most);
        line("  before the first", format!("{:.1} MiB", mib(deliveries.peak_at_start)), String::new());
        line("  of it not a file's, at the end", format!("{:.1} MiB", mib(deliveries.anonymous)), String::new());
        let per_second = sent as f64 / deliveries.all.as_secs_f64();
        line("deliveries, one after the other", format!("{per_second:.0} /s"), String::new());
        for (kind, took) in Kind::ALL.into_iter().zip(&deliveries.took).filter(|(_, took)| !took.is_empty()) {
            line(&format!("  {kind:?}, {}, median", took.len()), format!("{:.2} ms", median(took)), String::new());
        }
        table
    }

    /// Everything that is over its limit, by name.
    pub fn exceeded(&self, limits: &Limits) -> Vec<String> {
        let mut exceeded = vec![];
        for (architecture, _, zip) in &self.sizes {
            if *zip > limits.zip {
                exceeded.push(format!("the zip for {architecture} has {zip} bytes, at most {}", limits.zip));
            }
        }
        let init_ms = median(&self.starts.function);
        if init_ms > limits.init_ms {
            exceeded.push(format!("the median start took {init_ms:.2} ms, at most {}", limits.init_ms));
        }
        let memory_mib = mib(self.deliveries.peak);
        if memory_mib > limits.memory_mib {
            exceeded.push(format!("the peak memory was {memory_mib:.1} MiB, at most {}", limits.memory_mib));
        }
        exceeded
    }
}

fn median(sorted: &[Duration]) -> f64 {
    sorted.get(sorted.len() / 2).map_or(0.0, in_ms)
}

fn worst(sorted: &[Duration]) -> f64 {
    sorted.last().map_or(0.0, in_ms)
}

fn in_ms(time: &Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mib(kib: usize) -> f64 {
    kib as f64 / 1024.0
}
