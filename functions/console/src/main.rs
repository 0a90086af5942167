//! The console function, behind the HTTP API. Built whole at init; each invocation is one request of a browser.

use std::sync::Arc;

use console::App;
use lambda_http::{Error, Request, RequestExt, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};
use payonce_runtime::telemetry::{Trigger, invocation};
use tracing::{Instrument, Span};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::start(on_lambda(Duty::Show).await?).await?);
    run(service_fn(move |request: Request| {
        let app = app.clone();
        let span = request.lambda_context_ref().map_or_else(Span::none, |context| {
            let trace_id = context.xray_trace_id.as_deref();
            invocation(Trigger::Http, &context.request_id, trace_id, &context.invoked_function_arn)
        });
        async move { Ok::<_, Error>(app.handle(request).await) }.instrument(span)
    }))
    .await
}
