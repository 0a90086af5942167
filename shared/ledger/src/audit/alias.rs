//! One event under two payout keys: rules were replaced between two of its deliveries, or a version was taken back. What stands
//! under either key, a claim or a closing claim, speaks for both; without that, a note of the refused first delivery would
//! call an event lost that was paid under the other key, and people would pay it once more by hand.

use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutKey};

use crate::audit::attempt::is_taken;
use crate::audit::claim::RefusalNote;
use crate::item::{Fields, ItemReader};
use crate::keys::{self, AuditSk};
use crate::powers::{Claims, QueriesAudit, Reads};
use crate::{Ledger, LedgerError};

const WHAT: &str = "another key of an event";
/// Rules are replaced by people, and each earlier key counts for a month: more than a few would be a mistake.
const KEYS_AT_MOST: usize = 8;

impl<P: Reads> Ledger<P> {
    /// That either key may be claimed for this event. Written again, it is the same.
    pub async fn add_alias(&self, event: &EventId, one: &PayoutKey, other: &PayoutKey) -> Result<(), LedgerError>
    where
        P: Claims,
    {
        self.add_one_way(one, event, other).await?;
        self.add_one_way(other, event, one).await
    }

    async fn add_one_way(&self, key: &PayoutKey, event: &EventId, other: &PayoutKey) -> Result<(), LedgerError> {
        let sk = AuditSk::Alias { event: Digest::of(event.as_str()), other: Digest::of(other.as_str()) };
        let item = Fields::new(sk.of(key)).text("event", event).text("other", other).done();
        match self.audit.append(&self.records, item).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("add another key of an event", &error)),
        }
    }

    /// The key that names the one case of a refused event, whichever of its keys a note stands under.
    pub async fn case_key(&self, note: &RefusalNote) -> Result<PayoutKey, LedgerError>
    where
        P: QueriesAudit,
    {
        let keys = self.keys_of(&note.key, Some(&note.event)).await?;
        Ok(keys.into_iter().min().unwrap_or_else(|| note.key.clone()))
    }

    /// This key, and all others under which the same event could have been claimed.
    pub(crate) async fn keys_of(&self, key: &PayoutKey, event: Option<&EventId>) -> Result<Vec<PayoutKey>, LedgerError>
    where
        P: QueriesAudit,
    {
        let mut keys = vec![key.clone()];
        let Some(event) = event else { return Ok(keys) };
        let mut next = 0;
        while let Some(key) = keys.get(next).cloned() {
            for other in self.aliases(&key, event).await? {
                if !keys.contains(&other) && keys.len() < KEYS_AT_MOST {
                    keys.push(other);
                }
            }
            next += 1;
        }
        Ok(keys)
    }

    /// By a consistent read.
    async fn aliases(&self, key: &PayoutKey, event: &EventId) -> Result<Vec<PayoutKey>, LedgerError>
    where
        P: QueriesAudit,
    {
        let found = keys::aliases(key, event).of(self.audit.query(&self.records)).send().await;
        let found = found.map_err(|error| LedgerError::failed("read the other keys of an event", &error))?;
        let other = |item| ItemReader::new(WHAT, item).parsed("other", |text| PayoutKey::new(text).ok());
        found.items().iter().map(other).collect()
    }
}
