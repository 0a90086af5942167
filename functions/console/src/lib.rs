//! The finance queue: a web page over the reconcile table.

pub mod pages;
