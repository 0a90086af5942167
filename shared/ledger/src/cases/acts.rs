//! What people do with cases: what decides something is a write on the version that was seen, with its record in the same
//! transaction; what only adds something needs no version (`added.rs`). A maker is never the checker, and that too stands in
//! the write's condition.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Status, next};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Digest};

use crate::audit::closing::Bound;
use crate::audit::payout::LookUpRecord;
use crate::cases::case::{FiledCase, Proposal, Resolution, TRIES, Who};
use crate::cases::case_events;
use crate::cases::case_item::history;
use crate::item::{Item, ItemReader};
use crate::keys::{self, ReconcileKey, Versioned};
use crate::powers::{Acts, QueriesCases, Reads};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// An act, with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseAct {
    Assign(Who),
    Comment(String),
    /// What is attached.
    Attach(Facts),
    /// What the rail said.
    LookUp(Facts),
    /// With the maker's ID token, where it pays.
    Propose(Proposal, Option<String>),
    /// Of an ending that pays nothing: what pays is approved by payer alone. With proof that nothing else will pay it either.
    Approve(String, Bound),
    SendBack(String),
    Reopen(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted<T = FiledCase> {
    Done(Box<T>),
    /// Somebody else acted meanwhile.
    Changed,
    /// Not in this state.
    NotNow,
    /// One's own proposal.
    Own,
}

/// One record of a case's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// The case's version after it; none for what left that alone: what was added or found out, and an event that shares the
    /// case.
    pub version: Option<u64>,
    pub act: String,
    pub by: Who,
    pub at: UnixMillis,
    pub facts: Facts,
}

/// The name under which a maker's ID token is kept in its record. For payer alone; no page shows it.
pub(crate) const TOKEN: &str = "id_token";
/// The name under which a record keeps the hash of the form that it came from.
const FORM: &str = "form";

impl CaseAct {
    pub fn act(&self) -> Act {
        match self {
            Self::Assign(_) => Act::Assign,
            Self::Comment(_) => Act::Comment,
            Self::Attach(_) => Act::Attach,
            Self::LookUp(_) => Act::LookUp,
            Self::Propose(..) => Act::Propose,
            Self::Approve(..) => Act::Approve,
            Self::SendBack(_) => Act::SendBack,
            Self::Reopen(_) => Act::Reopen,
        }
    }

    /// The case as it stands afterwards, and what its history says.
    pub(crate) fn done(&self, seen: &FiledCase, status: Status, by: &Who, at: UnixMillis) -> (FiledCase, Facts) {
        let mut next = FiledCase { status, ..seen.clone() };
        let note = |note: &String| Facts::from([(FactName::Note, note)]);
        let facts = match self {
            Self::Assign(owner) => {
                next.owner = Some(owner.clone());
                let name = owner.name.as_deref().unwrap_or_default();
                Facts::from([(FactName::To, owner.subject.as_str()), (FactName::ToName, name)])
            }
            Self::Comment(text) => note(text),
            Self::Attach(facts) => facts.clone(),
            Self::LookUp(facts) => {
                LookUpRecord::add_to(&mut next.evidence, facts);
                facts.clone()
            }
            Self::Propose(proposal, _) => {
                let facts = [
                    (FactName::Ending, proposal.ending.to_string()),
                    (FactName::Code, proposal.code.clone()),
                    (FactName::Note, proposal.note.clone()),
                ];
                next.proposal = Some(proposal.clone());
                next.sent_back = None;
                let other = proposal.duplicate_of.as_ref().map(|id| (FactName::DuplicateOf, id.to_string()));
                facts.into_iter().chain(other).collect()
            }
            Self::Approve(text, _) => {
                next.resolution = Some(Resolution { approved_by: by.clone(), at, attempt: None });
                note(text)
            }
            Self::SendBack(text) => {
                next.sent_back = next.proposal.take().map(|proposal| proposal.by);
                note(text)
            }
            Self::Reopen(text) => {
                next.proposal = None;
                next.resolution = None;
                note(text)
            }
        };
        (next, facts)
    }
}

impl<P: Reads> Ledger<P> {
    pub async fn act(&self, seen: &FiledCase, doing: &CaseAct, by: &Who, at: UnixMillis) -> Result<Acted, LedgerError>
    where
        P: Acts,
    {
        self.act_once(seen, doing, by, at, None).await
    }

