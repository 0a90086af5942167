//! Which format a file is read in: the one that somebody named, or the one that its first bytes show. Nothing is tried out.

use std::collections::BTreeMap;

use payonce_protocol::config::ConfigError;
use thiserror::Error;

use crate::Format;
use crate::charset::Charset;
use crate::config::StatementConfig;

/// `[statements]` of the configuration, by name.
pub type Described = BTreeMap<String, StatementConfig>;

/// Names that need no description.
pub const PLAIN: [&str; 3] = ["camt", "mt940", "bai2"];

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotChosen {
    #[error("how it begins does not show what it is written in")]
    NotShown,
    #[error("no format has this name")]
    Unknown,
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// `begins`: at least the first line of the file.
pub fn chosen(name: Option<&str>, begins: &[u8], described: &Described) -> Result<Format, NotChosen> {
    let Some(name) = name else { return as_it_begins(begins).ok_or(NotChosen::NotShown) };
    match name {
        "camt" => Ok(Format::Camt),
        "mt940" => Ok(Format::Mt940(Charset::default())),
        "bai2" => Ok(Format::Bai2(Charset::default())),
        name => {
            let described = described.get(name).ok_or(NotChosen::Unknown)?;
            Ok(described.format().map_err(|found| found.below(&format!("statements.{name}")))?)
        }
    }
}

fn as_it_begins(bytes: &[u8]) -> Option<Format> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match text {
        [b'<', ..] => Some(Format::Camt),
        [b'{', b'1', b':', ..] | [b':', b'2', b'0', b':', ..] => Some(Format::Mt940(Charset::default())),
        [b'0', b'1', b',', ..] => Some(Format::Bai2(Charset::default())),
        _ => None,
    }
}
