//! `payonce.toml`.
//!
//! * Whatever is wrong is said, each with a path and words, and none of it repeats a value: somebody may have written a secret there.
//! * What is accepted makes every provider, list and source that it describes.
//!
//! With one exception: toml_parser 1.1.5 counts how deep `{ {} a =` goes, again and again, as no depth at all, and its stack runs over
//! at some 1,600 of them. Nobody but who deploys payonce writes this file, so that such inputs are left out.

use std::collections::BTreeMap;

use payonce_identity::IdentityConfig;
use payonce_protocol::config::ConfigError;
use payonce_runtime::config::Config;
use payonce_statements::config::StatementConfig;
use serde::Deserialize;
use toml::{Table, Value};

use crate::PLANTED;

#[derive(Deserialize)]
struct Console {
    identity: Option<IdentityConfig>,
}

/// Far more than any file has.
const BRACES_AT_MOST: usize = 500;

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if text.matches('{').count() > BRACES_AT_MOST {
        return;
    }
    // Where the planted word is a key, it stands in paths.
    let may_say = toml::from_str::<Table>(text).is_ok_and(|table| is_a_key(&Value::Table(table)));
    let say = |problems: &[ConfigError]| {
        for problem in problems {
            let said = problem.to_string();
            assert!(may_say || !said.contains(PLANTED), "{said}");
        }
    };
    let config = match Config::parse(text) {
        Ok(config) => config,
        Err(problems) => {
            assert!(!problems.is_empty(), "it is refused without a word");
            return say(&problems);
        }
    };
    say(&config.warnings());
    assert!(config.all_providers().is_ok_and(|providers| providers.len() == config.providers.len()));
    for problems in [config.lists().err(), config.sources().err(), config.tells().err()].into_iter().flatten() {
        say(&problems);
    }
    match config.section::<BTreeMap<String, StatementConfig>>("statements") {
        Ok(described) => {
            let problems = described.unwrap_or_default().into_values().filter_map(|config| config.format().err());
            say(&problems.collect::<Vec<_>>());
        }
        Err(problems) => say(&problems),
    }
    match config.section::<Console>("console") {
        Ok(console) => {
            say(&console.and_then(|console| console.identity).map(|config| config.check()).unwrap_or_default())
        }
        Err(problems) => say(&problems),
    }
}

fn is_a_key(value: &Value) -> bool {
    match value {
        Value::Table(table) => table.iter().any(|(key, value)| key.contains(PLANTED) || is_a_key(value)),
        Value::Array(values) => values.iter().any(is_a_key),
        _ => false,
    }
}
