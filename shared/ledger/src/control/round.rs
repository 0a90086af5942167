//! The sweeper's own items: how far its visits have come, and which look-ups are due. They are overwritten; none is ever
//! part of a transaction about money, which would fail while another run writes them.

use std::collections::{BTreeMap, BTreeSet};

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Shards;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::slo::OutcomeCounts;
use payonce_protocol::sweep::{Minute, Progress, VISITS};
use payonce_protocol::velocity::AcceptedSums;

use crate::audit::attempt::AttemptName;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, Range, ReconcileKey};
use crate::powers::{QueriesCases, Reads, Sweeps};
use crate::{Ledger, LedgerError};

/// An item holds so many look-ups that are due: with the longest keys half of what an item may weigh.
const DUE_IN_ONE: usize = 500;
/// More are not remembered: the later visits of their minutes come by them again.
pub const DUE_AT_MOST: usize = 16 * DUE_IN_ONE;

/// A look-up that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueLookUp {
    pub attempt: AttemptName,
    pub since: UnixMillis,
}

impl<P: Reads> Ledger<P> {
    /// How far the sweeper has come. `None` on a new stack.
    pub async fn progress(&self) -> Result<Option<Progress>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Round).await?;
        item.as_ref().map(progress).transpose()
    }

    /// Under how many partitions a minute's claims may be listed: what this version writes, or what any other ever did.
    pub async fn shards(&self) -> Result<Shards, LedgerError> {
        let written = match self.progress().await {
            Ok(progress) => progress.map_or(Shards::ONE, |progress| progress.shards),
            Err(LedgerError::Unreadable { .. }) => Shards::MOST,
            Err(error) => return Err(error),
        };
        Ok(written.max(self.shards))
    }

    /// What this version lists claims under.
    pub fn shards_written(&self) -> Shards {
        self.shards
    }

    pub async fn set_progress(&self, progress: &Progress) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        let visited = VISITS.iter().zip(progress.visited);
        let owed: Vec<String> = progress.owed.iter().map(Minute::to_string).collect();
        let item = Fields::new(ReconcileKey::Round.keys()).map("visited", visited).list("owed", &owed);
        let item = item.number("shards", progress.shards.number()).done();
        self.overwrite("store a round", item).await
    }

    /// Nothing from before this minute is to be made up.
    pub async fn set_round(&self, through: Minute) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        self.set_progress(&Progress::through(through)).await
    }

    /// How attempts ended, as far as the visits have counted them. What cannot be read is begun anew: it is a measurement.
    pub async fn outcome_counts(&self) -> Result<OutcomeCounts, LedgerError> {
        let Some(item) = self.read_reconcile(&ReconcileKey::OutcomeCounts).await? else {
            return Ok(Default::default());
        };
        let read = ItemReader::new("the counts of outcomes", &item);
        let (lines, sums) = (read.list("counts").unwrap_or_default(), read.list("sums").unwrap_or_default());
        let counts = OutcomeCounts::from_lines(lines.iter().map(String::as_str));
        let sums = AcceptedSums::from_lines(sums.iter().map(String::as_str));
        if counts.is_none() || sums.is_none() {
            tracing::error!("the counts of outcomes cannot be read, and begin anew");
        }
        let mut counts = counts.unwrap_or_default();
        counts.accepted = sums.unwrap_or_default();
        Ok(counts)
    }

    pub async fn set_outcome_counts(&self, counts: &OutcomeCounts) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        let item = Fields::new(ReconcileKey::OutcomeCounts.keys()).list("counts", &counts.to_lines());
        let item = item.list("sums", &counts.accepted.to_lines()).done();
        self.overwrite("store the counts of outcomes", item).await
    }

    /// A consistent read. What cannot be read of it is left out.
    pub async fn due_look_ups(&self) -> Result<Vec<DueLookUp>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut due = Vec::new();
        for item in self.sweepers_items(keys::due_look_ups()).await? {
            let list = ItemReader::new("the look-ups that are due", &item).list("due").unwrap_or_default();
            let (read, odd): (Vec<_>, Vec<_>) =
                list.iter().map(|text| DueLookUp::parse(text)).partition(Option::is_some);
            if !odd.is_empty() {
                tracing::error!(lost = odd.len(), "look-ups that are due cannot be read");
            }
            due.extend(read.into_iter().flatten());
        }
        Ok(due)
    }

    /// Writes what differs from what was stored before.
    pub async fn set_due_look_ups(&self, stored: &[DueLookUp], due: &[DueLookUp]) -> Result<(), LedgerError>
    where
        P: Sweeps,
    {
        let items = stored.len().max(due.len()).div_ceil(DUE_IN_ONE);
        for number in 0..items {
            let part = |list: &[DueLookUp]| -> Vec<String> {
                list.iter().skip(number * DUE_IN_ONE).take(DUE_IN_ONE).map(DueLookUp::to_text).collect()
            };
            let due = part(due);
            if due != part(stored) {
                let item = Fields::new(ReconcileKey::DueLookUps(number).keys()).list("due", &due).done();
                self.overwrite("store the look-ups that are due", item).await?;
            }
        }
        Ok(())
    }

    async fn sweepers_items(&self, range: Range) -> Result<Vec<Item>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut rows = self.within(range).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(row) = rows.next().await {
            items.push(row.map_err(|error| LedgerError::failed("read the sweeper's items", &error))?);
        }
        Ok(items)
    }
}

pub(crate) fn progress(item: &Item) -> Result<Progress, LedgerError> {
    let read = ItemReader::new("the round", item);
    if read.is_newer() {
        return Err(read.unreadable("v"));
    }
    let by_visit: BTreeMap<String, String> = read.map("visited")?;
    let number = |text: &String, name| text.parse::<Minute>().map_err(|_| read.unreadable(name));
    let mut visited = [0; VISITS.len()];
    for (visited, visit) in visited.iter_mut().zip(VISITS) {
        let stored = by_visit.get(&visit.to_string()).ok_or_else(|| read.unreadable("visited"))?;
        *visited = number(stored, "visited")?;
    }
    let owed = read.list("owed")?.iter().map(|minute| number(minute, "owed")).collect::<Result<BTreeSet<_>, _>>()?;
    let shards =
        read.optional("shards", |read| Shards::new(read.number("shards")?).ok_or_else(|| read.unreadable("shards")))?;
    Ok(Progress { visited, owed, shards: shards.unwrap_or(Shards::UNCHOSEN) })
}

impl DueLookUp {
    fn to_text(&self) -> String {
        let (key, attempt) = &self.attempt;
        format!("{attempt:04} {} {key}", self.since)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, ' ');
        let (attempt, since) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let key = PayoutKey::new(words.next()?).ok()?;
        Some(Self { attempt: (key, attempt), since })
    }
}
