//! Whether an event asks for a payout: what `when` names, and what the provider is known to mean by it. Absence is not
//! "no": an event whose type has a rule asks for nothing only when a value says so that is known to mean it. A field that
//! was renamed or dropped, and a value that nobody has seen before, are a person's to look at.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::explain::ConditionShown;
use crate::pointer::Pointer;

/// A value that `when` compares, in type and value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text, true, false or a whole number")]
pub enum Scalar {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl Scalar {
    fn is(&self, found: &Value) -> bool {
        match self {
            Self::Boolean(value) => found.as_bool() == Some(*value),
            Self::Integer(value) => found.as_i64() == Some(*value),
            Self::Text(value) => found.as_str() == Some(value),
        }
    }

    fn is_of_type(&self, found: &Value) -> bool {
        match self {
            Self::Boolean(_) => found.is_boolean(),
            Self::Integer(_) => found.is_i64() || found.is_u64(),
            Self::Text(_) => found.is_string(),
        }
    }
}

/// As it stands in the fingerprint of the key rules.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

/// What stands beside a pointer in `when`: the value that pays, or a table that also names those that are known not to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text, true, false or a whole number, or { pays = …, not = [ … ] }")]
pub enum Expected {
    Pays(Scalar),
    Known(Known),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub pays: OneOrMoreScalars,
    #[serde(default)]
    pub not: Vec<Scalar>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a text, true, false or a whole number, or a list of them")]
pub enum OneOrMoreScalars {
    One(Scalar),
    More(Vec<Scalar>),
}

impl Expected {
    pub fn pays(&self) -> &[Scalar] {
        match self {
            Self::Pays(one) | Self::Known(Known { pays: OneOrMoreScalars::One(one), .. }) => std::slice::from_ref(one),
            Self::Known(Known { pays: OneOrMoreScalars::More(more), .. }) => more,
        }
    }

    pub fn not(&self) -> &[Scalar] {
        match self {
            Self::Pays(_) => &[],
            Self::Known(known) => &known.not,
        }
    }

    /// Any value but those that pay must be known to mean "no". A boolean has one other value; no other type has.
    pub fn knows_no(&self) -> bool {
        !self.not().is_empty() || self.pays().iter().all(|value| matches!(value, Scalar::Boolean(_)))
    }

    /// What is wrong with it, in itself.
    pub fn problem(&self) -> Option<&'static str> {
        let mut booleans = self.pays().iter().filter(|value| matches!(value, Scalar::Boolean(_)));
        if self.pays().is_empty() {
            Some("names no value that pays")
        } else if booleans.next().is_some() && booleans.next().is_some() {
            Some("pays for true and for false: leave it out")
        } else if self.pays().iter().any(|value| self.not().contains(value)) {
            Some("the same value pays and is known not to")
        } else {
            None
        }
    }
}

/// One line of a rule's `when`, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pointer: Pointer,
    pays: Vec<Scalar>,
    not: Vec<Scalar>,
}

/// What a value at a condition's place says.
enum Says {
    Pays,
    No,
    Nothing(&'static str),
}

/// Whether an event asks, by all conditions of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Yes,
    No,
    /// Neither: where, and why. Never the value.
    CannotTell {
        pointer: String,
        problem: &'static str,
    },
}

impl Condition {
    pub fn new(pointer: Pointer, expected: &Expected) -> Self {
        let mut not = expected.not().to_vec();
        let opposites = expected.pays().iter().filter_map(|value| match value {
            Scalar::Boolean(value) => Some(Scalar::Boolean(!value)),
            _ => None,
        });
        not.extend(opposites);
        Self { pointer, pays: expected.pays().to_vec(), not }
    }

    /// Of a preset: the text that asks, and the one that does not.
    pub fn of_texts(pointer: Pointer, pays: &str, not: &str) -> Self {
        Self { pointer, pays: vec![Scalar::Text(pays.to_owned())], not: vec![Scalar::Text(not.to_owned())] }
    }

    /// With the values that pay alone.
    pub fn without_no(&self) -> Self {
        Self { not: vec![], ..self.clone() }
    }

    /// A value that another rule of the same event type names at this place is known, and this rule does not pay for it.
    pub fn learn_from(&mut self, other: &Self) {
        if other.pointer == self.pointer {
            let known = other.pays.iter().chain(&other.not).filter(|value| !self.pays.contains(value)).cloned();
            self.not.extend(known.collect::<Vec<_>>());
        }
    }

    /// The values that pay, as they tell this rule from another.
    pub fn choice(&self) -> String {
        let mut values: Vec<String> = self.pays.iter().map(ToString::to_string).collect();
        values.sort();
        format!("when {} = {}", self.pointer.as_str(), values.join(" | "))
    }

    pub fn at(&self) -> &str {
        self.pointer.as_str()
    }

    /// For a person who tries a configuration.
    pub fn shown(&self, event: &Value) -> ConditionShown {
        let says = self.says(event);
        ConditionShown {
            at: self.at().to_owned(),
            needs: self.pays.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
            found: self.pointer.of(event).cloned(),
            holds: matches!(says, Says::Pays),
            says: match says {
                Says::Pays => "matches",
                Says::No => "is known not to pay",
                Says::Nothing(problem) => problem,
            },
        }
    }

    fn says(&self, event: &Value) -> Says {
        match self.pointer.of(event) {
            None => Says::Nothing("is not there"),
            Some(Value::Null) => Says::Nothing("is null"),
            Some(found) if self.pays.iter().any(|value| value.is(found)) => Says::Pays,
            Some(found) if self.not.iter().any(|value| value.is(found)) => Says::No,
            Some(found) if self.pays.iter().chain(&self.not).any(|value| value.is_of_type(found)) => {
                Says::Nothing("is neither a value that pays nor one that is known not to")
            }
            Some(_) => Says::Nothing("is of another type"),
        }
    }
}

/// A "no" that is known settles it, whatever the other places hold. Else each of them must say that it pays.
pub(crate) fn asks<'c>(conditions: impl IntoIterator<Item = &'c Condition>, event: &Value) -> Asks {
    let mut answer = Asks::Yes;
    for condition in conditions {
        match condition.says(event) {
            Says::Pays => {}
            Says::No => return Asks::No,
            Says::Nothing(problem) if answer == Asks::Yes => {
                answer = Asks::CannotTell { pointer: condition.pointer.as_str().to_owned(), problem };
            }
            Says::Nothing(_) => {}
        }
    }
    answer
}
