//! What an ID token must be. `openidconnect` checks signature, issuer, audience and nonce; the moments and the authorized
//! party are checked here, since there the time cannot be told and the party is ignored.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet};
use openidconnect::{ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError};
use payonce_protocol::UnixMillis;
use serde_json::Value;

use crate::{IdentityConfig, IdentityError, Person};

/// Clocks differ by this much.
pub(crate) const SKEW_MS: u64 = 60_000;
/// From entering a password to the token: more is somebody who was signed in before.
const FRESH_MS: u64 = 300_000;
const TOKEN_BYTES: usize = 32 * 1024;

/// How old a token may be that somebody else held.
#[derive(Clone, Copy, Debug)]
pub struct TokenRule {
    /// Since it was issued.
    pub at_most_ms: u64,
    /// A maker's token may expire while it waits for the checker: it must only have been valid when it was made.
    pub expired_is_fine: bool,
}

pub(crate) struct Expected<'a> {
    pub nonce: &'a str,
    pub rule: TokenRule,
    /// The person must have entered their password or touched their key for this token.
    pub fresh: bool,
    pub now: UnixMillis,
}

pub(crate) struct Verified {
    pub person: Person,
    pub auth_time: Option<UnixMillis>,
}

pub(crate) fn verify(
    token: &str,
    config: &IdentityConfig,
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<Verified, IdentityError> {
    if token.len() > TOKEN_BYTES {
        return Err(IdentityError::TokenMalformed);
    }
    // An empty nonce would bind a token to nothing.
    if expected.nonce.is_empty() {
        return Err(IdentityError::TokenNonce);
    }
    let parsed = CoreIdToken::from_str(token).map_err(|_| IdentityError::TokenMalformed)?;
    let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|_| IdentityError::Unusable)?;
    // As of a public client: with the secret at hand, the library would take an HMAC for a signature.
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(config.client_id.clone()), issuer, keys.clone())
            .set_allowed_algs([
                Algorithm::RsaSsaPkcs1V15Sha256,
                Algorithm::RsaSsaPssSha256,
                Algorithm::EcdsaP256Sha256,
                Algorithm::EdDsa,
            ])
            // Several audiences are decided by the authorized party, below.
            .set_other_audience_verifier_fn(|_| true)
            // 1970: expiry is decided below, against our clock.
            .set_time_fn(Default::default);
    let claims = parsed.claims(&verifier, &Nonce::new(expected.nonce.to_owned())).map_err(|error| refusal(&error))?;
    check_party(claims, config)?;
    let auth_time = check_moments(claims, expected)?;
    let person = payload(token).and_then(|claims| Person::from_claims(&claims, config));
    Ok(Verified { person: person.ok_or(IdentityError::TokenMalformed)?, auth_time })
}

fn check_party(claims: &CoreIdTokenClaims, config: &IdentityConfig) -> Result<(), IdentityError> {
    match claims.authorized_party() {
        Some(party) if party.as_str() != config.client_id => Err(IdentityError::TokenAudience),
        None if claims.audiences().len() > 1 => Err(IdentityError::TokenAudience),
        _ => Ok(()),
    }
}

fn check_moments(claims: &CoreIdTokenClaims, expected: &Expected<'_>) -> Result<Option<UnixMillis>, IdentityError> {
    let millis = |moment: i64| UnixMillis::try_from(moment).map_err(|_| IdentityError::TokenMalformed);
    let issued = millis(claims.issue_time().timestamp_millis())?;
    let expires = millis(claims.expiration().timestamp_millis())?;
    let auth_time = claims.auth_time().map(|moment| millis(moment.timestamp_millis())).transpose()?;
    let Expected { rule, fresh, now, .. } = *expected;
    if issued > now.saturating_add(SKEW_MS) {
        return Err(IdentityError::TokenFromFuture);
    }
    if expires <= if rule.expired_is_fine { issued } else { now } {
        return Err(IdentityError::TokenExpired);
    }
    if now.saturating_sub(issued) > rule.at_most_ms {
        return Err(IdentityError::TokenTooOld);
    }
    let is_fresh = auth_time.is_some_and(|auth_time| {
        auth_time <= issued.saturating_add(SKEW_MS) && issued.saturating_sub(auth_time) <= FRESH_MS
    });
    if fresh && !is_fresh {
        return Err(IdentityError::NotFresh);
    }
    Ok(auth_time)
}

/// All claims, of a token that is verified already: the library keeps only those it knows.
fn payload(token: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn refusal(error: &ClaimsVerificationError) -> IdentityError {
    match error {
        ClaimsVerificationError::Expired(_) => IdentityError::TokenExpired,
        ClaimsVerificationError::InvalidAudience(_) => IdentityError::TokenAudience,
        ClaimsVerificationError::InvalidIssuer(_) => IdentityError::TokenIssuer,
        ClaimsVerificationError::InvalidNonce(_) => IdentityError::TokenNonce,
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::AmbiguousKeyId(_) => {
                IdentityError::TokenKey
            }
            SignatureVerificationError::NoSignature
            | SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_) => IdentityError::TokenAlgorithm,
            _ => IdentityError::TokenSignature,
        },
        _ => IdentityError::TokenMalformed,
    }
}
