//! What is wrong with a configuration, in the words of its reader: the parser's own speak of Rust's types.

/// What a message says, and what it names.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub words: String,
    /// What might have been meant.
    pub known: Vec<String>,
}

pub fn said(problem: &str) -> Said {
    let plain = |words: String| Said { words, known: vec![] };
    if let Some(list) = problem.strip_prefix("is unknown; there are: ") {
        let known = listed_after(list);
        return Said { words: format!("is no known key; {}", there_are(&known)), known };
    }
    if let Some(list) = problem.strip_prefix("must be one of: ") {
        let known = listed_after(list);
        return Said { words: format!("is no known value; {}", there_are(&known)), known };
    }
    let other = match problem {
        "integer number overflowed" => "is too large a number",
        // A whole number that no type holds.
        _ if problem.contains("any valid TOML value") => "is too large or too small a number",
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
            return Said { words, known };
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

fn listed_after(list: &str) -> Vec<String> {
    list.split(", ").map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_parser_is_said_without_a_type_of_rust() {
        for (problem, words) in [
            (
                "invalid type: integer `99999999999999999999` as i128, expected any valid TOML value",
                "is too large or too small a number",
            ),
            ("expected a JSON pointer, or a list of them", "must be a JSON pointer, or a list of them"),
            ("data did not match any variant of untagged enum X", "has none of the forms that are known here"),
            ("is empty", "is empty"),
        ] {
            assert_eq!(said(problem).words, words);
        }
    }

    #[test]
    fn what_is_known_is_listed_for_a_hint() {
        let field = said("is unknown; there are: event, key, amount");
        assert_eq!(field.words, "is no known key; there are event, key and amount");
        assert_eq!(field.known.len(), 3);
        assert_eq!(said("must be one of: live, test").known, ["live", "test"]);
        assert_eq!(said("unknown; there is stripe, svix, custom").known, ["stripe", "svix", "custom"]);
        assert_eq!(said("is unknown; there are providers, rail and limits").known, ["providers", "rail", "limits"]);
    }
}
