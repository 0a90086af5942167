//! The grammar of the keys: under which partition key and sort key each item of the three tables stands, and what the indexes are
//! keyed by. Nothing else spells a key out or takes one apart: an item is begun and read with [`Keys`], which only this file makes.
//! Each role of the template is allowed the partition keys of these that its function writes.
//!
//! | table | partition key | sort key | what it is | who writes it |
//! |---|---|---|---|---|
//! | audit | payout key | `0001#claim` | a claim; in the first attempt's place a closing or a bar | webhook, payer |
//! | | | `0001#outcome` | how the attempt ended | its worker, or the sweeper that gave it up |
//! | | | `0001#late` | what its worker said after it was given up | its worker |
//! | | | `0001#look_up#1764000123456` | what the rail's books said | sweeper, payer |
//! | | | `0000#refused#EVENT` | an event was refused and is to come again; by the hash of its id | webhook |
//! | | | `0000#alias#EVENT#KEY` | another key of the same event; by both hashes | webhook |
//! | | | `0000#own#KEY` | another event of the key is an order of its own; by that key's hash | payer |
//! | | | `0000#barred` | the payment was given back or disputed | webhook |
//! | | `unfiled/CASE/MS` or `unfiled/CASE/MS/EVENT` | `0000#unfiled` | a case that could not be written | webhook |
//! | reconcile | case id | `case` | the case as it stands | whoever files, console, payer |
//! | | | `history#000002` | what made this its version | the same |
//! | | | `history#added#HASH` | what a person wrote beside it | console |
//! | | | `history#added#000001` | what was found out, by revision | sweeper, console, payer |
//! | | | `history#event#EVENT` | an event that shares the case | whoever files |
//! | | `batches` | `1764000123456-0a1b2c3d` | a batch, by when it was drafted | console |
//! | | `batch/ID` | `history#000001` | what made this the batch's version | console |
//! | | `person` | subject | who works in the console | console |
//! | | `control` | `hold` | whether payouts are made | a person; sweeper and audit-watch stop them |
//! | | | `history#000001` | what made this the hold's version | the same |
//! | | | `provider#NAME` | a provider's accepted rules | a person |
//! | | | `history#provider#NAME#000001` | what made this their version | a person |
//! | | `sweeper` | `round` | how far its visits have come | sweeper |
//! | | | `look_ups#00` | look-ups that are due, in parts | sweeper |
//! | | | `accepted` | payouts that are known to be accepted | sweeper |
//! | | | `outcome_counts` | how attempts ended, by minute and hour | sweeper |
//! | | | `open_counts`, `snapshot` | open cases: each shard's count, and what they add up to | sweeper |
//! | | `runs` | `1764000123456` | a finished reconciliation, by where its window ends | reconciler |
//! | | `run/1764000123456` | `HASH#0000` | a file of such a run, by its hash and in parts | reconciler |
//! | | `bank` | `000001` | an import of a bank's file, by its number | console |
//! | | `bank/HASH` | `part#0000` | what such a file said, by its hash and in parts | console |
//! | bodies | SHA-256 | none | a delivery's body | webhook |
//! | | `evidence/CASE/HASH` | none | a file that people attached | console |
//!
//! | index | keyed by | what is in it |
//! |---|---|---|
//! | audit `by_minute` | `29400002#00`, minute and shard | claims by arrival, refusals by when they become final, unfiled cases |
//! | reconcile `open`, `by_risk` | `open#0`, first digit of the case id | open cases |
//! | `by_risk`, sorted | `2#EUR#AMOUNT#AGE` | risk, currency, the sum at the finest exponent, the older the greater |
//! | `by_incident` | `0#DAY/REASON/CAUSE`, shard and incident | open cases of one cause on one day |
//! | `awaiting` | `approval` | cases and batches that somebody else may decide |
//! | `resolved` | `resolved#729`, by four weeks | resolved cases |
//!
//! Other indexes have an attribute as it is: `event`, `rail_key`, `key`, the owner's subject. The grammar of a payout key is
//! that of [`PayoutKey`].

use std::fmt;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{CaseId, Digest, Shards};
use payonce_protocol::money::{MAX_EXPONENT, Money};
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::reason::{Reason, Risk};
use payonce_protocol::sweep::Minute;

use crate::item::Item;

