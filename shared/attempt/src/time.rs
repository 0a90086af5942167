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
