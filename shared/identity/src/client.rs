//! How the console proves to the token endpoint that it is the client that it says.
//! <https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication>

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use payonce_protocol::UnixMillis;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{IdentityConfig, secret};

/// One request long.
const ASSERTION_S: u64 = 60;

/// By the names of <https://www.iana.org/assignments/oauth-parameters/oauth-parameters.xhtml#token-endpoint-auth-method>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// No secret: PKCE alone binds the code to us.
    None,
    ClientSecretBasic,
    ClientSecretPost,
    /// `client_secret` leads to a private key; the issuer knows the public one.
    PrivateKeyJwt,
}

impl AuthMethod {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// A private key of the client's: RSA with 2048 bits or more, or P-256.
pub(crate) enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// PKCS #8 in PEM, as `openssl genpkey` writes it.
    pub fn parse(pem: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "is no private key in PKCS #8 PEM, RSA of 2048 bits or more or P-256";
        let inner = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----").ok_or(WRONG)?;
        let inner = inner.strip_suffix("-----END PRIVATE KEY-----").ok_or(WRONG)?;
        let der = STANDARD.decode(inner.split_whitespace().collect::<String>()).map_err(|_| WRONG)?;
        if let Ok(key) = RsaKeyPair::from_pkcs8(&der) {
            return Ok(Self::Rsa(key));
        }
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new());
        key.map(Self::P256).map_err(|_| WRONG)
    }

    /// <https://www.rfc-editor.org/rfc/rfc7523#section-3>, used once.
    pub fn assertion(&self, config: &IdentityConfig, audience: &str, now: UnixMillis) -> Option<String> {
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let Some(id) = &config.client_key_id {
            header["kid"] = id.as_str().into();
        }
        let at = now / 1_000;
        let claims = json!({
            "iss": config.client_id, "sub": config.client_id, "aud": audience, "jti": secret::random()?,
            "iat": at, "exp": at.saturating_add(ASSERTION_S),
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(input.as_bytes())?;
        Some(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(key) => Some(key.sign(&SystemRandom::new(), input).ok()?.as_ref().to_vec()),
        }
    }
}