/// The key attributes of one item.
pub(crate) struct Keys(Item);

impl Keys {
    fn new(pk: impl ToString) -> Self {
        Self(Item::from([("pk".to_owned(), AttributeValue::S(pk.to_string()))]))
    }

    fn sorted(pk: impl ToString, sk: impl ToString) -> Self {
        let mut keys = Self::new(pk);
        keys.0.insert("sk".to_owned(), AttributeValue::S(sk.to_string()));
        keys
    }

    pub(crate) fn into_item(self) -> Item {
        self.0
    }
}

/// Items of one partition whose sort keys begin alike.
pub(crate) struct Range {
    pub(crate) pk: AttributeValue,
    pub(crate) prefix: AttributeValue,
}

impl Range {
    /// Every item of it, in order, by a consistent read.
    pub(crate) fn of(self, table: QueryFluentBuilder) -> QueryFluentBuilder {
        table
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":pk", self.pk)
            .expression_attribute_values(":prefix", self.prefix)
    }

    fn new(pk: impl ToString, prefix: impl ToString) -> Self {
        Self { pk: AttributeValue::S(pk.to_string()), prefix: AttributeValue::S(prefix.to_string()) }
    }
}

// --- The audit table ---------------------------------------------------------------------------------------------------

/// The sort keys of the audit table. Attempts are numbered from 1: what begins with number 0 is of none, and comes before all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuditSk {
    Claim(u16),
    Outcome(u16),
    Late(u16),
    LookUp(u16, UnixMillis),
    /// By event: another event of the same key may be refused, too, and is another promise to keep.
    Refused(Digest),
    Alias {
        event: Digest,
        other: Digest,
    },
    OwnOrder(Digest),
    /// The first blocking event of a key says enough.
    Barred,
    /// A payout key of the same text would have other sort keys.
    Unfiled,
}

const NO_ATTEMPT: &str = "0000";

