//! What DynamoDB's answer to one conditional put of a claim means. Whatever is not certain is `NoAnswer`: the protocol
//! then sends the identical put once more, and never pays on a guess.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use payonce_protocol::event::{ClaimAnswer, ClaimFacts};
use payonce_protocol::ids::AttemptId;

use crate::audit::claim::Claim;
use crate::audit::closing::{facts_of, is_no_attempt};
use crate::error::word;
use crate::item::{Item, ItemReader};

pub(crate) fn classify(ours: &Claim, answer: Result<PutItemOutput, SdkError<PutItemError>>) -> ClaimAnswer {
    let error = match answer {
        Ok(_) => return ClaimAnswer::Written,
        Err(error) => error,
    };
    let means = refused(ours, &error);
    if !matches!(means, ClaimAnswer::Taken(_) | ClaimAnswer::Closed(_)) {
        tracing::warn!(
            payout_key = %ours.key, attempt_id = %ours.attempt_id, why = word(&error), answer = in_a_word(&means),
            "a claim was not confirmed"
        );
    }
    means
}

/// For the log.
pub(crate) fn in_a_word(means: &ClaimAnswer) -> &'static str {
    match means {
        ClaimAnswer::Written => "written",
        ClaimAnswer::Taken(_) => "taken",
        ClaimAnswer::Closed(_) => "closed",
        ClaimAnswer::NoAnswer => "no_answer",
        ClaimAnswer::NotApplied => "not_applied",
        ClaimAnswer::Unacceptable => "unacceptable",
    }
}

fn refused(ours: &Claim, error: &SdkError<PutItemError>) -> ClaimAnswer {
    let service = match error {
        SdkError::ServiceError(service) => service,
        // Never left this process: no credentials, for example.
        SdkError::ConstructionFailure(_) => return ClaimAnswer::NotApplied,
        _ => return ClaimAnswer::NoAnswer,
    };
    let status = service.raw().status().as_u16();
    if let PutItemError::ConditionalCheckFailedException(failed) = service.err() {
        return failed.item().map_or(ClaimAnswer::NoAnswer, |item| theirs(ours, item));
    }
    match service.err().code() {
        Some("ValidationException" | "SerializationException" | "ItemCollectionSizeLimitExceededException") => {
            ClaimAnswer::Unacceptable
        }
        Some(
            "ThrottlingException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ReplicatedWriteConflictException",
        ) => ClaimAnswer::NoAnswer,
        // Any other refusal in DynamoDB's own words: access denied, no such table, a stale signature; and a transaction that holds the
        // item, which is certain, and not repeated: fail closed.
        Some(_) if (400..500).contains(&status) => ClaimAnswer::NotApplied,
        _ => ClaimAnswer::NoAnswer,
    }
}

/// What stands in the way. A claim of a newer schema, or one that cannot be read, is somebody else's whatever it
/// says; what is readable of its event and terms still counts, the rest is taken as a plain duplicate.
pub(crate) fn theirs(ours: &Claim, item: &Item) -> ClaimAnswer {
    if is_no_attempt(item) {
        return ClaimAnswer::Closed(facts_of(item));
    }
    ClaimAnswer::Taken(their_claim(ours, item))
}

fn their_claim(ours: &Claim, item: &Item) -> ClaimFacts {
    let newer = ItemReader::new("the claim", item).is_newer();
    match Claim::from_item(item) {
        Ok(claim) if !newer => claim.facts(),
        read => {
            tracing::error!(
                payout_key = %ours.key,
                "a claim of a newer schema, or an unreadable one, stands here: taken as a duplicate"
            );
            let facts = read.map_or(ours.facts(), |claim| claim.facts());
            ClaimFacts { attempt_id: not(ours.attempt_id), ..facts }
        }
    }
}

/// An id that is certainly not `id`.
fn not(id: AttemptId) -> AttemptId {
    AttemptId(id.0.map(|byte| !byte))
}

#[cfg(test)]
mod tests {
    use payonce_protocol::order::Mode;

    use super::*;
    use crate::persisted_tests::claim;

    #[test]
    fn a_put_that_never_left_wrote_nothing_and_one_without_an_answer_may_have() {
        let means = |error| classify(&claim(Mode::Live), Err(error));
        assert_eq!(means(SdkError::construction_failure("no credentials")), ClaimAnswer::NotApplied);
        assert_eq!(means(SdkError::timeout_error("late")), ClaimAnswer::NoAnswer);
    }
}
