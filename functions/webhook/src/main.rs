//! The webhook function of one provider. Built whole at init; each invocation is one delivery.

use std::sync::Arc;

use lambda_http::{Error, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};
use webhook::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::start(on_lambda(Duty::Deliver).await?).await?);
    run(service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Error>(app.handle(request).await) }
    }))
    .await
}
