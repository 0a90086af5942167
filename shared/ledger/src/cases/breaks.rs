//! Cases of breaks: the books open them, and the books may end them, as long as no person has taken them up.

use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Ending, Status, is_untouched};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::CaseId;

use crate::cases::case::{Case, Filed, FiledCase, Proposal, Resolution, TRIES, Who};
use crate::cases::case_item::{history, record};
use crate::item::ItemReader;
use crate::keys::{Beside, ReconcileKey, Versioned};
use crate::powers::{Files, Reads, Reconciles};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// The reason code of such an ending, and the act in the case's history.
const BOOKS_AGREE: &str = "books_agree";
const ACT: &str = "explained";

/// What became of a case whose break is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    Ended,
    /// Somebody is at work on it, and is told.
    Told,
    /// It was ended before, or never opened.
    Nothing,
}

impl<P: Reads + Files> Ledger<P> {
    /// Opened once. One that the books had explained is open again, because they contradict each other again; one that people
    /// ended stays as they left it.
    pub async fn open_break(&self, case: &Case) -> Result<Filed, LedgerError> {
        let unmet = match self.transact("open a case", &self.opening(case)?).await? {
            Transacted::Done => return Ok(Filed::New),
            Transacted::Unmet(unmet) => unmet,
        };
        let item = match unmet.into_iter().find_map(|unmet| unmet.item) {
            Some(item) => Some(item),
            None => self.read_reconcile(&ReconcileKey::Case(case.id())).await?,
        };
        let item = item.ok_or(LedgerError::Missing { what: "the case" })?;
        if ItemReader::new("the case", &item).is_newer() || !FiledCase::from_item(&item)?.is_explained() {
            return Ok(Filed::Open);
        }
        self.ensure_open(case, Some(item)).await
    }

    /// What its event asks for was not known when it was opened, and is now. `false`: it was known, or the case is over.
    pub async fn complete_case(&self, case: &Case, by: &str, at: UnixMillis) -> Result<bool, LedgerError>
    where
        P: Reconciles,
    {
        let id = case.id();
        for _ in 0..TRIES {
            let item = self.read_reconcile(&ReconcileKey::Case(id.clone())).await?;
            let item = item.ok_or(LedgerError::Missing { what: "the case" })?;
            let read = ItemReader::new("the case", &item);
            if read.is_newer() {
                return Err(read.unreadable("v"));
            }
            let seen = FiledCase::from_item(&item)?;
            if !seen.status.is_open() || seen.case.body.is_some() {
                return Ok(false);
            }
            let (since, opened_at) = (seen.case.since, seen.case.opened_at);
            let (details, incident) = (seen.case.details.clone(), seen.case.incident.clone());
            let known = Case { since, opened_at, details, incident, ..case.clone() };
            let next = FiledCase { case: known, revision: seen.revision + 1, ..seen.clone() };
            let event = case.event.as_ref().map(|event| (FactName::Event, event.to_string()));
            let body = case.body.map(|body| (FactName::BodySha256, body.to_string()));
            let facts: Facts = event.into_iter().chain(body).collect();
            let beside = ReconcileKey::Beside(id.clone(), Beside::FoundOut(next.revision));
            let noted = record(&beside, "evidence", &Who::function(by), at, &facts);
            let parts = [self.put_over(&seen, &next)?, self.put_new(noted)?];
            if let Transacted::Done = self.transact("complete a case", &parts).await? {
                return Ok(true);
            }
        }
        Err(LedgerError::Changed { what: "the case" })
    }

    /// The break of this case is gone, and `explained_by` says by which rows of which run.
    pub async fn explain_case(
        &self,
        id: &CaseId,
        by: &str,
        explained_by: &Facts,
        at: UnixMillis,
    ) -> Result<Explained, LedgerError>
    where
        P: Reconciles,
    {
        for _ in 0..TRIES {
            let Some(item) = self.read_reconcile(&ReconcileKey::Case(id.clone())).await? else {
                return Ok(Explained::Nothing);
            };
            let read = ItemReader::new("the case", &item);
            if read.is_newer() {
                return Err(read.unreadable("v"));
            }
            let seen = FiledCase::from_item(&item)?;
            if !seen.status.is_open() || seen.was_told(explained_by) {
                return Ok(Explained::Nothing);
            }
            let by = Who::function(by);
            if !is_untouched(seen.status, seen.owner.is_some()) {
                self.find_out(id, ACT, &by, explained_by, at).await?;
                return Ok(Explained::Told);
            }
            let record = history(Versioned::Case(id.clone()), seen.version + 1, ACT, &by, at, explained_by);
            let parts = [self.move_on(&seen, seen.clone().explained(by, at))?, self.put_new(record)?];
            if let Transacted::Done = self.transact("end a case by the books", &parts).await? {
                return Ok(Explained::Ended);
            }
        }
        Err(LedgerError::Changed { what: "the case" })
    }
}

impl FiledCase {
    /// The books ended it, and nobody else.
    pub fn is_explained(&self) -> bool {
        self.status == Status::Resolved && self.proposal.as_ref().is_some_and(|made| made.ending == Ending::Explained)
    }

    /// Of the same run.
    fn was_told(&self, explained_by: &Facts) -> bool {
        let run = self.evidence.moment(FactName::BookRun);
        run.is_some() && run == explained_by.moment(FactName::BookRun)
    }

    fn explained(self, by: Who, at: UnixMillis) -> Self {
        let proposal = Proposal {
            ending: Ending::Explained,
            code: BOOKS_AGREE.to_owned(),
            note: String::new(),
            by: by.clone(),
            at,
            version: self.version,
            key_generation: None,
            duplicate_of: None,
            batch: None,
        };
        let resolution = Resolution { approved_by: by, at, attempt: None };
        Self { status: Status::Resolved, proposal: Some(proposal), resolution: Some(resolution), ..self }
    }
}
