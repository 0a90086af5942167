//! The page that the comparison prints, and writes with `--write`: Markdown between two marks of `infra/comparison.md`, and a
//! picture of it.

use std::fmt::Write as _;
use std::ops::Range;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use super::contestant::{Contestant, Programs, Settings, said};
use super::faults::{Came, Fault};
use super::figures::{Figures, Spread, digits};
use super::speed::Round;
use super::{Faults, Rivals};
use crate::written::{between, draw, root};

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// What it was measured on, and how busy that was with something else.
pub struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    began: Instant,
    /// Seconds of processors, spent by anybody but this process and those that it started. Of the whole measurement, once it is over.
    others: f64,
    /// Of one core, meanwhile.
    others_share: f64,
}

/// Beyond it times are too long.
const OTHERS_AT_MOST: f64 = 0.1;

impl Machine {
    pub fn look() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: model.trim_start_matches([' ', '\t', ':']).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            began: Instant::now(),
            others: spent_by_others(),
            others_share: 0.0,
        }
    }

    pub fn after(self) -> Self {
        let others = spent_by_others() - self.others;
        Self { others, others_share: (others / self.began.elapsed().as_secs_f64()).max(0.0), ..self }
    }
}

/// In seconds since the machine began. What these processes spent is known once they have ended.
fn spent_by_others() -> f64 {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let sum = |text: &str, fields: Range<usize>| -> f64 {
        let fields = text.split_whitespace().take(fields.end).skip(fields.start);
        fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
    };
    let all = read("/proc/stat");
    let all = all.lines().next().unwrap_or_default();
    let own = read("/proc/self/stat");
    // After the name, which may hold anything.
    let own = own.rsplit(')').next().unwrap_or_default();
    // user, nice, system; then interrupts and what a hypervisor took. For itself: both of it and both of its children.
    (sum(all, 1..4) + sum(all, 6..9) - sum(own, 11..15)) / TICKS_A_SECOND
}

/// `USER_HZ`, in which Linux states times to programs.
const TICKS_A_SECOND: f64 = 100.0;

pub struct Page<'a> {
    pub machine: Machine,
    pub programs: &'a Programs,
    pub arguments: &'a Rivals,
    pub faults: &'a Faults,
    pub figures: &'a [Figures],
}

