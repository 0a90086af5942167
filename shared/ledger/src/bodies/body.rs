//! Bodies of deliveries, one item each under its SHA-256, compressed, for a while. Erasure and size live here and not in
//! the audit table, where nothing is ever deleted (claims-are-forever).

use std::io::Read;

use flate2::read::ZlibDecoder;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;

use crate::audit::append::NOTHING_THERE;
use crate::audit::attempt::is_taken;
use crate::bodies::dictionary::Dictionary;
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
    let dictionary = Dictionary::newest();
    let failed = |_| LedgerError::Failed { doing: "keep a body", why: "compression".to_owned() };
    let mut compressed = dictionary.compress(body).map_err(failed)?;
    let is_cut = compressed.len() > MAX_COMPRESSED;
    compressed.truncate(MAX_COMPRESSED);
    Ok(Fields::new(BodyKey::Body(digest).keys())
        .bytes("deflate", compressed)
        .number("dictionary", dictionary.number())
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

/// Never inflates beyond the recorded length: a small body may be a compression bomb. Of a body that was cut, as much as can be had.
pub(crate) fn from_item(item: &Item) -> Result<StoredBody, LedgerError> {
    let read = ItemReader::new("the body", item);
    let length = read.number("length")?;
    let is_cut = read.mark("cut");
    let (bytes, is_whole) = inflated(&read, length)?;
    if !is_whole && !is_cut {
        return Err(read.unreadable("deflate"));
    }
    let kept_until = read.number(BODIES_TTL)?.saturating_mul(1_000);
    Ok(StoredBody { bytes, length, received_at: read.number("received_at")?, kept_until, is_cut })
}

/// The bytes, and whether they are what was compressed.
fn inflated(read: &ItemReader<'_>, length: u64) -> Result<(Vec<u8>, bool), LedgerError> {
    let Some(number) = read.optional("dictionary", |read| read.small("dictionary"))? else {
        // From before there were dictionaries.
        let mut bytes = Vec::new();
        let inflated = ZlibDecoder::new(read.bytes("zlib")?).take(length).read_to_end(&mut bytes);
        return Ok((bytes, inflated.is_ok()));
    };
    let dictionary = Dictionary::numbered(number).ok_or_else(|| read.unreadable("dictionary"))?;
    let length = usize::try_from(length).map_err(|_| read.unreadable("length"))?;
    Ok(dictionary.inflate(read.bytes("deflate")?, length))
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
    fn a_body_that_just_fits_is_whole() {
        let compressed = |length: usize| Dictionary::newest().compress(&noise(length)).unwrap().len();
        // Noise is stored, with some bytes for each of its blocks.
        let length = MAX_COMPRESSED - (compressed(MAX_COMPRESSED) - MAX_COMPRESSED);
        assert_eq!(compressed(length), MAX_COMPRESSED);
        assert!(!stored(&noise(length)).is_cut && stored(&noise(length + 1)).is_cut);
    }

    #[test]
    fn a_bomb_inflates_to_its_recorded_length_only() {
        let mut item = to_item(Digest::of("x"), &vec![0; 1_000_000], 0, 1).unwrap();
        item.insert("length".to_owned(), AttributeValue::N("10".to_owned()));
        assert!(from_item(&item).is_err(), "it is longer than it says");
        item.insert("cut".to_owned(), AttributeValue::Bool(true));
        assert_eq!(from_item(&item).unwrap().bytes.len(), 10);
    }

    const BODY: &[u8] = b"{\"id\":\"evt_1\",\"object\":\"event\"}";

    /// As it was kept once: `attributes` beside the length and the times.
    fn kept(attributes: &[(&str, AttributeValue)]) -> Result<StoredBody, LedgerError> {
        let mut item = to_item(Digest::of(BODY), BODY, 1_764_000_123_456, 400).unwrap();
        item.remove("deflate");
        item.remove("dictionary");
        item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        from_item(&item)
    }

    /// A golden test of each way in which bodies were ever kept.
    #[test]
    fn a_body_that_was_kept_by_an_earlier_version_is_read() {
        let bytes = |hex: &str| {
            let digits: Vec<u8> =
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            AttributeValue::B(digits.into())
        };
        let number = |number: u8| AttributeValue::N(number.to_string());
        assert_eq!(
            kept(&[("zlib", bytes("78daab56ca4c51b2524a2d2b893754d251ca4fca4a4d2e010ba4e69528d50200992809ee"))])
                .unwrap()
                .bytes,
            BODY
        );
        assert_eq!(kept(&[("deflate", bytes("43de4c8ab99fad1600")), ("dictionary", number(1))]).unwrap().bytes, BODY);
        // By a version that is newer than this one.
        assert!(kept(&[("deflate", bytes("43de4c8ab99fad1600")), ("dictionary", number(200))]).is_err());
        assert!(kept(&[("deflate", bytes("43de4c8ab99fad1600"))]).is_err());
    }

    #[test]
    fn a_delivery_of_three_kilobytes_takes_one_write_unit() {
        let event = include_bytes!("../../../../tests/suite/tests/engines/stripe_event_3kb.json");
        let item = to_item(Digest::of(event), event, 1_764_000_123_456, 400).unwrap();
        assert!(crate::item_size(&item) < 800, "{}", crate::item_size(&item));
    }
}
