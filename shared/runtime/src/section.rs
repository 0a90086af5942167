//! One section of `payonce.toml` as its type. An error names the key's whole path, the number in a list included, and says
//! what must stand there in the words of the file; it never repeats a value, as somebody may have written a secret there.
//!
//! toml's own reader of a `Value` names tables but not the numbers in lists, and a wrapper around serde that follows the path
//! makes the webhook's zip larger by a fiftieth.

use payonce_protocol::config::ConfigError;
use std::fmt::Display;

use serde::de::value::StringDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use toml::{Table, Value};

pub(crate) fn read<T: de::DeserializeOwned>(path: &str, value: Value) -> Result<T, ConfigError> {
    T::deserialize(Section(value)).map_err(|Wrong { within, problem }| ConfigError {
        // A list's number follows its key without a dot.
        path: if within.is_empty() || within.starts_with('[') {
            format!("{path}{within}")
        } else {
            format!("{path}.{within}")
        },
        problem,
    })
}

/// The path is written from the inside out: each table and list puts its own key before it.
#[derive(Debug)]
struct Wrong {
    within: String,
    problem: String,
}

impl Wrong {
    fn new(problem: String) -> Self {
        Self { within: String::new(), problem }
    }

    fn below(mut self, step: String) -> Self {
        let dot = if self.within.is_empty() || self.within.starts_with('[') { "" } else { "." };
        self.within.insert_str(0, dot);
        self.within.insert_str(0, &step);
        self
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    /// What the types of the configuration say themselves. "expected …" is serde's form of it.
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        Self::new(message.strip_prefix("expected ").map_or_else(|| message.clone(), |what| format!("must be {what}")))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {}, not {}", wanted(expected), kind(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {}", wanted(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("has {length} entries, and must be {}", wanted(expected)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("must be one of: {}", known.join(", ")))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let there =
            if known.is_empty() { "none is known here".to_owned() } else { format!("there are: {}", known.join(", ")) };
        Self::new(format!("is unknown; {there}")).below(key.to_owned())
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new("is missing".to_owned()).below(key.to_owned())
    }

    fn duplicate_field(key: &'static str) -> Self {
        Self::new("is there twice".to_owned()).below(key.to_owned())
    }
}

/// serde names types of Rust; whoever writes the file knows those of TOML.
fn wanted(expected: &dyn Expected) -> String {
    let named = expected.to_string();
    let plain = match named.as_str() {
        "a string" | "string" | "str" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, not below 0",
        other if other.starts_with("struct ") || other.contains(" struct ") => "a table",
        other if other.starts_with("enum ") || other.contains(" enum ") => "one of the known words",
        other => other,
    };
    plain.to_owned()
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a decimal point",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a text",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

struct Section(Value);

impl<'de> Deserializer<'de> for Section {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(is) => visitor.visit_bool(is),
            // A time without quotation marks: what it may be is said by whoever reads it as a text.
            Value::Datetime(time) => visitor.visit_string(time.to_string()),
            Value::Array(list) => visitor.visit_seq(List { rest: list.into_iter().enumerate() }),
            Value::Table(table) => visitor.visit_map(Entries { rest: table.into_iter(), entry: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(StringDeserializer::new(word)),
            _ => Err(Wrong::new("must be a text".to_owned())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct List {
    rest: std::iter::Enumerate<std::vec::IntoIter<Value>>,
}

impl<'de> SeqAccess<'de> for List {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Section(value)).map(Some).map_err(|wrong| wrong.below(format!("[{index}]")))
    }
}

struct Entries {
    rest: <Table as IntoIterator>::IntoIter,
    /// The entry whose key was read last.
    entry: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.entry = self.rest.next();
        let Some((key, _)) = &self.entry else { return Ok(None) };
        let read: StringDeserializer<Wrong> = key.clone().into_deserializer();
        seed.deserialize(read).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let (key, value) = self.entry.take().ok_or_else(|| Wrong::new("has a value without a key".to_owned()))?;
        seed.deserialize(Section(value)).map_err(|wrong| wrong.below(key))
    }
}
