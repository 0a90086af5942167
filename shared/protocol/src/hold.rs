//! Hold: one control item says whether payouts are made.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Payouts are made.
    Pay,
    /// Nothing is claimed; the provider is asked to come back (503). Also what an unreadable control item means.
    Refuse,
    /// Events are claimed and filed, nothing is paid.
    Record,
}

impl Hold {
    pub const ALL: [Self; 3] = [Self::Pay, Self::Refuse, Self::Record];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Refuse => "refuse",
            Self::Record => "record",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == text)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the claims of the last two minutes ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub ended: u32,
    /// Of these, `Unknown`.
    pub unknown: u32,
}

/// How far back the sweeper counts.
pub const WINDOW_MS: u64 = 120_000;

/// Fewer attempts than this prove nothing about the rail.
pub const TRIP_AT_LEAST: u32 = 10;

/// Whether the sweeper sets [`Hold::Refuse`] by itself: most of the last two minutes ended `Unknown`. Only a person
/// sets it back.
pub fn trips(tally: Tally) -> bool {
    tally.ended >= TRIP_AT_LEAST && tally.unknown * 2 >= tally.ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_failures_do_not_stop_payouts_and_an_outage_does() {
        assert!(!trips(Tally { ended: 9, unknown: 9 }));
        assert!(!trips(Tally { ended: 100, unknown: 49 }));
        assert!(trips(Tally { ended: 10, unknown: 10 }));
        assert!(trips(Tally { ended: 100, unknown: 50 }));
    }
}
