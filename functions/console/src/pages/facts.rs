//! What is recorded of a step, as finance reads it. What only somebody who looks into the log or the code can use stands behind
//! "Technical details".

use std::borrow::Cow;

use payonce_protocol::case::Ending;
use payonce_protocol::fact::{FactName, LookUpSays, SOURCE_FIELD};
use payonce_protocol::reissue::Said;

use super::format::{Moment as _, shown};
use super::words::{self, Words as _};

pub(crate) struct Fact {
    pub name: String,
    pub value: String,
    pub link: Option<String>,
}

impl Fact {
    /// Words are not set as an id is.
    pub(crate) fn is_id(&self) -> bool {
        !self.value.contains(' ')
    }
}

pub(crate) struct Facts {
    pub plain: Vec<Fact>,
    pub technical: Vec<Fact>,
}

/// By the tables' names. What another version wrote under a name that is not known here is shown as it is.
pub(crate) fn facts(facts: &[(String, String)]) -> Facts {
    let mut read = Facts { plain: vec![], technical: vec![] };
    for (name, value) in facts {
        let Words { called, place, says } = FactName::parse(name).map_or_else(|| unknown(name), words_of);
        let is_link = says == Says::Link && value.starts_with("https://") && !value.chars().any(char::is_control);
        let fact = Fact { name: called.into_owned(), value: says.read(value), link: is_link.then(|| value.clone()) };
        match place {
            Place::Plain => read.plain.push(fact),
            Place::Technical => read.technical.push(fact),
        }
    }
    read
}

/// How a fact is said.
struct Words {
    called: Cow<'static, str>,
    place: Place,
    says: Says,
}

/// Hashes, keys, subjects, phases and the codes of software stand behind "Technical details".
enum Place {
    Plain,
    Technical,
}

/// What its value is.
#[derive(PartialEq, Eq)]
enum Says {
    Text,
    /// With an underscore for each space.
    Code,
    Moment,
    Link,
    Ending,
    Reason,
    LookUp,
}

impl Says {
    fn read(&self, value: &str) -> String {
        let words = match self {
            Self::Text | Self::Link => None,
            Self::Code => Some(shown(value).replace('_', " ")),
            Self::Moment => value.parse::<u64>().ok().map(|at| at.utc()),
            Self::Ending => Ending::parse(value).map(|ending| ending.label().to_owned()),
            Self::Reason => Some(words::code(value)),
            Self::LookUp => LookUpSays::parse(value).map(|says| books(says).to_owned()),
        };
        words.unwrap_or_else(|| shown(value).into_owned())
    }
}

fn books(says: LookUpSays) -> &'static str {
    match says {
        LookUpSays::Said(Said::Found) => "have it",
        LookUpSays::Said(Said::Absent) => "do not have it",
        LookUpSays::Said(Said::Blind) => "could not be seen whole, which says nothing",
        LookUpSays::NoAnswer => "were not shown: no answer",
    }
}

/// A new name does not compile until it is said here.
fn words_of(name: FactName) -> Words {
    let said = |called: &'static str, says| Words { called: called.into(), place: Place::Plain, says };
    let plain = |called| said(called, Says::Text);
    let technical = |called: &'static str| Words { called: called.into(), place: Place::Technical, says: Says::Text };
    match name {
        FactName::Phase => technical("Phase"),
        FactName::Offered => technical("Offered"),
        FactName::FirstByteAt => said("First byte at", Says::Moment),
        FactName::AnsweredAt => said("Answered at", Says::Moment),
        FactName::HttpStatus => technical("HTTP status"),
        FactName::RailPayout => plain("The rail's id"),
        FactName::RailStatus => said("The rail's status", Says::Code),
        FactName::ErrorType => said("The rail calls it", Says::Code),
        FactName::ErrorCode => said("The rail's reason", Says::Code),
        FactName::RailRequest => technical("Rail request"),
        FactName::RailSays => plain("The rail says"),
        FactName::Replayed => technical("Replayed"),
        FactName::Failure => technical("Failure"),
        FactName::LookedUp => said("The rail's books", Says::LookUp),
        FactName::LookedUpAt => said("Looked up at", Says::Moment),
        FactName::LookedUpBy => plain("Looked up by"),
        FactName::LookedUpSha256 => technical("Looked up SHA-256"),
        FactName::RailPayouts => plain("Rail payouts"),
        FactName::Found => plain("Found"),
        FactName::Sight => plain("Sight"),
        FactName::Blind => said("Why that says nothing", Says::Code),
        FactName::RailAccount => technical("Rail account"),
        FactName::Source => technical("Source"),
        FactName::SourceSha256 => technical("Source SHA-256"),
        FactName::MakerTokenSha256 => technical("Maker token SHA-256"),
        FactName::CheckerTokenSha256 => technical("Checker token SHA-256"),
        FactName::PayoutKey => plain("Payout key"),
        FactName::Attempt => plain("Attempt"),
        FactName::RailKey => technical("Rail key"),
        FactName::Batch => plain("Batch"),
        FactName::To => technical("To"),
        FactName::ToName => plain("Given to"),
        FactName::Note => plain("Note"),
        FactName::Ending => said("Ending", Says::Ending),
        FactName::Code => said("Reason", Says::Reason),
        FactName::DuplicateOf => plain("Same as case"),
        FactName::Closed => plain("Closed"),
        FactName::Paid => plain("Paid"),
        FactName::Stopped => plain("Why it stopped"),
        FactName::Title => plain("Title"),
        FactName::Link => said("Link", Says::Link),
        FactName::KeptAt => plain("Kept at"),
        FactName::File => plain("File"),
        FactName::Bytes => plain("Bytes"),
        FactName::Sha256 => technical("SHA-256"),
        FactName::Event => plain("Event"),
        FactName::BodySha256 => technical("Body SHA-256"),
        FactName::Sum => plain("Sum"),
        FactName::Case => plain("Case"),
        FactName::Problem => plain("Problem"),
        FactName::RefusedBy => plain("Refused by"),
        FactName::Outcome => plain("Outcome"),
        FactName::PaidByHand => plain("Paid by hand"),
        FactName::BlockedBy => plain("Blocked by"),
        FactName::BlockedByType => plain("Blocked by type"),
        FactName::BlockedByBody => plain("Blocked by body"),
        FactName::BookBreak => technical("Break of the books"),
        FactName::BookBreakKind => said("The books differ", Says::Code),
        FactName::Book => said("In the book of", Says::Code),
        FactName::BookRow => plain("Its row there"),
        FactName::BookExpected => plain("Asked for"),
        FactName::BookFound => plain("Found in that book"),
        FactName::BookOurs => technical("Rows of our book"),
        FactName::BookTheirs => technical("Rows of the other book"),
        FactName::BookRun => said("Seen by the run until", Says::Moment),
        FactName::BookExplains => technical("Rows by which the books agree"),
        FactName::Request => technical("Request"),
        FactName::RequestSha256 => technical("Request SHA-256"),
        FactName::AttemptId => technical("Attempt id"),
    }
}

