//! Files in the reconcile table: compressed, and in parts that an item holds. Whoever names a file writes that last, so that parts
//! without a name are of something that never ended, and nobody reads them.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use payonce_protocol::ids::Digest;

use crate::item::{Fields, ItemReader};
use crate::keys::{Range, ReconcileKey};
use crate::powers::{Holder, QueriesCases};
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

impl KeptFile {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (digest, parts) = text.split_once('#')?;
        Some(Self { digest: Digest::from_hex(digest)?, parts: parts.parse().ok()? })
    }
}

impl std::fmt::Display for KeptFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.digest, self.parts)
    }
}

impl<P: Holder> Ledger<P> {
    /// The same file may be kept again: its parts are what they were.
    pub(crate) async fn keep_parts(
        &self,
        doing: &'static str,
        bytes: &[u8],
        key: impl Fn(Digest, usize) -> ReconcileKey,
    ) -> Result<KeptFile, LedgerError> {
        let failed = |why: &str| LedgerError::Failed { doing, why: why.to_owned() };
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|_| failed("compression"))?;
        let digest = Digest::of(bytes);
        let kept = KeptFile { digest, parts: compressed.len().div_ceil(PART_BYTES) };
        if kept.parts > PARTS_AT_MOST {
            return Err(failed("it is too large"));
        }
        for (part, bytes) in compressed.chunks(PART_BYTES).enumerate() {
            let key = key(digest, part);
            self.overwrite(doing, Fields::new(key.keys()).bytes("part", bytes).done()).await?;
        }
        Ok(kept)
    }

    /// Whole, and as it was written.
    pub(crate) async fn read_parts(
        &self,
        what: &'static str,
        range: Range,
        kept: KeptFile,
    ) -> Result<Vec<u8>, LedgerError>
    where
        P: QueriesCases,
    {
        let mut rows = self.within(range).into_paginator().items().send();
        let (mut compressed, mut parts) = (vec![], 0);
        while let Some(row) = rows.next().await {
            let item = row.map_err(|error| LedgerError::failed("read the parts of a file", &error))?;
            compressed.extend_from_slice(ItemReader::new(what, &item).bytes("part")?);
            parts += 1;
        }
        let unreadable = || LedgerError::Unreadable { what, attribute: "part" };
        let mut bytes = vec![];
        let mut reader = ZlibDecoder::new(compressed.as_slice()).take(FILE_BYTES_AT_MOST);
        reader.read_to_end(&mut bytes).map_err(|_| unreadable())?;
        let is_whole = parts == kept.parts && Digest::of(&bytes) == kept.digest;
        if is_whole { Ok(bytes) } else { Err(unreadable()) }
    }
}
