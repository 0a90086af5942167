//! The ledger upon real engines: every test of `claims`, `outcomes`, `cases`, `control`, `acts`, `closings`, `queue`, `find`, `index` and `units` runs on dynoxide and on
//! Amazon's DynamoDB Local with one code. `golden` and `environment` need one engine only, any will do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "tests plant items, start themselves again and wait with a deadline")]

mod acts;
mod batches;
mod bench;
mod cases;
mod claims;
mod closings;
mod control;
mod environment;
mod find;
mod golden;
mod index;
mod large;
mod outcomes;
mod queue;
mod units;

use bench::Bench;
use payonce_suite::dynamo::Engine;

fn run(engine: Engine, test: impl AsyncFnOnce(Bench)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { test(Bench::new(engine).await).await });
}

macro_rules! on_both_engines {
    ($($module:ident::{$($test:ident,)*})*) => {
        mod dynoxide {
            $($(#[test] fn $test() { crate::run(crate::Engine::start(), crate::$module::$test); })*)*
        }
        mod dynamodb_local {
            $($(#[test] fn $test() { crate::run(crate::Engine::local(), crate::$module::$test); })*)*
        }
    };
}

on_both_engines! {
    claims::{
        a_claim_that_stands_is_overwritten_by_a_second_put,
        a_lost_answer_hides_our_own_claim,
        a_server_error_after_the_write_is_taken_for_a_refusal,
        another_claim_wins_during_a_server_error,
        an_uncertain_answer_is_taken_for_certain,
        a_certain_refusal_is_sent_again,
        an_item_that_dynamodb_refuses_comes_back_for_ever,
        a_claim_of_a_newer_schema_is_taken_for_ours,
        a_second_call_is_told_done_about_the_first,
        a_claim_does_not_come_back_as_it_was_written,
        a_second_note_of_a_refusal_replaces_the_first,
        a_claim_goes_out_on_a_connection_that_was_kept,
    }
    outcomes::{
        an_outcome_stands_without_its_case,
        a_record_whose_answer_was_lost_is_called_late,
        a_conflict_loses_an_outcome,
        a_conflict_that_stays_is_called_durable,
        a_record_without_a_database_is_called_durable,
        a_worker_that_comes_late_overwrites_the_sweeper,
        a_sweeper_that_comes_late_overwrites_the_worker,
        a_case_that_is_open_already_loses_the_outcome,
        an_outcome_of_a_newer_schema_is_touched,
        two_verdicts_of_one_worker_hide_each_other,
    }
    cases::{
        a_case_opens_twice,
        open_cases_are_scanned_for_or_out_of_order,
        evidence_is_lost_or_leaves_no_history,
        a_case_of_a_newer_schema_is_touched,
        a_round_or_snapshot_is_not_found_again,
        a_look_up_that_is_due_is_forgotten,
        open_cases_are_counted_twice_or_never,
        a_body_is_not_found_again,
    }
    control::{
        a_release_is_for_other_tables_than_those_that_are_there,
        a_hold_that_changed_meanwhile_is_overwritten,
        rules_are_accepted_while_payouts_are_made_or_before_the_hold_was_seen,
        rules_are_accepted_upon_a_hold_that_is_over,
    }
    acts::{
        an_act_leaves_no_record_or_another_case,
        comments_and_evidence_need_no_version_and_move_none,
        a_form_that_is_sent_twice_acts_once,
        a_file_comes_back_as_it_was_to_its_own_case,
        a_maker_approves_their_own_proposal,
        two_people_act_at_once_and_both_win,
        a_makers_token_is_shown_or_lost,
        a_further_claim_stands_without_its_case,
        a_further_claim_passes_what_it_must_not,
        first_claim_by_two_people_takes_a_free_place_once,
        a_lost_answer_hides_our_own_further_claim,
        a_conflict_is_sent_again_for_a_further_claim,
        an_attempt_or_look_up_is_forgotten,
        people_who_change_at_once_forget_each_other,
        people_fill_up_a_list,
        a_stranger_who_is_left_out_is_written,
        a_person_who_cannot_be_read_locks_the_others_out,
    }
    closings::{
        an_event_is_found_and_closed_under_each_of_its_keys,
        closing_is_no_attempt,
        claim_meets_a_closing,
        closing_and_ending_are_one,
        answer_of_a_closing_is_lost,
        further_claim_after_a_closing,
        case_that_came_again_is_open,
        outcome_whose_case_is_resolved_opens_it,
        refused_event_is_accounted_for,
    }
    batches::{
        a_batch_is_proposed_in_part,
        a_batch_is_approved_by_its_maker_or_by_two,
        a_batch_is_sent_back_in_part,
        the_longest_batch_is_proposed_and_sent_back_whole,
        a_long_batch_that_stays_in_part_can_still_be_sent_back,
        a_long_batch_that_was_sent_back_in_part_is_sent_back_again,
    }
    queue::{
        a_page_repeats_or_skips_a_case,
        a_case_stays_in_a_queue_that_it_left,
    }
    index::{
        a_put_that_lands_late_is_never_swept,
        a_lagging_index_hides_a_claim_for_ever,
        a_row_of_a_busy_minute_is_overlooked,
        a_second_page_is_overlooked,
        an_odd_row_stops_the_sweep,
        a_refusal_is_listed_before_it_is_final,
        an_outcome_is_listed_as_something_to_sweep,
        an_outcome_is_lost_between_batches,
        another_events_claim_answers_for_a_refused_one,
    }
    find::{
        resolved_cases_of_a_period_come_once_each_and_the_latest_first,
        what_awaits_approval_is_counted_for_others_than_its_maker,
        counting_what_awaits_approval_ends_after_a_hundred,
        payout_is_found_by_its_event_and_its_rail_key,
    }
    units::{
        an_ordinary_event_costs_at_most_seven_units,
        the_longest_claim_costs_a_second_unit,
        our_arithmetic_differs_from_the_engines,
    }
}
