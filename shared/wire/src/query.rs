//! How values stand in a request, so that none can be more than a value, and times in a request and its answer.

use payonce_protocol::UnixMillis;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as one whole segment of a path, or one name or value of a query or form: it can never add another.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `application/x-www-form-urlencoded`, of a body or a query.
#[derive(Clone, Debug, Default)]
pub struct Form(String);

impl Form {
    pub fn field(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&encoded(name));
        self.0.push('=');
        self.0.push_str(&encoded(value));
    }

    /// The path with this as its query, where there is any.
    pub fn behind(&self, path: &str) -> String {
        if self.0.is_empty() { path.to_owned() } else { format!("{path}?{}", self.0) }
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    Seconds,
    Millis,
    Rfc3339,
}

impl TimeForm {
    /// Rounded down: a list may begin too early, never too late.
    pub fn write(self, at: UnixMillis) -> Option<String> {
        Some(match self {
            Self::Seconds => (at / 1000).to_string(),
            Self::Millis => at.to_string(),
            Self::Rfc3339 => jiff::Timestamp::from_second((at / 1000).try_into().ok()?).ok()?.to_string(),
        })
    }

    /// Rounded up: a list may end too late, never too early.
    pub fn write_end(self, at: UnixMillis) -> Option<String> {
        self.write(at.checked_next_multiple_of(1000)?)
    }

    pub fn read(self, value: &Value) -> Option<UnixMillis> {
        match self {
            Self::Seconds => value.as_u64()?.checked_mul(1000),
            Self::Millis => value.as_u64(),
            Self::Rfc3339 => value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond().try_into().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn value_of_a_form_is_never_more_than_a_value() {
        let mut form = Form::default();
        assert_eq!(form.behind("/list"), "/list");
        form.field("a b", "1&c=2");
        form.field("d", "é/~");
        assert_eq!(form.behind("/list"), "/list?a%20b=1%26c%3D2&d=%C3%A9%2F~");
        assert_eq!(form.into_text(), "a%20b=1%26c%3D2&d=%C3%A9%2F~");
    }

    /// What is asked for a while too long is sorted out; what is not asked for is missed.
    #[test]
    fn list_begins_never_too_late_and_ends_never_too_early() {
        let written = |form: TimeForm, at| [form.write(at), form.write_end(at)].map(Option::unwrap);
        assert_eq!(written(TimeForm::Seconds, 2_001), ["2", "3"]);
        assert_eq!(written(TimeForm::Seconds, 2_000), ["2", "2"]);
        assert_eq!(written(TimeForm::Millis, 2_001), ["2001", "3000"]);
        assert_eq!(written(TimeForm::Rfc3339, 2_001), ["1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z"]);
        assert_eq!(TimeForm::Seconds.write_end(u64::MAX), None);
    }

    #[test]
    fn time_is_read_in_its_own_form_alone() {
        for (form, value, at) in [
            (TimeForm::Seconds, json!(3), Some(3_000)),
            (TimeForm::Seconds, json!(u64::MAX), None),
            (TimeForm::Seconds, json!("3"), None),
            (TimeForm::Millis, json!(3), Some(3)),
            (TimeForm::Rfc3339, json!("1970-01-01T00:00:03.5Z"), Some(3_500)),
            (TimeForm::Rfc3339, json!("1969-12-31T00:00:00Z"), None),
            (TimeForm::Rfc3339, json!(3), None),
        ] {
            assert_eq!(form.read(&value), at, "{form:?} {value}");
        }
    }
}
