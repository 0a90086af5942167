//! Asking providers that do everything wrong.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy.toml's allowance covers #[test] functions only.
#![allow(clippy::disallowed_methods, reason = "a hostile peer has threads and times of its own")]

mod described;
mod endpoint;
mod list;
#[path = "../../../rails/tests/described/sandbox.rs"]
#[allow(dead_code)]
mod sandbox;
#[path = "../../../rails/tests/hostile/server.rs"]
#[allow(dead_code)]
mod server;
mod source;

use std::ops::Range;
use std::time::Duration;

use payonce_lists::{End, Gap, ListConfig, ListedEvent, ProviderList};
use payonce_protocol::order::Mode;
use payonce_wire::ApiSecret;

const SECRET: &str = "rk_test_hostile";
const AMPLE: Duration = Duration::from_secs(20);

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn list(config: serde_json::Value) -> ProviderList {
    let config: ListConfig = serde_json::from_value(config).unwrap();
    assert_eq!(config.check(), []);
    ProviderList::new(&config, &ApiSecret::new(SECRET).unwrap(), Mode::Test, None).unwrap()
}

/// A window to its end, or to the first page that fails: its pages, and what it came to.
fn read(list: &ProviderList, window: Range<u64>, now: u64, within: Duration) -> (Vec<Vec<ListedEvent>>, End) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut book, mut pages) = (list.book(window, now), vec![]);
        while let Ok(Some(page)) = book.next(within).await {
            pages.push(page);
        }
        (pages, book.end())
    })
}

fn ids(pages: &[Vec<ListedEvent>]) -> Vec<&str> {
    pages.iter().flatten().map(|event| event.id.as_str()).collect()
}

fn why(end: End) -> Option<Gap> {
    match end {
        End::Complete => None,
        End::Incomplete { why } => Some(why),
    }
}
