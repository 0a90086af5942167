//! Whether a person may be offered a further attempt at a payout, and under which rail key (absence-needs-sight). Two people approve it;
//! this only says what is safe to offer.

use crate::UnixMillis;
use crate::ids::KeyGeneration;
use crate::outcome::{Outcome, Verdict};

/// What a rail promises about repeated requests and look-ups; each rail states it with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RailPromises {
    /// How long a rail key is remembered and answered with the first result; `None`: the rail keeps no keys.
    pub key_life_ms: Option<u64>,
    /// How long a request may still be executed, or be missing from a look-up, after it was sent.
    pub settle_ms: u64,
    pub look_up: LookUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookUp {
    /// The rail can be asked for our reference.
    ByReference,
    /// Only by listing a period and matching.
    ByList,
    None,
}

/// Kept between the last use of a key that is counted on, and the end of its life.
pub const KEY_LIFE_MARGIN_MS: u64 = 3_600_000;

/// A look-up by our reference, which carries the payout key alone and so sees every attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LookedUp {
    pub at: UnixMillis,
    pub said: Said,
}

crate::words! {
    /// What a look-up came to.
    pub enum Said {
        Found = "found",
        /// Not found, by a search that was just shown to find what is known to be there.
        Absent = "absent",
        /// Not found, and nothing showed that the search sees. It counts for nothing.
        Blind = "blind",
    }
}

/// The last attempt, and what is known since.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LastAttempt {
    pub verdict: Verdict,
    pub generation: KeyGeneration,
    /// Some attempt under this generation's key, not only the last, ended `Unknown`. A later `NotSent`, or refusal before
    /// anything was begun, speaks of its own request alone: the earlier one may still have paid.
    pub key_is_uncertain: bool,
    /// When this generation's key was first, and last, given to the rail (for `NotSent`: when it was claimed).
    pub key_first_used_at: UnixMillis,
    pub key_last_used_at: UnixMillis,
    /// The rail keeps an error as the answer under this key, so that the same key can never execute.
    pub key_holds_an_error: bool,
    /// A worker reported after the attempt was given up; a person must read that first.
    pub has_late_outcome: bool,
    pub look_ups: Vec<LookedUp>,
}

