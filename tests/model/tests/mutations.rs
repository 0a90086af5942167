//! Each guard is needed: without it, the checker finds a way to break the property that it guards. With it, the same
//! world holds (`protocol.rs`).

#![expect(clippy::disallowed_methods, reason = "how long it took is printed; nothing depends on it")]

use std::collections::BTreeSet;
use std::time::Instant;

use payonce_model::mutation::Mutation;
use payonce_model::properties::{
    AT_MOST_ONCE, CLAIM_BEFORE_PAY, EVERY_CLAIM_ENDS, FILED_IS_OPEN, FIRST_PUT_IS_FRESH, GIVEN_BACK_UNPAID,
    NO_SILENT_LOSS, ONE_REQUEST, OWN_ORDER_ONCE, REFUSAL_REMEMBERED, REFUSED_UNPAID,
};
use payonce_model::releases::{self, Releases};
use payonce_model::setting::Setting;
use payonce_model::world::World;
use payonce_model::worlds;
use stateright::{Checker, HasDiscoveries, Model};

/// Explores until the property is broken, and prints how.
#[track_caller]
fn breaks(mutation: Mutation, world: Setting, property: &'static str) {
    let started = Instant::now();
    let mutated = World::new(Setting { mutation: Some(mutation), sights: vec![], ..world });
    let wanted = HasDiscoveries::AllOf(BTreeSet::from([property]));
    let checker = mutated.checker().threads(2).finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(property);
    let states = checker.unique_state_count();
    println!("{mutation:?}: {states} unique states, {:.1} s, breaks \"{property}\"", started.elapsed().as_secs_f32());
    let steps = path.map(|path| path.into_actions());
    println!("    {steps:?}");
    assert!(steps.is_some(), "{mutation:?} does not break \"{property}\"");
}

#[test]
fn attempt_id_shared_by_two_events_of_a_delivery() {
    breaks(Mutation::AttemptIdPerDelivery, worlds::one_event_twice(), AT_MOST_ONCE);
}

#[test]
fn attempt_id_ignored_on_the_second_put() {
    breaks(Mutation::AttemptIdIgnored, worlds::three_deliveries(), AT_MOST_ONCE);
}

#[test]
fn bar_ignored_by_a_claim() {
    breaks(Mutation::BarIgnored, worlds::given_back(), GIVEN_BACK_UNPAID);
}

#[test]
fn put_without_answer_taken_for_written() {
    breaks(Mutation::SilenceIsWritten, worlds::three_deliveries(), CLAIM_BEFORE_PAY);
}

#[test]
fn put_repeated_by_the_sdk() {
    breaks(Mutation::SdkRepeatsPut, worlds::three_deliveries(), FIRST_PUT_IS_FRESH);
}

#[test]
fn request_repeated_below_the_protocol() {
    breaks(Mutation::RequestRepeated, worlds::three_deliveries(), ONE_REQUEST);
}

#[test]
fn unrecorded_outcome_answered_503() {
    breaks(Mutation::UnrecordedIs503, worlds::three_deliveries(), REFUSED_UNPAID);
}

#[test]
fn case_believed_before_it_is_written() {
    breaks(Mutation::CaseBelievedWritten, worlds::two_events(), NO_SILENT_LOSS);
}

#[test]
fn claim_deleted_on_error() {
    breaks(Mutation::ClaimDeletedOnError, worlds::three_deliveries(), AT_MOST_ONCE);
}

#[test]
fn claim_that_expires() {
    breaks(Mutation::ClaimExpires, worlds::three_deliveries(), AT_MOST_ONCE);
}

#[test]
fn no_sweeper() {
    breaks(Mutation::NoSweeper, worlds::three_deliveries(), EVERY_CLAIM_ENDS);
}

#[test]
fn sweep_before_the_worker_is_certainly_dead() {
    breaks(Mutation::SweepBeforeExpiry, worlds::slow_worker(), AT_MOST_ONCE);
}

#[test]
fn sweep_without_a_margin_for_clocks() {
    breaks(Mutation::SweepWithoutMargin, worlds::slow_clock(), AT_MOST_ONCE);
}

#[test]
fn sweeper_with_a_watermark() {
    breaks(Mutation::Watermark, worlds::three_deliveries(), EVERY_CLAIM_ENDS);
}

#[test]
fn no_gate_at_the_first_byte() {
    breaks(Mutation::NoGateAtFirstByte, worlds::slow_worker(), AT_MOST_ONCE);
}

#[test]
fn new_rail_key_for_an_unknown_inside_the_keys_life() {
    breaks(Mutation::NewKeyAfterUnknown, worlds::keys_and_look_up(), AT_MOST_ONCE);
}

