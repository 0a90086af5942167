//! Thousands of deliveries through one process, one after the other, as one environment of Lambda's gets them.

use std::path::Path;
use std::time::{Duration, Instant};

use payonce_runtime_api_tests::{Ending, Treatment};
use serde_json::Value;

use crate::function::Function;
use crate::surroundings::Surroundings;

/// The function's time-out, as deployed.
const WITHIN: Duration = Duration::from_secs(25);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A payment that was never sent before: a claim, a payout, its outcome, the body's record.
    New,
    /// The last payment once more.
    Duplicate,
    /// Another body than what was signed.
    Forged,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::New, Self::Duplicate, Self::Forged];

    /// Six of ten are new, two are duplicates, two are forged.
    fn of(number: usize) -> Self {
        match number % 10 {
            3 | 7 => Self::Duplicate,
            4 | 9 => Self::Forged,
            _ => Self::New,
        }
    }

    fn status(self) -> u64 {
        if self == Self::Forged { 401 } else { 200 }
    }
}

pub struct Deliveries {
    /// Sorted.
    pub took: [Vec<Duration>; 3],
    pub all: Duration,
    /// In KiB: before the first delivery, after the last, and what of that last is not the binary's file.
    pub peak_at_start: usize,
    pub peak: usize,
    pub anonymous: usize,
}

pub fn measure(binary: &Path, surroundings: &Surroundings, deliveries: usize) -> Result<Deliveries, String> {
    let paid_before = surroundings.paid();
    let (function, _) = Function::start(binary, surroundings.environment(), false);
    let peak_at_start = function.memory_kib("VmHWM");
    let mut took = [vec![], vec![], vec![]];
    let mut last = String::new();
    for number in 0..deliveries {
        let kind = Kind::of(number);
        let body = if kind == Kind::Duplicate { last.clone() } else { surroundings.payment(number) };
        let payload = surroundings.payload(&body, kind == Kind::Forged);
        took[kind as usize].push(deliver(&function, number, payload, kind)?);
        if kind == Kind::New {
            last = body;
        }
    }
    let (paid, new) = (surroundings.paid() - paid_before, took[Kind::New as usize].len());
    if paid != new {
        return Err(format!("{new} payments, and {paid} payouts at the rail"));
    }
    let all = took.iter().flatten().sum();
    took.iter_mut().for_each(|took| took.sort_unstable());
    let (peak, anonymous) = (function.memory_kib("VmHWM"), function.memory_kib("RssAnon"));
    Ok(Deliveries { took, all, peak_at_start, peak, anonymous })
}

/// From the moment that Lambda has it to the moment that Lambda has the answer.
pub fn deliver(function: &Function, number: usize, payload: String, kind: Kind) -> Result<Duration, String> {
    function.api.asked(number + 1);
    let began = Instant::now();
    let request = function.api.invoke(payload, WITHIN, Treatment::Take);
    let ending = function.api.ending(&request);
    let took = began.elapsed();
    match &ending {
        Ending::Response(bytes) => {
            let response: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            if response["statusCode"] == kind.status() {
                return Ok(took);
            }
            Err(format!("delivery {number}, {kind:?}, was answered {response}"))
        }
        Ending::Error(bytes) => Err(format!("delivery {number} ended with {}", String::from_utf8_lossy(bytes))),
    }
}
