//! The time that a provider signs: where it stands, how it is written, and how far from our clock it may be.

use std::num::NonZeroU64;

use payonce_protocol::UnixMillis;
use serde::Deserialize;

use crate::scheme::Refused;

pub(crate) const FIVE_MINUTES_S: NonZeroU64 = NonZeroU64::MIN.saturating_add(299);
/// Seconds since 1970 have ten digits until the year 2286, milliseconds thirteen.
const SECONDS_DIGITS: usize = 10;
const MILLIS_DIGITS: usize = 13;
/// `2026-11-28T16:42:31.123456789+00:00`
const RFC3339_BYTES: usize = 35;

#[derive(Clone, Copy, Debug)]
pub struct SignedTime {
    pub from: TimeFrom,
    pub form: WrittenAs,
    /// How old, and how far ahead of our clock, a signature may be. Zero, which SDKs read as "do not check", cannot be
    /// written here.
    pub past_s: NonZeroU64,
    pub future_s: NonZeroU64,
}

/// Where the time stands.
#[derive(Clone, Copy, Debug)]
pub enum TimeFrom {
    /// The element of a list of this name; it must stand there once, or once in each of several lists and be the same.
    Element(&'static str),
    Header(&'static str),
}

/// How the time is written. Numbers are canonical decimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenAs {
    #[default]
    Seconds,
    Millis,
    Rfc3339,
}

impl SignedTime {
    /// What most providers do: seconds, believed for five minutes.
    pub(crate) const fn seconds(from: TimeFrom) -> Self {
        Self { from, form: WrittenAs::Seconds, past_s: FIVE_MINUTES_S, future_s: FIVE_MINUTES_S }
    }

    /// Whether a time that is written so is near enough to `now`.
    pub(crate) fn check(&self, text: &str, now: UnixMillis) -> Result<(), Refused> {
        let signed_at = self.form.read(text).ok_or(Refused::MalformedSignature)?;
        if now.saturating_sub(signed_at) > self.past_s.get() * 1000 {
            return Err(Refused::Stale);
        }
        if signed_at.saturating_sub(now) > self.future_s.get() * 1000 {
            return Err(Refused::Future);
        }
        Ok(())
    }
}

impl WrittenAs {
    pub(crate) fn read(self, text: &str) -> Option<UnixMillis> {
        match self {
            Self::Seconds => number(text, SECONDS_DIGITS)?.checked_mul(1000),
            Self::Millis => number(text, MILLIS_DIGITS),
            Self::Rfc3339 if text.len() > RFC3339_BYTES => None,
            Self::Rfc3339 => text.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok(),
        }
    }

    pub(crate) fn write(self, at: UnixMillis) -> String {
        match self {
            Self::Seconds => (at / 1000).to_string(),
            Self::Millis => at.to_string(),
            Self::Rfc3339 => {
                let at = i64::try_from(at / 1000).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
                at.unwrap_or_default().to_string()
            }
        }
    }
}

fn number(text: &str, at_most: usize) -> Option<u64> {
    let canonical = text.len() <= at_most
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}
