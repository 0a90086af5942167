//! Randomness, from the operating system and at the moment of use: a generator seeded at init would repeat itself in
//! every copy of a snapshot.

use payonce_protocol::ids::AttemptId;

/// Fresh for every claim of every event, so that a claim is known to be ours (claim-before-pay).
///
/// # Panics
///
/// When the system has no randomness. Nothing is claimed yet, and any substitute could make another worker's claim look
/// like ours; the delivery's own panic guard turns this into a case.
#[expect(clippy::expect_used, reason = "an attempt id that may repeat can pay twice; there is no safe fallback")]
pub fn attempt_id() -> AttemptId {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives no random bytes");
    AttemptId(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn attempt_ids_do_not_repeat() {
        let ids: BTreeSet<AttemptId> = (0..1_000).map(|_| attempt_id()).collect();
        assert_eq!(ids.len(), 1_000);
        // Every bit is drawn: over a thousand ids each is seen both set and clear.
        let (set, clear) = ids.iter().fold(([0_u8; 16], [0_u8; 16]), |(mut set, mut clear), id| {
            for (index, byte) in id.0.iter().enumerate() {
                set[index] |= byte;
                clear[index] |= !byte;
            }
            (set, clear)
        });
        assert_eq!((set, clear), ([0xff; 16], [0xff; 16]));
    }
}
