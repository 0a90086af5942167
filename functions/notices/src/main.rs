//! The function of notices, invoked by the streams of the audit and the reconcile table.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notices::App;
use payonce_runtime::start::tables_on_lambda;
use payonce_runtime::telemetry::{Trigger, invocation};
use serde_json::Value;
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::new(tables_on_lambda()?)?);
    run(service_fn(move |LambdaEvent { payload, context, .. }: LambdaEvent<Value>| {
        let app = app.clone();
        let trace_id = context.xray_trace_id.as_deref();
        let span = invocation(Trigger::DataSource, &context.request_id, trace_id, &context.invoked_function_arn);
        async move { app.run(&payload).await.map_err(Error::from) }.instrument(span)
    }))
    .await
}
