//! Bodies of deliveries, one item each under its SHA-256, compressed, for a while. Erasure and size live here and not in
//! the audit table, where nothing is ever deleted (claims-are-forever).

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;

use crate::audit::append::NOTHING_THERE;
use crate::audit::attempt::is_taken;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::BodyKey;
use crate::powers::{KeepsBodies, Reads};
use crate::schema::BODIES_TTL;
use crate::{Ledger, LedgerError};

/// An item holds 400 KB, names and all. What does not fit is cut, and marked so.
const MAX_COMPRESSED: usize = 390 * 1024;
const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBody {
    pub bytes: Vec<u8>,
    /// Of the whole body; more than `bytes` has when it was cut.
    pub length: u64,
    pub received_at: UnixMillis,
    /// DynamoDB removes it some time after this.
    pub kept_until: UnixMillis,
    pub is_cut: bool,
}

impl<P: Reads> Ledger<P> {
    /// A body that is there already counts as success.
    #[expect(clippy::disallowed_methods, reason = "bodies have a table of their own")]
    pub async fn put_body(
        &self,
        digest: Digest,
        body: &[u8],
        received_at: UnixMillis,
        ttl_days: u32,
    ) -> Result<(), LedgerError>
    where
        P: KeepsBodies,
    {
        let put = self
            .records
            .put_item()
            .table_name(&self.bodies)
            .set_item(Some(to_item(digest, body, received_at, ttl_days)?))
            .condition_expression(NOTHING_THERE)
            .expression_attribute_names("#pk", "pk")
            .send()
            .await;
        match put {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("keep a body", &error)),
        }
    }

    pub async fn body(&self, digest: Digest) -> Result<Option<StoredBody>, LedgerError> {
        let answer = self
            .records
            .get_item()
            .table_name(&self.bodies)
            .set_key(Some(BodyKey::Body(digest).keys().into_item()))
            .consistent_read(true)
            .send()
            .await;
        let item = answer.map_err(|error| LedgerError::failed("read a body", &error))?.item;
        item.as_ref().map(from_item).transpose()
    }
}

fn to_item(digest: Digest, body: &[u8], received_at: UnixMillis, ttl_days: u32) -> Result<Item, LedgerError> {
    let mut compressed =
        compress(body).map_err(|_| LedgerError::Failed { doing: "keep a body", why: "compression".to_owned() })?;
    let is_cut = compressed.len() > MAX_COMPRESSED;
    compressed.truncate(MAX_COMPRESSED);
    Ok(Fields::new(BodyKey::Body(digest).keys())
        .bytes("zlib", compressed)
        .number("length", body.len() as u64)
        .mark("cut", is_cut)
        .number("received_at", received_at)
        .number(BODIES_TTL, expires(received_at, ttl_days))
        .done())
}

/// In seconds, as DynamoDB's time to live counts.
pub(crate) fn expires(at: UnixMillis, ttl_days: u32) -> u64 {
    at / 1_000 + u64::from(ttl_days) * SECONDS_PER_DAY
}

fn compress(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Never inflates beyond the recorded length: a small body may be a compression bomb. Of a body that was cut, as much as can be had.
fn from_item(item: &Item) -> Result<StoredBody, LedgerError> {
    let read = ItemReader::new("the body", item);
    let length = read.number("length")?;
    let is_cut = read.mark("cut");
    let mut bytes = Vec::new();
    let inflated = ZlibDecoder::new(read.bytes("zlib")?).take(length).read_to_end(&mut bytes);
    if inflated.is_err() && !is_cut {
        return Err(read.unreadable("zlib"));
    }
    let kept_until = read.number(BODIES_TTL)?.saturating_mul(1_000);
    Ok(StoredBody { bytes, length, received_at: read.number("received_at")?, kept_until, is_cut })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn stored(body: &[u8]) -> StoredBody {
        let item = to_item(Digest::of(body), body, 1_764_000_123_456, 400).unwrap();
        assert!(crate::item_size(&item) <= 400 * 1024);
        from_item(&item).unwrap()
    }

    /// Bytes that no compressor makes smaller.
    fn noise(length: usize) -> Vec<u8> {
        (0_u64..).flat_map(|block| Digest::of(block.to_be_bytes()).0).take(length).collect()
    }

    #[test]
    fn a_body_comes_back_as_it_was() {
        for body in [b"".to_vec(), b"{\"id\":\"evt_1\"}".to_vec(), noise(100_000), vec![b'a'; 5_000_000]] {
            let stored = stored(&body);
            assert!(stored.bytes == body && !stored.is_cut && stored.length == body.len() as u64);
            assert_eq!(stored.kept_until, (1_764_000_123 + 400 * SECONDS_PER_DAY) * 1_000);
        }
    }

    #[test]
    fn a_body_that_does_not_fit_is_cut_and_says_so() {
        let body = noise(500_000);
        let stored = stored(&body);
        assert!(stored.is_cut);
        assert_eq!(stored.length, 500_000);
        assert!(stored.bytes.len() > 300_000 && body.starts_with(&stored.bytes), "{}", stored.bytes.len());
    }

    #[test]
    fn a_bomb_inflates_to_its_recorded_length_only() {
        let mut item = to_item(Digest::of("x"), &vec![0; 1_000_000], 0, 1).unwrap();
        item.insert("length".to_owned(), AttributeValue::N("10".to_owned()));
        assert_eq!(from_item(&item).unwrap().bytes.len(), 10);
    }
}
