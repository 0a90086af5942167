//! The secret with which we ask, and the one header that it may leave in. No log can show it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// How the secret is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    Bearer,
    /// The secret is `user:password`.
    Basic,
    /// As it is, in `secret_header`.
    Header,
}

/// A key to the API of a rail or a provider. It has no way out but one header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiSecret(String);

impl ApiSecret {
    /// `None` when it is empty or holds anything but visible ASCII.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(text))
    }

    /// And goes on behind it, unless it is empty.
    pub fn begins_with(&self, prefix: &str) -> bool {
        self.0.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || !rest.is_empty())
    }

    /// `None` when it does not fit: HTTP Basic takes `user:password`.
    pub fn header(&self, scheme: Scheme, name: HeaderName) -> Option<SecretHeader> {
        let mut forms = vec![self.clone()];
        let text = match scheme {
            Scheme::Bearer => format!("Bearer {}", self.0),
            Scheme::Basic => {
                let (user, password) = self.0.split_once(':')?;
                let encoded = STANDARD.encode(&self.0);
                // Where there is no password, as with Xendit (<https://docs.xendit.co/apidocs>), the user is the secret.
                let part = if password.is_empty() { user } else { password };
                forms.extend([Self::new(part), Self::new(encoded.clone())].into_iter().flatten());
                format!("Basic {encoded}")
            }
            Scheme::Header => self.0.clone(),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(SecretHeader { name, value, forms })
    }

    /// Also percent-encoded, and with anything that is no letter and no digit between its characters, or left out.
    pub fn stands_in(&self, text: &str) -> bool {
        let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        let secret = bare(&self.0);
        if secret.is_empty() { decoded.contains(&self.0) } else { bare(&decoded).contains(&secret) }
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret(…)")
    }
}

/// The line of a request that holds the secret: of a payout, the only one that is not hashed.
#[derive(Clone, Debug)]
pub struct SecretHeader {
    pub name: HeaderName,
    /// Marked as sensitive.
    pub value: HeaderValue,
    /// Every form in which the other side could repeat the secret: as it is kept and, of HTTP Basic, in parts and in base64.
    pub forms: Vec<ApiSecret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_shows_nothing() {
        let secret = ApiSecret::new("sk_live_planted").unwrap();
        assert!(!format!("{secret:?}").contains("planted"));
        let header = secret.header(Scheme::Bearer, http::header::AUTHORIZATION).unwrap();
        assert!(!format!("{header:?}").contains("planted"));
    }

    #[test]
    fn refuses_an_empty_secret_or_one_that_breaks_the_header() {
        for wrong in ["", " ", "sk_live_x\r\nx: y", "sk_live_x ", "sk_live_ü"] {
            assert_eq!(ApiSecret::new(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_part_of_a_secret_that_is_secret_is_known_again() {
        let stands = |secret: &str, text: &str| {
            let header = ApiSecret::new(secret).unwrap().header(Scheme::Basic, http::header::AUTHORIZATION).unwrap();
            header.forms.iter().any(|form| form.stands_in(text))
        };
        for (secret, text) in [
            ("planted_user:", "no such key planted_user"),
            ("user:planted_password", "no such key planted_password"),
            ("user:planted_password", "no such key dXNlcjpwbGFudGVkX3Bhc3N3b3Jk"),
            ("planted_user:", "no such key cGxhbnRlZF91c2VyOg%3D%3D"),
            ("user:planted_password", "no such key planted-password"),
        ] {
            assert!(stands(secret, text), "{text}");
        }
        assert!(!stands("user:planted_password", "no such user"));
    }

    #[test]
    fn a_prefix_alone_is_no_secret() {
        let begins = |text: &str, prefix: &str| ApiSecret::new(text).unwrap().begins_with(prefix);
        assert!(begins("sk_live_1", "sk_live_") && begins("x", ""));
        assert!(!begins("sk_live_", "sk_live_") && !begins("sk_test_1", "sk_live_"));
    }
}
