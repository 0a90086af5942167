//! Writes of the record client. A conflict with another transaction is certain not to have been applied and passes, so
//! it is tried again here (never for a claim).
//!
//! Within one try the SDK gives every retry the same `ClientRequestToken`, drawn for that try: a lost answer is then
//! answered again. The token is never made from an id of ours, else a second call would be told "done" about the first. The
//! one exception is the claim of a further attempt, whose second call means the first.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::TransactWriteItem;
use tokio::time::{sleep, timeout};

use crate::client::RECORD_WITHIN;
use crate::item::Item;
use crate::powers::Holder;
use crate::single_shot::{ClaimConnection, SingleShot};
use crate::{Ledger, LedgerError};

pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Doubling up to this, a write is tried seven times in 1.3 s.
pub(crate) const LAST_PAUSE: Duration = Duration::from_millis(640);

/// How a transaction ended.
pub(crate) enum Transacted {
    Done,
    /// Nothing was written: these parts found their condition unmet.
    Unmet(Vec<Unmet>),
}

pub(crate) struct Unmet {
    pub(crate) part: usize,
    /// What was there, when the part asked for it.
    pub(crate) item: Option<Item>,
}

/// Why one try wrote nothing.
pub(crate) enum Failure {
    Conflict,
    Other(LedgerError),
}

/// Tries again on a conflict, inside the time of a record.
pub(crate) async fn through_conflicts<T, F>(doing: &'static str, attempt: impl Fn() -> F) -> Result<T, LedgerError>
where
    F: Future<Output = Result<T, Failure>>,
{
    let failed = |why: &str| Err(LedgerError::Failed { doing, why: why.to_owned() });
    let tries = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(Failure::Other(error)) => return Err(error),
                Err(Failure::Conflict) if pause > LAST_PAUSE => return failed("TransactionConflict"),
                Err(Failure::Conflict) => sleep(pause).await,
            }
            pause *= 2;
        }
    };
    timeout(RECORD_WITHIN, tries).await.unwrap_or_else(|_| failed("timeout"))
}

impl<P: Holder> Ledger<P> {
    #[expect(clippy::disallowed_methods, reason = "the one place that sends transactions")]
    pub(crate) async fn transact(
        &self,
        doing: &'static str,
        parts: &[TransactWriteItem],
    ) -> Result<Transacted, LedgerError> {
        through_conflicts(doing, || async {
            let sent = self.records.transact_write_items().set_transact_items(Some(parts.to_vec())).send().await;
            match sent {
                Ok(_) => Ok(Transacted::Done),
                Err(error) => cancelled(doing, &error),
            }
        })
        .await
    }
}

type Sent = Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>>;

impl<P: Holder> Ledger<P> {
    /// Exactly one HTTP request, by the client for claims.
    #[expect(clippy::disallowed_methods, reason = "the one place that sends transactions")]
    pub(crate) async fn send_once(
        &self,
        connection: Option<ClaimConnection>,
        parts: Vec<TransactWriteItem>,
        token: String,
    ) -> Sent {
        let transaction = self.claims.transact_write_items().set_transact_items(Some(parts));
        SingleShot::on(connection, transaction.client_request_token(token).send()).await
    }
}

fn cancelled(doing: &'static str, error: &SdkError<TransactWriteItemsError>) -> Result<Transacted, Failure> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return Err(Failure::of(doing, error));
    };
    let reasons = cancelled.cancellation_reasons();
    let codes = || reasons.iter().filter_map(|reason| reason.code());
    // Throttling cancels a transaction just as a conflict does.
    if codes().any(|code| matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")) {
        return Err(Failure::Conflict);
    }
    let unmet: Vec<Unmet> = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(part, reason)| Unmet { part, item: reason.item.clone() })
        .collect();
    if !unmet.is_empty() {
        return Ok(Transacted::Unmet(unmet));
    }
    let why = codes().find(|code| *code != "None").unwrap_or("TransactionCanceledException").to_owned();
    Err(Failure::Other(LedgerError::Failed { doing, why }))
}

impl Failure {
    pub(crate) fn of<E: ProvideErrorMetadata>(doing: &'static str, error: &SdkError<E>) -> Self {
        let code = error.as_service_error().and_then(|service| service.code());
        match code {
            Some("TransactionConflictException") => Self::Conflict,
            _ => Self::Other(LedgerError::failed(doing, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn cancelled_transaction_says_what_was_wrong_with_the_part_that_was() {
        let reasons = ["None", "ItemCollectionSizeLimitExceeded"].map(|code| CancellationReason::builder().code(code));
        let reasons = reasons.map(|reason| reason.build()).to_vec();
        let error = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons)).build();
        let response = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let error = SdkError::service_error(TransactWriteItemsError::TransactionCanceledException(error), response);
        let Err(Failure::Other(failed)) = cancelled("open a case", &error) else { panic!("it is no conflict") };
        assert_eq!(failed.to_string(), "could not open a case: ItemCollectionSizeLimitExceeded");
    }
}
