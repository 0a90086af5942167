//! An ending that pays nothing. Where the event of a case has no attempt of its own, payer writes the ending, because its place
//! in the audit table is taken in the same transaction and nothing of people's may write there.

use payonce_identity::payer::{Answer, Checker, CloseCase, Request};
use payonce_ledger::{CaseAct, FiledCase};
use payonce_protocol::ids::Digest;
use tracing::Instrument;

use crate::app::{App, PayerSilent, Visit};
use crate::invoke::invoking;
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
        let bound = if seen.case.reason.is_claimless() { None } else { self.parts.ledger.bound(seen).await? };
        match bound {
            Some(bound) => self.do_it(seen, &CaseAct::Approve(note, bound), form, visit).await.map(drop),
            None => self.close(seen, note, visit).await,
        }
    }

    async fn close(&self, seen: &FiledCase, note: String, visit: &Visit) -> Result<(), Trouble> {
        let person = &visit.session.person;
        let checker = Checker { name: person.name.clone(), subject: person.subject.clone() };
        let request = CloseCase { checker, close: seen.case.id().to_string(), note };
        let answer = self.parts.payer.invoke(Request::Close(request));
        let answer = answer.instrument(invoking(&seen.case)).await.map_err(|silent| {
            Trouble::NotClosed(match silent {
                PayerSilent::NotBegun => "payer was not reached, and nothing was changed".to_owned(),
                PayerSilent::Unknown => "payer did not answer; open the case again, it says how it stands".to_owned(),
            })
        })?;
        match answer {
            Answer::Closed { .. } => Ok(()),
            Answer::Refused { text, .. } => Err(Trouble::NotClosed(text)),
            Answer::Attempted { .. } => Err(Trouble::NotClosed("payer did not say why".to_owned())),
        }
    }
}
