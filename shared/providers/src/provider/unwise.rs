//! What is allowed in one table, and unwise.

use crate::config::{ProviderConfig, duration_ms};
use crate::preset::Preset;
use crate::rules::Problems;
use crate::when::Expected;
use payonce_protocol::config::ConfigError;

/// What is allowed but unwise, for `check` to say.
pub fn unwise(name: &str, config: &ProviderConfig) -> Vec<ConfigError> {
    let mut problems = Problems { path: format!("providers.{name}"), found: Vec::new() };
    if config.ignore.iter().any(|ignored| ignored == "*") {
        problems.add("ignore", "a misspelt or renamed event type would be ignored without a word");
    }
    if config.payouts.is_empty() && config.blocks.is_empty() {
        problems.add("payouts", "no rule: nothing is ever paid");
    }
    let preset = Preset::by_name(&config.scheme);
    for (index, rule) in config.payouts.iter().enumerate() {
        let max_age_ms = rule.max_age.as_deref().and_then(duration_ms);
        if max_age_ms.zip(preset).is_some_and(|(max_age_ms, preset)| max_age_ms < preset.redelivers_ms) {
            problems.add(
                &format!("payouts[{index}].max_age"),
                "shorter than the provider comes back: what comes late becomes a case",
            );
        }
        if rule.max_amount.is_empty() {
            problems.add(&format!("payouts[{index}].max_amount"), "not given: there is no limit");
        }
        let of_type = || config.payouts.iter().filter(|other| other.event == rule.event);
        for pointer in rule.when.keys() {
            if !of_type().filter_map(|other| other.when.get(pointer)).any(Expected::knows_no) {
                problems.add(
                    &format!("payouts[{index}].when.{pointer}"),
                    "cannot tell \"no\": every other value is a case. Name those that are known not to pay: \
                     { pays = …, not = [ … ] }",
                );
            }
        }
        if rule.allow_connected_accounts {
            problems.add(
                &format!("payouts[{index}].allow_connected_accounts"),
                "whoever owns a connected account chooses what its events say",
            );
        }
    }
    for (index, block) in config.blocks.iter().enumerate() {
        let rules = || config.payouts.iter().filter(|rule| rule.event == block.event).map(|rule| &rule.when);
        let blocks = config.blocks.iter().filter(|other| other.event == block.event).map(|other| &other.when);
        let of_type: Vec<_> = rules().chain(blocks).collect();
        let becomes = if rules().next().is_some() { "is a case" } else { "bars, too" };
        for pointer in block.when.keys() {
            if !of_type.iter().filter_map(|when| when.get(pointer)).any(Expected::knows_no) {
                let problem = format!(
                    "cannot tell \"no\": every other value {becomes}. Name those that are known not to bar: \
                     {{ pays = …, not = [ … ] }}"
                );
                problems.add(&format!("blocks[{index}].when.{pointer}"), problem);
            }
        }
    }
    problems.found
}
