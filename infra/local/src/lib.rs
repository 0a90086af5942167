//! The whole stack on one machine: an embedded DynamoDB, a sandbox rail, a front door that hands over what API Gateway
//! would, the same handlers that Lambda runs, and a sender whose list the books are made from. Everything binds to
//! loopback.
//!
//! ```no_run
//! # use payonce_local::stack::{Options, Stack};
//! # async fn starts() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let stack = Stack::start(Options { port: 0, data: None, metrics: Box::new(|line| println!("{line}")) }).await?;
//! println!("http://{}", stack.front.address());
//! # Ok(())
//! # }
//! ```

// Servers and schedules need tasks of their own here; the functions do not.
#![allow(clippy::disallowed_methods, reason = "a sandbox spawns and reads the clock as the platform would")]

pub mod behaviour;
pub mod books;
pub mod charges;
pub mod check;
pub mod cli;
pub mod control;
pub mod cost;
pub mod desk;
pub mod dynamo;
pub mod explain;
pub mod export;
mod foreseen;
mod form;
pub mod front;
pub mod given;
pub mod hand;
mod held;
pub mod issuer;
pub mod machine;
mod near;
pub mod play;
pub mod reconcile;
pub mod report;
mod restored;
pub mod samples;
pub mod sandbox_rail;
pub mod send;
pub mod sender;
pub mod setup;
pub mod stack;
pub mod template;
pub mod trace;
mod transfers;

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use tokio::net::TcpListener;

/// Where deliveries are taken when nobody says otherwise.
pub const PORT: u16 = 4242;

/// On loopback, at this port, or at any that is free when it is taken.
async fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
        bound => bound,
    }
}

/// Adds one JSON line to a file, before it returns.
fn append_line(path: &Path, line: &impl serde::Serialize) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{}", serde_json::to_string(line)?)
}
