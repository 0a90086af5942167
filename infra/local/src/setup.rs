//! Which configuration the local stack runs: the sandbox's own, or anybody's. Rail and issuer are replaced by the sandbox's, and
//! whatever the file keeps secret is taken from the environment or made up, so nothing of it ever leaves this machine.

use std::collections::BTreeMap;

use console::ConsoleConfig;
use payonce_protocol::config::ConfigError;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::Mode;
use payonce_providers::config::WrittenMode;
use payonce_rails::RailKind;
use payonce_rails::description::{ModeName, Scheme};
use payonce_runtime::config::Config;
use payonce_runtime::secrets::SecretRef;
use toml::{Table, Value};

use crate::stack::{CONFIG, sandbox_secret};

/// What a reference of the configuration stands for here.
#[derive(Clone)]
pub struct Held {
    /// As it is written: `env:NAME` or `secretsmanager:ID`.
    pub reference: String,
    value: String,
    /// Made up here; otherwise it is the environment's, and shown to nobody.
    pub made: bool,
}

impl Held {
    /// A value that was made up may be shown.
    pub fn shown(&self) -> &str {
        if self.made { &self.value } else { "(from the environment)" }
    }
}

/// A configuration with everything that it keeps elsewhere.
#[derive(Clone)]
pub struct Setup {
    file: Table,
    /// In the order of the file: providers, then the rail.
    held: Vec<(String, Held)>,
    pub mode: Mode,
    /// Why it is that mode, in words.
    pub mode_by: &'static str,
    /// Somebody's own, not the sandbox's.
    pub is_own: bool,
}

/// Where the stack may read whatever the configuration refers to.
pub type Variables = BTreeMap<String, String>;

impl Setup {
    pub fn sandbox() -> Result<Self, Vec<ConfigError>> {
        Self::of(CONFIG, false, None)
    }

    /// The sandbox's, whose rail takes events of this mode.
    pub fn sandbox_in(mode: Option<Mode>) -> Result<Self, Vec<ConfigError>> {
        Self::of(CONFIG, false, mode)
    }

    /// `mode` wins over what the configuration says.
    pub fn of(text: &str, is_own: bool, mode: Option<Mode>) -> Result<Self, Vec<ConfigError>> {
        // As the functions would read it: what is wrong is wrong with the file as it is.
        let config = Config::parse(text)?;
        ConsoleConfig::of(&config)?;
        config.sources()?;
        config.lists()?;
        let mut setup = Self {
            file: toml::from_str(text).unwrap_or_default(),
            held: vec![],
            mode: Mode::Test,
            mode_by: "nothing says live; --mode live plays it so",
            is_own,
        };
        (setup.mode, setup.mode_by) = match (mode, written_mode(&config)) {
            _ if given_mode(&config).is_some() => {
                (given_mode(&config).unwrap_or(setup.mode), "as the rail's secret in the environment")
            }
            (Some(mode), _) => (mode, "by --mode"),
            (None, Some(mode)) => (mode, "as the configuration says; no money moves here"),
            (None, None) => (setup.mode, setup.mode_by),
        };
        for name in config.providers.keys() {
            let provider = config.provider(Some(name))?;
            for (index, reference) in config.secrets(name).iter().enumerate() {
                let place = ["providers", name.as_str(), "secrets"];
                let named = setup.hold(reference, |name| provider.made_secret(name));
                if let Some(Value::Array(list)) = setup.at(&place)
                    && let Some(written) = list.get_mut(index)
                {
                    *written = Value::String(named);
                }
            }
        }
        for (key, reference) in [("secret", Some(config.rail_secret())), ("lookup_secret", config.lookup_secret())] {
            let Some(reference) = reference else { continue };
            let mode = setup.mode;
            let named = setup.hold(reference, |name| made_rail_secret(&config, key, mode, name));
            setup.put(&["rail", key], Value::String(named));
        }
        // The look-ups' key must be of the same mode.
        if config.rail.kind == RailKind::Http {
            setup.put(&["rail", "http", "mode"], Value::String(setup.mode.as_str().to_owned()));
        }
        Ok(setup)
    }

