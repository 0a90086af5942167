//! `payonce check` as a person reads it: every mistake has its key, its line and column, and words that are no Rust.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use payonce_local::check::{Finding, wrong};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

const STRIPE: &str = include_str!("../../payonce.toml");
const RAZORPAYX: &str = include_str!("../../rails/razorpayx.toml");

const TILL: &str = r#"[providers.till]
scheme = "custom"
secrets = ["secretsmanager:acme/till"]
mode = "live"
ignore = ["sale.opened"]

[providers.till.custom]
header = "Till-Signature"
container = "key_value_list"
signature_name = "h1"
time_element = "ts"
signed = "{t}:{body}"
encoding = "hex"
tolerance_s = 300
id = "/event"
event_type = "/kind"
created = "/at"
redelivers = "72h"
longest_gap = "12h"

[[providers.till.payouts]]
event = "sale.settled"
key = "/sale/id"
amount = "/sale/paise"
currency = "/sale/currency"
destination = "/sale/payee"
destination_pattern = "^fa_[A-Za-z0-9]+$"
when = { "/sale/state" = { pays = "settled", not = ["open"] } }
max_amount = { INR = 5000000 }
max_age = "96h"

"#;

const SAMPLE: &str = r#"{ "event": "ev_1", "kind": "sale.settled", "at": "2026-04-12T10:18:49Z",
  "sale": { "id": "sale_1", "state": "settled", "paise": 420000, "currency": "INR", "payee": "fa_1" } }"#;

fn till() -> String {
    format!("{TILL}{RAZORPAYX}")
}

type Keys = Vec<(String, Range<usize>)>;

/// Keys with their spans, and values that hold no others.
fn places(file: &DeTable<'_>) -> (Keys, Vec<Range<usize>>) {
    let (mut keys, mut leaves) = (vec![], vec![]);
    fn of_value(value: &DeValue<'_>, span: Range<usize>, keys: &mut Keys, leaves: &mut Vec<Range<usize>>) {
        match value {
            DeValue::Table(table) => of_table(table, keys, leaves),
            DeValue::Array(list) => list.iter().for_each(|one| of_value(one.get_ref(), one.span(), keys, leaves)),
            _ => leaves.push(span),
        }
    }
    fn of_table(table: &DeTable<'_>, keys: &mut Keys, leaves: &mut Vec<Range<usize>>) {
        for (key, value) in table {
            keys.push((key.get_ref().to_string(), key.span()));
            of_value(value.get_ref(), value.span(), keys, leaves);
        }
    }
    of_table(file, &mut keys, &mut leaves);
    (keys, leaves)
}

