//! The webhook function with a clock that panics: in the n-th invocation, at its n-th reading. Built like the function
//! itself, it shows what a panic anywhere in a delivery does to a payout. Nothing in the function can be told to do this.

#![allow(clippy::panic, reason = "it is what this program is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lambda_http::{Error, run, service_fn};
use payonce_runtime::clock::Clock;
use payonce_runtime::start::{Duty, on_lambda};
use webhook::App;

static INVOCATION: AtomicU32 = AtomicU32::new(0);
static READING: AtomicU32 = AtomicU32::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut started = on_lambda(Duty::Deliver).await?;
    let system = started.clock.clone();
    started.clock = Clock::told(move || {
        let reading = READING.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(reading != INVOCATION.load(Ordering::SeqCst), "reading {reading} of the clock");
        system.now()
    });
    let app = Arc::new(App::start(started).await?);
    run(service_fn(move |request| {
        INVOCATION.fetch_add(1, Ordering::SeqCst);
        READING.store(0, Ordering::SeqCst);
        let app = app.clone();
        async move { Ok::<_, Error>(app.handle(request).await) }
    }))
    .await
}
