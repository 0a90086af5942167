//! What is recorded of a step, as finance reads it. What only somebody who looks into the log or the code can use stands behind
//! "Technical details".

use payonce_protocol::case::Ending;

use super::format::{Moment as _, shown};
use super::words::{self, Words as _};

pub(crate) struct Fact {
    pub name: String,
    pub value: String,
    pub link: Option<String>,
}

pub(crate) struct Facts {
    pub plain: Vec<Fact>,
    pub technical: Vec<Fact>,
}

/// By the tables' names; a `link` that begins with `https://` becomes one, `..._at` becomes a time.
pub(crate) fn facts(facts: &[(String, String)]) -> Facts {
    let (technical, plain): (Vec<_>, Vec<_>) = facts.iter().partition(|(name, _)| is_technical(name));
    let read = |facts: Vec<&(String, String)>| facts.into_iter().map(|(name, value)| fact(name, value)).collect();
    Facts { plain: read(plain), technical: read(technical) }
}

fn fact(name: &str, value: &str) -> Fact {
    let at = if name.ends_with("_at") { value.parse::<u64>().ok() } else { None };
    let is_link = name == "link" && value.starts_with("https://") && !value.chars().any(char::is_control);
    let words = match name {
        "ending" => Ending::parse(value).map(|ending| ending.label().to_owned()),
        "code" => Some(words::code(value)),
        "looked_up" => said(value).map(str::to_owned),
        "error_code" | "error_type" | "rail_status" | "blind" => Some(shown(value).replace('_', " ")),
        _ => at.map(|at| at.utc()),
    };
    Fact {
        name: called(name).map_or_else(|| words::fact(name), str::to_owned),
        value: words.unwrap_or_else(|| shown(value).into_owned()),
        link: is_link.then(|| value.to_owned()),
    }
}

/// Finance's own words for what the tables call otherwise.
fn called(name: &str) -> Option<&'static str> {
    Some(match name {
        "to_name" => "Given to",
        "code" => "Reason",
        "error_code" => "The rail's reason",
        "error_type" => "The rail calls it",
        "rail_payout" => "The rail's id",
        "rail_status" => "The rail's status",
        "looked_up" => "The rail's books",
        "blind" => "Why that says nothing",
        "found_destination" => "Payee found",
        "duplicate_of" => "Same as case",
        "stopped" => "Why it stopped",
        _ => return None,
    })
}

fn said(value: &str) -> Option<&'static str> {
    Some(match value {
        "found" => "have it",
        "absent" => "do not have it",
        "blind" => "could not be seen whole, which says nothing",
        "no_answer" => "were not shown: no answer",
        _ => return None,
    })
}

/// Hashes, keys, subjects, phases and the codes of software.
fn is_technical(name: &str) -> bool {
    let known = [
        "attempt_id",
        "failure",
        "http_status",
        "maker",
        "checker",
        "maker_name",
        "offered",
        "phase",
        "rail_account",
        "rail_key",
        "rail_request",
        "replayed",
        "request",
        "request_id",
        "source",
        "to",
        "version",
    ];
    known.contains(&name) || name.ends_with("sha256") || name.starts_with("source ") || name.contains("generation")
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
    fn what_only_engineers_read_stands_apart() {
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
}
