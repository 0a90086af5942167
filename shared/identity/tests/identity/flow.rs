//! To the issuer and back: what the browser is sent with, and which answers are somebody else's.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::url::{Url, form_urlencoded};
use payonce_identity::{Issuer, PendingSignIn, Purpose, SignedIn};
use serde_json::{Value, json};

use crate::fake::{BACK, CLIENT, Fake, ISSUER, MINUTE, NONCE, NOW, NOW_S, SECRET, claims_with, config};

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "something stands twice");
    map
}

fn asked_for(url: &str) -> BTreeMap<String, String> {
    pairs(Url::parse(url).unwrap().query().unwrap())
}

fn confirm() -> Purpose {
    Purpose::Confirm { nonce: NONCE.to_owned() }
}

struct Begun {
    fake: Fake,
    issuer: Issuer,
    kept: PendingSignIn,
    asked: BTreeMap<String, String>,
}

/// The person is at the issuer, which will answer with a token of these changes.
async fn begun(purpose: &Purpose, change: &Value) -> Begun {
    let fake = Fake::new();
    let issuer = fake.issuer_of(&config(), None);
    let (url, kept) = issuer.begin(purpose).await.unwrap();
    let asked = asked_for(&url);
    let mut claims = claims_with(&json!({ "nonce": asked["nonce"] }));
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let token = fake.signer.sign(&claims);
    let answer = json!({ "access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": token });
    fake.change(|answers| answers.token = (200, answer));
    Begun { fake, issuer, kept, asked }
}

impl Begun {
    async fn finish(&self, query: &str) -> Result<SignedIn, &'static str> {
        self.issuer.finish(&self.kept, query).await.map_err(|error| error.word())
    }

    async fn come_back(&self) -> Result<SignedIn, &'static str> {
        self.finish(&format!("code=the-code&state={}", self.asked["state"])).await
    }
}

#[tokio::test]
async fn sends_the_browser_with_state_nonce_and_pkce() {
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    let asked = &begun.asked;
    let expected = [
        ("client_id", CLIENT),
        ("code_challenge_method", "S256"),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("tenant", "7"),
    ];
    assert!(expected.iter().all(|(name, value)| asked[*name] == *value), "{asked:?}");
    assert!(!asked.contains_key("max_age") && !asked.contains_key("prompt"));
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| asked[*name].len() == 43));
    let (other, _) = begun.issuer.begin(&Purpose::SignIn).await.unwrap();
    let other = asked_for(&other);
    assert!(["state", "nonce", "code_challenge"].iter().all(|name| asked[*name] != other[*name]));

    let signed_in = begun.come_back().await.unwrap();
    assert_eq!(signed_in.person.subject, "ada");
    let (_, authorization, body) =
        begun.fake.answers.lock().unwrap().asked.iter().find(|(path, ..)| path == "/token").cloned().unwrap();
    let sent = pairs(&body);
    assert_eq!(authorization, None);
    assert_eq!(
        (sent["client_id"].as_str(), sent["code"].as_str(), sent["redirect_uri"].as_str()),
        (CLIENT, "the-code", BACK)
    );
    let hash = ring::digest::digest(&ring::digest::SHA256, sent["code_verifier"].as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(hash.as_ref()), asked["code_challenge"]);
    assert_eq!(begun.issuer.origin().await.unwrap(), "https://login.example.com");
    assert_eq!(begun.issuer.end_session().await.unwrap().unwrap(), "https://id.example.com/out?client_id=console");
}

#[tokio::test]
async fn client_secret_goes_into_the_header_alone() {
    let fake = Fake::new();
    let issuer = fake.issuer_of(&config(), Some(SECRET));
    let (url, kept) = issuer.begin(&Purpose::SignIn).await.unwrap();
    let query = format!("code=c&state={}", asked_for(&url)["state"]);
    assert_eq!(issuer.finish(&kept, &query).await.unwrap_err().word(), "code_refused");
    let (_, authorization, body) = fake.answers.lock().unwrap().asked.last().cloned().unwrap();
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    assert_eq!(authorization.unwrap(), format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}"))));
    assert!(!pairs(&body).contains_key("client_secret") && !url.contains("secret"));
}

