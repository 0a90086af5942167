//! The engine's side: libFuzzer hands over its inputs, one after the other. `tests/fuzz/run` builds and starts it.

#![no_main]
#![allow(
    clippy::disallowed_methods,
    reason = "the target is named by the environment: the command line is libFuzzer's"
)]
#![allow(clippy::panic, reason = "a name that is wrong ends the run")]

use std::path::PathBuf;
use std::sync::LazyLock;

use payonce_fuzz::{Target, search, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PAYONCE_FUZZ").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("PAYONCE_FUZZ names no target"))
});

/// The input that is run, for libFuzzer keeps none at which the stack ran over.
static LAST: LazyLock<PathBuf> = LazyLock::new(|| std::env::var_os("PAYONCE_FUZZ_LAST").unwrap_or_default().into());

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    std::fs::write(&*LAST, input).unwrap_or_else(|error| panic!("PAYONCE_FUZZ_LAST cannot be written: {error}"));
    search(&TARGET, input);
});
