//! Until when a case should be worked off: business days of the payee's currency. Weekends are known here, other holidays
//! are the configuration's, as no list of them lasts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use payonce_protocol::UnixMillis;
use serde::Deserialize;

/// `[console.sla]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sla {
    pub business_days: u8,
    /// By currency, beside weekends: `EUR = ["2026-12-25"]`.
    pub holidays: BTreeMap<String, BTreeSet<Date>>,
}

impl Default for Sla {
    fn default() -> Self {
        Self { business_days: 2, holidays: BTreeMap::new() }
    }
}

/// Currencies of countries whose banks rest on Friday and Saturday.
const FRIDAY_AND_SATURDAY: [&str; 10] = ["BHD", "DZD", "EGP", "ILS", "IQD", "JOD", "KWD", "LYD", "QAR", "SAR"];

impl Sla {
    /// The day by whose end (UTC) the case is due: so many business days after the one on which it began.
    pub fn due(&self, since: UnixMillis, currency: Option<&str>) -> Option<Date> {
        let mut day = date(since)?;
        let mut left = self.business_days;
        while left > 0 {
            day = day.checked_add(1.day()).ok()?;
            left -= u8::from(self.is_business_day(day, currency));
        }
        Some(day)
    }

    /// Business days from today to `due`; below zero when it is over, 0 today.
    pub fn days_left(&self, due: Date, now: UnixMillis, currency: Option<&str>) -> Option<i32> {
        let today = date(now)?;
        let (mut day, last) = (today.min(due), today.max(due));
        let mut between = 0;
        while day < last {
            day = day.checked_add(1.day()).ok()?;
            between += i32::from(self.is_business_day(day, currency));
        }
        Some(if due < today { -between.max(1) } else { between })
    }

    fn is_business_day(&self, day: Date, currency: Option<&str>) -> bool {
        let currency = currency.unwrap_or_default();
        let rests = if FRIDAY_AND_SATURDAY.contains(&currency) {
            [Weekday::Friday, Weekday::Saturday]
        } else {
            [Weekday::Saturday, Weekday::Sunday]
        };
        let is_holiday = self.holidays.get(currency).is_some_and(|days| days.contains(&day));
        !rests.contains(&day.weekday()) && !is_holiday
    }
}

fn date(at: UnixMillis) -> Option<Date> {
    let at = Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    Some(at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> UnixMillis {
        let at: Timestamp = format!("{day}T15:00:00Z").parse().unwrap();
        at.as_millisecond().unsigned_abs()
    }

    fn sla() -> Sla {
        let christmas = ["2026-12-25".parse().unwrap()].into();
        Sla { business_days: 2, holidays: [("EUR".to_owned(), christmas)].into() }
    }

    #[test]
    fn due_dates_leave_out_weekends_and_holidays() {
        for (since, currency, due) in [
            ("2026-11-23", "EUR", "2026-11-25"),
            ("2026-11-26", "EUR", "2026-11-30"),
            ("2026-11-27", "EUR", "2026-12-01"),
            ("2026-11-28", "EUR", "2026-12-01"),
            ("2026-11-25", "SAR", "2026-11-29"),
            ("2026-12-23", "EUR", "2026-12-28"),
            ("2026-12-23", "USD", "2026-12-25"),
        ] {
            assert_eq!(sla().due(at(since), Some(currency)).unwrap().to_string(), due, "{since} {currency}");
        }
        assert_eq!(sla().due(at("2026-11-27"), None).unwrap().to_string(), "2026-12-01");
    }

    #[test]
    fn days_left_count_business_days_and_say_what_is_late() {
        let due: Date = "2026-11-27".parse().unwrap();
        for (now, left) in [
            ("2026-11-25", 2),
            ("2026-11-26", 1),
            ("2026-11-27", 0),
            ("2026-11-28", -1),
            ("2026-11-30", -1),
            ("2026-12-01", -2),
        ] {
            assert_eq!(sla().days_left(due, at(now), Some("EUR")), Some(left), "{now}");
        }
    }
}
