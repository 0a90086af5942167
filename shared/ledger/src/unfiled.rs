//! Cases that could not be written when they were needed: a note in the audit table holds the whole of one, and the sweeper
//! files it. Such an event may have neither a payout key nor an id, so that its case names the note.

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{Digest, shard};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::sweep::MINUTE_MS;

use crate::attempt::is_taken;
use crate::case::Case;
use crate::claim::bucket;
use crate::item::{Fields, Item, Reader};
use crate::{Ledger, LedgerError};

/// Number 0 is no attempt's. A payout key of the same text would have other sort keys.
pub(crate) const UNFILED_SK: &str = "0000#unfiled";

/// Of visible ASCII and far shorter than a payout key may be.
fn note_key(case: &Case, at: UnixMillis) -> Result<PayoutKey, LedgerError> {
    // Events of one delivery that share a case came at the same time.
    let event = case.event.as_ref().map(|event| format!("/{}", Digest::of(event.as_str()))).unwrap_or_default();
    let key = PayoutKey::new(format!("unfiled/{}/{at}{event}", case.id()));
    key.map_err(|_| LedgerError::Unreadable { what: "a case", attribute: "pk" })
}

impl Ledger {
    /// That this case is still to be opened: the sweeper finds it within minutes, listed under the minute in which it was
    /// wanted. Each occurrence has a note of its own.
    pub async fn note_case(&self, case: &Case) -> Result<(), LedgerError> {
        let item = note(case, &note_key(case, case.opened_at)?);
        match self.audit.append(&self.records, item).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("note a case", &error)),
        }
    }

    /// A consistent read. A note that cannot be read is left alone.
    pub async fn noted_case(&self, key: &PayoutKey) -> Result<Option<Case>, LedgerError> {
        let Some(item) = self.read_audit(key.as_str(), UNFILED_SK).await? else { return Ok(None) };
        let read = Reader::new("the note of a case", &item);
        let case = if read.is_newer() { Err(read.unreadable("v")) } else { Case::from_item(&read) };
        Ok(case.inspect_err(|error| tracing::error!(note = %key, %error, "a note is left alone")).ok())
    }
}

fn note(case: &Case, key: &PayoutKey) -> Item {
    case.fields(Fields::new(key, UNFILED_SK))
        .number("received_at", case.opened_at)
        .text("bucket", bucket(case.opened_at / MINUTE_MS, shard(key)))
        .done()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use payonce_protocol::outcome::Reason;

    use super::*;

    #[test]
    fn a_noted_case_comes_back_as_it_was() {
        let case = Case {
            provider: Some("stripe".to_owned()),
            body: Some(Digest::of("body")),
            details: BTreeMap::from([("problem".to_owned(), "not JSON".to_owned())]),
            ..Case::new(Reason::InvalidEvent, vec!["stripe".to_owned(), "x".to_owned()], 1_764_000_123_456)
        }
        .of_cause("stripe");
        let key = note_key(&case, case.opened_at).unwrap();
        let item = note(&case, &key);
        assert_eq!(Case::from_item(&Reader::new("the note of a case", &item)).unwrap(), case);
        assert!(item["bucket"].as_s().unwrap().starts_with("29400002#"));
    }
}
