//! A signature scheme as data, and the one engine that verifies and signs by it. A provider's scheme is a constant
//! [`Scheme`] in its preset; those that more than one sender uses stand at the end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::secrets::Secrets;
pub(crate) use crate::signed_time::FIVE_MINUTES_S;
pub use crate::signed_time::{SignedTime, TimeFrom, WrittenAs};

/// A signature header longer than this is refused before anything is hashed.
pub const MAX_HEADER_BYTES: usize = 2048;
/// More signatures than this in one header are refused: a rotation needs two.
pub const MAX_SIGNATURES: usize = 8;
const MAX_ID_BYTES: usize = 128;

/// How a provider signs its deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// The header that carries the signature, in lower case.
    pub header: &'static str,
    /// What each signature begins with, such as `sha256=`; most often nothing.
    pub prefix: &'static str,
    /// The prefix may be left out.
    pub prefix_optional: bool,
    pub container: Container,
    /// Between the elements of a list.
    pub separator: &'static str,
    /// Between whole lists in one header: Persona sends one for each of its secrets while they rotate.
    pub groups: Option<&'static str>,
    pub algorithm: Algorithm,
    pub key: KeyDecoding,
    pub encoding: Encoding,
    /// What is signed, piece after piece.
    pub signed: &'static [Piece],
    /// The signed time, where the provider signs one.
    pub time: Option<SignedTime>,
    /// The header that carries the signed message id, where there is one.
    pub id_header: Option<&'static str>,
}

/// How signatures stand in their header.
#[derive(Clone, Copy, Debug)]
pub enum Container {
    /// The value is the signature.
    Single,
    /// Signatures joined by commas, or by another separator.
    CommaList,
    /// `name=value` joined in the same way; those of this name are signatures, the others are not looked at.
    KeyValueList { signature: &'static str },
    /// `version,value` joined by spaces; those of this version are signatures.
    SpaceList { version: &'static str },
}

#[derive(Clone, Copy, Debug)]
pub enum Algorithm {
    HmacSha256,
    HmacSha512,
}

/// How the secret becomes the key of the HMAC.
#[derive(Clone, Copy, Debug)]
pub enum KeyDecoding {
    Utf8,
    /// Padded base64, after this mark or without it, such as `whsec_`.
    Base64 {
        mark: &'static str,
    },
    Hex,
}

/// Hex is lower case unless it is upper case throughout, base64 is padded: there is one way to write a signature.
#[derive(Clone, Copy, Debug)]
pub enum Encoding {
    Hex,
    HexUpper,
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(&'static str),
    /// The raw bytes as they came, a byte order mark included.
    Body,
    /// The time as it is written in the header.
    Time,
    Id,
    /// The address as configured; never built from the request's headers.
    Url,
}

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    #[error("a signature header is missing")]
    MissingSignature,
    #[error("a signature header came more than once")]
    RepeatedSignature,
    #[error("the signature header cannot be read")]
    MalformedSignature,
    #[error("the signature is too old")]
    Stale,
    #[error("the signature is from the future")]
    Future,
    #[error("no active secret made this signature")]
    Mismatch,
    /// Ours to repair: none of the secrets has the form that the scheme wants.
    #[error("no secret can be read as a key")]
    UnusableSecret,
}

impl Refused {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingSignature => "missing_signature",
            Self::RepeatedSignature => "repeated_signature",
            Self::MalformedSignature => "malformed_signature",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::Mismatch => "mismatch",
            Self::UnusableSecret => "unusable_secret",
        }
    }
}

/// What is signed besides the scheme's own texts.
#[derive(Clone, Copy)]
struct Content<'a> {
    body: &'a [u8],
    time: &'a str,
    id: &'a str,
    url: &'a str,
}

impl Scheme {
    /// Whether one of the secrets signed this body, lately. `url` is the configured address, empty where none is signed.
    pub fn verify(
        &self,
        secrets: &Secrets,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixMillis,
    ) -> Result<(), Refused> {
        let header = one_header(headers, self.header)?;
        let signatures = self.signatures(header)?;
        let time = self.time(header, headers, now)?;
        let id = match self.id_header {
            Some(name) => message_id(one_header(headers, name)?)?,
            None => "",
        };
        let content = Content { body, time, id, url };
        made_by_one(secrets, |secret| self.mac(secret, content), &signatures)
    }