#[test]
fn unknown_forgotten_because_the_attempt_after_it_did_nothing() {
    breaks(Mutation::EarlierUnknownForgotten, worlds::keys_only(), AT_MOST_ONCE);
}

#[test]
fn first_look_up_believed() {
    breaks(Mutation::FirstLookUpBelieved, worlds::slow_worker(), AT_MOST_ONCE);
}

#[test]
fn refusal_not_noted() {
    breaks(Mutation::NoNote, worlds::refusals(), REFUSAL_REMEMBERED);
}

#[test]
fn note_listed_where_the_sweeper_looks_too_early() {
    breaks(Mutation::NoteListedAtRefusal, worlds::refusals(), REFUSAL_REMEMBERED);
}

#[test]
fn note_answered_by_the_claim_of_another_event() {
    breaks(Mutation::AnyClaimAnswersNote, worlds::two_events(), REFUSAL_REMEMBERED);
}

#[test]
fn payout_identified_by_what_the_rail_may_rewrite() {
    breaks(Mutation::IdentifiedByReference, worlds::a_list_that_lags(), AT_MOST_ONCE);
}

#[test]
fn absence_believed_without_sight() {
    breaks(Mutation::AbsenceWithoutSight, worlds::a_list_that_lags(), AT_MOST_ONCE);
}

#[test]
fn sight_shown_by_an_earlier_payout() {
    breaks(Mutation::SightOfAnEarlierPayout, worlds::a_list_that_lags(), AT_MOST_ONCE);
}

#[test]
fn ending_that_claims_nothing() {
    breaks(Mutation::EndingWithoutClaim, worlds::endings(), AT_MOST_ONCE);
}

#[test]
fn lifted_over_what_was_claimed_or_closed_meanwhile() {
    breaks(Mutation::LiftedOverAClaim, worlds::a_lifted_limit(), AT_MOST_ONCE);
}

#[test]
fn second_event_closed_while_its_own_order_can_be_paid() {
    breaks(Mutation::SecondEventEndsWithoutClaim, worlds::a_second_event_ends(), OWN_ORDER_ONCE);
}

#[test]
fn filed_under_a_case_that_is_resolved() {
    breaks(Mutation::FiledUnderAResolvedCase, worlds::endings(), FILED_IS_OPEN);
}

#[test]
fn place_of_the_sweeper_stored_before_its_work() {
    breaks(Mutation::PlaceBeforeWork, worlds::three_deliveries(), EVERY_CLAIM_ENDS);
}

/// Explores until an order is paid twice, and prints how.
#[track_caller]
fn pays_twice(mutation: releases::Mutation, world: Releases) {
    let wanted = HasDiscoveries::AllOf(BTreeSet::from([releases::AT_MOST_ONCE]));
    let mutated = Releases { mutation: Some(mutation), ..world };
    let checker = mutated.checker().threads(2).finish_when(wanted).spawn_bfs().join();
    let steps = checker.discovery(releases::AT_MOST_ONCE).map(|path| path.into_actions());
    println!("{mutation:?}: {} unique states\n    {steps:?}", checker.unique_state_count());
    assert!(steps.is_some(), "{mutation:?} pays nothing twice");
}

#[test]
fn rules_that_nobody_accepted() {
    pays_twice(releases::Mutation::RulesIgnored, Releases::new(true, false));
}

#[test]
fn rules_accepted_while_payouts_go_on() {
    pays_twice(releases::Mutation::AcceptedWithoutHold, Releases::new(true, false));
}

#[test]
fn rules_accepted_before_every_version_has_seen_the_hold() {
    pays_twice(releases::Mutation::AcceptedBeforeSeen, Releases::new(false, false));
}

#[test]
fn events_paid_from_the_hold_on() {
    pays_twice(releases::Mutation::PaidFromTheHold, Releases::new(true, false));
}

#[test]
fn former_keys_that_nobody_looks_at() {
    pays_twice(releases::Mutation::FormerKeysIgnored, Releases::new(false, false));
}

#[test]
fn another_key_of_an_event_that_nobody_asks_about() {
    for signs_time in [true, false] {
        pays_twice(releases::Mutation::OtherKeyIgnored, Releases::new(signs_time, false));
    }
}

#[test]
fn release_that_counts_for_restored_tables() {
    pays_twice(releases::Mutation::TablesIgnored, Releases::new(true, true));
}

#[test]
fn restored_books_taken_for_whole() {
    pays_twice(releases::Mutation::BooksTakenForWhole, Releases::new(true, true));
}
