//! What was read where, for a person who tries a configuration on their own terminal. It decides nothing: the decisions are
//! [`crate::Provider::route`]'s, and what is shown is read by the same rule. Values of the body stand in it, so it is for
//! `explain` alone, and never for a log or a case.

use payonce_protocol::UnixMillis;
use serde_json::Value;

/// How deliveries are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureShown {
    /// `None`: the signature stands in the body.
    pub header: Option<String>,
    pub algorithm: &'static str,
    pub encoding: &'static str,
    /// With `{body}`, `{t}`, `{id}` and `{url}`.
    pub signed: String,
    /// Where the signed time stands, and how far from our clock it may be.
    pub time: Option<(String, u64)>,
}

/// Where every event has its facts, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacesShown {
    pub id: String,
    pub event_type: String,
    pub created: Option<String>,
}

/// A place in the event, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// A JSON pointer, or the fixed text that the rule has in its place.
    pub at: String,
    pub value: Option<Value>,
}

/// One line of a rule's `when`, or of the preset's own condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionShown {
    pub at: String,
    pub needs: String,
    pub found: Option<Value>,
    pub holds: bool,
    /// `matches`, that the value is known to mean no, or why nobody can tell.
    pub says: &'static str,
}

/// A rule that names the event's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleShown {
    /// As in the configuration: `payouts[0]`.
    pub name: String,
    pub asks: bool,
    /// It says whether the event asks.
    pub tells: bool,
    pub when: Vec<ConditionShown>,
    pub key: Vec<Found>,
    pub amount: Found,
    pub amount_as: &'static str,
    pub currency: Found,
    pub destination: Found,
    pub rail_fields: Vec<(String, Found)>,
}

/// When a delivery was signed, by its own headers.
pub type SignedAt = Option<UnixMillis>;
