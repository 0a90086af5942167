//! What stands at a place of an answer, as a text.

use serde_json::Value;

/// A text, a whole number or a truth value, at a JSON pointer (RFC 6901).
pub fn text_at(body: &Value, pointer: &str) -> Option<String> {
    match body.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Whether each text stands at its pointer.
pub fn hold(body: &Value, must: &[(String, String)]) -> bool {
    must.iter().all(|(pointer, text)| text_at(body, pointer).as_ref() == Some(text))
}
