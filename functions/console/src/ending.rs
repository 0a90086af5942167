//! An ending that pays nothing. Where the event of a case has no attempt of its own, payer writes the ending, because its place
//! in the audit table is taken in the same transaction and nothing of people's may write there.

use payonce_ledger::{Doing, FiledCase};
use payonce_protocol::closing::is_claimless;
use payonce_protocol::ids::Digest;
use serde_json::json;

use crate::app::{App, PayerSilent, Visit};
use crate::trouble::Trouble;

impl App {
    /// One case, alone or among many.
    pub(crate) async fn end(
        &self,
        seen: &FiledCase,
        note: String,
        form: &Digest,
        visit: &Visit,
    ) -> Result<(), Trouble> {
        let bound = if is_claimless(seen.case.reason) { None } else { self.parts.ledger.bound(seen).await? };
        match bound {
            Some(bound) => self.do_it(seen, &Doing::Approve(note, bound), form, visit).await.map(drop),
            None => self.close(seen, note, visit).await,
        }
    }

    async fn close(&self, seen: &FiledCase, note: String, visit: &Visit) -> Result<(), Trouble> {
        let person = &visit.session.person;
        let checker = json!({ "subject": person.subject, "name": person.name });
        let request = json!({ "close": seen.case.id().to_string(), "checker": checker, "note": note });
        let answer = self.parts.payer.invoke(request).await.map_err(|silent| {
            Trouble::NotClosed(match silent {
                PayerSilent::NotBegun => "payer was not reached, and nothing was changed".to_owned(),
                PayerSilent::Unknown => "payer did not answer; open the case again, it says how it stands".to_owned(),
            })
        })?;
        match answer["answer"].as_str() {
            Some("closed") => Ok(()),
            _ => Err(Trouble::NotClosed(answer["text"].as_str().unwrap_or("payer did not say why").to_owned())),
        }
    }
}
