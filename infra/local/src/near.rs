//! "Did you mean": the known word that is nearest to one that is not known, if any is near.

/// A third of the letters may be wrong: with more, a word is more likely another one than a misspelt one.
const LETTERS_FOR_EACH_MISTAKE: usize = 3;

pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let most = (word.chars().count() / LETTERS_FOR_EACH_MISTAKE).max(1);
    let plain = word.to_lowercase();
    let measured = known.into_iter().filter(|known| *known != word).map(|known| {
        let distance = strsim::damerau_levenshtein(&plain, &known.to_lowercase());
        (distance, known)
    });
    measured.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Beside what is wrong: `; did you mean X?`, or nothing.
pub fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(word, known).map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_offered_and_a_far_one_is_not() {
        let known = ["amount", "amount_as", "destination", "stripe"];
        for (word, near) in [
            ("amonut", Some("amount")),
            ("Stripe", Some("stripe")),
            ("destinaton", Some("destination")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), near, "{word}");
        }
        assert_eq!(hint("strip", known), "; did you mean stripe?");
    }
}
