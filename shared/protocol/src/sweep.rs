//! What the sweeper may conclude, and when it looks. It never pays.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::UnixMillis;
use crate::ids::Shards;

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
/// margin (2) is over. Twenty: the index lagged. A day: a late put, indexed under an old minute.
pub const VISITS: [Minute; 3] = [4, 20, 24 * 60];

/// How far back a sweeper looks that finds no place stored: as far as its last visit.
pub const NEW_STACK: Minute = VISITS[VISITS.len() - 1];

/// At most this many buckets of each visit are listed at a time; a longer pause is made up over several runs.
pub const LISTED_AT_MOST: usize = 10_000;

/// Buckets that are owed are tried again at the end of a run, a few at a time: they may fail again.
const OWED_AT_ONCE: usize = 16;

/// How far the sweeper has come. It is counted by bucket and visit, so that what was worked off stays so whatever happens
/// to another bucket. There is no watermark: a bucket is read again whether or not anything was found in it, and the runs
/// that a pause left out are made up (no-silent-loss).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// For each of [`VISITS`]: all buckets up to this one have had that visit, or are owed.
    pub visited: [Minute; VISITS.len()],
    /// Buckets that could not be worked off while later ones could.
    pub owed: BTreeSet<Minute>,
    /// The most that any version ever listed a minute under: it never falls, or what was listed under more would be unseen.
    pub shards: Shards,
}

impl Progress {
    /// Every visit that was due by the run of this minute has been made.
    pub fn through(run: Minute) -> Self {
        Self { visited: VISITS.map(|visit| run.saturating_sub(visit)), owed: BTreeSet::new(), shards: Shards::ONE }
    }

    /// Nothing is known of any visit: whatever was claimed lately may have been left behind.
    pub fn of_new_stack(now: Minute) -> Self {
        Self { visited: VISITS.map(|_| now.saturating_sub(NEW_STACK + 1)), owed: BTreeSet::new(), shards: Shards::ONE }
    }

    /// The buckets to read now, the oldest first, and after them some that are owed. One reading is every visit that is due
    /// by then. A clock that went back reads again rather than nothing.
    pub fn due(&self, now: Minute) -> Vec<Minute> {
        let ranges = self.visited.iter().zip(VISITS).filter_map(|(visited, visit)| {
            let last = now.checked_sub(visit)?;
            Some((*visited + 1).min(last)..=last)
        });
        let listed: BTreeSet<Minute> = ranges.flat_map(|range| range.take(LISTED_AT_MOST)).collect();
        let mut owed: Vec<Minute> = self.owed.difference(&listed).copied().collect();
        // Another one first in each run: some may fail for ever, and must not stand before the others.
        let first = (now as usize).checked_rem(owed.len()).unwrap_or_default();
        owed.rotate_left(first);
        listed.into_iter().chain(owed.into_iter().take(OWED_AT_ONCE)).collect()
    }

    /// Those of [`Progress::due`] in their order; one that failed must be owed by then.
    pub fn worked_off(&mut self, bucket: Minute, now: Minute) {
        self.owed.remove(&bucket);
        for (visited, visit) in self.visited.iter_mut().zip(VISITS) {
            let Some(last) = now.checked_sub(visit) else { continue };
            *visited = match bucket.cmp(&last) {
                Ordering::Less => bucket.max(*visited),
                // Also back from a bucket past it, after the clock went back.
                Ordering::Equal => last,
                Ordering::Greater => *visited,
            };
        }
    }

    /// Minutes of the visit that is furthest behind.
    pub fn behind(&self, now: Minute) -> Minute {
        let of = |(visited, visit): (&Minute, Minute)| now.saturating_sub(visit).saturating_sub(*visited);
        self.visited.iter().zip(VISITS).map(of).max().unwrap_or_default()
    }
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

