//! Equal features for the libraries that several functions share.
//!
//! Cargo builds a library once for each set of its features, and everything above it again: one feature of `bytes` more in the
//! webhook than in the sweeper, and both compile the AWS SDK. The features listed in this crate's `Cargo.toml` are those that
//! differed; with them each function, built alone or together with others, uses the very same libraries.
//! `tests/template/test_features.py` finds what differs.
