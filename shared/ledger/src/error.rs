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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response() -> HttpResponse {
        HttpResponse::new(400.try_into().unwrap(), SdkBody::empty())
    }

    /// What a person on call reads of a claim that was not confirmed.
    #[test]
    fn error_is_named_by_dynamodbs_code_or_by_how_the_call_ended() {
        let refused = |code: Option<&str>| {
            let metadata = code.into_iter().fold(ErrorMetadata::builder(), |metadata, code| metadata.code(code));
            SdkError::service_error(PutItemError::generic(metadata.build()), response())
        };
        let connector = ConnectorError::io("reset".into());
        for (error, name) in [
            (refused(Some("AccessDeniedException")), "AccessDeniedException"),
            (refused(None), "unknown_error"),
            (SdkError::construction_failure("no credentials"), "not_sent"),
            (SdkError::timeout_error("late"), "timeout"),
            (SdkError::dispatch_failure(connector), "connection"),
            (SdkError::response_error("no JSON", response()), "unreadable_answer"),
        ] {
            assert_eq!(word::<PutItemError>(&error), name);
        }
    }
}
