//! One page of a provider's list: what it holds, and what says that there is another.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response};
use payonce_protocol::UnixMillis;
use payonce_wire::{TimeForm, hold, text_at};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::template::{Parts, Template};

/// Longer than any provider's id; it stands in the next question.
const ID_BYTES: usize = 200;
const TOKEN_BYTES: usize = 4_096;

/// An event or payment as the provider's list has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedEvent {
    pub id: String,
    pub created_at: UnixMillis,
    /// A body as the provider would deliver it, to be read by the provider's own rules.
    pub body: String,
}

/// The body holds people's names and addresses.
impl fmt::Debug for ListedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedEvent({} {})", self.id, self.created_at)
    }
}

/// Where things stand in a page, and in each of its items. Pointers are JSON pointers (RFC 6901).
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub must_hold: Vec<(String, String)>,
    pub items: String,
    pub item_must_hold: Vec<(String, String)>,
    pub id: String,
    pub created: String,
    pub created_as: TimeForm,
    /// What an item is put into; without, it is an event as it is.
    pub event: Option<Template>,
}

/// How a page says that it is not the last, and how the next one is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// By this field of the query, with the last item's id.
    LastId { query: String, more: More },
    /// By this field, with the text at this pointer; nothing, `null` or an empty text there is the end.
    Cursor { query: String, at: String },
    /// By this field, with the text of this header.
    Header { query: String, name: String },
    /// At the absolute address at this pointer.
    Link { at: String },
}

#[derive(Clone, Debug)]
pub(crate) enum More {
    /// A truth value stands here.
    Pointer(String),
    /// It holds as many items as a page can.
    Full(usize),
}

#[derive(Debug)]
pub(crate) struct Read {
    pub events: Vec<ListedEvent>,
    /// What the next page is asked with; `None` of the last page.
    pub next: Option<String>,
}

impl Page {
    /// `None` when it is not a page as described.
    pub fn read(&self, next: &Next, answer: &Response<Bytes>) -> Option<Read> {
        let body: &RawValue = serde_json::from_slice(answer.body()).ok()?;
        // The items are not in it: they are the larger part, and are read one by one.
        let (frame, items) = taken_apart(body, &self.items)?;
        if !hold(&frame, &self.must_hold) {
            return None;
        }
        let events = items.into_iter().map(|item| self.event(item)).collect::<Option<Vec<_>>>()?;
        let next = next.after(&frame, answer.headers(), &events)?;
        Some(Read { events, next })
    }

    fn event(&self, item: &RawValue) -> Option<ListedEvent> {
        let value: Value = serde_json::from_str(item.get()).ok()?;
        if !hold(&value, &self.item_must_hold) {
            return None;
        }
        let id = text_at(&value, &self.id).filter(|id| fits(id, ID_BYTES))?;
        let created = value.pointer(&self.created)?;
        let body = match &self.event {
            Some(template) => template.filled(Parts { item: item.get(), id: &id, created }),
            None => item.get().to_owned(),
        };
        Some(ListedEvent { created_at: self.created_as.read(created)?, id, body })
    }
}

impl Next {
    /// The outer `None`: it does not say it as described.
    fn after(&self, frame: &Value, headers: &HeaderMap, events: &[ListedEvent]) -> Option<Option<String>> {
        let token = match self {
            Self::LastId { more, .. } => {
                let more = match more {
                    More::Pointer(pointer) => frame.pointer(pointer)?.as_bool()?,
                    More::Full(size) => events.len() >= *size,
                };
                // A page that holds nothing cannot say what comes behind it.
                return if more { events.last().map(|last| Some(last.id.clone())) } else { Some(None) };
            }
            Self::Cursor { at, .. } | Self::Link { at } => {
                let (parent, _) = at.rsplit_once('/')?;
                frame.pointer(parent)?.as_object()?;
                match frame.pointer(at) {
                    None | Some(Value::Null) => None,
                    Some(Value::String(text)) => Some(text.clone()),
                    Some(_) => return None,
                }
            }
            Self::Header { name, .. } => {
                let mut values = headers.get_all(name).iter();
                match (values.next(), values.next()) {
                    (None, _) => None,
                    (Some(value), None) => Some(value.to_str().ok()?.to_owned()),
                    _ => return None,
                }
            }
        };
        match token.filter(|token| !token.is_empty()) {
            Some(token) if !fits(&token, TOKEN_BYTES) => None,
            token => Some(token),
        }
    }
}

fn fits(text: &str, at_most: usize) -> bool {
    (1..=at_most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The page with `null` in place of its items, and the items as they are written.
fn taken_apart<'a>(body: &'a RawValue, items: &str) -> Option<(Value, Vec<&'a RawValue>)> {
    let Some(below) = items.strip_prefix('/') else {
        return Some((Value::Null, serde_json::from_str(body.get()).ok()?));
    };
    let (step, rest) = below.split_at(below.find('/').unwrap_or(below.len()));
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(body.get()).ok()?;
    let (inner, items) = taken_apart(fields.remove(step)?, rest)?;
    let mut frame = serde_json::Map::from_iter([(step.to_owned(), inner)]);
    for (name, field) in fields {
        frame.insert(name, serde_json::from_str(field.get()).ok()?);
    }
    Some((Value::Object(frame), items))
}
