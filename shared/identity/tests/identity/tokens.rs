//! Tokens that somebody else hands over: what payer believes, with nothing but the issuer's published keys.

use payonce_identity::{Role, TokenRule};
use ring::hmac;
use serde_json::json;

use crate::fake::{
    CLIENT, Fake, ISSUER, MINUTE, NONCE, NOW_S, RULE, SECRET, Signer, claims, claims_with, ed25519, p384, token,
};

#[tokio::test]
async fn accepts_a_good_token() {
    let fake = Fake::new();
    let person = fake.issuer().verify(&fake.signer.sign(&claims()), NONCE, RULE).await.unwrap();
    assert_eq!((person.subject.as_str(), person.name.as_str()), ("ada", "Ada Analyst"));
    assert_eq!(person.roles.iter().copied().collect::<Vec<_>>(), [Role::Analyst]);
    let (signed, jwk) = ed25519(&claims());
    fake.change(|answers| answers.keys = Some(json!({ "keys": [jwk] })));
    assert_eq!(fake.verdict(&signed).await, "fine");
}

#[tokio::test]
async fn refuses_a_token_without_signature() {
    let fake = Fake::new();
    let unsigned = token(&json!({ "alg": "none" }), &claims(), |_| Vec::new());
    assert_eq!(fake.verdict(&unsigned).await, "token_algorithm");
    let kid = token(&json!({ "alg": "none", "kid": "first" }), &claims(), |_| Vec::new());
    assert_eq!(fake.verdict(&kid).await, "token_algorithm");
    for alg in ["None", "NONE", "nOnE", ""] {
        let unsigned = token(&json!({ "alg": alg }), &claims(), |_| Vec::new());
        assert_eq!(fake.verdict(&unsigned).await, "token_malformed", "{alg:?}");
    }
    let signed = fake.signer.sign(&claims());
    let (input, _) = signed.rsplit_once('.').unwrap();
    assert_eq!(fake.verdict(&format!("{input}.")).await, "token_signature");
}

#[tokio::test]
async fn refuses_an_hmac_in_place_of_a_signature() {
    let fake = Fake::new();
    let jwk = fake.signer.jwk().to_string();
    for (key, alg, hash) in [
        (SECRET.as_bytes(), "HS256", hmac::HMAC_SHA256),
        (fake.signer.public_point(), "HS256", hmac::HMAC_SHA256),
        (jwk.as_bytes(), "HS256", hmac::HMAC_SHA256),
        (b"", "HS256", hmac::HMAC_SHA256),
        (SECRET.as_bytes(), "HS384", hmac::HMAC_SHA384),
        (SECRET.as_bytes(), "HS512", hmac::HMAC_SHA512),
    ] {
        let key = hmac::Key::new(hash, key);
        for header in [json!({ "alg": alg }), json!({ "alg": alg, "kid": "first" })] {
            let forged = token(&header, &claims(), |input| hmac::sign(&key, input).as_ref().to_vec());
            // A confidential client is the tempting one: the library could use its secret as the key.
            let issuer = fake.issuer_of(&crate::fake::config(), Some(SECRET));
            assert_eq!(issuer.verify(&forged, NONCE, RULE).await.unwrap_err().word(), "token_algorithm", "{header}");
        }
    }
    // Even when the issuer publishes a symmetric key, and by mistake that very one.
    let oct = json!({ "keys": [{ "kty": "oct", "kid": "hs", "alg": "HS256", "k": "c2VjcmV0" }] });
    fake.change(|answers| answers.keys = Some(oct));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let forged =
        token(&json!({ "alg": "HS256", "kid": "hs" }), &claims(), |input| hmac::sign(&key, input).as_ref().to_vec());
    assert_eq!(fake.verdict(&forged).await, "token_algorithm");
}

#[tokio::test]
async fn refuses_an_algorithm_off_the_list() {
    let fake = Fake::new();
    let (signed, jwk) = p384(&claims());
    fake.change(|answers| answers.keys = Some(json!({ "keys": [jwk] })));
    assert_eq!(fake.verdict(&signed).await, "token_algorithm");
}

#[tokio::test]
async fn refuses_a_token_that_brings_its_own_key() {
    let fake = Fake::new();
    let stranger = Signer::new("first");
    assert_eq!(fake.verdict(&stranger.sign(&claims())).await, "token_signature");
    let header =
        json!({ "alg": "ES256", "kid": "first", "jwk": stranger.jwk(), "jku": "https://evil.example.com/jwks" });
    assert_eq!(fake.verdict(&stranger.sign_with(&header, &claims())).await, "token_signature");
    assert_eq!(fake.verdict(&stranger.sign_with(&json!({ "alg": "ES256" }), &claims())).await, "token_signature");
    assert_eq!(fake.verdict(&stranger.sign_with(&json!({ "alg": "ES256", "kid": "x" }), &claims())).await, "token_key");
}

