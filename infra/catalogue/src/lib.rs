//! What AWS is told, made from two things: the configuration, whose providers each get a function, and this catalogue.
//! `cargo run -- template` writes `infra/template.yaml` by it, and no function links it.
//!
//! * [`template`]: the template as a whole, from the parts in `templates/`.
//! * [`name`]: what a provider and the tables are called there.

#![forbid(unsafe_code)]

pub mod name;
pub mod template;

pub use template::{Refused, Template};
