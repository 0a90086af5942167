//! Why a case ends so: reasons that fit the ending, for the form that proposes it. A form without a script shows them in groups,
//! one for each ending; the server takes none that does not fit.

use payonce_protocol::case::Ending;

use super::format::shown;
use super::words::Words as _;

/// A code, which is kept with the case for good, and its words.
type Code = (&'static str, &'static str);

const RAIL_BOOKS: Code = ("rail_books", "The rail's books show it");
const BANK_STATEMENT: Code = ("bank_statement", "A bank statement shows it");
const PAYEE_CONFIRMED: Code = ("payee_confirmed", "The payee confirmed it");
const PROVIDER_CONFIRMED: Code = ("provider_confirmed", "The provider confirmed it");
const REFUSAL_UNDERSTOOD: Code = ("refusal_understood", "The cause of the refusal is removed");
const NEVER_SENT: Code = ("never_sent", "The request never left us");
const NOT_AT_THE_RAIL: Code = ("not_at_the_rail", "The rail does not have it");
const NOTHING_OWED: Code = ("nothing_owed", "Nothing is owed for this event");
const TEST_OR_MISTAKE: Code = ("test_or_mistake", "A test, or a mistake of the sender");
const SMALL_DIFFERENCE: Code = ("small_difference", "A small difference");
const NOT_RECOVERABLE: Code = ("not_recoverable", "It cannot be got back");
const SEEN_ELSEWHERE: Code = ("seen_elsewhere", "Worked on in another case");
const BOOKS_AGREE: Code = ("books_agree", "The books agree again");
const OTHER: Code = ("other", "Something else: see the note");

/// What may be given as the reason for this ending.
pub fn codes(ending: Ending) -> &'static [Code] {
    match ending {
        Ending::PaidElsewhere => &[BANK_STATEMENT, PAYEE_CONFIRMED, PROVIDER_CONFIRMED, OTHER],
        Ending::ConfirmedAccepted => &[RAIL_BOOKS, BANK_STATEMENT, PAYEE_CONFIRMED, OTHER],
        Ending::NotPaid => &[NOTHING_OWED, TEST_OR_MISTAKE, PROVIDER_CONFIRMED, OTHER],
        Ending::WrittenOff => &[SMALL_DIFFERENCE, NOT_RECOVERABLE, OTHER],
        Ending::DuplicateOf => &[SEEN_ELSEWHERE, OTHER],
        Ending::OwnOrder => &[PROVIDER_CONFIRMED, PAYEE_CONFIRMED, OTHER],
        Ending::LiftLimit | Ending::Replay => &[PROVIDER_CONFIRMED, PAYEE_CONFIRMED, OTHER],
        // No person ends a case so.
        Ending::Explained => &[BOOKS_AGREE],
        Ending::Reissue => &[REFUSAL_UNDERSTOOD, NEVER_SENT, NOT_AT_THE_RAIL, PAYEE_CONFIRMED, OTHER],
    }
}

/// The words of a code; a code of another version stands for itself.
pub fn code(code: &str) -> String {
    let all = Ending::ALL.iter().flat_map(|ending| codes(*ending));
    let known = all.into_iter().find(|(known, _)| *known == code);
    known.map_or_else(|| shown(code).into_owned(), |(_, words)| (*words).to_owned())
}

/// A group of the list in a form.
pub(crate) struct Reasons {
    pub ending: Ending,
    pub label: &'static str,
    pub codes: &'static [Code],
}

pub(crate) fn reasons(ending: Ending) -> Reasons {
    Reasons { ending, label: ending.label(), codes: codes(ending) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_ending_has_reasons_and_a_code_has_one_meaning() {
        let mut meanings = BTreeMap::new();
        for ending in Ending::ALL {
            assert_eq!(codes(*ending).contains(&OTHER), ending.is_for_people(), "{ending}");
            for (code, words) in codes(*ending) {
                assert!(code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
                assert_eq!(*meanings.entry(*code).or_insert(*words), *words, "{code}");
            }
        }
        assert_eq!(code("never_sent"), "The request never left us");
        assert_eq!(code("of_another_version"), "of_another_version");
    }

    #[test]
    fn reason_of_one_ending_is_not_offered_for_another() {
        assert!(!codes(Ending::NotPaid).iter().any(|(code, _)| *code == "rail_books"));
        assert!(!codes(Ending::ConfirmedAccepted).iter().any(|(code, _)| *code == "nothing_owed"));
    }
}
