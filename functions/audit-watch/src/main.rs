//! The audit-watch function, invoked by the audit table's stream when a record was changed or removed.

use std::sync::Arc;

use audit_watch::App;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::tables_on_lambda;
use payonce_runtime::telemetry::{Trigger, invocation};
use serde_json::Value;
use tracing::Instrument;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let tables = tables_on_lambda()?;
    let app = Arc::new(App::new(tables.ledger, tables.clock, tables.metrics));
    run(service_fn(move |LambdaEvent { payload, context, .. }: LambdaEvent<Value>| {
        let app = app.clone();
        let trace_id = context.xray_trace_id.as_deref();
        let span = invocation(Trigger::DataSource, &context.request_id, trace_id, &context.invoked_function_arn);
        async move { app.run(&payload).await.map_err(Error::from) }.instrument(span)
    }))
    .await
}
