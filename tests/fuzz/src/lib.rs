//! Fuzzing of everything that reads bytes from outside. A target is a function of one input that panics when a promise does not
//! hold: each says in its own file which promises it holds its parsers to.
//!
//! * [`signatures`]: headers and bodies of webhooks; [`events`]: bodies that were signed, up to an order.
//! * [`answers`]: what a rail answers to a payout; [`pages`]: its books, providers' own lists, the state of a source payment.
//! * [`statements`]: camt, MT940, BAI2 and described lists.
//! * [`config`]: `payonce.toml`. [`people`]: tokens, cookies, what the issuer answers, forms of the console.
//! * [`kept`]: what we wrote ourselves and read again: items of the tables, lines of books, exports.
//!
//! `tests/fuzz/run` lets libFuzzer look for inputs that break one. What it found once stands in `corpus`, and the tests of this
//! package run all of it, without libFuzzer.
//!
//! An input is text that a person can read: lines of a head, an empty line, a body. Where a byte 0x01 stands twice, what lies between
//! is repeated up to [`STRETCHED_BYTES`]: work that grows faster than its input takes more of the processor then than it may.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "it reads what nobody signed, and writes files for a reader of files")]

pub mod answers;
pub mod config;
pub mod events;
pub mod kept;
pub mod pages;
pub mod people;
pub mod signatures;
pub mod statements;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use payonce_protocol::ids::Digest;

pub struct Target {
    pub name: &'static str,
    run: fn(&[u8]),
}

/// Each has a folder of this name in `corpus`.
pub const TARGETS: [Target; 10] = [
    Target { name: "signatures", run: signatures::run },
    Target { name: "events", run: events::run },
    Target { name: "answers", run: answers::run },
    Target { name: "pages", run: pages::run },
    Target { name: "camt", run: statements::camt },
    Target { name: "accounts", run: statements::accounts },
    Target { name: "lists", run: statements::lists },
    Target { name: "config", run: config::run },
    Target { name: "people", run: people::run },
    Target { name: "kept", run: kept::run },
];

pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// One in sixteen is stretched to its full length, and the others to what is read a hundred times as quickly: which ones, hangs on
/// the input alone.
pub fn search(target: &Target, input: &[u8]) {
    let is_long = Digest::of(input).0[0].is_multiple_of(16);
    (target.run)(&stretched(input, if is_long { STRETCHED_BYTES } else { STRETCHED_BYTES / 100 }));
}

/// An input that is kept.
pub fn run(target: &Target, input: &[u8]) {
    (target.run)(&stretched(input, STRETCHED_BYTES));
}

/// What a reader of files takes in one piece, and long enough for work that grows with its square to take minutes.
pub const STRETCHED_BYTES: usize = 1_000_000;
const STRETCH: u8 = 1;

fn stretched(input: &[u8], bytes: usize) -> Cow<'_, [u8]> {
    let parts: Vec<&[u8]> = input.splitn(3, |byte| *byte == STRETCH).collect();
    match parts[..] {
        [before, unit, after] if !unit.is_empty() => {
            Cow::Owned([before, &unit.repeat((bytes / unit.len()).max(1)), after].concat())
        }
        _ => Cow::Borrowed(input),
    }
}

/// The lines of the head, and the body behind the empty line.
fn split(input: &[u8]) -> Option<(Vec<&str>, &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&input[..end]).ok()?;
    Some((head.lines().collect(), &input[end + 2..]))
}

/// `name: value`, as far as they can be headers.
fn headers(lines: &[&str]) -> HeaderMap {
    let pair = |line: &&str| {
        let (name, value) = line.split_once(':')?;
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().filter_map(pair) {
        headers.append(name, value);
    }
    headers
}

/// Stands in the inputs where something secret or private would. No error may repeat it.
const PLANTED: &str = "planted";
