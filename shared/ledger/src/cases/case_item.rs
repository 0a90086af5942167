//! Cases and their history as items of the reconcile table.

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::fact::Facts;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;

use crate::LedgerError;
use crate::cases::case::{Case, FiledCase, Proposal, Resolution, Who};
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey, Versioned};

impl Case {
    /// Behind the keys of the item that holds it.
    pub(crate) fn fields(&self, keys: Fields) -> Fields {
        keys.number("since", self.since)
            .number("opened_at", self.opened_at)
            .text("reason", self.reason)
            .list("subject", &self.subject)
            .optional(self.provider.as_ref(), |fields, provider| fields.text("provider", provider))
            .optional(self.key.as_ref(), |fields, key| fields.text("key", key))
            .optional(self.attempt, |fields, attempt| fields.number("attempt", attempt))
            .optional(self.event.as_ref(), |fields, event| fields.text("event", event))
            .optional(self.money.as_ref(), |fields, money| fields.money(money))
            .optional(self.concerns, |fields, concerns| fields.number("concerns", concerns))
            .optional(self.destination.as_ref(), |fields, destination| fields.text("destination", destination))
            .optional(self.body, |fields, body| fields.text("body", body))
            .optional(self.incident.as_ref(), |fields, incident| fields.text("incident", incident))
            .map("details", &self.details)
    }

    pub(crate) fn from_item(read: &ItemReader<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            reason: read.parsed("reason", Reason::parse)?,
            subject: read.list("subject")?,
            provider: read.optional("provider", |read| read.text("provider").map(str::to_owned))?,
            key: read.optional("key", |read| read.parsed("key", |text| PayoutKey::new(text).ok()))?,
            attempt: read.optional("attempt", |read| read.small("attempt"))?,
            event: read.optional("event", ItemReader::event)?,
            money: read.optional("amount", ItemReader::money)?,
            concerns: read.optional("concerns", |read| read.number("concerns"))?,
            destination: read.optional("destination", ItemReader::destination)?,
            body: read.optional("body", |read| read.hex_digest("body"))?,
            incident: read.optional("incident", |read| read.text("incident").map(str::to_owned))?,
            details: read.facts("details")?,
            since: read.number("since")?,
            opened_at: read.number("opened_at")?,
        })
    }

    /// Where it stands among the open cases when the greatest risk comes first.
    pub(crate) fn risk(&self) -> String {
        keys::risk(self.reason.rules().risk, self.money.as_ref(), self.since)
    }
}

impl FiledCase {
    /// As it is when it opens.
    pub fn opened(case: Case) -> Self {
        let (owner, proposal, resolution, sent_back) = (None, None, None, None);
        let (status, evidence) = (Status::Open, Facts::default());
        Self { case, status, version: 1, revision: 0, evidence, owner, proposal, resolution, sent_back }
    }

    /// What only an open case has are the keys of the sparse indexes, which a resolved one leaves; and it enters that of
    /// resolved ones.
    pub(crate) fn to_item(&self) -> Item {
        let fields = self
            .case
            .fields(Fields::new(ReconcileKey::Case(self.case.id()).keys()))
            .number("version", self.version)
            .number("revision", self.revision)
            .text("status", self.status)
            .optional(self.owner.as_ref(), |fields, owner| fields.map("owner", who(owner)))
            .optional(self.proposal.as_ref(), |fields, proposal| fields.map("proposal", proposed(proposal)))
            .optional(self.resolution.as_ref(), |fields, resolution| fields.map("resolution", resolved(resolution)))
            .optional(self.sent_back.as_ref(), |fields, maker| fields.map("sent_back", who(maker)));
        let fields = if self.evidence.is_empty() { fields } else { fields.map("evidence", &self.evidence) };
        if !self.status.is_open() {
            let at = self.resolution.as_ref().map(|resolution| resolution.at);
            return fields
                .optional(at, |fields, at| fields.text("resolved_in", keys::resolved_in(at)).number("resolved_at", at))
                .done();
        }
        let waits = |proposal: &&Proposal| self.status == Status::AwaitingApproval && proposal.batch.is_none();
        let maker = self.proposal.as_ref().filter(waits).map(|proposal| &proposal.by);
        fields
            .text("open", keys::open(&self.case.id()))
            .text("risk", self.case.risk())
            .optional(self.owner.as_ref(), |fields, owner| fields.text("open_owner", &owner.subject))
            .optional(self.case.incident.as_ref(), |fields, incident| {
                fields.text("open_incident", keys::open_incident(incident, &self.case.id()))
            })
            .optional(maker, awaiting)
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the case", item);
        Ok(Self {
            case: Case::from_item(&read)?,
            status: read.parsed("status", Status::parse)?,
            version: read.number("version")?,
            revision: read.number("revision")?,
            evidence: read.facts("evidence")?,
            owner: read.optional("owner", |read| Texts(read.map("owner")?).who("owner", ""))?,
            proposal: read.optional("proposal", |read| proposal(&Texts(read.map("proposal")?)))?,
            resolution: read.optional("resolution", |read| resolution(&Texts(read.map("resolution")?)))?,
            sent_back: read.optional("sent_back", |read| Texts(read.map("sent_back")?).who("sent_back", ""))?,
        })
    }
}

