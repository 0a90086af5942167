//! The functions as they are deployed, between a fault proxy in front of real tables and a sandbox rail on a real socket,
//! with a clock that the test moves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "tests spawn, and a test's limit reads the clock")]

mod books;
mod crash;
mod desk;
mod events;
mod issuer;
mod minutes;
mod world;

pub use books::{WINDOW_MS, book_settings};
pub use crash::{cut_after, cut_once};
pub use desk::{Desk, Shown, approval, filed};
pub use events::{PAYEE, key_of, payment, payment_in_group};
pub use issuer::TestIssuer;
pub use world::{Answered, FUNCTION_MS, World, own_secret};