#[tokio::test]
async fn refuses_an_altered_payload() {
    let fake = Fake::new();
    let (ours, better) = (fake.signer.sign(&claims()), fake.signer.sign(&claims_with(&json!({ "roles": ["cfo"] }))));
    let (ours, better): (Vec<_>, Vec<_>) = (ours.split('.').collect(), better.split('.').collect());
    assert_eq!(fake.verdict(&[ours[0], better[1], ours[2]].join(".")).await, "token_signature");
    assert_eq!(fake.verdict(&ours.join(".")).await, "fine");
}

#[tokio::test]
async fn refuses_a_token_of_another_kind() {
    let fake = Fake::new();
    for header in [
        json!({ "alg": "ES256", "kid": "first", "typ": "at+jwt" }),
        json!({ "alg": "ES256", "kid": "first", "typ": "logout+jwt" }),
        json!({ "alg": "ES256", "kid": "first", "crit": ["exp"] }),
        json!({ "alg": "ES256", "kid": "first", "cty": "JWT" }),
    ] {
        assert_eq!(fake.verdict(&fake.signer.sign_with(&header, &claims())).await, "token_malformed", "{header}");
    }
    let header = json!({ "alg": "ES256", "kid": "first", "typ": "JWT" });
    assert_eq!(fake.verdict(&fake.signer.sign_with(&header, &claims())).await, "fine");
}

#[tokio::test]
async fn refuses_a_token_of_another_audience() {
    let fake = Fake::new();
    for aud in
        [json!("another"), json!(["another"]), json!([]), json!(""), json!(null), json!("Console"), json!("console ")]
    {
        assert_eq!(fake.verdict_of(&json!({ "aud": aud })).await, "token_audience", "{aud}");
    }
    assert_eq!(fake.verdict_of(&json!({ "aud": [CLIENT] })).await, "fine");
}

#[tokio::test]
async fn refuses_a_token_that_another_party_asked_for() {
    let fake = Fake::new();
    let two = json!([CLIENT, "another"]);
    assert_eq!(fake.verdict_of(&json!({ "aud": two })).await, "token_audience");
    assert_eq!(fake.verdict_of(&json!({ "aud": two, "azp": "another" })).await, "token_audience");
    assert_eq!(fake.verdict_of(&json!({ "azp": "another" })).await, "token_audience");
    assert_eq!(fake.verdict_of(&json!({ "aud": two, "azp": CLIENT })).await, "fine");
    assert_eq!(fake.verdict_of(&json!({ "azp": CLIENT })).await, "fine");
    // Another client's token that names us as its party, only.
    assert_eq!(fake.verdict_of(&json!({ "aud": "another", "azp": CLIENT })).await, "token_audience");
}

#[tokio::test]
async fn refuses_a_token_of_another_issuer() {
    let fake = Fake::new();
    for iss in
        ["https://evil.example.com", "https://id.example.com/", "http://id.example.com", "https://ID.example.com"]
    {
        assert_eq!(fake.verdict_of(&json!({ "iss": iss })).await, "token_issuer", "{iss}");
    }
    assert_eq!(fake.verdict_of(&json!({ "iss": null })).await, "token_malformed");
    assert_eq!(fake.verdict_of(&json!({ "iss": ISSUER })).await, "fine");
}

#[tokio::test]
async fn refuses_a_token_for_another_act() {
    let fake = Fake::new();
    for nonce in
        [json!("another"), json!(null), json!(""), json!("the-nonce-of-this-ac"), json!("THE-NONCE-OF-THIS-ACT")]
    {
        assert_eq!(fake.verdict_of(&json!({ "nonce": nonce })).await, "token_nonce", "{nonce}");
    }
    // A caller that forgot the nonce must not find every token bound to its act.
    let empty = fake.signer.sign(&claims_with(&json!({ "nonce": "" })));
    assert_eq!(fake.issuer().verify(&empty, "", RULE).await.unwrap_err().word(), "token_nonce");
}

#[tokio::test]
async fn refuses_an_expired_token() {
    let fake = Fake::new();
    assert_eq!(fake.verdict_of(&json!({ "exp": NOW_S + 1 })).await, "fine");
    assert_eq!(fake.verdict_of(&json!({ "exp": NOW_S })).await, "token_expired");
    assert_eq!(fake.verdict_of(&json!({ "exp": null })).await, "token_malformed");

    let token = fake.signer.sign(&claims());
    let waited = TokenRule { expired_is_fine: true, ..RULE };
    fake.clock.advance(20 * MINUTE);
    assert_eq!(fake.verdict(&token).await, "token_expired");
    assert!(fake.issuer().verify(&token, NONCE, waited).await.is_ok());
    // It must at least have been valid when it was made.
    let never = fake.signer.sign(&claims_with(&json!({ "exp": NOW_S })));
    assert_eq!(fake.issuer().verify(&never, NONCE, waited).await.unwrap_err().word(), "token_expired");
}

