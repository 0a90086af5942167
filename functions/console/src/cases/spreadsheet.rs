//! What a file must look like for a spreadsheet to open it right, by a double click and in its own language: which sign parts
//! the columns and which the decimals, and which texts it would take for something else.

use payonce_books::output::harmless;

payonce_protocol::words! {
    /// By what the columns and the decimals are parted, as it stands in the address. English spreadsheets expect the first,
    /// German, French and most of Europe's the second, Swiss ones the third.
    #[derive(Default)]
    pub(crate) enum Style {
        #[default]
        Comma = "comma",
        Semicolon = "semicolon",
        SemicolonPoint = "semicolon-point",
    }
}

impl Style {
    pub fn label(self) -> &'static str {
        match self {
            Self::Comma => "English: a,b and 1.50",
            Self::Semicolon => "German, French: a;b and 1,50",
            Self::SemicolonPoint => "Swiss: a;b and 1.50",
        }
    }

    pub(crate) fn separator(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon | Self::SemicolonPoint => b';',
        }
    }

    fn decimal_sign(self) -> &'static str {
        match self {
            Self::Semicolon => ",",
            Self::Comma | Self::SemicolonPoint => ".",
        }
    }
}

/// One cell, by who wrote it.
pub(crate) enum Cell {
    /// A number of ours with a decimal point, never grouped.
    Number(String),
    /// A time, a date or a word of ours.
    Ours(String),
    /// A provider or a person wrote it: it stays a text, whatever it looks like.
    Text(String),
}

impl Cell {
    pub fn written(self, style: Style) -> String {
        match self {
            Self::Number(number) => number.replace('.', style.decimal_sign()),
            Self::Ours(ours) => ours,
            Self::Text(text) if is_taken_for_a_value(&text) => format!("'{text}"),
            Self::Text(text) => harmless(&text),
        }
    }
}

/// Month names begin so in English, German and French; the rest are words that stand beside numbers.
const WORDS_IN_VALUES: [&str; 24] = [
    "jan", "feb", "fév", "mar", "mär", "apr", "avr", "mai", "may", "jun", "jui", "jul", "aug", "aoû", "sep", "okt",
    "oct", "nov", "dez", "dec", "déc", "eur", "usd", "gbp",
];
const SHORT_WORDS_IN_VALUES: [&str; 13] = ["a", "d", "e", "h", "p", "t", "z", "am", "pm", "utc", "gmt", "chf", "uhr"];
const TRUTH_VALUES: [&str; 6] = ["true", "false", "wahr", "falsch", "vrai", "faux"];

/// A number, a date, a time or a truth value to some spreadsheet: an id of digits would lose some of them, and 3-4 become a day.
fn is_taken_for_a_value(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    if !text.chars().any(char::is_numeric) {
        return TRUTH_VALUES.contains(&text.as_str());
    }
    let mut words = text.split(|char: char| !char.is_alphabetic()).filter(|word| !word.is_empty());
    let is_of_values = |word: &str| {
        SHORT_WORDS_IN_VALUES.contains(&word) || WORDS_IN_VALUES.iter().any(|begin| word.starts_with(begin))
    };
    !text.contains('_') && words.all(is_of_values)
}

#[cfg(test)]
#[path = "spreadsheet_tests.rs"]
mod tests;
