//! The template as a whole: its parts in order, those of a provider once for each provider of the configuration. Written out,
//! because SAM alone reads it then: loops of AWS::LanguageExtensions around what SAM makes are documented nowhere.

use payonce_runtime::config::Config;

use crate::name::{TablesSuffix, logical};

/// How the first line of a made file begins.
const MADE_BY: &str = "Made by `cargo run -- template";

/// Why there is no template for a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "providers.{0} and providers.{1}: one name begins with the other and goes on with a capital letter, so that their resources could have one logical id"
    )]
    Alike(String, String),
    #[error("the template could not be written: {0}")]
    NotWritten(String),
}

/// One provider, as the parts name it.
struct Provider {
    name: String,
    id: String,
}

#[derive(askama::Template)]
#[template(path = "template.yaml", escape = "none")]
struct Parts<'t> {
    made_by: String,
    suffix: &'t TablesSuffix,
    /// Of the tables' logical ids.
    nth: &'t str,
    providers: Vec<Provider>,
}

/// A template that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub text: String,
    /// In the order of the file.
    pub providers: Vec<String>,
}

impl Template {
    pub fn of(config: &Config, suffix: &TablesSuffix) -> Result<Self, Refused> {
        let names: Vec<String> = config.providers.keys().cloned().collect();
        check(&names)?;
        let made_by = format!("{}: change the configuration or infra/catalogue, and run that again.", command(suffix));
        let providers = names.iter().map(|name| Provider { name: name.clone(), id: logical(name) }).collect();
        let parts = Parts { made_by, suffix, nth: suffix.nth(), providers };
        let text = askama::Template::render(&parts).map_err(|error| Refused::NotWritten(error.to_string()))?;
        Ok(Self { text: format!("{}\n", text.trim_end()), providers: names })
    }
}

fn command(suffix: &TablesSuffix) -> String {
    match suffix.nth() {
        "" => format!("{MADE_BY}`"),
        _ => format!("{MADE_BY} --tables-suffix {suffix}`"),
    }
}

/// With which tables a template works that was made before; `None` if it was not made by this.
pub fn suffix_of(text: &str) -> Option<TablesSuffix> {
    let first = text.lines().next()?.strip_prefix("# ")?.strip_prefix(MADE_BY)?;
    let (options, _) = first.split_once('`')?;
    options.trim().trim_start_matches("--tables-suffix").trim().parse().ok()
}

fn check(names: &[String]) -> Result<(), Refused> {
    for one in names {
        for other in names {
            // `Webhook{one}Log` is also what a provider `{one}Log` would be called. An escape is no ending of ours.
            let (one_id, other_id) = (logical(one), logical(other));
            let rest = other_id.strip_prefix(&one_id).unwrap_or_default();
            if rest.starts_with(|first: char| first.is_ascii_uppercase() && first != 'X') {
                return Err(Refused::Alike(one.clone(), other.clone()));
            }
        }
    }
    Ok(())
}
