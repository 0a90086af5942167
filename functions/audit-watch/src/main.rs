//! The audit-watch function, invoked by the audit table's stream when a record was changed or removed.

use std::sync::Arc;

use audit_watch::App;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::tables_on_lambda;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let tables = tables_on_lambda()?;
    let app = Arc::new(App::new(tables.ledger, tables.clock, tables.metrics));
    run(service_fn(move |event: LambdaEvent<Value>| {
        let app = app.clone();
        async move { app.run(&event.payload).await.map_err(Error::from) }
    }))
    .await
}