/// What somebody other than its maker may decide; an item of a batch as a case's.
pub(crate) fn awaiting(fields: Fields, maker: &Who) -> Fields {
    fields.text("awaiting", keys::APPROVAL).text("maker", &maker.subject)
}

type Pairs = Vec<(&'static str, String)>;

fn who(who: &Who) -> Pairs {
    let name = who.name.clone().map(|name| ("name", name));
    std::iter::once(("subject", who.subject.clone())).chain(name).collect()
}

fn signed(by: &Who) -> Pairs {
    let name = by.name.clone().map(|name| ("by_name", name));
    std::iter::once(("by", by.subject.clone())).chain(name).collect()
}

fn proposed(proposal: &Proposal) -> Pairs {
    let mut pairs = signed(&proposal.by);
    pairs.extend([
        ("ending", proposal.ending.to_string()),
        ("code", proposal.code.clone()),
        ("note", proposal.note.clone()),
        ("at", proposal.at.to_string()),
        ("version", proposal.version.to_string()),
    ]);
    pairs.extend(proposal.key_generation.map(|generation| ("key_generation", generation.to_string())));
    pairs.extend(proposal.duplicate_of.as_ref().map(|id| ("duplicate_of", id.to_string())));
    pairs.extend(proposal.batch.clone().map(|batch| ("batch", batch)));
    pairs
}

fn proposal(texts: &Texts) -> Result<Proposal, LedgerError> {
    Ok(Proposal {
        ending: Ending::parse(texts.text("ending")?).ok_or(UNREADABLE)?,
        code: texts.text("code")?.to_owned(),
        note: texts.text("note")?.to_owned(),
        by: texts.who("by", "by_")?,
        at: texts.number("at")?,
        version: texts.number("version")?,
        key_generation: texts
            .optional("key_generation")
            .map(|text| text.parse().map_err(|_| UNREADABLE))
            .transpose()?,
        duplicate_of: texts.optional("duplicate_of").map(|text| CaseId::parse(text).ok_or(UNREADABLE)).transpose()?,
        batch: texts.optional("batch").map(str::to_owned),
    })
}

fn resolved(resolution: &Resolution) -> Pairs {
    let mut pairs = signed(&resolution.approved_by);
    pairs.push(("at", resolution.at.to_string()));
    pairs.extend(resolution.attempt.map(|attempt| ("attempt", attempt.to_string())));
    pairs
}

fn resolution(texts: &Texts) -> Result<Resolution, LedgerError> {
    Ok(Resolution {
        approved_by: texts.who("by", "by_")?,
        at: texts.number("at")?,
        attempt: texts.optional("attempt").map(|text| text.parse().map_err(|_| UNREADABLE)).transpose()?,
    })
}

const UNREADABLE: LedgerError = LedgerError::Unreadable { what: "the case", attribute: "proposal" };

/// The attributes of a proposal, a resolution or a person, which an item has as a map of texts.
struct Texts(BTreeMap<String, String>);

impl Texts {
    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn text(&self, name: &str) -> Result<&str, LedgerError> {
        self.optional(name).ok_or(UNREADABLE)
    }

    fn number(&self, name: &str) -> Result<u64, LedgerError> {
        self.text(name)?.parse().map_err(|_| UNREADABLE)
    }

    fn who(&self, name: &str, prefix: &str) -> Result<Who, LedgerError> {
        let subject = if prefix.is_empty() { "subject" } else { name };
        let name = self.optional(&format!("{prefix}name")).map(str::to_owned);
        Ok(Who { subject: self.text(subject)?.to_owned(), name })
    }
}

/// One record of what was done, and by whom: it made this the version.
pub(crate) fn history<N: ToString, V: ToString>(
    of: Versioned,
    version: u64,
    act: &str,
    by: &Who,
    at: UnixMillis,
    facts: impl IntoIterator<Item = (N, V)>,
) -> Item {
    record(&ReconcileKey::History(of, version), act, by, at, facts)
}

/// The same at another place of the history.
pub(crate) fn record<N: ToString, V: ToString>(
    key: &ReconcileKey,
    act: &str,
    by: &Who,
    at: UnixMillis,
    facts: impl IntoIterator<Item = (N, V)>,
) -> Item {
    Fields::new(key.keys())
        .text("act", act)
        .text("by", &by.subject)
        .optional(by.name.as_ref(), |fields, name| fields.text("by_name", name))
        .number("at", at)
        .map("facts", facts)
        .done()
}
