//! A signed body as one JSON value, read strictly without losing the whole for a part. What two readers could read
//! differently (a name that stands twice in its object) or cannot read at all (half a surrogate pair, bytes that are no
//! UTF-8, a number out of range) makes its own place [`unreadable`], and leaves the rest as it was signed.
//!
//! Plain bodies are parsed once. Only when that fails are the tokens that cannot be read replaced, in one pass over the
//! bytes, and the result is parsed again.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::event::BodyMisfit;

/// Passed over before a body (RFC 8259, section 8.1 lets a reader do so); it stays among the signed bytes.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What lies deeper is unreadable; serde_json refuses a body from 128 on.
const MAX_DEPTH: usize = 100;
/// [`unreadable`], as it is written.
const UNREADABLE: &[u8] = br#"{"":{}}"#;
/// In place of a name that cannot be read, as lossy readers write it; twice, so that it has no value.
const NAMELESS: &[u8] = "\"\u{fffd}\":0,\"\u{fffd}\"".as_bytes();

/// Stands where something is that cannot be read: neither null nor text, number or boolean, and never absent. That no
/// provider sends an object like it lets [`crate::pointer::Pointer::of`] tell what lies below it from what is not there.
pub(crate) fn unreadable() -> Value {
    Value::Object(Map::from_iter([(String::new(), Value::Object(Map::new()))]))
}

pub(crate) fn is_unreadable(value: &Value) -> bool {
    let inner = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get(""));
    inner.and_then(Value::as_object).is_some_and(Map::is_empty)
}

/// What hides whether a name stands in this object: it cannot be read itself, or one of its names cannot.
pub(crate) fn hides(object: &Value) -> Option<&Value> {
    [Some(object), object.get("\u{fffd}")].into_iter().flatten().find(|value| is_unreadable(value))
}

/// The body of a verified delivery as one JSON value.
pub(crate) fn read(body: &[u8]) -> Result<Value, BodyMisfit> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let parse = |body: &[u8]| serde_json::from_slice(body).map(|Strict(value)| value);
    parse(body).or_else(|error| {
        // The place in the body as it came.
        let not_json = |_| BodyMisfit::NotJson { line: error.line(), column: error.column() };
        parse(&mended(body)).map_err(not_json)
    })
}

/// The body with each token that cannot be read replaced, and everything else as it was: what was no JSON is none
/// afterwards. A replacement is at most five times as long as what it stands for.
fn mended(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = body.get(at) {
        let end = token_end(body, at);
        let token = body.get(at..end).unwrap_or_default();
        let enclosed = depth;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if enclosed.max(depth) > MAX_DEPTH {
            // Once, for all that lies in here.
            if enclosed == MAX_DEPTH && depth > enclosed {
                out.extend_from_slice(UNREADABLE);
            }
        } else if !is_odd(token) {
            out.extend_from_slice(token);
        } else if is_name(body, end) {
            out.extend_from_slice(NAMELESS);
        } else {
            out.extend_from_slice(UNREADABLE);
        }
        at = end;
    }
    out
}

/// Behind the string or number that begins here, or the one byte that is neither.
fn token_end(body: &[u8], at: usize) -> usize {
    let rest = body.get(at..).unwrap_or_default();
    let length = match rest.first() {
        Some(b'"') => string_length(rest).unwrap_or(rest.len()),
        Some(b'-' | b'0'..=b'9') => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
        _ => 1,
    };
    at + length
}

/// Up to the next quotation mark that no backslash stands before, where there is one.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    let closes = |byte: &u8| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    };
    text.iter().skip(1).position(closes).map(|inside| inside + 2)
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// A whole string, or a number that is written as JSON wants it, that cannot be read all the same. Other bytes are left to
/// the parser, which refuses them.
fn is_odd(token: &[u8]) -> bool {
    match token.first() {
        Some(b'"') => string_length(token).is_some() && serde_json::from_slice::<String>(token).is_err(),
        Some(b'-' | b'0'..=b'9') => is_number(token) && serde_json::from_slice::<Number>(token).is_err(),
        _ => false,
    }
}

/// By the grammar of RFC 8259, section 6.
fn is_number(token: &[u8]) -> bool {
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let token = token.strip_prefix(b"-").unwrap_or(token);
    let whole = digits(token);
    let (whole, mut rest) = token.split_at(whole);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        let (places, after) = fraction.split_at(digits(fraction));
        if places.is_empty() {
            return false;
        }
        rest = after;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let (places, after) = exponent.split_at(digits(exponent));
        return !places.is_empty() && after.is_empty();
    }
    rest.is_empty()
}

/// Whether the string that ends here is the name of a value.
fn is_name(body: &[u8], end: usize) -> bool {
    body.get(end..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// A JSON value in which a name that stands twice in its object has no meaning. How deep it may nest is bounded by
/// serde_json.
pub(crate) struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    /// Kept as a float, so that it can never pass for an integer.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(unreadable, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    /// Two readers would see two values under a name that stands twice: it has none.
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, _>()? {
            match object.entry(name) {
                Entry::Vacant(place) => drop(place.insert(value)),
                Entry::Occupied(mut place) => drop(place.insert(unreadable())),
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
