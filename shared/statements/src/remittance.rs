//! Field 86 of MT940: free text, or text with codes of two common forms. Others stay text, as they came.
//!
//! * Codes between slashes, `/EREF/…/REMI/…` (Dutch banks; the SEPA structure within field 86,
//!   <https://studylib.net/doc/18834720/format-description-swift-mt940>).
//! * `166?20EREF+…?21SVWZ+…` (German banks; DFÜ agreement, annex 3, chapter 8.2.4,
//!   <https://www.yumpu.com/de/document/view/21995137/8-kontoauszugsinformationen-gemass-swift-mt940-mt942/10>): a word and its
//!   plus stand at the start of a sub-field, and go on in the next without it.
//!
//! Lines of both end after 65 characters, in the middle of a word if need be.

use crate::model::{References, reference};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Remittance {
    pub references: References,
    pub text: String,
    pub return_reason: Option<String>,
}

const SLASH_WORDS: &[&str] = &[
    "BENM", "BIC", "CHGS", "CNTP", "CREF", "CSID", "EREF", "IBAN", "IREF", "ISDT", "KREF", "MARF", "NAME", "OCMT",
    "ORDP", "PREF", "PURP", "REMI", "RTRN", "SVCL", "TRCD", "TRTP", "ULTB", "ULTC", "ULTD",
];
const PLUS_WORDS: &[&str] =
    &["ABWA", "ABWE", "BIC", "COAM", "CRED", "DEBT", "EREF", "IBAN", "KREF", "MREF", "OAMT", "PURP", "SVWZ"];

pub(crate) fn read(lines: &[String]) -> Remittance {
    let joined = lines.concat();
    if let Some(fields) = slashed(&joined) {
        return of(&fields, "MARF", "REMI");
    }
    match numbered(&joined) {
        Some(fields) => of(&fields, "MREF", "SVWZ"),
        None => Remittance { text: lines.join("\n").trim().to_owned(), ..Remittance::default() },
    }
}

fn of(fields: &[(String, String)], mandate: &str, text: &str) -> Remittance {
    let field = |name: &str| fields.iter().find(|(word, _)| word == name).map(|(_, value)| value.trim());
    let text = field(text).unwrap_or_default();
    let text = text.strip_prefix("USTD//").or_else(|| text.strip_prefix("STRD/CUR/")).unwrap_or(text);
    Remittance {
        references: References {
            end_to_end: field("EREF").and_then(reference),
            instruction: field("KREF").or_else(|| field("IREF")).and_then(reference),
            mandate: field(mandate).and_then(reference),
            ..References::default()
        },
        text: text.to_owned(),
        return_reason: field("RTRN").filter(|code| !code.is_empty()).map(str::to_owned),
    }
}

/// A slash within a value is no end: only a known word begins the next.
fn slashed(text: &str) -> Option<Vec<(String, String)>> {
    let mut parts = text.strip_prefix('/')?.split('/');
    let first = parts.next().filter(|word| SLASH_WORDS.contains(word))?;
    let mut fields = vec![(first.to_owned(), None::<String>)];
    for part in parts {
        match fields.last_mut() {
            Some((_, value)) if !SLASH_WORDS.contains(&part) => match value {
                Some(value) => value.extend(["/", part]),
                None => *value = Some(part.to_owned()),
            },
            _ => fields.push((part.to_owned(), None)),
        }
    }
    Some(fields.into_iter().map(|(word, value)| (word, value.unwrap_or_default())).collect())
}

/// Sub-fields 20 to 29 and 60 to 63 hold the text, in which words followed by a plus begin a part at the start of one.
fn numbered(text: &str) -> Option<Vec<(String, String)>> {
    let is_form = text.get(..3).is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let separator = text.get(3..)?.chars().next().filter(|c| is_form && !c.is_alphanumeric() && !c.is_whitespace())?;
    let mut fields: Vec<(String, String)> = Vec::new();
    for field in text.split(separator).skip(1) {
        let (number, value) = (field.get(..2)?, field.get(2..)?);
        if !matches!(number, "60" | "61" | "62" | "63") && !number.starts_with('2') {
            continue;
        }
        let word = value.split_once('+').filter(|(word, _)| PLUS_WORDS.contains(word));
        match (word, fields.last_mut()) {
            (Some((word, value)), _) => fields.push((word.to_owned(), value.to_owned())),
            (None, Some((_, text))) => text.push_str(value),
            (None, None) => fields.push(("SVWZ".to_owned(), value.to_owned())),
        }
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(lines: &[&str]) -> Remittance {
        read(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn reads_codes_between_slashes() {
        let read = of_lines(&["/TRTP/SEPA RETURN/EREF/po_9/MARF/M-1/RTRN/AC04/REMI/USTD//order 7/", "8 of 2026"]);
        assert_eq!(read.references.end_to_end.as_deref(), Some("po_9"));
        assert_eq!(read.references.mandate.as_deref(), Some("M-1"));
        assert_eq!(read.return_reason.as_deref(), Some("AC04"));
        assert_eq!(read.text, "order 7/8 of 2026");
    }

    #[test]
    fn reads_numbered_sub_fields_with_words() {
        let read = of_lines(&["166?00SEPA?10931?20EREF+po_", "?219?22KREF+K1?23SVWZ+order 7?24 of 2026?30BANK?32NAME"]);
        assert_eq!(read.references.end_to_end.as_deref(), Some("po_9"));
        assert_eq!(read.references.instruction.as_deref(), Some("K1"));
        assert_eq!(read.text, "order 7 of 2026");
        assert_eq!(of_lines(&["008?00X?20PLAIN ?21TEXT"]).text, "PLAIN TEXT");
    }

    #[test]
    fn other_text_stays_as_it_came() {
        for text in ["PAYMENT OF 12/01", "/NOTE/EREF/x", "12?20", "1234 5", "é66?20", ""] {
            assert_eq!(of_lines(&[text]), Remittance { text: text.to_owned(), ..Remittance::default() });
        }
        assert_eq!(of_lines(&["one", "two"]).text, "one\ntwo");
    }
}
