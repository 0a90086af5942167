//! The function's process behind a stand-in for Lambda's Runtime API, with what the kernel says of its memory.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use payonce_runtime_api_tests::RuntimeApi;

use crate::surroundings::Surroundings;

pub struct Function {
    pub api: RuntimeApi,
    child: Child,
}

impl Function {
    /// Returns when it asks for its first invocation: what Lambda counts as init.
    pub fn start(binary: &Path, surroundings: &Surroundings) -> (Self, Duration) {
        let api = RuntimeApi::start();
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "webhook")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/webhook")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .envs(surroundings.environment())
            .stdin(Stdio::null())
            // Its log; why it does not start would be on stderr.
            .stdout(Stdio::null());
        let began = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        api.asked(1);
        (Self { api, child }, began.elapsed())
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub fn memory(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
