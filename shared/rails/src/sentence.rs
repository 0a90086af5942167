//! What a rail says to people. It is kept with the outcome, for whoever works the case, and nowhere else: it may name a payee, so
//! neither logs nor errors nor `Debug` show it.

use std::fmt;

use payonce_wire::ApiSecret;

const CHARACTERS_AT_MOST: usize = 300;
/// Of what is left out. Sums and codes are shorter.
const DIGITS_AT_LEAST: usize = 8;

/// One line of a rail's own text, cut to a bound, of characters that are seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Sentence(String);

impl Sentence {
    /// `None` where nothing is left to read, or where it repeats one of `secrets`.
    pub fn of(text: &str, secrets: &[ApiSecret]) -> Option<Self> {
        if secrets.iter().any(|secret| secret.stands_in(text)) {
            return None;
        }
        let seen: String = text.chars().map(|letter| if is_unseen(letter) { ' ' } else { letter }).collect();
        let mut line = String::new();
        let mut left = CHARACTERS_AT_MOST;
        for word in seen.split_whitespace().map(|word| if is_personal(word) { "…" } else { word }) {
            let space = usize::from(!line.is_empty());
            let letters = word.chars().count() + space;
            if letters > left {
                // The first word alone may be longer than everything that is kept.
                line.extend(word.chars().take(if line.is_empty() { left } else { 0 }));
                line.push('…');
                break;
            }
            line.extend((space == 1).then_some(' '));
            line.push_str(word);
            left -= letters;
        }
        (!line.is_empty()).then_some(Self(line))
    }

    /// For the record of an outcome.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sentence(not shown)")
    }
}

/// An address, or so many digits that it may be an account, a card or a telephone number.
fn is_personal(word: &str) -> bool {
    let digits = word.split(|letter: char| letter.is_ascii_alphabetic());
    let longest = digits.map(|run| run.chars().filter(char::is_ascii_digit).count()).max().unwrap_or_default();
    word.contains('@') || longest >= DIGITS_AT_LEAST
}

/// Control characters, and those that turn the direction of a text or have no width: a page would show other words than are there.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Sentence::of(text, &[]).map(|sentence| sentence.as_str().to_owned())
    }

    #[test]
    fn sentence_is_one_line_of_characters_that_are_seen() {
        let plain = "Insufficient funds in your account.";
        assert_eq!(read(plain).as_deref(), Some(plain));
        assert_eq!(read("  two\r\n\tlines\u{0} \u{202e}here ").as_deref(), Some("two lines here"));
        assert_eq!(read("\u{200b}\n"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn sentence_is_cut_between_words_and_says_so() {
        let long = read(&"äöü ".repeat(200)).unwrap();
        assert!(long.ends_with("äöü…") && long.chars().count() <= CHARACTERS_AT_MOST + 1, "{long}");
        let one_word = read(&"x".repeat(1_000)).unwrap();
        assert_eq!(one_word.chars().count(), CHARACTERS_AT_MOST + 1);
    }

    #[test]
    fn sentence_that_repeats_a_secret_is_not_kept() {
        let secrets = [ApiSecret::new("planted_rail_secret").unwrap()];
        for form in
            ["planted_rail_secret", "planted_\u{200b}rail_secret", "planted rail\nsecret", "planted%5Frail%5fsecret"]
        {
            assert_eq!(Sentence::of(&format!("No such key: {form}"), &secrets), None, "{form:?}");
        }
        assert!(Sentence::of("No such key", &secrets).is_some());
    }

    #[test]
    fn sentence_leaves_out_addresses_and_long_numbers() {
        let says = "jane@example.com cannot be paid to DE89370400440532013000, +49(30)1234567 or 4242-4242-4242-4242";
        assert_eq!(read(says).as_deref(), Some("… cannot be paid to … … or …"));
        let codes = "The amount 1250000 is above 500.00 EUR (code 51, tr_1PqR42).";
        assert_eq!(read(codes).as_deref(), Some(codes));
    }

    #[test]
    fn sentence_is_not_shown_by_debug() {
        let sentence = Sentence::of("No such payee: Jane Doe", &[]).unwrap();
        assert!(!format!("{sentence:?}").contains("Jane"));
    }
}
