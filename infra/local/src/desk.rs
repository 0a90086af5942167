//! The finance desk of the local stack: the console with payer beside it, as they are deployed, and the sandbox's issuer
//! for both. In place of Lambda's invocation stands a call.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use console::{BASE, ConsoleConfig, Payer, PayerSilent};
use futures_util::future::BoxFuture;
use payonce_identity::{Sessions, over_the_wire};
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::secrets::SecretReader;
use payonce_runtime::start::{StartError, Started};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::front::Handler;
use crate::issuer::Issuer;
use crate::stack::FUNCTION_MS;

/// A test value: it seals cookies of this sandbox only.
const COOKIE_SECRET: &str = "sandbox-only-not-a-secret-0123456789abcdef";
pub const CLIENT: &str = "payonce-console";

/// Where the issuer sends browsers back to.
pub fn redirect_uri(front: SocketAddr) -> String {
    format!("http://{front}{BASE}/signed-in")
}

pub async fn issuer(port: u16, front: SocketAddr, clock: Clock) -> io::Result<Issuer> {
    Issuer::start(port, CLIENT, vec![redirect_uri(front)], clock).await
}

type Failure = Box<dyn Error + Send + Sync>;

fn section(started: &Started) -> Result<ConsoleConfig, Failure> {
    let section = ConsoleConfig::of(&started.config).map_err(StartError::Config)?;
    Ok(section.ok_or_else(|| io::Error::other("the sandbox's configuration has no [console]"))?)
}

fn issuer_of(started: &Started, section: &ConsoleConfig, redirect_uri: String) -> payonce_identity::Issuer {
    payonce_identity::Issuer::new(&section.identity, None, redirect_uri, over_the_wire(), started.clock.clone())
}

pub fn payer(started: &Started) -> Result<payer::App, Failure> {
    let config = &started.config;
    let providers = config.all_providers().map_err(StartError::Config)?;
    Ok(payer::App::new(payer::Parts {
        providers,
        sources: BTreeMap::new(),
        rail: started.rail.clone(),
        ledger: started.ledger.narrowed(),
        issuer: issuer_of(started, &section(started)?, String::new()),
        clock: started.clock.clone(),
        limits: config.limits,
        metrics: started.metrics.clone(),
    }))
}

pub async fn console(
    started: &Started,
    reader: &SecretReader,
    payer: Arc<payer::App>,
    front: SocketAddr,
) -> Result<Handler, Failure> {
    let config = &started.config;
    let section = section(started)?;
    let mut namespaces = BTreeMap::new();
    for (name, provider) in &config.providers {
        namespaces.insert(name.clone(), provider.namespace.clone().unwrap_or_else(|| name.clone()));
    }
    // The console's own rail has the secret that only reads, in both places.
    let lookup = config.lookup_secret().unwrap_or_else(|| config.rail_secret());
    let rail = Rail::new(&config.rail, reader.rail_secret(lookup).await?, None, None)?;
    let (idle_ms, absolute_ms) = (section.identity.idle_ms(), section.identity.absolute_ms());
    let app = Arc::new(console::App::new(console::Parts {
        ledger: started.ledger.narrowed(),
        rail: Arc::new(rail),
        issuer: issuer_of(started, &section, redirect_uri(front)),
        sessions: Sessions::new(COOKIE_SECRET, idle_ms, absolute_ms, "/")?,
        payer: Arc::new(Beside { payer, clock: started.clock.clone() }),
        clock: started.clock.clone(),
        sla: section.sla.clone(),
        file_days: config.limits.body_days,
        namespaces,
        sources: config.sources().map_err(|_| "[sources] cannot be read")?.into_keys().collect(),
        statements: config.section("statements").map_err(|_| "[statements] cannot be read")?.unwrap_or_default(),
        origin: format!("http://{front}"),
        is_sandbox: true,
    }));
    Ok(Arc::new(move |request| {
        let app = app.clone();
        Box::pin(async move { app.handle(request).await })
    }))
}

struct Beside {
    payer: Arc<payer::App>,
    clock: Clock,
}

impl Payer for Beside {
    fn invoke(&self, request: payer::Request) -> BoxFuture<'_, Result<payer::Answer, PayerSilent>> {
        Box::pin(async move {
            let id = payonce_runtime::random::attempt_id().to_string();
            // As Lambda hands them over: in JSON, both ways.
            let request = passed(&request).ok_or(PayerSilent::NotBegun)?;
            let answer = self.payer.answer(&request, &id, self.clock.now() + FUNCTION_MS).await;
            passed(&answer).ok_or(PayerSilent::Unknown)
        })
    }
}

fn passed<T: Serialize + DeserializeOwned>(value: &T) -> Option<T> {
    serde_json::from_slice(&serde_json::to_vec(value).ok()?).ok()
}
