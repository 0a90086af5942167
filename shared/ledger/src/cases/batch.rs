//! Batches: many payouts by hand that two people decide as one list, and that are then paid line by line. The list is what
//! both signed; who may pay which line is payer's own to find out, from the audit table.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use payonce_protocol::UnixMillis;
use payonce_protocol::approval::Approval;
use payonce_protocol::case::{Act, BatchState, Ending, next};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Hasher};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, PayoutKey};

use crate::audit::claim::mode;
use crate::cases::acts::{Acted, CaseAct, TOKEN};
use crate::cases::case::{FiledCase, Proposal, Who};
use crate::cases::case_item::{awaiting, history};
use crate::item::{Fields, Item, ItemReader, text_map};
use crate::keys::{self, ReconcileKey, Versioned};
use crate::powers::{QueriesCases, Reads, ServesPeople};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// Each line takes at most 2.7 KB of the batch's item, of which DynamoDB takes 400 KB.
pub const LINES_AT_MOST: usize = 120;
/// Two items for each case, and DynamoDB takes a hundred in one transaction. A longer batch takes several.
const CASES_AT_ONCE: usize = 40;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: String,
    pub version: u64,
    pub state: BatchState,
    /// Who proposed it.
    pub by: Who,
    pub at: UnixMillis,
    pub lines: Vec<Approval>,
    /// Who approved it or sent it back.
    pub decided: Option<Decision>,
    /// How many lines were paid, from the first on.
    pub paid: usize,
    /// Why it does not go on.
    pub stopped: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub by: Who,
    pub at: UnixMillis,
    /// The batch's version with it: the record of that number keeps the sign-in.
    pub version: u64,
}

/// What moves a batch on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// With the maker's ID token. Up to `CASES_AT_ONCE` cases come to await approval together, or none does. Of more cases
    /// some may stay behind: the batch then awaits approval, and is not whole.
    Propose(String),
    /// With the checker's ID token.
    Approve(String),
    SendBack(String),
    /// So many lines are paid, and why it stopped.
    Paid(usize, Option<String>),
}

impl Batch {
    pub fn new(lines: Vec<Approval>, by: Who, at: UnixMillis) -> Self {
        let hasher = Hasher::new("payonce/batch/1").part(&by.subject).part(at.to_be_bytes());
        let hash = lines.iter().fold(hasher, |hasher, line| hasher.part(line.case.as_str())).finish();
        let id = keys::batch_id(at, hash);
        Self { id, version: 1, state: BatchState::Drafted, by, at, lines, decided: None, paid: 0, stopped: None }
    }

    /// The proposal that a line stands for on its case.
    pub fn proposal(&self, line: &Approval) -> Proposal {
        Proposal {
            ending: line.ending,
            code: line.code.clone(),
            note: line.note.clone(),
            by: self.by.clone(),
            at: self.at,
            version: line.version,
            key_generation: Some(line.key_generation),
            duplicate_of: None,
            batch: Some(self.id.clone()),
        }
    }

    fn versioned(&self) -> Versioned {
        Versioned::Batch(self.id.clone())
    }

    /// `None`: not in this state.
    fn after(&self, step: &Step, by: &Who, at: UnixMillis) -> Option<Self> {
        let decided = || Some(Decision { by: by.clone(), at, version: self.version + 1 });
        let (state, decided, paid, stopped) = match (self.state, step) {
            (BatchState::Drafted, Step::Propose(_)) => (BatchState::AwaitingApproval, None, 0, None),
            // Once more when the first sign-in is too long ago for the lines that are left.
            (BatchState::AwaitingApproval | BatchState::Approved, Step::Approve(_)) => {
                (BatchState::Approved, decided(), self.paid, None)
            }
            (BatchState::AwaitingApproval | BatchState::Approved, Step::SendBack(note)) => {
                (BatchState::SentBack, decided(), self.paid, Some(note.clone()))
            }
            (BatchState::Approved, Step::Paid(paid, stopped)) => {
                let state = if *paid >= self.lines.len() { BatchState::Done } else { BatchState::Approved };
                (state, self.decided.clone(), *paid, stopped.clone())
            }
            _ => return None,
        };
        Some(Self { version: self.version + 1, state, decided, paid, stopped, ..self.clone() })
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Propose(_) => Act::Propose.as_str(),
            Self::Approve(_) => Act::Approve.as_str(),
            Self::SendBack(_) => Act::SendBack.as_str(),
            Self::Paid(..) => "paid",
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::Propose(_) | Self::Approve(_) => Facts::default(),
            Self::SendBack(note) => Facts::from([(FactName::Note, note)]),
            Self::Paid(paid, stopped) => {
                let stopped = stopped.clone().map(|why| (FactName::Stopped, why));
                std::iter::once((FactName::Paid, paid.to_string())).chain(stopped).collect()
            }
        }
    }

    fn token(&self) -> Option<&String> {
        match self {
            Self::Propose(token) | Self::Approve(token) => Some(token),
            Self::SendBack(_) | Self::Paid(..) => None,
        }
    }
}

