//! What the storm ends with.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::books::{Books, upper_bound_per_million};
use crate::run::Options;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub sent: usize,
    pub redelivered_after_answer: usize,
    pub answers: BTreeMap<u16, usize>,
    pub kills: usize,
    pub stops: usize,
    pub went_on: usize,
    pub went_on_too_late: usize,
    pub rail_faults: usize,
    pub table_faults: BTreeMap<&'static str, usize>,
    pub landed_late: usize,
    pub sweeps: usize,
    pub holds_released: usize,
    /// Payout requests that reached the rail.
    pub requests: u64,
    pub cases: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub options: Options,
    pub took: Duration,
    pub counts: Counts,
    pub books: Books,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, took, counts, books } = self;
        let verdict = books.compare();
        let mut line = |name: &str, value: String| writeln!(f, "  {name:<44}{value:>9}");
        line("seed", options.seed.to_string())?;
        line("seconds", took.as_secs().to_string())?;
        line("deliveries", options.deliveries.to_string())?;
        line("  events in them", books.sent.len().to_string())?;
        line("  sent, redeliveries included", counts.sent.to_string())?;
        line("  sent again although answered", counts.redelivered_after_answer.to_string())?;
        for (status, times) in &counts.answers {
            line(&format!("  answered {status}"), times.to_string())?;
        }
        line("SIGKILL", counts.kills.to_string())?;
        line("SIGSTOP", counts.stops.to_string())?;
        line("  went on in time, and too late", format!("{}, {}", counts.went_on, counts.went_on_too_late))?;
        line("faults of the rail", counts.rail_faults.to_string())?;
        line("faults of the tables", counts.table_faults.values().sum::<usize>().to_string())?;
        for (fault, times) in &counts.table_faults {
            line(&format!("  {fault}"), times.to_string())?;
        }
        line("  writes that landed late", counts.landed_late.to_string())?;
        line("rounds of the sweeper", counts.sweeps.to_string())?;
        line("holds that it set, released by hand", counts.holds_released.to_string())?;
        line("payout requests at the rail", counts.requests.to_string())?;
        line("payouts at the rail", books.executed.values().sum::<u64>().to_string())?;
        line("  recorded as accepted", books.accepted.len().to_string())?;
        line("cases", counts.cases.values().sum::<usize>().to_string())?;
        for (reason, times) in &counts.cases {
            line(&format!("  {reason}"), times.to_string())?;
        }
        line("given up by the sender", books.given_up.len().to_string())?;
        line("recorded, unknown to the rail", verdict.imagined.to_string())?;
        line("paid, never sent", verdict.unasked.to_string())?;
        writeln!(f)?;
        writeln!(f, "  {} paid twice, {} lost", verdict.paid_twice, verdict.lost)?;
        if verdict.agrees() {
            let bound = upper_bound_per_million(books.sent.len());
            writeln!(f, "  in such weather, with 95 % confidence: each under {bound} of a million events (3/N)")?;
        }
        Ok(())
    }
}
