//! Keys and indexes of the three tables, for the local stack and for tests. In production the template creates them;
//! a test holds the two against each other.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};
use tokio::time::{sleep, timeout};

use crate::{Ledger, LedgerError};

/// Index of the audit table, keys only: `bucket` and `received_at`, on claims and notes of refusals alone.
pub const BY_MINUTE: &str = "by_minute";
/// The same, for people who hold an id and no payout key: `event`, of whatever names one, and `rail_key`, of claims. Each value
/// is of one payout or a few, so that no partition is hot; BY_EVENT is an index of the reconcile table, too.
pub const BY_RAIL_KEY: &str = "by_rail_key";
/// Sparse indexes of the reconcile table, whole items, open cases alone: `open` (one of sixteen shards) with `since`, the
/// same with `risk`, `open_owner` and `open_incident` (the incident, behind one of eight shards) with `since`.
pub const OPEN: &str = "open";
pub const BY_RISK: &str = "by_risk";
pub const BY_OWNER: &str = "by_owner";
pub const BY_INCIDENT: &str = "by_incident";
/// The same, whole items: what awaits approval, be it a case or a batch, with `since`; and cases that are resolved, by four weeks
/// (`resolved_in`) with `resolved_at`. People approve and resolve, some hundreds a day: one partition holds that.
pub const AWAITING: &str = "awaiting";
pub const RESOLVED: &str = "resolved";
/// All cases, whole items: `key` and `event` with `since`.
pub const BY_KEY: &str = "by_key";
pub const BY_EVENT: &str = "by_event";
/// Name, partition and sort key of each.
const RECONCILE_INDEXES: [(&str, &str, &str); 8] = [
    (OPEN, "open", "since"),
    (BY_RISK, "open", "risk"),
    (BY_OWNER, "open_owner", "since"),
    (BY_INCIDENT, "open_incident", "since"),
    (AWAITING, "awaiting", "since"),
    (RESOLVED, "resolved_in", "resolved_at"),
    (BY_KEY, "key", "since"),
    (BY_EVENT, "event", "since"),
];
/// Attribute of a body that says when it may go, in seconds.
pub const BODIES_TTL: &str = "expires";

const ACTIVE_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Creates what is missing, and returns when all three tables can be used.
pub async fn create_tables(ledger: &Ledger) -> Result<(), LedgerError> {
    let create = || ledger.records.create_table().billing_mode(BillingMode::PayPerRequest);
    let text = ScalarAttributeType::S;

    let audit = keyed(create().table_name(ledger.audit.table()), &["pk", "sk"])?
        .attribute_definitions(attribute("bucket", text.clone())?)
        .attribute_definitions(attribute("received_at", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("event", text.clone())?)
        .attribute_definitions(attribute("rail_key", text.clone())?)
        .global_secondary_indexes(index(BY_MINUTE, "bucket", Some("received_at"), ProjectionType::KeysOnly)?)
        .global_secondary_indexes(index(BY_EVENT, "event", None, ProjectionType::KeysOnly)?)
        .global_secondary_indexes(index(BY_RAIL_KEY, "rail_key", None, ProjectionType::KeysOnly)?);
    create_one(ledger, ledger.audit.table(), audit).await?;

    let mut reconcile = keyed(create().table_name(&ledger.reconcile), &["pk", "sk"])?
        .attribute_definitions(attribute("since", ScalarAttributeType::N)?)
        .attribute_definitions(attribute("resolved_at", ScalarAttributeType::N)?);
    for name in ["open", "risk", "open_owner", "open_incident", "awaiting", "resolved_in", "key", "event"] {
        reconcile = reconcile.attribute_definitions(attribute(name, text.clone())?);
    }
    for (name, partition, sort) in RECONCILE_INDEXES {
        reconcile = reconcile.global_secondary_indexes(index(name, partition, Some(sort), ProjectionType::All)?);
    }
    create_one(ledger, &ledger.reconcile, reconcile).await?;

    let bodies = keyed(create().table_name(&ledger.bodies), &["pk"])?;
    if create_one(ledger, &ledger.bodies, bodies).await? == Created::New {
        let ttl = TimeToLiveSpecification::builder().attribute_name(BODIES_TTL).enabled(true).build()?;
        let sent = ledger.records.update_time_to_live().table_name(&ledger.bodies).time_to_live_specification(ttl);
        sent.send().await.map_err(|error| LedgerError::failed("set the time to live", &error))?;
    }
    Ok(())
}

#[derive(PartialEq)]
enum Created {
    New,
    Existing,
}

async fn create_one(ledger: &Ledger, name: &str, table: CreateTableFluentBuilder) -> Result<Created, LedgerError> {
    let created = match table.send().await {
        Ok(_) => Created::New,
        Err(SdkError::ServiceError(service))
            if matches!(service.err(), CreateTableError::ResourceInUseException(_)) =>
        {
            Created::Existing
        }
        Err(error) => return Err(LedgerError::failed("create a table", &error)),
    };
    let active = async {
        while !is_active(ledger, name).await? {
            sleep(LOOK_AGAIN).await;
        }
        Ok(created)
    };
    let failed = || Err(LedgerError::Failed { doing: "create a table", why: "it does not become active".to_owned() });
    timeout(ACTIVE_WITHIN, active).await.unwrap_or_else(|_| failed())
}

async fn is_active(ledger: &Ledger, name: &str) -> Result<bool, LedgerError> {
    let described = ledger.records.describe_table().table_name(name).send().await;
    let described = described.map_err(|error| LedgerError::failed("describe a table", &error))?;
    Ok(described.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active))
}

fn keyed(table: CreateTableFluentBuilder, keys: &[&str]) -> Result<CreateTableFluentBuilder, LedgerError> {
    keys.iter().zip([KeyType::Hash, KeyType::Range]).try_fold(table, |table, (name, kind)| {
        Ok(table.key_schema(key(name, kind)?).attribute_definitions(attribute(name, ScalarAttributeType::S)?))
    })
}

fn index(
    name: &str,
    hash: &str,
    range: Option<&str>,
    projected: ProjectionType,
) -> Result<GlobalSecondaryIndex, LedgerError> {
    let mut keys = vec![key(hash, KeyType::Hash)?];
    if let Some(range) = range {
        keys.push(key(range, KeyType::Range)?);
    }
    let index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys))
        .projection(Projection::builder().projection_type(projected).build());
    Ok(index.build()?)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, LedgerError> {
    Ok(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, LedgerError> {
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?)
}
