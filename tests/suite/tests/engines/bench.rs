//! One engine, a proxy before it, and a ledger that speaks through the proxy; with orders to put upon it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Case, Claim, Closing, FiledCase, Ledger, OutcomeRecord, Proposal, Tables, Who};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{AttemptId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_suite::dynamo::{Engine, ledger};
use payonce_suite::faults::Proxy;
use serde_json::Value;

/// 2025-11-24T16:02:03.456Z.
pub const NOW: u64 = 1_764_000_123_456;
pub const MINUTE: u64 = NOW / 60_000;

pub struct Bench {
    pub tables: Tables,
    /// Through the proxy.
    pub ledger: Ledger,
    pub proxy: Proxy,
    /// Past it.
    pub client: Client,
    pub engine: Engine,
}

pub type Item = HashMap<String, AttributeValue>;

impl Bench {
    pub async fn new(engine: Engine) -> Self {
        let tables = engine.tables().await;
        Self::with_tables(engine, tables)
    }

    pub fn with_tables(engine: Engine, tables: Tables) -> Self {
        let proxy = Proxy::start(&engine);
        let ledger = ledger(&proxy.url(), &tables);
        Self { ledger, proxy, client: engine.client(), tables, engine }
    }

    pub async fn item(&self, table: &str, pk: impl ToString, sk: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(table).key("pk", text(pk)).key("sk", text(sk));
        get.consistent_read(true).send().await.unwrap().item
    }

    pub async fn audit(&self, pk: impl ToString, sk: &str) -> Option<Item> {
        self.item(&self.tables.audit, pk, sk).await
    }

    pub async fn reconcile(&self, pk: impl ToString, sk: &str) -> Option<Item> {
        self.item(&self.tables.reconcile, pk, sk).await
    }

    /// What no code of ours would write.
    pub async fn plant(&self, table: &str, item: Item) {
        self.client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    /// The token of every transaction that was sent.
    pub fn tokens(&self) -> Vec<String> {
        let seen = self.proxy.seen().into_iter().filter(|seen| seen.target == "TransactWriteItems");
        seen.map(|seen| seen.body["ClientRequestToken"].as_str().expect("a token").to_owned()).collect()
    }
}

/// Waits for what another task is about to do.
pub async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "this does not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub fn claim(object: &str, attempt_id: u8) -> Claim {
    Claim {
        key: PayoutKey::from_parts("stripe", [object]).unwrap(),
        attempt: 1,
        attempt_id: AttemptId([attempt_id; 16]),
        event: EventId::new(format!("evt_of_{object}")).unwrap(),
        provider: "stripe".to_owned(),
        money: Money::new(12_345, 2, "EUR".parse().unwrap()).unwrap(),
        destination: Destination::new("acct_1PayonceGolden").unwrap(),
        received_at: NOW,
        claimed_at: NOW + 40,
        expires_at: NOW + 25_000,
        body: Digest::of("body"),
        rail: "stripe".to_owned(),
        rail_account: "0123456789ab".to_owned(),
        rail_mode: Mode::Live,
        rail_key: "a4433b2f-e244-8883-9a07-95cdeb0ec013".to_owned(),
        key_generation: 1,
        request: Digest::of("request"),
        request_id: "8a6e0804-2bd0-4672-b79d-d97027f9071a".to_owned(),
        trace_id: Some("1-5759e988-bd862e3fe1be46a994272793".to_owned()),
    }
}

pub fn outcome(outcome: Outcome) -> OutcomeRecord {
    OutcomeRecord {
        verdict: Verdict::plain(outcome),
        evidence: Facts::from([(FactName::Phase, "answered"), (FactName::HttpStatus, "200")]),
        recorded_at: NOW + 900,
    }
}

pub fn case_of(claim: &Claim, reason: Reason) -> Case {
    Case::of_claim(reason, claim, NOW + 900)
}

/// An item as it stood in a request.
pub fn item_of(wire: &Value) -> Item {
    wire.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value_of(value))).collect()
}

fn value_of(wire: &Value) -> AttributeValue {
    use base64::Engine as _;
    let (kind, value) = wire.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("B", Value::String(bytes)) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).unwrap();
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(bytes))
        }
        ("BOOL", Value::Bool(value)) => AttributeValue::Bool(*value),
        ("L", Value::Array(values)) => AttributeValue::L(values.iter().map(value_of).collect()),
        ("M", map) => AttributeValue::M(item_of(map)),
        other => panic!("an attribute of an unexpected kind: {other:?}"),
    }
}

pub fn person(name: &str) -> Who {
    Who { subject: name.to_owned(), name: Some(name.to_uppercase()) }
}

pub fn proposal(seen: &FiledCase, ending: Ending, by: &Who) -> Proposal {
    Proposal {
        ending,
        code: "checked_with_bank".to_owned(),
        note: "statement of Monday".to_owned(),
        by: by.clone(),
        at: NOW,
        version: seen.version,
        key_generation: ending.pays().then_some(1),
        duplicate_of: None,
        batch: None,
    }
}

/// What an ending of this case leaves under the key of `object`.
pub fn closing(case: &Case, object: &str) -> Closing {
    let of = claim(object, 0xc1);
    Closing {
        key: of.key,
        attempt_id: AttemptId([0xc1; 16]),
        case: case.id(),
        ending: Ending::WrittenOff,
        closed_at: NOW,
        event: Some(of.event),
        provider: Some(of.provider),
        terms: Some((of.money, of.destination)),
        rail: of.rail,
        rail_account: of.rail_account,
        rail_mode: of.rail_mode,
    }
}
