//! The sweeper function, invoked by a schedule each minute.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};
use serde_json::Value;
use sweeper::{App, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::new(Parts::of(&on_lambda(Duty::LookUp).await?)));
    run(service_fn(move |_: LambdaEvent<Value>| {
        let app = app.clone();
        async move { app.run().await.map_err(Error::from) }
    }))
    .await
}
