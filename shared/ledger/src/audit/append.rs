//! The only writer of the audit table, and the only code that knows its name. Every write carries the condition that
//! nothing is there (claims-are-forever): IAM cannot demand it, so this file must.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::builders::BatchGetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::builders::ConditionCheckBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem,
};

use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;

use crate::LedgerError;
use crate::audit::closing::CLOSING;
use crate::item::Item;
use crate::keys::{AuditSk, Keys};

/// On an item with a sort key, `attribute_not_exists(pk)` speaks of this very item, not of its partition.
pub(crate) const NOTHING_THERE: &str = "attribute_not_exists(#pk)";

#[derive(Clone, Debug)]
pub(crate) struct Audit {
    table: String,
}

/// What a batch reads of each of its items: all of it, unless attributes are named.
#[derive(Clone, Copy)]
pub(crate) struct Projection<'a> {
    pub(crate) consistent: bool,
    pub(crate) attributes: &'a [&'a str],
}

impl Projection<'_> {
    pub(crate) fn of(self, keys: Vec<Item>) -> Result<KeysAndAttributes, LedgerError> {
        let mut read = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(self.consistent);
        if !self.attributes.is_empty() {
            let names: Vec<String> = self.attributes.iter().map(|name| format!("#{name}")).collect();
            for (name, attribute) in names.iter().zip(self.attributes) {
                read = read.expression_attribute_names(name, *attribute);
            }
            read = read.projection_expression(names.join(", "));
        }
        Ok(read.build()?)
    }
}

impl Audit {
    pub(crate) fn new(table: String) -> Self {
        Self { table }
    }

    /// When something is there, the error brings it along.
    #[expect(clippy::disallowed_methods, reason = "the one writer of the audit table")]
    pub(crate) fn append(&self, client: &Client, item: Item) -> PutItemFluentBuilder {
        client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
    }

    /// The same as a part of a transaction.
    pub(crate) fn append_with(&self, item: Item) -> Result<TransactWriteItem, LedgerError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// That an attempt has ended, and not as accepted.
    pub(crate) fn ended_unpaid(&self, key: &PayoutKey, attempt: u16) -> Result<TransactWriteItem, LedgerError> {
        let check = self
            .check(key, AuditSk::Outcome(attempt))
            .condition_expression("attribute_exists(#pk) AND #outcome <> :accepted")
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_values(":accepted", AttributeValue::S(Outcome::Accepted.to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// That its worker did not report after it was given up.
    pub(crate) fn not_late(&self, key: &PayoutKey, attempt: u16) -> Result<TransactWriteItem, LedgerError> {
        let check = self.check(key, AuditSk::Late(attempt)).condition_expression(NOTHING_THERE).build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// That people closed it, so that nothing was paid under it.
    pub(crate) fn closed(&self, key: &PayoutKey, attempt: u16) -> Result<TransactWriteItem, LedgerError> {
        let check = self
            .check(key, AuditSk::Claim(attempt))
            .condition_expression("attribute_exists(#pk) AND attribute_exists(#closing)")
            .expression_attribute_names("#closing", CLOSING)
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// That no blocking event came for this key.
    pub(crate) fn not_barred(&self, key: &PayoutKey) -> Result<TransactWriteItem, LedgerError> {
        let check = self.check(key, AuditSk::Barred).condition_expression(NOTHING_THERE).build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn check(&self, key: &PayoutKey, sk: AuditSk) -> ConditionCheckBuilder {
        ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(sk.of(key).into_item()))
            .expression_attribute_names("#pk", "pk")
    }

    pub(crate) fn get(&self, client: &Client, keys: Keys) -> GetItemFluentBuilder {
        client.get_item().table_name(&self.table).set_key(Some(keys.into_item())).consistent_read(true)
    }

    pub(crate) fn get_batch(&self, client: &Client, keys: KeysAndAttributes) -> BatchGetItemFluentBuilder {
        client.batch_get_item().request_items(&self.table, keys)
    }

    pub(crate) fn query(&self, client: &Client) -> QueryFluentBuilder {
        client.query().table_name(&self.table)
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }
}
