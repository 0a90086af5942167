//! Who a person is, by OpenID Connect, and what they may do. The console signs people in with it; payer verifies, with
//! nothing but the issuer's published keys, the tokens that the console hands over.
//!
//! * `config` is `[console.identity]`; `client` is how the client proves itself to the issuer.
//! * [`Issuer`] begins and finishes sign-ins, and verifies tokens by a [`TokenRule`]; [`over_the_wire`] is how it asks.
//! * [`Person`] and `roles`: who a token names, which roles the configuration gives them, or why none.
//! * [`payer`] is what the console hands over: the request, and payer's answer.
//! * [`Sessions`] seals cookies; nothing about a session is stored.
//!
//! A session is read only from the browser that it was opened in, and only from a cookie that was sealed here:
//!
//! ```
//! use std::collections::BTreeSet;
//! use payonce_identity::{Person, Role, Sessions};
//!
//! let sessions = Sessions::new("at least 32 bytes, and never these ones", 1_200_000, 36_000_000, "/").unwrap();
//! let ada = Person { subject: "ada".into(), name: "Ada".into(), roles: BTreeSet::from([Role::Analyst]), no_role: None };
//! let session = sessions.open(&ada, "a browser", 1_000)?;
//! let cookie = sessions.cookie(&session, 1_000)?;
//! let sent = [cookie.split(';').next().unwrap().to_owned()];
//!
//! assert_eq!(sessions.read(&sent, "a browser", 2_000).unwrap().person, ada);
//! assert!(sessions.read(&sent, "another browser", 2_000).is_none());
//! assert!(sessions.read(&[format!("{}x", sent[0])], "a browser", 2_000).is_none());
//! # Ok::<(), payonce_identity::SessionError>(())
//! ```

mod client;
mod config;
mod error;
mod issuer;
pub mod payer;
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
pub use issuer::{Fetch, Issuer, PendingSignIn, Purpose, SignedIn};
pub use person::Person;
pub use roles::NoRole;
pub use session::{Session, SessionError, Sessions};
pub use token::TokenRule;
pub use wire::over_the_wire;
