//! The events of a verified delivery: what names each, its type and its time.

use std::fmt;

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::EventId;
use serde_json::Value;
use thiserror::Error;

use crate::pointer::Pointer;
use crate::preset::{Identity, Preset, TimeForm, TypeFrom};

/// Bytes that the provider signed. Only [`crate::Provider::verify`] makes one, or [`crate::Provider::kept`] of a body that was
/// verified before, and only one can be parsed (what the provider's own list gave is read by [`crate::Provider::listed`]):
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
    /// Of a delivery that is one event.
    #[error("{0}")]
    Event(EventMisfit),
    #[error("{pointer} is no list of events")]
    NoList { pointer: &'static str },
    #[error("{pointer} holds more than {MAX_EVENTS} events")]
    TooMany { pointer: &'static str },
}

/// More events than this in one delivery are not looked at; the largest that a provider documents is 250.
pub const MAX_EVENTS: usize = 500;

/// Why an event cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct EventMisfit {
    /// Names places, never values.
    pub problem: String,
    /// Its id, when that can be read: it names the case, whatever bytes the event comes in.
    pub event: Option<EventId>,
    /// One case for all events that share this, where it is not one for each event.
    pub shared: Option<Vec<String>>,
}

impl EventMisfit {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), event: None, shared: None }
    }
}

/// Why one item of a body cannot be read. Its neighbours may be fine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("item {index}: {misfit}")]
pub struct ItemMisfit {
    pub index: usize,
    /// The hash of the item, which is the same in whatever company it comes again.
    pub item: Digest,
    pub misfit: EventMisfit,
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

/// Where a preset's events keep what every event has, compiled once.
pub(crate) struct EventReader {
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

impl EventReader {
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

    /// One event. `verified` is the whole delivery.
    pub fn event(&self, event: Value, verified: &Verified<'_>) -> Result<ParsedEvent, EventMisfit> {
        if !event.is_object() {
            return Err(EventMisfit::new("the event is no JSON object"));
        }
        let id = self.id(&event, verified).map_err(EventMisfit::new)?;
        let event_type = self.event_type(&event);
        let event_type =
            event_type.map_err(|problem| EventMisfit { event: Some(id.clone()), ..EventMisfit::new(problem) })?;
        Ok(ParsedEvent {
            id,
            event_type,
            created_at: self.created.as_ref().and_then(|(pointer, form)| moment(pointer.of(&event)?, *form)),
            body: event,
        })
    }

    fn id(&self, event: &Value, verified: &Verified<'_>) -> Result<EventId, String> {
        let (id, at) = match &self.id {
            Id::Pointers { needed, optional } => {
                let found = |pointer| (pointer, Pointer::of(pointer, event));
                // One that is there and cannot be read is no reason to take two events for one.
                let is_given = |found: Option<&Value>| found.is_some_and(|found| !found.is_null() && found != "");
                let optional = optional.iter().map(found).filter(|(_, found)| is_given(*found));
                let parts = needed.iter().map(found).chain(optional);
                let parts = parts.map(|(pointer, found)| found.and_then(named).ok_or_else(|| misfit(pointer)));
                (parts.collect::<Result<Vec<_>, _>>()?.join("/"), needed.first())
            }
            Id::Body => (Digest::of(verified.body).to_string(), None),
            Id::Message => (verified.message.clone().unwrap_or_default(), None),
        };
        EventId::new(id).map_err(|_| at.map_or_else(|| "it has no id".to_owned(), misfit))
    }

    fn event_type(&self, event: &Value) -> Result<String, String> {
        match &self.event_type {
            Type::Pointers(pointers) => {
                let texts = pointers
                    .iter()
                    .map(|pointer| pointer.of(event).and_then(Value::as_str).ok_or_else(|| misfit(pointer)));
                let joined = texts.collect::<Result<Vec<_>, _>>()?.join("/");
                // Held to the same form as an id: both become parts of a case's name.
                let short = EventId::new(joined).map(|text| text.as_str().to_owned());
                short.map_err(|_| pointers.first().map_or_else(String::new, misfit))
            }
            // Checked at start.
            Type::Fixed(event_type) => Ok(event_type.clone()),
        }
    }
}

fn misfit(pointer: &Pointer) -> String {
    format!("{} is missing, or not a short text of visible ASCII", pointer.as_str())
}

/// A text, or a whole number as it is written; an empty text names nothing.
fn named(value: &Value) -> Option<String> {
    match value {
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
