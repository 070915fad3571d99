//! What every store must do, run on each of them.

#[path = "store_conformance/commits.rs"]
mod commits;
#[path = "store_conformance/databases.rs"]
mod databases;
#[path = "store_conformance/fixtures.rs"]
mod fixtures;
#[path = "store_conformance/leases.rs"]
mod leases;
#[path = "store_conformance/opening.rs"]
mod opening;
#[path = "store_conformance/postgres_only.rs"]
mod postgres_only;
#[path = "store_conformance/reads.rs"]
mod reads;

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
    commits::an_update_keeps_what_is_unset,
    commits::a_job_may_start_and_end_in_one_turn,
    commits::another_epoch_is_fenced,
    commits::another_turn_is_fenced,
    commits::a_wrong_old_state_of_a_job_surprises,
    commits::a_wrong_old_state_of_an_attempt_surprises,
    commits::a_missing_row_surprises,
    commits::a_second_insert_surprises,
    commits::a_request_id_is_unique_in_its_namespace,
    commits::a_value_out_of_range_surprises,
    commits::a_node_that_joins_again_replaces_its_row,
    leases::one_leads_and_others_hear_who,
    leases::a_term_that_is_over_frees_the_lease,
    leases::a_commit_renews_the_lease,
    leases::the_same_holder_takes_a_new_epoch,
    leases::only_the_current_epoch_can_resign,
    leases::load_is_refused_to_an_old_epoch,
    opening::what_is_committed_survives_reopening,
    opening::a_newer_schema_is_refused,
    reads::load_gives_what_is_open_in_order,
    reads::an_unknown_job_is_none_with_a_turn,
    reads::pages_go_from_new_to_old,
    reads::pages_can_be_filtered,
    reads::a_page_counts_last_attempts,
    reads::requests_are_found_with_their_turn,
    reads::logs_are_kept_once_and_read_from_an_offset,
    reads::successes_are_counted,
    reads::durability_is_described,
}
