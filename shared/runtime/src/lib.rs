//! What every function needs around the protocol, and nothing that decides about money.
//!
//! * [`environment`] and [`config`]: what a function is told, read and checked whole at start.
//! * [`secrets`]: signing secrets and rail keys, by reference.
//! * [`look_up`]: asking the rail for a payout, by a search that was shown to see.
//! * [`signed`] and [`aws`]: requests to AWS that no SDK sends.
//! * [`clock`] and [`random`]: the one place each for time and for randomness.
//! * [`start`]: what every function builds from these at init.
//! * [`telemetry`] and [`metrics`]: logs, and the one catalogue of metrics.
//!
//! A configuration is checked whole, and each mistake is named by its path:
//!
//! ```
//! use payonce_runtime::config::Config;
//!
//! let mistakes = Config::parse("colour = 'blue'").err().unwrap();
//! let paths: Vec<&str> = mistakes.iter().map(|mistake| mistake.path.as_str()).collect();
//! assert_eq!(paths, ["rail", "providers", "colour"]);
//! ```

pub mod aws;
pub mod clock;
pub mod config;
pub mod environment;
pub mod look_up;
pub mod metrics;
pub mod random;
pub mod secrets;
mod section;
pub mod signed;
pub mod start;
pub mod telemetry;
