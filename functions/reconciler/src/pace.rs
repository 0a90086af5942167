//! How often the rail is asked: no more often than it takes requests, by its own word. Whoever it turns away reads an incomplete
//! book. Stripe counts reading apart from paying, <https://docs.stripe.com/rate-limits>.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A fifth of what the rail takes is kept for questions that come at once: no second has more than it takes.
const BURST_PERCENT: u32 = 20;

/// Where nobody says what the rail takes, nobody waits.
#[derive(Debug)]
pub(crate) struct Pace(Option<Turns>);

#[derive(Debug)]
struct Turns {
    gap: Duration,
    burst: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `a_second`: what the rail takes.
    pub(crate) fn of(a_second: Option<u32>) -> Self {
        Self(a_second.filter(|a_second| *a_second > 0).map(|a_second| {
            let gap = Duration::from_secs(100) / (100 - BURST_PERCENT) / a_second;
            let burst = gap * (a_second * BURST_PERCENT / 100).saturating_sub(1);
            Turns { gap, burst, next: Mutex::new(Instant::now()) }
        }))
    }

    /// Returns when the next question may be asked.
    pub(crate) async fn turn(&self) {
        let Some(Turns { gap, burst, next }) = &self.0 else { return };
        let at = {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = (*next).max(now.checked_sub(*burst).unwrap_or(now));
            *next = at + *gap;
            at
        };
        sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When so many questions that wait at once are asked, in milliseconds from now.
    async fn asked(pace: &Pace, questions: u32) -> Vec<u128> {
        let began = Instant::now();
        let mut asked = vec![];
        for _ in 0..questions {
            pace.turn().await;
            asked.push(began.elapsed().as_millis());
        }
        asked
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_questions_than_the_rail_takes() {
        for a_second in [1, 5, 25, 100] {
            let pace = Pace::of(Some(a_second));
            tokio::time::advance(Duration::from_secs(60)).await;
            let asked = asked(&pace, 10 * a_second).await;
            for first in &asked {
                let within = asked.iter().filter(|at| (*first..*first + 1_000).contains(at)).count();
                assert!(within <= a_second as usize, "{within} of {a_second} in the second from {first} ms");
            }
            // Four fifths of what it takes, and no less.
            assert!(asked.last().is_some_and(|last| *last <= 12_500), "{a_second} a second: {:?}", asked.last());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rail_that_says_nothing_is_asked_at_once() {
        assert_eq!(asked(&Pace::of(None), 1_000).await.last(), Some(&0));
    }
}
