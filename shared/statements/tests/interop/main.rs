//! Against Python's libraries for the same formats (pycamt, mt-940, bai2): one file, read by both, gives the same rows. Where
//! it does not, [`DIFFERENCES`] says which row, which fact, and why.
//!
//! They are run, not rebuilt: `PAYONCE_INTEROP_PYTHON` is a Python with `tests/interop/requirements.txt` installed. Without it
//! the tests fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "the oracle is a process, found by the environment")]

#[path = "../suite/made.rs"]
mod made;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../../../providers/tests/suite/random.rs"]
mod random;
#[allow(dead_code, reason = "the suite uses the rest")]
#[path = "../suite/render.rs"]
mod render;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use payonce_statements::model::Entry;
use payonce_statements::{Charset, Format, statements};
use serde_json::{Value, json};

use random::Random;
use render::Kind;

/// The rows of a sample from 0, the fact, what the library says of it, and why we say something else.
const DIFFERENCES: &[(&str, &[usize], &str, &str)] = &[
    // It takes the first amount within a transaction, whatever its currency: 110 US dollars become 110 euros.
    ("camt053-v02.xml", &[1], "amount", "-110.00"),
    // The placeholder is no reference.
    ("camt053-v02.xml", &[3], "end_to_end", "NOTPROVIDED"),
    ("mt940-slashes.sta", &[1], "instruction", "NONREF"),
    ("mt940-numbered.sta", &[1], "instruction", "NONREF"),
    // It leaves the codes of field 86 in the text.
    (
        "mt940-slashes.sta",
        &[0],
        "text",
        "/TRTP/SEPA OVERBOEKING/EREF/po_0001/NAME/MARTA EN CO/REMI/USTD//ord er 7/of 2026",
    ),
    ("mt940-slashes.sta", &[2], "text", "/TRTP/SEPA RETURN/EREF/po_0000/MARF/M-1/RTRN/AC04"),
    // Field 86 after the closing balance is of the statement; it adds that, and the end of the message, to the last row.
    ("mt940-slashes.sta", &[3], "text", "CHARGES TAKEN BACK THANK YOU -}"),
    // It puts both references of a row, and the placeholder, into one.
    ("mt940-numbered.sta", &[0], "instruction", "NONREF K-77"),
];

struct Oracle {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Self {
        let python = std::env::var("PAYONCE_INTEROP_PYTHON")
            .unwrap_or_else(|_| panic!("PAYONCE_INTEROP_PYTHON is not set; the head of this file says to what"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/statements.py");
        let mut process =
            Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, questions, answers }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer; its error stands above"))
    }

    fn reads(&mut self, kind: &str, text: &str) -> Result<Vec<Value>, String> {
        let answer = self.ask(&json!({"format": kind, "text": text}));
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["rows"].as_array().unwrap().clone()),
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lines are told apart by some libraries and not by others.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ours(entry: &Entry, fact: &str) -> Value {
    let references = &entry.references;
    let (amount, currency) = (entry.amount.to_string(), entry.amount.currency().to_string());
    match fact {
        "booked" => json!(entry.booked_on.to_string()),
        "value" => json!(entry.value_date.map(|date| date.to_string())),
        "amount" => json!(amount.strip_suffix(&currency).unwrap().trim()),
        "minor" => json!(entry.amount.minor()),
        "currency" => json!(currency),
        "reversal" => json!(entry.reversal),
        "end_to_end" => json!(references.end_to_end),
        "instruction" => json!(references.instruction),
        "servicer" => json!(references.servicer),
        "mandate" => json!(references.mandate),
        "text" => json!(plain(&entry.remittance)),
        "code" => json!(entry.code),
        _ => panic!("{fact} is compared with nothing"),
    }
}

/// A decimal as we show it: with all digits of the currency.
fn theirs(entry: &Entry, fact: &str, value: &Value) -> Value {
    match (fact, value) {
        ("amount", Value::String(text)) => {
            let digits = usize::from(entry.amount.exponent());
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let (fraction, zeros) = fraction.split_at(digits.min(fraction.len()));
            assert!(zeros.bytes().all(|byte| byte == b'0'), "{text}");
            let text = format!("{whole}.{fraction:0<digits$}");
            let text = text.trim_end_matches('.');
            let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'));
            json!(if is_zero { text.trim_start_matches('-') } else { text })
        }
        (_, Value::String(text)) if text.is_empty() && fact != "text" => Value::Null,
        (_, Value::String(text)) => json!(plain(text)),
        (_, value) => value.clone(),
    }
}

/// What the library says otherwise: row, fact, its word.
fn differences(entries: &[Entry], rows: &[Value]) -> Vec<(usize, String, String)> {
    assert_eq!(entries.len(), rows.len());
    let mut differences = Vec::new();
    for (index, (entry, row)) in entries.iter().zip(rows).enumerate() {
        for (fact, value) in row.as_object().unwrap() {
            let theirs = theirs(entry, fact, value);
            if ours(entry, fact) != theirs {
                differences.push((
                    index,
                    fact.clone(),
                    theirs.as_str().map_or_else(|| theirs.to_string(), str::to_owned),
                ));
            }
        }
    }
    differences
}

fn format_of(name: &str) -> (&'static str, Format) {
    match name {
        name if name.ends_with(".xml") => ("camt", Format::Camt),
        name if name.ends_with(".bai") => ("bai2", Format::Bai2(Charset::Utf8)),
        "mt940-numbered.sta" => ("mt940", Format::Mt940(Charset::Latin1)),
        _ => ("mt940", Format::Mt940(Charset::Utf8)),
    }
}

fn sample(name: &str) -> (Vec<u8>, String) {
    let bytes = std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)).unwrap();
    let text = match name {
        "mt940-numbered.sta" => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8(bytes.clone()).unwrap(),
    };
    (bytes, text)
}

