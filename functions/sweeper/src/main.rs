//! The sweeper function, invoked by a schedule each minute.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};
use serde_json::Value;
use sweeper::{App, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = on_lambda(Duty::LookUp).await?;
    let parts = Parts::of(&started, started.ledger.clone());
    let clock = parts.clock.clone();
    let app = Arc::new(App::new(parts));
    run(service_fn(move |invocation: LambdaEvent<Value>| {
        let app = app.clone();
        let within = Duration::from_millis(invocation.context.deadline.saturating_sub(clock.now()));
        async move { app.run_within(within).await.map_err(Error::from) }
    }))
    .await
}
