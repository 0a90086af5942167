//! The claim of a further attempt, by payer: one transaction with the case that two people decided. It is written only
//! while the attempt before it stands as it was seen, neither accepted nor reported on late, and the case as it was approved.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Status, next};
use payonce_protocol::event::ClaimAnswer;
use payonce_protocol::fact::Facts;
use payonce_protocol::order::PayoutKey;

use crate::audit::claim::Claim;
use crate::audit::claim_answer;
use crate::audit::payout::own_order;
use crate::cases::case::{FiledCase, Resolution, Who};
use crate::cases::case_item::history;
use crate::keys::Versioned;
use crate::powers::{Acts, Claims, Reads};
use crate::single_shot::ClaimConnection;
use crate::{Ledger, LedgerError};

/// Two people's decision on a case.
#[derive(Clone, Copy, Debug)]
pub struct FurtherDecision<'a> {
    /// The case as it was approved.
    pub case: &'a FiledCase,
    pub checker: &'a Who,
    /// What the history keeps: hashes of both tokens, what the source payment's state was, …
    pub facts: &'a Facts,
    /// The key that the event's rule derives: an order of its own has another. A blocking event of it bars every attempt.
    pub unless_barred: &'a PayoutKey,
    /// No attempt came before: people had closed the payout, and were wrong.
    pub after_closing: bool,
    pub at: UnixMillis,
}

impl<P: Reads> Ledger<P> {
    /// Exactly one HTTP request. Asked a second time with the same claim it sends the identical transaction under the same
    /// token, which is the claim's own: DynamoDB answers that as it answered the first.
    pub async fn put_further_claim(
        &self,
        connection: Option<ClaimConnection>,
        claim: &Claim,
        decided: FurtherDecision<'_>,
    ) -> ClaimAnswer
    where
        P: Claims + Acts,
    {
        let Ok(parts) = self.further_claim(claim, decided) else { return ClaimAnswer::NotApplied };
        let token = claim.attempt_id.to_string();
        let answer = self.send_once(connection, parts, token).await;
        let Err(error) = answer else { return ClaimAnswer::Written };
        let means = refused(claim, &error);
        let answer = claim_answer::in_a_word(&means);
        tracing::warn!(payout_key = %claim.key, attempt_id = %claim.attempt_id, answer, "a claim was not confirmed");
        means
    }

    fn further_claim(
        &self,
        claim: &Claim,
        decided: FurtherDecision<'_>,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let seen = decided.case;
        let resolution =
            Resolution { approved_by: decided.checker.clone(), at: decided.at, attempt: Some(claim.attempt) };
        let status = next(seen.status, Act::Approve).ok_or(NOT_AWAITED)?;
        let after = FiledCase { status, resolution: Some(resolution), ..seen.clone() };
        let id = seen.case.id();
        let act = Act::Approve.as_str();
        let record = history(Versioned::Case(id), seen.version + 1, act, decided.checker, decided.at, decided.facts);
        let mut parts = vec![
            self.audit.append_with(claim.to_item(self.shards))?,
            self.move_on_by_another(seen, after, decided.checker)?,
            self.put_new(record)?,
        ];
        parts.push(self.audit.not_barred(decided.unless_barred)?);
        match claim.attempt.checked_sub(1).filter(|before| *before > 0) {
            Some(before) if decided.after_closing => parts.push(self.audit.closed(&claim.key, before)?),
            Some(before) => {
                parts.push(self.audit.ended_unpaid(&claim.key, before)?);
                parts.push(self.audit.not_late(&claim.key, before)?);
            }
            None => {}
        }
        let is_its_first = claim.attempt == 1 || decided.after_closing;
        if is_its_first && claim.key != *decided.unless_barred {
            parts.push(self.audit.append_with(own_order(decided.unless_barred, &claim.key))?);
        }
        Ok(parts)
    }

