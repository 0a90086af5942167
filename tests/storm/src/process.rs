//! One process of a function behind its own Runtime API, as Lambda runs it: one invocation at a time, a new process after
//! a death.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use payonce_runtime_api_tests::{Ending, RuntimeApi, Treatment};
use rustix::process::{Pid, Signal, kill_process};

use crate::plan::Blow;

pub struct Process {
    /// The function's time-out.
    within: Duration,
    child: Child,
    api: RuntimeApi,
}

/// How a delivery ended for API Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered(u16),
    /// The process died: 502.
    Killed,
    /// No answer in time: 504.
    Stopped,
}

impl Process {
    pub fn start(binary: &Path, within: Duration, log: &Path, environment: &[(String, String)]) -> Self {
        let api = RuntimeApi::start();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/function")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        Self { within, child, api }
    }

    /// Hands over one invocation, and strikes when it is time. After [`End::Killed`] and [`End::Stopped`] the process is
    /// of no more use to the caller.
    pub fn invoke(&mut self, payload: String, blow: Option<Blow>) -> (End, Duration) {
        let began = Instant::now();
        let request = self.api.invoke(payload, self.within, Treatment::Take);
        let ending = match blow {
            None => self.api.ending_within(&request, self.within + Duration::from_secs(5)),
            Some(Blow::Kill { after } | Blow::Stop { after, .. }) => self.api.ending_within(&request, after),
        };
        let end = match (ending, blow) {
            (Some(Ending::Response(bytes)), _) => End::Answered(status(&bytes)),
            (Some(Ending::Error(_)), _) => End::Answered(502),
            (None, Some(Blow::Stop { .. })) => {
                self.signal(Signal::STOP);
                End::Stopped
            }
            (None, Some(Blow::Kill { .. })) => {
                self.child.kill().unwrap();
                End::Killed
            }
            (None, None) => panic!("the function neither answers nor dies"),
        };
        (end, began.elapsed())
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(process, signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn status(response: &[u8]) -> u16 {
    let response: serde_json::Value = serde_json::from_slice(response).unwrap();
    response["statusCode"].as_u64().unwrap_or(200) as u16
}
