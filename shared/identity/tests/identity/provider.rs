//! Against npm's oidc-provider, over HTTP and with cookies, as a browser would.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::FutureExt;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http_body_util::{BodyExt, Full};
use openidconnect::url::{Url, form_urlencoded};
use payonce_identity::{
    Fetch, FetchError, IdentityConfig, IdentityError, Issuer, Person, Purpose, Role, SignedIn, TokenRule,
};
use payonce_runtime::clock::Clock;
use serde_json::{Value, json};

const BACK: &str = "http://127.0.0.1:9/signed-in";
const SECRET: &str = "100% odd & long: a client's secret /+=";

struct Provider {
    child: Child,
    url: String,
}

impl Provider {
    /// Ends with us, and at the latest when our end of its standard input is closed.
    fn start(arguments: &[&str]) -> Self {
        let modules = payonce_tools::OIDC_NODE.path();
        let provider = modules.join("oidc-provider/package.json");
        assert!(
            provider.exists(),
            "{} is missing: `npm ci` in shared/identity/tests/oidc makes it",
            provider.display()
        );
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/issuer.mjs"))
            .args(["--until-stdin-ends", "--redirect", BACK])
            .args(arguments)
            .env(payonce_tools::OIDC_NODE.variable, &modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node does not start: it must be in PATH");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("issuer.mjs says where it listens");
        Self { child, url: said["issuer"].as_str().unwrap().to_owned() }
    }

    fn config(&self) -> IdentityConfig {
        let config: IdentityConfig = serde_json::from_value(json!({
            "issuer": self.url, "client_id": "console", "cookie_secret": "env:COOKIES",
            "roles": {
                "viewer": ["finance-viewers"], "analyst": ["finance-analysts"], "approver": ["finance-approvers"],
                "auditor": ["auditors"],
            },
        }))
        .unwrap();
        assert!(config.check().is_empty());
        config
    }

    fn console(&self, secret: Option<&str>) -> Issuer {
        Issuer::new(&self.config(), secret.map(str::to_owned), BACK.to_owned(), fetch(), Clock::system())
    }

    fn console_by(&self, method: &str, secret: &str) -> Issuer {
        let mut config = self.config();
        config.token_endpoint_auth_method = Some(serde_json::from_value(json!(method)).unwrap());
        config.client_secret = Some("env:CLIENT".to_owned());
        assert!(config.check().is_empty() && config.check_client_secret(secret).is_ok());
        Issuer::new(&config, Some(secret.to_owned()), BACK.to_owned(), fetch(), Clock::system())
    }

    /// Knows the issuer's name and nothing else.
    fn payer(&self) -> Issuer {
        Issuer::new(&self.config(), None, String::new(), fetch(), Clock::system())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn exchange(request: http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().unwrap().to_string();
    parts.headers.insert(HOST, authority.parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let task = tokio::spawn(connection);
    let request = http::Request::from_parts(parts, Full::new(Bytes::from(body)));
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    task.abort();
    http::Response::from_parts(parts, body)
}

fn fetch() -> Fetch {
    Arc::new(|request| exchange(request).map(Ok::<_, FetchError>).boxed())
}

/// Cookies by path, redirects, and the two forms of the provider's own pages.
#[derive(Default)]
struct Browser {
    cookies: Vec<(String, String, String)>,
    passwords_entered: usize,
}

impl Browser {
    async fn send(&mut self, url: &Url, form: Option<String>) -> http::Response<Vec<u8>> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|(_, path, _)| url.path().starts_with(path))
            .map(|(name, _, value)| format!("{name}={value}"))
            .collect();
        let request = http::Request::builder()
            .method(if form.is_some() { "POST" } else { "GET" })
            .uri(url.as_str())
            .header(COOKIE, cookies.join("; "))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = exchange(request.body(form.unwrap_or_default().into_bytes()).unwrap()).await;
        for set in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie::Cookie::parse(set.to_str().unwrap().to_owned()).unwrap();
            let (name, path) = (cookie.name().to_owned(), cookie.path().unwrap_or("/").to_owned());
            self.cookies.retain(|(old, at, _)| (old, at) != (&name, &path));
            if !cookie.value().is_empty() {
                self.cookies.push((name, path, cookie.value().to_owned()));
            }
        }
        answer
    }

    /// The query with which the browser comes back, after this person entered their name wherever it was asked.
    async fn walk(&mut self, url: &str, login: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        let mut form = None;
        for _ in 0..20 {
            let answer = self.send(&url, form.take()).await;
            if let Some(location) = answer.headers().get(LOCATION) {
                url = url.join(location.to_str().unwrap()).unwrap();
                if url.as_str().starts_with(BACK) {
                    return url.query().unwrap().to_owned();
                }
                continue;
            }
            let page = String::from_utf8(answer.body().clone()).unwrap();
            assert_eq!(answer.status(), 200, "{page}");
            let prompt = between(&page, "name=\"prompt\" value=\"", "\"");
            let mut fields = form_urlencoded::Serializer::new(String::new());
            fields.append_pair("prompt", prompt);
            if prompt == "login" {
                fields.append_pair("login", login).append_pair("password", "anything");
                self.passwords_entered += 1;
            }
            form = Some(fields.finish());
            url = url.join(between(&page, "action=\"", "\"")).unwrap();
        }
        panic!("the way to the issuer and back has no end");
    }

    async fn sign_in(&mut self, console: &Issuer, purpose: &Purpose, login: &str) -> Result<SignedIn, IdentityError> {
        let (url, kept) = console.begin(purpose).await?;
        let query = self.walk(&url, login).await;
        console.finish(&kept, &query).await
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap_or_else(|| panic!("no {from} in {text}")).0
}

fn who(person: &Person) -> (&str, &str, Vec<Role>) {
    (&person.subject, &person.name, person.roles.iter().copied().collect())
}

#[tokio::test]
async fn each_person_signs_in_with_their_own_roles() {
    let provider = Provider::start(&[]);
    let console = provider.console(None);
    for (login, name, roles) in [
        ("ada", "Ada Analyst", vec![Role::Analyst]),
        ("ben", "Ben Approver", vec![Role::Approver]),
        ("dee", "Dee Approver", vec![Role::Approver]),
        ("eve", "Eve Viewer", vec![Role::Viewer]),
        ("olu", "Olu Auditor", vec![Role::Auditor]),
        ("nik", "Nik Nobody", vec![]),
    ] {
        let signed_in = Browser::default().sign_in(&console, &Purpose::SignIn, login).await.unwrap();
        assert_eq!(who(&signed_in.person), (login, name, roles));
    }
    assert_eq!(console.origin().await.unwrap(), provider.url);
    let out = console.end_session().await.unwrap().unwrap();
    assert!(out.starts_with(&format!("{}/session/end?client_id=", provider.url)), "{out}");
}

#[tokio::test]
async fn signs_in_with_each_algorithm_and_refuses_a_wrong_secret() {
    for (arguments, secret) in [
        (vec!["--alg", "PS256", "--secret", SECRET], Some(SECRET)),
        (vec!["--alg", "ES256"], None),
        (vec!["--alg", "EdDSA"], None),
    ] {
        let provider = Provider::start(&arguments);
        let signed_in = Browser::default().sign_in(&provider.console(secret), &Purpose::SignIn, "ada").await;
        assert_eq!(signed_in.unwrap().person.subject, "ada", "{arguments:?}");
        let other = secret.map_or(Some("a secret where there is none"), |_| Some("another secret"));
        let refused = Browser::default().sign_in(&provider.console(other), &Purpose::SignIn, "ada").await;
        assert_eq!(refused.unwrap_err(), IdentityError::CodeRefused, "{arguments:?}");
    }
}

/// A private key as OpenSSL writes it, and the public one as a JWK.
fn keys(kind: &str, options: &str) -> (String, String) {
    let script = format!(
        "const {{ privateKey, publicKey }} = require('node:crypto').generateKeyPairSync('{kind}', {options}); \
         console.log(JSON.stringify([privateKey.export({{ type: 'pkcs8', format: 'pem' }}), \
         JSON.stringify(publicKey.export({{ format: 'jwk' }}))]))"
    );
    let said = Command::new("node").args(["-e", &script]).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    serde_json::from_slice(&said.stdout).unwrap()
}

#[tokio::test]
async fn a_certified_issuer_takes_each_way_in_which_the_client_proves_itself() {
    let provider = Provider::start(&["--auth", "client_secret_post", "--secret", SECRET]);
    let signed_in =
        Browser::default().sign_in(&provider.console_by("client_secret_post", SECRET), &Purpose::SignIn, "ada").await;
    assert_eq!(signed_in.unwrap().person.subject, "ada");
    let other = provider.console_by("client_secret_post", "another secret");
    let refused = Browser::default().sign_in(&other, &Purpose::SignIn, "ada").await;
    assert_eq!(refused.unwrap_err(), IdentityError::CodeRefused);
    for (kind, options) in [("rsa", "{ modulusLength: 2048 }"), ("ec", "{ namedCurve: 'P-256' }")] {
        let (ours, jwk) = keys(kind, options);
        let provider = Provider::start(&["--jwk", &jwk]);
        let console = provider.console_by("private_key_jwt", &ours);
        let signed_in = Browser::default().sign_in(&console, &Purpose::SignIn, "ada").await;
        assert_eq!(signed_in.unwrap().person.subject, "ada", "{kind}");
        let other = provider.console_by("private_key_jwt", &keys(kind, options).0);
        let refused = Browser::default().sign_in(&other, &Purpose::SignIn, "ada").await;
        assert_eq!(refused.unwrap_err(), IdentityError::CodeRefused, "{kind}");
    }
}

#[tokio::test]
async fn a_method_that_the_certified_issuer_does_not_offer_is_said_at_once() {
    let provider = Provider::start(&["--secret", SECRET, "--only"]);
    let console = provider.console_by("client_secret_post", SECRET);
    assert_eq!(console.begin(&Purpose::SignIn).await.unwrap_err(), IdentityError::AuthMethod);
    assert!(provider.console_by("client_secret_basic", SECRET).begin(&Purpose::SignIn).await.is_ok());
}

#[tokio::test]
async fn confirmation_asks_for_the_password_again() {
    let provider = Provider::start(&[]);
    let (console, payer) = (provider.console(None), provider.payer());
    let mut browser = Browser::default();
    browser.sign_in(&console, &Purpose::SignIn, "ben").await.unwrap();
    assert_eq!(browser.passwords_entered, 1);
    // A second window: the issuer knows him.
    browser.sign_in(&console, &Purpose::SignIn, "ben").await.unwrap();
    assert_eq!(browser.passwords_entered, 1);

    let nonce = "a-hash-of-what-is-approved";
    let purpose = Purpose::Confirm { nonce: nonce.to_owned() };
    let confirmed = browser.sign_in(&console, &purpose, "ben").await.unwrap();
    assert_eq!(browser.passwords_entered, 2);
    let now = Clock::system().now();
    assert!(confirmed.auth_time.is_some_and(|at| now.abs_diff(at) < 60_000));

    let rule = TokenRule { at_most_ms: 60_000, expired_is_fine: false };
    let person = payer.verify(&confirmed.id_token, nonce, rule).await.unwrap();
    assert_eq!(who(&person), ("ben", "Ben Approver", vec![Role::Approver]));
    let other = payer.verify(&confirmed.id_token, "a-hash-of-something-else", rule).await;
    assert_eq!(other.unwrap_err(), IdentityError::TokenNonce);
}

#[tokio::test]
async fn plain_sign_in_confirms_no_payout() {
    let provider = Provider::start(&[]);
    let (console, payer) = (provider.console(None), provider.payer());
    let (url, kept) = console.begin(&Purpose::SignIn).await.unwrap();
    let query = Browser::default().walk(&url, "ben").await;
    let signed_in = console.finish(&kept, &query).await.unwrap();
    let nonce = serde_json::to_value(&kept).unwrap()["nonce"].as_str().unwrap().to_owned();
    let rule = TokenRule { at_most_ms: 60_000, expired_is_fine: true };
    // The token says nothing of when he entered his password.
    assert_eq!(payer.verify(&signed_in.id_token, &nonce, rule).await.unwrap_err(), IdentityError::NotFresh);
}

#[tokio::test]
async fn refuses_a_code_twice_or_for_another_sign_in() {
    let provider = Provider::start(&[]);
    let console = provider.console(None);
    let (url, kept) = console.begin(&Purpose::SignIn).await.unwrap();
    let query = Browser::default().walk(&url, "ada").await;
    let (_, other) = console.begin(&Purpose::SignIn).await.unwrap();
    assert_eq!(console.finish(&other, &query).await.unwrap_err(), IdentityError::OtherState);
    // A stolen code, by somebody who knows the state, too: PKCE binds it to whoever began.
    let mut stolen = serde_json::to_value(&other).unwrap();
    stolen["state"] = serde_json::to_value(&kept).unwrap()["state"].clone();
    let stolen = serde_json::from_value(stolen).unwrap();
    assert_eq!(console.finish(&stolen, &query).await.unwrap_err(), IdentityError::CodeRefused);

    let (url, kept) = console.begin(&Purpose::SignIn).await.unwrap();
    let query = Browser::default().walk(&url, "ada").await;
    console.finish(&kept, &query).await.unwrap();
    assert_eq!(console.finish(&kept, &query).await.unwrap_err(), IdentityError::CodeRefused);
}