impl Page<'_> {
    pub fn text(&self) -> String {
        let mut text = self.about();
        text += &self.speed();
        text += &self.aims();
        text += &self.came();
        text
    }

    fn about(&self) -> String {
        let Machine { processor, cores, kernel, others_share, .. } = &self.machine;
        let Rivals { rounds, deliveries, .. } = self.arguments;
        let date = said(Command::new("date").args(["--utc", "+%Y-%m-%d"])).unwrap_or_default();
        let mut text = format!(
            "{date}, {cores} cores ({processor}), Linux {kernel}; everything else on the machine took {:.0} % of a core. ",
            100.0 * others_share
        );
        if *others_share > OTHERS_AT_MOST {
            text += "**The machine was busy with something else: the times are too long, for all of them. The ratios and the faults count.** ";
        }
        let again = deliveries / 5 + 1;
        writeln!(text, "Rounds in turn: {rounds}, each with {deliveries} new payments and {again} sent again.\n")
            .unwrap();
        for versions in &self.programs.versions {
            writeln!(text, "- {versions}").unwrap();
        }
        text.push_str("\nThe settings of Powertools:\n\n");
        for settings in Settings::ALL {
            writeln!(text, "- *{}*: {}.", settings.word(), settings.in_words()).unwrap();
        }
        text
    }

    fn speed(&self) -> String {
        let floor = &self.figures[0];
        let mut text = String::from("\n### Speed\n\n|");
        let mut rule = String::from("|---|");
        for figures in self.figures {
            write!(text, " | {}", figures.who.name()).unwrap();
            rule += "---:|";
        }
        writeln!(text, " |\n{rule}").unwrap();
        let mut row = |name: &str, cell: &dyn Fn(&Figures) -> String| {
            let cells: Vec<String> = self.figures.iter().map(cell).collect();
            writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
        };
        row("init, ms", &|of| of.spread(|round| round.init).shown());
        row("first delivery, ms", &|of| of.spread(|round| round.first).shown());
        row("p50, ms", &|of| of.spread(|round| round.p50).shown());
        row("p50, times the floor", &|of| of.times(floor, |round| round.p50).shown());
        row("p99, ms", &|of| of.spread(|round| round.p99).shown());
        row("p99, times the floor", &|of| of.times(floor, |round| round.p99).shown());
        row("duplicate, p50, ms", &|of| of.spread(|round| round.duplicate).shown());
        row("CPU, µs a delivery", &|of| of.spread(|round| round.cpu).shown());
        row("CPU, times the floor", &|of| of.times(floor, |round| round.cpu).shown());
        row("peak memory, MiB", &|of| of.spread(|round| round.peak).shown());
        row("zip, MB", &|of| of.zip.map_or("–".to_owned(), |bytes| digits(bytes as f64 / 1e6)));
        row("requests to DynamoDB", &|of| digits(of.asked.tables));
        row("requests to the rail", &|of| digits(of.asked.rail));
        row("write units", &|of| digits(of.asked.write_units));
        row("requests to DynamoDB, duplicate", &|of| digits(of.asked.duplicate_tables));
        row("write units, duplicate", &|of| digits(of.asked.duplicate_write_units));
        text
    }

    /// What payonce was to reach, and whether it did.
    fn aims(&self) -> String {
        let of = |who| self.figures.iter().find(|figures| figures.who == who);
        let python = Contestant::Python(Settings::Documented);
        let (Some(floor), Some(ours), Some(python)) = (of(Contestant::Floor), of(Contestant::Payonce), of(python))
        else {
            return String::new();
        };
        let times_floor = |figure: fn(&Round) -> f64| ours.times(floor, figure).median;
        let times_python = python.times(ours, |round| round.cpu).median;
        let forged = ours.spread(|round| 1e6 / round.forged_cpu.unwrap_or(f64::INFINITY)).median;
        let (most, least) = ("at most", "at least");
        let aims = [
            ("p50, times the floor", most, 1.5, times_floor(|round| round.p50)),
            ("CPU, times the floor", most, 4.0, times_floor(|round| round.cpu)),
            ("CPU of Powertools Python, times payonce's", least, 6.0, times_python),
            ("init, ms", most, 15.0, ours.spread(|round| round.init).median),
            ("peak memory, MiB", most, 16.0, ours.spread(|round| round.peak).median),
            ("zip, MB", most, 3.0, ours.zip.unwrap_or_default() as f64 / 1e6),
            ("forged deliveries a second of one core, the Runtime API's part included", least, 20_000.0, forged),
        ];
        let mut text = String::from("\n### What was aimed at\n\n| payonce | aim | measured | |\n|---|---:|---:|---|\n");
        for (what, bound, aim, measured) in aims {
            let is_met = if bound == most { measured <= aim } else { measured >= aim };
            let word = if is_met { "met" } else { "**missed**" };
            writeln!(text, "| {what} | {bound} {aim} | {} | {word} |", digits(measured)).unwrap();
        }
        text
    }

    fn came(&self) -> String {
        let mut text = String::from("\n### Faults\n\n|");
        Fault::ALL.iter().for_each(|fault| write!(text, " | {}", fault.in_words()).unwrap());
        writeln!(text, " |\n|---|{}", "---|".repeat(Fault::ALL.len())).unwrap();
        for (who, came) in self.faults {
            let cells: Vec<String> = came.iter().map(|(_, came)| in_words(came)).collect();
            writeln!(text, "| {} | {} |", who.name(), cells.join(" | ")).unwrap();
        }
        text
    }

    /// Between the marks, and the picture beside it.
    pub fn write(&self) -> Result<(), String> {
        between(&root().join("infra/comparison.md"), [BEGIN, END], &self.text())?;
        draw("rivals/picture.py", &self.data(), &root().join("infra/comparison.png"))
    }

    fn data(&self) -> Value {
        let spread = |spread: Spread| json!([spread.low, spread.median, spread.high]);
        let speed: Vec<Value> = self
            .figures
            .iter()
            .map(|of| {
                json!({
                    "name": of.who.name(),
                    "p50, ms": spread(of.spread(|round| round.p50)),
                    "p99, ms": spread(of.spread(|round| round.p99)),
                    "CPU, µs a delivery": spread(of.spread(|round| round.cpu)),
                    "init, ms": spread(of.spread(|round| round.init)),
                    "peak memory, MiB": spread(of.spread(|round| round.peak)),
                })
            })
            .collect();
        let row = |(who, came): &(Contestant, Vec<(Fault, Came)>)| {
            let cells = came.iter().map(|(_, came)| json!({"text": in_words(came), "is_well": came.is_well()}));
            json!({"name": who.name(), "cells": cells.collect::<Vec<_>>()})
        };
        json!({
            "speed": speed,
            "faults": Fault::ALL.map(Fault::in_words),
            "came": self.faults.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

fn in_words(came: &Came) -> String {
    let mut words = match came.paid {
        0 if came.is_lost() && came.failed == 0 => "**not paid, no case, no error**".to_owned(),
        0 if came.is_lost() => "**not paid, no case**".to_owned(),
        0 => "not paid".to_owned(),
        1 => "paid once".to_owned(),
        more => format!("**paid {more} times**"),
    };
    if came.cases > 0 {
        write!(words, ", {} case", came.cases).unwrap();
    }
    if came.calls != came.paid as u64 {
        write!(words, "; {} call{}", came.calls, if came.calls == 1 { "" } else { "s" }).unwrap();
    }
    if !came.is_answered {
        write!(words, "; {} errors, then the sender gives up", came.failed).unwrap();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_what_was_paid_who_was_asked_and_whether_the_sender_gave_up() {
        let once = Came { calls: 1, paid: 1, cases: 0, failed: 0, is_answered: true };
        let nothing = Came { calls: 1, paid: 0, ..once };
        let cells = [
            (once, "paid once", true),
            (Came { calls: 2, ..once }, "paid once; 2 calls", true),
            (Came { cases: 1, ..once }, "paid once, 1 case", true),
            (Came { calls: 2, paid: 2, failed: 1, ..once }, "**paid 2 times**", false),
            (Came { cases: 1, ..nothing }, "not paid, 1 case; 1 call", true),
            (nothing, "**not paid, no case, no error**; 1 call", false),
            (
                Came { calls: 0, failed: 4, is_answered: false, ..nothing },
                "**not paid, no case**; 4 errors, then the sender gives up",
                false,
            ),
        ];
        for (came, words, is_well) in cells {
            assert_eq!((in_words(&came).as_str(), came.is_well()), (words, is_well));
        }
    }
}
