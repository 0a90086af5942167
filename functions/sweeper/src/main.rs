//! The sweeper function, invoked by a schedule each minute.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};
use payonce_runtime::telemetry::{Trigger, invocation};
use serde_json::Value;
use sweeper::{App, Parts};
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let started = on_lambda(Duty::LookUp).await?;
    let parts = Parts::of(&started, started.ledger.clone());
    let clock = parts.clock.clone();
    let app = Arc::new(App::new(parts));
    run(service_fn(move |LambdaEvent { context, .. }: LambdaEvent<Value>| {
        let app = app.clone();
        let within = Duration::from_millis(context.deadline.saturating_sub(clock.now()));
        let trace_id = context.xray_trace_id.as_deref();
        let span = invocation(Trigger::Timer, &context.request_id, trace_id, &context.invoked_function_arn);
        async move { app.run_within(within).await.map_err(Error::from) }.instrument(span)
    }))
    .await
}
