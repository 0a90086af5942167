//! What a configuration may say and should not, where only a second look at the whole file shows it.

use payonce_protocol::config::ConfigError;
use payonce_providers::ProviderConfig;
use payonce_runtime::config::Config;
use regex_lite::Regex;

use crate::near::nearest;
use crate::stack::CONFIG;

/// What no rail names a payee. A pattern that takes all of them takes anything that a buyer may write.
const NO_PAYEES: [&str; 5] = ["x", "acct_1/../refunds", "two words", "0", "*~';--"];

pub fn unwise(config: &Config) -> Vec<ConfigError> {
    let mut found = vec![];
    let known = known_types();
    for (name, provider) in &config.providers {
        let at = |place: String| format!("providers.{name}.{place}");
        for (index, rule) in provider.payouts.iter().enumerate() {
            let same = provider.payouts[..index]
                .iter()
                .position(|before| before.event == rule.event && before.when == rule.when);
            if let Some(first) = same {
                let why = format!(
                    "asks for the very events of payouts[{first}]: where two rules ask, nothing is paid and there is a case"
                );
                found.push(ConfigError::new(at(format!("payouts[{index}]")), why));
            }
            if rule.destination_pattern.as_deref().is_some_and(takes_everything) {
                let why = "takes everything: whoever can write the field that `destination` names chooses who is paid";
                found.push(ConfigError::new(at(format!("payouts[{index}].destination_pattern")), why));
            }
        }
        for (place, event) in types(provider) {
            let of_scheme =
                known.iter().filter(|(scheme, _)| *scheme == provider.scheme).map(|(_, event)| event.as_str());
            let of_scheme: Vec<&str> = of_scheme.collect();
            if !of_scheme.contains(&event)
                && let Some(near) = nearest(event, of_scheme.iter().copied()).filter(|near| is_misspelt(event, near))
            {
                found.push(ConfigError::new(
                    at(place),
                    format!("{event} is close to a known type; did you mean {near}?"),
                ));
            }
        }
    }
    if config.lookup_secret() == Some(config.rail_secret()) || is_same_value(config) {
        let why = "is the secret that pays: whoever only reads should not be able to pay".to_owned();
        found.push(ConfigError::new("rail.lookup_secret", why));
    }
    found
}

fn takes_everything(pattern: &str) -> bool {
    let whole = Regex::new(&format!(r"\A(?:{pattern})\z"));
    whole.is_ok_and(|whole| NO_PAYEES.iter().all(|payee| whole.is_match(payee)))
}

/// Two references, and one value in the environment.
fn is_same_value(config: &Config) -> bool {
    let value = |reference: &payonce_runtime::secrets::SecretRef| {
        let name = reference.to_string();
        std::env::var(name.strip_prefix("env:")?).ok().filter(|value| !value.is_empty())
    };
    let lookup = config.lookup_secret().and_then(value);
    lookup.is_some() && lookup == value(config.rail_secret())
}

fn types(provider: &ProviderConfig) -> Vec<(String, &str)> {
    let payouts = provider.payouts.iter().enumerate();
    let blocks = provider.blocks.iter().enumerate();
    let ignored = provider.ignore.iter().enumerate();
    payouts
        .map(|(index, rule)| (format!("payouts[{index}].event"), rule.event.as_str()))
        .chain(blocks.map(|(index, block)| (format!("blocks[{index}].event"), block.event.as_str())))
        .chain(ignored.map(|(index, event)| (format!("ignore[{index}]"), event.as_str())))
        .collect()
}

/// Types of events by their scheme, as the sandbox's configuration names them.
fn known_types() -> Vec<(String, String)> {
    let Ok(sandbox) = Config::parse(CONFIG) else { return vec![] };
    let named = sandbox.providers.values().filter(|provider| provider.scheme != "custom");
    named
        .flat_map(|provider| types(provider).into_iter().map(|(_, event)| (provider.scheme.clone(), event.to_owned())))
        .collect()
}

/// `charge.refunded` and `charge.refund` are two types; a letter or two that changed places are one.
fn is_misspelt(event: &str, near: &str) -> bool {
    event.len().abs_diff(near.len()) <= 1 && strsim::damerau_levenshtein(event, near) <= 2
}
