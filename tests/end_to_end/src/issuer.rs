//! An identity provider in memory: it publishes one key, and signs whatever a test wants signed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payonce_identity::{Fetch, FetchError, IdentityConfig, Issuer};
use payonce_protocol::UnixMillis;
use payonce_runtime::clock::Clock;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const URL: &str = "https://login.example";
const CLIENT: &str = "payonce";

pub struct TestIssuer {
    key: EcdsaKeyPair,
}

impl Default for TestIssuer {
    fn default() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { key }
    }
}

impl TestIssuer {
    /// As payer sees it.
    pub fn seen(&self, clock: Clock) -> Issuer {
        let config = json!({
            "issuer": URL, "client_id": CLIENT, "cookie_secret": "env:NONE",
            "roles": {"viewer": ["viewer"], "analyst": ["analyst"], "approver": ["approver"], "auditor": ["auditor"]},
        });
        let config: IdentityConfig = serde_json::from_value(config).unwrap();
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        let keys =
            json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": x, "y": y}]});
        let metadata = json!({
            "issuer": URL, "authorization_endpoint": format!("{URL}/authorize"), "token_endpoint": format!("{URL}/token"),
            "jwks_uri": format!("{URL}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let fetch: Fetch = Arc::new(move |request| {
            let answer = match request.uri().path() {
                "/.well-known/openid-configuration" => Ok(&metadata),
                "/jwks" => Ok(&keys),
                _ => Err(FetchError("not found")),
            };
            let answer = answer.map(|json| {
                let answer = http::Response::builder().header("content-type", "application/json");
                answer.body(json.to_string().into_bytes()).unwrap()
            });
            Box::pin(async move { answer })
        });
        Issuer::new(&config, None, String::new(), fetch, clock)
    }

    /// What a person gets who signs in for just this, now.
    pub fn claims(person: &str, role: &str, nonce: &str, now: UnixMillis) -> Value {
        let now = now / 1000;
        json!({
            "iss": URL, "aud": CLIENT, "sub": person, "name": person, "roles": [role], "nonce": nonce,
            "iat": now, "auth_time": now, "exp": now + 300,
        })
    }

    pub fn sign(&self, claims: &Value) -> String {
        let encoded = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encoded(&json!({"alg": "ES256", "kid": "1", "typ": "JWT"})), encoded(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// With no signature at all.
    pub fn unsigned(claims: &Value) -> String {
        let encoded = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", encoded(&json!({"alg": "none"})), encoded(claims))
    }
}
