//! Who a person is, by OpenID Connect, and what they may do. The console signs people in with it; payer verifies, with
//! nothing but the issuer's published keys, the tokens that the console hands over.

mod client;
mod config;
mod error;
mod issuer;
mod person;
mod roles;
mod secret;
mod session;
mod token;
mod wire;

pub use payonce_protocol::case::Role;

pub use client::AuthMethod;
pub use config::IdentityConfig;
pub use error::{FetchError, IdentityError};
pub use issuer::{Fetch, Issuer, Kept, Purpose, SignedIn};
pub use person::Person;
pub use roles::NoRole;
pub use session::{Session, SessionError, Sessions};
pub use token::TokenRule;
pub use wire::over_the_wire;
