//! When the issuer is asked for its metadata and keys, and when it is left alone.

use payonce_identity::Purpose;
use serde_json::json;

use crate::fake::NOW_S;
use crate::fake::{Fake, ISSUER, MINUTE, NONCE, RULE, Signer, claims, claims_with, discovery};

/// The same claims, valid for a day.
fn lasting() -> serde_json::Value {
    claims_with(&json!({ "exp": NOW_S + 86_400 }))
}

const DAY: payonce_identity::TokenRule = payonce_identity::TokenRule { at_most_ms: 86_400_000, expired_is_fine: false };

#[tokio::test]
async fn takes_up_a_rotated_key() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    issuer.verify(&fake.signer.sign(&claims()), NONCE, RULE).await.unwrap();
    let next = Signer::new("second");
    fake.change(|answers| answers.keys = Some(json!({ "keys": [next.jwk()] })));
    fake.clock.advance(MINUTE);
    issuer.verify(&next.sign(&claims()), NONCE, RULE).await.unwrap();
    // The old one is gone with it.
    assert_eq!(issuer.verify(&fake.signer.sign(&claims()), NONCE, RULE).await.unwrap_err().word(), "token_key");
    assert_eq!((fake.asked("/jwks"), fake.asked("/.well-known/openid-configuration")), (2, 1));
}

#[tokio::test]
async fn takes_up_a_key_that_changed_under_its_name() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    issuer.verify(&fake.signer.sign(&claims()), NONCE, RULE).await.unwrap();
    let next = Signer::new("first");
    fake.change(|answers| answers.keys = Some(json!({ "keys": [next.jwk()] })));
    fake.clock.advance(MINUTE);
    issuer.verify(&next.sign(&claims()), NONCE, RULE).await.unwrap();
}

#[tokio::test]
async fn asks_for_unknown_keys_once_a_minute() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    let stranger = Signer::new("unknown").sign(&lasting());
    issuer.verify(&fake.signer.sign(&lasting()), NONCE, DAY).await.unwrap();
    for minute in 1..=3 {
        for _ in 0..20 {
            assert_eq!(issuer.verify(&stranger, NONCE, DAY).await.unwrap_err().word(), "token_key");
            fake.clock.advance(MINUTE / 20);
        }
        assert_eq!(fake.asked("/jwks"), minute);
    }
    // And just as seldom while the issuer is down; what was known before still holds.
    fake.change(|answers| answers.keys = None);
    for _ in 0..20 {
        assert_eq!(issuer.verify(&stranger, NONCE, DAY).await.unwrap_err().word(), "token_key");
    }
    assert_eq!(fake.asked("/jwks"), 4);
    issuer.verify(&fake.signer.sign(&lasting()), NONCE, DAY).await.unwrap();
}

#[tokio::test]
async fn forgets_a_withdrawn_key_after_an_hour() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    let token = fake.signer.sign(&lasting());
    issuer.verify(&token, NONCE, DAY).await.unwrap();
    fake.change(|answers| answers.keys = Some(json!({ "keys": [Signer::new("second").jwk()] })));
    fake.clock.advance(60 * MINUTE);
    issuer.verify(&token, NONCE, DAY).await.unwrap();
    fake.clock.advance(1);
    assert_eq!(issuer.verify(&token, NONCE, DAY).await.unwrap_err().word(), "token_key");
}

/// Each try to have newer keys would else begin the hour anew, and whoever holds a token can make one try each minute.
#[tokio::test]
async fn keys_that_cannot_be_refreshed_are_trusted_for_their_hour_and_no_longer() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    let (token, stranger) = (fake.signer.sign(&lasting()), Signer::new("unknown").sign(&lasting()));
    issuer.verify(&token, NONCE, DAY).await.unwrap();
    let keys = fake.change(|answers| answers.keys.take());
    for _ in 0..60 {
        issuer.verify(&token, NONCE, DAY).await.unwrap();
        assert_eq!(issuer.verify(&stranger, NONCE, DAY).await.unwrap_err().word(), "token_key");
        fake.clock.advance(MINUTE);
    }
    fake.clock.advance(1);
    for _ in 0..3 {
        assert_eq!(issuer.verify(&token, NONCE, DAY).await.unwrap_err().word(), "issuer_unreachable");
        fake.clock.advance(MINUTE);
    }
    fake.change(|answers| answers.keys = keys);
    issuer.verify(&token, NONCE, DAY).await.unwrap();
}

#[tokio::test]
async fn asks_again_after_a_failed_discovery() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    fake.change(|answers| answers.discovery = None);
    assert_eq!(issuer.begin(&Purpose::SignIn).await.unwrap_err().word(), "issuer_unreachable");
    fake.change(|answers| answers.discovery = Some(discovery()));
    issuer.begin(&Purpose::SignIn).await.unwrap();
    // Keys that could not be had at first are asked for at the next use, too.
    fake.change(|answers| answers.keys = None);
    let token = fake.signer.sign(&claims());
    assert_eq!(issuer.verify(&token, NONCE, RULE).await.unwrap_err().word(), "issuer_unreachable");
    fake.change(|answers| answers.keys = Some(json!({ "keys": [fake.signer.jwk()] })));
    issuer.verify(&token, NONCE, RULE).await.unwrap();
    assert_eq!(fake.asked("/.well-known/openid-configuration"), 2);
}

#[tokio::test]
async fn pages_do_not_wait_for_an_issuer_that_is_away() {
    let fake = Fake::new();
    let issuer = fake.issuer();
    let discovery = fake.change(|answers| answers.discovery.take());
    for _ in 0..5 {
        assert_eq!(issuer.origin().await.unwrap_err().word(), "issuer_unreachable");
    }
    assert_eq!(fake.asked("/.well-known/openid-configuration"), 1);
    // Whoever wants to sign in asks at once, and so does the next page then.
    fake.change(|answers| answers.discovery = discovery);
    issuer.begin(&Purpose::SignIn).await.unwrap();
    assert_eq!(issuer.origin().await.unwrap(), "https://login.example.com");
    assert_eq!(fake.asked("/.well-known/openid-configuration"), 2);
}

#[tokio::test]
async fn refuses_metadata_that_leads_elsewhere() {
    for (name, value) in [
        ("issuer", json!("https://evil.example.com")),
        ("issuer", json!(format!("{ISSUER}/"))),
        ("authorization_endpoint", json!("http://login.example.com/authorize")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("token_endpoint", json!("http://id.example.com/token")),
        ("token_endpoint", json!("https://user:password@id.example.com/token")),
        ("jwks_uri", json!("http://id.example.com/jwks")),
        ("jwks_uri", json!(null)),
        ("end_session_endpoint", json!("data:text/html,x")),
    ] {
        let fake = Fake::new();
        fake.change(|answers| answers.discovery.as_mut().unwrap()[name] = value.clone());
        assert_eq!(fake.verdict(&fake.signer.sign(&claims())).await, "issuer_unusable", "{name} {value}");
        assert_eq!((fake.asked("/jwks"), fake.asked("/token")), (0, 0));
    }
}
