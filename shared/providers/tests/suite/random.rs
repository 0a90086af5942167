//! Bodies and bytes from a seed that is printed; the seed comes from the clock unless `PAYONCE_SEED` gives it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Knuth's 64-bit linear congruential generator; its high bits are good enough here.
pub struct Random(u64);

impl Random {
    pub fn new(test: &str) -> Self {
        let seed = std::env::var("PAYONCE_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into());
        println!("{test}: PAYONCE_SEED={seed}");
        Self(seed)
    }

    /// 0 to `below` - 1.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }

    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.below(256) as u8).collect()
    }

    /// The same bytes but for one.
    pub fn one_changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        let at = self.below(bytes.len());
        changed[at] ^= 1 + self.below(255) as u8;
        changed
    }
}
