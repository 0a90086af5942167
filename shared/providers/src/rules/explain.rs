//! A rule as it looks at one event, for `explain`.

use serde_json::Value;

use super::{CurrencyFrom, PayoutRule, holds};
use crate::config::Expected;
use crate::event::ParsedEvent;
use crate::explain::{ConditionShown, Found, RuleShown};
use crate::pointer::Pointer;
use crate::preset::AmountAs;

impl PayoutRule {
    pub fn shown(&self, event: &ParsedEvent) -> RuleShown {
        let found =
            |pointer: &Pointer| Found { at: pointer.as_str().to_owned(), value: pointer.of(&event.body).cloned() };
        RuleShown {
            name: self.name.clone(),
            asks: self.asks(event),
            when: self.conditions(event),
            key: self.key.iter().map(found).collect(),
            amount: found(&self.amount),
            amount_as: match self.amount_as {
                AmountAs::Minor => "a whole number of the smallest unit",
                AmountAs::MinorText => "a text of digits, in the smallest unit",
                AmountAs::Decimal => "a decimal",
            },
            currency: match &self.currency {
                CurrencyFrom::Event(pointer) => found(pointer),
                CurrencyFrom::Always(currency) => Found { at: currency.to_string(), value: None },
            },
            destination: found(&self.destination),
            rail_fields: self.rail_fields.iter().map(|(name, at)| (name.clone(), found(at))).collect(),
        }
    }

    fn conditions(&self, event: &ParsedEvent) -> Vec<ConditionShown> {
        let own = self.asks_when.iter().map(|(at, text)| (at, Expected::Text((*text).to_owned())));
        let written = self.when.iter().map(|(at, expected)| (at, expected.clone()));
        let condition = |(at, expected): (&Pointer, Expected)| {
            let found = at.of(&event.body);
            ConditionShown {
                at: at.as_str().to_owned(),
                needs: match &expected {
                    Expected::Boolean(value) => value.to_string(),
                    Expected::Integer(value) => value.to_string(),
                    Expected::Text(value) => Value::from(value.as_str()).to_string(),
                },
                found: found.cloned(),
                holds: found.is_some_and(|found| holds(&expected, found)),
            }
        };
        own.chain(written).map(condition).collect()
    }
}
