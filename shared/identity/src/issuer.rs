//! The issuer: its metadata and keys, the way to it and back (authorization code with PKCE), and the verification of a
//! token that somebody else hands over. Every exchange is the caller's one request; nothing is repeated here.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::url::{Url, form_urlencoded};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    TokenResponse, TokenUrl,
};
use payonce_protocol::UnixMillis;
use payonce_runtime::clock::Clock;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::client::{AuthMethod, SigningKey};
use crate::config::is_safe;
use crate::error::{FetchError, IdentityError};
use crate::token::{Expected, SKEW_MS, TokenRule, Verified, verify};
use crate::{IdentityConfig, Person, secret};

/// One HTTP exchange: one connection, one request, an answer of bounded size, no redirect.
pub type Fetch = Arc<
    dyn Fn(http::Request<Vec<u8>>) -> BoxFuture<'static, Result<http::Response<Vec<u8>>, FetchError>> + Send + Sync,
>;

/// A browser that takes longer starts again.
const SIGN_IN_MS: u64 = 600_000;
/// A token with an unknown key costs the issuer one request, and a flood of them no more than that.
const KEYS_EACH_MS: u64 = 60_000;
const LEFT_ALONE_MS: u64 = 10_000;
/// A key that the issuer withdrew is not trusted for longer, and no key while the issuer cannot be asked.
const KEYS_LIVE_MS: u64 = 3_600_000;
/// <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const QUERY_BYTES: usize = 8 * 1024;

/// Why somebody is sent to the issuer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    SignIn,
    /// A fresh sign-in for one act; the nonce is a hash of what is being approved, so that the token says it, too.
    Confirm {
        nonce: String,
    },
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "SignIn",
            Self::Confirm { .. } => "Confirm",
        })
    }
}

/// What the browser keeps, encrypted, until it comes back.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingSignIn {
    state: String,
    verifier: String,
    nonce: String,
    purpose: Purpose,
    begun_at: UnixMillis,
}

impl PendingSignIn {
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }
}

impl fmt::Debug for PendingSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSignIn").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

pub struct SignedIn {
    pub person: Person,
    /// The issuer's signed token, for payer, which does not trust the console.
    pub id_token: String,
    /// When the person last entered their password or touched their key, if the issuer says so.
    pub auth_time: Option<UnixMillis>,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn")
            .field("person", &self.person)
            .field("auth_time", &self.auth_time)
            .finish_non_exhaustive()
    }
}

/// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>, as far as it is used.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    end_session_endpoint: Option<Url>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    /// When it was last asked for in vain, and why.
    failed: Option<(UnixMillis, IdentityError)>,
    keys: Option<Arc<CoreJsonWebKeySet>>,
    /// When those were asked for: their hour begins there.
    keys_from: UnixMillis,
    /// Of the last request for keys, whatever came of it.
    keys_asked_at: UnixMillis,
}

pub struct Issuer {
    config: IdentityConfig,
    client_secret: Option<String>,
    redirect_uri: String,
    fetch: Fetch,
    clock: Clock,
    known: Mutex<Known>,
}

type Client = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet>;

impl Issuer {
    /// Asks nothing yet. `redirect_uri` may be empty where nobody is sent to sign in.
    pub fn new(
        config: &IdentityConfig,
        client_secret: Option<String>,
        redirect_uri: String,
        fetch: Fetch,
        clock: Clock,
    ) -> Self {
        Self { config: config.clone(), client_secret, redirect_uri, fetch, clock, known: Mutex::default() }
    }

