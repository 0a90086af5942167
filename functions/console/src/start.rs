//! The console as it is deployed: from the configuration that was compiled in, with secrets that sign people in and look a
//! payout up. None of them pays.

use payonce_protocol::config::ConfigError;
use std::collections::BTreeMap;
use std::sync::Arc;

use payonce_identity::{IdentityConfig, Issuer, Sessions, over_the_wire};
use payonce_ledger::powers;
use payonce_runtime::config::Config;
use payonce_runtime::secrets::{SecretError, SecretRef};
use payonce_runtime::signed::Signer;
use payonce_runtime::start::{StartError, Started};
use serde::Deserialize;

use crate::app::{App, BASE, Parts};
use crate::cases::due::Sla;
use crate::invoke::Invoke;

/// `[console]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    pub identity: IdentityConfig,
    #[serde(default)]
    pub sla: Sla,
}

impl ConsoleConfig {
    /// Everything that is wrong, each with its key's path. `None`: there is no such section.
    pub fn of(config: &Config) -> Result<Option<Self>, Vec<ConfigError>> {
        let Some(section): Option<Self> = config.section("console")? else { return Ok(None) };
        let identity = &section.identity;
        let mut problems = identity.check();
        let cookie_secret = Some(("cookie_secret", &identity.cookie_secret));
        let client_secret = identity.client_secret.as_ref().map(|secret| ("client_secret", secret));
        for (key, text) in [cookie_secret, client_secret].into_iter().flatten() {
            // An empty one is said to be empty.
            if let (false, Err(problem)) = (text.trim().is_empty(), text.parse::<SecretRef>()) {
                problems.push(ConfigError::new(key, problem.to_string()));
            }
        }
        if problems.is_empty() {
            return Ok(Some(section));
        }
        Err(problems.into_iter().map(|found| found.below("console.identity")).collect())
    }
}

impl App {
    pub async fn start(started: Started<powers::Console>) -> Result<Self, StartError> {
        let config = &started.config;
        let section = ConsoleConfig::of(config).map_err(StartError::Config)?;
        let ConsoleConfig { identity, sla } =
            section.ok_or_else(|| StartError::wrong("console", "is missing: the console must know who people are"))?;
        let origin =
            started.environment.origin.clone().ok_or_else(|| StartError::wrong("PAYONCE_ORIGIN", "is not set"))?;

        let kept_at = reference("console.identity.cookie_secret", &identity.cookie_secret)?;
        let cookie_secret = started.reader.text(&kept_at).await?;
        let sessions = Sessions::new(&cookie_secret, identity.idle_ms(), identity.absolute_ms(), "/");
        let sessions =
            sessions.map_err(|error| SecretError { secret: kept_at.to_string(), problem: error.to_string() })?;
        let client_secret = match &identity.client_secret {
            Some(text) => {
                let kept_at = reference("console.identity.client_secret", text)?;
                let secret = started.reader.text(&kept_at).await?;
                let unusable = |problem: &str| SecretError { secret: kept_at.to_string(), problem: problem.to_owned() };
                identity.check_client_secret(&secret).map_err(unusable)?;
                Some(secret)
            }
            None => None,
        };

        let mut namespaces = BTreeMap::new();
        for (name, provider) in &config.providers {
            namespaces.insert(name.clone(), provider.namespace.clone().unwrap_or_else(|| name.clone()));
        }
        let sources = config.sources().map_err(StartError::Config)?.into_keys().collect();
        let payer = Invoke::new(Signer::new(&started.environment, started.clock.clone()));
        let payer = payer.map_err(|problem| StartError::wrong("the way to payer", problem))?;
        let redirect_uri = format!("{origin}{BASE}/signed-in");
        Ok(Self::new(Parts {
            issuer: Issuer::new(&identity, client_secret, redirect_uri, over_the_wire(), started.clock.clone()),
            ledger: started.ledger,
            rail: started.rail,
            sessions,
            payer: Arc::new(payer),
            clock: started.clock,
            sla,
            file_days: started.config.limits.body_days,
            namespaces,
            sources,
            statements: config.section("statements").map_err(StartError::Config)?.unwrap_or_default(),
            origin,
            is_sandbox: false,
        }))
    }
}

fn reference(path: &str, text: &str) -> Result<SecretRef, StartError> {
    text.parse().map_err(|error| StartError::wrong(path, format!("{error}")))
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
