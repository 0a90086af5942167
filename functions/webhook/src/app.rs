//! What a webhook function consists of, built once at init.

use std::sync::Arc;

use lambda_http::{Body, Request, RequestExt, Response};
use payonce_ledger::{Ledger, powers};
use payonce_providers::Provider;
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Limits;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::SecretSource;
use payonce_runtime::start::{StartError, Started};

use crate::delivery::Delivery;
use crate::gate::ControlCache;
use crate::response;

pub struct Parts {
    pub provider: Provider,
    /// The provider's signing secrets; several while a key rotates.
    pub secrets: SecretSource,
    pub rail: Arc<Rail>,
    pub ledger: Arc<Ledger<powers::Webhook>>,
    pub clock: Clock,
    pub limits: Limits,
    pub metrics: Metrics,
}

pub struct App {
    pub(crate) parts: Parts,
    pub(crate) control: ControlCache,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { control: ControlCache::new(parts.provider.derivations()), parts }
    }

    /// From the parts that all functions share, for the provider that the environment names.
    pub async fn start(started: Started<powers::Webhook>) -> Result<Self, StartError> {
        let provider = started.config.provider(started.environment.provider.as_deref()).map_err(StartError::Config)?;
        let references = started.config.secrets(provider.name());
        let control = ControlCache::new(provider.derivations());
        let now = started.clock.now();
        let secrets = SecretSource::open(started.reader, references, now);
        // Before the first delivery, which has its time to keep. What cannot be read now is read then.
        let (secrets, _) = tokio::join!(secrets, control.ruling(&started.ledger, now));
        let parts = Parts {
            provider,
            secrets: secrets?,
            rail: started.rail,
            ledger: started.ledger,
            limits: started.config.limits,
            clock: started.clock,
            metrics: started.metrics,
        };
        Ok(Self { parts, control })
    }

    /// Answers one delivery. Never an error: an error would be a 502 that says nothing.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        // Lambda's runtime always gives one. Without it nobody knows how much time there is, and nothing may begin.
        let Some(context) = request.lambda_context_ref().cloned() else {
            tracing::error!("a request without Lambda's context is refused: nobody knows how much time it has");
            let response = response::not_begun();
            self.parts.metrics.delivery(self.parts.provider.name()).answered(response.status().as_u16(), 0);
            return response;
        };
        Delivery::new(self, request, context).answer().await
    }
}
