//! What every function needs around the protocol, and nothing that decides about money.
//!
//! * [`environment`] and `config`: what a function is told, read and checked whole at start.
//! * `secrets`: signing secrets and rail keys, by reference.
//! * [`clock`] and [`random`]: the one place each for time and for randomness.
//! * [`telemetry`] and [`metrics`]: logs, and the one catalogue of metrics.

pub mod clock;
pub mod environment;
pub mod metrics;
pub mod random;
pub mod telemetry;
