//! Holds payouts when an audit record was changed or removed. Nothing here ever does that, and IAM cannot demand the
//! condition that makes it impossible (claims-are-forever): whoever did it, payments wait until a person has looked.
//!
//! It does not trust the shape of what it is handed: a record that it cannot read holds payouts all the same.
//!
//! ```no_run
//! # use payonce_ledger::Ledger;
//! # use payonce_runtime::clock::Clock;
//! # use payonce_runtime::metrics::Metrics;
//! # async fn watches(ledger: std::sync::Arc<Ledger<payonce_ledger::powers::AuditWatch>>, batch: serde_json::Value) -> Result<(), audit_watch::NotHeld> {
//! let clock = Clock::system();
//! audit_watch::App::new(ledger, clock.clone(), Metrics::stdout(clock)).run(&batch).await?;
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use payonce_ledger::{Ledger, LedgerError, powers};
use payonce_protocol::hold::Hold;
use payonce_runtime::clock::Clock;
use payonce_runtime::metrics::Metrics;
use serde_json::{Value, json};

/// Somebody else may move the control item at the same moment, but not again and again.
const TRIES: u32 = 5;

/// Why payouts may still be made although a record was changed; the stream hands the batch over again.
#[derive(Debug, thiserror::Error)]
#[error("payouts could not be held: {0}")]
pub struct NotHeld(#[from] LedgerError);

pub struct App {
    ledger: Arc<Ledger<powers::AuditWatch>>,
    clock: Clock,
    metrics: Metrics,
}

impl App {
    pub fn new(ledger: Arc<Ledger<powers::AuditWatch>>, clock: Clock, metrics: Metrics) -> Self {
        Self { ledger, clock, metrics }
    }

    /// One batch of the stream. Holding twice does no harm, so the stream may repeat it.
    pub async fn run(&self, batch: &Value) -> Result<Value, NotHeld> {
        let mut metrics = self.metrics.watch();
        let changed: Vec<Changed<'_>> = changed(batch).collect();
        for record in &changed {
            metrics.overwritten();
            tracing::error!(
                event = record.event,
                record_id = record.id,
                payout_key = record.pk,
                sk = record.sk,
                "an audit record was changed or removed; payouts are held until a person has looked"
            );
        }
        let Some(first) = changed.first() else {
            tracing::warn!("the stream handed over nothing that was changed; is its filter in place?");
            return Ok(json!({ "changed": 0 }));
        };
        let why = format!("{} audit records were changed or removed, the first: {first}", changed.len());
        let hold = self.hold(&why).await?;
        Ok(json!({ "changed": changed.len(), "hold": hold.as_str() }))
    }

    /// The hold that stands afterwards. What a person has set stays: neither of the others pays.
    async fn hold(&self, why: &str) -> Result<Hold, NotHeld> {
        let mut tries = 0;
        loop {
            match self.ledger.control().await? {
                Some(control) if control.hold != Hold::Pay => return Ok(control.hold),
                _ => {}
            }
            tries += 1;
            match self.ledger.stop_payouts("audit-watch", why, self.clock.now()).await {
                Ok(control) => return Ok(control.hold),
                Err(LedgerError::Changed { .. }) if tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What may be said of a record: its keys hold no personal data, its images may.
struct Changed<'a> {
    event: &'a str,
    /// The stream's, which tells a repeated record from another one.
    id: &'a str,
    pk: &'a str,
    sk: &'a str,
}

impl std::fmt::Display for Changed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} {}", self.event, self.pk, self.sk)
    }
}

/// All records but those that were put where nothing was.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
fn changed(batch: &Value) -> impl Iterator<Item = Changed<'_>> {
    let unreadable = batch["Records"].as_array().is_none().then_some(batch);
    let records = batch["Records"].as_array().into_iter().flatten();
    unreadable.into_iter().chain(records).filter(|record| record["eventName"] != "INSERT").map(|record| {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
        let (pk, sk) = (text("/dynamodb/Keys/pk/S"), text("/dynamodb/Keys/sk/S"));
        Changed { event: text("/eventName"), id: text("/eventID"), pk, sk }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(batch: &Value) -> Vec<String> {
        changed(batch).map(|record| record.to_string()).collect()
    }

    fn record(event: &str) -> Value {
        json!({ "eventID": "e1", "eventName": event, "dynamodb": { "Keys": { "pk": { "S": "stripe/pi_1" }, "sk": { "S": "0001#claim" } } } })
    }

    #[test]
    fn passes_by_new_records() {
        assert!(told(&json!({ "Records": [record("INSERT")] })).is_empty());
    }

    #[test]
    fn sees_each_changed_or_removed_record() {
        let batch = json!({ "Records": [record("INSERT"), record("MODIFY"), record("REMOVE")] });
        assert_eq!(told(&batch), ["MODIFY of stripe/pi_1 0001#claim", "REMOVE of stripe/pi_1 0001#claim"]);
        assert!(changed(&batch).all(|record| record.id == "e1"));
    }

    #[test]
    fn counts_an_unreadable_record_as_a_change() {
        for strange in [json!({}), json!([]), json!("x"), json!({ "Records": {} }), json!({ "Records": [1] })] {
            assert_eq!(told(&strange).len(), 1, "{strange}");
        }
        assert!(told(&json!({ "Records": [] })).is_empty());
    }
}
