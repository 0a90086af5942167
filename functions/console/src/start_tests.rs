//! The console's start with secrets from variables: what it refuses, what it reads, and that no secret is repeated.

use std::sync::Mutex;

use payonce_ledger::Credentials;
use payonce_runtime::clock::Clock;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::SecretReader;
use payonce_runtime::start::Duty;

use super::*;

const STACK: &str = r#"
[providers.stripe]
scheme = "stripe"
secrets = ["env:SIGNING"]

[rail]
kind = "stripe"
account = "acct_1Payonce"
url = "https://api.stripe.com"
secret = "env:PAYING"
lookup_secret = "env:LOOKING"
"#;

const CONSOLE: &str = r#"
[console.identity]
issuer = "https://issuer.example"
client_id = "payonce"
client_secret = "env:CLIENT"
cookie_secret = "env:COOKIES"

[console.identity.roles]
viewer = ["finance"]
"#;

const COOKIES: &str = "planted-cookie-secret-of-more-than-32-bytes";

/// Starts it; what went wrong, and the secrets that were read.
async fn start(console: &str, origin: &str, cookies: &str) -> (Result<App, StartError>, Vec<String>) {
    let environment = Environment::planted(&[("PAYONCE_ORIGIN", origin)]).unwrap();
    let asked = Arc::new(Mutex::new(vec![]));
    let (asking, cookies) = (asked.clone(), cookies.to_owned());
    let reader = SecretReader::with_variables(&environment, move |name| {
        asking.lock().unwrap().push(name.to_owned());
        Some(if name == "COOKIES" { cookies.clone() } else { format!("rk_test_{name}") })
    });
    let config = Config::parse(&format!("{STACK}{console}")).unwrap();
    let credentials = Credentials::Given { key_id: "none".to_owned(), secret: "none".to_owned() };
    let clock = Clock::manual(0);
    let metrics = Metrics::captured(clock.clone()).0;
    let started = Started::of(Duty::Show, environment, config, reader, credentials, clock, metrics).await.unwrap();
    let app = App::start(started.narrowed()).await;
    let asked = asked.lock().unwrap();
    (app, asked.clone())
}

async fn refused(console: &str, origin: &str, cookies: &str) -> String {
    start(console, origin, cookies).await.0.err().unwrap().to_string()
}

#[tokio::test]
async fn console_reads_its_own_secrets_alone() {
    let (app, asked) = start(CONSOLE, "https://pay.example", COOKIES).await;
    let app = app.unwrap_or_else(|error| panic!("{error}"));
    assert!(!app.parts.is_sandbox, "nothing here is a game");
    assert_eq!(app.parts.namespaces["stripe"], "stripe");
    assert_eq!(asked, ["LOOKING", "COOKIES", "CLIENT"]);
    let public = CONSOLE.replace("client_secret = \"env:CLIENT\"\n", "");
    assert_eq!(start(&public, "https://pay.example", COOKIES).await.1, ["LOOKING", "COOKIES"]);
}

#[tokio::test]
async fn refuses_to_start_without_an_issuer_or_its_own_address() {
    assert!(refused("", "https://pay.example", COOKIES).await.contains("console: is missing"));
    assert!(refused(CONSOLE, "", COOKIES).await.contains("PAYONCE_ORIGIN: is not set"));
}

#[tokio::test]
async fn refuses_a_weak_cookie_secret_without_showing_it() {
    for (cookies, why) in [("planted", "32 bytes"), ("", "is empty"), ("[\"a\",\"planted\"]", "several")] {
        let problem = refused(CONSOLE, "https://pay.example", cookies).await;
        assert!(problem.contains("env:COOKIES") && problem.contains(why), "{problem}");
        assert!(!problem.contains("planted"), "{problem}");
    }
}

#[tokio::test]
async fn a_client_key_that_cannot_sign_stops_the_start_and_is_not_shown() {
    let signs = CONSOLE.replace("client_id", "token_endpoint_auth_method = \"private_key_jwt\"\nclient_id");
    let problem = refused(&signs, "https://pay.example", COOKIES).await;
    assert!(problem.contains("env:CLIENT") && problem.contains("PKCS #8"), "{problem}");
    assert!(!problem.contains("rk_test"), "{problem}");
}

#[test]
fn refuses_a_secret_in_place_of_its_reference_without_repeating_it() {
    let problems = |console: &str| {
        let config = Config::parse(&format!("{STACK}{console}")).unwrap();
        ConsoleConfig::of(&config).err().unwrap_or_default()
    };
    let wrong = CONSOLE
        .replace("env:CLIENT", "planted-client")
        .replace("env:COOKIES", "planted-cookies")
        .replace("https://issuer", "http://issuer");
    let found = problems(&wrong);
    let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
    let at = ["issuer", "cookie_secret", "client_secret"].map(|key| format!("console.identity.{key}"));
    assert_eq!(paths, at);
    assert!(!format!("{found:?}").contains("planted"));
    assert_eq!(problems(&CONSOLE.replace("env:COOKIES", "")).len(), 1, "empty is one problem, not two");
    assert_eq!(problems(&CONSOLE.replace("client_id", "clientid")).len(), 1);
    assert!(problems(CONSOLE).is_empty() && problems("").is_empty());
}

/// Whoever deploys it changes the issuer; everything else must already be usable.
#[test]
fn deployed_configuration_has_a_console() {
    let config = Config::built_in().unwrap();
    assert!(ConsoleConfig::of(&config).unwrap().is_some());
    assert!(config.lookup_secret().is_some() && config.sources().unwrap().is_empty());
}

#[test]
fn example_of_a_source_can_be_used() {
    let text = include_str!("../../../infra/payonce.toml");
    let (rest, source) = text.split_once("# [sources.stripe]").unwrap();
    let config = Config::parse(&format!("{rest}[sources.stripe]{}", source.replace("\n# ", "\n"))).unwrap();
    assert!(config.sources().unwrap().contains_key("stripe"));
}
