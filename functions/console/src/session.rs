//! Who a person is for us, and for how long: signing in and out, and who stands in for them.

pub(crate) mod absence;
pub(crate) mod sign_in;
