//! Cases that could not be written when they were needed: a note in the audit table holds the whole of one, and the sweeper
//! files it. Such an event may have neither a payout key nor an id, so that its case names the note.

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Shards;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::sweep::MINUTE_MS;

use crate::audit::attempt::is_taken;
use crate::cases::case::Case;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, AuditSk};
use crate::powers::{Claims, Reads};
use crate::{Ledger, LedgerError};

fn note_key(case: &Case, at: UnixMillis) -> Result<PayoutKey, LedgerError> {
    let key = keys::unfiled(&case.id(), at, case.event.as_ref());
    key.ok_or(LedgerError::Unreadable { what: "a case", attribute: "pk" })
}

impl<P: Reads> Ledger<P> {
    /// That this case is still to be opened: the sweeper finds it within minutes, listed under the minute in which it was
    /// wanted. Each occurrence has a note of its own.
    pub async fn note_case(&self, case: &Case) -> Result<(), LedgerError>
    where
        P: Claims,
    {
        let item = note(case, &note_key(case, case.opened_at)?, self.shards);
        match self.audit.append(&self.records, item).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("note a case", &error)),
        }
    }

    /// A consistent read. A note that cannot be read is left alone.
    pub async fn noted_case(&self, key: &PayoutKey) -> Result<Option<Case>, LedgerError> {
        let Some(item) = self.read_audit(key, AuditSk::Unfiled).await? else { return Ok(None) };
        let read = ItemReader::new("the note of a case", &item);
        let case = if read.is_newer() { Err(read.unreadable("v")) } else { Case::from_item(&read) };
        Ok(case.inspect_err(|error| tracing::error!(note = %key, %error, "a note is left alone")).ok())
    }
}

fn note(case: &Case, key: &PayoutKey, shards: Shards) -> Item {
    case.fields(Fields::new(AuditSk::Unfiled.of(key)))
        .number("received_at", case.opened_at)
        .text("bucket", keys::bucket(case.opened_at / MINUTE_MS, shards.of(key)))
        .done()
}

#[cfg(test)]
mod tests {
    use payonce_protocol::fact::{FactName, Facts};
    use payonce_protocol::ids::Digest;
    use payonce_protocol::outcome::Reason;

    use super::*;

    #[test]
    fn a_noted_case_comes_back_as_it_was() {
        let case = Case {
            provider: Some("stripe".to_owned()),
            body: Some(Digest::of("body")),
            details: Facts::from([(FactName::Problem, "not JSON")]),
            ..Case::new(Reason::InvalidEvent, vec!["stripe".to_owned(), "x".to_owned()], 1_764_000_123_456)
        }
        .of_cause("stripe");
        let key = note_key(&case, case.opened_at).unwrap();
        let item = note(&case, &key, Shards::ONE);
        assert_eq!(Case::from_item(&ItemReader::new("the note of a case", &item)).unwrap(), case);
        assert!(item["bucket"].as_s().unwrap().starts_with("29400002#"));
    }
}
