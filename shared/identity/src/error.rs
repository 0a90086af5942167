//! Why somebody is not signed in: a sentence for the person, and a stable word for the log. Nothing that an issuer or a
//! browser wrote is repeated in either.

use thiserror::Error;

/// The exchange with the issuer did not come to an answer. Holds a word of ours for the log, never foreign text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no answer: {0}")]
pub struct FetchError(pub &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    #[error("The sign-in service does not answer. Try again in a minute.")]
    Unreachable,
    #[error("The sign-in service gave an answer that cannot be used. An administrator must look at its configuration.")]
    Unusable,
    #[error(
        "The sign-in service does not take the way in which payonce proves itself to it. An administrator must change \
         console.identity.token_endpoint_auth_method to one that the service supports."
    )]
    AuthMethod,
    #[error("The system gives no random bytes. Try again in a minute.")]
    NoRandomness,
    #[error("You did not complete the sign-in. Start again.")]
    Declined,
    #[error("The sign-in service refused. Start again, or ask an administrator.")]
    Refused,
    #[error("This answer of the sign-in service cannot be read. Start again.")]
    Malformed,
    #[error("This answer belongs to another sign-in. Start again, in one window.")]
    OtherState,
    #[error("This sign-in took longer than ten minutes. Start again.")]
    TooLate,
    #[error("This answer comes from another sign-in service.")]
    OtherIssuer,
    #[error("The sign-in service did not take the code back. Start again.")]
    CodeRefused,
    #[error("The sign-in service did not say who you are. An administrator must look at its configuration.")]
    NoToken,
    #[error("The proof of identity cannot be read.")]
    TokenMalformed,
    #[error("The proof of identity is signed in a way that is not accepted.")]
    TokenAlgorithm,
    #[error("The proof of identity is signed with a key that the sign-in service does not publish.")]
    TokenKey,
    #[error("The proof of identity is not signed by the sign-in service.")]
    TokenSignature,
    #[error("The proof of identity comes from another sign-in service.")]
    TokenIssuer,
    #[error("The proof of identity is for another application.")]
    TokenAudience,
    #[error("The proof of identity was made for something else.")]
    TokenNonce,
    #[error("The proof of identity has expired. Sign in again.")]
    TokenExpired,
    #[error("The proof of identity is dated in the future.")]
    TokenFromFuture,
    #[error("The proof of identity is too old. Sign in again.")]
    TokenTooOld,
    #[error("This needs a fresh sign-in, with your password or key. Sign in again.")]
    NotFresh,
}

impl IdentityError {
    /// The same for ever: logs and alarms are searched for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable => "issuer_unreachable",
            Self::Unusable => "issuer_unusable",
            Self::AuthMethod => "auth_method",
            Self::NoRandomness => "no_randomness",
            Self::Declined => "declined",
            Self::Refused => "refused",
            Self::Malformed => "answer_malformed",
            Self::OtherState => "other_state",
            Self::TooLate => "too_late",
            Self::OtherIssuer => "other_issuer",
            Self::CodeRefused => "code_refused",
            Self::NoToken => "no_token",
            Self::TokenMalformed => "token_malformed",
            Self::TokenAlgorithm => "token_algorithm",
            Self::TokenKey => "token_key",
            Self::TokenSignature => "token_signature",
            Self::TokenIssuer => "token_issuer",
            Self::TokenAudience => "token_audience",
            Self::TokenNonce => "token_nonce",
            Self::TokenExpired => "token_expired",
            Self::TokenFromFuture => "token_from_future",
            Self::TokenTooOld => "token_too_old",
            Self::NotFresh => "not_fresh",
        }
    }
}
