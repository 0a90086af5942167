//! The verdict: what differs between the census and AWS's answers. No I/O, so each drift has a test.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::census::{Census, Expected, Row};

/// The kinds of function that a stack has.
pub const KINDS: [&str; 8] =
    ["webhook", "sweeper", "reconciler", "retry-audit", "audit-watch", "console", "payer", "notices"];

/// There only where the configuration says so.
const OPTIONAL: &str = "notices";

/// What is a table's; everything else is a function's.
pub const OF_TABLES: [&str; 4] = ["table", "time_to_live", "backups", "table_policy_statement"];

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

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    /// The census' word: `audit`, `bodies` or `reconcile`.
    pub table: String,
}

/// Everything that AWS answered.
#[derive(Clone, Debug, Default)]
pub struct Deployed {
    pub functions: Vec<Function>,
    pub tables: Vec<Table>,
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
    let missing = KINDS.into_iter().filter(|kind| *kind != OPTIONAL && !kinds.contains(kind));
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
                wrong(row, expected, &subject.owner, found).map(|found| (told(subject), found))
            })
            .collect();
    };
    owners(row, deployed)
        .filter_map(|owner| {
            let found = chosen().filter(|subject| subject.owner == owner).count();
            let what = match &row.qualifier {
                Some(qualifier) => format!("{} of {owner}:{qualifier}", row.of),
                None => format!("{} of {owner}", row.of),
            };
            (found != count).then(|| (what, format!("{found}, not {count}")))
        })
        .collect()
}

/// Those that a count is held against, also where they have none: tables for what is a table's, else functions.
fn owners<'a>(row: &'a Row, deployed: &'a Deployed) -> impl Iterator<Item = &'a str> {
    let of_tables = OF_TABLES.contains(&row.of.as_str());
    let wanted = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
    let functions = deployed.functions.iter().filter(move |it| !of_tables && wanted(&row.kind, &it.kind));
    let tables = deployed.tables.iter().filter(move |it| of_tables && wanted(&row.table, &it.table));
    functions.map(|it| it.name.as_str()).chain(tables.map(|it| it.name.as_str()))
}

fn selected(row: &Row, subject: &Subject) -> bool {
    let matches = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
    row.of == subject.of
        && matches(&row.kind, &subject.kind)
        && matches(&row.table, &subject.table)
        && matches(&row.qualifier, &subject.qualifier)
}

/// What was found, where it is not as it must be.
fn wrong(row: &Row, expected: &Expected, owner: &str, found: &Value) -> Option<String> {
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
    let holds = if let Some(name) = &row.expected {
        // A name that the template did not give holds nothing; the start has refused it before.
        expected.get(name).is_some_and(|wanted| as_expected(wanted, found))
    } else if let Some(part) = &row.contains {
        let provider = owner.split_once("-webhook-").map_or("", |(_, provider)| provider);
        found.as_str().is_some_and(|text| text.contains(&part.replace("{provider}", provider)))
    } else {
        as_written(row, found)
    };
    (!holds).then(|| if is_absent(found) { "nothing".to_owned() } else { found.to_string() })
}

fn as_expected(wanted: &str, found: &Value) -> bool {
    match wanted {
        "none" => is_absent(found),
        _ => found.as_str() == Some(wanted) || found.is_u64() && found.as_u64() == wanted.parse().ok(),
    }
}

/// A row demands one thing: the census is refused otherwise.
fn as_written(row: &Row, found: &Value) -> bool {
    let text = |holds: &dyn Fn(&str) -> bool| found.as_str().is_some_and(holds);
    match row {
        Row { is: Some(wanted), .. } => found == wanted,
        Row { one_of: Some(all), .. } => all.contains(found),
        Row { all_of: Some(all), .. } => {
            found.as_array().is_some_and(|listed| all.iter().all(|wanted| listed.contains(wanted)))
        }
        Row { at_least: Some(least), .. } => found.as_i64().is_some_and(|number| number >= *least),
        Row { at_most: Some(most), .. } => found.as_i64().is_some_and(|number| number <= *most),
        Row { starts: Some(start), .. } => text(&|text| text.starts_with(start.as_str())),
        Row { ends: Some(end), .. } => text(&|text| text.ends_with(end.as_str())),
        _ => is_absent(found),
    }
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
