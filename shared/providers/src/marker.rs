//! What an event says itself about whether real money moved in it. Such a mark is believed, whatever the configuration's
//! `mode` says: a test order that reaches a live endpoint is not paid. An event without the mark is of the configured mode.

use payonce_protocol::order::Mode;
use serde_json::Value;

use crate::pointer::find;

/// A place where an event may bear its mode.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    pub at: &'static str,
    pub says: Marks,
}

#[derive(Clone, Copy, Debug)]
pub enum Marks {
    /// `true` for real money.
    Live,
    /// `true` for a trial. `false` says nothing: an order that is no trial may still be made in a shop that is.
    Test,
    /// `live` or `test`.
    Word,
    /// A link to this host is a trial's; another says nothing, as does its absence.
    Sandbox(&'static str),
}

/// A mark that says neither is odd.
pub(crate) struct Odd;

impl Marker {
    pub const fn live(at: &'static str) -> Self {
        Self { at, says: Marks::Live }
    }

    pub const fn test(at: &'static str) -> Self {
        Self { at, says: Marks::Test }
    }

    pub const fn sandbox(at: &'static str, host: &'static str) -> Self {
        Self { at, says: Marks::Sandbox(host) }
    }

    pub const fn word(at: &'static str) -> Self {
        Self { at, says: Marks::Word }
    }

    /// `None`: the event does not bear it.
    pub(crate) fn mode(&self, event: &Value) -> Option<Result<Mode, Odd>> {
        let found = find(event, self.at)?;
        let mode = match (self.says, found) {
            (Marks::Sandbox(host), Value::String(link)) if link.contains(host) => Ok(Mode::Test),
            (Marks::Sandbox(_), Value::String(_) | Value::Null) | (Marks::Test, Value::Bool(false)) => return None,
            (Marks::Live, Value::Bool(true)) => Ok(Mode::Live),
            (Marks::Live, Value::Bool(false)) | (Marks::Test, Value::Bool(true)) => Ok(Mode::Test),
            (Marks::Word, Value::String(word)) if word == "live" => Ok(Mode::Live),
            (Marks::Word, Value::String(word)) if word == "test" => Ok(Mode::Test),
            _ => Err(Odd),
        };
        Some(mode)
    }
}
