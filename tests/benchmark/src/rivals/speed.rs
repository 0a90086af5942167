//! How quick each of them is: in turn, round after round, each time a new process, a new engine and a new rail.

use std::time::{Duration, Instant};

use payonce_runtime_api_tests::{Ending, Output, Treatment};
use serde_json::Value;

use super::contestant::{Contestant, Programs};
use super::stage::Stage;
use crate::function::Function;

/// The function's time-out, as payonce is deployed.
pub const WITHIN: Duration = Duration::from_secs(25);

/// One process from its start to its end. Times in milliseconds.
pub struct Round {
    pub init: f64,
    pub first: f64,
    pub p50: f64,
    pub p99: f64,
    pub duplicate: f64,
    /// In microseconds, of a delivery that pays.
    pub cpu: f64,
    /// In MiB.
    pub peak: f64,
    /// In microseconds, of a delivery whose signature is wrong. Nobody else here looks at one.
    pub forged_cpu: Option<f64>,
}

/// What one delivery asks of the tables and the rail.
#[derive(Clone, Copy)]
pub struct Asked {
    pub tables: f64,
    pub rail: f64,
    pub write_units: f64,
    pub duplicate_tables: f64,
    pub duplicate_write_units: f64,
}

pub fn round(programs: &Programs, who: Contestant, deliveries: usize) -> Result<Round, String> {
    let stage = Stage::straight();
    let (function, init) = programs.start(who, &stage, Output::ErrorsOnly);
    let mut line = Line { stage: &stage, function: &function, sent: 0 };
    let first = line.pays(0)?;
    let cpu_before = cpu_us(&function);
    let mut took = (1..=deliveries).map(|number| line.pays(number)).collect::<Result<Vec<_>, _>>()?;
    let cpu = (cpu_us(&function) - cpu_before) / deliveries as f64;
    let mut again = (0..=deliveries / 5).map(|number| line.is_duplicate(number)).collect::<Result<Vec<_>, _>>()?;
    took.sort_unstable();
    again.sort_unstable();
    let (sent, paid) = (deliveries + 1, stage.paid());
    if sent != paid {
        return Err(format!("{}: {sent} payments, and {paid} payouts at the rail", who.name()));
    }
    let forged_cpu = if who == Contestant::Payonce { Some(line.forged(deliveries)?) } else { None };
    let part = |sorted: &[Duration], part: f64| in_ms(sorted[((sorted.len() - 1) as f64 * part).round() as usize]);
    Ok(Round {
        init: in_ms(init),
        first: in_ms(first),
        p50: part(&took, 0.5),
        p99: part(&took, 0.99),
        duplicate: part(&again, 0.5),
        cpu,
        peak: function.memory_kib("VmHWM") as f64 / 1024.0,
        forged_cpu,
    })
}

/// Of a process that has started already: connections and what is asked once do not count.
pub fn asked(programs: &Programs, who: Contestant) -> Result<Asked, String> {
    const DELIVERIES: usize = 20;
    let stage = Stage::through_proxies();
    let (function, _) = programs.start(who, &stage, Output::ErrorsOnly);
    let mut line = Line { stage: &stage, function: &function, sent: 0 };
    line.pays(0)?;
    stage.proxy.count_write_units();
    let (tables, rail) = (stage.proxy.requests(), stage.before_rail.requests());
    (1..=DELIVERIES).try_for_each(|number| line.pays(number).map(drop))?;
    let each = |number: usize| number as f64 / DELIVERIES as f64;
    let units = || stage.proxy.write_units() as usize;
    let (after, units_after) = (stage.proxy.requests(), units());
    let rail = each(stage.before_rail.requests() - rail);
    (1..=DELIVERIES).try_for_each(|number| line.is_duplicate(number).map(drop))?;
    Ok(Asked {
        tables: each(after - tables),
        rail,
        write_units: each(units_after),
        duplicate_tables: each(stage.proxy.requests() - after),
        duplicate_write_units: each(units() - units_after),
    })
}

/// A sender that has one delivery under way at a time.
pub struct Line<'a> {
    pub stage: &'a Stage,
    pub function: &'a Function,
    pub sent: usize,
}

impl Line<'_> {
    fn pays(&mut self, number: usize) -> Result<Duration, String> {
        let paid = self.stage.paid();
        let took = self.deliver(number)?;
        if self.stage.paid() != paid + 1 {
            return Err(format!("delivery {number} was answered, and not paid"));
        }
        Ok(took)
    }

    fn is_duplicate(&mut self, number: usize) -> Result<Duration, String> {
        let paid = self.stage.paid();
        let took = self.deliver(number)?;
        if self.stage.paid() != paid {
            return Err(format!("delivery {number} was paid again"));
        }
        Ok(took)
    }

    /// Processor time of each of so many, in microseconds.
    fn forged(&mut self, deliveries: usize) -> Result<f64, String> {
        let (paid, before) = (self.stage.paid(), cpu_us(self.function));
        for number in 0..deliveries {
            let payload = self.stage.payload(&self.stage.payment(number), true);
            self.answered(number, payload, 401)?;
        }
        let spent = cpu_us(self.function) - before;
        if self.stage.paid() == paid {
            Ok(spent / deliveries as f64)
        } else {
            Err("a forged delivery was paid".to_owned())
        }
    }

    fn deliver(&mut self, number: usize) -> Result<Duration, String> {
        let payload = self.stage.payload(&self.stage.payment(number), false);
        self.answered(number, payload, 200)
    }

    fn answered(&mut self, number: usize, payload: String, expected: u64) -> Result<Duration, String> {
        self.sent += 1;
        self.function.api.asked(self.sent);
        let began = Instant::now();
        let request = self.function.api.invoke(payload, WITHIN, Treatment::Take);
        let ending = self.function.api.ending(&request);
        let took = began.elapsed();
        match status(&ending) {
            Some(status) if status == expected => Ok(took),
            _ => Err(format!("delivery {number} ended with {ending:?}")),
        }
    }
}

/// Of the response, where there is one.
pub fn status(ending: &Ending) -> Option<u64> {
    match ending {
        Ending::Response(bytes) => serde_json::from_slice::<Value>(bytes).ok()?["statusCode"].as_u64(),
        Ending::Error(_) => None,
    }
}

/// What the process has spent on all of its threads, of which none ends before it does, the kernel's part included.
/// <https://docs.kernel.org/scheduler/sched-stats.html>
fn cpu_us(function: &Function) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{}/task", function.id())).unwrap();
    let ns = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default()
    };
    threads.map(|thread| ns(thread.unwrap().path())).sum::<f64>() / 1_000.0
}

fn in_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
