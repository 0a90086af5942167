//! Files that people attach to a case: one item each in the table of bodies, under the case and the file's SHA-256, for as long
//! as a body is kept. The case's history names them for good.

use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{CaseId, Digest};

use crate::audit::append::NOTHING_THERE;
use crate::audit::attempt::is_taken;
use crate::bodies::body::expires;
use crate::item::{Fields, ItemReader};
use crate::keys::BodyKey;
use crate::powers::{Reads, ServesPeople};
use crate::schema::BODIES_TTL;
use crate::{Ledger, LedgerError};

/// An item holds 400 KB, names and all (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
/// Scans of a statement and screenshots are smaller than this, and a file is compressed already.
pub const FILE_BYTES_AT_MOST: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The name that the uploader gave it; bounded, and never used as a path.
    pub name: String,
    pub bytes: Vec<u8>,
    /// DynamoDB removes it some time after this.
    pub kept_until: UnixMillis,
}

impl<P: Reads> Ledger<P> {
    /// Under the hash of the bytes themselves; a file that is there already counts as success.
    #[expect(clippy::disallowed_methods, reason = "files lie beside the bodies, which have a table of their own")]
    pub async fn put_file(
        &self,
        case: &CaseId,
        name: &str,
        bytes: &[u8],
        at: UnixMillis,
        ttl_days: u32,
    ) -> Result<Digest, LedgerError>
    where
        P: ServesPeople,
    {
        let digest = Digest::of(bytes);
        if bytes.len() > FILE_BYTES_AT_MOST {
            return Err(LedgerError::Failed { doing: "keep a file", why: "it is too large".to_owned() });
        }
        let item = Fields::new(BodyKey::File(case.clone(), digest).keys())
            .text("name", name)
            .bytes("bytes", bytes)
            .number("received_at", at)
            .number(BODIES_TTL, expires(at, ttl_days))
            .done();
        let put = self
            .records
            .put_item()
            .table_name(&self.bodies)
            .set_item(Some(item))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
            .send()
            .await;
        match put {
            Ok(_) => Ok(digest),
            Err(error) if is_taken(&error) => Ok(digest),
            Err(error) => Err(LedgerError::failed("keep a file", &error)),
        }
    }

    /// `None`: it is no file of this case, or it is no longer kept.
    pub async fn file(&self, case: &CaseId, digest: Digest) -> Result<Option<StoredFile>, LedgerError> {
        let answer = self
            .records
            .get_item()
            .table_name(&self.bodies)
            .set_key(Some(BodyKey::File(case.clone(), digest).keys().into_item()))
            .consistent_read(true)
            .send()
            .await;
        let Some(item) = answer.map_err(|error| LedgerError::failed("read a file", &error))?.item else {
            return Ok(None);
        };
        let read = ItemReader::new("the file", &item);
        let bytes = read.bytes("bytes")?.to_vec();
        if Digest::of(&bytes) != digest {
            return Err(read.unreadable("bytes"));
        }
        let kept_until = read.number(BODIES_TTL)?.saturating_mul(1_000);
        Ok(Some(StoredFile { name: read.text("name")?.to_owned(), bytes, kept_until }))
    }
}
