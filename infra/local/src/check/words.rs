//! What is wrong with a configuration, in the words of its reader: the parser's own speak of Rust's types.

/// What a message says, and what it names.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub words: String,
    /// What might have been meant.
    pub known: Vec<String>,
    /// The key that is not known, where the message names it.
    pub unknown_key: Option<String>,
    pub missing_key: Option<String>,
}

pub fn said(problem: &str) -> Said {
    let plain = |words: String| Said { words, known: vec![], unknown_key: None, missing_key: None };
    if let Some(rest) = problem.strip_prefix("unknown field `") {
        let (key, expected) = rest.split_once('`').unwrap_or((rest, ""));
        let known = quoted(expected);
        let there = if known.is_empty() { "none is known here".to_owned() } else { there_are(&known) };
        let words = format!("is no known key; {there}");
        return Said { known, unknown_key: Some(key.to_owned()), ..plain(words) };
    }
    if let Some(rest) = problem.strip_prefix("unknown variant `") {
        let known = quoted(rest.split_once("`, expected").map_or("", |(_, expected)| expected));
        return Said { words: format!("is no known value; {}", there_are(&known)), known, ..plain(String::new()) };
    }
    if let Some(key) = problem.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Said { missing_key: Some(key.to_owned()), ..plain("is missing".to_owned()) };
    }
    if let Some((found, expected)) = misfit(problem) {
        return plain(match (found_in_words(found), needed(expected)) {
            (Some(found), _) if expected.contains("any valid TOML") => format!("is {found}"),
            (Some(found), needed) => format!("is {found}, and must be {needed}"),
            (None, needed) => format!("must be {needed}"),
        });
    }
    let other = match problem {
        "integer number overflowed" => "is too large a number",
        "floating-point number overflowed" => "is too large a number",
        _ if problem.starts_with("key with no value") => "a key stands without a value: write key = value",
        "duplicate key" => "this key stands here twice",
        "wanted string or table" => "must be a text in quotes, or a table",
        _ if problem.starts_with("data did not match any variant") => "has none of the forms that are known here",
        _ if problem.starts_with("duplicate field") => "stands here twice",
        _ if problem.starts_with("string values must be quoted") => "a text must stand in quotes",
        _ if problem.starts_with("cannot extend value of type") => {
            "the key before the dot is no table that can be added to"
        }
        _ => {
            let known = listed(problem);
            let words =
                problem.strip_prefix("expected ").map_or_else(|| problem.to_owned(), |of| format!("must be {of}"));
            return Said { known, ..plain(words) };
        }
    };
    plain(other.to_owned())
}

fn there_are(known: &[String]) -> String {
    match known {
        [one] => format!("there is {one}"),
        [first @ .., last] => format!("there are {} and {last}", first.join(", ")),
        [] => "none is known here".to_owned(),
    }
}

/// Whatever stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The words after "there is" or "there are", which our own messages list.
fn listed(problem: &str) -> Vec<String> {
    let Some((_, list)) = problem.split_once("there is ").or_else(|| problem.split_once("there are ")) else {
        return vec![];
    };
    let words = list.split(", ").flat_map(|word| word.split(" and ")).map(str::trim);
    let is_word = |word: &&str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./{}".contains(letter))
    };
    words.filter(is_word).map(str::to_owned).collect()
}

fn misfit(problem: &str) -> Option<(&str, &str)> {
    let rest =
        ["invalid type: ", "invalid value: ", "invalid length "].iter().find_map(|kind| problem.strip_prefix(kind))?;
    rest.rsplit_once(", expected ")
}

/// Never the value itself: somebody may have written a secret there. `None`: it is of the right kind, and yet not right.
fn found_in_words(found: &str) -> Option<&'static str> {
    let kinds = [
        ("string", "a text"),
        ("a string", "a text"),
        ("integer", "a whole number"),
        ("floating point", "a number with a point"),
        ("boolean", "true or false"),
        ("map", "a table"),
        ("sequence", "a list"),
        ("character", "a text"),
    ];
    if found.contains("128") {
        return Some("too large or too small a number");
    }
    if found.starts_with("integer `-") {
        return Some("a number below 0");
    }
    kinds.iter().find(|(kind, _)| found.starts_with(kind)).map(|(_, words)| *words)
}

fn needed(expected: &str) -> String {
    let words = match expected {
        "a string" | "string" | "str" | "a borrowed string" | "string or map" | "identifier" => "a text in quotes",
        "u64" | "usize" => "a whole number, 0 or more",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "i64" | "i32" => "a whole number",
        "a boolean" | "boolean" | "bool" => "true or false",
        "a sequence" | "sequence" => "a list",
        "a map" | "map" => "a table",
        "string or table" => "a text in quotes, or a table",
        _ if expected.starts_with("a nonzero ") => "a whole number, 1 or more",
        _ if expected.starts_with("struct ") || expected.contains("tagged enum") => "a table",
        _ if expected.starts_with("enum ") || expected.contains("variant") => "one of the known words",
        _ => return expected.strip_prefix("expected ").unwrap_or(expected).to_owned(),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_parser_is_said_without_a_type_of_rust() {
        for (problem, words) in [
            (
                "invalid type: integer `99999999999999999999` as i128, expected u64",
                "is too large or too small a number, and must be a whole number, 0 or more",
            ),
            ("invalid value: integer `-1`, expected u64", "is a number below 0, and must be a whole number, 0 or more"),
            ("invalid type: map, expected a sequence", "is a table, and must be a list"),
            ("invalid type: a string, expected struct Rule", "is a text, and must be a table"),
            ("expected a JSON pointer, or a list of them", "must be a JSON pointer, or a list of them"),
            ("data did not match any variant of untagged enum X", "has none of the forms that are known here"),
            ("is empty", "is empty"),
        ] {
            assert_eq!(said(problem).words, words);
        }
    }

    #[test]
    fn what_is_known_is_listed_for_a_hint() {
        let field = said("unknown field `amonut`, expected one of `event`, `key`, `amount`");
        assert_eq!(field.words, "is no known key; there are event, key and amount");
        assert_eq!((field.unknown_key.as_deref(), field.known.len()), (Some("amonut"), 3));
        assert_eq!(said("unknown variant `x`, expected `live` or `test`").known, ["live", "test"]);
        assert_eq!(said("missing field `event`").missing_key.as_deref(), Some("event"));
        assert_eq!(said("unknown; there is stripe, svix, custom").known, ["stripe", "svix", "custom"]);
        assert_eq!(said("is unknown; there are providers, rail and limits").known, ["providers", "rail", "limits"]);
    }
}
