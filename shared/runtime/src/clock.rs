//! The one place that reads the wall clock. Everything else is told the time, so that a test can decide what it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use payonce_protocol::UnixMillis;

/// Cheap to clone; clones of a manual clock show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
    Told(Arc<dyn Fn() -> UnixMillis + Send + Sync>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Manual(_) => "Manual",
            Self::Told(_) => "Told",
        })
    }
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Stands still until it is moved by [`Clock::set`] or [`Clock::advance`].
    pub fn manual(now: UnixMillis) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(now))))
    }

    /// Asks each time; a test may answer with a panic.
    pub fn told(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Source::Told(Arc::new(now)))
    }

    /// A host whose clock stands before 1970 reads 0: every signature is then from the future, and nothing is paid.
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    pub fn now(&self) -> UnixMillis {
        match &self.0 {
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            Source::Manual(now) => now.load(Ordering::SeqCst),
            Source::Told(now) => now(),
        }
    }

    /// Moves a manual clock; no other can be moved from here.
    pub fn set(&self, now: UnixMillis) {
        if let Source::Manual(time) = &self.0 {
            time.store(now, Ordering::SeqCst);
        }
    }

    pub fn advance(&self, by_ms: u64) {
        if let Source::Manual(time) = &self.0 {
            time.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_agree() {
        let clock = Clock::manual(1_000);
        let other = clock.clone();
        clock.advance(500);
        assert_eq!(other.now(), 1_500);
        other.set(7);
        assert_eq!(clock.now(), 7);
    }

    #[test]
    fn told_clock_asks_each_time() {
        let asked = AtomicU64::new(0);
        let clock = Clock::told(move || asked.fetch_add(1, Ordering::SeqCst));
        assert_eq!([clock.now(), clock.now()], [0, 1]);
    }

    #[test]
    fn system_clock_is_in_milliseconds() {
        let now = Clock::system().now();
        // 2025-01-01 and 2200-01-01 in milliseconds.
        assert!((1_735_689_600_000..7_258_118_400_000).contains(&now), "{now}");
    }
}
