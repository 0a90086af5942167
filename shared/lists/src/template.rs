//! Puts an item of a list into the form in which its provider would deliver it as an event.

use serde_json::Value;
use thiserror::Error;

const ITEM: &str = "{item}";
const ID: &str = "{id}";
const CREATED: &str = "{created}";

/// JSON in which whole texts stand for the item, its id and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Value);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must hold \"{{item}}\" once, as a whole text")]
pub(crate) struct NoItem;

/// What stands in the item, byte for byte as the provider wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub item: &'a str,
    pub id: &'a str,
    pub created: &'a Value,
}

impl Template {
    pub fn new(value: &Value) -> Result<Self, NoItem> {
        if count(value) == 1 { Ok(Self(value.clone())) } else { Err(NoItem) }
    }

    /// The event that it makes of an item has the item's id, and not one of its own.
    pub fn takes_id(&self) -> bool {
        holds(&self.0, ID)
    }

    pub fn filled(&self, parts: Parts<'_>) -> String {
        let mut text = String::with_capacity(parts.item.len() + 256);
        write(&self.0, parts, &mut text);
        text
    }
}

fn holds(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(list) => list.iter().any(|value| holds(value, wanted)),
        Value::Object(fields) => fields.values().any(|value| holds(value, wanted)),
        _ => false,
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::String(text) => usize::from(text == ITEM),
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn write(value: &Value, parts: Parts<'_>, out: &mut String) {
    match value {
        // The item's own text, never parsed and written again: another number or a name that stands twice must stay as it is.
        Value::String(text) if text == ITEM => out.push_str(parts.item),
        Value::String(text) if text == ID => out.push_str(&Value::from(parts.id).to_string()),
        Value::String(text) if text == CREATED => out.push_str(&parts.created.to_string()),
        Value::Array(list) => {
            out.push('[');
            for (index, entry) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(entry, parts, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, entry)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(entry, parts, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn item_stays_as_the_provider_wrote_it() {
        let template =
            Template::new(&json!({"id": "{id}", "at": "{created}", "data": [{"object": "{item}"}, 1]})).unwrap();
        let item = r#"{"id":"1\"2","amount":10.10,"amount":1e2}"#;
        let created = json!("2026-11-23T10:00:00Z");
        let text = template.filled(Parts { item, id: "1\"2", created: &created });
        assert!(text.contains(&format!(r#"{{"object":{item}}},1]"#)), "{text}");
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&event["id"], &event["at"]), (&json!("1\"2"), &created));
    }

    #[test]
    fn refuses_a_template_without_the_item() {
        for wrong in [json!({}), json!("{id}"), json!(["{item}", "{item}"]), json!({"{item}": 1}), json!("x {item}")] {
            assert_eq!(Template::new(&wrong), Err(NoItem), "{wrong}");
        }
    }
}