    /// The same for what was sent in a form: sent twice it is done once, and answered twice as done. `form` is the hash of who
    /// sent what.
    pub async fn act_once(
        &self,
        seen: &FiledCase,
        doing: &CaseAct,
        by: &Who,
        at: UnixMillis,
        form: Option<&Digest>,
    ) -> Result<Acted, LedgerError>
    where
        P: Acts,
    {
        let Some(status) = next(seen.status, doing.act()) else { return Ok(Acted::NotNow) };
        if let CaseAct::Approve(_, bound) = doing {
            match &seen.proposal {
                Some(proposal) if proposal.ending.pays() => return Ok(Acted::NotNow),
                Some(proposal) if proposal.by.subject == by.subject => return Ok(Acted::Own),
                Some(_) if bound.is_of(seen) => {}
                Some(_) | None => return Ok(Acted::NotNow),
            }
        }
        let id = seen.case.id();
        match doing {
            CaseAct::Comment(_) | CaseAct::Attach(_) => {
                let (_, facts) = doing.done(seen, status, by, at);
                self.add(&id, doing.act(), &facts, by, at, form).await?;
                return Ok(Acted::Done(Box::new(seen.clone())));
            }
            CaseAct::LookUp(facts) => {
                let found = self.find_out(&id, doing.act().as_str(), by, facts, at).await?;
                return Ok(Acted::Done(Box::new(found)));
            }
            _ => {}
        }
        let mut seen = seen.clone();
        for _ in 0..TRIES {
            if let Some(after) = self.move_by_act(&seen, doing, status, by, at, form).await? {
                return Ok(Acted::Done(Box::new(after)));
            }
            let stands = self.case(&id).await?.ok_or(LedgerError::Missing { what: "the case" })?;
            if let Some(form) = form
                && self.was_done(&id, seen.version, form).await?
            {
                return Ok(Acted::Done(Box::new(stands)));
            }
            // Something was found out, and nobody acted. Who decides how a case ends must see that first.
            let decides = matches!(doing, CaseAct::Propose(..) | CaseAct::Approve(..));
            if decides || stands.version != seen.version || stands.revision == seen.revision {
                return Ok(Acted::Changed);
            }
            seen = stands;
        }
        Ok(Acted::Changed)
    }

    /// `None`: the case is not what was seen.
    async fn move_by_act(
        &self,
        seen: &FiledCase,
        doing: &CaseAct,
        status: Status,
        by: &Who,
        at: UnixMillis,
        form: Option<&Digest>,
    ) -> Result<Option<FiledCase>, LedgerError> {
        let (after, facts) = doing.done(seen, status, by, at);
        let id = seen.case.id();
        let mut record = history(Versioned::Case(id), seen.version + 1, doing.act().as_str(), by, at, &facts);
        if let CaseAct::Propose(_, Some(token)) = doing {
            record.insert(TOKEN.to_owned(), AttributeValue::S(token.clone()));
        }
        record.extend(form.map(|form| (FORM.to_owned(), AttributeValue::S(form.to_string()))));
        let after = FiledCase { version: seen.version + 1, ..after };
        let case = match doing {
            CaseAct::Approve(..) => self.move_on_by_another(seen, after.clone(), by)?,
            _ => self.move_on(seen, after.clone())?,
        };
        Ok(match self.transact("act on a case", &[case, self.put_new(record)?]).await? {
            Transacted::Done => Some(after),
            Transacted::Unmet(_) => None,
        })
    }

    /// Whether what this form asks for was done, on the case as the form saw it.
    pub async fn was_done(&self, id: &CaseId, version: u64, form: &Digest) -> Result<bool, LedgerError> {
        let record =
            self.read_reconcile(&ReconcileKey::History(Versioned::Case(id.clone()), version.saturating_add(1))).await?;
        let Some(item) = record else { return Ok(false) };
        let known = ItemReader::new("the history", &item).optional(FORM, |read| read.hex_digest(FORM))?;
        Ok(known.as_ref() == Some(form))
    }

    /// The whole history of a case, the oldest first; then the events that share it, as many as a person would read.
    pub async fn history(&self, id: &CaseId) -> Result<Vec<HistoryRecord>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut rows = self.within(keys::whole_history(id)).into_paginator().items().send();
        let mut records = Vec::new();
        let mut events = 0;
        while events < EVENTS_SHOWN
            && let Some(row) = rows.next().await
        {
            let row = row.map_err(|error| LedgerError::failed("read a case's history", &error))?;
            let record = HistoryRecord::from_item(&row)?;
            events += usize::from(record.act == case_events::ACT);
            records.push(record);
        }
        Ok(records)
    }

    /// The ID token with which this proposal was made.
    pub async fn makers_token(&self, id: &CaseId, proposal: &Proposal) -> Result<Option<String>, LedgerError> {
        self.kept_token(Versioned::Case(id.clone()), proposal.version + 1).await
    }

    /// The ID token in one record of a history.
    pub(crate) async fn kept_token(&self, of: Versioned, version: u64) -> Result<Option<String>, LedgerError> {
        let record = self.read_reconcile(&ReconcileKey::History(of, version)).await?;
        let Some(item) = record else { return Ok(None) };
        ItemReader::new("the sign-in", &item).optional(TOKEN, |read| read.text(TOKEN).map(str::to_owned))
    }
}

const EVENTS_SHOWN: usize = 500;

impl HistoryRecord {
    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the history", item);
        let name = read.optional("by_name", |read| read.text("by_name").map(str::to_owned))?;
        Ok(Self {
            version: match ReconcileKey::of(item) {
                Some(ReconcileKey::History(_, version)) => Some(version),
                Some(ReconcileKey::Beside(..)) => None,
                _ => return Err(read.unreadable("sk")),
            },
            act: read.text("act")?.to_owned(),
            by: Who { subject: read.text("by")?.to_owned(), name },
            at: read.number("at")?,
            facts: read.facts("facts")?,
        })
    }
}
