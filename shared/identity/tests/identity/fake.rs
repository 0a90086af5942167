//! An issuer in memory: discovery, keys and token endpoint, and whatever tokens a test wants signed.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::FutureExt;
use payonce_identity::{Fetch, FetchError, IdentityConfig, Issuer, TokenRule};
use payonce_runtime::clock::Clock;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING as ECDSA, ECDSA_P384_SHA384_FIXED_SIGNING as ES384, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use serde_json::{Value, json};

pub const NOW: u64 = 1_790_000_000_000;
pub const NOW_S: u64 = NOW / 1_000;
pub const ISSUER: &str = "https://id.example.com";
pub const CLIENT: &str = "console";
pub const SECRET: &str = "a client secret: 100% / odd & long";
pub const NONCE: &str = "the-nonce-of-this-act";
pub const BACK: &str = "https://console.example.com/signed-in";
pub const MINUTE: u64 = 60_000;
pub const RULE: TokenRule = TokenRule { at_most_ms: 30 * MINUTE, expired_is_fine: false };

pub fn config() -> IdentityConfig {
    serde_json::from_value(json!({
        "issuer": ISSUER,
        "client_id": CLIENT,
        "cookie_secret": "env:COOKIES",
        "roles": { "analyst": ["finance-analysts"], "approver": ["finance-approvers", "cfo"], "viewer": ["everybody"] },
    }))
    .unwrap()
}

/// What a token says when nothing is wrong with it.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "ada", "nonce": NONCE, "name": "Ada Analyst",
        "iat": NOW_S, "exp": NOW_S + 300, "auth_time": NOW_S - 5, "roles": ["finance-analysts"],
    })
}

pub fn claims_with(change: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub struct Signer {
    pub kid: &'static str,
    key: EcdsaKeyPair,
}

impl Signer {
    pub fn new(kid: &'static str) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA, document.as_ref(), &SystemRandom::new()).unwrap();
        Self { kid, key }
    }

    pub fn public_point(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    pub fn jwk(&self) -> Value {
        let point = self.public_point();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "ES256", "kid": self.kid }), claims)
    }

    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |input| self.key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec())
    }
}

pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// A token of an Ed25519 key, and that key as a JWK.
pub fn ed25519(claims: &Value) -> (String, Value) {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "ed",
        "x": URL_SAFE_NO_PAD.encode(key.public_key().as_ref()),
    });
    (token(&json!({ "alg": "EdDSA", "kid": "ed" }), claims, |input| key.sign(input).as_ref().to_vec()), jwk)
}

/// A token of a P-384 key: asymmetric and sound, but not on the list.
pub fn p384(claims: &Value) -> (String, Value) {
    let document = EcdsaKeyPair::generate_pkcs8(&ES384, &SystemRandom::new()).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ES384, document.as_ref(), &SystemRandom::new()).unwrap();
    let point = key.public_key().as_ref();
    let jwk = json!({
        "kty": "EC", "crv": "P-384", "use": "sig", "kid": "p384",
        "x": URL_SAFE_NO_PAD.encode(&point[1..49]), "y": URL_SAFE_NO_PAD.encode(&point[49..]),
    });
    let sign = |input: &[u8]| key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec();
    (token(&json!({ "alg": "ES384", "kid": "p384" }), claims, sign), jwk)
}

pub struct Answers {
    pub discovery: Option<Value>,
    pub keys: Option<Value>,
    /// Status and body of the token endpoint.
    pub token: (u16, Value),
    /// Path, authorization and body of every request.
    pub asked: Vec<(String, Option<String>, String)>,
}

#[derive(Clone)]
pub struct Fake {
    pub answers: Arc<Mutex<Answers>>,
    pub clock: Clock,
    pub signer: Arc<Signer>,
}

impl Fake {
    pub fn new() -> Self {
        let signer = Signer::new("first");
        let answers = Answers {
            discovery: Some(discovery()),
            keys: Some(json!({ "keys": [signer.jwk()] })),
            token: (400, json!({ "error": "invalid_grant" })),
            asked: Vec::new(),
        };
        Self { answers: Arc::new(Mutex::new(answers)), clock: Clock::manual(NOW), signer: Arc::new(signer) }
    }

    pub fn issuer(&self) -> Issuer {
        self.issuer_of(&config(), None)
    }

    pub fn issuer_of(&self, config: &IdentityConfig, secret: Option<&str>) -> Issuer {
        Issuer::new(config, secret.map(str::to_owned), BACK.to_owned(), self.fetch(), self.clock.clone())
    }

    /// The word with which payer refuses a token, or `fine`.
    pub async fn verdict(&self, token: &str) -> &'static str {
        self.issuer().verify(token, NONCE, RULE).await.map_or_else(|error| error.word(), |_| "fine")
    }

    pub async fn verdict_of(&self, change: &Value) -> &'static str {
        self.verdict(&self.signer.sign(&claims_with(change))).await
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Answers) -> T) -> T {
        change(&mut self.answers.lock().unwrap())
    }

    pub fn asked(&self, path: &str) -> usize {
        self.answers.lock().unwrap().asked.iter().filter(|(asked, ..)| asked == path).count()
    }

    fn fetch(&self) -> Fetch {
        let answers = self.answers.clone();
        Arc::new(move |request| {
            let mut answers = answers.lock().unwrap();
            let path = request.uri().path().to_owned();
            let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
            let body = String::from_utf8(request.body().clone()).unwrap();
            answers.asked.push((path.clone(), authorization, body));
            let (status, body) = match path.as_str() {
                "/.well-known/openid-configuration" => (200, answers.discovery.clone()),
                "/jwks" => (200, answers.keys.clone()),
                "/token" => (answers.token.0, Some(answers.token.1.clone())),
                path => panic!("{path} is asked"),
            };
            let answer = body.ok_or(FetchError("hung_up")).map(|body| {
                let answer = http::Response::builder().status(status).header("content-type", "application/json");
                answer.body(body.to_string().into_bytes()).unwrap()
            });
            std::future::ready(answer).boxed()
        })
    }
}

pub fn discovery() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://login.example.com/authorize?tenant=7",
        "token_endpoint": "https://id.example.com/token",
        "jwks_uri": "https://id.example.com/jwks",
        "end_session_endpoint": "https://id.example.com/out",
    })
}
