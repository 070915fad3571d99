//! What every store must do, run on each of them.

#[path = "store_conformance/commits.rs"]
mod commits;
#[path = "store_conformance/databases.rs"]
mod databases;
#[path = "store_conformance/dead_letters.rs"]
mod dead_letters;
#[path = "store_conformance/estimates.rs"]
mod estimates;
#[path = "store_conformance/fixtures.rs"]
mod fixtures;
#[path = "store_conformance/history.rs"]
mod history;
#[path = "store_conformance/leases.rs"]
mod leases;
#[path = "store_conformance/nodes.rs"]
mod nodes;
#[path = "store_conformance/opening.rs"]
mod opening;
#[path = "store_conformance/pages.rs"]
mod pages;
#[path = "store_conformance/parking.rs"]
mod parking;
#[path = "store_conformance/policies.rs"]
mod policies;
#[path = "store_conformance/postgres_only.rs"]
mod postgres_only;
#[path = "store_conformance/proxy.rs"]
mod proxy;
#[path = "store_conformance/reads.rs"]
mod reads;
#[path = "store_conformance/refusals.rs"]
mod refusals;
#[path = "store_conformance/sqlite_only.rs"]
mod sqlite_only;

/// Runs each of these on both databases.
macro_rules! conformance {
    ($($module:ident :: $test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $test() { crate::databases::on_sqlite(crate::$module::$test).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $test() { crate::databases::on_postgres(crate::$module::$test).await; })+
        }
    };
}

conformance! {
    commits::every_column_survives,
    commits::every_state_can_be_stored,
    commits::an_update_keeps_what_is_unset,
    commits::a_job_may_start_and_end_in_one_turn,
    commits::another_epoch_is_fenced,
    commits::another_turn_is_fenced,
    commits::a_wrong_old_state_of_a_job_surprises,
    commits::a_wrong_old_state_of_an_attempt_surprises,
    commits::a_missing_row_surprises,
    refusals::a_second_insert_is_refused,
    refusals::a_request_id_is_unique_in_its_namespace,
    refusals::a_value_out_of_range_is_refused,
    nodes::a_node_that_joins_again_replaces_its_row,
    nodes::every_admission_survives,
    estimates::what_is_learned_again_replaces_its_row,
    estimates::what_is_forgotten_goes_from_every_node,
    policies::a_candidate_survives_whole,
    policies::a_version_is_stored_once,
    policies::the_last_that_is_switched_to_is_live,
    policies::what_is_live_is_loaded,
    policies::the_history_comes_in_pages,
    policies::going_back_knows_what_was_before,
    commits::a_queue_that_is_set_again_replaces_its_row,
    refusals::what_a_planted_rule_forbids_is_refused,
    dead_letters::a_job_that_ends_dead_becomes_a_letter,
    dead_letters::a_replay_removes_the_letter_with_its_commit,
    dead_letters::letters_come_in_pages,
    dead_letters::letters_tell_what_jobs_died_of,
    dead_letters::a_letter_with_a_broken_attempt_is_listed,
    dead_letters::letters_are_purged_in_their_namespace,
    dead_letters::many_letters_are_purged,
    leases::one_leads_and_others_hear_who,
    leases::a_lease_that_nobody_holds_has_no_time_left,
    leases::a_term_that_is_over_frees_the_lease,
    leases::a_commit_renews_the_lease,
    leases::the_same_holder_takes_a_new_epoch,
    leases::a_namesake_takes_the_lease_only_as_a_successor,
    leases::a_successor_takes_nothing_from_other_addresses,
    leases::only_the_current_epoch_can_resign,
    leases::load_is_refused_to_an_old_epoch,
    opening::what_is_committed_survives_reopening,
    opening::a_newer_schema_is_refused,
    parking::a_parked_job_has_failed_and_others_have_not,
    parking::a_parked_rollback_has_failed,
    parking::nothing_that_is_parked_ends_before_it_began,
    parking::only_open_jobs_are_parked,
    parking::only_the_leader_parks,
    parking::a_job_with_a_broken_attempt_is_parked,
    parking::a_job_with_a_broken_state_is_parked,
    parking::a_job_whose_attempts_cannot_be_written_is_parked,
    reads::load_gives_what_is_open_in_order,
    reads::successes_come_from_the_newest_jobs,
    history::history_is_read_by_span_and_page,
    history::arrivals_are_read_behind_a_job,
    history::history_finds_ids_that_are_a_little_off,
    history::history_names_jobs_that_cannot_be_read,
    reads::an_unknown_job_is_none_with_a_turn,
    pages::pages_go_from_new_to_old,
    pages::pages_can_be_filtered,
    pages::a_page_counts_last_attempts,
    pages::what_is_undone_has_not_succeeded,
    reads::requests_are_found_with_their_turn,
    reads::logs_are_kept_once_and_read_from_an_offset,
    reads::successes_are_counted,
    reads::durability_is_described,
}