impl<P: Reads> Ledger<P> {
    pub async fn draft_batch(&self, batch: &Batch) -> Result<Acted<Batch>, LedgerError>
    where
        P: ServesPeople,
    {
        let drafted = history(batch.versioned(), 1, "drafted", &batch.by, batch.at, &Facts::default());
        let parts = [self.put_new(batch.to_item())?, self.put_new(drafted)?];
        Ok(match self.transact("draft a batch", &parts).await? {
            Transacted::Done => Acted::Done(Box::new(batch.clone())),
            Transacted::Unmet(_) => Acted::Changed,
        })
    }

    /// `cases` are those of the lines that the step concerns, as they were seen. What fits into one transaction happens
    /// together, or not at all. Of more cases the batch is proposed with the first, and sent back with the last: whatever
    /// stops in between, every case that awaits approval with a batch has a batch that can still be sent back.
    pub async fn move_batch(
        &self,
        seen: &Batch,
        step: &Step,
        cases: &[FiledCase],
        by: &Who,
        at: UnixMillis,
    ) -> Result<Acted<Batch>, LedgerError>
    where
        P: ServesPeople,
    {
        let Some(after) = seen.after(step, by, at) else { return Ok(Acted::NotNow) };
        if matches!(step, Step::Approve(_)) && seen.by.subject == by.subject {
            return Ok(Acted::Own);
        }
        let mut record = history(seen.versioned(), after.version, step.name(), by, at, &step.facts());
        if let Some(token) = step.token() {
            record.insert(TOKEN.to_owned(), AttributeValue::S(token.clone()));
        }
        let not_by = matches!(step, Step::Approve(_)).then_some(by);
        let own = vec![self.batch_from(seen, &after, not_by)?, self.put_new(record)?];
        let mut groups = vec![];
        for cases in cases.chunks(CASES_AT_ONCE) {
            let mut parts = vec![];
            for case in cases {
                match self.moved_with(seen, step, case, by, at)? {
                    Ok(moved) => parts.extend(moved),
                    Err(not) => return Ok(not),
                }
            }
            groups.push(parts);
        }
        let first = if groups.is_empty() { vec![] } else { groups.remove(0) };
        // The batch itself moves with one group; the others are written only while it stands as it should, and leave it so.
        let (place, standing) = match step {
            Step::SendBack(_) => (groups.len(), seen),
            Step::Propose(_) | Step::Approve(_) | Step::Paid(..) => (0, &after),
        };
        let stands = self.batch_from(standing, standing, None)?;
        for (number, parts) in std::iter::once(first).chain(groups).enumerate() {
            let before = if number == place { own.clone() } else { vec![stands.clone()] };
            match self.transact("move a batch on", &[before, parts].concat()).await? {
                Transacted::Done => {}
                Transacted::Unmet(_) => return Ok(Acted::Changed),
            }
        }
        Ok(Acted::Done(Box::new(after)))
    }

    /// A case's part in a step of its batch, or why it has none.
    fn moved_with(
        &self,
        batch: &Batch,
        step: &Step,
        case: &FiledCase,
        by: &Who,
        at: UnixMillis,
    ) -> Result<Result<[TransactWriteItem; 2], Acted<Batch>>, LedgerError> {
        let line = batch.lines.iter().find(|line| line.case == case.case.id());
        let doing = match (step, line) {
            (Step::Propose(_), Some(line)) => CaseAct::Propose(batch.proposal(line), None),
            (Step::SendBack(note), Some(_)) => CaseAct::SendBack(note.clone()),
            _ => return Ok(Err(Acted::NotNow)),
        };
        let Some(status) = next(case.status, doing.act()) else { return Ok(Err(Acted::Changed)) };
        let (moved, facts) = doing.done(case, status, by, at);
        let record = history(Versioned::Case(case.case.id()), case.version + 1, doing.act().as_str(), by, at, &facts);
        Ok(Ok([self.move_on(case, moved)?, self.put_new(record)?]))
    }

    /// From the version that was seen; `not_by`: somebody who must not have proposed it.
    fn batch_from(&self, seen: &Batch, after: &Batch, not_by: Option<&Who>) -> Result<TransactWriteItem, LedgerError> {
        let put = Put::builder()
            .table_name(&self.reconcile)
            .set_item(Some(after.to_item()))
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":seen", AttributeValue::N(seen.version.to_string()));
        let put = match not_by {
            None => put.condition_expression("#version = :seen"),
            Some(who) => put
                .condition_expression("#version = :seen AND #by <> :who")
                .expression_attribute_names("#by", "by")
                .expression_attribute_values(":who", AttributeValue::S(who.subject.clone())),
        };
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    /// A consistent read.
    pub async fn batch(&self, id: &str) -> Result<Option<Batch>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Batch(id.to_owned())).await?;
        item.as_ref().map(Batch::from_item).transpose()
    }

    /// The latest, the newest first.
    pub async fn batches(&self, at_most: i32) -> Result<Vec<Batch>, LedgerError>
    where
        P: QueriesCases,
    {
        let answer = self
            .records
            .query()
            .table_name(&self.reconcile)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", keys::batches())
            .scan_index_forward(false)
            .limit(at_most)
            .send()
            .await;
        let answer = answer.map_err(|error| LedgerError::failed("read the batches", &error))?;
        answer.items().iter().map(Batch::from_item).collect()
    }

    /// The ID tokens of the maker and of the checker.
    pub async fn batch_tokens(&self, batch: &Batch) -> Result<Option<(String, String)>, LedgerError> {
        let Some(decided) = &batch.decided else { return Ok(None) };
        let maker = self.kept_token(batch.versioned(), 2).await?;
        let checker = self.kept_token(batch.versioned(), decided.version).await?;
        Ok(maker.zip(checker))
    }
}

