//! Tells whoever depends on a payout how it ended: each attempt's outcome and each case that was resolved becomes an event on an
//! EventBridge bus. It only reads, and nothing that pays is told anything (`infra/notices.md` describes the events).
//!
//! What the streams hand over only names an attempt or a case; what is told is how it stands in the tables now. So a batch that comes
//! again, or late, tells nothing old.

mod notice;

use std::collections::BTreeSet;
use std::sync::Arc;

use payonce_ledger::{Ledger, LedgerError, ended_attempt, is_case, powers};
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_runtime::aws::{Ask, Aws, NoAnswer};
use payonce_runtime::clock::Clock;
use payonce_runtime::start::Tables;
use serde::Serialize;
use serde_json::{Value, json};

pub use notice::{Notice, SCHEMA};

/// Entries of one request: <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
const ENTRIES_AT_MOST: usize = 10;
const SOURCE: &str = "payonce";

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("PAYONCE_NOTICES_BUS is not set")]
    Bus,
}

/// Why the stream hands the batch over again.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the bus could not be reached: {0}")]
    Bus(#[from] NoAnswer),
    #[error("the bus took {taken} of {given} events: {code}")]
    Entries { taken: usize, given: usize, code: String },
}

/// Whom something is to be told about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Attempt(PayoutKey, u16),
    Case(CaseId),
}

impl Subject {
    /// What cannot be told is named and passed by: handed over again, it would keep everything behind it in its shard from being told.
    fn is_passed_by(&self, why: &dyn std::fmt::Display) {
        match self {
            Self::Attempt(key, attempt) => tracing::error!(payout_key = %key, attempt, %why, "nobody is told"),
            Self::Case(case) => tracing::error!(%case, %why, "nobody is told"),
        }
    }
}

pub struct App {
    ledger: Arc<Ledger<powers::Notices>>,
    bus: String,
    aws: Aws,
    clock: Clock,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub told: usize,
}

impl App {
    pub fn new(started: Tables<powers::Notices>) -> Result<Self, StartError> {
        let bus = started.environment.notices_bus.clone().ok_or(StartError::Bus)?;
        let aws = Aws::new(&started.environment, started.clock.clone());
        Ok(Self { ledger: started.ledger, bus, aws, clock: started.clock })
    }

    /// One batch of a stream: all of it was told, or an error.
    pub async fn run(&self, batch: &Value) -> Result<Report, NotTold> {
        let mut notices = vec![];
        for subject in subjects(batch) {
            match self.notice(&subject).await {
                Ok(Some(notice)) => notices.push(notice),
                Ok(None) => subject.is_passed_by(&"the stream names what the tables do not have"),
                Err(error @ LedgerError::Unreadable { .. }) => subject.is_passed_by(&error),
                Err(error) => return Err(error.into()),
            }
        }
        for some in notices.chunks(ENTRIES_AT_MOST) {
            self.put(some).await?;
        }
        tracing::info!(told = notices.len(), "notices sent");
        Ok(Report { told: notices.len() })
    }

    async fn notice(&self, subject: &Subject) -> Result<Option<Notice>, LedgerError> {
        let now = self.clock.now();
        Ok(match subject {
            Subject::Attempt(key, attempt) => {
                let payout = self.ledger.payout(key).await?;
                let attempted = payout.attempts.iter().find(|of| of.claim.attempt == *attempt);
                attempted.and_then(|attempted| Notice::of_attempt(attempted, now))
            }
            Subject::Case(id) => self.ledger.case(id).await?.map(|filed| Notice::of_case(&filed, now)),
        })
    }

    async fn put(&self, notices: &[Notice]) -> Result<(), NotTold> {
        let entries: Vec<Value> = notices
            .iter()
            .map(|notice| {
                json!({
                    "EventBusName": self.bus,
                    "Source": SOURCE,
                    "DetailType": notice.detail_type,
                    "Time": notice.at / 1000,
                    "Detail": notice.detail.to_string(),
                })
            })
            .collect();
        let operation = Some(("1.1", "AWSEvents.PutEvents", json!({ "Entries": entries })));
        let answer = self.aws.ask(&Ask { service: "events", path: "/".to_owned(), operation }).await?;
        let answered = answer["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        let taken = answered.iter().filter(|entry| entry["EventId"].is_string()).count();
        if taken == notices.len() {
            return Ok(());
        }
        let code =
            answered.iter().find_map(|entry| entry["ErrorCode"].as_str()).unwrap_or("no reason given").to_owned();
        Err(NotTold::Entries { taken, given: notices.len(), code })
    }
}

/// Each once. A record that names neither an attempt's end nor a case is passed by.
fn subjects(batch: &Value) -> BTreeSet<Subject> {
    let records = batch["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if records.is_empty() {
        tracing::error!("the stream handed over no records");
    }
    records.iter().filter_map(subject).collect()
}

fn subject(record: &Value) -> Option<Subject> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let (pk, sk) = (text("/dynamodb/Keys/pk/S")?, text("/dynamodb/Keys/sk/S")?);
    if let Some(attempt) = ended_attempt(sk) {
        return Some(Subject::Attempt(PayoutKey::new(pk).ok()?, attempt));
    }
    is_case(sk).then(|| CaseId::parse(pk).map(Subject::Case)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pk: &str, sk: &str) -> Value {
        json!({ "eventName": "INSERT", "dynamodb": { "Keys": { "pk": { "S": pk }, "sk": { "S": sk } } } })
    }

    #[test]
    fn each_attempt_and_case_is_told_once_and_nothing_else() {
        let case = "20b08ebd-f665-8c43-b6ef-eee1de011172";
        let batch = json!({ "Records": [
            record("stripe/pi_1", "0001#outcome"),
            record("stripe/pi_1", "0001#late"),
            record("stripe/pi_1", "0002#outcome"),
            record("stripe/pi_1", "0001#claim"),
            record("stripe/pi_1", "0000#barred"),
            record(case, "case"),
            record("control", "hold"),
            json!({}),
        ] });
        let key = PayoutKey::new("stripe/pi_1").unwrap();
        let expected =
            [Subject::Attempt(key.clone(), 1), Subject::Attempt(key, 2), Subject::Case(CaseId::parse(case).unwrap())];
        assert_eq!(subjects(&batch), expected.into());
        assert!(subjects(&json!({ "Records": "x" })).is_empty());
    }
}
