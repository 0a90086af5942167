//! The retry census as this function reads it: its rows about what is deployed. The file's own head explains a row.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

pub const TEXT: &str = include_str!("../../../infra/census.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Census {
    pub place: Vec<Place>,
}

/// One place where a retry could live.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub id: String,
    pub must: String,
    #[serde(default)]
    pub deployed: Vec<Row>,
    // What people read, and what tests hold the template and the code against.
    #[serde(rename = "what")]
    _what: String,
    #[serde(rename = "why")]
    _why: String,
    #[serde(rename = "source")]
    _source: String,
    #[serde(default, rename = "template")]
    _template: Value,
    #[serde(default, rename = "clippy")]
    _clippy: Value,
    #[serde(default, rename = "deny")]
    _deny: Value,
    #[serde(default, rename = "deny_features")]
    _deny_features: Value,
}

/// Which answers it speaks of, and what each must say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Row {
    pub of: String,
    pub kind: Option<String>,
    pub table: Option<String>,
    pub qualifier: Option<String>,
    pub count: Option<usize>,
    pub path: String,
    pub is: Option<Value>,
    pub one_of: Option<Vec<Value>>,
    pub all_of: Option<Vec<Value>>,
    pub or_absent: bool,
    pub absent: bool,
    pub at_least: Option<i64>,
    pub at_most: Option<i64>,
    pub starts: Option<String>,
    pub ends: Option<String>,
    /// `{provider}` stands for the webhook's own.
    pub contains: Option<String>,
    pub only_keys: Option<BTreeSet<String>>,
    pub expected: Option<String>,
}

/// What the stack was deployed with: the template says it, as it knows the parameters.
pub type Expected = BTreeMap<String, String>;

impl Census {
    pub fn parse(text: &str) -> Result<Self, String> {
        let census: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for place in &census.place {
            for row in &place.deployed {
                row.check().map_err(|problem| format!("{}: {problem}", place.id))?;
            }
        }
        Ok(census)
    }

    /// Reads `PAYONCE_EXPECTED`; every name that a row asks for must be there.
    pub fn expected(&self, text: &str) -> Result<Expected, String> {
        let given: Expected = serde_json::from_str(text).map_err(|_| "is not a JSON object of texts".to_owned())?;
        let rows = self.place.iter().flat_map(|place| &place.deployed);
        match rows.filter_map(|row| row.expected.as_ref()).find(|name| !given.contains_key(*name)) {
            Some(missing) => Err(format!("does not say {missing}")),
            None => Ok(given),
        }
    }
}

impl Row {
    /// A row that demands nothing would hold whatever is deployed.
    fn check(&self) -> Result<(), &'static str> {
        let demands = [
            self.count.is_some(),
            self.is.is_some(),
            self.one_of.is_some(),
            self.all_of.is_some(),
            self.absent,
            self.at_least.is_some(),
            self.at_most.is_some(),
            self.starts.is_some(),
            self.ends.is_some(),
            self.contains.is_some(),
            self.only_keys.is_some(),
            self.expected.is_some(),
        ];
        match demands.into_iter().filter(|demand| *demand).count() {
            0 => Err("a row demands nothing"),
            1 => Ok(()),
            _ => Err("a row demands several things; write one for each"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn census_parses() {
        let census = Census::parse(TEXT).unwrap();
        assert!(census.place.iter().filter(|place| !place.deployed.is_empty()).count() > 20);
    }

    #[test]
    fn refuses_a_misspelt_row() {
        let place = |row: &str| {
            let head = "[[place]]\nid = 'x'\nwhat = ''\nmust = ''\nwhy = ''\nsource = ''\n";
            Census::parse(&format!("{head}deployed = [{{ of = 'alias', {row} }}]")).map(drop)
        };
        assert_eq!(place("count = 1"), Ok(()));
        for wrong in ["cuont = 1", "path = '/x'", "or_absent = true", "absent = false", "count = 1, is = 2"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn refuses_missing_expected_values() {
        let census = Census::parse(TEXT).unwrap();
        let all = r#"{"tripwire":"a","failed_runs":"f","audit_stream":"b","reserved_concurrency":"none","function_timeout_seconds":"25"}"#;
        assert_eq!(census.expected(all).unwrap().len(), 5);
        assert!(census.expected(&all.replace("tripwire", "tripwir")).unwrap_err().contains("tripwire"));
        assert!(census.expected("[]").is_err());
    }
}
