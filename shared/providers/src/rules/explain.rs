//! A rule as it looks at one event, for `explain`.

use super::{CurrencyFrom, PayoutRule};
use crate::event::ParsedEvent;
use crate::explain::{ConditionShown, Found, RuleShown};
use crate::pointer::Pointer;
use crate::preset::AmountAs;
use crate::when::Asks;

impl PayoutRule {
    pub fn shown(&self, event: &ParsedEvent) -> RuleShown {
        let found =
            |pointer: &Pointer| Found { at: pointer.as_str().to_owned(), value: pointer.of(&event.body).cloned() };
        let asks = self.asks(event);
        RuleShown {
            name: self.name.clone(),
            asks: asks == Asks::Yes,
            tells: !matches!(asks, Asks::CannotTell { .. }),
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
        self.asks_when.iter().chain(&self.when).map(|condition| condition.shown(&event.body)).collect()
    }
}
