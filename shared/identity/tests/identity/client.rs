//! How the console proves to the token endpoint who it is: each way as it goes over the line, and what is refused before.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::url::{Url, form_urlencoded};
use payonce_identity::{IdentityConfig, Purpose};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING as ECDSA, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};

use crate::fake::{CLIENT, Fake, NOW_S, SECRET, discovery};

pub fn with_method(method: &str, key_id: Option<&str>) -> IdentityConfig {
    serde_json::from_value(json!({
        "issuer": crate::fake::ISSUER, "client_id": CLIENT, "client_secret": "env:CLIENT", "cookie_secret": "env:COOKIES",
        "token_endpoint_auth_method": method, "client_key_id": key_id, "roles": { "viewer": ["everybody"] },
    }))
    .unwrap()
}

/// The `authorization` header and the form that the token endpoint got.
async fn sent(config: &IdentityConfig, secret: &str) -> (Option<String>, BTreeMap<String, String>) {
    let fake = Fake::new();
    let issuer = fake.issuer_of(config, Some(secret));
    let (url, kept) = issuer.begin(&Purpose::SignIn).await.unwrap();
    assert!(!url.contains("secret") && !url.contains("assertion"));
    let url = Url::parse(&url).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    assert_eq!(issuer.finish(&kept, &format!("code=c&state={state}")).await.unwrap_err().word(), "code_refused");
    let (path, authorization, body) = fake.answers.lock().unwrap().asked.last().cloned().unwrap();
    assert_eq!(path, "/token");
    (authorization, form_urlencoded::parse(body.as_bytes()).into_owned().collect())
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

#[tokio::test]
async fn a_secret_goes_into_the_header_or_the_form_as_it_is_registered() {
    let (authorization, form) = sent(&with_method("client_secret_basic", None), SECRET).await;
    assert!(authorization.unwrap().starts_with("Basic ") && !form.contains_key("client_secret"));
    let (authorization, form) = sent(&with_method("client_secret_post", None), SECRET).await;
    assert_eq!((authorization, form["client_id"].as_str(), form["client_secret"].as_str()), (None, CLIENT, SECRET));
}

#[tokio::test]
async fn a_private_key_signs_for_one_request_and_is_never_sent() {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA, &SystemRandom::new()).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA, document.as_ref(), &SystemRandom::new()).unwrap();
    let config = with_method("private_key_jwt", Some("the-key"));
    let mut names = vec![];
    for _ in 0..2 {
        let (authorization, form) = sent(&config, &pem(document.as_ref())).await;
        assert_eq!((authorization, form["client_id"].as_str()), (None, CLIENT));
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert!(!form.contains_key("client_secret") && !form.values().any(|value| value.contains("PRIVATE")));
        let (input, signature) = form["client_assertion"].rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref());
        public.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let parts: Vec<Value> = input
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], json!({ "alg": "ES256", "kid": "the-key", "typ": "JWT" }));
        names.push(parts[1]["jti"].as_str().unwrap().to_owned());
        let expected = json!({
            "iss": CLIENT, "sub": CLIENT, "aud": "https://id.example.com/token", "jti": names.last().unwrap(),
            "iat": NOW_S, "exp": NOW_S + 60,
        });
        assert_eq!(parts[1], expected);
    }
    assert_ne!(names[0], names[1], "an issuer takes each once");
}

#[tokio::test]
async fn a_method_that_the_issuer_does_not_list_is_said_before_anybody_signs_in() {
    let listed = |methods: Value| {
        let mut metadata = discovery();
        metadata["token_endpoint_auth_methods_supported"] = methods;
        metadata
    };
    let posts = with_method("client_secret_post", None);
    for (config, secret, methods, expected) in [
        (&posts, Some(SECRET), json!(["client_secret_post"]), None),
        (&posts, Some(SECRET), json!(null), None),
        (&posts, Some(SECRET), json!(["client_secret_basic", "private_key_jwt"]), Some("auth_method")),
        (&crate::fake::config(), Some(SECRET), json!(["client_secret_post"]), Some("auth_method")),
        // Many issuers take public clients and do not say so.
        (&crate::fake::config(), None, json!(["client_secret_post"]), None),
    ] {
        let fake = Fake::new();
        fake.change(|answers| answers.discovery = Some(listed(methods.clone())));
        let begun = fake.issuer_of(config, secret).begin(&Purpose::SignIn).await;
        assert_eq!(begun.as_ref().err().map(|error| error.word()), expected, "{methods}");
        if let Err(error) = begun {
            assert!(error.to_string().contains("console.identity.token_endpoint_auth_method"), "{error}");
        }
    }
}

#[test]
fn a_method_without_what_it_needs_is_refused_with_its_place() {
    let problems = |change: Value| -> Vec<String> {
        let mut text = json!({
            "issuer": "https://id.example.com", "client_id": "console", "cookie_secret": "env:COOKIES",
            "roles": { "approver": ["cfo"] },
        });
        text.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        match serde_json::from_value::<IdentityConfig>(text) {
            Ok(config) => config.check().into_iter().map(|found| found.path).collect(),
            Err(error) => vec![error.to_string()],
        }
    };
    for method in ["client_secret_basic", "client_secret_post", "private_key_jwt"] {
        let method = json!({ "token_endpoint_auth_method": method });
        assert_eq!(problems(method.clone()), ["token_endpoint_auth_method"], "{method}");
        let with =
            json!({ "client_secret": "env:X", "token_endpoint_auth_method": method["token_endpoint_auth_method"] });
        assert_eq!(problems(with), [""; 0]);
    }
    assert_eq!(problems(json!({ "token_endpoint_auth_method": "none" })), [""; 0]);
    let both = json!({ "token_endpoint_auth_method": "none", "client_secret": "env:X" });
    assert_eq!(problems(both), ["token_endpoint_auth_method"]);
    assert_eq!(problems(json!({ "client_secret": "env:X", "client_key_id": "k" })), ["client_key_id"]);
    for unknown in ["client_secret_jwt", "tls_client_auth", "basic"] {
        let said = problems(json!({ "token_endpoint_auth_method": unknown })).remove(0);
        assert!(said.contains(unknown) && said.contains("private_key_jwt"), "{said}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_without_being_repeated() {
    let config = with_method("private_key_jwt", None);
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA, &SystemRandom::new()).unwrap();
    assert_eq!(config.check_client_secret(&pem(document.as_ref())), Ok(()));
    for wrong in ["planted", "-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----", &pem(b"planted"), ""] {
        let problem = config.check_client_secret(wrong).unwrap_err();
        assert!(problem.contains("PKCS #8") && !problem.contains("planted"));
    }
    assert_eq!(with_method("client_secret_post", None).check_client_secret("anything"), Ok(()));
}
