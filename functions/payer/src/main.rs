//! The payer function, invoked by the console alone, synchronously, once for each approval.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payer::{App, Request};
use payonce_runtime::start::{Duty, on_lambda};
use payonce_runtime::telemetry::{Trigger, invocation};
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::start(on_lambda(Duty::Pay).await?).await?);
    run(service_fn(move |event: LambdaEvent<Request>| {
        let app = app.clone();
        let (request, context) = event.into_parts();
        let trace_id = context.xray_trace_id.as_deref();
        let span = invocation(Trigger::Other, &context.request_id, trace_id, &context.invoked_function_arn);
        async move { Ok::<_, Error>(app.answer(&request, &context.request_id, context.deadline).await) }
            .instrument(span)
    }))
    .await
}
