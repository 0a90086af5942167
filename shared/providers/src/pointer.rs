//! JSON pointers (RFC 6901), checked when the configuration is read, so that a misspelt one stops the start.

use serde_json::Value;

use crate::read::hides;

const MAX_BYTES: usize = 256;

/// Points below the root of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') {
            return Err("a JSON pointer begins with `/` (RFC 6901)");
        }
        if text.len() > MAX_BYTES {
            return Err("the JSON pointer is longer than 256 bytes");
        }
        if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err("in a JSON pointer `~` is written `~0`, and `/` within a name `~1`");
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn of<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        find(event, &self.0)
    }
}

/// Whether anything stands below what cannot be read, or beside a name that cannot, nobody can say: that itself is found
/// then, and it is no value.
pub(crate) fn find<'v>(event: &'v Value, pointer: &str) -> Option<&'v Value> {
    let above = || pointer.match_indices('/').filter_map(|(end, _)| event.pointer(pointer.get(..end)?));
    event.pointer(pointer).or_else(|| above().next_back().and_then(hides))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_misspelt_pointer() {
        for wrong in ["", "data/object", "/a~", "/a~2", "/~/b", &format!("/{}", "x".repeat(256))] {
            assert!(Pointer::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn escapes_and_indices_point_where_rfc_6901_says() {
        let event = serde_json::json!({"a/b": [10, {"m~n": "here"}]});
        assert_eq!(Pointer::parse("/a~1b/1/m~0n").unwrap().of(&event).unwrap(), "here");
        assert_eq!(Pointer::parse("/a~1b/01").unwrap().of(&event), None);
    }

    #[test]
    fn what_lies_below_something_unreadable_is_not_absent() {
        let event = serde_json::json!({"context": crate::read::unreadable(), "empty": {},
            "odd": {"\u{fffd}": crate::read::unreadable(), "a": {}}, "even": {"\u{fffd}": 1}});
        for below in ["/context", "/context/account", "/context/0/account", "/odd/account", "/odd/b/account"] {
            assert_eq!(Pointer::parse(below).unwrap().of(&event), Some(&crate::read::unreadable()), "{below}");
        }
        for absent in ["/empty/account", "/contexts/account", "/account", "/odd/a/account", "/even/account"] {
            assert_eq!(Pointer::parse(absent).unwrap().of(&event), None, "{absent}");
        }
    }
}