    /// From the version that was seen to the next, by somebody who is not the maker: the same person fails the condition.
    pub(crate) fn move_on_by_another(
        &self,
        seen: &FiledCase,
        next: FiledCase,
        by: &Who,
    ) -> Result<TransactWriteItem, LedgerError> {
        debug_assert!(next.status == Status::Resolved);
        let part = self.move_on(seen, next)?;
        let put = part.put.ok_or(NOT_AWAITED)?;
        let condition = format!("{} AND #proposal.#by <> :by", put.condition_expression().unwrap_or_default());
        let mut names = put.expression_attribute_names.unwrap_or_default();
        names.extend([("#proposal", "proposal"), ("#by", "by")].map(|(name, of)| (name.to_owned(), of.to_owned())));
        let mut values = put.expression_attribute_values.unwrap_or_default();
        values.insert(":by".to_owned(), AttributeValue::S(by.subject.clone()));
        let put = aws_sdk_dynamodb::types::Put::builder()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

const NOT_AWAITED: LedgerError = LedgerError::Missing { what: "a proposal that awaits approval" };

/// The claim is the first part.
fn refused(ours: &Claim, error: &SdkError<TransactWriteItemsError>) -> ClaimAnswer {
    let service = match error {
        SdkError::ServiceError(service) => service,
        SdkError::ConstructionFailure(_) => return ClaimAnswer::NotApplied,
        _ => return ClaimAnswer::NoAnswer,
    };
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = service.err() {
        let reasons = cancelled.cancellation_reasons();
        let claim = reasons.first();
        return match claim.and_then(|reason| reason.code()) {
            Some("ConditionalCheckFailed") => {
                let there = claim.and_then(|reason| reason.item());
                there.map_or(ClaimAnswer::NoAnswer, |item| claim_answer::theirs(ours, item))
            }
            // Nothing of a cancelled transaction is written: the case or the attempt before is not what it was.
            _ => ClaimAnswer::NotApplied,
        };
    }
    match service.err().code() {
        Some("TransactionInProgressException" | "IdempotentParameterMismatchException") => ClaimAnswer::NoAnswer,
        Some("ThrottlingException" | "ProvisionedThroughputExceededException" | "RequestLimitExceeded") => {
            ClaimAnswer::NoAnswer
        }
        Some(_) if (400..500).contains(&service.raw().status().as_u16()) => ClaimAnswer::NotApplied,
        _ => ClaimAnswer::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;
    use payonce_protocol::order::Mode;

    use super::*;
    use crate::persisted_tests::claim;

    /// Taken for "not written", a claim that stands would be believed free; taken for "no answer", one that was refused is put again.
    #[test]
    fn a_further_claim_is_not_written_only_where_dynamodb_or_this_process_says_so() {
        let said = |status: u16, code: &str| {
            let error = TransactWriteItemsError::generic(ErrorMetadata::builder().code(code).build());
            SdkError::service_error(error, HttpResponse::new(status.try_into().unwrap(), SdkBody::empty()))
        };
        for (error, means) in [
            (SdkError::construction_failure("no credentials"), ClaimAnswer::NotApplied),
            (SdkError::timeout_error("late"), ClaimAnswer::NoAnswer),
            (said(400, "TransactionInProgressException"), ClaimAnswer::NoAnswer),
            (said(400, "IdempotentParameterMismatchException"), ClaimAnswer::NoAnswer),
            (said(400, "ThrottlingException"), ClaimAnswer::NoAnswer),
            (said(400, "ProvisionedThroughputExceededException"), ClaimAnswer::NoAnswer),
            (said(400, "RequestLimitExceeded"), ClaimAnswer::NoAnswer),
            (said(400, "AccessDeniedException"), ClaimAnswer::NotApplied),
            (said(500, "InternalServerError"), ClaimAnswer::NoAnswer),
        ] {
            assert_eq!(refused(&claim(Mode::Live), &error), means, "{error:?}");
        }
    }
}
