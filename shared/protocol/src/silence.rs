//! Whether a provider has gone silent. It is learned how long it usually says nothing, for each hour of the week, from a
//! histogram of when its events were made; a silence that is longer than was ever usual then is one. An endpoint that the
//! provider switched off is seen by nothing else: a webhook that does not come leaves no trace.

use std::ops::Range;

use crate::UnixMillis;

/// Fine enough for a provider that says something every minute, and 8 weeks of it are 32 KB.
const BUCKET_MS: u64 = 600_000;
const HOUR_MS: u64 = 3_600_000;
const WEEK_HOURS: usize = 7 * 24;
/// Every hour of the week must have been seen twice before anything is called usual.
const LEARNED_MS: u64 = 14 * 24 * HOUR_MS;
/// How much longer than the longest usual gap a silence may last.
const TIMES: u64 = 2;
/// An older rhythm is forgotten.
const AT_MOST_WEEKS: u64 = 8;

/// How many events were made in each ten minutes of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The number of the first bucket since 1970.
    first: u64,
    counts: Vec<u32>,
    last: Option<UnixMillis>,
}

impl Histogram {
    /// For what was observed from first to last moment, of which at most the last eight weeks are kept.
    pub fn new(observed: Range<UnixMillis>) -> Self {
        let from = observed.start.max(observed.end.saturating_sub(AT_MOST_WEEKS * 7 * 24 * HOUR_MS));
        let (first, end) = (from / BUCKET_MS, observed.end.div_ceil(BUCKET_MS));
        let buckets = usize::try_from(end.saturating_sub(first)).unwrap_or_default();
        Self { first, counts: vec![0; buckets], last: None }
    }

    /// In any order; outside of what is observed it counts for nothing.
    pub fn count(&mut self, at: UnixMillis) {
        let bucket = (at / BUCKET_MS).checked_sub(self.first).and_then(|bucket| usize::try_from(bucket).ok());
        if let Some(count) = bucket.and_then(|bucket| self.counts.get_mut(bucket)) {
            *count = count.saturating_add(1);
            self.last = self.last.max(Some(at));
        }
    }

    /// Observed until then as well; what is older than eight weeks is forgotten.
    pub fn until(self, end: UnixMillis) -> Self {
        let mut longer = Self::new(self.first * BUCKET_MS..end.max(self.end()));
        for (bucket, count) in (self.first..).zip(&self.counts) {
            let place = bucket.checked_sub(longer.first).and_then(|place| usize::try_from(place).ok());
            if let Some(kept) = place.and_then(|place| longer.counts.get_mut(place)) {
                *kept = *count;
            }
        }
        Self { last: self.last.filter(|last| *last >= longer.first * BUCKET_MS), ..longer }
    }

    fn end(&self) -> UnixMillis {
        (self.first + self.counts.len() as u64) * BUCKET_MS
    }

    /// What it holds, to be written down: see [`Histogram::of`].
    pub fn parts(&self) -> (u64, &[u32], Option<UnixMillis>) {
        (self.first, &self.counts, self.last)
    }

    /// As it was written down.
    pub fn of(first: u64, counts: Vec<u32>, last: Option<UnixMillis>) -> Self {
        Self { first, counts, last }
    }

    fn observed_ms(&self) -> u64 {
        self.counts.len() as u64 * BUCKET_MS
    }

    /// The numbers of the buckets that hold something.
    fn heard(&self) -> impl Iterator<Item = u64> {
        let heard = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        heard.map(|(index, _)| self.first + index as u64)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Too little was seen to call anything usual.
    NotKnownYet,
    /// As usual. Until this moment silence is none.
    Usual { until: UnixMillis },
    /// Nothing since, and that was never usual.
    Since(UnixMillis),
}

/// `floor_ms`: a shorter silence is never one. Everything that is known up to `now` must be in the histogram.
pub fn silence(histogram: &Histogram, floor_ms: u64, now: UnixMillis) -> Silence {
    let Some(last) = histogram.last.filter(|_| histogram.observed_ms() >= LEARNED_MS) else {
        return Silence::NotKnownYet;
    };
    let mut usual = [None; WEEK_HOURS];
    for (before, after) in histogram.heard().zip(histogram.heard().skip(1)) {
        // Both lie somewhere in their buckets.
        let gap = (after + 1 - before) * BUCKET_MS;
        if let Some(slot) = usual.get_mut(hour_of_week(before * BUCKET_MS)) {
            *slot = (*slot).max(Some(gap));
        }
    }
    let Some(longest) = usual.iter().flatten().max().copied() else { return Silence::NotKnownYet };
    // Its neighbours as well: clocks are put forward and back.
    let hour = hour_of_week(last);
    let around = [hour + WEEK_HOURS - 1, hour, hour + 1].map(|hour| usual.get(hour % WEEK_HOURS).copied().flatten());
    let here = around.into_iter().flatten().max().unwrap_or(longest);
    let until = last.saturating_add((here * TIMES).max(floor_ms));
    if now > until { Silence::Since(last) } else { Silence::Usual { until } }
}

/// 1970 began on a Thursday, as each week does here.
fn hour_of_week(at: UnixMillis) -> usize {
    usize::try_from(at / HOUR_MS % WEEK_HOURS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: UnixMillis = 1_794_787_200_000;
    const DAY_MS: u64 = 24 * HOUR_MS;
    const WEEK_MS: u64 = 7 * DAY_MS;
    const FLOOR_MS: u64 = HOUR_MS;

    /// Splitmix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % bound
        }
    }

