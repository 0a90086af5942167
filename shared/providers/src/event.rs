//! The body of a verified delivery, read strictly: one JSON object, no name twice in any object, no number rounded on the
//! way to an amount.

use std::fmt;

use payonce_protocol::UnixMillis;
use payonce_protocol::order::EventId;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::pointer::Pointer;
use crate::preset::Preset;

/// Bytes that the provider signed. Only [`crate::Provider::verify`] makes one, and only one can be parsed:
///
/// ```
/// use payonce_providers::{Provider, Verified};
/// fn parse(provider: &Provider, verified: &Verified<'_>) {
///     let _ = provider.events(verified);
/// }
/// ```
/// ```compile_fail,E0308
/// use payonce_providers::Provider;
/// fn parse(provider: &Provider, body: &[u8]) {
///     let _ = provider.events(body);
/// }
/// ```
/// ```compile_fail,E0451
/// use payonce_providers::Verified;
/// let forged = Verified { body: b"{}" };
/// ```
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    pub(crate) body: &'a [u8],
}

impl<'a> Verified<'a> {
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes)", self.body.len())
    }
}

/// Why a body that the provider did sign cannot be read. Holds places, never values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyMisfit {
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    /// Two readers would see two amounts.
    #[error("a name stands twice in one JSON object (line {line}, column {column})")]
    RepeatedName { line: usize, column: usize },
    #[error("{pointer} is missing, or not a short text of visible ASCII")]
    Text { pointer: String },
}

/// One event of a verified delivery; made by [`crate::Provider::events`] alone, as its body is private:
///
/// ```compile_fail,E0451
/// use payonce_providers::ParsedEvent;
/// fn forge(event: ParsedEvent) -> ParsedEvent {
///     ParsedEvent { body: serde_json::json!({"amount": 1}), ..event }
/// }
/// ```
#[derive(Clone)]
pub struct ParsedEvent {
    pub id: EventId,
    pub event_type: String,
    /// When it happened, by the provider's clock, out of signed bytes.
    pub created_at: Option<UnixMillis>,
    pub(crate) body: Value,
}

/// The body holds people's names and addresses.
impl fmt::Debug for ParsedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParsedEvent({} {})", self.event_type, self.id)
    }
}

pub(crate) struct Pointers {
    id: Pointer,
    event_type: Pointer,
    created_s: Pointer,
}

impl Pointers {
    pub fn of(preset: &Preset) -> Result<Self, &'static str> {
        Ok(Self {
            id: Pointer::parse(preset.id)?,
            event_type: Pointer::parse(preset.event_type)?,
            created_s: Pointer::parse(preset.created_s)?,
        })
    }

    pub fn parse(&self, body: &[u8]) -> Result<ParsedEvent, BodyMisfit> {
        let Strict(body) = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            // The one error that is ours.
            match error.classify() {
                Category::Data => BodyMisfit::RepeatedName { line, column },
                _ => BodyMisfit::NotJson { line, column },
            }
        })?;
        let text = |pointer: &Pointer| {
            let found = pointer.of(&body).and_then(Value::as_str);
            found
                .and_then(|text| EventId::new(text).ok())
                .ok_or_else(|| BodyMisfit::Text { pointer: pointer.as_str().to_owned() })
        };
        Ok(ParsedEvent {
            id: text(&self.id)?,
            // A type is held to the same form as an id: both become parts of a case's name.
            event_type: text(&self.event_type)?.as_str().to_owned(),
            created_at: self.created_s.of(&body).and_then(Value::as_u64).and_then(|seconds| seconds.checked_mul(1000)),
            body,
        })
    }
}

/// A JSON value in which no object holds a name twice. How deep it may nest is bounded by serde_json.
struct Strict(Value);

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
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
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

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("repeated name"));
            }
        }
        Ok(Value::Object(object))
    }
}