    /// Where to send the browser, and what to keep (in an encrypted cookie) until it comes back.
    pub async fn begin(&self, purpose: &Purpose) -> Result<(String, PendingSignIn), IdentityError> {
        let metadata = self.metadata().await?;
        self.check_auth_method(&metadata)?;
        let random = || secret::random().ok_or(IdentityError::NoRandomness);
        let (state, verifier) = (random()?, random()?);
        let nonce = match purpose {
            Purpose::SignIn => random()?,
            Purpose::Confirm { nonce } if nonce.is_empty() => return Err(IdentityError::TokenNonce),
            Purpose::Confirm { nonce } => nonce.clone(),
        };
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let client = self.client(&metadata)?;
        let (csrf, binding) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || csrf, || binding)
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        if matches!(purpose, Purpose::Confirm { .. }) {
            // Either alone asks for a fresh sign-in; max_age also makes the issuer say when it was.
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
        }
        let (url, _, _) = request.url();
        let kept = PendingSignIn { state, verifier, nonce, purpose: purpose.clone(), begun_at: self.clock.now() };
        Ok((url.into(), kept))
    }

    /// Where roles should stand: a JSON pointer.
    pub fn roles_claim(&self) -> &str {
        &self.config.roles_claim
    }

    /// The browser is back, with this query.
    pub async fn finish(&self, kept: &PendingSignIn, query: &str) -> Result<SignedIn, IdentityError> {
        let now = self.clock.now();
        if now.saturating_sub(kept.begun_at) > SIGN_IN_MS || kept.begun_at > now.saturating_add(SKEW_MS) {
            return Err(IdentityError::TooLate);
        }
        let metadata = self.metadata().await?;
        let code = self.code(&metadata, kept, query)?;
        let token = self.exchange(&metadata, kept, code).await?;
        let is_confirmation = matches!(kept.purpose, Purpose::Confirm { .. });
        let rule = TokenRule { at_most_ms: SIGN_IN_MS, expired_is_fine: false };
        let Verified { person, auth_time } = self.verified(&token, &kept.nonce, rule, is_confirmation).await?;
        // Fresh means: for this act. A sign-in of a minute before we asked does not confirm anything.
        let asked = kept.begun_at.saturating_sub(SKEW_MS);
        if is_confirmation && auth_time.is_none_or(|auth_time| auth_time < asked) {
            return Err(IdentityError::NotFresh);
        }
        Ok(SignedIn { person, id_token: token, auth_time })
    }

    /// A token that somebody else holds: signature, issuer, audience, nonce, and that its person had just signed in
    /// when it was issued.
    pub async fn verify(&self, token: &str, nonce: &str, rule: TokenRule) -> Result<Person, IdentityError> {
        Ok(self.verified(token, nonce, rule, true).await?.person)
    }

    /// Of the page that the browser is sent to, for the `form-action` of a content security policy. Every page asks for it:
    /// an issuer that is away is left alone for a while, as none of them shall wait for it.
    pub async fn origin(&self) -> Result<String, IdentityError> {
        let mut known = self.known.lock().await;
        if let Some((at, error)) = known.failed
            && self.clock.now().saturating_sub(at) < LEFT_ALONE_MS
        {
            return Err(error);
        }
        Ok(self.metadata_of(&mut known).await?.authorization_endpoint.origin().ascii_serialization())
    }

    /// Where to end the person's session at the issuer, if it has such a page. It has a query already; a
    /// `post_logout_redirect_uri` can be added.
    pub async fn end_session(&self) -> Result<Option<String>, IdentityError> {
        Ok(self.metadata().await?.end_session_endpoint.clone().map(|mut url| {
            url.query_pairs_mut().append_pair("client_id", &self.config.client_id);
            url.into()
        }))
    }

    fn auth_method(&self) -> AuthMethod {
        self.config.auth_method(self.client_secret.is_some())
    }

    /// Asked before the person enters a password in vain. Public clients are not looked up: many issuers take them and do
    /// not list `none`.
    fn check_auth_method(&self, metadata: &Metadata) -> Result<(), IdentityError> {
        let method = self.auth_method();
        match &metadata.token_endpoint_auth_methods_supported {
            Some(supported) if method != AuthMethod::None && !supported.iter().any(|one| one == method.as_str()) => {
                tracing::error!(ours = method.as_str(), "the issuer does not list our token_endpoint_auth_method");
                Err(IdentityError::AuthMethod)
            }
            _ => Ok(()),
        }
    }

    fn code(&self, metadata: &Metadata, kept: &PendingSignIn, query: &str) -> Result<String, IdentityError> {
        let answer = Answer::parse(query)?;
        if !answer.state.is_some_and(|state| secret::same(&kept.state, &state)) {
            return Err(IdentityError::OtherState);
        }
        match answer.iss {
            Some(issuer) if issuer != self.config.issuer => return Err(IdentityError::OtherIssuer),
            None if metadata.authorization_response_iss_parameter_supported => return Err(IdentityError::OtherIssuer),
            _ => {}
        }
        match (answer.error.as_deref(), answer.code) {
            (Some("access_denied" | "login_required" | "interaction_required" | "consent_required"), _) => {
                Err(IdentityError::Declined)
            }
            (Some("temporarily_unavailable" | "server_error"), _) => Err(IdentityError::Unreachable),
            (Some(_), _) => Err(IdentityError::Refused),
            (None, Some(code)) if !code.is_empty() => Ok(code),
            (None, _) => Err(IdentityError::Malformed),
        }
    }

    async fn exchange(&self, metadata: &Metadata, kept: &PendingSignIn, code: String) -> Result<String, IdentityError> {
        let client = self.client(metadata)?;
        let mut request = client
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(kept.verifier.clone()));
        if let (AuthMethod::PrivateKeyJwt, Some(pem)) = (self.auth_method(), &self.client_secret) {
            let key = SigningKey::parse(pem).map_err(|_| IdentityError::AuthMethod)?;
            let assertion = key.assertion(&self.config, metadata.token_endpoint.as_str(), self.clock.now());
            request = request
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion.ok_or(IdentityError::NoRandomness)?);
        }
        let answer = request.request_async(&Http(&self.fetch)).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => IdentityError::CodeRefused,
            RequestTokenError::Request(_) => IdentityError::Unreachable,
            _ => IdentityError::Unusable,
        })?;
        Ok(answer.id_token().ok_or(IdentityError::NoToken)?.to_string())
    }

    async fn verified(
        &self,
        token: &str,
        nonce: &str,
        rule: TokenRule,
        fresh: bool,
    ) -> Result<Verified, IdentityError> {
        let keys = self.keys().await?;
        let expected = Expected { nonce, rule, fresh, now: self.clock.now() };
        let refused = match verify(token, &self.config, &keys, &expected) {
            Err(refused @ (IdentityError::TokenKey | IdentityError::TokenSignature)) => refused,
            decided => return decided,
        };
        match self.keys_after(&keys).await {
            Some(keys) => verify(token, &self.config, &keys, &expected),
            None => Err(refused),
        }
    }

    /// Without keys: they come from us, not from the library, which asks for them when nobody needs them.
    fn client(&self, metadata: &Metadata) -> Result<Client, IdentityError> {
        let unusable = |_| IdentityError::Unusable;
        let client = CoreClient::new(
            ClientId::new(self.config.client_id.clone()),
            IssuerUrl::new(self.config.issuer.clone()).map_err(unusable)?,
            CoreJsonWebKeySet::default(),
        )
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
        .set_redirect_uri(RedirectUrl::new(self.redirect_uri.clone()).map_err(unusable)?);
        let secret = self.client_secret.clone().map(ClientSecret::new);
        Ok(match (self.auth_method(), secret) {
            (AuthMethod::ClientSecretBasic, Some(secret)) => {
                client.set_client_secret(secret).set_auth_type(AuthType::BasicAuth)
            }
            (AuthMethod::ClientSecretPost, Some(secret)) => {
                client.set_client_secret(secret).set_auth_type(AuthType::RequestBody)
            }
            // The key signs; it is never sent.
            _ => client.set_auth_type(AuthType::RequestBody),
        })
    }

    /// Asked for once, and again only if that failed.
    async fn metadata(&self) -> Result<Arc<Metadata>, IdentityError> {
        self.metadata_of(&mut *self.known.lock().await).await
    }

    async fn metadata_of(&self, known: &mut Known) -> Result<Arc<Metadata>, IdentityError> {
        if let Some(metadata) = &known.metadata {
            return Ok(metadata.clone());
        }
        let fresh = self.fresh_metadata().await;
        known.failed = fresh.as_ref().err().map(|error| (self.clock.now(), *error));
        Ok(known.metadata.insert(Arc::new(fresh?)).clone())
    }

    async fn fresh_metadata(&self) -> Result<Metadata, IdentityError> {
        let base = self.config.issuer.trim_end_matches('/');
        let metadata: Metadata = self.read(&format!("{base}/.well-known/openid-configuration")).await?;
        let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        let is_usable = metadata.issuer == self.config.issuer
            && endpoints.into_iter().chain(&metadata.end_session_endpoint).all(|url| is_safe(url).is_ok());
        if is_usable { Ok(metadata) } else { Err(IdentityError::Unusable) }
    }

    async fn keys(&self) -> Result<Arc<CoreJsonWebKeySet>, IdentityError> {
        let mut known = self.known.lock().await;
        match &known.keys {
            Some(keys) if self.clock.now().saturating_sub(known.keys_from) <= KEYS_LIVE_MS => Ok(keys.clone()),
            _ => self.fetch_keys(&mut known).await,
        }
    }

    /// Other keys than these, which did not verify a token. None when there are none, or it is too early to ask.
    async fn keys_after(&self, tried: &Arc<CoreJsonWebKeySet>) -> Option<Arc<CoreJsonWebKeySet>> {
        let mut known = self.known.lock().await;
        match &known.keys {
            // Somebody else asked while we tried.
            Some(keys) if !Arc::ptr_eq(keys, tried) => Some(keys.clone()),
            _ if self.clock.now().saturating_sub(known.keys_asked_at) < KEYS_EACH_MS => None,
            _ => self.fetch_keys(&mut known).await.ok(),
        }
    }

    async fn fetch_keys(&self, known: &mut Known) -> Result<Arc<CoreJsonWebKeySet>, IdentityError> {
        let metadata = self.metadata_of(known).await?;
        // Before the request: one that fails or is given up counts, too.
        let asked_at = self.clock.now();
        known.keys_asked_at = asked_at;
        let keys = Arc::new(self.read(metadata.jwks_uri.as_str()).await?);
        known.keys_from = asked_at;
        Ok(known.keys.insert(keys).clone())
    }

    async fn read<T: DeserializeOwned>(&self, url: &str) -> Result<T, IdentityError> {
        let request = http::Request::get(url)
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| IdentityError::Unusable)?;
        let answer = (self.fetch)(request).await.map_err(|error| {
            tracing::warn!(reason = error.0, "the issuer does not answer");
            IdentityError::Unreachable
        })?;
        match answer.status().as_u16() {
            200 => serde_json::from_slice(answer.body()).map_err(|_| IdentityError::Unusable),
            500.. => Err(IdentityError::Unreachable),
            _ => Err(IdentityError::Unusable),
        }
    }
}

/// Named, where a closure would do: with one, the compiler cannot tell that the future may change threads.
struct Http<'f>(&'f Fetch);

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = FetchError;
    type Future = BoxFuture<'static, Result<http::Response<Vec<u8>>, FetchError>>;

    fn call(&'c self, request: http::Request<Vec<u8>>) -> Self::Future {
        (self.0)(request)
    }
}

#[derive(Default)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

impl Answer {
    /// A parameter that stands twice is refused (RFC 6749, 3.1): two readers could each see another one.
    fn parse(query: &str) -> Result<Self, IdentityError> {
        if query.len() > QUERY_BYTES {
            return Err(IdentityError::Malformed);
        }
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "code" => &mut answer.code,
                "state" => &mut answer.state,
                "error" => &mut answer.error,
                "iss" => &mut answer.iss,
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(IdentityError::Malformed);
            }
        }
        Ok(answer)
    }
}
