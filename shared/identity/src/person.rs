//! A person as an ID token describes them: who, what to call them, and which roles the configuration gives them.

use std::collections::BTreeSet;
use std::fmt;

use payonce_protocol::case::Role;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{IdentityConfig, NoRole, roles};

/// OpenID Connect's own bound, and what a table's key has room for.
const SUBJECT_BYTES: usize = 255;
const NAME_CHARS: usize = 80;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// With the issuer it identifies the person, for ever. It may be an address: do not log it.
    pub subject: String,
    /// For display alone: two people may have the same one.
    pub name: String,
    #[serde(serialize_with = "write_roles", deserialize_with = "read_roles")]
    pub roles: BTreeSet<Role>,
    /// Why there is none, when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_role: Option<NoRole>,
}

/// Names stay out of logs, also by accident.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("roles", &self.roles).finish_non_exhaustive()
    }
}

impl Person {
    /// None when the claims name nobody that could be written into a record.
    pub(crate) fn from_claims(claims: &Value, config: &IdentityConfig) -> Option<Self> {
        let subject = claims.get("sub")?.as_str()?;
        if subject.trim().is_empty() || subject.len() > SUBJECT_BYTES || subject.chars().any(is_invisible) {
            return None;
        }
        let name = ["name", "preferred_username", "email"]
            .iter()
            .filter_map(|claim| claims.get(claim)?.as_str())
            .map(displayable)
            .find(|name| !name.is_empty())
            .unwrap_or_else(|| displayable(subject));
        let (roles, no_role) = roles::read(claims, config);
        Some(Self { subject: subject.to_owned(), name, roles, no_role })
    }
}

fn displayable(text: &str) -> String {
    let visible: String = text.chars().filter(|char| !is_invisible(*char)).take(NAME_CHARS).collect();
    visible.trim().to_owned()
}

/// Control characters, and those that turn or hide text: an approver must read the name that is there.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn write_roles<S: Serializer>(roles: &BTreeSet<Role>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(roles.iter().map(|role| role.as_str()))
}

fn read_roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<Role>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|name| Role::parse(name).ok_or_else(|| D::Error::custom("unknown role")))
        .collect()
}
