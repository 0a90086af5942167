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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn field_is_a_text_a_whole_number_or_a_truth_value() {
        let body = json!({"text": "a", "number": 7, "truth": true, "below": -1, "part": 1.5, "null": null, "list": []});
        let at = |name: &str| text_at(&body, &format!("/{name}"));
        assert_eq!(["text", "number", "truth"].map(at), ["a", "7", "true"].map(|text| Some(text.to_owned())));
        assert_eq!(["below", "part", "null", "list", "missing"].map(at), [const { None }; 5]);
    }

    #[test]
    fn fields_hold_when_every_one_of_them_does() {
        let body = json!({"mode": "live", "state": "done"});
        let must = |pointer: &str, text: &str| (pointer.to_owned(), text.to_owned());
        assert!(hold(&body, &[]));
        assert!(hold(&body, &[must("/mode", "live"), must("/state", "done")]));
        assert!(!hold(&body, &[must("/mode", "live"), must("/state", "open")]));
        assert!(!hold(&body, &[must("/kind", "")]));
    }
}
