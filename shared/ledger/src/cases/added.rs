//! What is written beside a case without moving it on: comments and attachments of people, and what was found out. Whoever is
//! writing a proposal meanwhile loses nothing by it, and a comment is never refused because somebody was faster.

use payonce_protocol::UnixMillis;
use payonce_protocol::case::Act;
use payonce_protocol::fact::Facts;
use payonce_protocol::ids::{CaseId, Digest, Hasher};

use crate::audit::payout::LookUpRecord;
use crate::cases::case::{FiledCase, TRIES, Who};
use crate::cases::case_item::record;
use crate::item::ItemReader;
use crate::keys::{Beside, ReconcileKey};
use crate::powers::{Files, Reads};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

impl<P: Reads> Ledger<P> {
    /// A record of its own, whatever else happens to the case. From one form it is written once, however often that is sent.
    pub(crate) async fn add(
        &self,
        id: &CaseId,
        act: Act,
        facts: &Facts,
        by: &Who,
        at: UnixMillis,
        form: Option<&Digest>,
    ) -> Result<(), LedgerError> {
        let of_itself = || {
            let hasher = Hasher::new("payonce/added/1").part(&by.subject).part(act.as_str()).part(at.to_be_bytes());
            facts.iter().fold(hasher, |hasher, (name, value)| hasher.part(name).part(value)).finish()
        };
        let name = form.copied().unwrap_or_else(of_itself);
        let item = record(&ReconcileKey::Beside(id.clone(), Beside::Written(name)), act.as_str(), by, at, facts);
        // Done, or there already.
        self.transact("add to a case", &[self.put_new(item)?]).await.map(drop)
    }

    /// Puts what a function found out into the case and its history. A case that is not there is an error, and so is one of a
    /// newer schema, which is left alone.
    pub async fn add_evidence(&self, id: &CaseId, by: &str, found: &Facts, at: UnixMillis) -> Result<(), LedgerError>
    where
        P: Files,
    {
        self.find_out(id, "evidence", &Who::function(by), found, at).await.map(drop)
    }

    /// The case keeps the latest, and its version: nobody's act is undone by a look at the rail.
    pub(crate) async fn find_out(
        &self,
        id: &CaseId,
        act: &str,
        by: &Who,
        found: &Facts,
        at: UnixMillis,
    ) -> Result<FiledCase, LedgerError> {
        for _ in 0..TRIES {
            let item = self.read_reconcile(&ReconcileKey::Case(id.clone())).await?;
            let item = item.ok_or(LedgerError::Missing { what: "the case" })?;
            let read = ItemReader::new("the case", &item);
            if read.is_newer() {
                return Err(read.unreadable("v"));
            }
            let seen = FiledCase::from_item(&item)?;
            let mut next = FiledCase { revision: seen.revision + 1, ..seen.clone() };
            LookUpRecord::add_to(&mut next.evidence, found);
            let beside = ReconcileKey::Beside(id.clone(), Beside::FoundOut(next.revision));
            let parts = [self.put_over(&seen, &next)?, self.put_new(record(&beside, act, by, at, found))?];
            if let Transacted::Done = self.transact("add what was found out to a case", &parts).await? {
                return Ok(next);
            }
        }
        Err(LedgerError::Changed { what: "the case" })
    }
}
