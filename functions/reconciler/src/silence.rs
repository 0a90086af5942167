//! What one run must know of the one before about the providers: whose list was read, and when each was heard. One whose list is read
//! for the first time may have sent events before that come late.
//!
//! Providers that have gone silent. Each run writes down when each provider's events were made, beside what the runs of eight weeks
//! wrote; between runs the claims say whether something came since. A webhook that does not come leaves no other trace.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use payonce_ledger::powers::{QueriesAudit, Reads};
use payonce_ledger::{Entry, Ledger, LedgerError};
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::silence::{Histogram, Silence, silence};
use payonce_protocol::sweep::MINUTE_MS;
use serde::{Deserialize, Serialize};

/// Among a run's files.
pub(crate) const HEARD: &str = "heard.json";

/// By the namespace of its payout keys, which is what two tables of one provider share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    of: BTreeMap<String, Histogram>,
    /// Providers whose list was read.
    listed: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    of: BTreeMap<String, Counts>,
    listed: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    first: u64,
    counts: Vec<u32>,
    last: Option<UnixMillis>,
}

impl Heard {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let Written { of, listed } = serde_json::from_slice(bytes)?;
        let read = |Counts { first, counts, last }| Histogram::of(first, counts, last);
        Ok(Self { of: of.into_iter().map(|(namespace, counts)| (namespace, read(counts))).collect(), listed })
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let of = |(namespace, histogram): (&String, &Histogram)| {
            let (first, counts, last) = histogram.parts();
            (namespace.clone(), Counts { first, counts: counts.to_vec(), last })
        };
        serde_json::to_vec(&Written { of: self.of.iter().map(of).collect(), listed: self.listed.clone() })
    }

    /// All of these lists were read in the run before, too.
    pub(crate) fn has_read<'a>(&self, mut listed: impl Iterator<Item = &'a str>) -> bool {
        listed.all(|provider| self.listed.contains(provider))
    }

    /// Of these namespaces and lists alone, and observed to the end of the window.
    pub(crate) fn observing(mut self, namespaces: &BTreeSet<String>, listed: BTreeSet<String>, window: Window) -> Self {
        let of = |namespace: &String| {
            let known = self.of.remove(namespace).unwrap_or_else(|| Histogram::new(window.from()..window.from()));
            (namespace.clone(), known.until(window.to()))
        };
        Self { of: namespaces.iter().map(of).collect(), listed }
    }

    /// An event of a payout key.
    pub(crate) fn count(&mut self, key: &str, at: UnixMillis) {
        if let Some(histogram) = key.split_once('/').and_then(|(namespace, _)| self.of.get_mut(namespace)) {
            histogram.count(at);
        }
    }

    /// Of whom nothing came for longer than was ever usual, and since when. `since`: to when they were written down.
    pub(crate) async fn silent<P: Reads + QueriesAudit>(
        mut self,
        ledger: &Ledger<P>,
        since: UnixMillis,
        floor_ms: u64,
        now: UnixMillis,
    ) -> Result<Vec<(String, UnixMillis)>, LedgerError> {
        self.of = self.of.into_iter().map(|(name, histogram)| (name, histogram.until(now))).collect();
        let mut quiet: BTreeSet<String> = self.of.keys().cloned().collect();
        // From now backwards, until each of them was heard.
        let mut minutes = pin!(ledger.minutes((since / MINUTE_MS..=now / MINUTE_MS).rev()).await?);
        while !quiet.is_empty()
            && let Some(minute) = minutes.try_next().await?
        {
            for row in minute.rows.iter().filter(|row| matches!(row.entry, Entry::Claim(_))) {
                self.count(row.key.as_str(), row.received_at);
                if let Some((namespace, _)) = row.key.as_str().split_once('/') {
                    quiet.remove(namespace);
                }
            }
        }
        Ok(self.are_silent(floor_ms, now))
    }

    fn are_silent(&self, floor_ms: u64, now: UnixMillis) -> Vec<(String, UnixMillis)> {
        let is_silent = |(name, histogram): (&String, &Histogram)| match silence(histogram, floor_ms, now) {
            Silence::Since(last) => Some((name.clone(), last)),
            Silence::NotKnownYet | Silence::Usual { .. } => None,
        };
        self.of.iter().filter_map(is_silent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn window(day: u64) -> Window {
        Window::new(day * DAY_MS, (day + 1) * DAY_MS).unwrap()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_one_run_wrote_the_next_goes_on_with() {
        let mut first = Heard::default().observing(&names(&["stripe", "adyen"]), names(&["stripe"]), window(100));
        first.count("stripe/pi_1", 100 * DAY_MS + 5);
        first.count("gone/pi_1", 100 * DAY_MS + 5);
        let read = Heard::read(&first.to_json().unwrap()).unwrap();
        assert_eq!(read, first);
        assert!(read.has_read(["stripe"].into_iter()) && !read.has_read(["stripe", "adyen"].into_iter()));
        let next = read.observing(&names(&["stripe"]), names(&[]), window(101));
        assert_eq!(next.of.len(), 1);
        assert_eq!(next.of["stripe"].parts().2, Some(100 * DAY_MS + 5));
        assert_eq!(next.of["stripe"].parts().1.len(), 2 * 144);
    }

    /// Both say something each hour; one stops.
    #[test]
    fn the_provider_that_stopped_is_silent_and_no_other() {
        let mut heard = Heard::default();
        for day in 100..120 {
            heard = heard.observing(&names(&["stripe", "adyen", "new"]), names(&[]), window(day));
            for hour in 0..24 {
                let at = day * DAY_MS + hour * 3_600_000;
                heard.count("stripe/pi_1", at);
                if day < 119 {
                    heard.count("adyen/psp_1", at);
                }
            }
        }
        let silent = heard.are_silent(6 * 3_600_000, 120 * DAY_MS);
        assert_eq!(silent, [("adyen".to_owned(), 119 * DAY_MS - 3_600_000)]);
        assert_eq!(heard.are_silent(2 * DAY_MS, 120 * DAY_MS), []);
    }
}
