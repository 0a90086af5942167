//! One delivery of a payment provider, answered.
//!
//! * [`App`] holds what is built once, at init: nothing after a claim may be the first of its kind.
//! * `delivery` goes from raw bytes to verified, routed events, and from their answers to one HTTP status.
//! * `attempt` performs what the protocol's state machine asks for, for one order.
//! * `gate` keeps the control item, which says whether payouts are made.
//! * `response` is what the provider reads.
//!
//! ```no_run
//! # use payonce_runtime::start::{Duty, StartError, on_lambda};
//! # async fn answers(request: lambda_http::Request) -> Result<lambda_http::Response<lambda_http::Body>, Box<dyn std::error::Error>> {
//! let app = webhook::App::start(on_lambda(Duty::Deliver).await?).await?;
//! Ok(app.handle(request).await)
//! # }
//! ```

mod app;
mod attempt;
mod block;
mod delivery;
mod gate;
mod response;

pub use app::{App, Parts};
