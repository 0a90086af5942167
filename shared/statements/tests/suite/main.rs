//! What goes in and out of the crate: sample files of each format made after the standards' own examples, good and bad; the
//! traps that imports fall into; made-up statements in every format.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "a seed may be given by the environment, else the time is one")]

mod bounds;
mod config;
mod kept;
mod made;
mod properties;
#[path = "../../../providers/tests/suite/random.rs"]
mod random;
mod refused;
mod render;
mod samples;
mod traps;

use std::path::PathBuf;

use render::Kind;

use payonce_statements::chain::Doubt;
use payonce_statements::config::StatementConfig;
use payonce_statements::import::{Imported, Known, Plan, import};
use payonce_statements::model::Statement;
use payonce_statements::{Charset, Format, Limits, RefusedFile, statements};

pub fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The description in `NAME.toml`.
pub fn described(name: &str) -> Format {
    let text = String::from_utf8(sample(&format!("{name}.toml"))).unwrap();
    toml::from_str::<StatementConfig>(&text).unwrap().format().unwrap()
}

impl Kind {
    pub fn format(self) -> Format {
        match self {
            Self::Camt => Format::Camt,
            Self::Mt940 => Format::Mt940(Charset::Utf8),
            Self::Bai2 => Format::Bai2(Charset::Utf8),
            Self::Csv => described("made"),
        }
    }
}

/// The format of a sample by its name.
pub fn format_of(name: &str) -> Format {
    let name = name.rsplit('/').next().unwrap();
    match name.rsplit_once('.').unwrap() {
        (_, "xml") => Format::Camt,
        (name, "sta") if name.starts_with("mt940-numbered") => Format::Mt940(Charset::Latin1),
        (_, "sta") => Format::Mt940(Charset::Utf8),
        (_, "bai") => Format::Bai2(Charset::Utf8),
        (name, _) => described(name.split('-').next().unwrap()),
    }
}

pub fn read_sample(name: &str) -> Vec<Statement> {
    read_as(&format_of(name), &sample(name)).unwrap_or_else(|refused| panic!("{name}: {refused}"))
}

pub fn read_as(format: &Format, bytes: &[u8]) -> Result<Vec<Statement>, RefusedFile> {
    statements(format, bytes)
}

pub fn try_import(format: &Format, bytes: &[u8], known: &Known) -> Result<Imported, RefusedFile> {
    import(format, Limits::default(), &mut &bytes[..], known, Doubt::Refuse)
}

/// The plan of a file, carried out.
pub fn learn(format: &Format, bytes: &[u8], known: &mut Known) -> Plan {
    match try_import(format, bytes, known).unwrap_or_else(|refused| panic!("{refused}")) {
        Imported::Plan(plan) => {
            known.learn(&plan);
            plan
        }
        Imported::SameFile(digest) => panic!("{digest} is known"),
    }
}

/// The words of a dry run.
pub fn shown(plan: &Plan) -> Vec<String> {
    plan.rows.iter().map(ToString::to_string).collect()
}
