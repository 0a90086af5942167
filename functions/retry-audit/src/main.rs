//! The retry-audit function, invoked by a schedule. Invoked by a person, it answers with what differs.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::tables_on_lambda;
use retry_audit::App;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::new(tables_on_lambda()?)?);
    run(service_fn(move |_: LambdaEvent<Value>| {
        let app = app.clone();
        async move { app.run().await.map_err(Error::from) }
    }))
    .await
}
