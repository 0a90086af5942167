//! Who a person is, by OpenID Connect, and what they may do.