#[tokio::test]
async fn refuses_a_token_that_waited_too_long() {
    let fake = Fake::new();
    let token = fake.signer.sign(&claims());
    let waited = TokenRule { expired_is_fine: true, ..RULE };
    fake.clock.advance(30 * MINUTE);
    assert!(fake.issuer().verify(&token, NONCE, waited).await.is_ok());
    fake.clock.advance(1);
    assert_eq!(fake.issuer().verify(&token, NONCE, waited).await.unwrap_err().word(), "token_too_old");
}

#[tokio::test]
async fn refuses_a_token_from_the_future() {
    let fake = Fake::new();
    let at = |iat: u64| json!({ "iat": iat, "exp": iat + 300, "auth_time": iat });
    assert_eq!(fake.verdict_of(&at(NOW_S + 60)).await, "fine");
    assert_eq!(fake.verdict_of(&at(NOW_S + 61)).await, "token_from_future");
    for iat in [json!(null), json!("1790000000"), json!(-5), json!(1e300)] {
        assert_eq!(fake.verdict_of(&json!({ "iat": iat })).await, "token_malformed", "{iat}");
    }
}

#[tokio::test]
async fn refuses_an_old_sign_in() {
    let fake = Fake::new();
    assert_eq!(fake.verdict_of(&json!({ "auth_time": NOW_S - 300 })).await, "fine");
    assert_eq!(fake.verdict_of(&json!({ "auth_time": NOW_S - 301 })).await, "not_fresh");
    assert_eq!(fake.verdict_of(&json!({ "auth_time": null })).await, "not_fresh");
    assert_eq!(fake.verdict_of(&json!({ "auth_time": 0 })).await, "not_fresh");
    assert_eq!(fake.verdict_of(&json!({ "auth_time": NOW_S + 60 })).await, "fine");
    assert_eq!(fake.verdict_of(&json!({ "auth_time": NOW_S + 61 })).await, "not_fresh");
}

#[tokio::test]
async fn refuses_malformed_and_oversized_tokens() {
    let fake = Fake::new();
    let long = format!("{}.{}.{}", "a".repeat(20_000), "b".repeat(20_000), "c");
    for rubbish in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "ünicode", &long] {
        assert_eq!(fake.verdict(rubbish).await, "token_malformed");
    }
    // Signed, and still more than anybody should have to read.
    assert_eq!(fake.verdict_of(&json!({ "groups": "g".repeat(25_000) })).await, "token_malformed");
    assert_eq!(fake.verdict_of(&json!({ "groups": "g".repeat(20_000) })).await, "fine");
    assert_eq!(fake.verdict_of(&json!({ "sub": "" })).await, "token_malformed");
    assert_eq!(fake.verdict_of(&json!({ "sub": "a".repeat(256) })).await, "token_malformed");
    assert_eq!(fake.verdict_of(&json!({ "sub": "ada\u{202e}" })).await, "token_malformed");
    assert_eq!(fake.verdict_of(&json!({ "sub": 7 })).await, "token_malformed");
}

#[tokio::test]
async fn names_are_cleaned_and_cut() {
    let fake = Fake::new();
    let name = async |change| {
        let token = fake.signer.sign(&claims_with(&change));
        fake.issuer().verify(&token, NONCE, RULE).await.unwrap().name
    };
    assert_eq!(name(json!({ "name": "Ada\n\u{202e}\u{200b}\u{2066}\u{7} Byron" })).await, "Ada Byron");
    assert_eq!(name(json!({ "name": "ä".repeat(500) })).await, "ä".repeat(80));
    assert_eq!(name(json!({ "name": "\u{200b} ", "preferred_username": "ada.b" })).await, "ada.b");
    assert_eq!(name(json!({ "name": null, "email": "ada@example.com" })).await, "ada@example.com");
    assert_eq!(name(json!({ "name": null })).await, "ada");
}

#[tokio::test]
async fn debug_of_a_person_names_nobody() {
    let fake = Fake::new();
    let person = fake.issuer().verify(&fake.signer.sign(&claims()), NONCE, RULE).await.unwrap();
    assert_eq!(format!("{person:?}"), "Person { roles: {Analyst}, .. }");
}
