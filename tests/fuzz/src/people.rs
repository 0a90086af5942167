//! What browsers and the issuer of identities send: the kind, an empty line, a body.
//!
//! * `token`: no text is taken for a token that our issuer signed. `claims`: header and claims that it did sign name the person and
//!   say what they must, or are refused.
//! * `issuer`: its metadata and keys. `answer`: what it gives for a code.
//! * `query`: with what a browser comes back. `cookie`: a session is only what was sealed here.
//! * `form`: a form of the console, with its media type in the second line. What a person wrote comes back as it was. `sum`: a sum as
//!   a person writes it; the number that was read is the one that is written.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use payonce_identity::{
    Fetch, IdentityConfig, IdentityError, Issuer, PendingSignIn, Person, Purpose, Role, Sessions, TokenRule,
};
use payonce_runtime::clock::Clock;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::split;

const NOW: u64 = 1_790_000_000_000;
const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "console";
const NONCE: &str = "the-nonce-of-this-act";
const RULE: TokenRule = TokenRule { at_most_ms: 1_800_000, expired_is_fine: false };
const AGENT: &str = "a browser";

static CONFIG: LazyLock<IdentityConfig> = LazyLock::new(|| {
    let roles = json!({ "analyst": ["analysts"], "approver": ["approvers"] });
    let config = json!({ "issuer": ISSUER, "client_id": CLIENT, "cookie_secret": "env:COOKIES", "roles": roles });
    serde_json::from_value(config).unwrap()
});

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// Signs `claims`.
static OURS: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key(1));
/// Signed the tokens that are kept.
static ANOTHERS: LazyLock<Ed25519KeyPair> = LazyLock::new(|| key(2));

static SESSIONS: LazyLock<Sessions> =
    LazyLock::new(|| Sessions::new("at least 32 bytes, and never these ones", 1_200_000, 36_000_000, "/").unwrap());

fn ada() -> Person {
    Person { subject: "ada".to_owned(), name: "Ada".to_owned(), roles: [Role::Analyst].into(), no_role: None }
}

fn keys() -> Vec<u8> {
    let x = URL_SAFE_NO_PAD.encode(OURS.public_key().as_ref());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "ed", "x": x }] }).to_string().into_bytes()
}

fn metadata() -> Vec<u8> {
    let at = |path: &str| format!("{ISSUER}/{path}");
    let metadata = json!({ "issuer": ISSUER, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("jwks"), "end_session_endpoint": at("out") });
    metadata.to_string().into_bytes()
}

/// What the issuer answers, by path.
struct Answers {
    metadata: Vec<u8>,
    keys: Vec<u8>,
    token: Vec<u8>,
}

fn issuer(answers: Answers) -> Issuer {
    let fetch: Fetch = Arc::new(move |request| {
        let body = match request.uri().path() {
            "/.well-known/openid-configuration" => &answers.metadata,
            "/token" => &answers.token,
            _ => &answers.keys,
        };
        let answer = http::Response::builder().header("content-type", "application/json").body(body.clone());
        std::future::ready(Ok(answer.unwrap())).boxed()
    });
    Issuer::new(&CONFIG, None, format!("{ISSUER}/back"), fetch, Clock::manual(NOW))
}

fn plain() -> Issuer {
    issuer(Answers { metadata: metadata(), keys: keys(), token: vec![] })
}

/// Everything is there already: nothing waits.
fn verified(issuer: &Issuer, token: &str) -> Result<Person, IdentityError> {
    issuer.verify(token, NONCE, RULE).now_or_never().unwrap()
}

fn signed(key: &Ed25519KeyPair, header: &[u8], claims: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).as_ref());
    format!("{input}.{signature}")
}

/// What a good token says: for whoever writes inputs to keep, as the two below.
pub fn claims_of_ada() -> String {
    let now = NOW / 1000;
    let claims = json!({ "iss": ISSUER, "aud": CLIENT, "sub": "ada", "name": "Ada", "nonce": NONCE, "iat": now, "exp": now + 300,
        "auth_time": now - 5, "roles": ["analysts"] });
    claims.to_string()
}

