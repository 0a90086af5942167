//! The engine's side: libFuzzer hands over its inputs, one after the other. `tests/fuzz/run` builds and starts it.

#![no_main]
#![allow(
    clippy::disallowed_methods,
    reason = "the target is named by the environment: the command line is libFuzzer's"
)]
#![allow(clippy::panic, reason = "a name that is wrong ends the run")]

use std::sync::LazyLock;

use payonce_fuzz::{Target, run, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PAYONCE_FUZZ").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("PAYONCE_FUZZ names no target"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| run(&TARGET, input));
