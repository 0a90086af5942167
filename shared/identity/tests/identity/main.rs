//! Signing in against an issuer in memory that lies in every way, and against a certified one over HTTP. The latter is
//! found as `tests/tools` says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // clippy.toml's allowance covers #[test] functions only.
#![allow(clippy::disallowed_methods, reason = "a real issuer is another program, over connections of its own")]

mod client;
mod config;
mod fake;
mod flow;
mod keys;
mod provider;
mod roles;
mod sessions;
mod tokens;
