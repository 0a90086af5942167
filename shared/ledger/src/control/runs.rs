//! Finished reconciliations: one item for each, and the files that people and the next run read, compressed and in parts. A run is
//! there when its item is; files without one are of a run that never ended, and nobody reads them.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;

use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey};
use crate::powers::{QueriesCases, Reads, Reconciles};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

/// An item holds 400 KB, names and all.
const PART_BYTES: usize = 350 * 1024;
/// Keys number parts in four digits.
const PARTS_AT_MOST: usize = 10_000;
/// What a file may grow to when it is read.
const FILE_BYTES_AT_MOST: u64 = 1024 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// SHA-256 of what it says.
    pub digest: Digest,
    pub parts: usize,
}

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
        const WHAT: &str = "a file of a run";
        let Some(kept) = run.files.get(name) else { return Ok(None) };
        let mut rows = self.within(keys::run_file(run.to, kept.digest)).into_paginator().items().send();
        let (mut compressed, mut parts) = (vec![], 0);
        while let Some(row) = rows.next().await {
            let item = row.map_err(|error| LedgerError::failed("read a file of a run", &error))?;
            compressed.extend_from_slice(ItemReader::new(WHAT, &item).bytes("part")?);
            parts += 1;
        }
        let unreadable = || LedgerError::Unreadable { what: WHAT, attribute: "part" };
        let mut bytes = vec![];
        let mut reader = ZlibDecoder::new(compressed.as_slice()).take(FILE_BYTES_AT_MOST);
        reader.read_to_end(&mut bytes).map_err(|_| unreadable())?;
        let is_whole = parts == kept.parts && Digest::of(&bytes) == kept.digest;
        if is_whole { Ok(Some(bytes)) } else { Err(unreadable()) }
    }

    /// Before the run that names it. The same file of the same run may be kept again.
    pub async fn keep_run_file(&self, to: UnixMillis, bytes: &[u8]) -> Result<KeptFile, LedgerError>
    where
        P: Reconciles,
    {
        const DOING: &str = "keep a file of a run";
        let failed = |why: &str| LedgerError::Failed { doing: DOING, why: why.to_owned() };
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|_| failed("compression"))?;
        let digest = Digest::of(bytes);
        let kept = KeptFile { digest, parts: compressed.len().div_ceil(PART_BYTES) };
        if kept.parts > PARTS_AT_MOST {
            return Err(failed("it is too large"));
        }
        for (part, bytes) in compressed.chunks(PART_BYTES).enumerate() {
            let key = ReconcileKey::RunFile { to, digest, part };
            self.overwrite(DOING, Fields::new(key.keys()).bytes("part", bytes).done()).await?;
        }
        Ok(kept)
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
        let file = |(name, kept): (&String, &KeptFile)| (name.clone(), format!("{}#{}", kept.digest, kept.parts));
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
        let file = |text: &str| {
            let (digest, parts) = text.split_once('#')?;
            Some(KeptFile { digest: Digest::from_hex(digest)?, parts: parts.parse().ok()? })
        };
        let files = read.map("files")?.into_iter();
        let files = files.map(|(name, text)| Ok((name, file(&text).ok_or_else(|| read.unreadable("files"))?)));
        Ok(Self {
            from: read.number("from")?,
            to: read.number("to")?,
            finished_at: read.number("finished_at")?,
            manifest: read.text("manifest")?.to_owned(),
            files: files.collect::<Result<_, LedgerError>>()?,
        })
    }
}
