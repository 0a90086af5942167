//! The engine's side: libFuzzer hands over its inputs, one after the other. `tests/fuzz/run` builds and starts it.

#![no_main]
#![allow(
    clippy::disallowed_methods,
    reason = "the target is named by the environment: the command line is libFuzzer's"
)]
#![allow(clippy::panic, reason = "a name that is wrong ends the run")]

mod bounded;

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
    bounded::in_bounded_time(|| search(&TARGET, input));
});

/// In place of the C library's: the seeds of hash maps come from here. The order in which a map is read is a branch that libFuzzer
/// counts, and with seeds of their own no two searches would try the same inputs.
#[allow(unsafe_code, reason = "the standard library calls it under this name, with room for so many bytes")]
#[unsafe(no_mangle)]
extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    unsafe { std::ptr::write_bytes(buffer, 1, length) };
    length.cast_signed()
}
