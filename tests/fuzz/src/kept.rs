//! What was written by us and is read again: the kind, an empty line, a body.
//!
//! * `item`: an item of a table, in DynamoDB's own JSON. It is read or refused, and a refusal repeats no value.
//! * `line`: a row of a book. What is read is written again as it was. `said`: what a run found, in the same way.
//! * `manifest`: of a run, with what it carries on behind a second empty line.
//! * `export`: of a table, as AWS writes it: summary, list of files, and data, each behind an empty line. What is taken is as many
//!   changes as are there, and whatever is odd is a gap.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use payonce_books::export::take::{Taken, Wanted, take};
use payonce_books::line::Line;
use payonce_books::{manifest, said};
use payonce_protocol::ids::Digest;
use payonce_protocol::reconcile::run::Window;
use serde_json::Value;
use tempfile::TempDir;

use crate::{PLANTED, split};

pub fn run(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    match head[..] {
        ["item"] => item(body),
        ["line"] => line(body),
        ["said"] => found(body),
        ["manifest"] => FOLDER.with_borrow(|folder| carried(folder.path(), body)),
        ["export"] => FOLDER.with_borrow(|folder| exported(folder.path(), body)),
        _ => {}
    }
}

thread_local! {
    static FOLDER: RefCell<TempDir> = RefCell::new(tempfile::tempdir().unwrap());
}

fn item(body: &[u8]) {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return };
    let item: HashMap<String, AttributeValue> =
        fields.iter().filter_map(|(name, value)| Some((name.clone(), attribute(value)?))).collect();
    let read = payonce_ledger::fuzzed::read_item(&item);
    assert_eq!(read.differs, [""; 0], "read, written and read again");
    for refused in read.refused {
        assert!(!refused.to_string().contains(PLANTED), "{refused}");
    }
}

/// `{"S":"…"}`; how deep it may nest is bounded by the reader of JSON.
fn attribute(value: &Value) -> Option<AttributeValue> {
    let (kind, value) = value.as_object()?.iter().next()?;
    Some(match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(digits)) => AttributeValue::N(digits.clone()),
        ("B", Value::String(text)) => AttributeValue::B(STANDARD.decode(text).ok()?.into()),
        ("BOOL", Value::Bool(is_set)) => AttributeValue::Bool(*is_set),
        ("L", Value::Array(list)) => AttributeValue::L(list.iter().map(attribute).collect::<Option<_>>()?),
        ("M", Value::Object(map)) => {
            let inner = map.iter().map(|(name, value)| Some((name.clone(), attribute(value)?)));
            AttributeValue::M(inner.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn line(body: &[u8]) {
    let Ok(line) = serde_json::from_slice::<Line>(body) else { return };
    let text = serde_json::to_string(&line).unwrap();
    assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    let Ok(row) = line.row() else { return };
    assert_eq!(Line::of(&row).row().as_ref(), Ok(&row));
}

fn found(body: &[u8]) {
    for line in said::read(body).flatten() {
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(said::read(text.as_bytes()).next().unwrap().unwrap(), line);
    }
}

/// Up to the next empty line, and what is behind it.
fn cut(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &[]),
    }
}

fn carried(folder: &Path, body: &[u8]) {
    let (text, rows) = cut(body);
    // The digest that the manifest must name is of this input.
    let text = String::from_utf8_lossy(text).replace("DIGEST", &Digest::of(rows).to_string());
    fs::write(folder.join(manifest::FILE), text).unwrap();
    fs::write(folder.join(payonce_books::reconcile::CARRIED), rows).unwrap();
    if let Ok(Some(before)) = manifest::read_before(folder) {
        assert!(before.window.from() < before.window.to());
    }
}

const ID: &str = "01695097218000-d6299cbd";
/// 2023-09-18T17:00:00Z, and eleven hours more.
const WINDOW: (u64, u64) = (1_695_056_400_000, 1_695_096_000_000);

fn exported(bucket: &Path, body: &[u8]) {
    let (summary, rest) = cut(body);
    let (files, data) = cut(rest);
    let own = bucket.join("audit/AWSDynamoDB").join(ID);
    let stored = bucket.join("audit/AWSDynamoDB/data");
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(&stored).unwrap();
    let md5 = |bytes: &[u8]| STANDARD.encode(Md5::digest(bytes));
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, data).unwrap();
    let data_stored = gzip.finish().unwrap();
    fs::write(stored.join("one.json.gz"), &data_stored).unwrap();
    let files = String::from_utf8_lossy(files).replace("DIGEST", &md5(&data_stored));
    for (name, text) in [("manifest-summary", summary), ("manifest-files", files.as_bytes())] {
        fs::write(own.join(format!("{name}.json")), text).unwrap();
        fs::write(own.join(format!("{name}.md5")), md5(text)).unwrap();
    }
    let window = Window::new(WINDOW.0, WINDOW.1).unwrap();
    let Taken { files, changes, gaps, faults } =
        take(&Wanted { bucket, prefix: "audit", table: "payonce-audit", window }).unwrap();
    assert_eq!(gaps.is_empty(), faults.is_empty(), "something is odd, and nothing is said to be lacking");
    assert!(files.iter().all(|file| file.starts_with(&stored)), "a file of another folder");
    if faults.is_empty() {
        let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
        assert_eq!(changes, lines * files.len() as u64, "more or fewer changes than are there");
    }
}
