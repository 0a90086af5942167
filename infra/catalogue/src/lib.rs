//! What AWS is told, made from two things: the configuration, whose providers each get a function, and this catalogue.
//! `cargo run -- template` writes `infra/template.yaml` by it, and no function links it.
//!
//! * [`alarms`]: every alarm, as data; [`alarm`] says what one is, [`placed`] where each stands.
//! * [`dashboards`]: the three dashboards and the saved queries; [`dashboard`] says what one is.
//! * [`deployed`]: the alarms as CloudWatch must describe them, for retry-audit.
//! * [`index`]: the alarms as people read them.
//! * [`rehearsal`]: whether an alarm would have gone off, for tests.
//! * [`template`]: the template as a whole, from the parts in `templates/`.
//! * [`name`]: what a provider and the tables are called there.

#![forbid(unsafe_code)]

pub mod alarm;
pub mod alarms;
pub mod dashboard;
pub mod dashboards;
pub mod deployed;
pub mod index;
pub mod name;
pub mod placed;
pub mod rehearsal;
pub mod template;

pub use template::{Refused, Template};
