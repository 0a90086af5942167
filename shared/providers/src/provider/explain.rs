//! A provider as it looks at one delivery, for `explain`, and what the local stack needs to play somebody's own samples. Nothing
//! here decides anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use serde_json::Value;

use super::Provider;
use crate::event::ParsedEvent;
use crate::explain::{PlacesShown, RuleShown, SignatureShown, SignedAt};
use crate::preset::{Identity, Signature, TimeForm, TypeFrom};
use crate::scheme::{Algorithm, Encoding, KeyDecoding, Piece, TimeFrom};

impl Provider {
    pub fn signature_shown(&self) -> SignatureShown {
        let Signature::Scheme(scheme) = self.preset.signature else {
            return SignatureShown {
                header: None,
                algorithm: "HMAC-SHA256",
                encoding: "base64",
                signed: "eight fields of each item, joined by colons".to_owned(),
                time: None,
            };
        };
        let signed = scheme.signed.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Body => "{body}",
            Piece::Time => "{t}",
            Piece::Id => "{id}",
            Piece::Url => "{url}",
        });
        SignatureShown {
            header: Some(scheme.header.to_owned()),
            algorithm: match scheme.algorithm {
                Algorithm::HmacSha256 => "HMAC-SHA256",
                Algorithm::HmacSha512 => "HMAC-SHA512",
            },
            encoding: match scheme.encoding {
                Encoding::Hex => "hex",
                Encoding::HexUpper => "upper-case hex",
                Encoding::Base64 => "base64",
            },
            signed: signed.collect(),
            time: scheme.time.map(|time| {
                let place = match time.from {
                    TimeFrom::Header(name) => format!("the header {name}"),
                    TimeFrom::Element(name) => format!("`{name}` in it"),
                };
                (place, time.past_s.get())
            }),
        }
    }

    /// When these headers say that they were signed: an old delivery is shown as it was at its own time.
    pub fn signed_at(&self, headers: &http::HeaderMap) -> SignedAt {
        match self.preset.signature {
            Signature::Scheme(scheme) => scheme.signed_at(headers),
            Signature::Adyen => None,
        }
    }

    pub fn places_shown(&self) -> PlacesShown {
        let listed = |pointers: &[&str]| pointers.join(" + ");
        PlacesShown {
            id: match self.preset.id {
                Identity::Pointers { needed, optional } => listed(&[needed, optional].concat()),
                Identity::Body => "SHA-256 of the body".to_owned(),
                Identity::Message => "the signed id header".to_owned(),
            },
            event_type: match self.preset.event_type {
                TypeFrom::Pointers(pointers) => listed(pointers),
                TypeFrom::Configured => "event_type of the configuration".to_owned(),
            },
            created: self.preset.created.map(|created| created.at.to_owned()),
        }
    }

    /// Every rule that names the event's type.
    pub fn rules_shown(&self, event: &ParsedEvent) -> Vec<RuleShown> {
        self.rules.iter().filter(|rule| rule.event == event.event_type).map(|rule| rule.shown(event)).collect()
    }

    /// A body whose events bear the present time, where they bear one that is older than `older_ms`: an own sample was taken
    /// some time ago. `None`: nothing is to be changed.
    pub fn retimed(&self, body: &[u8], now: UnixMillis, older_ms: u64) -> Option<Vec<u8>> {
        let created = self.preset.created?;
        let mut whole: Value = serde_json::from_slice(body).ok()?;
        let (present, is_old): (Value, Box<dyn Fn(&Value) -> bool>) = match created.form {
            TimeForm::Seconds => {
                let from = now.saturating_sub(older_ms) / 1000;
                ((now / 1000).into(), Box::new(move |at| at.as_u64().is_some_and(|at| at < from)))
            }
            TimeForm::Rfc3339 => {
                let text = |at: u64| jiff::Timestamp::from_second((at / 1000).try_into().ok()?).ok();
                let from = text(now.saturating_sub(older_ms))?;
                let is_old = move |at: &Value| {
                    at.as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).is_some_and(|at| at < from)
                };
                (text(now)?.to_string().into(), Box::new(is_old))
            }
        };
        let mut changed = false;
        let mut renew = |event: &mut Value| {
            if let Some(at) = event.pointer_mut(created.at).filter(|at| is_old(at)) {
                *at = present.clone();
                changed = true;
            }
        };
        match self.preset.items {
            None => renew(&mut whole),
            Some(items) => {
                let events = whole.pointer_mut(items.list).and_then(Value::as_array_mut).into_iter().flatten();
                for item in events {
                    item.pointer_mut(items.event.unwrap_or_default()).into_iter().for_each(&mut renew);
                }
            }
        }
        changed.then(|| whole.to_string().into_bytes())
    }

    /// A signing secret of the form that the scheme wants, the same for the same name, and plainly made up.
    pub fn made_secret(&self, name: &str) -> String {
        let digits = Digest::of(format!("a test value for {name}")).to_string();
        let key = match self.preset.signature {
            Signature::Scheme(scheme) => scheme.key,
            Signature::Adyen => KeyDecoding::Hex,
        };
        match key {
            KeyDecoding::Utf8 if self.preset.name == "stripe" => format!("whsec_testNotASecret{}", &digits[..12]),
            KeyDecoding::Utf8 => format!("testNotASecret{}", &digits[..12]),
            KeyDecoding::Base64 { mark } => {
                format!("{mark}{}", BASE64.encode(format!("test, not a secret: {}", &digits[..12])))
            }
            // Reads "TEST", again and again.
            KeyDecoding::Hex => format!("{}{}", "7E57".repeat(12), digits[..16].to_ascii_uppercase()),
        }
    }
}
