//! For `tests/fuzz`: every reader of an item, on an item of anybody's.

use crate::LedgerError;
use crate::audit::attempt::IndexRow;
use crate::audit::claim::{Claim, RefusalNote};
use crate::audit::closing::{Closing, Standing, facts_of};
use crate::audit::outcome::StoredOutcome;
use crate::audit::payout::{LookUpRecord, Payout};
use crate::bodies::body;
use crate::cases::acts::HistoryRecord;
use crate::cases::batch::Batch;
use crate::cases::case::FiledCase;
use crate::control::accepted::Accepted;
use crate::control::hold::Control;
use crate::control::people::PersonRecord;
use crate::control::round;
use crate::control::runs::KeptRun;
use crate::item::Item;
use payonce_protocol::ids::Shards;

/// What came of it.
#[derive(Debug, Default)]
pub struct ReadItem {
    pub refused: Vec<LedgerError>,
    /// What was read, written and read again is something else.
    pub differs: Vec<&'static str>,
}

impl ReadItem {
    fn note<T>(&mut self, read: Result<T, LedgerError>) -> Option<T> {
        read.map_err(|refused| self.refused.push(refused)).ok()
    }

    fn again<T: PartialEq>(
        &mut self,
        what: &'static str,
        item: &Item,
        read: impl Fn(&Item) -> Result<T, LedgerError>,
        write: impl Fn(&T) -> Item,
    ) {
        if let Some(value) = self.note(read(item))
            && read(&write(&value)).as_ref() != Ok(&value)
        {
            self.differs.push(what);
        }
    }
}

pub fn read_item(item: &Item) -> ReadItem {
    let mut all = ReadItem::default();
    all.again("a claim", item, Claim::from_item, |claim| claim.to_item(Shards::ONE));
    all.again("a closing", item, Closing::from_item, Closing::to_item);
    all.again("a refusal", item, RefusalNote::from_item, |note| note.to_item(Shards::ONE));
    all.again("a case", item, FiledCase::from_item, FiledCase::to_item);
    all.again("a batch", item, Batch::from_item, Batch::to_item);
    all.again("a run", item, KeptRun::from_item, KeptRun::to_item);
    let _ = facts_of(item);
    all.note(Standing::from_item(item));
    all.note(StoredOutcome::from_item(item));
    all.note(LookUpRecord::from_item(item));
    all.note(Payout::default().add(item));
    all.note(IndexRow::from_item(item));
    all.note(HistoryRecord::from_item(item));
    all.note(Control::from_item(item));
    all.note(Accepted::from_item("stripe", item));
    all.note(PersonRecord::from_item(item));
    all.note(round::progress(item));
    all.note(body::from_item(item));
    all
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    /// Else a fuzzer would look at nothing.
    #[test]
    fn what_is_refused_and_what_reads_otherwise_the_second_time_is_said() {
        let (none, one) = (Item::new(), Item::from([("name".to_owned(), AttributeValue::Bool(true))]));
        let count = |item: &Item| Ok(item.len());
        let mut all = ReadItem::default();
        all.again("the same", &none, count, |_| none.clone());
        all.again("another", &none, count, |_| one.clone());
        assert_eq!(all.differs, ["another"]);
        let refused = LedgerError::Missing { what: "anything" };
        assert_eq!((all.note(Ok(5)), all.note::<u8>(Err(refused.clone()))), (Some(5), None));
        assert_eq!(all.refused, [refused]);
        assert!(!read_item(&none).refused.is_empty());
    }
}