    /// The headers with which the provider would send this body now, signed with each secret as during a rotation; where
    /// the header holds one signature, with the first.
    pub fn sign(&self, secrets: &Secrets, url: &str, body: &[u8], now: UnixMillis) -> Vec<(HeaderName, HeaderValue)> {
        let time = self.time.map_or_else(String::new, |time| time.form.write(now));
        let id = format!("msg_{}", Digest::of(body));
        let content = Content { body, time: &time, id: &id, url };
        let signatures: Vec<String> = secrets
            .iter()
            .filter_map(|secret| self.mac(secret, content))
            .map(|mac| format!("{}{}", self.prefix, self.encode(&mac)))
            .collect();
        let value = match self.container {
            Container::Single => signatures.into_iter().next().unwrap_or_default(),
            Container::CommaList => signatures.join(self.separator),
            Container::KeyValueList { signature } => {
                let elements = signatures.iter().map(|value| format!("{signature}={value}"));
                match self.time.map(|time| time.from) {
                    Some(TimeFrom::Element(name)) => {
                        let time = format!("{name}={time}");
                        match self.groups {
                            Some(between) => {
                                let groups = elements.map(|element| format!("{time}{}{element}", self.separator));
                                groups.collect::<Vec<_>>().join(between)
                            }
                            None => std::iter::once(time).chain(elements).collect::<Vec<_>>().join(self.separator),
                        }
                    }
                    _ => elements.collect::<Vec<_>>().join(self.separator),
                }
            }
            Container::SpaceList { version } => {
                signatures.iter().map(|value| format!("{version},{value}")).collect::<Vec<_>>().join(" ")
            }
        };
        let time_header = match self.time.map(|time| time.from) {
            Some(TimeFrom::Header(name)) => Some((name, time)),
            _ => None,
        };
        [Some((self.header, value)), time_header, self.id_header.map(|name| (name, id))]
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect()
    }

    /// The signed id of the message, where the scheme has one; only after [`Scheme::verify`] does it say anything.
    pub(crate) fn message_id<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        message_id(one_header(headers, self.id_header?).ok()?).ok()
    }

    /// The decoded signatures of the header: at least one, not too many, all well formed.
    fn signatures(&self, header: &str) -> Result<Vec<Vec<u8>>, Refused> {
        let texts: Vec<&str> = match self.container {
            Container::Single => vec![header],
            Container::CommaList => header.split(self.separator).map(str::trim).collect(),
            Container::KeyValueList { signature } => values(self.elements(header)?, signature),
            Container::SpaceList { version } => values(split(header, ' ', ',')?, version),
        };
        if texts.is_empty() || texts.len() > MAX_SIGNATURES {
            return Err(Refused::MalformedSignature);
        }
        texts
            .into_iter()
            .map(|text| match text.strip_prefix(self.prefix) {
                Some(signature) => self.decode(signature),
                None if self.prefix_optional => self.decode(text),
                None => None,
            })
            .collect::<Option<_>>()
            .ok_or(Refused::MalformedSignature)
    }

    /// The signed time as it was written, when it is near enough to `now`; empty where none is signed.
    fn time<'h>(&self, header: &'h str, headers: &'h HeaderMap, now: UnixMillis) -> Result<&'h str, Refused> {
        let Some(time) = self.time else { return Ok("") };
        let text = self.time_text(time, header, headers)?;
        time.check(text, now)?;
        Ok(text)
    }

    fn time_text<'h>(&self, time: SignedTime, header: &'h str, headers: &'h HeaderMap) -> Result<&'h str, Refused> {
        match time.from {
            TimeFrom::Header(name) => one_header(headers, name),
            TimeFrom::Element(name) => match values(self.elements(header)?, name)[..] {
                [time] => Ok(time),
                // Each list has its own, and one text was signed.
                [time, ref others @ ..] if self.groups.is_some() && others.iter().all(|other| *other == time) => {
                    Ok(time)
                }
                _ => Err(Refused::MalformedSignature),
            },
        }
    }

    /// When these headers say that they were signed; nothing of it is checked.
    pub(crate) fn signed_at(&self, headers: &HeaderMap) -> Option<UnixMillis> {
        let time = self.time?;
        time.form.read(self.time_text(time, one_header(headers, self.header).ok()?, headers).ok()?)
    }

    fn elements<'h>(&self, header: &'h str) -> Result<Vec<(&'h str, &'h str)>, Refused> {
        let groups: Vec<&str> = self.groups.map_or_else(|| vec![header], |between| header.split(between).collect());
        let elements = groups.into_iter().flat_map(|group| group.split(self.separator));
        elements.map(|element| element.split_once('=')).collect::<Option<_>>().ok_or(Refused::MalformedSignature)
    }

    fn mac(&self, secret: &str, content: Content<'_>) -> Option<Vec<u8>> {
        let key = match self.key {
            KeyDecoding::Utf8 => secret.as_bytes().to_vec(),
            KeyDecoding::Base64 { mark } => BASE64.decode(secret.strip_prefix(mark).unwrap_or(secret)).ok()?,
            KeyDecoding::Hex => hex_bytes(&secret.to_ascii_lowercase())?,
        };
        // An empty key is no secret.
        if key.is_empty() {
            return None;
        }
        match self.algorithm {
            Algorithm::HmacSha256 => self.mac_with(Hmac::<Sha256>::new_from_slice(&key).ok()?, content),
            Algorithm::HmacSha512 => self.mac_with(Hmac::<Sha512>::new_from_slice(&key).ok()?, content),
        }
    }

    /// Of a scheme that signs nothing besides.
    pub(crate) fn mac_of(&self, secret: &str, body: &[u8]) -> Option<Vec<u8>> {
        self.mac(secret, Content { body, time: "", id: "", url: "" })
    }

    fn mac_with(&self, mut mac: impl Mac, content: Content<'_>) -> Option<Vec<u8>> {
        for piece in self.signed {
            mac.update(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Body => content.body,
                Piece::Time => content.time.as_bytes(),
                Piece::Id => content.id.as_bytes(),
                Piece::Url => content.url.as_bytes(),
            });
        }
        Some(mac.finalize().into_bytes().to_vec())
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        let bytes = match self.encoding {
            Encoding::Hex => hex_bytes(text)?,
            Encoding::HexUpper if text.bytes().any(|byte| byte.is_ascii_lowercase()) => return None,
            Encoding::HexUpper => hex_bytes(&text.to_ascii_lowercase())?,
            Encoding::Base64 => BASE64.decode(text).ok()?,
        };
        let length = match self.algorithm {
            Algorithm::HmacSha256 => 32,
            Algorithm::HmacSha512 => 64,
        };
        (bytes.len() == length).then_some(bytes)
    }

    fn encode(&self, bytes: &[u8]) -> String {
        match self.encoding {
            Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Encoding::HexUpper => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
            Encoding::Base64 => BASE64.encode(bytes),
        }
    }
}

