//! What can go wrong with the tables. Of DynamoDB's answer only its error code is kept: a message may quote an item.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    #[error("the DynamoDB endpoint {0} is not on a loopback host, and only AWS's own is used elsewhere")]
    Endpoint(String),
    #[error("no DynamoDB is known in a region of the name {0}")]
    Region(String),
    /// `why` is DynamoDB's error code, or how the call ended without one.
    #[error("could not {doing}: {why}")]
    Failed { doing: &'static str, why: String },
    #[error("{what} was changed by somebody else meanwhile: read it again")]
    Changed { what: &'static str },
    #[error("{what} does not exist")]
    Missing { what: &'static str },
    #[error("{what} has no readable attribute `{attribute}`")]
    Unreadable { what: &'static str, attribute: &'static str },
}

impl LedgerError {
    pub(crate) fn failed<E: ProvideErrorMetadata>(doing: &'static str, error: &SdkError<E>) -> Self {
        Self::Failed { doing, why: word(error) }
    }
}

impl From<BuildError> for LedgerError {
    fn from(_: BuildError) -> Self {
        Self::Failed { doing: "build a request", why: "incomplete".to_owned() }
    }
}

/// DynamoDB's error code, or how the call ended without one.
pub(crate) fn word<E: ProvideErrorMetadata>(error: &SdkError<E>) -> String {
    let without_code = match error {
        SdkError::ConstructionFailure(_) => "not_sent",
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "connection",
        SdkError::ResponseError(_) => "unreadable_answer",
        _ => "unknown_error",
    };
    error.as_service_error().and_then(|service| service.code()).unwrap_or(without_code).to_owned()
}