impl AuditSk {
    pub(crate) fn of(self, key: &PayoutKey) -> Keys {
        Keys::sorted(key, self)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, entry) = text.split_once('#')?;
        let sk = if number == NO_ATTEMPT { Self::of_no_attempt(entry)? } else { Self::of_attempt(number, entry)? };
        // What would be written otherwise is no key of ours.
        (sk.to_string() == text).then_some(sk)
    }

    fn of_attempt(number: &str, entry: &str) -> Option<Self> {
        let number = number.parse().ok()?;
        match entry {
            "claim" => Some(Self::Claim(number)),
            "outcome" => Some(Self::Outcome(number)),
            "late" => Some(Self::Late(number)),
            _ => Some(Self::LookUp(number, entry.strip_prefix("look_up#")?.parse().ok()?)),
        }
    }

    fn of_no_attempt(entry: &str) -> Option<Self> {
        match entry.split_once('#').unwrap_or((entry, "")) {
            ("barred", _) => Some(Self::Barred),
            ("unfiled", _) => Some(Self::Unfiled),
            ("refused", event) => Digest::from_hex(event).map(Self::Refused),
            ("own", key) => Digest::from_hex(key).map(Self::OwnOrder),
            ("alias", keys) => {
                let (event, other) = keys.split_once('#')?;
                Some(Self::Alias { event: Digest::from_hex(event)?, other: Digest::from_hex(other)? })
            }
            _ => None,
        }
    }

    /// The attempt, of a claim.
    pub(crate) fn claimed(text: &str) -> Option<u16> {
        match Self::parse(text)? {
            Self::Claim(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// The attempt, of an outcome.
    pub(crate) fn ended(text: &str) -> Option<u16> {
        match Self::parse(text)? {
            Self::Outcome(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// A note that may be one of a later version's: it belongs to no attempt.
    pub(crate) fn is_of_no_attempt(text: &str) -> bool {
        text.split_once('#').is_some_and(|(number, _)| number == NO_ATTEMPT)
    }
}

impl fmt::Display for AuditSk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(attempt) => write!(f, "{attempt:04}#claim"),
            Self::Outcome(attempt) => write!(f, "{attempt:04}#outcome"),
            Self::Late(attempt) => write!(f, "{attempt:04}#late"),
            Self::LookUp(attempt, at) => write!(f, "{attempt:04}#look_up#{at:013}"),
            Self::Refused(event) => write!(f, "{NO_ATTEMPT}#refused#{event}"),
            Self::Alias { event, other } => write!(f, "{NO_ATTEMPT}#alias#{event}#{other}"),
            Self::OwnOrder(key) => write!(f, "{NO_ATTEMPT}#own#{key}"),
            Self::Barred => write!(f, "{NO_ATTEMPT}#barred"),
            Self::Unfiled => write!(f, "{NO_ATTEMPT}#unfiled"),
        }
    }
}

/// Everything of one attempt: its claim comes first.
pub(crate) fn attempt(key: &PayoutKey, attempt: u16) -> Range {
    Range::new(key, format!("{attempt:04}#"))
}

/// The other keys of an event.
pub(crate) fn aliases(key: &PayoutKey, event: &EventId) -> Range {
    Range::new(key, format!("{NO_ATTEMPT}#alias#{}#", Digest::of(event.as_str())))
}

/// The key of a note that this case could not be written. Events of one delivery that share a case come at the same time.
/// Of visible ASCII and far shorter than a payout key may be.
pub(crate) fn unfiled(case: &CaseId, at: UnixMillis, event: Option<&EventId>) -> Option<PayoutKey> {
    let event = event.map(|event| format!("/{}", Digest::of(event.as_str()))).unwrap_or_default();
    PayoutKey::new(format!("unfiled/{case}/{at}{event}")).ok()
}

/// The partition of the index by minute.
pub(crate) fn bucket(minute: Minute, shard: u8) -> String {
    format!("{minute}#{shard:02}")
}

/// Whether an item of the audit table with this sort key stands in the place of an attempt.
pub fn is_claim(sort_key: &str) -> bool {
    AuditSk::claimed(sort_key).is_some()
}

/// The attempt that this item of the audit table says the end of, be it late.
pub fn ended_attempt(sort_key: &str) -> Option<u16> {
    match AuditSk::parse(sort_key)? {
        AuditSk::Outcome(attempt) | AuditSk::Late(attempt) => Some(attempt),
        _ => None,
    }
}

// --- The reconcile table -----------------------------------------------------------------------------------------------

/// An item of the reconcile table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReconcileKey {
    Case(CaseId),
    /// What made this number its version.
    History(Versioned, u64),
    /// Behind all numbers of a case's history; what was added or found out comes before the events, of which only so many are
    /// read.
    Beside(CaseId, Beside),
    Batch(String),
    Person(String),
    Hold,
    Accepted(String),
    AcceptedHistory(String, u64),
    Round,
    /// Part of a list.
    DueLookUps(usize),
    Samples,
    OpenCounts,
    OutcomeCounts,
    Snapshot,
    /// By the end of its window: two runs of one window are one.
    Run(UnixMillis),
    /// From when there are runs.
    RunsBegin,
    /// By what is in it: two runs of one window do not share what differs.
    RunFile {
        to: UnixMillis,
        digest: Digest,
        part: usize,
    },
    /// Of a bank's file, by its number: two people who import at once do not have the same.
    Import(u64),
    ImportPart {
        digest: Digest,
        part: usize,
    },
}

/// What has versions, each with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Versioned {
    Case(CaseId),
    Batch(String),
    Hold,
}

/// What stands beside a case and left its version alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// By the hash of its form or of itself.
    Written(Digest),
    /// By the case's revision.
    FoundOut(u64),
    Event(EventId),
}

const CASE: &str = "case";
const HISTORY: &str = "history#";
const ADDED: &str = "history#added#";
const EVENT: &str = "history#event#";
const PROVIDERS_HISTORY: &str = "history#provider#";
const BATCHES: &str = "batches";
const BATCH: &str = "batch/";
const PERSON: &str = "person";
const CONTROL: &str = "control";
const HOLD: &str = "hold";
const PROVIDER: &str = "provider#";
const SWEEPER: &str = "sweeper";
const ROUND: &str = "round";
const DUE_LOOK_UPS: &str = "look_ups#";
const SAMPLES: &str = "accepted";
const OPEN_COUNTS: &str = "open_counts";
const OUTCOME_COUNTS: &str = "outcome_counts";
const SNAPSHOT: &str = "snapshot";
const RUNS: &str = "runs";
/// Behind every number: no run.
const BEGIN: &str = "begin";
const RUN: &str = "run/";
const IMPORTS: &str = "bank";
const IMPORT: &str = "bank/";
const PART: &str = "part#";

