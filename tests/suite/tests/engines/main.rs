//! The ledger upon real engines: every test of `claims`, `outcomes`, `cases`, `control`, `acts`, `closings`, `queue`, `find`, `index`, `runs`, `imports` and `units` runs on dynoxide and on
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
mod imports;
mod index;
mod large;
mod outcomes;
mod queue;
mod runs;
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
        second_put_leaves_a_claim_that_stands,
        recognises_its_own_claim_after_a_lost_answer,
        server_error_after_the_write_is_no_answer,
        tells_whose_claim_won_during_a_server_error,
        uncertain_answers_are_no_answer,
        certain_refusal_is_not_sent_again,
        item_that_dynamodb_refuses_is_unacceptable,
        claim_of_a_newer_schema_is_never_ours,
        second_call_hears_of_its_own_write_alone,
        claim_that_is_taken_is_told_by_what_stands_there_however_long_it_is,
        claim_comes_back_as_it_was_written,
        second_note_of_a_refusal_leaves_the_first,
        a_record_that_is_refused_is_not_taken_for_one_that_stands,
        each_claim_opens_a_fresh_connection,
        connection_that_stands_carries_one_claim,
        connection_that_was_closed_meanwhile_is_replaced_before_anything_is_sent,
        claim_whose_connection_dies_under_it_is_not_sent_again,
    }
    outcomes::{
        outcome_and_case_are_written_together,
        record_whose_answer_was_lost_is_durable,
        outcome_survives_a_conflict,
        conflict_that_stays_is_a_failed_record,
        record_without_a_database_fails,
        late_worker_leaves_the_sweepers_outcome,
        late_sweeper_leaves_the_workers_outcome,
        outcome_is_recorded_beside_an_open_case,
        outcome_of_a_newer_schema_is_left_alone,
        two_verdicts_of_one_worker_are_both_kept,
    }
    cases::{
        case_opens_once,
        open_cases_are_queried_in_order,
        evidence_is_kept_with_its_history,
        history_ends_at_five_hundred_of_the_events_that_share_a_case,
        tables_that_are_there_stay_as_they_are,
        samples_of_what_the_rail_accepted_are_kept_ten_minutes_apart,
        case_of_a_newer_schema_is_left_alone,
        round_and_snapshot_are_found_again,
        due_look_ups_are_found,
        each_open_case_is_counted_once,
        body_is_found_again,
    }
    control::{
        release_is_for_the_tables_that_are_there,
        hold_that_changed_meanwhile_is_not_overwritten,
        rules_are_accepted_only_after_the_hold_was_seen,
        rules_are_not_accepted_upon_a_hold_that_is_over,
    }
    acts::{
        each_act_leaves_its_record,
        the_books_end_a_case_and_open_it_again,
        what_an_event_asks_for_is_added_to_its_open_case_once,
        what_a_later_version_notes_beside_a_payout_is_passed_by,
        comments_and_evidence_need_no_version_and_move_none,
        a_form_that_is_sent_twice_acts_once,
        a_file_comes_back_as_it_was_to_its_own_case,
        maker_cannot_approve_their_own_proposal,
        an_ending_that_pays_is_not_approved_as_one_that_does_not,
        one_of_two_people_who_act_at_once_wins,
        makers_token_is_kept_and_not_shown,
        further_claim_is_written_with_its_case,
        further_claim_holds_every_condition,
        first_claim_by_two_people_takes_a_free_place_once,
        recognises_its_own_further_claim_after_a_lost_answer,
        further_claim_is_not_sent_again_after_a_conflict,
        payout_lists_every_attempt_and_look_up,
        people_who_change_at_once_are_both_kept,
        list_of_people_ends_at_one_page,
        stranger_without_a_role_is_not_written,
        unreadable_person_hides_no_other,
    }
    closings::{
        an_event_is_found_and_closed_under_each_of_its_keys,
        closing_is_no_attempt,
        claim_is_told_what_closed_its_place,
        closing_and_ending_are_one,
        recognises_its_own_closing_after_a_lost_answer,
        further_claim_follows_a_closing,
        case_that_came_again_is_open,
        outcome_whose_case_is_resolved_opens_it,
        payout_of_a_case_is_its_own_events,
        rail_has_what_was_seen_of_the_cases_own_payout,
        refused_event_is_known_by_its_own_claim_or_closing,
    }
    batches::{
        batch_is_proposed_whole,
        batch_is_approved_once_and_not_by_its_maker,
        batch_is_sent_back_whole,
        the_longest_batch_is_proposed_and_sent_back_whole,
        a_long_batch_that_stays_in_part_can_still_be_sent_back,
        a_long_batch_that_was_sent_back_in_part_is_sent_back_again,
    }
    queue::{
        pages_show_each_case_once,
        an_incident_is_spread_over_partitions_and_paged_as_one,
        case_leaves_its_old_queue,
    }
    index::{
        put_that_lands_late_is_swept,
        claim_behind_a_lagging_index_is_found_later,
        every_row_of_a_busy_minute_is_read,
        window_lists_what_came_up_to_a_quarter_of_an_hour_before_it,
        another_number_of_shards_hides_nothing,
        second_page_is_read,
        odd_row_does_not_stop_the_sweep,
        refusal_is_listed_when_it_is_final,
        outcome_is_not_listed_for_the_sweeper,
        every_outcome_is_read_across_batches,
        another_events_claim_does_not_account_for_a_refused_one,
    }
    find::{
        resolved_cases_of_a_period_come_once_each_and_the_latest_first,
        what_awaits_approval_is_counted_for_others_than_its_maker,
        counting_what_awaits_approval_ends_after_a_hundred,
        payout_is_found_by_its_event_and_its_rail_key,
    }
    runs::{
        a_window_has_one_run,
        runs_are_listed_from_the_latest,
        a_file_of_a_run_comes_back_whole_or_not_at_all,
    }
    imports::{
        an_import_counts_when_it_is_finished_and_never_in_part,
        two_imports_at_once_do_not_share_a_number,
        what_an_import_says_comes_back_whole_or_not_at_all,
    }
    units::{
        an_ordinary_event_costs_at_most_six_units,
        the_longest_claim_costs_a_second_unit,
        our_units_agree_with_the_engines,
    }
}
