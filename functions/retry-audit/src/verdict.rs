//! The verdict: what differs between the census and AWS's answers. No I/O, so each drift has a test.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::census::{Census, Expected, Row};

/// The kinds of function that a stack has at least one of.
pub const KINDS: [&str; 4] = ["webhook", "sweeper", "retry-audit", "audit-watch"];

/// What a row may speak of.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The row's word: `alias`, `mapping`, `table`, …
    pub of: &'static str,
    /// The function or table that it belongs to.
    pub owner: String,
    pub kind: String,
    pub table: String,
    pub qualifier: String,
    pub answer: Value,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    /// One of [`KINDS`], or `unknown`.
    pub kind: String,
}

/// Everything that AWS answered.
#[derive(Clone, Debug, Default)]
pub struct Deployed {
    pub functions: Vec<Function>,
    pub subjects: Vec<Subject>,
}

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The place's id in the census.
    pub place: String,
    pub subject: String,
    pub path: String,
    pub must: String,
    pub found: String,
}

pub fn verdict(census: &Census, expected: &Expected, deployed: &Deployed) -> Vec<Drift> {
    let mut drift = strangers(deployed);
    for place in &census.place {
        for row in &place.deployed {
            for (subject, found) in differs(row, expected, deployed) {
                let (place, path, must) = (place.id.clone(), row.path.clone(), place.must.clone());
                drift.push(Drift { place, subject, path, must, found });
            }
        }
    }
    drift
}

/// Functions under the stack's name that nobody knows, and those that are not there.
fn strangers(deployed: &Deployed) -> Vec<Drift> {
    let drift = |place: &str, subject: &str, must: &str, found: &str| Drift {
        place: place.to_owned(),
        subject: subject.to_owned(),
        path: String::new(),
        must: must.to_owned(),
        found: found.to_owned(),
    };
    let unknown = deployed.functions.iter().filter(|function| function.kind == "unknown");
    let unknown = unknown.map(|function| {
        drift(
            "unknown-function",
            &function.name,
            "no function under the stack's name that the template does not make",
            "it is there",
        )
    });
    let kinds: BTreeSet<&str> = deployed.functions.iter().map(|function| function.kind.as_str()).collect();
    let missing = KINDS.into_iter().filter(|kind| !kinds.contains(kind));
    unknown
        .chain(missing.map(|kind| drift("missing-function", kind, "it is there", "no function of this kind")))
        .collect()
}

fn differs(row: &Row, expected: &Expected, deployed: &Deployed) -> Vec<(String, String)> {
    let chosen = || deployed.subjects.iter().filter(|subject| selected(row, subject));
    let Some(count) = row.count else {
        let told = |subject: &Subject| match subject.qualifier.as_str() {
            "" => format!("{} of {}", subject.of, subject.owner),
            qualifier => format!("{} of {}:{qualifier}", subject.of, subject.owner),
        };
        return chosen()
            .filter_map(|subject| {
                let found = subject.answer.pointer(&row.path).unwrap_or(&Value::Null);
                wrong(row, expected, found).map(|found| (told(subject), found))
            })
            .collect();
    };
    let owners =
        deployed.functions.iter().filter(|function| row.kind.as_ref().is_none_or(|kind| *kind == function.kind));
    owners
        .filter_map(|function| {
            let found = chosen().filter(|subject| subject.owner == function.name).count();
            let what = match &row.qualifier {
                Some(qualifier) => format!("{} of {}:{qualifier}", row.of, function.name),
                None => format!("{} of {}", row.of, function.name),
            };
            (found != count).then(|| (what, format!("{found}, not {count}")))
        })
        .collect()
}

fn selected(row: &Row, subject: &Subject) -> bool {
    let matches = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
    row.of == subject.of
        && matches(&row.kind, &subject.kind)
        && matches(&row.table, &subject.table)
        && matches(&row.qualifier, &subject.qualifier)
}

/// What was found, where it is not as it must be.
fn wrong(row: &Row, expected: &Expected, found: &Value) -> Option<String> {
    if row.or_absent && is_absent(found) {
        return None;
    }
    if let Some(known) = &row.only_keys {
        let Some(object) = found.as_object() else {
            return (!is_absent(found)).then(|| "not an object".to_owned());
        };
        // Names only: a value may be anything.
        let unknown: Vec<&str> = object.keys().filter(|key| !known.contains(*key)).map(String::as_str).collect();
        return (!unknown.is_empty()).then(|| unknown.join(", "));
    }
    let holds = match (&row.is, &row.one_of, &row.starts, row.expected.as_ref().map(|name| &expected[name])) {
        (Some(wanted), ..) => found == wanted,
        (_, Some(all), ..) => all.contains(found),
        (_, _, Some(start), _) => found.as_str().is_some_and(|text| text.starts_with(start)),
        (.., Some(wanted)) if wanted == "none" => is_absent(found),
        (.., Some(wanted)) => found.as_str() == Some(wanted) || found.as_u64() == wanted.parse().ok() && found.is_u64(),
        _ => is_absent(found),
    };
    (!holds).then(|| if is_absent(found) { "nothing".to_owned() } else { found.to_string() })
}

fn is_absent(found: &Value) -> bool {
    match found {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
