//! One process of a function behind its own Runtime API, as Lambda runs it: one invocation at a time, a new process after
//! a death.

use std::path::Path;
use std::time::{Duration, Instant};

use payonce_runtime_api_tests::{Ending, Function, Output, RuntimeApi, Start, Treatment};
use rustix::process::{Pid, Signal, kill_process};

use crate::plan::Blow;

pub struct Process {
    /// With which tables it works, see [`crate::stack::InUse`].
    pub tables: usize,
    /// The function's time-out.
    within: Duration,
    function: Function,
    api: RuntimeApi,
}

/// How a delivery ended for API Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered(u16),
    /// The process died: 502.
    Killed,
    /// No answer in time, because we stopped it: 504.
    Stopped,
    /// No answer in time, and nobody struck it: its machine is too busy, and Lambda ends it.
    TimedOut,
}

impl Process {
    pub fn start(
        binary: &Path,
        tables: usize,
        within: Duration,
        log: &Path,
        environment: Vec<(String, String)>,
    ) -> Self {
        let api = RuntimeApi::start();
        let output = Output::AppendedTo(log);
        let start = Start { binary, arguments: &[], memory_mib: 512, environment, output, on_one_core: false };
        Self { tables, within, function: Function::start(start, &api), api }
    }

    /// Hands over one invocation, and strikes when it is time. After [`End::Killed`] and [`End::Stopped`] the process is
    /// of no more use to the caller.
    pub fn invoke(&mut self, payload: String, blow: Option<Blow>) -> (End, Duration) {
        let began = Instant::now();
        let (end, _) = self.ask(payload, blow);
        (end, began.elapsed())
    }

    /// The same, with what it answered.
    pub fn ask(&mut self, payload: String, blow: Option<Blow>) -> (End, Vec<u8>) {
        let request = self.api.invoke(payload, self.within, Treatment::Take);
        let ending = match blow {
            None => self.api.ending_within(&request, self.within + Duration::from_secs(5)),
            Some(Blow::Kill { after } | Blow::Stop { after, .. }) => self.api.ending_within(&request, after),
        };
        match (ending, blow) {
            (Some(Ending::Response(bytes)), _) => (End::Answered(status(&bytes)), bytes),
            (Some(Ending::Error(bytes)), _) => (End::Answered(502), bytes),
            (None, Some(Blow::Stop { .. })) => {
                self.signal(Signal::STOP);
                (End::Stopped, vec![])
            }
            (None, Some(Blow::Kill { .. })) => {
                self.function.kill();
                (End::Killed, vec![])
            }
            (None, None) => {
                self.function.kill();
                (End::TimedOut, vec![])
            }
        }
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.function.id().cast_signed()).unwrap();
        kill_process(process, signal).unwrap();
    }
}

fn status(response: &[u8]) -> u16 {
    let response: serde_json::Value = serde_json::from_slice(response).unwrap();
    response["statusCode"].as_u64().unwrap_or(200) as u16
}