#[test]
fn reads_the_samples_as_the_python_libraries_do() {
    let mut oracle = Oracle::start();
    for name in ["camt053-v02.xml", "camt053-v08.xml", "mt940-slashes.sta", "mt940-numbered.sta", "bai2.bai"] {
        let (kind, format) = format_of(name);
        let (bytes, text) = sample(name);
        let entries: Vec<Entry> =
            statements(&format, &bytes).unwrap().into_iter().flat_map(|statement| statement.entries).collect();
        let found = differences(&entries, &oracle.reads(kind, &text).unwrap());
        let mut listed: Vec<_> = DIFFERENCES
            .iter()
            .filter(|(sample, ..)| *sample == name)
            .flat_map(|(_, rows, fact, word)| rows.iter().map(|row| (*row, (*fact).to_owned(), (*word).to_owned())))
            .collect();
        listed.sort();
        let mut found_sorted = found.clone();
        found_sorted.sort();
        assert_eq!(found_sorted, listed, "{name}");
    }
}

/// What they do not read at all, or read without a word.
#[test]
fn is_stricter_than_the_python_libraries_where_money_could_be_lost() {
    let mut oracle = Oracle::start();
    // No prefix on the namespace, and no notification.
    for name in ["camt053-v13.xml", "camt054-v08.xml"] {
        let (kind, format) = format_of(name);
        let (bytes, text) = sample(name);
        assert!(statements(&format, &bytes).is_ok());
        assert_eq!(oracle.reads(kind, &text), Err("Camt053ParseError".to_owned()), "{name}");
    }
    for name in [
        "bad/camt053-balance.xml",
        "bad/camt053-batch-sum.xml",
        "bad/camt053-batch-lost.xml",
        "bad/camt053-decimals.xml",
        "bad/mt940-balance.sta",
        "bad/mt940-row-dropped.sta",
        "bad/mt940-page-lost.sta",
        "bad/bai2-balance.bai",
    ] {
        let (kind, format) = format_of(name);
        let (bytes, text) = sample(name);
        assert!(statements(&format, &bytes).is_err(), "{name}");
        assert!(oracle.reads(kind, &text).is_ok(), "{name}");
    }
    // The control totals of BAI2 are held by both.
    for name in ["bad/bai2-control.bai", "bad/bai2-row-dropped.bai"] {
        let (bytes, text) = sample(name);
        assert!(statements(&format_of(name).1, &bytes).is_err(), "{name}");
        assert_eq!(oracle.reads("bai2", &text), Err("IntegrityException".to_owned()), "{name}");
    }
}

#[test]
fn reads_made_up_statements_as_the_python_libraries_do() {
    let mut oracle = Oracle::start();
    let random = &mut Random::new("reads_made_up_statements_as_the_python_libraries_do");
    for _ in 0..100 {
        let made = made::made(random);
        for (name, kind) in [("camt", Kind::Camt), ("mt940", Kind::Mt940), ("bai2", Kind::Bai2)] {
            let text = made.render(kind);
            let format = match kind {
                Kind::Camt => Format::Camt,
                Kind::Mt940 => Format::Mt940(Charset::Utf8),
                _ => Format::Bai2(Charset::Utf8),
            };
            let read = statements(&format, text.as_bytes()).unwrap();
            let entries: Vec<Entry> = read.into_iter().flat_map(|statement| statement.entries).collect();
            let rows = oracle.reads(name, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let mut found = differences(&entries, &rows);
            found.retain(|(_, fact, word)| (fact.as_str(), word.as_str()) != ("instruction", "NONREF"));
            // It adds the end of the message to the last text.
            found.retain(|(row, fact, word)| {
                !(kind == Kind::Mt940 && fact == "text" && row + 1 == rows.len() && word.ends_with('-'))
            });
            assert_eq!(found, [], "{kind:?}\n{text}");
        }
    }
}

#[test]
fn the_python_libraries_are_those_that_were_judged() {
    let mut oracle = Oracle::start();
    for (kind, package, version) in
        [("camt", "pycamt", "1.1.1"), ("mt940", "mt-940", "5.1.1"), ("bai2", "bai2", "0.15.0")]
    {
        let about = oracle.ask(&json!({"format": kind}));
        assert_eq!((about["package"].as_str(), about["version"].as_str()), (Some(package), Some(version)));
    }
}
