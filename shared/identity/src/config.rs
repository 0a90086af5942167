//! The part of `payonce.toml` that says who may sign in and which role they get. Everything wrong is listed at once.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use openidconnect::url::{Host, Url};
use payonce_protocol::case::Role;
use payonce_protocol::config::ConfigError;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::client::{AuthMethod, SigningKey};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// `https://…`, letter for letter as the issuer writes itself; `http://` on a loopback host only.
    pub issuer: String,
    pub client_id: String,
    /// A reference such as `secretsmanager:…`. Without one the client is public, and PKCE alone binds the code to it. For
    /// `private_key_jwt` it leads to the private key, PKCS #8 in PEM.
    pub client_secret: Option<String>,
    /// As the client is registered at the issuer. With a secret, `client_secret_basic`.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// The `kid` under which the issuer knows the key of `private_key_jwt`, where it knows several.
    pub client_key_id: Option<String>,
    /// A reference, too. What it leads to has 32 random bytes or more.
    pub cookie_secret: String,
    /// A JSON pointer into the ID token. There is a list of texts, or one text that holds one or several, or nobody has a
    /// role. A `/` in the claim's own name is written `~1`.
    #[serde(default = "default_roles_claim")]
    pub roles_claim: String,
    /// Which values of the claim give which role.
    #[serde(deserialize_with = "roles")]
    pub roles: BTreeMap<Role, Vec<String>>,
    #[serde(default = "default_idle_minutes")]
    pub idle_minutes: u32,
    #[serde(default = "default_absolute_hours")]
    pub absolute_hours: u32,
}

fn default_roles_claim() -> String {
    "/roles".to_owned()
}

fn default_idle_minutes() -> u32 {
    20
}

fn default_absolute_hours() -> u32 {
    10
}

impl IdentityConfig {
    /// Everything that is wrong, by key below `[console.identity]`.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let mut say = |path: &str, problem: &str| problems.push(ConfigError::new(path, problem));
        if let Err(problem) = issuer_url(&self.issuer) {
            say("issuer", problem);
        }
        if self.client_id.trim().is_empty() {
            say("client_id", "is empty");
        }
        if self.client_secret.as_ref().is_some_and(|reference| reference.trim().is_empty()) {
            say("client_secret", "is empty; leave it out for a public client");
        }
        match (self.auth_method(self.client_secret.is_some()), &self.client_secret) {
            (AuthMethod::None, Some(_)) => say("token_endpoint_auth_method", "is none, and there is a client_secret"),
            (AuthMethod::None, None) | (_, Some(_)) => {}
            (_, None) => say("token_endpoint_auth_method", "needs a client_secret"),
        }
        if self.client_key_id.is_some() && self.token_endpoint_auth_method != Some(AuthMethod::PrivateKeyJwt) {
            say("client_key_id", "has no use without token_endpoint_auth_method = \"private_key_jwt\"");
        }
        if self.cookie_secret.trim().is_empty() {
            say("cookie_secret", "is empty");
        }
        if !is_pointer(&self.roles_claim) {
            say("roles_claim", "is not a JSON pointer such as /roles or /realm_access/roles");
        }
        if self.roles.is_empty() {
            say("roles", "gives nobody a role");
        }
        for (role, values) in &self.roles {
            let path = format!("roles.{role}");
            if values.is_empty() {
                say(&path, "names no value of the claim");
            }
            if values.iter().any(|value| value.trim().is_empty()) {
                say(&path, "has an empty value");
            }
        }
        if !(1..=120).contains(&self.idle_minutes) {
            say("idle_minutes", "is not between 1 and 120");
        }
        if !(1..=24).contains(&self.absolute_hours) {
            say("absolute_hours", "is not between 1 and 24");
        }
        if u64::from(self.idle_minutes) > u64::from(self.absolute_hours) * 60 {
            say("idle_minutes", "is longer than absolute_hours");
        }
        problems
    }

    /// How the token endpoint knows us.
    pub(crate) fn auth_method(&self, has_secret: bool) -> AuthMethod {
        let usual = if has_secret { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        self.token_endpoint_auth_method.unwrap_or(usual)
    }

    /// Whether what `client_secret` leads to can be used.
    pub fn check_client_secret(&self, secret: &str) -> Result<(), &'static str> {
        match self.auth_method(true) {
            AuthMethod::PrivateKeyJwt => SigningKey::parse(secret).map(drop),
            _ => Ok(()),
        }
    }

    pub fn idle_ms(&self) -> u64 {
        u64::from(self.idle_minutes) * 60_000
    }

    pub fn absolute_ms(&self) -> u64 {
        u64::from(self.absolute_hours) * 3_600_000
    }
}

fn is_pointer(text: &str) -> bool {
    // RFC 6901: `~` stands only in `~0` and `~1`.
    text.len() > 1 && text.starts_with('/') && text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn issuer_url(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment");
    }
    is_safe(&url)
}

/// Where a code, a secret or a person's browser may be sent.
pub(crate) fn is_safe(url: &Url) -> Result<(), &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("may use http:// on a loopback host only"),
        _ => Err("must begin with https:// (or http:// on a loopback host)"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Role, Vec<String>>, D::Error> {
    struct Roles;

    impl<'de> Visitor<'de> for Roles {
        type Value = BTreeMap<Role, Vec<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of roles, each with the values of the claim that give it")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut roles = BTreeMap::new();
            while let Some(name) = map.next_key::<String>()? {
                let Some(role) = Role::parse(&name) else {
                    let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
                    return Err(A::Error::custom(format!("unknown role `{name}`; there are {}", known.join(", "))));
                };
                if roles.insert(role, map.next_value()?).is_some() {
                    return Err(A::Error::custom(format!("role `{name}` stands twice")));
                }
            }
            Ok(roles)
        }
    }

    deserializer.deserialize_map(Roles)
}
