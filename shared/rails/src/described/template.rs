//! A request's path and body with placeholders for whole values. Both are taken apart once, at start; an order's values
//! are put in as typed values and only then written, so no value can become anything but itself.

use std::collections::BTreeMap;

use payonce_wire::{Form, encoded};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::request::Misfit;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Amount,
    Currency,
    Destination,
    Reference,
    PayoutKey,
    RailKey,
    Field(String),
}

/// A text of the description: fixed, or one whole placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Fixed(String),
    Slot(Slot),
}

pub(crate) const SLOTS: &str =
    "{amount}, {currency}, {destination}, {reference}, {payout_key}, {rail_key} and {field.NAME}";

/// The inside of a text that is one whole placeholder; `Ok(None)` for a text without braces.
pub(crate) fn placeholder(text: &str) -> Result<Option<&str>, &'static str> {
    if !text.contains(['{', '}']) {
        return Ok(None);
    }
    let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match inside {
        Some(inside) if !inside.contains(['{', '}']) => Ok(Some(inside)),
        _ => Err("holds a placeholder within a text; a placeholder is a whole value"),
    }
}

impl Text {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(inside) = placeholder(text)? else { return Ok(Self::Fixed(text.to_owned())) };
        Ok(Self::Slot(match inside {
            "amount" => Slot::Amount,
            "currency" => Slot::Currency,
            "destination" => Slot::Destination,
            "reference" => Slot::Reference,
            "payout_key" => Slot::PayoutKey,
            "rail_key" => Slot::RailKey,
            other => match other.strip_prefix("field.") {
                Some(name) if !name.is_empty() => Slot::Field(name.to_owned()),
                _ => return Err(format!("holds an unknown placeholder; there are {SLOTS}")),
            },
        }))
    }
}

/// A body, without any order's values. Tables are in the order of their names, whatever the file's was: the bytes of a
/// re-issue must not depend on how a library keeps its maps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A number or a truth value.
    Fixed(Value),
    Text(Text),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// One order's values.
pub(crate) struct Values<'a> {
    pub amount: String,
    pub amount_is_number: bool,
    pub currency: &'a str,
    pub destination: &'a str,
    pub reference: &'a str,
    pub payout_key: &'a str,
    pub rail_key: &'a str,
    pub fields: &'a BTreeMap<String, String>,
}

impl Values<'_> {
    fn text<'a>(&'a self, text: &'a Text) -> Result<&'a str, Misfit> {
        Ok(match text {
            Text::Fixed(text) => text,
            Text::Slot(Slot::Amount) => &self.amount,
            Text::Slot(Slot::Currency) => self.currency,
            Text::Slot(Slot::Destination) => self.destination,
            Text::Slot(Slot::Reference) => self.reference,
            Text::Slot(Slot::PayoutKey) => self.payout_key,
            Text::Slot(Slot::RailKey) => self.rail_key,
            Text::Slot(Slot::Field(name)) => self.fields.get(name).ok_or_else(|| Misfit::MissingField(name.clone()))?,
        })
    }
}

/// A body with an order's values.
#[derive(Serialize)]
#[serde(untagged)]
enum Json<'a> {
    Fixed(&'a Value),
    Text(&'a str),
    /// The amount's own digits, which no float has touched.
    Digits(Box<RawValue>),
    List(Vec<Json<'a>>),
    Table(BTreeMap<&'a str, Json<'a>>),
}

impl Node {
    fn filled<'a>(&'a self, values: &'a Values<'_>) -> Result<Json<'a>, Misfit> {
        Ok(match self {
            Self::Fixed(value) => Json::Fixed(value),
            Self::Text(Text::Slot(Slot::Amount)) if values.amount_is_number => {
                Json::Digits(RawValue::from_string(values.amount.clone()).map_err(|_| Misfit::Amount)?)
            }
            Self::Text(text) => Json::Text(values.text(text)?),
            Self::List(nodes) => Json::List(nodes.iter().map(|node| node.filled(values)).collect::<Result<_, _>>()?),
            Self::Table(nodes) => Json::Table(
                nodes
                    .iter()
                    .map(|(name, node)| Ok((name.as_str(), node.filled(values)?)))
                    .collect::<Result<_, Misfit>>()?,
            ),
        })
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Json(Node),
    Form(BTreeMap<String, Text>),
}

impl Body {
    pub(crate) fn write(&self, values: &Values<'_>) -> Result<String, Misfit> {
        match self {
            // Maps with text keys, and texts, cannot fail to be written.
            Self::Json(node) => serde_json::to_string(&node.filled(values)?).map_err(|_| Misfit::Amount),
            Self::Form(fields) => {
                let mut form = Form::default();
                for (name, text) in fields {
                    form.field(name, values.text(text)?);
                }
                Ok(form.into_text())
            }
        }
    }
}

/// The path, segment by segment.
#[derive(Clone, Debug)]
pub(crate) struct Path(pub Vec<Text>);

impl Path {
    pub(crate) fn write(&self, values: &Values<'_>) -> Result<String, Misfit> {
        let mut path = String::new();
        for segment in &self.0 {
            path.push('/');
            match segment {
                Text::Fixed(text) => path.push_str(text),
                slot => path.push_str(&encoded(as_segment(values.text(slot)?)?)),
            }
        }
        Ok(path)
    }
}

/// Percent-encoding hides a slash from us, but some servers and proxies decode before they route, and none can be told
/// not to take `..` for the segment above.
fn as_segment(text: &str) -> Result<&str, Misfit> {
    let moves = matches!(text, "" | "." | "..") || text.contains(['/', '\\']) || text.contains(char::is_control);
    if moves { Err(Misfit::Path) } else { Ok(text) }
}