    /// With the rail and the issuer of the sandbox in place of the file's own.
    pub fn config(&self, rail: &str, issuer: &str) -> Result<Config, Vec<ConfigError>> {
        let mut setup = self.clone();
        setup.put(&["rail", "url"], Value::String(rail.to_owned()));
        // The console's people are the sandbox's, whatever the configuration names.
        let sandbox: Table = toml::from_str(CONFIG).unwrap_or_default();
        let identity = sandbox.get("console").and_then(|console| console.get("identity")).cloned();
        setup.put(&["console", "identity"], identity.unwrap_or(Value::Table(Table::new())));
        setup.put(&["console", "identity", "issuer"], Value::String(issuer.to_owned()));
        Config::of(setup.file)
    }

    /// As it is written, but for where secrets are kept.
    pub fn as_written(&self) -> Result<Config, Vec<ConfigError>> {
        Config::of(self.file.clone())
    }

    pub fn variables(&self) -> Variables {
        self.held.iter().map(|(name, held)| (name.clone(), held.value.clone())).collect()
    }

    /// Each reference once, in the order of the file.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().map(|(_, held)| held)
    }

    /// What the configuration of [`Setup::config`] calls `reference`.
    pub fn held_as(&self, reference: &SecretRef) -> Option<&Held> {
        let SecretRef::Env(name) = reference else { return None };
        self.held.iter().find(|(known, _)| known == name).map(|(_, held)| held)
    }

    pub fn value(&self, reference: &SecretRef) -> String {
        self.held_as(reference).map(|held| held.value.clone()).unwrap_or_default()
    }

    /// The name under which the stack finds it.
    fn hold(&mut self, reference: &SecretRef, made: impl Fn(&str) -> String) -> String {
        let written = reference.to_string();
        let (name, given) = match reference {
            SecretRef::Env(name) => (name.clone(), given(name)),
            // AWS is not asked for it.
            SecretRef::SecretsManager(_) => {
                (format!("PAYONCE_LOCAL_{}", &Digest::of(&written).to_string()[..16]), None)
            }
        };
        if !self.held.iter().any(|(known, _)| *known == name) {
            let is_made = given.is_none();
            let value = given.or_else(|| sandbox_secret(&name)).unwrap_or_else(|| made(&written));
            self.held.push((name.clone(), Held { reference: written, value, made: is_made }));
        }
        format!("env:{name}")
    }

    fn at(&mut self, place: &[&str]) -> Option<&mut Value> {
        let (first, rest) = place.split_first()?;
        rest.iter().try_fold(self.file.get_mut(*first)?, |value, key| value.as_table_mut()?.get_mut(*key))
    }

    fn put(&mut self, place: &[&str], value: Value) {
        let Some((last, tables)) = place.split_last() else { return };
        let mut table = &mut self.file;
        for key in tables {
            let inner = table.entry((*key).to_owned()).or_insert_with(|| Value::Table(Table::new()));
            let Some(inner) = inner.as_table_mut() else { return };
            table = inner;
        }
        table.insert((*last).to_owned(), value);
    }
}

/// The rail has one mode; the events of a provider of the other are cases here as they are anywhere.
fn written_mode(config: &Config) -> Option<Mode> {
    if let Some(http) = &config.rail.http {
        return Some(match http.mode {
            ModeName::Live => Mode::Live,
            ModeName::Test => Mode::Test,
        });
    }
    let says = |mode: WrittenMode| config.providers.values().any(|provider| provider.mode == Some(mode));
    match (says(WrittenMode::Live), says(WrittenMode::Test)) {
        (true, _) => Some(Mode::Live),
        (false, true) => Some(Mode::Test),
        (false, false) => None,
    }
}

/// Stripe's keys say their own mode.
fn given_mode(config: &Config) -> Option<Mode> {
    let SecretRef::Env(name) = config.rail_secret() else { return None };
    let secret = given(name).filter(|_| config.rail.kind == RailKind::Stripe)?;
    let (_, rest) = secret.split_once('_')?;
    [Mode::Live, Mode::Test].into_iter().find(|mode| rest.starts_with(mode.as_str()))
}

fn given(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A key of the rail's of the form that it must have, and plainly made up.
fn made_rail_secret(config: &Config, key: &str, mode: Mode, name: &str) -> String {
    let digits = &Digest::of(format!("a test value for {name}")).to_string()[..12];
    match &config.rail.http {
        None => {
            let kind = if key == "secret" { "sk" } else { "rk" };
            format!("{kind}_{}_testNotASecret{digits}", mode.as_str())
        }
        Some(http) => {
            let user = format!("{}testNotASecret{digits}", http.secret_prefix.as_deref().unwrap_or_default());
            if http.scheme == Scheme::Basic { format!("{user}:test") } else { user }
        }
    }
}
