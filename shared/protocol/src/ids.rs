//! Names that may never be derived differently: a canary, a rollback and last year's redelivery must all find the same
//! claim. The golden tests below freeze them.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::order::PayoutKey;

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// SHA-256 over length-prefixed parts, so that no two lists of parts give the same bytes.
pub struct Hasher(Sha256);

impl Hasher {
    pub fn new(domain: &str) -> Self {
        Self(Sha256::new()).part(domain)
    }

    pub fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }

    /// The first 16 bytes as a UUID of version 8 (RFC 9562), in lower case.
    fn uuid(self) -> String {
        let Digest(hash) = self.finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes[6] = 0x80 + bytes[6] % 0x10;
        bytes[8] = 0x80 + bytes[8] % 0x40;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        text
    }
}

/// 128 random bits, drawn for one claim of one event just before its first put (claim-before-pay). Never the Lambda request id, which
/// repeats when the platform retries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub [u8; 16]);

impl AttemptId {
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(f, &self.0)
    }
}

/// Counts the rail keys of one payout, from 1. Only a re-issue may take the next one, see [`crate::reissue`].
pub type KeyGeneration = u16;

/// The idempotency key sent to the rail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RailKey(String);

impl RailKey {
    pub fn new(key: &PayoutKey, generation: KeyGeneration) -> Self {
        Self(Hasher::new("payonce/1").part(key.as_str()).part(generation.to_be_bytes()).uuid())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A case is named by its reason and its subject, so that it opens once however often its cause is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId(String);

impl CaseId {
    pub fn new(reason: crate::outcome::Reason, subject: &[&str]) -> Self {
        let hasher = Hasher::new("payonce/case/1").part(reason.as_str());
        Self(subject.iter().fold(hasher, |hasher, part| hasher.part(part)).uuid())
    }

    /// From its text, as it stands in an address: 36 characters of a UUID in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            });
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Under how many partitions an index lists what belongs together: the claims of one minute, or the cases of one incident. A partition
/// takes a thousand writes a second
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>), and each is asked for in each
/// reading. Whoever reads asks for the most that were ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shards(u8);

impl Shards {
    pub const ONE: Self = Self(1);
    /// Of stacks from before the number could be chosen.
    pub const UNCHOSEN: Self = Self(16);
    pub const MOST: Self = Self(64);
    /// Of an incident, in every version that spreads it.
    pub const OF_INCIDENT: Self = Self(8);

    pub fn new(number: u64) -> Option<Self> {
        let number = u8::try_from(number).ok().map(Self)?;
        (Self::ONE..=Self::MOST).contains(&number).then_some(number)
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// Which of them a payout key's claim is listed under.
    pub fn of(self, key: &PayoutKey) -> u8 {
        Hasher::new("payonce/shard/1").part(key.as_str()).finish().0[0] % self.0
    }

    /// Which of them a case is listed under. Not every case has a payout key; its id is a hash.
    pub fn of_case(self, case: &CaseId) -> u8 {
        Hasher::new("payonce/shard/1").part(case.as_str()).finish().0[0] % self.0
    }

    pub fn all(self) -> impl Iterator<Item = u8> {
        0..self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Reason;

    fn key() -> PayoutKey {
        PayoutKey::new("stripe/pi_3PayonceGolden").unwrap()
    }

    /// Changing any of these pays again: redeliveries would no longer find their claim, or their rail key.
    #[test]
    fn golden_derivations_never_change() {
        assert_eq!(RailKey::new(&key(), 1).as_str(), "a4433b2f-e244-8883-9a07-95cdeb0ec013");
        assert_eq!(
            RailKey::new(&key(), 1).to_string(),
            "a4433b2f-e244-8883-9a07-95cdeb0ec013",
            "as the claim keeps it"
        );
        assert_eq!(RailKey::new(&key(), 2).as_str(), "a8183e14-58f8-8d16-a3d3-850197436610");
        assert_eq!(
            CaseId::new(Reason::PayoutUnknown, &["stripe/pi_1", "1"]).as_str(),
            "20b08ebd-f665-8c43-b6ef-eee1de011172"
        );
        assert_eq!((Shards::UNCHOSEN.of(&key()), Shards::ONE.of(&key())), (1, 0));
    }

    #[test]
    fn cases_of_one_incident_fall_upon_all_shards_alike() {
        let mut cases = [0; 8];
        for number in 0..8_000 {
            let case = CaseId::new(Reason::PayoutUnknown, &[&format!("stripe/pi_{number}"), "1"]);
            cases[usize::from(Shards::OF_INCIDENT.of_case(&case))] += 1;
        }
        assert!(cases.iter().all(|cases| (900..1_100).contains(cases)), "{cases:?}");
    }

    #[test]
    fn a_rail_key_fits_the_narrowest_alphabet_of_any_rail() {
        let rail_key = RailKey::new(&key(), 1);
        assert_eq!(rail_key.as_str().len(), 36);
        assert!(rail_key.as_str().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')));
        assert_eq!(&rail_key.as_str()[14..15], "8");
    }

    #[test]
    fn neighbouring_parts_do_not_collide() {
        assert_ne!(CaseId::new(Reason::PayoutUnknown, &["ab", "c"]), CaseId::new(Reason::PayoutUnknown, &["a", "bc"]));
    }

    #[test]
    fn case_id_rejects_malformed_text() {
        let id = CaseId::new(Reason::PayoutUnknown, &["stripe/pi_1", "1"]);
        assert_eq!(CaseId::parse(&id.to_string()), Some(id.clone()));
        assert_eq!(CaseId::parse(id.as_str()), Some(id));
        for wrong in
            ["", "control", "20B08EBD-f665-8c43-b6ef-eee1de011172", "20b08ebd-f665-8c43-b6ef-eee1de01117/", "people"]
        {
            assert_eq!(CaseId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_attempt_id_survives_its_text() {
        let id = AttemptId([0xa5; 16]);
        assert_eq!(AttemptId::from_hex(&id.to_string()), Some(id));
        // Read whole or not at all: two claims must not have one id.
        for wrong in ["a5", "A5", &"A5".repeat(16), &"a5".repeat(15), &"a5".repeat(17), &"+5".repeat(16)] {
            assert_eq!(AttemptId::from_hex(wrong), None, "{wrong}");
        }
    }

    /// What is written under a shard that nobody reads is never swept.
    #[test]
    fn every_shard_that_is_written_is_read() {
        let numbers: Vec<u64> = (0..300).filter(|number| Shards::new(*number).is_some()).collect();
        assert_eq!(numbers, (1..=64).collect::<Vec<_>>());
        assert!(numbers.iter().all(|number| Shards::new(*number).map(Shards::number).map(u64::from) == Some(*number)));
        let shards = Shards::new(7).unwrap();
        let keys = (0..500).map(|number| PayoutKey::new(format!("stripe/pi_{number}")).unwrap());
        let written: std::collections::BTreeSet<u8> = keys.map(|key| shards.of(&key)).collect();
        assert!(shards.all().eq(written));
    }
}
