//! The function's process behind a stand-in for Lambda's Runtime API.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use payonce_runtime_api_tests::{self as process, Output, RuntimeApi, Start};

pub struct Function {
    pub api: RuntimeApi,
    process: process::Function,
}

impl Deref for Function {
    type Target = process::Function;

    fn deref(&self) -> &process::Function {
        &self.process
    }
}

impl Function {
    /// Returns when it asks for its first invocation: what Lambda counts as init.
    pub fn start(binary: &Path, environment: Vec<(String, String)>, on_one_core: bool) -> (Self, Duration) {
        Self::start_with(Start {
            binary,
            arguments: &[],
            memory_mib: 512,
            environment,
            output: Output::ErrorsOnly,
            on_one_core,
        })
    }

    pub fn start_with(start: Start<'_>) -> (Self, Duration) {
        let api = RuntimeApi::start();
        let began = Instant::now();
        let process = process::Function::start(start, &api);
        api.asked(1);
        (Self { api, process }, began.elapsed())
    }
}