impl LastAttempt {
    /// Nothing was paid for it under its rail key, not by any attempt: its request never left, or the rail refused it in full.
    /// Two people may pay many such payouts as one list, where everything else is decided one by one.
    pub fn is_surely_unpaid(&self) -> bool {
        let is_unpaid = match self.verdict.outcome {
            Outcome::NotSent | Outcome::Rejected => true,
            Outcome::Accepted | Outcome::Unknown => false,
        };
        is_unpaid && !self.key_is_uncertain && !self.has_late_outcome
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reissue {
    /// The same rail key and the same bytes: should the first request have arrived, the rail answers with its result.
    SameKey,
    /// The next generation: the rail would only repeat its refusal, or has forgotten the key.
    NextKey(KeyGeneration),
    NotBefore(UnixMillis),
    /// "Absent" must be seen this often, a settle time apart, the last one just now.
    LookUpFirst {
        times: usize,
    },
    NotOffered(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    AlreadyAccepted,
    FoundAtTheRail,
    LateOutcome,
    RailCannotBeAsked,
}

/// A look-up made longer ago than this does not speak of now.
pub const LOOK_UP_FRESH_MS: u64 = 60_000;

/// From when a payout must have been claimed so that finding it, which is known to be accepted, shows that the same search
/// would find one that was last sent at `last_used_at`, had it been executed. A list may end too early: only what was
/// claimed when the other must have been executed says that the list goes that far.
pub fn sight_from(last_used_at: UnixMillis, settle_ms: u64) -> UnixMillis {
    last_used_at.saturating_add(settle_ms)
}

pub fn offer(last: &LastAttempt, rail: &RailPromises, now: UnixMillis, margin_ms: u64) -> Reissue {
    if last.has_late_outcome {
        return Reissue::NotOffered(Why::LateOutcome);
    }
    if last.look_ups.iter().any(|look_up| look_up.said == Said::Found) {
        return Reissue::NotOffered(Why::FoundAtTheRail);
    }
    match last.verdict.outcome {
        Outcome::Accepted => Reissue::NotOffered(Why::AlreadyAccepted),
        Outcome::NotSent if last.key_is_uncertain => unknown(last, rail, now, margin_ms),
        Outcome::Rejected if last.verdict.not_begun && last.key_is_uncertain => unknown(last, rail, now, margin_ms),
        Outcome::Rejected if last.verdict.not_begun => Reissue::SameKey,
        Outcome::Rejected => Reissue::NextKey(last.generation + 1),
        Outcome::NotSent => not_sent(last, rail, now, margin_ms),
        Outcome::Unknown => unknown(last, rail, now, margin_ms),
    }
}

/// The generation that a further attempt would take once everything that [`offer`] still wants is there. `None`: it never
/// will be offered. For what people propose before the last look-up; the offer decides.
pub fn expected_generation(last: &LastAttempt, offered: Reissue) -> Option<KeyGeneration> {
    match offered {
        Reissue::SameKey => Some(last.generation),
        Reissue::NextKey(generation) => Some(generation),
        Reissue::LookUpFirst { times: 1 } if last.verdict.outcome == Outcome::NotSent && !last.key_is_uncertain => {
            Some(last.generation)
        }
        Reissue::LookUpFirst { .. } => Some(last.generation + 1),
        Reissue::NotBefore(_) | Reissue::NotOffered(_) => None,
    }
}

/// Inside the key's life the same key is a free safety net, should "not sent" have been wrong. Past it one look-up takes
/// its place, where there is one.
fn not_sent(last: &LastAttempt, rail: &RailPromises, now: UnixMillis, margin_ms: u64) -> Reissue {
    if key_lives(last, rail, now, margin_ms) || rail.look_up != LookUp::ByReference {
        return Reissue::SameKey;
    }
    absent(last, rail, now, 1).map_or(Reissue::SameKey, |missing| missing)
}

fn unknown(last: &LastAttempt, rail: &RailPromises, now: UnixMillis, margin_ms: u64) -> Reissue {
    let settled_at = last.key_last_used_at.saturating_add(rail.settle_ms);
    if now < settled_at {
        return Reissue::NotBefore(settled_at);
    }
    if key_lives(last, rail, now, margin_ms) && !last.key_holds_an_error {
        return Reissue::SameKey;
    }
    if let Some(life) = rail.key_life_ms {
        // Between "too old to count on" and "surely forgotten" neither key is safe.
        let forgotten_at = last.key_last_used_at.saturating_add(life).saturating_add(margin_ms);
        if now < forgotten_at {
            return Reissue::NotBefore(forgotten_at);
        }
    }
    if rail.look_up != LookUp::ByReference {
        return Reissue::NotOffered(Why::RailCannotBeAsked);
    }
    absent(last, rail, now, 2).map_or(Reissue::NextKey(last.generation + 1), |missing| missing)
}

fn key_lives(last: &LastAttempt, rail: &RailPromises, now: UnixMillis, margin_ms: u64) -> bool {
    rail.key_life_ms.is_some_and(|life| now < (last.key_first_used_at + life).saturating_sub(margin_ms))
}

/// `None` when "absent" was seen `times`, each a settle time after the one before (the first a settle time after the
/// request), the last one fresh; else what is still missing.
fn absent(last: &LastAttempt, rail: &RailPromises, now: UnixMillis, times: usize) -> Option<Reissue> {
    let mut seen = 0;
    let mut since = last.key_last_used_at;
    let mut newest = None;
    for look_up in last.look_ups.iter().filter(|look_up| look_up.said == Said::Absent) {
        if look_up.at >= since.saturating_add(rail.settle_ms) {
            seen += 1;
            since = look_up.at;
        }
        newest = Some(look_up.at);
    }
    let fresh = newest.is_some_and(|at| now.saturating_sub(at) <= LOOK_UP_FRESH_MS);
    if seen >= times && fresh {
        return None;
    }
    Some(Reissue::LookUpFirst { times: times.saturating_sub(seen).max(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const STRIPE: RailPromises =
        RailPromises { key_life_ms: Some(24 * HOUR), settle_ms: 600_000, look_up: LookUp::ByReference };

    fn last(outcome: Outcome) -> LastAttempt {
        LastAttempt {
            verdict: Verdict::plain(outcome),
            generation: 1,
            key_is_uncertain: outcome == Outcome::Unknown,
            key_first_used_at: 0,
            key_last_used_at: 0,
            key_holds_an_error: false,
            has_late_outcome: false,
            look_ups: vec![],
        }
    }

    fn at(last: &LastAttempt, now: UnixMillis) -> Reissue {
        offer(last, &STRIPE, now, KEY_LIFE_MARGIN_MS)
    }

    #[test]
    fn only_what_was_surely_not_paid_is_tried_again_as_a_list() {
        let not_begun = Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) };
        for (verdict, is_surely) in [
            (Verdict::NOT_SENT, true),
            (not_begun, true),
            (Verdict::plain(Outcome::Rejected), true),
            (Verdict::UNKNOWN, false),
            (Verdict::plain(Outcome::Accepted), false),
        ] {
            let certain = LastAttempt { verdict, key_is_uncertain: false, ..last(verdict.outcome) };
            assert_eq!(certain.is_surely_unpaid(), is_surely, "{verdict:?}");
            // An earlier attempt under the same key may have paid, or a worker reported late.
            assert!(!LastAttempt { key_is_uncertain: true, ..certain.clone() }.is_surely_unpaid());
            assert!(!LastAttempt { has_late_outcome: true, ..certain }.is_surely_unpaid());
        }
    }

    #[test]
    fn a_refusal_takes_the_next_key_unless_it_was_not_begun() {
        assert_eq!(at(&last(Outcome::Rejected), HOUR), Reissue::NextKey(2));
        let mut not_begun = last(Outcome::Rejected);
        not_begun.verdict.not_begun = true;
        assert_eq!(at(&not_begun, HOUR), Reissue::SameKey);
    }

    /// It began nothing, so its key is as good as unused, however old. One that was begun is the rail's word on every request
    /// under its key.
    #[test]
    fn a_refusal_is_taken_at_its_word() {
        let mut not_begun = last(Outcome::Rejected);
        not_begun.verdict.not_begun = true;
        assert_eq!(at(&not_begun, 26 * HOUR), Reissue::SameKey);
        let begun = LastAttempt { key_is_uncertain: true, ..last(Outcome::Rejected) };
        assert_eq!(at(&begun, HOUR), Reissue::NextKey(2));
    }

    /// A list may end too early: what was claimed before the searched one must have been executed shows nothing of it.
    #[test]
    fn sight_is_shown_by_what_was_claimed_a_settle_time_later() {
        assert_eq!(sight_from(1_000, STRIPE.settle_ms), 601_000);
        assert_eq!(sight_from(u64::MAX, STRIPE.settle_ms), u64::MAX);
    }

    #[test]
    fn proposal_expects_the_generation_that_the_offer_will_come_to() {
        let expected = |last: &LastAttempt, now| expected_generation(last, at(last, now));
        let unknown = last(Outcome::Unknown);
        assert_eq!(expected(&unknown, HOUR), Some(1), "the same key");
        assert_eq!(expected(&unknown, 26 * HOUR), Some(2), "after two look-ups");
        assert_eq!(expected(&unknown, 24 * HOUR), None, "neither key is safe yet");
        assert_eq!(expected(&last(Outcome::Rejected), HOUR), Some(2));
        assert_eq!(expected(&last(Outcome::Accepted), HOUR), None);
        let not_sent = last(Outcome::NotSent);
        assert_eq!(expected(&not_sent, 30 * HOUR), Some(1), "after one look-up");
        let uncertain = LastAttempt { key_is_uncertain: true, ..not_sent };
        assert_eq!(expected(&uncertain, 30 * HOUR), Some(2));
        let once = LastAttempt { look_ups: vec![LookedUp { at: 30 * HOUR, said: Said::Absent }], ..uncertain };
        assert_eq!(at(&once, 30 * HOUR), Reissue::LookUpFirst { times: 1 });
        assert_eq!(expected(&once, 30 * HOUR), Some(2), "one look-up more does not make an unknown a payout not sent");
        let seen_once = LastAttempt { verdict: Verdict::UNKNOWN, key_is_uncertain: false, ..once };
        assert_eq!(expected(&seen_once, 30 * HOUR), Some(2));
    }

    #[test]
    fn an_unknown_inside_the_keys_life_repeats_the_same_key() {
        assert_eq!(at(&last(Outcome::Unknown), 599_999), Reissue::NotBefore(600_000));
        assert_eq!(at(&last(Outcome::Unknown), 600_000), Reissue::SameKey);
        assert_eq!(at(&last(Outcome::Unknown), 23 * HOUR - 1), Reissue::SameKey);
    }

    #[test]
    fn an_unknown_past_the_keys_life_needs_two_absent_look_ups() {
        let mut unknown = last(Outcome::Unknown);
        assert_eq!(at(&unknown, 23 * HOUR), Reissue::NotBefore(25 * HOUR));
        assert_eq!(at(&unknown, 25 * HOUR - 1), Reissue::NotBefore(25 * HOUR));
        assert_eq!(at(&unknown, 25 * HOUR), Reissue::LookUpFirst { times: 2 });
        assert_eq!(at(&unknown, 26 * HOUR), Reissue::LookUpFirst { times: 2 });
        unknown.look_ups.push(LookedUp { at: 26 * HOUR, said: Said::Absent });
        assert_eq!(at(&unknown, 26 * HOUR + 1), Reissue::LookUpFirst { times: 1 });
        unknown.look_ups.push(LookedUp { at: 26 * HOUR + 1, said: Said::Absent });
        assert_eq!(at(&unknown, 26 * HOUR + 2), Reissue::LookUpFirst { times: 1 });
        unknown.look_ups.push(LookedUp { at: 26 * HOUR + 600_000, said: Said::Absent });
        assert_eq!(at(&unknown, 26 * HOUR + 600_001), Reissue::NextKey(2));
        assert_eq!(at(&unknown, 27 * HOUR), Reissue::LookUpFirst { times: 1 });
    }

    #[test]
    fn a_blind_look_up_counts_for_nothing() {
        let blind = |at| LookedUp { at, said: Said::Blind };
        let absent = |at| LookedUp { at, said: Said::Absent };
        let mut unknown = last(Outcome::Unknown);
        unknown.look_ups = vec![blind(26 * HOUR), blind(26 * HOUR + 600_000)];
        assert_eq!(at(&unknown, 26 * HOUR + 600_001), Reissue::LookUpFirst { times: 2 });
        // Between two that see it neither helps nor harms; the newest that sees must be fresh.
        unknown.look_ups = vec![absent(26 * HOUR), blind(26 * HOUR + 600_000)];
        assert_eq!(at(&unknown, 26 * HOUR + 600_001), Reissue::LookUpFirst { times: 1 });
        unknown.look_ups.push(absent(26 * HOUR + 700_000));
        assert_eq!(at(&unknown, 26 * HOUR + 700_001), Reissue::NextKey(2));
        let stale = 26 * HOUR + 700_000 + LOOK_UP_FRESH_MS + 1;
        unknown.look_ups.push(blind(stale));
        assert_eq!(at(&unknown, stale), Reissue::LookUpFirst { times: 1 });

        let mut not_sent = last(Outcome::NotSent);
        not_sent.look_ups = vec![blind(30 * HOUR)];
        assert_eq!(at(&not_sent, 30 * HOUR), Reissue::LookUpFirst { times: 1 });
        not_sent.look_ups.push(absent(30 * HOUR));
        assert_eq!(at(&not_sent, 30 * HOUR), Reissue::SameKey);
    }

    #[test]
    fn a_stored_error_waits_for_the_keys_end() {
        let mut unknown = last(Outcome::Unknown);
        unknown.key_holds_an_error = true;
        assert_eq!(at(&unknown, HOUR), Reissue::NotBefore(25 * HOUR));
    }

    #[test]
    fn offers_no_look_up_at_a_rail_that_cannot_be_asked() {
        let blind = RailPromises { look_up: LookUp::ByList, ..STRIPE };
        assert_eq!(
            offer(&last(Outcome::Unknown), &blind, 26 * HOUR, KEY_LIFE_MARGIN_MS),
            Reissue::NotOffered(Why::RailCannotBeAsked)
        );
        let forgetful = RailPromises { key_life_ms: None, look_up: LookUp::None, ..STRIPE };
        assert_eq!(
            offer(&last(Outcome::Unknown), &forgetful, HOUR, KEY_LIFE_MARGIN_MS),
            Reissue::NotOffered(Why::RailCannotBeAsked)
        );
    }

    #[test]
    fn found_late_or_accepted_is_never_paid_again() {
        assert_eq!(at(&last(Outcome::Accepted), HOUR), Reissue::NotOffered(Why::AlreadyAccepted));
        for outcome in [Outcome::Unknown, Outcome::NotSent, Outcome::Rejected] {
            let mut found = last(outcome);
            found.look_ups.push(LookedUp { at: 1, said: Said::Found });
            assert_eq!(at(&found, HOUR), Reissue::NotOffered(Why::FoundAtTheRail));
            let late = LastAttempt { has_late_outcome: true, ..last(outcome) };
            assert_eq!(at(&late, HOUR), Reissue::NotOffered(Why::LateOutcome));
        }
    }

    /// Attempt 1 paid and nobody knows; attempt 2 never left, or was turned away at the door. Past the key's life the
    /// same key would pay a second time.
    #[test]
    fn an_unknown_is_not_forgotten_because_the_attempt_after_it_did_nothing() {
        let mut not_begun = last(Outcome::Rejected);
        not_begun.verdict.not_begun = true;
        for harmless in [not_begun, last(Outcome::NotSent)] {
            let uncertain = LastAttempt { key_is_uncertain: true, ..harmless };
            assert_eq!(at(&uncertain, HOUR), Reissue::SameKey);
            assert_eq!(at(&uncertain, 23 * HOUR), Reissue::NotBefore(25 * HOUR));
            assert_eq!(at(&uncertain, 26 * HOUR), Reissue::LookUpFirst { times: 2 });
            let blind = RailPromises { look_up: LookUp::None, ..STRIPE };
            let offered = offer(&uncertain, &blind, 26 * HOUR, KEY_LIFE_MARGIN_MS);
            assert_eq!(offered, Reissue::NotOffered(Why::RailCannotBeAsked));
        }
    }

    #[test]
    fn not_sent_repeats_the_same_key_and_looks_once_when_the_key_is_old() {
        assert_eq!(at(&last(Outcome::NotSent), 1), Reissue::SameKey);
        assert_eq!(at(&last(Outcome::NotSent), 30 * HOUR), Reissue::LookUpFirst { times: 1 });
    }
}
