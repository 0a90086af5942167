//! The environment of a function, read once at start. Everything that is wrong with it is reported together, by name.
//!
//! No variable can change how often a request is sent: the clients are built from this struct alone. A variable can say
//! where they send it, so an endpoint other than AWS's must be on loopback: elsewhere a claim would guard nothing.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use aws_credential_types::Credentials;

use crate::telemetry::Level;

/// All that a function learns from its environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Path of `payonce.toml`; without one the configuration that was compiled in.
    pub config: Option<PathBuf>,
    pub audit_table: String,
    pub bodies_table: String,
    pub reconcile_table: String,
    /// Which provider a webhook function serves; the other functions have none.
    pub provider: Option<String>,
    /// What the names of the stack's functions begin with, for retry-audit.
    pub stack: Option<String>,
    /// What the stack was deployed with, for retry-audit.
    pub expected: Option<String>,
    /// Where notices go.
    pub notices_bus: Option<String>,
    /// What browsers call the console, as its pages and the issuer must know it.
    pub origin: Option<String>,
    pub region: String,
    pub credentials: Credentials,
    pub endpoints: Endpoints,
    pub log: Level,
}

/// Endpoints on a loopback host, in place of AWS's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    pub dynamodb: Option<String>,
    pub secrets_manager: Option<String>,
    /// Of every service that has none of its own.
    pub others: Option<String>,
}

