//! The reads, which both databases understand as they stand.

use super::rows::{
    attempt_columns, count_of_page, estimate_columns, job_columns, log_columns, node_columns,
    queue_columns,
};

/// A page of jobs: namespace, last id seen, queue or NULL, limit, and what `$also` wants. What `$from` names decides how
/// much is read: the other columns are its keys.
macro_rules! page {
    (from $from:literal, namespace $namespace:literal, id $id:literal, queue $queue:literal, also $also:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (SELECT ",
            job_columns!(),
            " FROM ",
            $from,
            " WHERE ",
            $namespace,
            " = $1 AND ",
            $id,
            " < $2 AND ($3 IS NULL OR ",
            $queue,
            " = $3) AND ",
            $also,
            " ORDER BY ",
            $id,
            " DESC LIMIT $4), counts AS (",
            count_of_page!(),
            ") SELECT ",
            job_columns!(),
            ", coalesce(c.active, 0), coalesce(c.succeeded, 0), coalesce(c.unsuccessful, 0) \
             FROM page j LEFT JOIN counts c ON c.job_id = j.id ORDER BY j.id DESC"
        )
    };
}
pub(super) use page;

pub(super) const TURN: &str = "SELECT turn FROM lease WHERE id = 1";

/// Where the time that is left does not matter.
pub(super) const LEASE: &str = "SELECT epoch, turn, holder, instance, model_time, CAST(0 AS bigint) AS remaining_ms \
    FROM lease WHERE id = 1";

pub(super) const NODES: &str = concat!("SELECT ", node_columns!(), " FROM nodes ORDER BY name");

pub(super) const ESTIMATES: &str = concat!("SELECT ", estimate_columns!(), " FROM estimates");

pub(super) const ALL_QUEUES: &str = concat!(
    "SELECT ",
    queue_columns!(),
    " FROM queues ORDER BY namespace, name"
);

pub(super) const QUEUES: &str = concat!(
    "SELECT ",
    queue_columns!(),
    " FROM queues WHERE namespace = $1 ORDER BY name"
);

pub(super) const OPEN_JOBS: &str = concat!(
    "SELECT ",
    job_columns!(),
    " FROM open_jobs o JOIN jobs j ON j.id = o.id ORDER BY o.id"
);

pub(super) const ATTEMPTS_OF_OPEN_JOBS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM open_jobs o JOIN attempts a ON a.job_id = o.id ORDER BY a.job_id, a.task, a.attempt"
);

pub(super) const JOB: &str = concat!("SELECT ", job_columns!(), " FROM jobs j WHERE j.id = $1");

pub(super) const ATTEMPTS_OF_JOB: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM attempts a WHERE a.job_id = $1 ORDER BY a.task, a.attempt"
);

/// The job to begin behind, limit.
pub(super) const ARRIVALS: &str = "SELECT j.id FROM jobs j WHERE j.id > $1 ORDER BY j.id LIMIT $2";

/// Namespace, queue or NULL, the span of times, the span of ids, limit.
pub(super) const HISTORY: &str = "SELECT j.id FROM jobs j WHERE j.namespace = $1 AND ($2 IS NULL OR j.queue = $2) \
    AND j.submitted_at >= $3 AND j.submitted_at < $4 AND j.id > $5 AND j.id < $6 ORDER BY j.id LIMIT $7";

/// From the newest job on, by the order of the table itself.
pub(super) const SUCCESSES: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM attempts a WHERE a.state = 'succeeded' \
     ORDER BY a.job_id DESC, a.task DESC, a.attempt DESC LIMIT $1"
);

pub(super) const LOGS: &str = concat!(
    "SELECT ",
    log_columns!(),
    " FROM log_chunks WHERE job_id = $1 AND task = $2 AND attempt = $3 AND start_offset >= $4 \
     ORDER BY start_offset LIMIT $5"
);

pub(super) const LAST_LOGS: &str = concat!(
    "SELECT ",
    log_columns!(),
    " FROM log_chunks WHERE job_id = $1 AND task = $2 AND attempt = $3 ORDER BY start_offset DESC LIMIT $4"
);

pub(super) const DEAD_LETTER: &str = "SELECT 1 FROM dead_letters WHERE job_id = $1";

pub(super) const DEAD_LETTERS: &str = page!(
    from "dead_letters d JOIN jobs j ON j.id = d.job_id",
    namespace "d.namespace", id "d.job_id", queue "d.queue", also "true"
);

pub(super) const PURGE_ENDED: &str = "DELETE FROM dead_letters WHERE job_id IN ( \
        SELECT job_id FROM dead_letters WHERE namespace = $1 AND ended_at < $2 LIMIT $3)";

pub(super) const COUNT_SUCCEEDED: &str = "SELECT count(*) FROM attempts WHERE state = 'succeeded'";

/// Rows that one statement of a purge deletes: others wait no longer than that takes.
pub(super) const PURGE_BATCH: u32 = 5_000;

/// Of each of the jobs that `$wanted` gives, all attempts of the task that failed for good before any other did, and of the
/// undo step that did: newest job first, then by task and number.
macro_rules! first_failures {
    ($wanted:literal) => {
        concat!(
            "WITH failures AS (SELECT a.job_id, a.task, row_number() OVER ( \
               PARTITION BY a.job_id, a.task >= j.task_count ORDER BY coalesce(a.ended_at, 0), a.task) AS place \
             FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE a.job_id ",
            $wanted,
            " AND a.state IN ('failed', 'timed_out', 'lost', 'expired') AND a.retry_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM attempts n \
                               WHERE n.job_id = a.job_id AND n.task = a.task AND n.attempt > a.attempt)) SELECT ",
            attempt_columns!(),
            " FROM failures f JOIN attempts a ON a.job_id = f.job_id AND a.task = f.task WHERE f.place = 1 \
             ORDER BY a.job_id DESC, a.task, a.attempt"
        )
    };
}
pub(super) use first_failures;

/// True when only open jobs are asked for, so that the ended ones need not be read.
pub(super) fn only_open(states: &[drover_model::JobState]) -> bool {
    !states.is_empty() && states.iter().all(|state| !state.is_final())
}
