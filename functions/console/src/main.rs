//! The console function, behind the HTTP API. Built whole at init; each invocation is one request of a browser.

use std::sync::Arc;

use console::App;
use lambda_http::{Error, run, service_fn};
use payonce_runtime::start::{Duty, on_lambda};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = Arc::new(App::start(on_lambda(Duty::Show).await?).await?);
    run(service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, Error>(app.handle(request).await) }
    }))
    .await
}
