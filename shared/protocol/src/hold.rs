//! Hold: one control item says whether payouts are made.

use std::collections::BTreeMap;
use std::fmt;

use crate::outcome::Outcome;

crate::words! {
    pub enum Hold {
        /// Payouts are made.
        Pay = "pay",
        /// Nothing is claimed; the provider is asked to come back (503). Also what an unreadable control item means.
        Refuse = "refuse",
        /// Events are claimed and filed, nothing is paid.
        Record = "record",
    }
}

/// How the claims of the last two minutes ended, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    ended: u32,
    unknown: u32,
    /// Of those that were not made: how many of each cause.
    causes: BTreeMap<String, u32>,
}

/// What the rail, or the way to it, says of most payouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trip {
    /// So many of all that ended.
    pub of_these: u32,
    pub ended: u32,
    /// `None`: they ended `Unknown`, whatever the cause.
    pub cause: Option<String>,
}

/// What an outcome says of an attempt that was claimed and not tried: payouts were held.
pub const HELD: &str = "held";
/// The same where they were not: the rail could not be reached, or there was no time.
pub const NOT_TRIED: &str = "not_tried";

/// How far back the sweeper counts.
pub const WINDOW_MS: u64 = 120_000;

/// Fewer attempts than this prove nothing about the rail.
pub const TRIP_AT_LEAST: u32 = 10;

impl Tally {
    /// `cause` tells what is the matter with one payee or sum from what is the matter with all.
    pub fn count(&mut self, outcome: Outcome, cause: impl FnOnce() -> String) {
        self.ended += 1;
        match outcome {
            Outcome::Accepted => {}
            Outcome::Unknown => self.unknown += 1,
            Outcome::Rejected | Outcome::NotSent => *self.causes.entry(cause()).or_default() += 1,
        }
    }

    /// Whether the sweeper sets [`Hold::Refuse`] by itself: at least half of what ended in the window ended `Unknown`, or
    /// was not made for one and the same cause. Different causes are never added up: payees have faults of their own. Only
    /// a person sets it back.
    pub fn trips(&self) -> Option<Trip> {
        let is_most = |count: u32| self.ended >= TRIP_AT_LEAST && count * 2 >= self.ended;
        let trip = |of_these, cause| Trip { of_these, ended: self.ended, cause };
        if is_most(self.unknown) {
            return Some(trip(self.unknown, None));
        }
        let (cause, count) = self.causes.iter().max_by_key(|(_, count)| **count)?;
        is_most(*count).then(|| trip(*count, Some(cause.clone())))
    }
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of_these, ended, cause } = self;
        match cause {
            None => write!(f, "{of_these} of the last {ended} attempts ended unknown"),
            Some(cause) => {
                write!(f, "{of_these} of the last {ended} attempts were not made, all for one cause: {cause}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(counted: &[(Outcome, &str, u32)]) -> Tally {
        let mut tally = Tally::default();
        for (outcome, cause, times) in counted {
            (0..*times).for_each(|_| tally.count(*outcome, || (*cause).to_owned()));
        }
        tally
    }

    #[test]
    fn a_few_failures_do_not_stop_payouts_and_an_outage_does() {
        let of = |unknown, accepted| {
            tally(&[(Outcome::Unknown, "", unknown), (Outcome::Accepted, "", accepted)]).trips().is_some()
        };
        assert!(!of(9, 0));
        assert!(!of(49, 51));
        assert!(of(10, 0));
        assert!(of(50, 50));
    }

    #[test]
    fn what_is_said_of_every_payout_holds_payouts() {
        let revoked = tally(&[(Outcome::Rejected, "rejected 401", 14)]).trips().unwrap();
        let said = "14 of the last 14 attempts were not made, all for one cause: rejected 401";
        assert_eq!(revoked.to_string(), said);
        assert!(tally(&[(Outcome::NotSent, "not_sent", 5), (Outcome::Accepted, "", 5)]).trips().is_some());
    }

    #[test]
    fn payees_own_faults_do_not_add_up() {
        let payees = [(Outcome::Rejected, "rejected 400 no_account", 6), (Outcome::Rejected, "rejected 400 closed", 6)];
        let others = [(Outcome::NotSent, "not_sent", 6), (Outcome::Unknown, "", 2), (Outcome::Accepted, "", 1)];
        assert_eq!(tally(&[payees.as_slice(), &others].concat()).trips(), None);
    }
}
