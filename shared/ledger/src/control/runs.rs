//! Finished reconciliations: one item for each, and the files that people and the next run read, compressed and in parts. A run is
//! there when its item is; files without one are of a run that never ended, and nobody reads them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;

use crate::control::parts::KeptFile;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey};
use crate::powers::{QueriesCases, Reads, Reconciles};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// A run that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRun {
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub finished_at: UnixMillis,
    /// As JSON; the next run and the console read it.
    pub manifest: String,
    /// By name.
    pub files: BTreeMap<String, KeptFile>,
}

impl<P: Reads> Ledger<P> {
    /// `None`: the configuration says from when there are runs.
    pub async fn runs_began(&self) -> Result<Option<UnixMillis>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::RunsBegin).await?;
        item.map(|item| ItemReader::new("the beginning of the runs", &item).number("from")).transpose()
    }
}

impl<P: Reads + QueriesCases> Ledger<P> {
    /// The latest first, of those whose windows end before `before`.
    pub async fn runs(&self, before: Option<UnixMillis>, limit: u16) -> Result<Vec<KeptRun>, LedgerError> {
        let asked = self
            .records
            .query()
            .table_name(&self.reconcile)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(limit.into())
            .key_condition_expression("#pk = :pk AND #sk < :before")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":pk", keys::runs())
            // Behind every number.
            .expression_attribute_values(":before", AttributeValue::S(before.map_or(":".to_owned(), keys::run_end)))
            .send()
            .await;
        let answer = asked.map_err(|error| LedgerError::failed("list the runs", &error))?;
        answer.items().iter().map(KeptRun::from_item).collect()
    }

    /// From when there are runs where nobody says: the first call decides, however many runs fail after it.
    pub async fn runs_begin(&self, at: UnixMillis) -> Result<UnixMillis, LedgerError>
    where
        P: Reconciles,
    {
        let item = Fields::new(ReconcileKey::RunsBegin.keys()).number("from", at).done();
        match self.transact("begin the runs", &[self.put_new(item)?]).await? {
            Transacted::Done => Ok(at),
            Transacted::Unmet(_) => {
                self.runs_began().await?.ok_or(LedgerError::Missing { what: "the beginning of the runs" })
            }
        }
    }

    /// By the end of its window.
    pub async fn run(&self, to: UnixMillis) -> Result<Option<KeptRun>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Run(to)).await?;
        item.as_ref().map(KeptRun::from_item).transpose()
    }

    /// Whole, and as it was written. `None`: the run kept no such file.
    pub async fn run_file(&self, run: &KeptRun, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(kept) = run.files.get(name) else { return Ok(None) };
        self.read_parts("a file of a run", keys::run_file(run.to, kept.digest), *kept).await.map(Some)
    }

    /// Before the run that names it. The same file of the same run may be kept again.
    pub async fn keep_run_file(&self, to: UnixMillis, bytes: &[u8]) -> Result<KeptFile, LedgerError>
    where
        P: Reconciles,
    {
        self.keep_parts("keep a file of a run", bytes, |digest, part| ReconcileKey::RunFile { to, digest, part }).await
    }

    /// The last thing of a run. `false`: another run of the same window came to its end first, and that one stands.
    pub async fn finish_run(&self, run: &KeptRun) -> Result<bool, LedgerError>
    where
        P: Reconciles,
    {
        let done = self.transact("finish a run", &[self.put_new(run.to_item())?]).await?;
        Ok(matches!(done, Transacted::Done))
    }
}

impl KeptRun {
    pub(crate) fn to_item(&self) -> Item {
        let file = |(name, kept): (&String, &KeptFile)| (name.clone(), kept.to_string());
        Fields::new(ReconcileKey::Run(self.to).keys())
            .number("from", self.from)
            .number("to", self.to)
            .number("finished_at", self.finished_at)
            .text("manifest", &self.manifest)
            .map("files", self.files.iter().map(file))
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("a run", item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
        let files = read.map("files")?.into_iter();
        let files =
            files.map(|(name, text)| Ok((name, KeptFile::parse(&text).ok_or_else(|| read.unreadable("files"))?)));
        Ok(Self {
            from: read.number("from")?,
            to: read.number("to")?,
            finished_at: read.number("finished_at")?,
            manifest: read.text("manifest")?.to_owned(),
            files: files.collect::<Result<_, LedgerError>>()?,
        })
    }
}
