//! Which pointers find nothing because they are misspelt: the nearest that the delivery does have.

use std::collections::BTreeSet;

use payonce_providers::explain::{Found, RuleShown};
use serde_json::Value;

use crate::near::nearest;

/// `/data/object/amout: there is nothing; did you mean /data/object/amount?`
pub fn hints(rules: &[RuleShown], problem: &str, body: &Value) -> Vec<String> {
    let there = pointers(body);
    let mut missing: BTreeSet<&str> = rules.iter().flat_map(nothing_at).collect();
    // Where a whole event cannot be read, the problem names the pointer.
    missing.extend(problem.split_whitespace().filter(|word| word.starts_with('/')));
    let misspelt = missing.into_iter().filter(|pointer| !there.contains(*pointer)).filter_map(|pointer| {
        let near = nearest(pointer, there.iter().map(String::as_str))?;
        Some(format!("{pointer}: there is nothing; did you mean {near}?"))
    });
    misspelt.collect()
}

fn nothing_at(rule: &RuleShown) -> Vec<&str> {
    let places = [&rule.amount, &rule.currency, &rule.destination].into_iter().chain(&rule.key);
    let places = places.chain(rule.rail_fields.iter().map(|(_, found)| found));
    let is_missing = |found: &&Found| found.value.is_none() && found.at.starts_with('/');
    let conditions =
        rule.when.iter().filter(|condition| condition.found.is_none()).map(|condition| condition.at.as_str());
    places.filter(is_missing).map(|found| found.at.as_str()).chain(conditions).collect()
}

/// Every place of the body; of a list's elements also as their own event names it.
fn pointers(body: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(body, "", &mut found);
    let of_items: Vec<String> = found.iter().filter_map(|pointer| within_item(pointer)).collect();
    found.extend(of_items);
    found
}

fn within_item(pointer: &str) -> Option<String> {
    let index =
        pointer.split('/').position(|part| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()))?;
    let rest: Vec<&str> = pointer.split('/').skip(index + 1).collect();
    (!rest.is_empty()).then(|| format!("/{}", rest.join("/")))
}

fn collect(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    if !at.is_empty() {
        found.insert(at.to_owned());
    }
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            collect(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}