fn with(text: &str, at: &Range<usize>, other: &str) -> String {
    format!("{}{other}{}", &text[..at.start], &text[at.end..])
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[track_caller]
fn assert_plain(found: &[Finding], about: &str) {
    const RUST: [&str; 22] = [
        "i128",
        "i64",
        "u64",
        "u32",
        "u16",
        "u8",
        "usize",
        "sequence",
        "struct ",
        "variant",
        "enum",
        "untagged",
        "unit v",
        "serde",
        "missing field",
        "unknown field",
        "entity not",
        "invalid type",
        "invalid value",
        "integer `",
        " map",
        "expected one of",
    ];
    for found in found {
        assert!(found.line > 0 && found.column > 0, "{found:?}");
        for word in RUST {
            assert!(!found.words.contains(word), "{word:?} in {found:?}\n{about}");
        }
    }
}

#[test]
fn every_value_of_another_kind_is_found_at_its_line_in_plain_words() {
    const OTHERS: [&str; 9] =
        ["true", "-1", "4.5", "99999999999999999999", "9e99", "\"planted-x\"", "[]", "{}", "2026-12-01T00:00:00Z"];
    for text in [STRIPE.to_owned(), till()] {
        assert_eq!(wrong(&text), []);
        let file = DeTable::parse(&text).unwrap();
        let (_, leaves) = places(file.get_ref());
        assert!(leaves.len() > 25, "{}", leaves.len());
        for leaf in leaves {
            for other in OTHERS {
                let changed = with(&text, &leaf, other);
                let found = wrong(&changed);
                assert_plain(&found, &changed[leaf.start.saturating_sub(40)..leaf.start + other.len()]);
                assert!(!format!("{found:?}").contains("planted"), "a value is repeated: {found:?}");
            }
            let table = with(&text, &leaf, "{}");
            let (line, found) = (line_of(&text, leaf.start), wrong(&table));
            assert!(found.is_empty() || found.iter().any(|found| found.line <= line), "{line}: {found:?}");
        }
    }
}

#[test]
fn every_misspelt_key_is_found_where_it_stands_with_what_was_meant() {
    let mut hinted = 0;
    for text in [STRIPE.to_owned(), till()] {
        let file = DeTable::parse(&text).unwrap();
        for (key, span) in
            places(file.get_ref()).0.iter().filter(|(key, span)| key.len() > 3 && text[span.clone()] == *key)
        {
            let last = key.chars().last().unwrap();
            let misspelt = format!("{key}{last}");
            let found = wrong(&with(&text, span, &misspelt));
            assert_plain(&found, &misspelt);
            let here = found.iter().find(|found| found.path.ends_with(&misspelt) && found.words.contains("known"));
            if let Some(here) = here {
                assert_eq!(here.line, line_of(&text, span.start), "{here:?}");
                assert_eq!(here.hint, Some(format!("did you mean {key}?")), "{here:?}");
                hinted += 1;
            }
        }
    }
    assert!(hinted > 60, "{hinted}");
}

/// What the parser itself does not understand has a place, too.
#[test]
fn a_file_that_is_no_toml_is_told_by_line_and_column() {
    for (from, to) in [
        ("scheme = \"custom\"", "scheme = custom"),
        ("scheme = \"custom\"", "scheme = \"custom"),
        ("scheme = \"custom\"", "scheme \"custom\""),
        ("[providers.till.custom]", "[providers.till.custom"),
        ("mode = \"live\"", "mode = \"live\"\nmode = \"live\""),
        ("max_age = \"96h\"", "max_age = 99999999999999999999"),
    ] {
        let changed = till().replacen(from, to, 1);
        let found = wrong(&changed);
        assert_plain(&found, to);
        let line = line_of(&changed, changed.find(to.split('\n').next().unwrap()).unwrap());
        assert!(found.iter().any(|found| (line..=line + 1).contains(&found.line)), "{to}: {found:?}");
    }
}

#[test]
fn values_that_are_listed_have_a_hint() {
    for (from, to, path, hint) in [
        ("scheme = \"stripe\"", "scheme = \"strpe\"", "providers.stripe.scheme", "did you mean stripe?"),
        ("kind = \"stripe\"", "kind = \"stripes\"", "rail.kind", "did you mean stripe?"),
        ("[rail]", "[rial]", "rial", "did you mean rail?"),
        (
            "# [sources.stripe]",
            "[sources.strip]\nurl = \"https://x.example\"\npath = \"/{object}\"\nsecret = \"env:X\"\nobject = \"/id\"\n\
          must_hold = { \"/id\" = \"{object}\" }\nblocks = [\"/refunded\"]\n#",
            "sources.strip",
            "did you mean stripe?",
        ),
    ] {
        let found = wrong(&STRIPE.replacen(from, to, 1));
        let here = found.iter().find(|found| found.path == path).unwrap_or_else(|| panic!("{path}: {found:?}"));
        assert_eq!(here.hint.as_deref(), Some(hint), "{found:?}");
    }
}

fn payonce(folder: &Path, text: &str, more: &[&str]) -> (Option<i32>, Value) {
    std::fs::write(folder.join("my.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
    command.env_clear().current_dir(folder).args(["check", "my.toml", "--json"]).args(more).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn what_is_unwise_is_told_beside_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let rule = &TILL[TILL.find("[[").unwrap()..];
    let pattern = "destination_pattern = \"^fa_[A-Za-z0-9]+$\"";
    for (text, path, words) in [
        (format!("{TILL}{rule}{RAZORPAYX}"), "providers.till.payouts[1]", "the very events of payouts[0]"),
        (
            till().replace(pattern, "destination_pattern = \".+\""),
            "providers.till.payouts[0].destination_pattern",
            "takes everything",
        ),
        (STRIPE.replace("payonce/rail-lookup", "payonce/rail"), "rail.lookup_secret", "is the secret that pays"),
        (
            STRIPE.replace("\"payment_intent.succeeded\"", "\"payment_intent.succeded\""),
            "providers.stripe.payouts[0].event",
            "did you mean payment_intent.succeeded?",
        ),
    ] {
        let (code, checked) = payonce(folder.path(), &text, &[]);
        assert_eq!(code, Some(0), "{checked}");
        let found = checked["unwise"].as_array().unwrap().iter().find(|found| found["path"] == path);
        let found = found.unwrap_or_else(|| panic!("{path}: {checked}"));
        assert!(found["words"].as_str().unwrap().contains(words), "{found}");
    }
    let (_, checked) = payonce(folder.path(), STRIPE, &[]);
    assert_eq!(checked["unwise"], Value::Array(vec![]));
}

/// Two variables of the environment, and one secret in both.
#[test]
fn a_look_up_secret_that_can_pay_is_told_by_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let text = STRIPE
        .replace("secretsmanager:payonce/rail-lookup", "env:LOOK")
        .replace("secretsmanager:payonce/rail", "env:PAY");
    std::fs::write(folder.path().join("my.toml"), text).unwrap();
    let says = |look_up: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
        command.env_clear().env("PAY", "planted-x").env("LOOK", look_up).current_dir(folder.path());
        String::from_utf8(command.args(["check", "my.toml"]).output().unwrap().stdout).unwrap()
    };
    let same = says("planted-x");
    assert!(same.contains("rail.lookup_secret: is the secret that pays") && !same.contains("planted-x"), "{same}");
    assert!(!says("planted-y").contains("is the secret that pays"));
}

#[test]
fn a_misspelt_pointer_is_seen_with_an_event() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("paid.json"), SAMPLE).unwrap();
    let (code, checked) = payonce(folder.path(), &till(), &["--event", "paid.json"]);
    assert_eq!(code, Some(0), "{checked}");
    let event = &checked["events"][0]["events"][0];
    assert_eq!((&event["outcome"], &event["key"]), (&Value::from("paid"), &Value::from("till/sale_1")));
    assert_eq!(event["amount_in"], "4200.00 INR");
    for (from, to) in [
        ("\"/sale/paise\"", "\"/sale/piase\""),
        ("\"/sale/id\"", "\"/sale/di\""),
        ("\"/sale/state\"", "\"/sale/stat\""),
        ("\"/event\"", "\"/events\""),
    ] {
        let (code, checked) = payonce(folder.path(), &till().replacen(from, to, 1), &["--event", "paid.json"]);
        assert_eq!((code, &checked["can_be_used"]), (Some(1), &Value::Bool(true)), "{checked}");
        let hint = format!("{}: there is nothing; did you mean {}?", to.trim_matches('"'), from.trim_matches('"'));
        assert_eq!(checked["events"][0]["hints"], Value::Array(vec![hint.into()]), "{checked}");
    }
}