    /// Until then its provider may still bring it, and people must not be told that it is lost.
    #[test]
    fn refused_event_is_lost_only_when_its_provider_has_given_up() {
        assert!(!refusal_is_final(1_000, 999));
        assert!(refusal_is_final(1_000, 1_000) && refusal_is_final(1_000, 1_001));
    }

    /// Reads all that is due, with these buckets failing.
    fn run(progress: &mut Progress, now: Minute, failing: &[Minute]) -> Vec<Minute> {
        let due = progress.due(now);
        for bucket in &due {
            match failing.contains(bucket) {
                true => drop(progress.owed.insert(*bucket)),
                false => progress.worked_off(*bucket, now),
            }
        }
        due
    }

    #[test]
    fn every_bucket_is_visited_three_times() {
        let mut visits = std::collections::BTreeMap::new();
        let mut progress = Progress::through(9_999);
        for now in 10_000..=12_000 {
            run(&mut progress, now, &[]).iter().for_each(|bucket| *visits.entry(*bucket).or_insert(0) += 1);
            assert_eq!(progress, Progress::through(now));
        }
        assert!((10_000..=10_500).all(|bucket| visits[&bucket] == 3));
    }

    #[test]
    fn a_pause_is_made_up_and_each_bucket_is_read_once_for_it() {
        let mut progress = Progress::through(10_000);
        let read = run(&mut progress, 10_900, &[]);
        assert!(read.is_sorted() && (9_997..=10_896).all(|bucket| read.contains(&bucket)));
        assert_eq!((read.len(), progress.behind(10_900)), (900 + 900 + 16, 0));
        assert_eq!(progress, Progress::through(10_900));
    }

    #[test]
    fn what_was_worked_off_before_time_ran_out_is_not_read_again() {
        let mut progress = Progress::through(1_000);
        progress.due(1_100).iter().take(50).for_each(|bucket| progress.worked_off(*bucket, 1_100));
        let first = progress.due(1_100)[0];
        assert_eq!((first, progress.behind(1_100)), (981 + 50, 100 - 34));
    }

    #[test]
    fn a_bucket_that_fails_holds_no_other_one_up_and_is_owed() {
        let mut progress = Progress::through(1_000);
        run(&mut progress, 1_100, &[1_010]);
        assert_eq!((progress.behind(1_100), progress.owed.clone()), (0, BTreeSet::from([1_010])));
        assert!(progress.due(1_101).ends_with(&[1_010]));
        run(&mut progress, 1_101, &[]);
        assert_eq!(progress, Progress::through(1_101));
    }

    #[test]
    fn owed_buckets_that_always_fail_do_not_stand_before_the_others() {
        let mut progress = Progress::through(10_000);
        progress.owed.extend(100..150);
        let first: BTreeSet<Minute> =
            (10_000..10_050).map(|now| progress.due(now)[progress.due(now).len() - 16]).collect();
        assert_eq!(first, progress.owed);
    }

    #[test]
    fn a_new_stack_reads_the_last_day() {
        let mut progress = Progress::of_new_stack(100_000);
        assert_eq!(progress.behind(100_000), 1_437, "all of it");
        let read = run(&mut progress, 100_000, &[]);
        assert_eq!((read[0], read[read.len() - 1]), (100_000 - 1_440, 100_000 - 4));
        assert_eq!((read.len(), progress), (1_437, Progress::through(100_000)));
    }

    #[test]
    fn a_clock_that_went_back_reads_again_rather_than_nothing() {
        let mut progress = Progress::through(5_000);
        assert_eq!(run(&mut progress, 4_990, &[]), [3_550, 4_970, 4_986]);
        assert_eq!(progress, Progress::through(4_990));
    }

    #[test]
    fn the_first_visit_comes_when_the_last_claim_of_the_minute_can_be_given_up() {
        let latest_expiry_ms = MINUTE_MS - 1 + 30_000;
        assert!(VISITS[0] * MINUTE_MS >= latest_expiry_ms + MARGIN_MS);
    }
}
