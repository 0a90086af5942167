//! How long the function takes until it asks for its first invocation, and how long the machine takes to start a process
//! that does nothing: the first is only worth something beside the second.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::function::Function;
use crate::surroundings::Surroundings;

pub struct Starts {
    /// Sorted, as those of nothing.
    pub function: Vec<Duration>,
    pub nothing: Vec<Duration>,
}

/// Alternating, so that whatever else the machine does slows both.
pub fn measure(binary: &Path, surroundings: &Surroundings, times: usize) -> Starts {
    // The first one reads the file from the disk.
    let start = || Function::start(binary, surroundings.environment(), false);
    let _ = start();
    let (mut function, mut nothing): (Vec<_>, Vec<_>) = (0..times).map(|_| (start().1, do_nothing())).unzip();
    function.sort_unstable();
    nothing.sort_unstable();
    Starts { function, nothing }
}

fn do_nothing() -> Duration {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    assert!(command.status().unwrap().success());
    began.elapsed()
}
