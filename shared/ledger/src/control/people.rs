//! Who works in the console: an item for each person with a role who has signed in, with who stands in while they are away,
//! and since when their sessions count. It decides nothing about money.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey};
use crate::powers::{QueriesCases, Reads, ServesPeople};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// People are few, sign in now and then, and are listed by one query.
const TRIES: u32 = 5;
/// The most people that are listed. Anybody beyond can work, but is not offered as an owner or a stand-in.
const LISTED_AT_MOST: i32 = 500;

/// By the issuer's subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People(pub BTreeMap<String, PersonRecord>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    pub name: String,
    pub roles: Vec<String>,
    pub seen_at: UnixMillis,
    /// Sessions that were opened before do not count any more.
    pub signed_out_at: UnixMillis,
    /// Who stands in, and until when.
    pub away: Option<Away>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    pub delegate: String,
    pub until: UnixMillis,
}

/// What becomes of somebody who has no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    Added,
    /// Nothing is written.
    LeftOut,
}

impl People {
    /// Who gets what is given to this person now: the one who stands in, one step far.
    pub fn stands_in_for<'a>(&'a self, subject: &'a str, now: UnixMillis) -> &'a str {
        let away = self.0.get(subject).and_then(|person| person.away.as_ref());
        away.filter(|away| away.until > now).map_or(subject, |away| away.delegate.as_str())
    }
}

impl<P: Reads> Ledger<P> {
    /// A consistent read: a person who signed out is out.
    pub async fn person(&self, subject: &str) -> Result<Option<PersonRecord>, LedgerError> {
        Ok(self.read_person(subject).await?.map(|(person, _)| person))
    }

    async fn read_person(&self, subject: &str) -> Result<Option<(PersonRecord, u64)>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Person(subject.to_owned())).await?;
        item.as_ref()
            .map(|item| Ok((PersonRecord::from_item(item)?, ItemReader::new(WHAT, item).number("version")?)))
            .transpose()
    }

    /// One query, of one page at most. An item that cannot be read is passed by: it must not lock the others out.
    pub async fn people(&self) -> Result<People, LedgerError>
    where
        P: QueriesCases,
    {
        let answer = self
            .records
            .query()
            .table_name(&self.reconcile)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", keys::people())
            .limit(LISTED_AT_MOST)
            .send()
            .await;
        let answer = answer.map_err(|error| LedgerError::failed("read the people", &error))?;
        let listed = |item: &Item| {
            let person =
                PersonRecord::from_item(item).inspect_err(|error| tracing::error!(%error, "a person is passed by"));
            let Some(ReconcileKey::Person(subject)) = ReconcileKey::of(item) else { return None };
            Some((subject, person.ok()?))
        };
        Ok(People(answer.items().iter().filter_map(listed).collect()))
    }

    /// Changes an item that a person's two browsers may change at once.
    pub async fn change_person(
        &self,
        subject: &str,
        stranger: Stranger,
        change: impl Fn(&mut PersonRecord),
    ) -> Result<(), LedgerError>
    where
        P: ServesPeople,
    {
        for _ in 0..TRIES {
            let known = self.read_person(subject).await?;
            if known.is_none() && stranger == Stranger::LeftOut {
                return Ok(());
            }
            let (mut person, version) = known.unwrap_or_default();
            change(&mut person);
            let put = Put::builder()
                .table_name(&self.reconcile)
                .set_item(Some(person.to_item(subject, version + 1)))
                .condition_expression("attribute_not_exists(#pk) OR #version = :seen")
                .expression_attribute_names("#pk", "pk")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":seen", AttributeValue::N(version.to_string()))
                .build()?;
            let parts = [TransactWriteItem::builder().put(put).build()];
            if let Transacted::Done = self.transact("change a person", &parts).await? {
                return Ok(());
            }
        }
        Err(LedgerError::Changed { what: WHAT })
    }
}

const WHAT: &str = "the person";

impl PersonRecord {
    pub(crate) fn to_item(&self, subject: &str, version: u64) -> Item {
        let text = serde_json::to_string(self).unwrap_or_default();
        Fields::new(ReconcileKey::Person(subject.to_owned()).keys())
            .number("version", version)
            .text("person", text)
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        ItemReader::new(WHAT, item).parsed("person", |text| serde_json::from_str(text).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegate_stands_in_until_the_moment_that_was_said_and_one_step_far() {
        let away = |delegate: &str| PersonRecord {
            away: Some(Away { delegate: delegate.to_owned(), until: 10 }),
            ..PersonRecord::default()
        };
        let people = [("ann", away("ben")), ("ben", away("dee")), ("eve", PersonRecord::default())];
        let people = People(people.map(|(name, person)| (name.to_owned(), person)).into());
        assert_eq!(
            ["ann", "ben", "eve", "nobody"].map(|name| people.stands_in_for(name, 9)),
            ["ben", "dee", "eve", "nobody"]
        );
        assert_eq!(people.stands_in_for("ann", 10), "ann");
    }
}
