//! What the storm ends with.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::books::{Books, upper_bound_per_million};
use crate::run::Options;

const LOST_SHOWN: usize = 20;

#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub sent: usize,
    pub redelivered_after_answer: usize,
    pub answers: BTreeMap<u16, usize>,
    pub kills: usize,
    pub stops: usize,
    pub timed_out: usize,
    pub went_on: usize,
    pub went_on_too_late: usize,
    pub rail_faults: usize,
    pub table_faults: BTreeMap<&'static str, usize>,
    pub landed_late: usize,
    pub sweeps: BTreeMap<&'static str, usize>,
    pub holds_released: usize,
    pub weather: BTreeMap<&'static str, usize>,
    pub restores: usize,
    pub sent_again_after_restores: usize,
    /// What people did, and what came of it.
    pub people: BTreeMap<String, usize>,
    pub payer_kills: usize,
    pub payer_stops: usize,
    /// Payout requests that reached the rail.
    pub requests: u64,
    pub cases: BTreeMap<String, usize>,
}

impl Counts {
    /// Of another world, beside these.
    pub fn add(&mut self, others: Self) {
        fn each<K: Ord>(all: &mut BTreeMap<K, usize>, others: BTreeMap<K, usize>) {
            others.into_iter().for_each(|(name, times)| *all.entry(name).or_default() += times);
        }
        self.sent += others.sent;
        self.redelivered_after_answer += others.redelivered_after_answer;
        each(&mut self.answers, others.answers);
        self.kills += others.kills;
        self.stops += others.stops;
        self.timed_out += others.timed_out;
        self.went_on += others.went_on;
        self.went_on_too_late += others.went_on_too_late;
        self.rail_faults += others.rail_faults;
        each(&mut self.table_faults, others.table_faults);
        self.landed_late += others.landed_late;
        each(&mut self.sweeps, others.sweeps);
        self.holds_released += others.holds_released;
        each(&mut self.weather, others.weather);
        self.restores += others.restores;
        self.sent_again_after_restores += others.sent_again_after_restores;
        each(&mut self.people, others.people);
        self.payer_kills += others.payer_kills;
        self.payer_stops += others.payer_stops;
        self.requests += others.requests;
        each(&mut self.cases, others.cases);
    }
}

#[derive(Clone, Debug)]
pub struct Report {
    pub options: Options,
    pub deliveries: usize,
    pub took: Duration,
    pub counts: Counts,
    pub books: Books,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, deliveries, took, counts, books } = self;
        let verdict = books.compare();
        let mut line = |name: &str, value: String| writeln!(f, "  {name:<44}{value:>9}");
        line("seed", options.seed.to_string())?;
        line("seconds", took.as_secs().to_string())?;
        line("deliveries", deliveries.to_string())?;
        line("  events in them", books.sent.len().to_string())?;
        line("  sent, redeliveries included", counts.sent.to_string())?;
        line("  sent again although answered", counts.redelivered_after_answer.to_string())?;
        for (status, times) in &counts.answers {
            line(&format!("  answered {status}"), times.to_string())?;
        }
        line("SIGKILL", counts.kills.to_string())?;
        line("SIGSTOP", counts.stops.to_string())?;
        line("  went on in time, and too late", format!("{}, {}", counts.went_on, counts.went_on_too_late))?;
        line("ended past their time-out", counts.timed_out.to_string())?;
        line("faults of the rail", counts.rail_faults.to_string())?;
        line("faults of the tables", counts.table_faults.values().sum::<usize>().to_string())?;
        for (fault, times) in &counts.table_faults {
            line(&format!("  {fault}"), times.to_string())?;
        }
        line("  writes that landed late", counts.landed_late.to_string())?;
        line("weather", counts.weather.values().sum::<usize>().to_string())?;
        for (weather, times) in &counts.weather {
            line(&format!("  {weather}"), times.to_string())?;
        }
        line("sweeper", counts.sweeps.values().sum::<usize>().to_string())?;
        for (rounds, times) in &counts.sweeps {
            line(&format!("  {rounds}"), times.to_string())?;
        }
        line("holds that it set, released by hand", counts.holds_released.to_string())?;
        line("restores of the tables", counts.restores.to_string())?;
        line("  deliveries of the gap, sent again", counts.sent_again_after_restores.to_string())?;
        line("acts of people", counts.people.values().sum::<usize>().to_string())?;
        for (act, times) in &counts.people {
            line(&format!("  {act}"), times.to_string())?;
        }
        line("  SIGKILL and SIGSTOP of payer", format!("{}, {}", counts.payer_kills, counts.payer_stops))?;
        line("payout requests at the rail", counts.requests.to_string())?;
        line("payouts at the rail", books.executed.values().sum::<u64>().to_string())?;
        line("  recorded as accepted", books.accepted.len().to_string())?;
        line("paid by hand", books.by_hand.values().sum::<u64>().to_string())?;
        line("cases that people ended", books.ended.len().to_string())?;
        line("open cases", counts.cases.values().sum::<usize>().to_string())?;
        for (reason, times) in &counts.cases {
            line(&format!("  {reason}"), times.to_string())?;
        }
        line("given up by the sender", books.given_up.len().to_string())?;
        line("recorded, unknown to the rail", verdict.imagined.to_string())?;
        line("paid, never sent", verdict.unasked.to_string())?;
        line("paid by hand as well", verdict.paid_by_hand_as_well.to_string())?;
        line("paid, and ended as not paid", verdict.paid_though_ended.to_string())?;
        writeln!(f)?;
        writeln!(f, "  {} paid twice, {} lost", verdict.paid_twice, verdict.lost)?;
        for (key, executed, ended) in books.lost().take(LOST_SHOWN) {
            let ended = ended.map_or("no ending", |ended| ended.in_words());
            writeln!(f, "    {key}: executed {executed} times, {ended}")?;
        }
        if verdict.agrees() {
            let bound = upper_bound_per_million(books.sent.len());
            writeln!(f, "  in such weather, with 95 % confidence: each under {bound} of a million events (3/N)")?;
        }
        Ok(())
    }
}