    /// For each hour of a week how many events are made in it, at changing minutes.
    fn week(random: &mut Random) -> Vec<u64> {
        let (opens, closes) = (random.below(12), 12 + random.below(12));
        let (busy, nights) = (1 + random.below(20), random.below(2));
        let weekend = random.below(3) > 0;
        let of_hour = |hour: u64| {
            let is_open = (opens..closes).contains(&(hour % 24)) && (weekend || hour / 24 < 5);
            if is_open { busy } else { nights }
        };
        (0..WEEK_HOURS as u64).map(of_hour).collect()
    }

    fn events(rhythm: &[u64], weeks: u64, random: &mut Random) -> Vec<UnixMillis> {
        let mut times = vec![];
        for hour in 0..weeks * WEEK_HOURS as u64 {
            for _ in 0..rhythm[hour as usize % WEEK_HOURS] {
                times.push(MONDAY + hour * HOUR_MS + random.below(HOUR_MS));
            }
        }
        times.sort_unstable();
        times
    }

    fn seen(times: &[UnixMillis], now: UnixMillis) -> Histogram {
        let mut histogram = Histogram::new(MONDAY..now);
        times.iter().filter(|time| **time <= now).for_each(|time| histogram.count(*time));
        histogram
    }

    #[test]
    fn never_calls_the_learned_rhythm_silence() {
        for seed in 0..40 {
            let mut random = Random(seed);
            let rhythm = week(&mut random);
            let times = events(&rhythm, 6, &mut random);
            for _ in 0..100 {
                let now = MONDAY + 3 * WEEK_MS + random.below(3 * WEEK_MS);
                let found = silence(&seen(&times, now), FLOOR_MS, now);
                assert!(matches!(found, Silence::Usual { .. }), "{seed}: {found:?} at {now}");
            }
        }
    }

    #[test]
    fn says_silence_within_twice_the_longest_gap_after_a_stop() {
        for seed in 0..40 {
            let mut random = Random(seed);
            let rhythm = week(&mut random);
            let mut times = events(&rhythm, 6, &mut random);
            let stop = MONDAY + 4 * WEEK_MS + random.below(2 * WEEK_MS);
            times.retain(|time| *time < stop);
            let last = *times.last().unwrap();
            let longest = times.windows(2).map(|two| two[1] - two[0]).max().unwrap();
            let now = last + (TIMES * (longest + 2 * BUCKET_MS)).max(FLOOR_MS) + 1;
            assert_eq!(silence(&seen(&times, now), FLOOR_MS, now), Silence::Since(last), "{seed}");
            // And not at once.
            let now = last + FLOOR_MS;
            assert!(matches!(silence(&seen(&times, now), FLOOR_MS, now), Silence::Usual { .. }), "{seed}");
        }
    }

    #[test]
    fn knows_nothing_before_each_hour_was_seen_twice() {
        let times: Vec<UnixMillis> = (0..100).map(|count| MONDAY + count * BUCKET_MS).collect();
        let found = |times: &[UnixMillis], days: u64| {
            let now = MONDAY + days * DAY_MS;
            silence(&seen(times, now), FLOOR_MS, now)
        };
        assert_eq!(found(&times, 13), Silence::NotKnownYet);
        assert_eq!(found(&times, 15), Silence::Since(times[99]));
        assert_eq!(found(&[], 15), Silence::NotKnownYet);
        assert_eq!(found(&times[..1], 15), Silence::NotKnownYet);
    }

