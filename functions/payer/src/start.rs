//! payer as it is deployed: from the configuration that was compiled in and the secret that pays.

use std::collections::BTreeMap;

use payonce_identity::{IdentityConfig, Issuer, over_the_wire};
use payonce_ledger::powers;
use payonce_lists::Source;
use payonce_runtime::start::{StartError, Started};
use serde::Deserialize;

use crate::{App, Parts};

/// Of `[console]` payer needs what says who people are; the rest is the console's.
#[derive(Deserialize)]
struct Console {
    identity: IdentityConfig,
}

impl App {
    pub async fn start(started: Started<powers::Payer>) -> Result<Self, StartError> {
        let config = &started.config;
        let console: Option<Console> = config.section("console").map_err(StartError::Config)?;
        let console =
            console.ok_or_else(|| StartError::wrong("console", "is missing: payer must know who people are"))?;
        let problems: Vec<_> =
            console.identity.check().into_iter().map(|found| found.below("console.identity")).collect();
        if !problems.is_empty() {
            return Err(StartError::Config(problems));
        }
        let providers = config.all_providers().map_err(StartError::Config)?;
        let mut sources = BTreeMap::new();
        for (name, (source, secret)) in config.sources().map_err(StartError::Config)? {
            let secret = started.reader.rail_secret(&secret).await?;
            let made = Source::new(&source, &secret, None).map_err(|found| found.below(&format!("sources.{name}")))?;
            sources.insert(name, made);
        }
        // Nobody is sent to sign in from here, and no code is exchanged.
        let issuer = Issuer::new(&console.identity, None, String::new(), over_the_wire(), started.clock.clone());
        Ok(Self::new(Parts {
            providers,
            sources,
            issuer,
            limits: started.config.limits,
            rail: started.rail,
            ledger: started.ledger,
            clock: started.clock,
            metrics: started.metrics,
        }))
    }
}
