//! The body of a verified delivery, read strictly: one JSON object, no name twice in any object, no number rounded on the
//! way to an amount.

use std::fmt;

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::EventId;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::pointer::Pointer;
use crate::preset::{Identity, Preset, TimeForm, TypeFrom};

/// Bytes that the provider signed. Only [`crate::Provider::verify`] makes one, or [`crate::Provider::kept`] of a body that was
/// verified before, and only one can be parsed:
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
/// let forged = Verified { body: b"{}", message: None };
/// ```
#[derive(Clone)]
pub struct Verified<'a> {
    pub(crate) body: &'a [u8],
    /// The signed id of the message, where the scheme has one.
    pub(crate) message: Option<String>,
}

impl<'a> Verified<'a> {
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// A body that was kept. It is named by a claim or a case, which only a verified delivery makes, and this is that body;
    /// where the id of the event was signed beside the body, it is known from there as well.
    pub(crate) fn kept(body: &'a [u8], named: Digest, event: &EventId) -> Option<Self> {
        (Digest::of(body) == named).then(|| Self { body, message: Some(event.to_string()) })
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
    /// Of a delivery that is one event.
    #[error("{0}")]
    Event(String),
    #[error("{pointer} is no list of events")]
    NoList { pointer: &'static str },
    #[error("{pointer} holds more than {MAX_EVENTS} events")]
    TooMany { pointer: &'static str },
}

/// More events than this in one delivery are not looked at; the largest that a provider documents is 250.
pub const MAX_EVENTS: usize = 500;

/// Why one item of a body cannot be read. Its neighbours may be fine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("item {index}: {problem}")]
pub struct ItemMisfit {
    pub index: usize,
    /// The hash of the item, which is the same in whatever company it comes again.
    pub item: Digest,
    /// Names places, never values.
    pub problem: String,
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

impl ParsedEvent {
    /// The text at a JSON pointer, for a question about what the event is about.
    pub fn text_at(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer)?.as_str()
    }
}

/// The body holds people's names and addresses.
impl fmt::Debug for ParsedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParsedEvent({} {})", self.event_type, self.id)
    }
}

/// The body of a verified delivery as one JSON value.
pub(crate) fn read(body: &[u8]) -> Result<Value, BodyMisfit> {
    let Strict(body) = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        // The one error that is ours.
        match error.classify() {
            Category::Data => BodyMisfit::RepeatedName { line, column },
            _ => BodyMisfit::NotJson { line, column },
        }
    })?;
    Ok(body)
}

/// Where a preset's events keep what every event has, compiled once.
pub(crate) struct Reader {
    id: Id,
    event_type: Type,
    created: Option<(Pointer, TimeForm)>,
}

enum Id {
    Pointers { needed: Vec<Pointer>, optional: Vec<Pointer> },
    Body,
    Message,
}

enum Type {
    Pointers(Vec<Pointer>),
    Fixed(String),
}

impl Reader {
    /// `event_type` is the configured one, where no signed byte says it.
    pub fn of(preset: &Preset, event_type: Option<&str>) -> Result<Self, &'static str> {
        let parse = |texts: &[&str]| texts.iter().map(|text| Pointer::parse(text)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            id: match preset.id {
                Identity::Pointers { needed, optional } => {
                    Id::Pointers { needed: parse(needed)?, optional: parse(optional)? }
                }
                Identity::Body => Id::Body,
                Identity::Message => Id::Message,
            },
            event_type: match preset.event_type {
                TypeFrom::Pointers(pointers) => Type::Pointers(parse(pointers)?),
                TypeFrom::Configured => Type::Fixed(event_type.unwrap_or_default().to_owned()),
            },
            created: preset
                .created
                .map(|created| Ok::<_, &'static str>((Pointer::parse(created.at)?, created.form)))
                .transpose()?,
        })
    }

    /// One event. `body` is the whole delivery's.
    pub fn event(&self, event: Value, verified: &Verified<'_>) -> Result<ParsedEvent, String> {
        if !event.is_object() {
            return Err("the event is no JSON object".to_owned());
        }
        let id = match &self.id {
            Id::Pointers { needed, optional } => {
                let needed = needed.iter().map(|pointer| named(pointer, &event).ok_or_else(|| misfit(pointer)));
                let optional = optional.iter().filter_map(|pointer| named(pointer, &event)).map(Ok);
                needed.chain(optional).collect::<Result<Vec<_>, _>>()?.join("/")
            }
            Id::Body => Digest::of(verified.body).to_string(),
            Id::Message => verified.message.clone().unwrap_or_default(),
        };
        let event_type = match &self.event_type {
            Type::Pointers(pointers) => {
                let texts = pointers.iter().map(|pointer| {
                    pointer.of(&event).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| misfit(pointer))
                });
                texts.collect::<Result<Vec<_>, _>>()?.join("/")
            }
            Type::Fixed(event_type) => event_type.clone(),
        };
        let short = |text: String, pointers: &[Pointer]| {
            EventId::new(text).map_err(|_| pointers.first().map_or_else(|| "it has no id".to_owned(), misfit))
        };
        let (id_at, type_at): (&[Pointer], &[Pointer]) = (
            if let Id::Pointers { needed, .. } = &self.id { needed } else { &[] },
            if let Type::Pointers(pointers) = &self.event_type { pointers } else { &[] },
        );
        Ok(ParsedEvent {
            id: short(id, id_at)?,
            // A type is held to the same form as an id: both become parts of a case's name.
            event_type: short(event_type, type_at)?.as_str().to_owned(),
            created_at: self.created.as_ref().and_then(|(pointer, form)| moment(pointer.of(&event)?, *form)),
            body: event,
        })
    }
}

fn misfit(pointer: &Pointer) -> String {
    format!("{} is missing, or not a short text of visible ASCII", pointer.as_str())
}

/// A text, or a whole number as it is written; an empty text names nothing.
fn named(pointer: &Pointer, event: &Value) -> Option<String> {
    match pointer.of(event)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

fn moment(value: &Value, form: TimeForm) -> Option<UnixMillis> {
    match form {
        TimeForm::Seconds => value.as_u64()?.checked_mul(1000),
        TimeForm::Millis => value.as_u64(),
        TimeForm::Rfc3339 => value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok(),
    }
}

/// A JSON value in which no object holds a name twice. How deep it may nest is bounded by serde_json.
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
