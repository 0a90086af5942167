//! A function's binary as a process. Its environment is exactly what it is given, and what Lambda always sets.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::{PATIENCE, RuntimeApi};

/// A binary as `cargo lambda build` left it, in the folder that the variable `PAYONCE_LAMBDA` names.
pub fn built(name: &str) -> PathBuf {
    let binary = payonce_tools::LAMBDA.path().join(name).join("bootstrap");
    assert!(binary.exists(), "{} is not built", binary.display());
    binary
}

/// Where what it prints goes.
pub enum Output<'a> {
    /// To be read while it runs, and into the test's own output when it has ended.
    Kept,
    /// Behind what stands in this file.
    AppendedTo(&'a Path),
    /// Nowhere but for what is wrong: a measurement wants no file to be written.
    ErrorsOnly,
}

pub struct Start<'a> {
    pub binary: &'a Path,
    /// None, where the binary is a function itself and not what runs one.
    pub arguments: &'a [String],
    pub memory_mib: usize,
    pub environment: Vec<(String, String)>,
    pub output: Output<'a>,
    /// Two functions that are measured side by side must not take each other's cores.
    pub on_one_core: bool,
}

pub struct Function {
    child: Child,
    /// A file and not a pipe: what was written before something else was seen is in it by then.
    printed: Option<NamedTempFile>,
}

impl Function {
    pub fn start(start: Start<'_>, api: &RuntimeApi) -> Self {
        let name = start.binary.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        let mut command = if start.on_one_core {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", "0"]).arg(start.binary).env_clear();
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
            command
        } else {
            let mut command = Command::new(start.binary);
            command.env_clear();
            command
        };
        command
            .args(start.arguments)
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &*name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", start.memory_mib.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .envs(start.environment)
            .stdin(Stdio::null());
        let mut printed = None;
        match start.output {
            Output::Kept => {
                let kept = NamedTempFile::new().expect("a file");
                to_file(&mut command, kept.as_file());
                printed = Some(kept);
            }
            Output::AppendedTo(path) => {
                to_file(&mut command, &File::options().create(true).append(true).open(path).expect("a log"));
            }
            Output::ErrorsOnly => {
                command.stdout(Stdio::null());
            }
        }
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{} does not start: {error}", start.binary.display()));
        Self { child, printed }
    }

    /// Everything that it printed so far, both streams mixed.
    pub fn printed(&self) -> String {
        let Some(printed) = &self.printed else { return String::new() };
        let bytes = std::fs::read(printed.path()).expect("the file is still there");
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

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
    }

    /// Processor time that it took so far, its own and the kernel's for it.
    pub fn cpu(&self) -> Duration {
        /// `USER_HZ`, the same on every Linux that Rust runs on (proc_pid_stat(5), time(7)).
        const TICKS_A_SECOND: u64 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it lives");
        // The name stands in parentheses and may hold anything; the 14th and 15th fields are the times.
        let fields = stat.rsplit(')').next().expect("a name").split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND)
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub fn memory_kib(&self, name: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a known name");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

/// Both streams through one open file, so that each writes on where the other stopped.
fn to_file(command: &mut Command, file: &File) {
    let output = || Stdio::from(file.try_clone().expect("a second handle"));
    command.stdout(output()).stderr(output());
}

/// What it printed goes to the test's own output too: it is shown when the test fails, and searched for secrets.
impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.printed.is_some() {
            println!("{}", self.printed());
        }
    }
}
