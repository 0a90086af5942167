//! A function's binary as a process, with what it printed. Its environment is exactly what it is given, and what Lambda
//! always sets.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::{PATIENCE, RuntimeApi};

pub struct Function {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Function {
    pub fn start(binary: &Path, api: &RuntimeApi, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(binary)
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
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        let printed = Arc::new(Mutex::new(vec![]));
        let readers = vec![
            collect(child.stdout.take().expect("piped"), printed.clone()),
            collect(child.stderr.take().expect("piped"), printed.clone()),
        ];
        Self { child, printed, readers }
    }

    /// Everything that it printed so far, both streams mixed.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.printed.lock().expect("no reader panics")).into_owned()
    }

    pub fn lives(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits until the process has ended by itself, and all that it printed is here.
    pub fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                break status;
            }
            assert!(Instant::now() < until, "the function should have ended; it printed\n{}", self.printed());
            thread::yield_now();
        };
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader panics");
        }
        status
    }
}

/// What it printed goes to the test's own output too: it is shown when the test fails, and searched for secrets.
impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        println!("{}", self.printed());
    }
}

fn collect(mut stream: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            into.lock().expect("no reader panics").extend_from_slice(&buffer[..read]);
        }
    })
}
