//! `[reconciler]`: from when the books are held against each other, and how long something may take to stand in each.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::terms::Settle;
use payonce_runtime::config::Config;
use payonce_runtime::start::StartError;
use serde::Deserialize;

use crate::bank::Account;

const MINUTE_MS: u64 = 60_000;
const DAYS_AT_MOST: u64 = 45;

/// Each with what holds where nothing is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    first_day: Option<String>,
    /// Of one run. A day's books that cannot be read in one invocation are read in parts.
    window_hours: u64,
    settle_minutes: SettleMinutes,
    /// A provider that says nothing for less long is not called silent, however busy it was.
    silence_minutes: u64,
    /// What the account of the bank's files is for: by the rail where nothing is written.
    bank_account: Option<Account>,
    /// Accounts of imported files that do not count: one that was closed, one that was imported by mistake.
    bank_accounts_left_out: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettleMinutes {
    /// Providers repeat a delivery for days: Stripe for three, <https://docs.stripe.com/webhooks#automatic-retries>.
    provider: u64,
    /// The sweeper's margin and its visits, many times over.
    ours: u64,
    rail: u64,
    /// A file tells of a day when it is over, and an instant credit transfer stands in it; others take a bank day, and a weekend and a
    /// holiday lie between. Less than two days make each run incomplete that comes before its day's file.
    bank: u64,
}

impl Default for Written {
    fn default() -> Self {
        let settle_minutes = SettleMinutes::default();
        Self {
            first_day: None,
            window_hours: 24,
            settle_minutes,
            bank_account: None,
            bank_accounts_left_out: BTreeSet::new(),
            silence_minutes: 6 * 60,
        }
    }
}

impl Default for SettleMinutes {
    fn default() -> Self {
        Self { provider: 3 * 24 * 60, ours: 60, rail: 60, bank: 5 * 24 * 60 }
    }
}

pub(crate) struct Reconciliation {
    pub(crate) settle: Settle,
    pub(crate) first: Option<UnixMillis>,
    pub(crate) window_ms: u64,
    pub(crate) silence_floor_ms: u64,
    pub(crate) account: Account,
    pub(crate) left_out: BTreeSet<String>,
}

impl Reconciliation {
    pub(crate) fn of(config: &Config) -> Result<Self, StartError> {
        let written: Option<Written> = config.section("reconciler").map_err(StartError::Config)?;
        let Written {
            first_day,
            window_hours,
            settle_minutes,
            silence_minutes,
            bank_account,
            bank_accounts_left_out: left_out,
        } = written.unwrap_or_default();
        let SettleMinutes { provider, ours, rail, bank } = settle_minutes;
        let ms = |name: &str, minutes: u64| {
            if minutes > DAYS_AT_MOST * 24 * 60 {
                let problem = format!("must be at most {}, which is {DAYS_AT_MOST} days", DAYS_AT_MOST * 24 * 60);
                return Err(StartError::wrong(format!("reconciler.{name}"), problem));
            }
            Ok(minutes * MINUTE_MS)
        };
        let settle = Settle {
            provider_ms: ms("settle_minutes.provider", provider)?,
            ours_ms: ms("settle_minutes.ours", ours)?,
            rail_ms: ms("settle_minutes.rail", rail)?,
            bank_ms: ms("settle_minutes.bank", bank)?,
        };
        if window_hours == 0 || 24 % window_hours != 0 {
            return Err(StartError::wrong("reconciler.window_hours", "must be 1, 2, 3, 4, 6, 8, 12 or 24"));
        }
        let silence_floor_ms = ms("silence_minutes", silence_minutes)?;
        let window_ms = window_hours * 60 * MINUTE_MS;
        let first = first_day.as_deref().map(midnight).transpose()?;
        let account = bank_account.unwrap_or_else(|| Account::of(config.rail.kind));
        Ok(Self { settle, silence_floor_ms, window_ms, first, account, left_out })
    }
}

/// The beginning of that day in UTC.
fn midnight(day: &str) -> Result<UnixMillis, StartError> {
    let wrong = || StartError::wrong("reconciler.first_day", "must be a day such as \"2026-12-01\"");
    let day: Date = day.parse().map_err(|_| wrong())?;
    let begins = day.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp();
    // Until then nothing is compared, and no alarm says so.
    if begins.duration_since(Timestamp::now()) > SignedDuration::from_hours(24 * DAYS_AT_MOST.cast_signed()) {
        let problem = format!("must be at most {DAYS_AT_MOST} days from now");
        return Err(StartError::wrong("reconciler.first_day", problem));
    }
    UnixMillis::try_from(begins.as_millisecond()).map_err(|_| wrong())
}

/// Every book's amounts are whole numbers of these.
pub(crate) use payonce_providers::units::finest as units;
