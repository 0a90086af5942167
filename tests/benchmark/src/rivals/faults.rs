//! The six faults, one event each: what stands at the rail when the sender has given up or was answered, and whom it was told.
//!
//! The sender behaves as a provider does: it comes back while it is not answered 2xx, here after five minutes, two hours and
//! three days (Stripe's: <https://docs.stripe.com/webhooks#automatic-retries>). Time passes without anybody waiting: a rival's
//! records are made older in its table, and payonce's sweeper is run with its clock ahead.

use std::time::Instant;

use payonce_local::stack::sandbox_secret;
use payonce_runtime_api_tests::{Output, Treatment};
use payonce_suite::faults::Fault as Broken;
use serde_json::Value;

use super::contestant::{Contestant, Programs};
use super::speed::{WITHIN, status};
use super::stage::Stage;
use crate::function::Function;

/// Seconds until the sender comes back.
const COMES_BACK: [i64; 3] = [300, 7_200, 259_200];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Crash,
    TimeOutPaid,
    TimeOutUnpaid,
    ClaimAnswerLost,
    NoKey,
    CompletionLost,
    Later,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::Crash,
        Self::TimeOutPaid,
        Self::TimeOutUnpaid,
        Self::ClaimAnswerLost,
        Self::NoKey,
        Self::CompletionLost,
        Self::Later,
    ];

    pub fn in_words(self) -> &'static str {
        match self {
            Self::Crash => "crash after the payout call",
            Self::TimeOutPaid => "rail times out, and pays",
            Self::TimeOutUnpaid => "rail times out, and pays nothing",
            Self::ClaimAnswerLost => "the claim's answer is lost",
            Self::NoKey => "the event has no key, and is sent twice",
            Self::CompletionLost => "the completion write is lost",
            Self::Later => "answered, and sent again after three days",
        }
    }
}

/// What came of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Requests for a payout that reached the rail.
    pub calls: u64,
    pub paid: usize,
    pub cases: usize,
    /// Deliveries that did not end with a 2xx: an error in the function's log and in Lambda's metric.
    pub failed: usize,
    /// The sender was answered 2xx at last, and will not come back.
    pub is_answered: bool,
}

impl Came {
    /// Nobody was paid, and nobody was asked to look.
    pub fn is_lost(&self) -> bool {
        self.paid == 0 && self.cases == 0
    }

    /// At most one payout, and a case where there is none.
    pub fn is_well(&self) -> bool {
        self.paid <= 1 && !self.is_lost()
    }
}

pub fn play(programs: &Programs, who: Contestant, fault: Fault) -> Came {
    let scene = Scene { programs, who, fault, stage: Stage::through_proxies() };
    let mut body = scene.stage.payment(0);
    if fault == Fault::NoKey {
        let mut event: Value = serde_json::from_str(&body).unwrap();
        event.as_object_mut().unwrap().remove("id");
        body = event.to_string();
    }
    let mut is_answered = scene.is_answered_under_fault(&body);
    let mut failed = usize::from(!is_answered);
    for seconds in COMES_BACK {
        scene.pass(seconds);
        let is_sent_anyway = matches!(fault, Fault::Later | Fault::NoKey) && seconds == COMES_BACK[2];
        if !is_answered || is_sent_anyway {
            is_answered = scene.is_answered(&body);
            failed += usize::from(!is_answered);
        }
    }
    scene.pass(0);
    let cases = scene.stage.runtime.block_on(scene.stage.ledger.open_cases(100)).unwrap().len();
    let calls = scene.stage.rail.requests().values().sum();
    Came { calls, paid: scene.stage.paid(), cases, failed, is_answered }
}

struct Scene<'a> {
    programs: &'a Programs,
    who: Contestant,
    fault: Fault,
    stage: Stage,
}

impl Scene<'_> {
    /// The first delivery, in which the fault happens.
    fn is_answered_under_fault(&self, body: &str) -> bool {
        let (stage, (completion, of_completion), (claim, of_claim)) =
            (&self.stage, self.who.completion(), self.who.claim());
        match self.fault {
            Fault::Crash => {
                stage.proxy.plan(1, completion, of_completion, Broken::Hold);
                let function = self.start();
                function.api.invoke(stage.payload(body, false), WITHIN, Treatment::Take);
                let until = Instant::now() + WITHIN;
                while stage.paid() == 0 {
                    assert!(Instant::now() < until, "{} does not pay", self.who.name());
                    std::thread::yield_now();
                }
                // The payout is made; the process goes before anything of that is written.
                drop(function);
                stage.proxy.forget();
                return false;
            }
            Fault::TimeOutPaid | Fault::TimeOutUnpaid => stage.before_rail.plan(1, "", "destination=", Broken::Hold),
            Fault::ClaimAnswerLost => stage.proxy.plan(1, claim, of_claim, Broken::DropAnswer),
            // As long as it is tried.
            Fault::CompletionLost => stage.proxy.plan(u32::MAX, completion, of_completion, Broken::THROTTLE),
            Fault::NoKey | Fault::Later => {}
        }
        let is_answered = self.is_answered(body);
        stage.proxy.forget();
        if self.fault == Fault::TimeOutPaid {
            // What the rail had taken it executes now, when nobody waits for its answer any more.
            stage.runtime.block_on(stage.before_rail.release_held());
        }
        is_answered
    }

    /// Each delivery meets a new process, as after minutes without any. One that has not ended when its time is over is killed,
    /// as Lambda does.
    fn is_answered(&self, body: &str) -> bool {
        let function = self.start();
        let request = function.api.invoke(self.stage.payload(body, false), WITHIN, Treatment::Take);
        let ending = function.api.ending_within(&request, WITHIN);
        ending.and_then(|ending| status(&ending)).is_some_and(|status| (200..300).contains(&status))
    }

    fn start(&self) -> Function {
        self.programs.start(self.who, &self.stage, Output::AppendedTo(&self.stage.log())).0
    }

    fn pass(&self, seconds: i64) {
        match self.who {
            Contestant::Payonce => self.stage.sweep(&sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap(), 5),
            _ => self.stage.age_records(seconds),
        }
    }
}