/// Every problem of an environment: the variable, and what is wrong. Values are never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct EnvironmentError {
    pub problems: Vec<(&'static str, &'static str)>,
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment cannot be used")?;
        self.problems.iter().try_for_each(|(name, problem)| write!(f, "; {name} {problem}"))
    }
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn of_this_process() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// For tests: what every function has, with dummy credentials, and `more`.
    pub fn planted(more: &[(&str, &str)]) -> Result<Self, EnvironmentError> {
        let planted = [
            ("PAYONCE_AUDIT_TABLE", "payonce-audit"),
            ("PAYONCE_BODIES_TABLE", "payonce-bodies"),
            ("PAYONCE_RECONCILE_TABLE", "payonce-reconcile"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDPLANTED"),
            ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
            ("AWS_SESSION_TOKEN", "planted-token"),
        ];
        Self::read(|name| {
            let found = more.iter().chain(&planted).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// `vars` looks a variable up; an empty one counts as not set.
    pub fn read(vars: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let mut reader = Variables { vars, problems: vec![] };
        let environment = Self {
            config: reader.optional("PAYONCE_CONFIG").map(PathBuf::from),
            audit_table: reader.table("PAYONCE_AUDIT_TABLE"),
            bodies_table: reader.table("PAYONCE_BODIES_TABLE"),
            reconcile_table: reader.table("PAYONCE_RECONCILE_TABLE"),
            provider: reader.optional("PAYONCE_PROVIDER"),
            stack: reader.optional("PAYONCE_STACK"),
            expected: reader.optional("PAYONCE_EXPECTED"),
            notices_bus: reader.optional("PAYONCE_NOTICES_BUS"),
            origin: reader.origin("PAYONCE_ORIGIN"),
            region: reader.required("AWS_REGION"),
            credentials: reader.credentials(),
            endpoints: reader.endpoints(),
            log: reader.level(),
        };
        reader.distinct_tables(&environment);
        if reader.problems.is_empty() { Ok(environment) } else { Err(EnvironmentError { problems: reader.problems }) }
    }
}

struct Variables<V> {
    vars: V,
    problems: Vec<(&'static str, &'static str)>,
}

impl<V: Fn(&str) -> Option<String>> Variables<V> {
    fn optional(&self, name: &str) -> Option<String> {
        (self.vars)(name).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &'static str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push((name, "is not set"));
            String::new()
        })
    }

    /// DynamoDB's rule for names.
    fn table(&mut self, name: &'static str) -> String {
        let table = self.required(name);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let fits = (3..=255).contains(&table.len()) && table.bytes().all(allowed);
        if !fits && !table.is_empty() {
            self.problems.push((name, "is not a table name (3 to 255 of a-z, A-Z, 0-9, _, - and .)"));
        }
        table
    }

    /// The bodies expire and the cases change; a claim may do neither.
    fn distinct_tables(&mut self, environment: &Environment) {
        let Environment { audit_table, bodies_table, reconcile_table, .. } = environment;
        if bodies_table == audit_table && !audit_table.is_empty() {
            self.problems.push(("PAYONCE_BODIES_TABLE", "is the audit table"));
        }
        if (reconcile_table == audit_table || reconcile_table == bodies_table) && !reconcile_table.is_empty() {
            self.problems.push(("PAYONCE_RECONCILE_TABLE", "is one of the other tables"));
        }
    }

    /// Lambda gives every function the credentials of its role this way; no other source is asked.
    fn credentials(&mut self) -> Credentials {
        let id = self.required("AWS_ACCESS_KEY_ID");
        let secret = self.required("AWS_SECRET_ACCESS_KEY");
        Credentials::new(id, secret, self.optional("AWS_SESSION_TOKEN"), None, "environment")
    }

    fn endpoints(&mut self) -> Endpoints {
        let of_all = self.endpoint("AWS_ENDPOINT_URL");
        Endpoints {
            dynamodb: self.endpoint("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| of_all.clone()),
            secrets_manager: self.endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| of_all.clone()),
            others: of_all,
        }
    }

    fn endpoint(&mut self, name: &'static str) -> Option<String> {
        let url = self.optional(name)?;
        if !is_on_this_machine(&url) {
            self.problems.push((name, "is not a URL of a loopback host; AWS's own endpoints need no variable"));
        }
        Some(url)
    }

    fn origin(&mut self, name: &'static str) -> Option<String> {
        let origin = self.optional(name)?;
        if !is_origin(&origin) {
            let problem =
                "is not https:// and a host, in lower case and with nothing after it (http:// on loopback only)";
            self.problems.push((name, problem));
        }
        Some(origin)
    }

    fn level(&mut self) -> Level {
        let set =
            ["PAYONCE_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| Some((name, self.optional(name)?)));
        let Some((name, level)) = set else {
            return Level::default();
        };
        Level::parse(&level).unwrap_or_else(|| {
            self.problems.push((name, "is not one of error, warn, info, debug (trace would log raw bodies)"));
            Level::default()
        })
    }
}

/// `http://` or `https://`, a loopback host, perhaps a port, and nothing that could hide another host. `localhost` is
/// the only name: what others resolve to is not ours to know.
fn is_on_this_machine(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return false;
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.bytes().any(|byte| !byte.is_ascii_digit()) || port.parse::<u16>().is_err()) {
        return false;
    }
    let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse().map(IpAddr::V6),
        None => host.parse().map(IpAddr::V4),
    };
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// As a browser writes it in its `Origin` header: both are compared letter for letter.
fn is_origin(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    let (authority, default_port) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(authority), _) => (authority, "443"),
        (None, Some(authority)) => (authority, "80"),
        (None, None) => return false,
    };
    let (host, port) = authority.rsplit_once(':').filter(|_| !authority.ends_with(']')).unwrap_or((authority, "1"));
    let is_port = port.parse::<u16>().is_ok() && port != default_port;
    let is_written_so = !host.is_empty() && authority.bytes().all(plain) && is_port;
    // https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    let is_here = || is_on_this_machine(text) || host.ends_with(".localhost");
    is_written_so && (text.starts_with("https://") || is_here())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(changed: &[(&str, &str)]) -> Vec<&'static str> {
        Environment::planted(changed)
            .map_or_else(|error| error.problems.iter().map(|(name, _)| *name).collect(), |_| vec![])
    }

    #[test]
    fn reads_a_plain_environment() {
        let environment =
            Environment::planted(&[("PAYONCE_PROVIDER", "stripe"), ("PAYONCE_CONFIG", "/var/task/payonce.toml")])
                .unwrap();
        assert_eq!(environment.config, Some(PathBuf::from("/var/task/payonce.toml")));
        assert_eq!(environment.audit_table, "payonce-audit");
        assert_eq!(environment.bodies_table, "payonce-bodies");
        assert_eq!(environment.reconcile_table, "payonce-reconcile");
        assert_eq!(environment.provider.as_deref(), Some("stripe"));
        assert_eq!(environment.region, "eu-central-1");
        assert_eq!(environment.credentials.session_token(), Some("planted-token"));
        assert_eq!(environment.endpoints, Endpoints::default());
        assert_eq!(environment.log, Level::Info);
    }

    #[test]
    fn refuses_an_origin_that_no_browser_would_send() {
        let https =
            ["https://pay.example", "https://a1.execute-api.eu-central-1.amazonaws.com", "https://pay.example:8443"];
        let here =
            ["http://127.0.0.1:4242", "http://localhost", "http://[::1]:4242", "http://a1.execute-api.localhost:4566"];
        for origin in https.into_iter().chain(here) {
            assert_eq!(problems(&[("PAYONCE_ORIGIN", origin)]), [""; 0], "{origin}");
        }
        for wrong in [
            "pay.example",
            "http://pay.example",
            "https://pay.example/",
            "https://pay.example/console",
            "https://Pay.example",
            "https://me@pay.example",
            "https://pay.example:",
            "https://pay.example:https",
            "https://pay.example:443",
            "http://localhost:80",
            "https://",
            "ftp://localhost",
            "http://localhost.example",
            "http://127.0.0.1@pay.example",
            "https://pay.example?x",
        ] {
            assert_eq!(problems(&[("PAYONCE_ORIGIN", wrong)]), ["PAYONCE_ORIGIN"], "{wrong}");
        }
        assert_eq!(Environment::planted(&[]).unwrap().origin, None);
    }

    #[test]
    fn tells_all_problems_at_once() {
        let error = Environment::read(|_| None).unwrap_err();
        let names: Vec<&str> = error.problems.iter().map(|(name, _)| *name).collect();
        let mut found = names.clone();
        found.sort_unstable();
        let required = [
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "PAYONCE_AUDIT_TABLE",
            "PAYONCE_BODIES_TABLE",
            "PAYONCE_RECONCILE_TABLE",
        ];
        assert_eq!(found, required);
        assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
    }

    #[test]
    fn empty_variable_counts_as_missing() {
        assert_eq!(problems(&[("AWS_REGION", "")]), ["AWS_REGION"]);
        assert_eq!(Environment::planted(&[("PAYONCE_PROVIDER", "")]).unwrap().provider, None);
    }

    #[test]
    fn refuses_endpoints_off_this_machine() {
        for elsewhere in [
            "http://evil.example",
            "https://dynamodb.eu-central-1.amazonaws.com",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:80@evil.example",
            "http://localhost.evil.example",
            "http://evil.example/127.0.0.1",
            "http://evil.example#localhost",
            "http://127.0.0.1/../evil",
            "http://127.0.0.1:8000:1",
            "http://127.0.0.1:+80",
            "http://169.254.169.254",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]",
            "http://[::1].evil.example",
            "http://::1",
            "http://",
            "ftp://127.0.0.1",
            "127.0.0.1:8000",
            "http://2130706433",
            " http://127.0.0.1",
        ] {
            for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER"] {
                assert_eq!(problems(&[(name, elsewhere)]), [name], "{elsewhere}");
            }
        }
    }

    #[test]
    fn accepts_loopback_endpoints() {
        for here in [
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/",
            "https://localhost",
            "http://localhost:4566",
            "http://[::1]:8000",
            "http://[::1]",
            "http://127.1.2.3:1",
        ] {
            let endpoints = Environment::planted(&[("AWS_ENDPOINT_URL", here)]).unwrap().endpoints;
            assert_eq!(endpoints.dynamodb.as_deref(), Some(here));
            assert_eq!(endpoints.secrets_manager.as_deref(), Some(here));
        }
        let both = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:2")];
        let endpoints = Environment::planted(&both).unwrap().endpoints;
        assert_eq!(endpoints.dynamodb.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoints.secrets_manager.as_deref(), Some("http://127.0.0.1:1"));
    }

    #[test]
    fn refuses_a_table_name_that_is_wrong_or_used_twice() {
        for wrong in ["ab", "pay once", "payonce/audit"] {
            assert_eq!(problems(&[("PAYONCE_AUDIT_TABLE", wrong)]), ["PAYONCE_AUDIT_TABLE"], "{wrong}");
        }
        assert_eq!(problems(&[("PAYONCE_BODIES_TABLE", "payonce-audit")]), ["PAYONCE_BODIES_TABLE"]);
        assert_eq!(problems(&[("PAYONCE_RECONCILE_TABLE", "payonce-bodies")]), ["PAYONCE_RECONCILE_TABLE"]);
    }

    #[test]
    fn refuses_trace_from_lambda_and_from_us() {
        for name in ["PAYONCE_LOG", "AWS_LAMBDA_LOG_LEVEL"] {
            assert_eq!(problems(&[(name, "TRACE")]), [name]);
        }
        let both = [("PAYONCE_LOG", "debug"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")];
        assert_eq!(Environment::planted(&both).unwrap().log, Level::Debug);
        assert_eq!(Environment::planted(&both[1..]).unwrap().log, Level::Warn);
    }

    #[test]
    fn debug_and_errors_show_no_secret() {
        let environment = Environment::planted(&[("AWS_SESSION_TOKEN", "planted-token")]).unwrap();
        let shown = format!("{environment:?}");
        assert!(!shown.contains("planted-secret") && !shown.contains("planted-token"), "{shown}");
        let error = Environment::planted(&[("AWS_ENDPOINT_URL", "http://user:planted@evil.example")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"));
    }
}
