//! Names of the template: a provider's part of a logical id, and which tables the stack works with.

use std::fmt;
use std::str::FromStr;

/// A logical id takes letters and digits alone, and a provider's name may hold more:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/resources-section-structure.html>
///
/// What it may not hold is written `X2d`, the character's number after an X, and so is X itself: two names never give one id. A
/// name of letters and digits stays as it is.
pub fn logical(provider: &str) -> String {
    provider.chars().fold(String::new(), |mut id, character| {
        if character.is_ascii_alphanumeric() && character != 'X' {
            id.push(character);
        } else {
            id.push_str(&format!("X{:02x}", u32::from(character)));
        }
        id
    })
}

/// What a stack's tables are called after a restore: `-2` for `payonce-audit-2`, nothing for the first ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TablesSuffix(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a hyphen and a number, such as -2, or nothing for the first tables")]
pub struct NotASuffix;

impl FromStr for TablesSuffix {
    type Err = NotASuffix;

    fn from_str(text: &str) -> Result<Self, NotASuffix> {
        let is_number =
            |number: &str| (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_suffix = text.is_empty() || text.strip_prefix('-').is_some_and(is_number);
        if is_suffix { Ok(Self(text.to_owned())) } else { Err(NotASuffix) }
    }
}

impl fmt::Display for TablesSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TablesSuffix {
    /// At the end of the tables' logical ids. A table of another name under the id of an old one would be a replacement.
    pub fn nth(&self) -> &str {
        self.0.trim_start_matches('-')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_letters_and_digits_stays_as_it_is() {
        assert_eq!(["stripe", "adyen2", "PayPal"].map(logical), ["stripe", "adyen2", "PayPal"]);
    }

    #[test]
    fn logical_ids_are_letters_and_digits_and_differ_where_names_do() {
        let names = ["acme-eu", "acme_eu", "acmeeu", "acmeX2deu", "acmeX5feu", "X", "-", "_", "x", "--", "X2d"];
        let ids: std::collections::BTreeSet<String> = names.into_iter().map(logical).collect();
        assert_eq!(ids.len(), names.len());
        assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{ids:?}");
    }

    #[test]
    fn a_suffix_is_a_hyphen_and_a_number() {
        for good in ["", "-2", "-13"] {
            assert_eq!(good.parse::<TablesSuffix>().map(|suffix| suffix.to_string()), Ok(good.to_owned()));
        }
        for wrong in ["2", "-", "-b", "-2-3", "--2", "-12345", "-2 "] {
            assert_eq!(wrong.parse::<TablesSuffix>(), Err(NotASuffix), "{wrong}");
        }
    }
}
