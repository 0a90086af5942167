//! How much one payout may be: what the rule pays by itself, and what two people may still approve above that.

use std::collections::BTreeMap;

use payonce_protocol::money::{Currency, Money};

use super::Problems;
use crate::config::Rule;
use crate::preset::Preset;

/// In the provider's units.
#[derive(Debug)]
pub(super) struct Limit {
    alone: BTreeMap<Currency, u64>,
    approved: BTreeMap<Currency, u64>,
}

pub(super) enum Within {
    Limit,
    /// Two people may approve it; why the rule does not pay it.
    Approval(&'static str),
    Nothing(&'static str),
}

impl Limit {
    pub(super) fn compile(name: &str, rule: &Rule, preset: &Preset, problems: &mut Problems) -> Self {
        let alone = amounts(&format!("{name}.max_amount"), &rule.max_amount, preset, problems);
        let approved = amounts(&format!("{name}.max_approved"), &rule.max_approved, preset, problems);
        for (currency, largest) in &approved {
            if alone.get(currency).is_none_or(|alone| alone > largest) {
                let path = format!("{name}.max_approved.{}", currency.as_str().to_ascii_lowercase());
                problems.add(&path, "below the currency's max_amount, or there is none");
            }
        }
        Self { alone, approved }
    }

    /// A currency without a limit where others have one is none that the owner thought of, so nobody lifts it.
    pub(super) fn of(&self, money: &Money) -> Within {
        let largest = |of: &BTreeMap<Currency, u64>| of.get(&money.currency()).copied();
        match (largest(&self.alone), largest(&self.approved)) {
            (None, _) if !self.alone.is_empty() => Within::Nothing("is of a currency in no max_amount"),
            (Some(alone), Some(approved)) if money.minor() > alone.max(approved) => {
                Within::Nothing("is above max_amount, and above max_approved")
            }
            (Some(alone), _) if money.minor() > alone => Within::Approval("is above max_amount"),
            _ => Within::Limit,
        }
    }
}

fn amounts(
    path: &str,
    given: &BTreeMap<String, u64>,
    preset: &Preset,
    problems: &mut Problems,
) -> BTreeMap<Currency, u64> {
    let mut amounts = BTreeMap::new();
    for (code, largest) in given {
        let path = format!("{path}.{code}");
        let money = code.parse().map_err(Into::into).and_then(|code| preset.exponents.money(*largest, code));
        match money {
            Ok(money) if amounts.insert(money.currency(), *largest).is_some() => {
                problems.add(&path, "this currency stands twice");
            }
            Ok(_) => {}
            Err(problem) => problems.add(&path, problem),
        }
    }
    amounts
}
