//! What the console asks of payer, and what payer answers: both sides have these types, and their JSON is written and read by
//! nothing else. The console can say which case and who approves; it can ask for nothing else:
//!
//! ```
//! use payonce_identity::payer::Request;
//!
//! assert!(serde_json::from_str::<Request>(r#"{"case":"20b08ebd","checker":"an ID token"}"#).is_ok());
//! assert!(serde_json::from_str::<Request>(r#"{"case":"20b08ebd","checker":"an ID token","amount":4200}"#).is_err());
//! ```

use payonce_protocol::outcome::Outcome;
use serde::{Deserialize, Serialize};

/// Everything else payer reads for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    Case(OneCase),
    Line(OneLine),
    Close(CloseCase),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneCase {
    pub case: String,
    /// The ID token of the person who approves, obtained for this.
    pub checker: String,
}

/// One line of a batch, whose list two people approved. The lines before it must have been paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneLine {
    pub batch: String,
    /// From 0.
    pub line: usize,
}

/// An ending that pays nothing, of a case whose event has no attempt of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// Whoever approves. No money moves, so the console's word is enough for who that is.
    pub checker: Checker,
    pub close: String,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checker {
    pub name: String,
    pub subject: String,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The attempt was made, and ended so. Not `accepted`: it has a case of its own.
    Attempted {
        payout_key: String,
        attempt: u16,
        #[serde(with = "word")]
        outcome: Outcome,
    },
    /// The case is resolved, and its event cannot be paid any more.
    Closed { case: String },
    /// Nothing was claimed and nothing paid. `why` is a word for logs, `text` is for people: a new word of payer's must not
    /// make a refusal unreadable to a console that is a version behind.
    Refused { why: String, text: String },
}

impl Request {
    /// The id of the case or batch, for the log.
    pub fn about(&self) -> &str {
        match self {
            Self::Case(OneCase { case, .. }) => case,
            Self::Line(OneLine { batch, .. }) => batch,
            Self::Close(CloseCase { close, .. }) => close,
        }
    }
}

/// An outcome as its word.
mod word {
    use payonce_protocol::outcome::Outcome;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(outcome: &Outcome, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(outcome.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Outcome, D::Error> {
        let word = String::deserialize(from)?;
        Outcome::parse(&word).ok_or_else(|| de::Error::custom("no outcome of an attempt"))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    fn is_on_the_wire<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, json: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), *value);
    }

    #[test]
    fn every_request_is_read_back_as_it_was_written() {
        let text = str::to_owned;
        for (request, json) in [
            (Request::Case(OneCase { case: text("c1"), checker: text("a.b.c") }), r#"{"case":"c1","checker":"a.b.c"}"#),
            (Request::Line(OneLine { batch: text("b1"), line: 3 }), r#"{"batch":"b1","line":3}"#),
            (
                Request::Close(CloseCase {
                    checker: Checker { name: text("Ada"), subject: text("ada") },
                    close: text("c1"),
                    note: text("seen"),
                }),
                r#"{"checker":{"name":"Ada","subject":"ada"},"close":"c1","note":"seen"}"#,
            ),
        ] {
            is_on_the_wire(&request, json);
        }
    }

    #[test]
    fn every_answer_is_read_back_as_it_was_written() {
        let text = str::to_owned;
        for outcome in Outcome::ALL {
            let answer = Answer::Attempted { payout_key: text("stripe/pi_1"), attempt: 2, outcome: *outcome };
            let json =
                format!(r#"{{"answer":"attempted","payout_key":"stripe/pi_1","attempt":2,"outcome":"{outcome}"}}"#);
            is_on_the_wire(&answer, &json);
        }
        is_on_the_wire(&Answer::Closed { case: text("c1") }, r#"{"answer":"closed","case":"c1"}"#);
        is_on_the_wire(
            &Answer::Refused { why: text("held"), text: text("payouts are held") },
            r#"{"answer":"refused","why":"held","text":"payouts are held"}"#,
        );
    }

    #[test]
    fn refuses_an_answer_that_says_no_known_outcome() {
        for json in [
            r#"{"answer":"attempted","payout_key":"k","attempt":2,"outcome":"perhaps"}"#,
            r#"{"answer":"attempted","payout_key":"k","attempt":2}"#,
            r#"{"answer":"perhaps"}"#,
            r#"{"message":"paid"}"#,
        ] {
            assert!(serde_json::from_str::<Answer>(json).is_err(), "{json}");
        }
    }
}