impl ReconcileKey {
    pub(crate) fn keys(&self) -> Keys {
        Keys::sorted(self.pk(), self.sk())
    }

    fn pk(&self) -> String {
        match self {
            Self::Case(id) | Self::Beside(id, _) | Self::History(Versioned::Case(id), _) => id.to_string(),
            Self::History(Versioned::Batch(id), _) => format!("{BATCH}{id}"),
            Self::Batch(_) => BATCHES.to_owned(),
            Self::Person(_) => PERSON.to_owned(),
            Self::Hold | Self::History(Versioned::Hold, _) | Self::Accepted(_) | Self::AcceptedHistory(..) => {
                CONTROL.to_owned()
            }
            Self::Round
            | Self::DueLookUps(_)
            | Self::Samples
            | Self::OpenCounts
            | Self::OutcomeCounts
            | Self::Snapshot => SWEEPER.to_owned(),
            Self::Run(_) | Self::RunsBegin => RUNS.to_owned(),
            Self::RunFile { to, .. } => format!("{RUN}{}", run_end(*to)),
            Self::Import(_) => IMPORTS.to_owned(),
            Self::ImportPart { digest, .. } => format!("{IMPORT}{digest}"),
        }
    }

    fn sk(&self) -> String {
        match self {
            Self::Case(_) => CASE.to_owned(),
            Self::History(_, version) => format!("{HISTORY}{version:06}"),
            Self::Beside(_, Beside::Written(hash)) => format!("{ADDED}{hash}"),
            Self::Beside(_, Beside::FoundOut(revision)) => format!("{ADDED}{revision:06}"),
            Self::Beside(_, Beside::Event(event)) => format!("{EVENT}{event}"),
            Self::Batch(id) => id.clone(),
            Self::Person(subject) => subject.clone(),
            Self::Hold => HOLD.to_owned(),
            Self::Accepted(provider) => format!("{PROVIDER}{provider}"),
            Self::AcceptedHistory(provider, version) => format!("{PROVIDERS_HISTORY}{provider}#{version:06}"),
            Self::Round => ROUND.to_owned(),
            Self::DueLookUps(part) => format!("{DUE_LOOK_UPS}{part:02}"),
            Self::Samples => SAMPLES.to_owned(),
            Self::OpenCounts => OPEN_COUNTS.to_owned(),
            Self::OutcomeCounts => OUTCOME_COUNTS.to_owned(),
            Self::Snapshot => SNAPSHOT.to_owned(),
            Self::Run(to) => run_end(*to),
            Self::RunsBegin => BEGIN.to_owned(),
            Self::RunFile { digest, part, .. } => format!("{digest}#{part:04}"),
            Self::Import(number) => import_number(*number),
            Self::ImportPart { part, .. } => format!("{PART}{part:04}"),
        }
    }

    /// Of an item as it was read. `None`: it has no keys of ours.
    pub(crate) fn of(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok();
        Self::parse(text("pk")?, text("sk")?)
    }

    fn parse(pk: &str, sk: &str) -> Option<Self> {
        let key = match pk {
            BATCHES => is_batch_id(sk).then(|| Self::Batch(sk.to_owned())),
            PERSON => (!sk.is_empty()).then(|| Self::Person(sk.to_owned())),
            CONTROL => Self::in_control(sk),
            SWEEPER => Self::of_the_sweeper(sk),
            RUNS if sk == BEGIN => Some(Self::RunsBegin),
            RUNS => sk.parse().ok().map(Self::Run),
            _ if pk.starts_with(RUN) => Self::of_a_run(pk.strip_prefix(RUN)?, sk),
            IMPORTS => sk.parse().ok().map(Self::Import),
            _ if pk.starts_with(IMPORT) => {
                let (digest, part) = (pk.strip_prefix(IMPORT)?, sk.strip_prefix(PART)?);
                Some(Self::ImportPart { digest: Digest::from_hex(digest)?, part: part.parse().ok()? })
            }
            _ => match pk.strip_prefix(BATCH).filter(|id| is_batch_id(id)) {
                Some(id) => Some(Self::History(Versioned::Batch(id.to_owned()), version(sk)?)),
                None => Self::of_a_case(CaseId::parse(pk)?, sk),
            },
        }?;
        // What would be written otherwise is no key of ours.
        (key.pk() == pk && key.sk() == sk).then_some(key)
    }

