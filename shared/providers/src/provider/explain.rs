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
use crate::read::read;
use crate::scheme::{Algorithm, Encoding, KeyDecoding, Piece, TimeFrom};
use crate::when::Condition;

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
        let mut whole: Value = serde_json::from_slice(body).ok()?;
        let mut changed = false;
        for event in self.each_event(&mut whole) {
            changed |= self.retime(event, now, older_ms);
        }
        changed.then(|| whole.to_string().into_bytes())
    }

    /// Another event of the same kind, made now: `id` is added to what names it, and to what its payout keys are made of.
    pub fn renew(&self, whole: &mut Value, now: UnixMillis, id: &str) {
        let (mut places, mut kept) = (vec![], vec![]);
        if let Identity::Pointers { needed, optional } = self.preset.id {
            places.extend([needed, optional].concat());
        }
        if let TypeFrom::Pointers(pointers) = self.preset.event_type {
            kept.extend(pointers.iter().copied());
        }
        kept.extend(self.preset.asks_when.iter().map(|(at, ..)| *at));
        for rule in &self.rules {
            places.extend(rule.key.iter().map(|pointer| pointer.as_str()));
            kept.extend(rule.when.iter().map(Condition::at));
        }
        places.sort_unstable();
        places.dedup();
        for event in self.each_event(whole) {
            self.retime(event, now, 0);
            for place in places.iter().filter(|place| !kept.contains(place)) {
                match event.pointer_mut(place) {
                    Some(Value::String(text)) => text.push_str(id),
                    Some(Value::Number(number)) => *number = now.into(),
                    _ => {}
                }
            }
        }
    }

    /// [`Provider::renew`] for a body of which a part cannot be read: what changes is replaced where it is written, and every
    /// other byte stays. `None`: it is no JSON, or nothing in it names the event.
    pub fn renewed(&self, body: &[u8], now: UnixMillis, id: &str) -> Option<Vec<u8>> {
        let before = read(body).ok()?;
        let mut after = before.clone();
        self.renew(&mut after, now, id);
        let mut text = std::str::from_utf8(body).ok()?.to_owned();
        let changes = changed(&before, &after, "");
        for (name, was, is) in &changes {
            text = with_value(&text, name, was, is)?;
        }
        (!changes.is_empty()).then(|| text.into_bytes())
    }

    fn each_event<'v>(&self, whole: &'v mut Value) -> Vec<&'v mut Value> {
        let Some(items) = self.preset.items else { return vec![whole] };
        let list = whole.pointer_mut(items.list).and_then(Value::as_array_mut).into_iter().flatten();
        list.filter_map(|item| item.pointer_mut(items.event.unwrap_or_default())).collect()
    }

    fn retime(&self, event: &mut Value, now: UnixMillis, older_ms: u64) -> bool {
        let Some(created) = self.preset.created else { return false };
        let Some(at) = event.pointer_mut(created.at) else { return false };
        let seconds =
            |at: UnixMillis| i64::try_from(at / 1000).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
        let from = now.saturating_sub(older_ms);
        let present: Option<Value> = match created.form {
            TimeForm::Seconds => at.as_u64().filter(|at| *at < from / 1000).map(|_| (now / 1000).into()),
            TimeForm::Millis => at.as_u64().filter(|at| *at < from).map(|_| now.into()),
            TimeForm::Rfc3339 => {
                let stands = at.as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
                let is_old = stands.zip(seconds(from)).is_some_and(|(at, from)| at < from);
                seconds(now).filter(|_| is_old).map(|now| now.to_string().into())
            }
        };
        let changes = present.is_some();
        present.into_iter().for_each(|present| *at = present);
        changes
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

/// The values that differ, each with the name that it stands under, as they are written.
fn changed(before: &Value, after: &Value, name: &str) -> Vec<(String, String, String)> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let both = before.iter().filter_map(|(name, before)| Some((name, before, after.get(name)?)));
            both.flat_map(|(name, before, after)| changed(before, after, name)).collect()
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).flat_map(|(before, after)| changed(before, after, name)).collect()
        }
        _ if before == after => vec![],
        _ => vec![(name.to_owned(), before.to_string(), after.to_string())],
    }
}

/// The text with `is` for `was` under every such name. `None`: it does not stand there as it would be written here.
fn with_value(text: &str, name: &str, was: &str, is: &str) -> Option<String> {
    let name = format!("{}:", Value::from(name));
    let (mut out, mut rest, mut found) = (String::new(), text, false);
    while let Some(at) = rest.find(&name) {
        let (before, behind) = rest.split_at(at + name.len());
        let value = behind.trim_start();
        out.push_str(before);
        out.push_str(&behind[..behind.len() - value.len()]);
        rest = value;
        let ends =
            |rest: &str| rest.is_empty() || rest.starts_with([',', '}', ']']) || rest.starts_with(char::is_whitespace);
        if let Some(after) = value.strip_prefix(was).filter(|after| ends(after)) {
            out.push_str(is);
            (rest, found) = (after, true);
        }
    }
    out.push_str(rest);
    found.then_some(out)
}