const WHAT: &str = "the batch";

impl Batch {
    /// Whether an item of the index of what awaits approval is a batch's.
    pub(crate) fn is_of(item: &Item) -> bool {
        matches!(ReconcileKey::of(item), Some(ReconcileKey::Batch(_)))
    }

    pub(crate) fn to_item(&self) -> Item {
        let fields = Fields::new(ReconcileKey::Batch(self.id.clone()).keys())
            .number("version", self.version)
            .text("state", self.state)
            .text("by", &self.by.subject)
            .optional(self.by.name.as_ref(), |fields, name| fields.text("by_name", name))
            .number("at", self.at)
            .number("paid", self.paid as u64)
            .optional(self.stopped.as_ref(), |fields, stopped| fields.text("stopped", stopped))
            .optional(self.decided.as_ref(), |fields, decided| {
                fields
                    .text("decided_by", &decided.by.subject)
                    .optional(decided.by.name.as_ref(), |fields, name| fields.text("decided_by_name", name))
                    .number("decided_at", decided.at)
                    .number("decided_version", decided.version)
            });
        let waits = self.state == BatchState::AwaitingApproval;
        let fields = if waits { awaiting(fields, &self.by).number("since", self.at) } else { fields };
        let mut item = fields.done();
        let lines = self.lines.iter().map(|line| text_map(terms(line))).collect();
        item.insert("lines".to_owned(), AttributeValue::L(lines));
        item
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new(WHAT, item);
        let Some(AttributeValue::L(lines)) = item.get("lines") else { return Err(read.unreadable("lines")) };
        let name = |name: &'static str| read.optional(name, |read| read.text(name).map(str::to_owned));
        let decided = |read: &ItemReader<'_>| {
            let by = Who { subject: read.text("decided_by")?.to_owned(), name: name("decided_by_name")? };
            Ok(Decision { by, at: read.number("decided_at")?, version: read.number("decided_version")? })
        };
        let Some(ReconcileKey::Batch(id)) = ReconcileKey::of(item) else { return Err(read.unreadable("sk")) };
        Ok(Self {
            id,
            version: read.number("version")?,
            state: read.parsed("state", BatchState::parse)?,
            by: Who { subject: read.text("by")?.to_owned(), name: name("by_name")? },
            at: read.number("at")?,
            lines: lines.iter().map(|line| line_of(line).ok_or(read.unreadable("lines"))).collect::<Result<_, _>>()?,
            decided: read.optional("decided_by", decided)?,
            paid: read.small("paid")?,
            stopped: read.optional("stopped", |read| read.text("stopped").map(str::to_owned))?,
        })
    }
}

fn terms(line: &Approval) -> Vec<(&'static str, String)> {
    vec![
        ("ending", line.ending.to_string()),
        ("case", line.case.to_string()),
        ("version", line.version.to_string()),
        ("key", line.key.to_string()),
        ("attempt", line.attempt.to_string()),
        ("amount", line.money.minor().to_string()),
        ("exponent", line.money.exponent().to_string()),
        ("currency", line.money.currency().to_string()),
        ("destination", line.destination.to_string()),
        ("rail", line.rail.clone()),
        ("rail_account", line.rail_account.clone()),
        ("rail_mode", line.rail_mode.as_str().to_owned()),
        ("key_generation", line.key_generation.to_string()),
        ("code", line.code.clone()),
        ("note", line.note.clone()),
    ]
}

fn line_of(value: &AttributeValue) -> Option<Approval> {
    let map = value.as_m().ok()?;
    let text = |name: &str| map.get(name)?.as_s().ok();
    let money =
        Money::new(text("amount")?.parse().ok()?, text("exponent")?.parse().ok()?, text("currency")?.parse().ok()?);
    Some(Approval {
        ending: Ending::parse(text("ending")?)?,
        case: CaseId::parse(text("case")?)?,
        version: text("version")?.parse().ok()?,
        key: PayoutKey::new(text("key")?.as_str()).ok()?,
        attempt: text("attempt")?.parse().ok()?,
        money: money.ok()?,
        destination: Destination::new(text("destination")?.as_str()).ok()?,
        rail: text("rail")?.clone(),
        rail_account: text("rail_account")?.clone(),
        rail_mode: mode(text("rail_mode")?)?,
        key_generation: text("key_generation")?.parse().ok()?,
        code: text("code")?.clone(),
        note: text("note")?.clone(),
    })
}