    fn of_a_case(id: CaseId, sk: &str) -> Option<Self> {
        if sk == CASE {
            return Some(Self::Case(id));
        }
        if let Some(event) = sk.strip_prefix(EVENT) {
            return Some(Self::Beside(id, Beside::Event(EventId::new(event).ok()?)));
        }
        let Some(added) = sk.strip_prefix(ADDED) else {
            return Some(Self::History(Versioned::Case(id), version(sk)?));
        };
        let written = Digest::from_hex(added).map(Beside::Written);
        Some(Self::Beside(id, written.or_else(|| Some(Beside::FoundOut(added.parse().ok()?)))?))
    }

    fn in_control(sk: &str) -> Option<Self> {
        if sk == HOLD {
            return Some(Self::Hold);
        }
        if let Some(provider) = sk.strip_prefix(PROVIDER) {
            return (!provider.is_empty()).then(|| Self::Accepted(provider.to_owned()));
        }
        let Some(record) = sk.strip_prefix(PROVIDERS_HISTORY) else {
            return Some(Self::History(Versioned::Hold, version(sk)?));
        };
        let (provider, version) = record.rsplit_once('#').filter(|(provider, _)| !provider.is_empty())?;
        Some(Self::AcceptedHistory(provider.to_owned(), version.parse().ok()?))
    }

    fn of_a_run(to: &str, sk: &str) -> Option<Self> {
        let (digest, part) = sk.split_once('#')?;
        Some(Self::RunFile { to: to.parse().ok()?, digest: Digest::from_hex(digest)?, part: part.parse().ok()? })
    }

    fn of_the_sweeper(sk: &str) -> Option<Self> {
        match sk {
            ROUND => Some(Self::Round),
            SAMPLES => Some(Self::Samples),
            OPEN_COUNTS => Some(Self::OpenCounts),
            OUTCOME_COUNTS => Some(Self::OutcomeCounts),
            SNAPSHOT => Some(Self::Snapshot),
            _ => Some(Self::DueLookUps(sk.strip_prefix(DUE_LOOK_UPS)?.parse().ok()?)),
        }
    }
}

fn version(sk: &str) -> Option<u64> {
    sk.strip_prefix(HISTORY)?.parse().ok()
}

/// Of a batch that was drafted then. All lie in one partition by time; the hash tells apart those of one moment.
pub(crate) fn batch_id(drafted_at: UnixMillis, hash: Digest) -> String {
    format!("{drafted_at:013}-{:.8}", hash.to_string())
}

fn is_batch_id(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.split_once('-').is_some_and(|(at, hash)| {
        at.len() >= 13 && at.bytes().all(|byte| byte.is_ascii_digit()) && hash.len() == 8 && hash.bytes().all(is_hex)
    })
}

pub(crate) fn whole_history(case: &CaseId) -> Range {
    Range::new(case, HISTORY)
}

pub(crate) fn events_beside(case: &CaseId) -> Range {
    Range::new(case, EVENT)
}

pub(crate) fn all_accepted() -> Range {
    Range::new(CONTROL, PROVIDER)
}

pub(crate) fn due_look_ups() -> Range {
    Range::new(SWEEPER, DUE_LOOK_UPS)
}

/// As wide as the longest of this era, so that texts compare as the numbers do.
pub(crate) fn run_end(to: UnixMillis) -> String {
    format!("{to:013}")
}

/// The partition of all runs.
pub(crate) fn runs() -> AttributeValue {
    AttributeValue::S(RUNS.to_owned())
}

/// The parts of a file of a run.
pub(crate) fn run_file(to: UnixMillis, digest: Digest) -> Range {
    Range::new(format!("{RUN}{}", run_end(to)), format!("{digest}#"))
}

/// So that texts compare as the numbers do.
pub(crate) fn import_number(number: u64) -> String {
    format!("{number:06}")
}

/// The partition of all imports.
pub(crate) fn imports() -> AttributeValue {
    AttributeValue::S(IMPORTS.to_owned())
}

/// The parts of what an import says.
pub(crate) fn import_parts(digest: Digest) -> Range {
    Range::new(format!("{IMPORT}{digest}"), PART)
}

