//! `[rail.http.request]`: path, headers and body, taken apart once.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::Found;
use crate::described::config::{BodyForm, HttpConfig, ReferenceForm, RequestConfig};
use crate::described::template::{Body, Node, Path, Slot, Text};

pub(super) fn request(request: &RequestConfig, found: &mut Found) -> (Path, Body, Vec<Slot>) {
    let mut slots = vec![];
    let path = Path(found.path("request.path", &request.path));
    slots.extend(path.0.iter().filter_map(|segment| match segment {
        Text::Slot(slot) => Some(slot.clone()),
        Text::Fixed(_) => None,
    }));
    let body = match request.body_as {
        BodyForm::Json => Body::Json(Node::Table(nodes("request.body", request.body.iter(), &mut slots, found))),
        BodyForm::Form => {
            let mut fields = BTreeMap::new();
            for (name, node) in nodes("request.body", request.body.iter(), &mut slots, found) {
                let text = match node {
                    Node::Text(text) => text,
                    Node::Fixed(value) => Text::Fixed(value.to_string()),
                    Node::List(_) | Node::Table(_) => {
                        found.add(&format!("request.body.{name}"), "is a table or a list; a form is flat");
                        continue;
                    }
                };
                fields.insert(name, text);
            }
            Body::Form(fields)
        }
    };
    if let Some(text) = &request.content_type
        && (HeaderValue::from_str(text).is_err() || text.is_empty())
    {
        found.add("request.content_type", "does not fit a header");
    }
    (path, body, slots)
}

fn nodes<'a>(
    key: &str,
    table: impl Iterator<Item = (&'a String, &'a Value)>,
    slots: &mut Vec<Slot>,
    found: &mut Found,
) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    for (name, value) in table {
        let key = format!("{key}.{name}");
        if name.contains(['{', '}']) {
            found.add(&key, "has a placeholder in its name");
        }
        if let Some(node) = node(&key, value, slots, found) {
            nodes.insert(name.clone(), node);
        }
    }
    nodes
}

fn node(key: &str, value: &Value, slots: &mut Vec<Slot>, found: &mut Found) -> Option<Node> {
    match value {
        Value::String(text) => match Text::parse(text) {
            Ok(text) => {
                if let Text::Slot(slot) = &text {
                    slots.push(slot.clone());
                }
                Some(Node::Text(text))
            }
            Err(problem) => {
                found.add(key, problem);
                None
            }
        },
        Value::Array(values) => {
            let nodes = values
                .iter()
                .enumerate()
                .filter_map(|(index, value)| node(&format!("{key}[{index}]"), value, slots, found));
            Some(Node::List(nodes.collect()))
        }
        Value::Object(table) if table.keys().any(|name| name.starts_with("$__toml")) => {
            found.add(key, "is a date; write it as a text");
            None
        }
        Value::Object(table) => Some(Node::Table(nodes(key, table.iter(), slots, found))),
        Value::Number(number) if number.is_f64() => {
            found.add(key, "is a fraction; write it as a text");
            None
        }
        fixed => Some(Node::Fixed(fixed.clone())),
    }
}

/// A payout without its sum, its payee or its reference would be another's, or nobody's.
pub(super) fn check_slots(config: &HttpConfig, slots: &[Slot], found: &mut Found) {
    for (slot, name) in
        [(Slot::Amount, "{amount}"), (Slot::Destination, "{destination}"), (Slot::Reference, "{reference}")]
    {
        if !slots.contains(&slot) {
            found.add("request.body", format!("holds no {name}, nor does the path"));
        }
    }
    let several = config.amount.units.len() > 1 || config.amount.iso_4217;
    if several && !slots.contains(&Slot::Currency) {
        found.add("request.body", "holds no {currency}, though there are several");
    }
    let key = config.key.as_ref();
    let shows_the_key = key.is_some_and(|key| key.header.is_some()) || slots.contains(&Slot::RailKey);
    if key.is_some() && !shows_the_key {
        found.add("key.header", "is missing, and the body holds no {rail_key}");
    }
    if config.reference == ReferenceForm::Key && matches_path(config, "{reference}") {
        found.add("request.path", "holds {reference}, and a payout key has a slash: use reference = \"digest\"");
    }
    if matches_path(config, "{payout_key}") {
        found.add("request.path", "holds {payout_key}, which has a slash");
    }
    let used: BTreeSet<&str> = slots
        .iter()
        .filter_map(|slot| match slot {
            Slot::Field(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    for name in &used {
        if !config.request.fields.contains_key(*name) {
            found.add(&format!("request.fields.{name}"), "is missing: how many characters may it have?");
        }
    }
    for (name, at_most) in &config.request.fields {
        if !used.contains(name.as_str()) {
            found.add(&format!("request.fields.{name}"), "stands nowhere in the body");
        }
        if *at_most == 0 {
            found.add(&format!("request.fields.{name}"), "must be above 0");
        }
    }
}

fn matches_path(config: &HttpConfig, slot: &str) -> bool {
    config.request.path.split('/').any(|segment| segment == slot)
}

pub(super) fn headers(
    config: &HttpConfig,
    secret: &HeaderName,
    key: Option<&HeaderName>,
    found: &mut Found,
) -> Vec<(String, String)> {
    if key == Some(secret) {
        found.add("key.header", "is the secret's");
    }
    let mut headers = BTreeMap::new();
    for (name, value) in &config.request.headers {
        let place = format!("request.headers.{name}");
        let Some(header) = found.header(&place, name) else { continue };
        if Some(&header) == key || header == secret {
            found.add(&place, "is the secret's or the key's");
        }
        if value.contains(['{', '}']) {
            found.add(&place, "takes no placeholder");
        }
        let fits = !value.is_empty() && value.trim() == value && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !fits {
            found.add(&place, "is not a text of visible ASCII");
        }
        if headers.insert(header.to_string(), value.clone()).is_some() {
            found.add(&place, "is given twice");
        }
    }
    headers.into_iter().collect()
}