fn one_header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refused> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Refused::MissingSignature)?;
    if values.next().is_some() {
        return Err(Refused::RepeatedSignature);
    }
    if value.len() > MAX_HEADER_BYTES {
        return Err(Refused::MalformedSignature);
    }
    value.to_str().map_err(|_| Refused::MalformedSignature)
}

/// An id with a `.` could move a boundary of what is signed (`{id}.{t}.{body}`).
fn message_id(text: &str) -> Result<&str, Refused> {
    let fits = !text.is_empty()
        && text.len() <= MAX_ID_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
    fits.then_some(text).ok_or(Refused::MalformedSignature)
}

fn split(header: &str, between: char, within: char) -> Result<Vec<(&str, &str)>, Refused> {
    header
        .split(between)
        .map(|element| element.split_once(within))
        .collect::<Option<_>>()
        .ok_or(Refused::MalformedSignature)
}

fn values<'h>(elements: Vec<(&'h str, &'h str)>, name: &str) -> Vec<&'h str> {
    elements.into_iter().filter(|(found, _)| *found == name).map(|(_, value)| value).collect()
}

/// Whether one of the secrets made one of the signatures, in a time that says nothing of how far they agree.
pub(crate) fn made_by_one(
    secrets: &Secrets,
    mac: impl Fn(&str) -> Option<Vec<u8>>,
    signatures: &[Vec<u8>],
) -> Result<(), Refused> {
    let (mut any_key, mut matched) = (false, Choice::from(0));
    for ours in secrets.iter().filter_map(mac) {
        any_key = true;
        for theirs in signatures {
            matched |= ours.ct_eq(theirs);
        }
    }
    match (any_key, bool::from(matched)) {
        (false, _) => Err(Refused::UnusableSecret),
        (true, false) => Err(Refused::Mismatch),
        (true, true) => Ok(()),
    }
}

/// Lower case only.
pub(crate) fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// HMAC-SHA256 over the raw body, in lower-case hex, with the secret's own bytes as the key: what most providers do.
pub(crate) const PLAIN: Scheme = Scheme {
    header: "",
    prefix: "",
    prefix_optional: false,
    container: Container::Single,
    separator: ",",
    groups: None,
    algorithm: Algorithm::HmacSha256,
    key: KeyDecoding::Utf8,
    encoding: Encoding::Hex,
    signed: &[Piece::Body],
    time: None,
    id_header: None,
};

/// `Stripe-Signature: t=…,v1=…[,v1=…][,v0=…]` over `{t}.{body}`, the key being the whole `whsec_…` text.
/// <https://docs.stripe.com/webhooks#verify-manually>. Stricter than Stripe's own libraries: they let any future time
/// pass, and each reads a repeated or malformed `t` in its own way.
pub const STRIPE: Scheme = Scheme {
    header: "stripe-signature",
    container: Container::KeyValueList { signature: "v1" },
    signed: &[Piece::Time, Piece::Text("."), Piece::Body],
    time: Some(SignedTime::seconds(TimeFrom::Element("t"))),
    ..PLAIN
};

/// `webhook-signature: v1,… v1,…` over `{id}.{t}.{body}`; the key is the base64 after `whsec_`.
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
pub const STANDARD_WEBHOOKS: Scheme = Scheme {
    header: "webhook-signature",
    container: Container::SpaceList { version: "v1" },
    key: KeyDecoding::Base64 { mark: "whsec_" },
    encoding: Encoding::Base64,
    signed: &[Piece::Id, Piece::Text("."), Piece::Time, Piece::Text("."), Piece::Body],
    time: Some(SignedTime::seconds(TimeFrom::Header("webhook-timestamp"))),
    id_header: Some("webhook-id"),
    ..PLAIN
};

/// The same under Svix's own header names, <https://docs.svix.com/receiving/verifying-payloads/how-manual>.
pub const SVIX: Scheme = Scheme {
    header: "svix-signature",
    time: Some(SignedTime::seconds(TimeFrom::Header("svix-timestamp"))),
    id_header: Some("svix-id"),
    ..STANDARD_WEBHOOKS
};
