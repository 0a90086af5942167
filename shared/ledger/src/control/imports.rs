//! What was imported of the bank's files: an item for each import, numbered from 1, and what the file said, compressed and in parts.
//! An import counts when its item is there; parts without one are of an import that never ended, and nobody reads them.
//!
//! What a file adds depends on all that was imported before it. So an import is written under the number that follows the last
//! one that its writer had read, and only where nobody else has taken that number: of two people at once one looks again.

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;

use crate::cases::case::Who;
use crate::control::parts::KeptFile;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey};
use crate::powers::{QueriesCases, ServesPeople};
use crate::transaction::Transacted;
use crate::{Ledger, LedgerError};

const WHAT: &str = "an import of a bank's file";

/// A file of the bank's that a person imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptImport {
    /// From 1, without a gap.
    pub number: u64,
    pub at: UnixMillis,
    pub by: Who,
    /// As the person's computer called the file.
    pub name: String,
    /// SHA-256 of the bank's own bytes, which are not kept.
    pub file: Digest,
    /// The first and the last day of which it speaks, as `2026-11-23`.
    pub days: Option<(String, String)>,
    /// Of its rows.
    pub new: u64,
    pub known: u64,
    pub changed: u64,
    pub doubtful: u64,
    /// What it said.
    pub kept: KeptFile,
}

impl<P: QueriesCases> Ledger<P> {
    /// All, from the first.
    pub async fn imports(&self) -> Result<Vec<KeptImport>, LedgerError> {
        let asked = self
            .records
            .query()
            .table_name(&self.reconcile)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", keys::imports());
        let (mut rows, mut imports) = (asked.into_paginator().items().send(), vec![]);
        while let Some(row) = rows.next().await {
            let item = row.map_err(|error| LedgerError::failed("list the imports", &error))?;
            imports.push(KeptImport::from_item(&item)?);
        }
        Ok(imports)
    }

    /// Whole, and as it was written.
    pub async fn import_lines(&self, import: &KeptImport) -> Result<Vec<u8>, LedgerError> {
        self.read_parts(WHAT, keys::import_parts(import.kept.digest), import.kept).await
    }

    /// Before the import that names it.
    pub async fn keep_import_lines(&self, bytes: &[u8]) -> Result<KeptFile, LedgerError>
    where
        P: ServesPeople,
    {
        let key = |digest, part| ReconcileKey::ImportPart { digest, part };
        self.keep_parts("keep what a bank's file says", bytes, key).await
    }

    /// The last thing of an import. `false`: somebody else's has its number, and this one must be looked at again.
    pub async fn finish_import(&self, import: &KeptImport) -> Result<bool, LedgerError>
    where
        P: ServesPeople,
    {
        let done = self.transact("import a bank's file", &[self.put_new(import.to_item())?]).await?;
        Ok(matches!(done, Transacted::Done))
    }
}

impl KeptImport {
    pub(crate) fn to_item(&self) -> Item {
        Fields::new(ReconcileKey::Import(self.number).keys())
            .number("at", self.at)
            .text("by", &self.by.subject)
            .optional(self.by.name.as_ref(), |fields, name| fields.text("by_name", name))
            .text("name", &self.name)
            .text("file", self.file)
            .optional(self.days.as_ref(), |fields, (first, last)| fields.text("first", first).text("last", last))
            .number("new", self.new)
            .number("known", self.known)
            .number("changed", self.changed)
            .number("doubtful", self.doubtful)
            .text("kept", self.kept)
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new(WHAT, item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
        let Some(ReconcileKey::Import(number)) = ReconcileKey::of(item) else { return Err(read.unreadable("sk")) };
        let text = |name: &'static str| read.text(name).map(str::to_owned);
        let by = Who { subject: text("by")?, name: read.optional("by_name", |_| text("by_name"))? };
        Ok(Self {
            number,
            at: read.number("at")?,
            by,
            name: text("name")?,
            file: read.hex_digest("file")?,
            days: read.optional("first", |_| Ok((text("first")?, text("last")?)))?,
            new: read.number("new")?,
            known: read.number("known")?,
            changed: read.number("changed")?,
            doubtful: read.number("doubtful")?,
            kept: read.parsed("kept", KeptFile::parse)?,
        })
    }
}
