//! Why an event is not paid by itself, as a case keeps it: the rule in the configuration, the place in the event, and what is
//! wrong there. Never a value of the event. People read its words; who corrects a rule reads the whole.

use std::fmt;

/// `payouts[0]: /data/object/amount_received is missing`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    rule: Option<&'a str>,
    /// A JSON pointer.
    place: Option<&'a str>,
    what: &'a str,
}

impl<'a> Problem<'a> {
    pub fn read(text: &'a str) -> Self {
        let is_rule = |rule: &&str| {
            let rest = rule.strip_prefix("payouts[").or_else(|| rule.strip_prefix("blocks["));
            rest.is_some_and(|rest| rest.contains(']') && !rest.contains(' '))
        };
        let (rule, rest) = match text.split_once(": ") {
            Some((rule, rest)) if is_rule(&rule) => (Some(rule), rest),
            _ => (None, text),
        };
        match rest.split_once(' ') {
            Some((place, what)) if place.starts_with('/') => Self { rule, place: Some(place), what },
            _ => Self { rule, place: None, what: rest },
        }
    }

    /// For people who know the event, and not the configuration: the field by its own name.
    pub fn words(&self) -> String {
        let place = self.place.and_then(|place| place.rsplit('/').find(|part| !part.is_empty()));
        match place {
            // A sentence with a subject of its own.
            Some(_) if self.what.starts_with("an ") || self.what.starts_with("the ") => self.what.to_owned(),
            // RFC 6901 escapes.
            Some(field) => format!("{} {}", field.replace("~1", "/").replace("~0", "~"), self.what),
            None => self.what.to_owned(),
        }
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = self.rule {
            write!(f, "{rule}: ")?;
        }
        if let Some(place) = self.place {
            write!(f, "{place} ")?;
        }
        f.write_str(self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_says_the_field_and_what_is_wrong_with_it() {
        for (text, words) in [
            ("payouts[0]: /data/object/amount_received is missing", "amount_received is missing"),
            ("payouts[1]: /sale/amount has more decimals than EUR", "amount has more decimals than EUR"),
            ("payouts[0]: /sale/amount an amount must be above zero", "an amount must be above zero"),
            ("blocks[0]: /data/a~1b is not there", "a/b is not there"),
            ("/items/0/payee is missing, or not a text", "payee is missing, or not a text"),
            ("payouts[0].key: a part of the payout key is empty", "a part of the payout key is empty"),
            ("more than one rule asks for a payout", "more than one rule asks for a payout"),
            ("the mode: is odd", "the mode: is odd"),
            ("not the currency of its rule", "not the currency of its rule"),
            ("payouts[0] of two: /a is odd", "payouts[0] of two: /a is odd"),
            ("payouts[0: /a is odd", "payouts[0: /a is odd"),
            ("", ""),
        ] {
            assert_eq!(Problem::read(text).words(), words);
            assert_eq!(Problem::read(text).to_string(), text, "nothing of it is lost");
        }
    }
}