/// A field of the source's answer, or what another version wrote.
fn unknown(name: &str) -> Words {
    let is_technical = name.starts_with(SOURCE_FIELD)
        || name.ends_with("sha256")
        || name.ends_with("_id")
        || name.contains("generation");
    let place = if is_technical { Place::Technical } else { Place::Plain };
    let says = if name.ends_with("_at") { Says::Moment } else { Says::Text };
    Words { called: words::fact(name).into(), place, says }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Vec<(String, String)>;

    /// What is read at once, and what stands behind "Technical details".
    fn of(name: &str, value: &str) -> (Read, Read) {
        let facts = facts(&[(name.to_owned(), value.to_owned())]);
        let read = |facts: Vec<Fact>| facts.into_iter().map(|fact| (fact.name, fact.value)).collect();
        (read(facts.plain), read(facts.technical))
    }

    #[test]
    fn facts_for_engineers_stand_apart() {
        for (name, value) in [
            ("offered", "812"),
            ("phase", "answer"),
            ("request_sha256", "9f86"),
            ("looked_up_sha256", "9f86"),
            ("key_generation", "2"),
            ("to", "sandbox|ada"),
        ] {
            let (plain, technical) = of(name, value);
            assert!(plain.is_empty() && technical.len() == 1, "{name}");
        }
    }

    #[test]
    fn code_of_the_tables_is_said_in_words() {
        for (name, value, called, words) in [
            ("code", "refusal_understood", "Reason", "The cause of the refusal is removed"),
            ("ending", "not_paid", "Ending", "Not paid, nothing owed"),
            ("looked_up", "absent", "The rail's books", "do not have it"),
            ("error_code", "insufficient_funds", "The rail's reason", "insufficient funds"),
            ("to_name", "Ada", "Given to", "Ada"),
        ] {
            assert_eq!(of(name, value).0, [(called.to_owned(), words.to_owned())]);
        }
    }

    /// Another version may have written it: it is shown, by its own name.
    #[test]
    fn name_that_is_not_known_is_shown_as_it_is() {
        for (name, value, called, words) in [
            ("rail_mood", "so_so", "Rail mood", "so_so"),
            ("frozen_at", "1795445601000", "Frozen at", "2026-11-23 14:53:21 UTC"),
            ("looked_up", "perhaps", "The rail's books", "perhaps"),
            ("ending", "none_of_these", "Ending", "none_of_these"),
        ] {
            assert_eq!(of(name, value).0, [(called.to_owned(), words.to_owned())]);
        }
        assert_eq!(of("source /status", "succeeded").1, [("Source /status".to_owned(), "succeeded".to_owned())]);
    }

    #[test]
    fn every_known_name_has_words_of_its_own() {
        let called: std::collections::BTreeSet<_> =
            FactName::ALL.iter().map(|name| words_of(*name).called.into_owned()).collect();
        assert!(called.iter().all(|called| called.starts_with(char::is_uppercase) && !called.contains('_')));
        assert_eq!(called.len(), FactName::ALL.len(), "two facts are called the same");
    }
}