#[tokio::test]
async fn confirmation_asks_for_a_fresh_sign_in() {
    let begun = begun(&confirm(), &json!({})).await;
    assert_eq!((begun.asked["prompt"].as_str(), begun.asked["max_age"].as_str()), ("login", "0"));
    assert_eq!(begun.asked["nonce"], NONCE);
    let signed_in = begun.come_back().await.unwrap();
    assert_eq!(signed_in.auth_time, Some(NOW - 5_000));
    let nothing = Purpose::Confirm { nonce: String::new() };
    assert_eq!(begun.issuer.begin(&nothing).await.unwrap_err().word(), "token_nonce");
}

#[tokio::test]
async fn refuses_a_confirmation_by_an_earlier_sign_in() {
    // Within the five minutes that payer allows, but before we asked for it.
    for (purpose, auth_time, answer) in [
        (confirm(), json!(NOW_S - 61), Err("not_fresh")),
        (confirm(), json!(NOW_S - 60), Ok(())),
        (confirm(), json!(NOW_S + 61), Err("not_fresh")),
        (confirm(), json!(null), Err("not_fresh")),
        (Purpose::SignIn, json!(NOW_S - 86_400), Ok(())),
        (Purpose::SignIn, json!(null), Ok(())),
    ] {
        let begun = begun(&purpose, &json!({ "auth_time": auth_time })).await;
        assert_eq!(begun.come_back().await.map(drop), answer, "{purpose:?} {auth_time}");
    }
}

#[tokio::test]
async fn refuses_the_answer_to_another_sign_in() {
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    let state = &begun.asked["state"];
    let shorter = &state[..42];
    for (query, word) in [
        ("code=the-code".to_owned(), "other_state"),
        ("code=the-code&state=".to_owned(), "other_state"),
        (format!("code=the-code&state={shorter}"), "other_state"),
        (format!("code=the-code&state={state}x"), "other_state"),
        ("error=access_denied&state=x".to_owned(), "other_state"),
        (format!("code=the-code&state=x&state={state}"), "answer_malformed"),
        (format!("code=a&code=b&state={state}"), "answer_malformed"),
        (format!("state={state}"), "answer_malformed"),
        (format!("code=&state={state}"), "answer_malformed"),
        (format!("code={}&state={state}", "c".repeat(9_000)), "answer_malformed"),
        (format!("code=the-code&state={state}&iss=https://evil.example.com"), "other_issuer"),
    ] {
        assert_eq!(begun.finish(&query).await.map(drop), Err(word), "{query}");
    }
    assert_eq!(begun.fake.asked("/token"), 0, "the code went out");
    let iss: String = form_urlencoded::byte_serialize(ISSUER.as_bytes()).collect();
    begun.finish(&format!("code=the-code&state={state}&iss={iss}")).await.unwrap();
}

#[tokio::test]
async fn checks_the_issuer_that_an_answer_names() {
    let fake = Fake::new();
    fake.change(|answers| {
        answers.discovery.as_mut().unwrap()["authorization_response_iss_parameter_supported"] = json!(true)
    });
    let issuer = fake.issuer();
    let (url, kept) = issuer.begin(&Purpose::SignIn).await.unwrap();
    let query = format!("code=c&state={}", asked_for(&url)["state"]);
    assert_eq!(issuer.finish(&kept, &query).await.unwrap_err().word(), "other_issuer");
    assert_eq!(issuer.finish(&kept, &format!("{query}&iss={ISSUER}")).await.unwrap_err().word(), "code_refused");
}