/// The partition of all batches.
pub(crate) fn batches() -> AttributeValue {
    AttributeValue::S(BATCHES.to_owned())
}

/// The partition of all people.
pub(crate) fn people() -> AttributeValue {
    AttributeValue::S(PERSON.to_owned())
}

/// Whether an item of the reconcile table with this sort key is a case.
pub fn is_case(sort_key: &str) -> bool {
    sort_key == CASE
}

// --- Indexes of the reconcile table ------------------------------------------------------------------------------------

/// Open cases are spread by the first digit of their id, which is a hash: one bad hour must not be one hot partition.
pub(crate) const OPEN_SHARDS: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

pub(crate) fn open_shard(digit: char) -> String {
    format!("open#{digit}")
}

/// The shard of a case.
pub(crate) fn open(case: &CaseId) -> String {
    open_shard(case.as_str().chars().next().unwrap_or('0'))
}

/// Where a case stands among the open ones when the greatest risk comes first: by what is known, then within a currency by the
/// sum, counted at the finest exponent; of equal ones the older. Sums of two currencies are never compared.
pub(crate) fn risk(risk: Risk, money: Option<&Money>, since: UnixMillis) -> String {
    let money = money.map(|money| {
        let finest = u128::from(money.minor()) * 10_u128.pow(u32::from(MAX_EXPONENT - money.exponent()));
        format!("{}#{finest:026}", money.currency())
    });
    format!("{}#{}#{:020}", risk as u8, money.unwrap_or_default(), u64::MAX - since)
}

/// Of this cause on this day (UTC).
pub(crate) fn incident(reason: Reason, cause: &str, at: UnixMillis) -> String {
    format!("{}/{reason}/{cause}", at / 86_400_000)
}

/// Where a case of an incident is listed: one outage must not be one hot partition, for an index that cannot follow pushes back on
/// the transaction that records the outcome. The shard stands first, so that this is never an incident's name.
pub(crate) fn open_incident(incident: &str, case: &CaseId) -> String {
    incident_shard(Shards::OF_INCIDENT.of_case(case), incident)
}

/// All places of an incident's cases; older versions listed them under its name alone.
pub(crate) fn incident_shards(incident: &str) -> impl Iterator<Item = String> {
    Shards::OF_INCIDENT.all().map(|shard| incident_shard(shard, incident)).chain([incident.to_owned()])
}

fn incident_shard(shard: u8, incident: &str) -> String {
    format!("{shard}#{incident}")
}

/// What is the same on every day of an incident's cause.
pub fn cause_of_incident(incident: &str) -> &str {
    incident.split_once('/').map_or(incident, |(_, cause)| cause)
}

/// The partition of what awaits approval.
pub(crate) const APPROVAL: &str = "approval";

const FOUR_WEEKS_MS: u64 = 28 * 86_400_000;

/// The partition of cases that were resolved at this moment.
pub(crate) fn resolved_in(at: UnixMillis) -> String {
    format!("resolved#{}", at / FOUR_WEEKS_MS)
}

/// Those of all moments of a period, the latest first.
pub(crate) fn resolved_within(from: UnixMillis, last: UnixMillis) -> impl Iterator<Item = String> {
    (from / FOUR_WEEKS_MS..=last / FOUR_WEEKS_MS).rev().map(|weeks| resolved_in(weeks * FOUR_WEEKS_MS))
}

/// A moment as a page's place in an index: as wide as the longest, so that texts compare as the numbers do.
pub(crate) fn place(at: UnixMillis) -> String {
    format!("{at:020}")
}

pub(crate) fn moment(place: &str) -> Option<UnixMillis> {
    place.parse().ok()
}

// --- The table of bodies -----------------------------------------------------------------------------------------------

/// An item of the table of bodies, which has no sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyKey {
    /// Of a delivery, by its SHA-256.
    Body(Digest),
    /// Of a case, by its own SHA-256: the one kind of item that the console writes here.
    File(CaseId, Digest),
}

impl BodyKey {
    pub(crate) fn keys(&self) -> Keys {
        Keys::new(self)
    }
}

impl fmt::Display for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(digest) => digest.fmt(f),
            Self::File(case, digest) => write!(f, "evidence/{case}/{digest}"),
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
