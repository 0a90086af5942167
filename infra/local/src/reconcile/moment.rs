//! Where a window begins or ends: with a day of UTC, or at a time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use payonce_protocol::UnixMillis;

use super::Failure;

const DAY_MS: u64 = 86_400_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Day(Date),
    Time(Timestamp),
}

impl FromStr for Moment {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        if text.contains(['T', 't']) { text.parse().map(Self::Time) } else { text.parse().map(Self::Day) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Time(time) => write!(f, "{time}"),
        }
    }
}

impl Moment {
    pub fn begins(self) -> Result<UnixMillis, Failure> {
        let begins = match self {
            Self::Day(day) => day.to_zoned(TimeZone::UTC)?.timestamp(),
            Self::Time(time) => time,
        };
        Ok(UnixMillis::try_from(begins.as_millisecond()).map_err(|_| format!("{self}: days begin with 1970"))?)
    }

    /// The first moment that does not belong to it.
    pub fn ends(self) -> Result<UnixMillis, Failure> {
        let begins = self.begins()?;
        Ok(if matches!(self, Self::Day(_)) { begins.saturating_add(DAY_MS) } else { begins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_ends_with_the_next_and_time_with_itself() {
        let at = |text: &str| {
            let moment: Moment = text.parse().unwrap();
            (moment.begins().unwrap(), moment.ends().unwrap())
        };
        assert_eq!(at("1970-01-02"), (DAY_MS, 2 * DAY_MS));
        assert_eq!(at("1970-01-02T01:00:00Z"), (DAY_MS + 3_600_000, DAY_MS + 3_600_000));
        for wrong in ["1970-13-01", "yesterday", "1970-01-02T01:00:00"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}
