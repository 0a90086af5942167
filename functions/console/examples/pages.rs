//! Writes every page of the console with made-up data, and the two files beside them, to look at in a browser:
//! `cargo run -p console --example pages -- DIR`. The tests read the same samples.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;

use console::pages::*;
use payonce_identity::NoRole;
use payonce_protocol::case::{Act, Ending, Role, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{Reissue, Said, Why};

#[path = "samples/between.rs"]
mod between;
#[path = "samples/books.rs"]
pub mod books;
#[path = "samples/case.rs"]
mod case;
#[path = "samples/payouts.rs"]
mod payouts;
#[path = "samples/queue.rs"]
mod queue;

#[allow(unused_imports, reason = "each test reads some of them")]
pub use {between::*, case::*, payouts::*, queue::*};

pub const SECOND: u64 = 1000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;
/// 2026-11-24T10:53:20Z, a Tuesday.
pub const NOW: u64 = 1_795_517_600 * SECOND;

/// What others may write, and would like a page to do.
pub const MARKUP: &str = "<script>alert(1)</script>";
pub const QUOTES: &str = "\"><img src=x onerror='alert(1)'>";
pub const TURNED: &str = "acct_\u{202e}4321_tcca";
const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn long_key() -> String {
    format!("stripe/{}", "pi_3QzX7nLk".repeat(10))
}

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    std::fs::create_dir_all(dir.join("static")).unwrap();
    for (name, html) in all(".") {
        std::fs::write(dir.join(format!("{name}.html")), html).unwrap();
    }
    for name in ["console.css", "app.js"] {
        std::fs::write(dir.join("static").join(name), asset(name).unwrap().1).unwrap();
    }
}

/// Every sample by name.
pub fn all(base: &str) -> Vec<(&'static str, String)> {
    [queue::all, case::all, payouts::all, between::all, books::all].map(|all| all(base)).concat()
}

pub fn frame(base: &str, section: Section, title: &str) -> Frame {
    Frame {
        base: base.to_owned(),
        title: title.to_owned(),
        person: Some("Ann Otterbach".to_owned()),
        roles: vec![Role::Analyst, Role::Approver],
        csrf: "c2FtcGxlLW5vdC1hLXRva2Vu".to_owned(),
        section,
        banners: vec![],
        is_sandbox: true,
        now: NOW,
        search: String::new(),
        hold: None,
        to_approve: Some("3".to_owned()),
    }
}

pub fn held(held: Held) -> Option<HoldNotice> {
    let set = HoldSet { at: NOW - 35 * MINUTE, by: MARKUP.to_owned(), why: QUOTES.to_owned() };
    Some(HoldNotice { held, set: matches!(held, Held::Refuse | Held::Record).then_some(set) })
}

pub fn money(minor: u64, exponent: u8, currency: &str) -> Option<Money> {
    Some(Money::new(minor, exponent, currency.parse().unwrap()).unwrap())
}

fn due(days: i32) -> Option<Due> {
    let date = jiff::civil::date(2026, 11, 24).checked_add(jiff::Span::new().days(days)).unwrap();
    Some(Due { date, days_left: days })
}

fn people() -> Vec<PersonOption> {
    let person = |subject: &str, name: &str, is_me| PersonOption {
        subject: subject.to_owned(),
        name: name.to_owned(),
        is_me,
        stand_in: None,
    };
    vec![
        person("google|12", "Ann Otterbach", true),
        PersonOption { stand_in: Some("Ann Otterbach".to_owned()), ..person("google|14", "Ben Čapek", false) },
        person("google|15", "Chidi Okonkwo-Lindqvist", false),
        person("google|16\"", "Dana <b>Bold</b>", false),
    ]
}
