//! Two deadlines count. Past the platform's nothing runs any more, so the worst case must fit: a claim is put twice at the
//! most, and each put and the record have their own time. Past the provider's it hangs up, which harms no payout but counts
//! as a failed delivery: events that have not begun by then are left to the next one.

use payonce_protocol::UnixMillis;
use payonce_protocol::event::TimeLeft;
use payonce_runtime::config::{Limits, MIN_PAYOUT_MS, RECORD_RESERVE_MS};

pub(crate) struct Time<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) deadline: UnixMillis,
    pub(crate) answer_by: Option<UnixMillis>,
}

impl Time<'_> {
    pub(crate) fn left(&self, now: UnixMillis) -> TimeLeft {
        let left = self.deadline.saturating_sub(now);
        let for_claim = 2 * self.limits.claim_ms + self.limits.record_ms;
        let for_payout = for_claim + self.limits.connect_ms + self.payout_ms(now);
        if left >= for_payout && self.is_waited_for_ms(now) >= MIN_PAYOUT_MS + RECORD_RESERVE_MS {
            TimeLeft::ForPayout
        } else if left >= for_claim {
            TimeLeft::ForClaim
        } else {
            TimeLeft::None
        }
    }

    /// A provider that hangs up early must not make every first delivery count as failed. The claim stands by then, so the
    /// rail gets its least time even when the provider's is over.
    pub(crate) fn payout_ms(&self, now: UnixMillis) -> u64 {
        let within = self.is_waited_for_ms(now).saturating_sub(RECORD_RESERVE_MS).max(MIN_PAYOUT_MS);
        self.limits.payout_ms.min(within)
    }

    /// From this moment on no first byte of a payout may leave that has so long.
    pub(crate) fn first_byte_before(&self, payout_ms: u64) -> UnixMillis {
        self.deadline.saturating_sub(payout_ms + self.limits.record_ms)
    }

    /// How long whoever asks will still wait for the answer.
    fn is_waited_for_ms(&self, now: UnixMillis) -> u64 {
        self.answer_by.unwrap_or(UnixMillis::MAX).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = 1_000_000;

    /// So long until the platform's end, and until whoever asks hangs up.
    fn time(limits: &Limits, left: u64, waits: Option<u64>) -> Time<'_> {
        Time { limits, deadline: NOW + left, answer_by: waits.map(|waits| NOW + waits) }
    }

    /// Connect 2 s, claim twice 2 s, payout 10 s, record 5 s.
    #[test]
    fn payout_begins_only_with_time_for_its_worst_case() {
        let limits = Limits::default();
        let left = |left, waits| time(&limits, left, waits).left(NOW);
        assert_eq!((left(21_000, None), left(20_999, None)), (TimeLeft::ForPayout, TimeLeft::ForClaim));
        assert_eq!((left(9_000, None), left(8_999, None)), (TimeLeft::ForClaim, TimeLeft::None));
        assert_eq!(time(&limits, 0, None).left(NOW + 1), TimeLeft::None);
        // Whoever waits less gives the rail less.
        assert_eq!((left(12_000, Some(1_500)), left(11_999, Some(1_500))), (TimeLeft::ForPayout, TimeLeft::ForClaim));
        assert_eq!(left(21_000, Some(1_499)), TimeLeft::ForClaim, "nobody would wait for the record");
    }

    #[test]
    fn rail_has_what_the_provider_waits_for_and_never_less_than_a_second() {
        let limits = Limits::default();
        for (waits, payout_ms) in [(None, 10_000), (Some(60_000), 10_000), (Some(5_500), 5_000), (Some(0), 1_000)] {
            assert_eq!(time(&limits, 25_000, waits).payout_ms(NOW), payout_ms, "{waits:?}");
        }
    }

    /// Else the platform could end the function while the money moves, and nobody would record it.
    #[test]
    fn first_byte_leaves_only_with_time_for_the_payout_and_its_record() {
        let limits = Limits::default();
        assert_eq!(time(&limits, 25_000, None).first_byte_before(10_000), NOW + 25_000 - 10_000 - 5_000);
        assert_eq!(Time { limits: &limits, deadline: 3, answer_by: None }.first_byte_before(10_000), 0);
    }
}
