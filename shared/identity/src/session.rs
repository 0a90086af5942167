//! The console's cookies. A session lives in its cookie alone, encrypted and authenticated: there is no table of sessions
//! that could be read, and nothing to fetch before a page.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, CookieJar, Key, SameSite};
use payonce_protocol::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::token::SKEW_MS;
use crate::{Person, secret};

/// `__Host-` binds it to this very host, without a domain: no neighbour can set or read it.
const SESSION: &str = "__Host-payonce";
const SECRET_BYTES: usize = 32;
/// What every browser stores of a cookie, name and attributes included.
const COOKIE_BYTES: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionError {
    #[error("the cookie secret has fewer than 32 bytes")]
    ShortSecret,
    #[error("the path of the short-lived cookies does not begin with / or has characters that end a cookie")]
    BadPath,
    #[error("the system gives no random bytes")]
    NoRandomness,
    #[error("the value is too large for a cookie")]
    TooLarge,
}

pub struct Sessions {
    key: Key,
    idle_ms: u64,
    absolute_ms: u64,
    path: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub id: String,
    pub person: Person,
    pub opened_at: UnixMillis,
    pub seen_at: UnixMillis,
    /// A hash of the browser's name for itself: a stolen cookie must at least be used by the same browser.
    agent: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("person", &self.person)
            .field("opened_at", &self.opened_at)
            .field("seen_at", &self.seen_at)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Put<T> {
    put_at: UnixMillis,
    value: T,
}

impl Sessions {
    /// `secret` has 32 random bytes or more, in whatever writing. The short-lived cookies go to `secure_path` and below;
    /// with `/` they have the stronger `__Host-` name.
    pub fn new(secret: &str, idle_ms: u64, absolute_ms: u64, secure_path: &str) -> Result<Self, SessionError> {
        if secret.len() < SECRET_BYTES {
            return Err(SessionError::ShortSecret);
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"');
        if !secure_path.starts_with('/') || !secure_path.bytes().all(is_plain) {
            return Err(SessionError::BadPath);
        }
        Ok(Self { key: Key::derive_from(secret.as_bytes()), idle_ms, absolute_ms, path: secure_path.to_owned() })
    }

    /// A new session, with a fresh id: one that came with the request is never kept, or whoever planted it would be
    /// signed in, too.
    pub fn open(&self, person: &Person, agent: &str, now: UnixMillis) -> Result<Session, SessionError> {
        let id = secret::random().ok_or(SessionError::NoRandomness)?;
        Ok(Session { id, person: person.clone(), opened_at: now, seen_at: now, agent: hash(agent) })
    }

    /// The value of `Set-Cookie`, seen now. Sent with every answer, or the session ends by idleness.
    pub fn cookie(&self, session: &Session, now: UnixMillis) -> Result<String, SessionError> {
        self.seal(SESSION, "/", &Session { seen_at: now, ..session.clone() })
    }

    /// From the `Cookie` header's lines. None when absent, altered, idle for too long, too old, of another browser, or
    /// doubled.
    pub fn read(&self, cookies: &[String], agent: &str, now: UnixMillis) -> Option<Session> {
        let session: Session = self.unseal(SESSION, cookies)?;
        let is_alive = session.opened_at <= session.seen_at
            && session.seen_at <= now.saturating_add(SKEW_MS)
            && now.saturating_sub(session.seen_at) <= self.idle_ms
            && now.saturating_sub(session.opened_at) <= self.absolute_ms;
        (is_alive && secret::same(&session.agent, &hash(agent))).then_some(session)
    }

    /// The value of `Set-Cookie` that makes the browser forget the session.
    pub fn end_cookie() -> String {
        gone(SESSION, "/")
    }

    /// For the hidden field of each form of this session.
    pub fn csrf(&self, session: &Session) -> String {
        self.csrf_mac(session).map(|mac| URL_SAFE_NO_PAD.encode(mac)).unwrap_or_default()
    }

    pub fn is_csrf(&self, session: &Session, given: &str) -> bool {
        self.csrf_mac(session).is_some_and(|mac| secret::same(&URL_SAFE_NO_PAD.encode(mac), given))
    }

    fn csrf_mac(&self, session: &Session) -> Option<Vec<u8>> {
        use hmac::Mac;
        let mac = secret::mac(self.key.signing(), &[b"csrf", session.id.as_bytes()])?;
        Some(mac.finalize().into_bytes().to_vec())
    }

    /// A short-lived encrypted cookie, such as what is kept during a sign-in. `name` is letters, digits and `-`.
    pub fn keep(&self, name: &'static str, value: &impl Serialize, now: UnixMillis) -> Result<String, SessionError> {
        self.seal(&self.kept_name(name), &self.path, &Put { put_at: now, value })
    }

    /// What was kept under this name, at most so long ago.
    pub fn kept<T: DeserializeOwned>(
        &self,
        name: &'static str,
        cookies: &[String],
        max_age_ms: u64,
        now: UnixMillis,
    ) -> Option<T> {
        let Put { put_at, value } = self.unseal::<Put<T>>(&self.kept_name(name), cookies)?;
        let is_young = put_at <= now.saturating_add(SKEW_MS) && now.saturating_sub(put_at) <= max_age_ms;
        is_young.then_some(value)
    }

    /// The value of `Set-Cookie` that makes the browser forget what was kept.
    pub fn forget(&self, name: &'static str) -> String {
        gone(&self.kept_name(name), &self.path)
    }

    /// Never the session's own name, so that one cannot be given for the other.
    fn kept_name(&self, name: &str) -> String {
        // A browser takes a `__Host-` cookie for the path `/` alone.
        let prefix = if self.path == "/" { "__Host" } else { "__Secure" };
        format!("{prefix}-payonce-{name}")
    }

    fn seal(&self, name: &str, path: &str, value: &impl Serialize) -> Result<String, SessionError> {
        let text = serde_json::to_string(value).map_err(|_| SessionError::TooLarge)?;
        let mut jar = CookieJar::new();
        // The name is authenticated with the value: no cookie can be given for another.
        jar.private_mut(&self.key).add(Cookie::new(name.to_owned(), text));
        let sealed = jar.get(name).map(Cookie::value).unwrap_or_default().to_owned();
        let cookie = attributes(Cookie::build((name, sealed)), path).build().to_string();
        if cookie.len() > COOKIE_BYTES { Err(SessionError::TooLarge) } else { Ok(cookie) }
    }

    fn unseal<T: DeserializeOwned>(&self, name: &str, cookies: &[String]) -> Option<T> {
        let mut found = cookies
            .iter()
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(given, _)| *given == name);
        let (_, value) = found.next()?;
        // Of two, one was planted by somebody, and nobody can tell which.
        if found.next().is_some() {
            return None;
        }
        let sealed = Cookie::new(name.to_owned(), value.to_owned());
        let opened = CookieJar::new().private(&self.key).decrypt(sealed)?;
        serde_json::from_str(opened.value()).ok()
    }
}

/// Lax: the issuer's redirect back is a navigation from another site and must bring the cookies along.
fn attributes<'c>(cookie: cookie::CookieBuilder<'c>, path: &'c str) -> cookie::CookieBuilder<'c> {
    cookie.http_only(true).secure(true).same_site(SameSite::Lax).path(path)
}

fn gone(name: &str, path: &str) -> String {
    attributes(Cookie::build((name, "")), path).max_age(cookie::time::Duration::ZERO).build().to_string()
}

fn hash(agent: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(agent.as_bytes()))
}
