//! Equal features for the libraries that all packages and their tests share, so that `cargo test -p X` builds none again.
//!
//! Each package has this one among its `dev-dependencies`: what is deployed knows nothing of it, and has `payonce-features`.
//! `tests/template/test_features.py` finds what differs.
