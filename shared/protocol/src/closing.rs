//! What people decide binds the machine (invariant endings-bind): an ending of a case takes the place in which its event could
//! still be claimed. What is there already decides which place that is, and whether the people knew of it.

use crate::UnixMillis;
use crate::case::Ending;
use crate::ids::Digest;
use crate::order::{EventId, PayoutKey};

/// What closed a payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClosedBy {
    /// An ending that two people agreed on.
    People,
    /// A blocking event: the payment was given back or is disputed.
    Bar,
}

/// What a closing claim, or a bar, says to an event that meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClosingFacts {
    pub by: ClosedBy,
    /// SHA-256 of the id of the event whose case was closed, or which bars it. `None`: the case named no event.
    pub event: Option<Digest>,
    /// [`crate::order::terms`], where they were verified when it was closed, and not taken from the case.
    pub terms: Option<Digest>,
}

/// Who has a place. `By(None)`: it was closed for a case that named no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Free,
    By(Option<Digest>),
}

/// The payout key whose place an ending takes for this event. Where another event has the key's own place, this one can still
/// be paid as an order of its own, so that order's place is taken.
pub fn closing_key(key: &PayoutKey, event: Option<&EventId>, held: Held) -> PayoutKey {
    match (held, event) {
        // Too long a key for an order of its own: then it cannot be paid as one either.
        (Held::By(holder), Some(event)) if holder != Some(Digest::of(event.as_str())) => {
            key.of_own_order(event).unwrap_or_else(|_| key.clone())
        }
        _ => key.clone(),
    }
}

/// The first attempt of the event whose claimless case is to end: it came, after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameAfterAll {
    pub claimed_at: UnixMillis,
    pub is_accepted: bool,
}

/// Whether people decided with this attempt before their eyes. A proposal from before the claim did not know of it, and what
/// payonce has paid is not paid by hand as well.
pub fn was_known(came: CameAfterAll, ending: Ending, proposed_at: UnixMillis) -> bool {
    came.claimed_at < proposed_at && !(came.is_accepted && ending == Ending::PaidElsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> EventId {
        EventId::new(id).unwrap()
    }

    #[test]
    fn closing_takes_the_place_in_which_its_event_could_be_claimed() {
        let key = PayoutKey::new("stripe/pi_1").unwrap();
        let (ours, other) = (event("evt_1"), event("evt_2"));
        let own = key.of_own_order(&ours).unwrap();
        let by = |event: &EventId| Held::By(Some(Digest::of(event.as_str())));
        assert_eq!(closing_key(&key, Some(&ours), Held::Free), key);
        assert_eq!(closing_key(&key, Some(&ours), by(&ours)), key);
        assert_eq!(closing_key(&key, Some(&ours), by(&other)), own);
        assert_eq!(closing_key(&key, Some(&ours), Held::By(None)), own);
        for held in [Held::Free, by(&other), Held::By(None)] {
            assert_eq!(closing_key(&key, None, held), key, "{held:?}");
        }
        let longest = PayoutKey::new("x".repeat(crate::order::MAX_KEY_BYTES)).unwrap();
        assert_eq!(closing_key(&longest, Some(&ours), by(&other)), longest);
    }

    #[test]
    fn ending_needs_a_proposal_that_knew_of_the_attempt() {
        let came = |claimed_at, is_accepted| CameAfterAll { claimed_at, is_accepted };
        for ending in Ending::ALL.iter().filter(|ending| !ending.pays()) {
            assert!(!was_known(came(2, false), *ending, 1), "{ending}: claimed after the proposal");
            assert!(!was_known(came(2, false), *ending, 2), "{ending}: at the same moment");
            assert!(was_known(came(1, false), *ending, 2), "{ending}");
            let is_paid_twice = *ending == Ending::PaidElsewhere;
            assert_eq!(was_known(came(1, true), *ending, 2), !is_paid_twice, "{ending}");
        }
    }
}
