//! What the sweeper may conclude, and when it looks. It never pays.

use crate::UnixMillis;

/// Added to a claim's expiry before it is given up: clock skew between hosts, and writes that land late.
pub const MARGIN_MS: u64 = 120_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Finding {
    /// An outcome is there.
    Settled,
    /// Its worker may still be alive.
    TooEarly,
    /// Record `Unknown` under the condition that no outcome exists, with the case `attempt_abandoned`.
    Abandoned,
}

/// `expires_at` is the moment after which the worker that wrote the claim cannot be running, by its own clock. Claim and
/// outcome must come from consistent reads of the table; an index row is only a hint that a claim exists.
pub fn examine(expires_at: UnixMillis, has_outcome: bool, now: UnixMillis, margin_ms: u64) -> Finding {
    if has_outcome {
        Finding::Settled
    } else if now < expires_at.saturating_add(margin_ms) {
        Finding::TooEarly
    } else {
        Finding::Abandoned
    }
}

/// Whether a refused event has had all the time in which its provider would have come back.
pub fn refusal_is_final(final_after: UnixMillis, now: UnixMillis) -> bool {
    now >= final_after
}

/// A minute since 1970, the unit of the index.
pub type Minute = u64;

pub const MINUTE_MS: u64 = 60_000;

/// How many minutes after its start a bucket is read. Four minutes: its last claim (1) has expired (at most 1) and the
/// margin (2) is over. Twenty: the index lagged. A day: a put that nobody waited for landed with an old time.
pub const VISITS: [Minute; 3] = [4, 20, 24 * 60];

/// At most this many run minutes are made up by one run; a longer pause is made up over several.
pub const CATCH_UP: Minute = 120;

/// Which minutes a run covers, and the buckets that it must read. There is no watermark: a bucket is read again whether
/// or not anything was found in it, and the runs that a pause left out are made up (C7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Stored when every bucket has been worked off; the next round begins after it.
    pub through: Minute,
    pub buckets: Vec<Minute>,
}

/// `last` is the stored end of the last complete round; `None` on a new stack.
pub fn round(last: Option<Minute>, now: Minute) -> Round {
    let first = last.map_or(now, |last| last + 1).min(now);
    let through = now.min(first + CATCH_UP - 1);
    let mut buckets: Vec<Minute> =
        VISITS.iter().flat_map(|visit| (first..=through).filter_map(move |run| run.checked_sub(*visit))).collect();
    buckets.sort_unstable();
    buckets.dedup();
    Round { through, buckets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_worker_is_left_alone_until_expiry_and_margin_are_over() {
        let expires_at = 1_000_000;
        assert_eq!(examine(expires_at, false, expires_at + MARGIN_MS - 1, MARGIN_MS), Finding::TooEarly);
        assert_eq!(examine(expires_at, false, expires_at + MARGIN_MS, MARGIN_MS), Finding::Abandoned);
        assert_eq!(examine(expires_at, true, expires_at + MARGIN_MS, MARGIN_MS), Finding::Settled);
    }

    #[test]
    fn every_bucket_is_visited_three_times() {
        let mut visits = std::collections::BTreeMap::new();
        let mut last = Some(9_999);
        for now in 10_000..=12_000 {
            let round = round(last, now);
            round.buckets.iter().for_each(|bucket| *visits.entry(*bucket).or_insert(0) += 1);
            last = Some(round.through);
        }
        assert!((10_000..=10_500).all(|bucket| visits[&bucket] == 3));
    }

    #[test]
    fn a_pause_of_the_sweeper_is_made_up() {
        let mut visited = std::collections::BTreeSet::new();
        let mut last = Some(1_000);
        for now in 1_900..2_000 {
            let round = round(last, now);
            assert!(round.buckets.len() <= VISITS.len() * CATCH_UP as usize);
            visited.extend(round.buckets);
            last = Some(round.through);
        }
        assert_eq!(last, Some(1_999));
        assert!((997..=1_995).all(|bucket| visited.contains(&bucket)));
    }

    #[test]
    fn a_clock_that_went_back_reads_again_rather_than_nothing() {
        assert_eq!(round(Some(5_000), 4_990).through, 4_990);
        assert!(!round(Some(5_000), 4_990).buckets.is_empty());
    }

    #[test]
    fn the_first_visit_comes_when_the_last_claim_of_the_minute_can_be_given_up() {
        let latest_expiry_ms = MINUTE_MS - 1 + 30_000;
        assert!(VISITS[0] * MINUTE_MS >= latest_expiry_ms + MARGIN_MS);
    }
}