    #[test]
    fn a_night_is_no_silence_and_the_same_hours_by_day_are_one() {
        // Every ten minutes from eight to twenty.
        let by_day = |time: &UnixMillis| (8..20).contains(&(*time / HOUR_MS % 24));
        let times: Vec<UnixMillis> = (0..28 * 24 * 6).map(|count| MONDAY + count * BUCKET_MS).filter(by_day).collect();
        let at = |day: u64, hour: u64| MONDAY + day * DAY_MS + hour * HOUR_MS;
        let found = |stop: UnixMillis, now: UnixMillis| {
            let heard: Vec<UnixMillis> = times.iter().copied().filter(|time| *time < stop).collect();
            silence(&seen(&heard, now), FLOOR_MS, now)
        };
        assert!(matches!(found(at(20, 20), at(21, 7)), Silence::Usual { .. }));
        assert!(matches!(found(at(20, 11), at(20, 14)), Silence::Since(_)));
    }

    /// Else the first evening after it is a false alarm, or the first outage goes unseen until a weekend would be over.
    #[test]
    fn clock_that_is_put_forward_or_back_changes_no_usual_silence() {
        // Every ten minutes from eight to nine in the evening, Monday to Friday.
        let is_open = |time: &UnixMillis| {
            let hour = (*time - MONDAY) / HOUR_MS;
            (8..21).contains(&(hour % 24)) && hour / 24 % 7 < 5
        };
        let times: Vec<UnixMillis> = (0..28 * 24 * 6).map(|count| MONDAY + count * BUCKET_MS).filter(is_open).collect();
        let tuesday = MONDAY + 22 * DAY_MS;
        let heard =
            |until: UnixMillis| -> Vec<UnixMillis> { times.iter().copied().filter(|time| *time < until).collect() };
        let an_hour_early = heard(tuesday + 20 * HOUR_MS);
        let in_the_night = tuesday + 31 * HOUR_MS;
        let found = silence(&seen(&an_hour_early, in_the_night), FLOOR_MS, in_the_night);
        assert!(matches!(found, Silence::Usual { .. }), "{found:?}");
        let last = tuesday + 21 * HOUR_MS + 5 * BUCKET_MS;
        let an_hour_late = [heard(tuesday + 21 * HOUR_MS), vec![last]].concat();
        let next_evening = last + 23 * HOUR_MS;
        assert_eq!(silence(&seen(&an_hour_late, next_evening), FLOOR_MS, next_evening), Silence::Since(last));
    }

    #[test]
    fn silence_begins_when_its_usual_time_is_over() {
        // Every ten minutes: a gap may have twenty, as both lie somewhere in their buckets.
        let times: Vec<UnixMillis> = (0..20 * 24 * 6).map(|count| MONDAY + count * BUCKET_MS).collect();
        let last = *times.last().unwrap();
        let at = |now: UnixMillis| silence(&seen(&times, now), 0, now);
        let until = last + TIMES * 2 * BUCKET_MS;
        assert_eq!(at(until), Silence::Usual { until });
        assert_eq!(at(until + 1), Silence::Since(last));
    }

    #[test]
    fn what_was_heard_is_kept_for_eight_weeks_and_no_shorter_time_cuts_it() {
        let mut heard = Histogram::new(MONDAY..MONDAY + WEEK_MS);
        heard.count(MONDAY + DAY_MS);
        assert_eq!(heard.clone().until(MONDAY), heard);
        assert_eq!(heard.clone().until(MONDAY + 8 * WEEK_MS).parts().2, Some(MONDAY + DAY_MS));
        assert_eq!(heard.until(MONDAY + 9 * WEEK_MS).parts().2, None);
    }

    #[test]
    fn a_histogram_goes_on_where_it_stopped() {
        let mut random = Random(7);
        let rhythm = week(&mut random);
        let times = events(&rhythm, 10, &mut random);
        let (half, end) = (MONDAY + 5 * WEEK_MS, MONDAY + 10 * WEEK_MS);
        let mut whole = Histogram::new(MONDAY..end);
        times.iter().for_each(|time| whole.count(*time));
        let mut parts = seen(&times, half - 1);
        let (first, counts, last) = parts.parts();
        parts = Histogram::of(first, counts.to_vec(), last).until(end);
        times.iter().filter(|time| **time >= half).for_each(|time| parts.count(*time));
        assert_eq!(parts, whole);
    }

    #[test]
    fn forgets_what_is_older_than_eight_weeks() {
        assert_eq!(Histogram::new(MONDAY..MONDAY + 30 * WEEK_MS).observed_ms(), AT_MOST_WEEKS * WEEK_MS);
    }
}
