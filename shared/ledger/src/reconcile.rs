//! The reconcile table as every room of it is read and written: a new item on the condition that nothing is there, a later
//! version on the one before it. Cases have a condition of their own.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};

use crate::audit::append::NOTHING_THERE;
use crate::item::Item;
use crate::keys::{Range, ReconcileKey};
use crate::powers::{Holder, QueriesCases};
use crate::{Ledger, LedgerError};

impl<P: Holder> Ledger<P> {
    pub(crate) fn put_new(&self, item: Item) -> Result<TransactWriteItem, LedgerError> {
        Ok(TransactWriteItem::builder().put(self.new_item(item).build()?).build())
    }

    /// The same; what is there already comes back with the refusal.
    pub(crate) fn put_new_or_old(&self, item: Item) -> Result<TransactWriteItem, LedgerError> {
        let put = self.new_item(item).return_values_on_condition_check_failure(OnFailure::AllOld);
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    fn new_item(&self, item: Item) -> PutBuilder {
        Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(item))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
    }

    /// A put that stands where the version before it stood, or nothing.
    pub(crate) fn put_after(&self, item: Item, version: u64) -> Result<TransactWriteItem, LedgerError> {
        if version == 1 {
            return self.put_new(item);
        }
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(item))
            .condition_expression("#version = :seen")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":seen", AttributeValue::N((version - 1).to_string()))
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "sweeper, reconciler and console keep their own places in the reconcile table"
    )]
    pub(crate) async fn overwrite(&self, doing: &'static str, item: Item) -> Result<(), LedgerError> {
        let put = self.records.put_item().table_name(&self.reconcile).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| LedgerError::failed(doing, &error))
    }

    /// The items of a range, in order, by a consistent read.
    pub(crate) fn within(&self, range: Range) -> QueryFluentBuilder
    where
        P: QueriesCases,
    {
        range.of(self.records.query().table_name(&self.reconcile))
    }

    pub(crate) async fn read_reconcile(&self, key: &ReconcileKey) -> Result<Option<Item>, LedgerError> {
        let answer = self
            .records
            .get_item()
            .table_name(&self.reconcile)
            .set_key(Some(key.keys().into_item()))
            .consistent_read(true)
            .send()
            .await;
        Ok(answer.map_err(|error| LedgerError::failed("read the reconcile table", &error))?.item)
    }
}