#[tokio::test]
async fn refuses_a_sign_in_that_took_too_long() {
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    begun.fake.clock.advance(10 * MINUTE + 1);
    assert_eq!(begun.come_back().await.map(drop), Err("too_late"));
    begun.fake.clock.set(NOW - 2 * MINUTE);
    assert_eq!(begun.come_back().await.map(drop), Err("too_late"));
    assert_eq!(begun.fake.asked("/token"), 0);
}

#[tokio::test]
async fn errors_repeat_no_text_of_the_issuer() {
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    let state = &begun.asked["state"];
    for (error, word) in [
        ("access_denied", "declined"),
        ("login_required", "declined"),
        ("temporarily_unavailable", "issuer_unreachable"),
        ("invalid_scope", "refused"),
        ("FOREIGN-TEXT", "refused"),
    ] {
        let query = format!("error={error}&error_description=FOREIGN-TEXT&state={state}&code=the-code");
        let answer = begun.issuer.finish(&begun.kept, &query).await.unwrap_err();
        assert_eq!(answer.word(), word);
        assert!(!format!("{answer} {answer:?}").contains("FOREIGN"));
    }
    let foreign = json!({ "error": "invalid_grant", "error_description": "FOREIGN-TEXT" });
    begun.fake.change(|answers| answers.token = (400, foreign));
    let answer = begun.issuer.finish(&begun.kept, &format!("code=c&state={state}")).await.unwrap_err();
    assert_eq!(answer.word(), "code_refused");
    assert!(!format!("{answer} {answer:?}").contains("FOREIGN"));
}

#[tokio::test]
async fn refuses_a_token_of_another_sign_in() {
    for (change, word) in [
        (json!({ "nonce": "another" }), "token_nonce"),
        (json!({ "aud": "another" }), "token_audience"),
        (json!({ "iss": "https://evil.example.com" }), "token_issuer"),
        (json!({ "exp": NOW_S }), "token_expired"),
        (json!({ "iat": NOW_S - 700 }), "token_too_old"),
    ] {
        let begun = begun(&Purpose::SignIn, &change).await;
        assert_eq!(begun.come_back().await.map(drop), Err(word), "{change}");
    }
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    let no_token = json!({ "access_token": "unused", "token_type": "Bearer" });
    begun.fake.change(|answers| answers.token = (200, no_token));
    assert_eq!(begun.come_back().await.map(drop), Err("no_token"));
    begun.fake.change(|answers| answers.token = (302, json!({})));
    assert!(begun.come_back().await.is_err());
}

#[tokio::test]
async fn hands_on_the_token_unchanged() {
    let begun = begun(&confirm(), &json!({})).await;
    let signed_in = begun.come_back().await.unwrap();
    let sent = begun.fake.answers.lock().unwrap().token.1["id_token"].clone();
    assert_eq!(json!(signed_in.id_token), sent);
}

#[tokio::test]
async fn debug_of_a_sign_in_shows_no_secret() {
    let begun = begun(&confirm(), &json!({})).await;
    let signed_in = begun.come_back().await.unwrap();
    let kept = serde_json::to_value(&begun.kept).unwrap();
    let text = format!("{:?} {:?} {:?}", begun.kept, signed_in, begun.kept.purpose());
    for secret in
        [&kept["state"], &kept["verifier"], &kept["nonce"], &json!(signed_in.id_token), &json!("Ada"), &json!("ada")]
    {
        assert!(!text.contains(secret.as_str().unwrap()), "{text}");
    }
    let again: PendingSignIn = serde_json::from_value(kept).unwrap();
    assert_eq!(again.purpose(), &confirm());
}

#[tokio::test]
async fn futures_of_the_issuer_are_send() {
    fn is_send<T: Send>(it: T) -> T {
        it
    }
    let begun = begun(&Purpose::SignIn, &json!({})).await;
    let _ = is_send(begun.issuer.begin(&Purpose::SignIn)).await;
    let _ = is_send(begun.issuer.finish(&begun.kept, "")).await;
    let _ = is_send(begun.issuer.verify("", "", crate::fake::RULE)).await;
}
