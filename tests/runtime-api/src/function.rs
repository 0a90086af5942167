//! A function's binary as a process, with what it printed. Its environment is exactly what it is given, and what Lambda
//! always sets.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use tempfile::NamedTempFile;

use crate::{PATIENCE, RuntimeApi};

pub struct Function {
    child: Child,
    /// A file and not a pipe: what was written before something else was seen is in it by then.
    printed: NamedTempFile,
}

impl Function {
    pub fn start(binary: &Path, api: &RuntimeApi, environment: &[(&str, &str)]) -> Self {
        let printed = NamedTempFile::new().expect("a file");
        // Opened once, so that both streams write on where the other stopped.
        let output = || Stdio::from(printed.as_file().try_clone().expect("a second handle"));
        let child = Command::new(binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "webhook")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/webhook")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        Self { child, printed }
    }

    /// Everything that it printed so far, both streams mixed.
    pub fn printed(&self) -> String {
        let bytes = std::fs::read(self.printed.path()).expect("the file is still there");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn lives(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits until the process has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < until, "the function should have ended; it printed\n{}", self.printed());
            thread::yield_now();
        }
    }
}

/// What it printed goes to the test's own output too: it is shown when the test fails, and searched for secrets.
impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        println!("{}", self.printed());
    }
}
