//! What an event asks for. Every text in an order is visible ASCII of bounded length, so that it fits a table key, a
//! header, a form field and a log line as it is.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::ids::{Digest, Hasher};
use crate::money::Money;

pub const MAX_KEY_BYTES: usize = 200;
pub const MAX_EVENT_ID_BYTES: usize = 128;
pub const MAX_DESTINATION_BYTES: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Error)]
pub enum TextError {
    #[error("{what} is empty")]
    Empty { what: &'static str },
    #[error("{what} is longer than {max} bytes")]
    TooLong { what: &'static str, max: usize },
    #[error("{what} holds a character that is not visible ASCII")]
    Character { what: &'static str },
    #[error("the payout key ends as that of an order of its own does")]
    OwnOrder,
}

pub(crate) fn visible_ascii(what: &'static str, max: usize, text: String) -> Result<String, TextError> {
    if text.is_empty() {
        return Err(TextError::Empty { what });
    }
    if text.len() > max {
        return Err(TextError::TooLong { what, max });
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TextError::Character { what });
    }
    Ok(text)
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
                visible_ascii($what, $max, text.into()).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type!(
    /// The business key `{namespace}/{object}`: one claim, and so at most one payout, for each.
    PayoutKey, "the payout key", MAX_KEY_BYTES
);
text_type!(
    /// The provider's own name for the event, out of authenticated bytes.
    EventId, "the event id", MAX_EVENT_ID_BYTES
);
text_type!(
    /// The payee as the rail names it, for example a Stripe account id.
    Destination, "the destination", MAX_DESTINATION_BYTES
);

impl PayoutKey {
    /// Joins the namespace and the parts with `/`. A `/` or `%` inside a part is percent-encoded, so that two different
    /// lists of parts never give one key. Short enough for the key of an order of its own: else an event whose key another
    /// has claimed would have no place of its own. And none ends as such a key does: that place is for what two people decided, and
    /// reconciliation does not look for its event in the provider's list.
    pub fn from_parts<'a>(namespace: &str, parts: impl IntoIterator<Item = &'a str>) -> Result<Self, TextError> {
        let mut key = namespace.to_owned();
        for part in parts {
            if part.is_empty() {
                return Err(TextError::Empty { what: "a part of the payout key" });
            }
            key.push('/');
            for character in part.chars() {
                match character {
                    '/' => key.push_str("%2F"),
                    '%' => key.push_str("%25"),
                    other => key.push(other),
                }
            }
        }
        const MAX_BYTES: usize = MAX_KEY_BYTES - OWN_ORDER_DIGITS - 1;
        let key = visible_ascii("the payout key", MAX_BYTES, key)?;
        if ends_as_own_order(&key) { Err(TextError::OwnOrder) } else { Ok(Self(key)) }
    }

    /// For a second event that two people pay as an order of its own: told by the event, so that one event never becomes two
    /// of them.
    pub fn of_own_order(&self, event: &EventId) -> Result<Self, TextError> {
        let hash = Digest::of(event.as_str()).to_string();
        Self::new(format!("{self}~{}", hash.get(..OWN_ORDER_DIGITS).unwrap_or_default()))
    }

    /// The key that an order of its own shares with another event.
    pub fn base_of_own_order(&self) -> Option<Self> {
        let base = ends_as_own_order(&self.0).then(|| self.0.rsplit_once('~'))??.0;
        Self::new(base).ok()
    }

    pub fn is_own_order_of(&self, key: &Self) -> bool {
        self.0.strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with('~'))
    }
}

/// Hex digits of an event's hash, behind the key that another event has claimed.
const OWN_ORDER_DIGITS: usize = 12;

/// See [`PayoutKey::of_own_order`].
pub(crate) fn ends_as_own_order(key: &str) -> bool {
    key.len().checked_sub(OWN_ORDER_DIGITS + 1).is_some_and(|at| at > 0 && key.as_bytes().get(at) == Some(&b'~'))
}

/// Whether real money moves. An event's mode must be the rail key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// What one event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutOrder {
    pub key: PayoutKey,
    pub event: EventId,
    /// In the provider's units; the rail converts to its own.
    pub money: Money,
    pub destination: Destination,
    /// Fields that the rule copies from the event into the rail's request, such as `source_transaction`.
    pub rail_fields: BTreeMap<String, String>,
    /// Keys under which earlier rules would have claimed this payout. Claimed there, it is claimed.
    pub former_keys: Vec<PayoutKey>,
}

