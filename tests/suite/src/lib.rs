//! What tests of several crates share: the engines that stand in for DynamoDB, and a proxy in front of them that makes
//! the faults which no engine makes by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "engines and proxies have threads and times of their own")]

pub mod capacity;
pub mod dynamo;
pub mod faults;
pub mod link;
