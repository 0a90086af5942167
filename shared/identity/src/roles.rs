//! Which roles a token gives: where the claim stands, in the shapes in which issuers send it, and why nobody has a role.
//!
//! A list of texts is what most send: Okta <https://developer.okta.com/docs/guides/customize-tokens-groups-claim/>, Entra ID
//! <https://learn.microsoft.com/en-us/security/zero-trust/develop/configure-tokens-group-claims-app-roles>, Cognito
//! (`cognito:groups`), Keycloak and, under a name with slashes, Auth0 <https://auth0.com/docs/tokens/create-namespaced-custom-claims>.
//! One text comes from AD FS for whoever is in one group, and from each mapping of a list onto a plain attribute, then with
//! white space, commas or brackets between the names.

use std::collections::BTreeSet;

use payonce_protocol::case::Role;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::IdentityConfig;

/// What was found instead of a role, at the place where roles should stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRole {
    Absent,
    /// Entra ID leaves the groups out when there are more than 200, and says where to ask for them
    /// <https://learn.microsoft.com/en-us/security/zero-trust/develop/configure-tokens-group-claims-app-roles>; others may, too
    /// <https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims>.
    Linked,
    Empty,
    OtherType,
    /// It names something, but nothing that the configuration names.
    NoneConfigured,
}

impl NoRole {
    pub const ALL: [Self; 5] = [Self::Absent, Self::Linked, Self::Empty, Self::OtherType, Self::NoneConfigured];

    /// The same for ever: logs are searched for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Linked => "linked",
            Self::Empty => "empty",
            Self::OtherType => "other_type",
            Self::NoneConfigured => "none_configured",
        }
    }
}

/// The roles, or else why there is none.
pub(crate) fn read(claims: &Value, config: &IdentityConfig) -> (BTreeSet<Role>, Option<NoRole>) {
    let is_known = |name: &str| config.roles.values().flatten().any(|wanted| wanted.trim() == name);
    let names = match claims.pointer(&config.roles_claim) {
        Some(Value::String(text)) => in_text(text, is_known),
        Some(Value::Array(list)) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            if texts.is_empty() && !list.is_empty() {
                return (BTreeSet::new(), Some(NoRole::OtherType));
            }
            // Each is one name, whatever separators it has.
            texts.into_iter().map(bare).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        None | Some(Value::Null) if is_linked(claims, &config.roles_claim) => {
            return (BTreeSet::new(), Some(NoRole::Linked));
        }
        None | Some(Value::Null) => return (BTreeSet::new(), Some(NoRole::Absent)),
        Some(_) => return (BTreeSet::new(), Some(NoRole::OtherType)),
    };
    let gives = |wanted: &String| names.iter().any(|name| name == wanted.trim());
    let given = config.roles.iter().filter(|(_, wanted)| wanted.iter().any(gives));
    let roles: BTreeSet<Role> = given.map(|(role, _)| *role).collect();
    let why = match (roles.is_empty(), names.is_empty()) {
        (false, _) => None,
        (true, true) => Some(NoRole::Empty),
        (true, false) => Some(NoRole::NoneConfigured),
    };
    (roles, why)
}

/// The names in one text. As a whole first, since a name may have a space or a comma; then the strongest separator alone, so
/// that no part of a name becomes one.
fn in_text(text: &str, is_known: impl Fn(&str) -> bool) -> Vec<String> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).trim();
    if let Some(known) = [text, bare(text), bare(inner)].into_iter().find(|text| is_known(text)) {
        return vec![known.to_owned()];
    }
    if let Ok(list) = serde_json::from_str::<Vec<String>>(&format!("[{inner}]")) {
        return list.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    }
    let parts: Vec<&str> =
        if inner.contains(',') { inner.split(',').collect() } else { inner.split_whitespace().collect() };
    parts.into_iter().map(bare).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Without white space, and without one pair of quotes, around it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    unquoted.unwrap_or(text).trim()
}

/// Whether the issuer says that this claim is elsewhere.
fn is_linked(claims: &Value, pointer: &str) -> bool {
    let name = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
    let name = name.replace("~1", "/").replace("~0", "~");
    let is_elsewhere = claims.get("_claim_names").is_some_and(|names| names.get(&name).is_some());
    // Entra ID's shorter word for it, in the implicit flow.
    let has_groups = matches!(claims.get("hasgroups"), Some(Value::Bool(true)))
        || claims.get("hasgroups").and_then(Value::as_str) == Some("true");
    is_elsewhere || (name == "groups" && has_groups)
}
