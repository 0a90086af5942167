//! How long an input may take. It is no part of the library, which is compiled with libFuzzer's counters: what a clock says must not lead
//! a search, or no two of them are the same.

/// A linear reader of a megabyte takes some hundredths of it, compiled for the search; what compares each statement with a thousand others
/// a third.
const MS_AT_MOST: u64 = 60_000;

pub fn in_bounded_time(run: impl FnOnce()) {
    let before = processor_ms();
    run();
    let taken = processor_ms().saturating_sub(before);
    assert!(taken < MS_AT_MOST, "{taken} ms of the processor");
}

/// What this thread has used of a processor: on a machine that does other work the clock says nothing. Linux says it, and nobody else.
fn processor_ms() -> u64 {
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    used.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or_default() / 1_000_000
}
