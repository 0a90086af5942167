//! The tools that some tests want beside Rust, each named by a variable. `tests/run` installs them once and sets the variables;
//! afterwards they are found where it left them, without any variable.
//!
//! A test that wants one fails without it, and its failure says which, and how to get it.

#![allow(clippy::panic, reason = "a test without its tool has failed")]
#![allow(clippy::disallowed_methods, reason = "the tools of tests are found by the environment")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A tool, and how it is found.
#[derive(Debug)]
pub struct Tool {
    pub variable: &'static str,
    /// What the variable names.
    pub what: &'static str,
    /// How to get it without `tests/run`.
    pub by_hand: &'static str,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Where `tests/run` leaves it, seen from the repository.
    Installed(&'static str),
    /// A program of this machine.
    Program(&'static str),
    /// Never looked for: what lies there may be older than the code.
    Named,
}

pub const INTEROP_PYTHON: Tool = Tool {
    variable: "PAYONCE_INTEROP_PYTHON",
    what: "a Python with the providers' own libraries",
    by_hand: "python3 -m venv V && V/bin/pip install --no-deps -r tests/interop/requirements.txt; the variable is V/bin/python",
    place: Place::Installed("target/tools/interop-python/bin/python"),
};

pub const INTEROP_NODE: Tool = Tool {
    variable: "PAYONCE_INTEROP_NODE_MODULES",
    what: "the folder node_modules with the providers' own libraries; `node` is in PATH",
    by_hand: "npm ci --prefix tests/interop; the variable is tests/interop/node_modules",
    place: Place::Installed("tests/interop/node_modules"),
};

pub const OIDC_NODE: Tool = Tool {
    variable: "PAYONCE_OIDC_NODE_MODULES",
    what: "the folder node_modules with a certified issuer; `node` is in PATH",
    by_hand: "npm ci --prefix shared/identity/tests/oidc; the variable is shared/identity/tests/oidc/node_modules",
    place: Place::Installed("shared/identity/tests/oidc/node_modules"),
};

pub const RECONCILE_PYTHON: Tool = Tool {
    variable: "PAYONCE_RECONCILE_PYTHON",
    what: "a Python with DuckDB",
    by_hand: "python3 -m venv V && V/bin/pip install --no-deps -r tests/reconcile/requirements.txt; the variable is V/bin/python",
    place: Place::Installed("target/tools/reconcile/bin/python"),
};

pub const DYNAMODB_LOCAL: Tool = Tool {
    variable: "PAYONCE_DYNAMODB_LOCAL",
    what: "the folder of DynamoDBLocal.jar, Amazon's DynamoDB Local; `java` 17 or newer is in PATH",
    by_hand: "unpack it from the npm package amplify-dynamodb-simulator",
    place: Place::Installed("target/tools/dynamodb-local"),
};

pub const SOFFICE: Tool = Tool {
    variable: "PAYONCE_SOFFICE",
    what: "the program soffice of LibreOffice Calc",
    by_hand: "Debian: libreoffice-calc-nogui",
    place: Place::Program("soffice"),
};

pub const LAMBDA: Tool = Tool {
    variable: "PAYONCE_LAMBDA",
    what: "the folder with the functions as they are deployed",
    by_hand: "cargo lambda build --release --compiler cargo --bins -p webhook -p sweeper -p panics; the variable is target/lambda",
    place: Place::Named,
};

pub const TOOLS: [&Tool; 7] =
    [&INTEROP_PYTHON, &INTEROP_NODE, &OIDC_NODE, &RECONCILE_PYTHON, &DYNAMODB_LOCAL, &SOFFICE, &LAMBDA];

impl Tool {
    /// What the variable says, or where `tests/run` left it; otherwise the test that asks fails.
    pub fn path(&self) -> PathBuf {
        self.found(std::env::var_os(self.variable)).unwrap_or_else(|| panic!("{}", self.missing()))
    }

    fn found(&self, named: Option<OsString>) -> Option<PathBuf> {
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            return Some(named.into());
        }
        match self.place {
            Place::Installed(place) => Some(repository().join(place)).filter(|place| place.exists()),
            Place::Program(name) => std::env::split_paths(&std::env::var_os("PATH")?)
                .map(|folder| folder.join(name))
                .find(|program| program.is_file()),
            Place::Named => None,
        }
    }

    fn missing(&self) -> String {
        let Self { variable, what, by_hand, .. } = self;
        format!(
            "{variable} is not set: this test wants {what}. tests/run installs it and sets the variable ({by_hand})."
        )
    }
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tool_is_named_with_its_variable_and_how_to_get_it() {
        for tool in TOOLS {
            let said = tool.missing();
            for part in [tool.variable, tool.what, tool.by_hand, "tests/run"] {
                assert!(said.contains(part), "{said}");
            }
        }
        assert_eq!(LAMBDA.found(None), None, "what was built earlier is not what is tested");
        assert_eq!(LAMBDA.found(Some("/elsewhere".into())), Some(PathBuf::from("/elsewhere")));
    }

    /// Of the variables, CONTRIBUTING.md has a row for each, and `tests/run` a line.
    #[test]
    fn every_tool_stands_in_the_table_for_people_and_is_set_by_the_run_of_all_tests() {
        for file in ["CONTRIBUTING.md", "tests/run"] {
            let text = std::fs::read_to_string(repository().join(file)).unwrap_or_default();
            for tool in TOOLS {
                assert!(text.contains(tool.variable), "{file} does not name {}", tool.variable);
            }
        }
    }
}
