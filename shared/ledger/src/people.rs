//! Who works in the console: one small item with everybody that has signed in, who is away and who stands in, and since
//! when a person's sessions count. It decides nothing about money.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::item::{Fields, Reader};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

const PK: &str = "people";
const SK: &str = "people";
const TRIES: u32 = 5;

/// By the issuer's subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl People {
    /// Who gets what is given to this person now: the one who stands in, one step far.
    pub fn stands_in_for<'a>(&'a self, subject: &'a str, now: UnixMillis) -> &'a str {
        let away = self.0.get(subject).and_then(|person| person.away.as_ref());
        away.filter(|away| away.until > now).map_or(subject, |away| away.delegate.as_str())
    }
}

impl Ledger {
    /// A consistent read: a person who signed out is out.
    pub async fn people(&self) -> Result<People, LedgerError> {
        Ok(self.read_people().await?.0)
    }

    async fn read_people(&self) -> Result<(People, u64), LedgerError> {
        let Some(item) = self.read_reconcile(PK, SK).await? else { return Ok((People::default(), 0)) };
        let read = Reader::new("the people", &item);
        let people = read.parsed("people", |text| serde_json::from_str(text).ok())?;
        Ok((people, read.number("version")?))
    }

    /// Changes one item that several may change at once.
    pub async fn change_people(&self, change: impl Fn(&mut People)) -> Result<People, LedgerError> {
        for _ in 0..TRIES {
            let (mut people, version) = self.read_people().await?;
            change(&mut people);
            let text = serde_json::to_string(&people).unwrap_or_default();
            let item = Fields::new(PK, SK).number("version", version + 1).text("people", text).done();
            let put = Put::builder()
                .table_name(&self.reconcile)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(#pk) OR #version = :seen")
                .expression_attribute_names("#pk", "pk")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":seen", AttributeValue::N(version.to_string()))
                .build()?;
            let parts = [TransactWriteItem::builder().put(put).build()];
            if let Transacted::Done = self.transact("change the people", &parts).await? {
                return Ok(people);
            }
        }
        Err(LedgerError::Changed { what: "the people" })
    }
}
