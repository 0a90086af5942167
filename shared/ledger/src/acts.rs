//! What people do with cases: what decides something is a write on the version that was seen, with its record in the same
//! transaction; what only adds something needs no version (`added.rs`). A maker is never the checker, and that too stands in
//! the write's condition.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Status, next};
use payonce_protocol::ids::{CaseId, Digest};

use crate::case::{FiledCase, Proposal, Resolution, TRIES, Who};
use crate::case_events;
use crate::case_item::history;
use crate::closing::Bound;
use crate::item::{Item, Reader};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

type Facts = BTreeMap<String, String>;

/// An act, with what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    Assign(Who),
    Comment(String),
    /// Names and values of what is attached.
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

impl Doing {
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
        let note = |note: &String| Facts::from([("note".to_owned(), note.clone())]);
        let facts = match self {
            Self::Assign(owner) => {
                next.owner = Some(owner.clone());
                let name = owner.name.clone().unwrap_or_default();
                Facts::from([("to".to_owned(), owner.subject.clone()), ("to_name".to_owned(), name)])
            }
            Self::Comment(text) => note(text),
            Self::Attach(facts) => facts.clone(),
            Self::LookUp(facts) => {
                next.evidence.extend(facts.clone());
                facts.clone()
            }
            Self::Propose(proposal, _) => {
                let facts = [
                    ("ending", proposal.ending.to_string()),
                    ("code", proposal.code.clone()),
                    ("note", proposal.note.clone()),
                ];
                next.proposal = Some(proposal.clone());
                next.sent_back = None;
                let other = proposal.duplicate_of.as_ref().map(|id| ("duplicate_of", id.to_string()));
                facts.into_iter().chain(other).map(|(name, value)| (name.to_owned(), value)).collect()
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

impl Ledger {
    pub async fn act(&self, seen: &FiledCase, doing: &Doing, by: &Who, at: UnixMillis) -> Result<Acted, LedgerError> {
        self.act_once(seen, doing, by, at, None).await
    }

    /// The same for what was sent in a form: sent twice it is done once, and answered twice as done. `form` is the hash of who
    /// sent what.
    pub async fn act_once(
        &self,
        seen: &FiledCase,
        doing: &Doing,
        by: &Who,
        at: UnixMillis,
        form: Option<&Digest>,
    ) -> Result<Acted, LedgerError> {
        let Some(status) = next(seen.status, doing.act()) else { return Ok(Acted::NotNow) };
        if let Doing::Approve(_, bound) = doing {
            match &seen.proposal {
                Some(proposal) if proposal.ending.pays() => return Ok(Acted::NotNow),
                Some(proposal) if proposal.by.subject == by.subject => return Ok(Acted::Own),
                Some(_) if bound.is_of(seen) => {}
                Some(_) | None => return Ok(Acted::NotNow),
            }
        }
        let id = seen.case.id();
        match doing {
            Doing::Comment(_) | Doing::Attach(_) => {
                let (_, facts) = doing.done(seen, status, by, at);
                self.add(&id, doing.act(), &facts, by, at, form).await?;
                return Ok(Acted::Done(Box::new(seen.clone())));
            }
            Doing::LookUp(facts) => {
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
            let decides = matches!(doing, Doing::Propose(..) | Doing::Approve(..));
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
        doing: &Doing,
        status: Status,
        by: &Who,
        at: UnixMillis,
        form: Option<&Digest>,
    ) -> Result<Option<FiledCase>, LedgerError> {
        let (after, facts) = doing.done(seen, status, by, at);
        let id = seen.case.id();
        let mut record = history(id.as_str(), seen.version + 1, doing.act().as_str(), by, at, &facts);
        if let Doing::Propose(_, Some(token)) = doing {
            record.insert(TOKEN.to_owned(), AttributeValue::S(token.clone()));
        }
        record.extend(form.map(|form| (FORM.to_owned(), AttributeValue::S(form.to_string()))));
        let after = FiledCase { version: seen.version + 1, ..after };
        let case = match doing {
            Doing::Approve(..) => self.move_on_by_another(seen, after.clone(), by)?,
            _ => self.move_on(seen, after.clone())?,
        };
        Ok(match self.transact("act on a case", &[case, self.put_new(record)?]).await? {
            Transacted::Done => Some(after),
            Transacted::Unmet(_) => None,
        })
    }

    /// Whether what this form asks for was done, on the case as the form saw it.
    pub async fn was_done(&self, id: &CaseId, version: u64, form: &Digest) -> Result<bool, LedgerError> {
        let record = self.read_reconcile(id.as_str(), &format!("{PREFIX}{:06}", version.saturating_add(1))).await?;
        let Some(item) = record else { return Ok(false) };
        let known = Reader::new("the history", &item).optional(FORM, |read| read.hex_digest(FORM))?;
        Ok(known.as_ref() == Some(form))
    }

    /// The whole history of a case, the oldest first; then the events that share it, as many as a person would read.
    pub async fn history(&self, id: &CaseId) -> Result<Vec<HistoryRecord>, LedgerError> {
        let mut rows = self
            .records
            .query()
            .table_name(&self.reconcile)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":pk", AttributeValue::S(id.to_string()))
            .expression_attribute_values(":prefix", AttributeValue::S(PREFIX.to_owned()))
            .into_paginator()
            .items()
            .send();
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
        self.kept_token(id.as_str(), proposal.version + 1).await
    }

    /// The ID token in one record of a history.
    pub(crate) async fn kept_token(&self, pk: &str, version: u64) -> Result<Option<String>, LedgerError> {
        let record = self.read_reconcile(pk, &format!("{PREFIX}{version:06}")).await?;
        let Some(item) = record else { return Ok(None) };
        Reader::new("the sign-in", &item).optional(TOKEN, |read| read.text(TOKEN).map(str::to_owned))
    }
}

pub(crate) const PREFIX: &str = "history#";
/// Behind every number, for what was added or found out; before the events, of which only so many are read.
pub(crate) const ADDED: &str = "added#";
/// Behind every number, and in its place for the record of an event that shares the case.
pub(crate) const EVENT: &str = "event#";
const EVENTS_SHOWN: usize = 500;

impl HistoryRecord {
    fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new("the history", item);
        let name = read.optional("by_name", |read| read.text("by_name").map(str::to_owned))?;
        Ok(Self {
            version: read.parsed("sk", |sk| match sk.strip_prefix(PREFIX)? {
                beside if beside.starts_with(EVENT) || beside.starts_with(ADDED) => Some(None),
                number => number.parse().map(Some).ok(),
            })?,
            act: read.text("act")?.to_owned(),
            by: Who { subject: read.text("by")?.to_owned(), name },
            at: read.number("at")?,
            facts: read.map("facts")?,
        })
    }
}