pub fn token_of_another() -> String {
    signed(&ANOTHERS, br#"{"alg":"EdDSA","kid":"ed"}"#, claims_of_ada().as_bytes())
}

pub fn cookie() -> String {
    let session = SESSIONS.open(&ada(), AGENT, NOW).unwrap();
    SESSIONS.cookie(&session, NOW).unwrap().split(';').next().unwrap_or_default().to_owned()
}

pub fn run(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    let text = || std::str::from_utf8(body).ok();
    match head[..] {
        ["token"] => {
            let Some(token) = text() else { return };
            assert!(verified(&plain(), token.trim()).is_err(), "a token was forged");
        }
        ["claims", header] => claims(header, body),
        ["issuer", "metadata"] => {
            let issuer = issuer(Answers { metadata: body.to_vec(), keys: keys(), token: vec![] });
            let way = issuer.begin(&Purpose::SignIn).now_or_never().unwrap();
            assert!(way.is_err() || serde_json::from_slice::<Value>(body).unwrap()["issuer"] == ISSUER);
        }
        ["issuer", "keys"] => {
            let issuer = issuer(Answers { metadata: metadata(), keys: body.to_vec(), token: vec![] });
            let _ = verified(&issuer, &token_of_another());
        }
        ["answer"] => {
            let issuer = issuer(Answers { metadata: metadata(), keys: keys(), token: body.to_vec() });
            let came = came_back(&issuer, "code=c&state=STATE");
            assert!(came.is_err(), "no nonce of this sign-in was signed");
        }
        ["query"] => {
            let Some(query) = text() else { return };
            let came = came_back(&plain(), query);
            assert!(came.is_err(), "there was no token");
        }
        ["cookie"] => {
            let Some(cookies) = text() else { return };
            let lines: Vec<String> = cookies.lines().map(str::to_owned).collect();
            if let Some(session) = SESSIONS.read(&lines, AGENT, NOW) {
                assert!(session.person == ada(), "a session was forged");
            }
        }
        ["form", media_type] => form(media_type, body),
        ["sum", languages] => {
            let Some(text) = text() else { return };
            sum(text, languages);
        }
        _ => {}
    }
}

/// `STATE` stands for the one of this sign-in, which is random.
fn came_back(issuer: &Issuer, query: &str) -> Result<(), IdentityError> {
    let (_, kept): (String, PendingSignIn) = issuer.begin(&Purpose::SignIn).now_or_never().unwrap()?;
    let state = serde_json::to_value(&kept).unwrap()["state"].as_str().unwrap().to_owned();
    issuer.finish(&kept, &query.replace("STATE", &state)).now_or_never().unwrap().map(drop)
}

fn claims(header: &str, claims: &[u8]) {
    let token = signed(&OURS, header.as_bytes(), claims);
    let Ok(person) = verified(&plain(), &token) else { return };
    let claims: Value = serde_json::from_slice(claims).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["nonce"], &claims["sub"]),
        (&ISSUER.into(), &NONCE.into(), &person.subject.as_str().into())
    );
    let audiences = [claims["aud"].as_array().map(Vec::as_slice), Some(std::slice::from_ref(&claims["aud"]))];
    assert!(audiences.into_iter().flatten().flatten().any(|audience| audience == CLIENT));
    assert!(claims["azp"].is_null() || claims["azp"] == CLIENT, "it was made for another party");
    let said = claims["roles"].to_string();
    assert!(person.roles.iter().all(|role| said.contains(match role {
        Role::Analyst => "analysts",
        _ => "approvers",
    })));
    assert!(!person.subject.chars().chain(person.name.chars()).any(char::is_control));
    if let (Some(issued), Some(expires)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) {
        let now = (NOW / 1000) as i64;
        assert!(issued <= now + 60 && expires > now && now - issued <= 1_800, "at another time");
    }
}

fn form(media_type: &str, body: &[u8]) {
    let request = http::Request::post("https://us.example/console/cases/1/act")
        .header("content-type", media_type)
        .body(lambda_http::Body::Binary(body.to_vec()));
    let Ok(request) = request else { return };
    let Some((fields, file)) = console::form_of(&request).now_or_never().unwrap() else { return };
    // What was read, sent again by a browser.
    let again = url_encoded(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let request = http::Request::post("https://us.example/console/cases/1/act")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(lambda_http::Body::Text(again));
    let request = request.unwrap();
    let Some((read, held)) = console::form_of(&request).now_or_never().unwrap() else {
        // A byte that is no text became a sign of three, and nine letters of a URL.
        return assert!(request.body().len() > console::FORM_BYTES_AT_MOST);
    };
    assert_eq!(read, fields);
    assert!(held.is_none());
    if let Some((name, bytes)) = file {
        assert!(!name.is_empty() && name.chars().count() <= 100 && !name.contains(['/', '\\', '\n', '\r', '\0']));
        assert!(bytes.is_none_or(|bytes| bytes.len() <= payonce_ledger::FILE_BYTES_AT_MOST));
    }
}

fn url_encoded<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let mut form = payonce_wire::Form::default();
    fields.for_each(|(name, value)| form.field(name, value));
    form.into_text()
}

fn sum(text: &str, languages: &str) {
    let Some(amount) = console::Amount::of(text, languages) else { return };
    // Three digits behind a point may be a group: a nought is written behind them.
    let again = console::Amount::of(&amount.to_string(), "").map(|again| again.to_string());
    assert_eq!(again, Some(amount.to_string()), "it is written otherwise than it was read");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (read, typed) = (digits(&amount.to_string()), digits(text));
    // Noughts before and behind say nothing.
    assert_eq!(read.trim_matches('0'), typed.trim_matches('0'), "{text}: {amount}");
}
