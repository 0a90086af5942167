//! The rail's secrets as they are in use: the headers they become, whose they are, and when they are read again.
//!
//! A revoked key is noticed by the rail's 401. The request that got it is over; whoever uses the rail next reads the
//! secrets again first, once a minute at the most, as is done with a provider's.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::order::Mode;
use payonce_wire::{ApiSecret, Scheme, SecretHeader};
use tokio::time::Instant;

use crate::config::mode;
use crate::rail::Kind;

/// Between two readings of the rail's secrets.
pub const REREAD_EVERY_MS: u64 = 60_000;
/// How long what the rail said about a secret's account is believed.
const CHECKED_FOR: Duration = Duration::from_secs(3_600);

/// The paying secret, and the one for look-ups where there is one of its own.
pub type SecretPair = (ApiSecret, Option<ApiSecret>);
type Reading = Pin<Box<dyn Future<Output = Option<SecretPair>> + Send>>;
/// Reads the secrets where they are kept; `None`: they cannot be had now, and the old ones stay.
pub type Reread = Box<dyn Fn() -> Reading + Send + Sync>;

/// Which of the rail's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Pay,
    LookUp,
}

/// Whose secret it is, by the rail's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountCheck {
    /// The configured account's.
    Same,
    Other(String),
    /// Nobody knows: the rail cannot be asked, does not tell this secret, or gave no answer.
    Unchecked(String),
}

/// What became of a reading of the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// No 401 was seen, or the last reading is too recent.
    Untouched,
    /// The same secrets as before, or none that could be read.
    Same,
    Changed,
    /// The secret that is kept now may not be used here; the old one stays.
    Refused(String),
}

pub(crate) struct Keys {
    pub(crate) paying: SecretHeader,
    pub(crate) looking: SecretHeader,
    /// By purpose.
    checked: [Mutex<Option<(Instant, AccountCheck)>>; 2],
}

impl Keys {
    /// Everything that can be wrong with a secret before it is used.
    pub(crate) fn new(kind: &Kind, (secret, lookup): &SecretPair) -> Result<(Self, Mode), ConfigError> {
        let secrets = [("rail.secret", secret), ("rail.lookup_secret", lookup.as_ref().unwrap_or(secret))];
        let (scheme, name, mode) = match kind {
            Kind::Stripe => {
                let says_none = "does not say whether it is live or test (sk_live_…, rk_test_…)";
                let [mode, looking] =
                    secrets.map(|(place, secret)| mode(secret).ok_or_else(|| ConfigError::new(place, says_none)));
                let mode = mode?;
                if looking? != mode {
                    return Err(ConfigError::new("rail.lookup_secret", "is not of the same mode as rail.secret"));
                }
                (Scheme::Bearer, http::header::AUTHORIZATION, mode)
            }
            Kind::Http(api) => {
                if let Some((place, _)) = secrets.iter().find(|(_, secret)| !secret.begins_with(&api.secret_prefix)) {
                    return Err(ConfigError::new(*place, "does not begin with rail.http.secret_prefix"));
                }
                (api.scheme, api.secret_header.clone(), api.mode)
            }
        };
        let [paying, looking] = secrets.map(|(place, secret)| {
            let header = secret.header(scheme, name.clone());
            header.ok_or_else(|| ConfigError::new(place, "does not fit its header (HTTP Basic takes user:password)"))
        });
        Ok((Self { paying: paying?, looking: looking?, checked: Default::default() }, mode))
    }

    pub(crate) fn of(&self, purpose: Purpose) -> &SecretHeader {
        match purpose {
            Purpose::Pay => &self.paying,
            Purpose::LookUp => &self.looking,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.paying.value == other.paying.value && self.looking.value == other.looking.value
    }

    /// What the rail said of this secret within the hour.
    pub(crate) fn known(&self, purpose: Purpose) -> Option<AccountCheck> {
        let checked = self.checked[purpose as usize].lock().unwrap_or_else(PoisonError::into_inner);
        checked.as_ref().filter(|(at, _)| at.elapsed() < CHECKED_FOR).map(|(_, check)| check.clone())
    }

    pub(crate) fn note(&self, purpose: Purpose, check: &AccountCheck) {
        let mut checked = self.checked[purpose as usize].lock().unwrap_or_else(PoisonError::into_inner);
        *checked = Some((Instant::now(), check.clone()));
    }
}

/// Where the secrets are read again, and when that was last done.
pub(crate) struct Source {
    pub(crate) reread: Reread,
    pub(crate) last: tokio::sync::Mutex<Option<UnixMillis>>,
}