impl PayoutOrder {
    /// What must not differ between two deliveries of one payout: the sum and the payee.
    pub fn terms(&self) -> Digest {
        terms(&self.money, &self.destination)
    }
}

/// [`PayoutOrder::terms`] of an order that is known only from its claim.
pub fn terms(money: &Money, destination: &Destination) -> Digest {
    // Counted at the finest exponent, so that a change of notation is not a change of terms.
    let finest = money.with_exponent(crate::money::MAX_EXPONENT).unwrap_or(*money);
    Hasher::new("payonce/terms/1")
        .part(finest.minor().to_be_bytes())
        .part([finest.exponent()])
        .part(money.currency().as_str())
        .part(destination.as_str())
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_run_into_each_other() {
        let one = PayoutKey::from_parts("ns", ["a/b", "c"]).unwrap();
        let other = PayoutKey::from_parts("ns", ["a", "b/c"]).unwrap();
        assert_eq!(one.as_str(), "ns/a%2Fb/c");
        assert_ne!(one, other);
        assert_ne!(PayoutKey::from_parts("ns", ["a%2Fb"]), PayoutKey::from_parts("ns", ["a/b"]));
    }

    #[test]
    fn own_order_key_is_unique_per_event() {
        let key = PayoutKey::from_parts("ns", ["a"]).unwrap();
        let own = |event: &str| key.of_own_order(&EventId::new(event).unwrap()).unwrap();
        assert_eq!(own("evt_1").as_str(), format!("ns/a~{}", &Digest::of("evt_1").to_string()[..OWN_ORDER_DIGITS]));
        assert_ne!(own("evt_1"), own("evt_2"));
        assert!(own("evt_1").is_own_order_of(&key) && !key.is_own_order_of(&key));
        assert_eq!((own("evt_1").base_of_own_order(), key.base_of_own_order()), (Some(key.clone()), None));
        assert!(!own("evt_1").is_own_order_of(&PayoutKey::from_parts("ns", ["b"]).unwrap()));
        assert!(!ends_as_own_order("~1234567890ab"), "of no key");
    }

    /// An object's id is what its provider, or whoever has stolen the secret, writes.
    #[test]
    fn no_object_id_makes_the_key_of_an_own_order() {
        let own = PayoutKey::from_parts("ns", ["a"]).unwrap().of_own_order(&EventId::new("evt_1").unwrap()).unwrap();
        let object = own.as_str().strip_prefix("ns/").unwrap();
        assert_eq!(PayoutKey::from_parts("ns", [object]), Err(TextError::OwnOrder));
        assert_eq!(PayoutKey::from_parts("ns", ["a", "b~no_hex_digit"]), Err(TextError::OwnOrder));
        for other in ["a~", "a~1", "a~1234567890123", "~"] {
            assert!(PayoutKey::from_parts("ns", [other]).is_ok(), "{other}");
        }
    }

    #[test]
    fn each_key_of_an_event_leaves_room_for_an_order_of_its_own() {
        let of_bytes = |bytes: usize| PayoutKey::from_parts("ns", [&*"x".repeat(bytes - 3)]);
        let longest = of_bytes(187).unwrap();
        let own = longest.of_own_order(&EventId::new("evt_1").unwrap()).unwrap();
        assert_eq!(own.as_str().len(), MAX_KEY_BYTES);
        assert_eq!(of_bytes(188), Err(TextError::TooLong { what: "the payout key", max: 187 }));
    }

    #[test]
    fn text_that_would_not_fit_a_table_a_header_or_a_log_is_refused() {
        assert!(PayoutKey::from_parts("ns", [""]).is_err());
        assert!(PayoutKey::from_parts("ns", ["a\r\nb"]).is_err());
        assert!(PayoutKey::from_parts("ns", ["é"]).is_err());
        assert!(PayoutKey::from_parts("ns", ["x".repeat(MAX_KEY_BYTES).as_str()]).is_err());
        assert!(Destination::new("acct 1").is_err());
        assert!(EventId::new("").is_err());
    }
}
