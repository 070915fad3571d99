//! One turn: one transaction, one statement per kind of row that it has.

use std::time::Duration;

use drover_model::turn::{CommitOutcome, SealedTurn};
use sqlx::{Connection, SqliteConnection};

use super::{batch::Batch, batches, lease::BEGIN, policies, writer::Writer};
use crate::store::{
    StoreError,
    lease::milliseconds,
    rows::{died, stored},
};

const FENCE: &str = "UPDATE lease SET turn = $1, model_time = $2, \
    expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3 WHERE id = 1 AND epoch = $4 AND turn = $1 - 1";

const INSERT_JOBS: &str = "INSERT INTO jobs (id, namespace, name, queue, priority, state, intent, submitted_at, \
        started_at, ended_at, deadline, message, request_id, traceparent, task_count, spec, replay_of) \
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, \
        value ->> 14, unhex(value ->> '$[15][0]'), unhex(value ->> '$[15][1]') \
    FROM jsonb_each($1)";

const OPEN_JOBS: &str = "INSERT INTO open_jobs (id) SELECT unhex(value ->> 0) FROM jsonb_each($1)";

const REMOVE_REPLAYED: &str =
    "DELETE FROM dead_letters WHERE job_id IN (SELECT unhex(value ->> 0) FROM jsonb_each($1))";

const UPDATE_JOBS: &str = "UPDATE jobs SET state = change.value ->> 2, intent = change.value ->> 3, \
        started_at = coalesce(change.value ->> 4, started_at), ended_at = coalesce(change.value ->> 5, ended_at), \
        message = coalesce(change.value ->> 6, message) \
    FROM jsonb_each($1) change WHERE jobs.id = unhex(change.value ->> 0) AND jobs.state = change.value ->> 1";

const CLOSE_JOBS: &str =
    "DELETE FROM open_jobs WHERE id IN (SELECT unhex(value ->> 0) FROM jsonb_each($1))";

pub(super) const BURY_JOBS: &str = "INSERT INTO dead_letters (job_id, namespace, queue, ended_at) \
    SELECT jobs.id, jobs.namespace, jobs.queue, jobs.ended_at \
    FROM jsonb_each($1) dead CROSS JOIN jobs ON jobs.id = unhex(dead.value ->> 0)";

const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (job_id, task, attempt, state, node, assigned_at, started_at, \
        ended_at, exit_code, message, retry_at, decision, cost_per_hour_micros, power_milliwatts) \
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13 \
    FROM jsonb_each($1)";

const UPDATE_ATTEMPTS: &str = "UPDATE attempts SET state = change.value ->> 4, \
        started_at = coalesce(change.value ->> 5, started_at), ended_at = coalesce(change.value ->> 6, ended_at), \
        exit_code = coalesce(change.value ->> 7, exit_code), message = coalesce(change.value ->> 8, message), \
        retry_at = coalesce(change.value ->> 9, retry_at) \
    FROM jsonb_each($1) change \
    WHERE attempts.job_id = unhex(change.value ->> 0) AND attempts.task = change.value ->> 1 \
        AND attempts.attempt = change.value ->> 2 AND attempts.state = change.value ->> 3";

const UPSERT_NODES: &str = "INSERT INTO nodes (name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, \
        disk_bytes, named_resources, given, overrides, admission, drain_deadline, joined_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
        value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12 FROM jsonb_each($1) WHERE true \
    ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, agent_version = excluded.agent_version, \
        cpu_millis = excluded.cpu_millis, memory_bytes = excluded.memory_bytes, gpus = excluded.gpus, \
        disk_bytes = excluded.disk_bytes, named_resources = excluded.named_resources, given = excluded.given, \
        overrides = excluded.overrides, admission = excluded.admission, \
        drain_deadline = excluded.drain_deadline, joined_at = excluded.joined_at";

const UPSERT_QUEUES: &str = "INSERT INTO queues (namespace, name, settings) \
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM jsonb_each($1) WHERE true \
    ON CONFLICT (namespace, name) DO UPDATE SET settings = excluded.settings";

const FORGET: &str =
    "DELETE FROM estimates WHERE signature IN (SELECT value ->> 0 FROM jsonb_each($1))";

const UPSERT_ESTIMATES: &str = "INSERT INTO estimates (signature, node, learned) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each($1) WHERE true \
    ON CONFLICT (signature, node) DO UPDATE SET learned = excluded.learned";

/// Why nothing was written.
enum Refusal {
    Fenced,
    /// A statement changed another number of rows than it was given.
    Guard {
        statement: &'static str,
        expected: u64,
        matched: u64,
    },
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Given up at three quarters of the term: then the lease row tells what became of it.
pub(super) async fn commit(writer: &Writer, turn: &SealedTurn, term: Duration) -> CommitOutcome {
    let limit = term * 3 / 4;
    match tokio::time::timeout(limit, attempt(writer, turn, term)).await {
        Ok(Ok(())) => CommitOutcome::Done,
        Ok(Err(refusal)) => outcome(turn, refusal),
        Err(_) => outcome(turn, Refusal::Failed(StoreError::TimedOut(limit))),
    }
}

async fn attempt(writer: &Writer, turn: &SealedTurn, term: Duration) -> Result<(), Refusal> {
    let mut connection = writer.borrow().await?;
    let written = write(&mut connection, turn, term).await;
    // Of these it is known that nothing but a rollback is left to do.
    if matches!(
        written,
        Ok(()) | Err(Refusal::Fenced | Refusal::Guard { .. })
    ) {
        connection.give_back();
    }
    written
}

fn outcome(turn: &SealedTurn, refusal: Refusal) -> CommitOutcome {
    let turn = turn.turn.0;
    match refusal {
        Refusal::Fenced => CommitOutcome::Fenced,
        Refusal::Guard {
            statement,
            expected,
            matched,
        } => {
            let statement = statement.split(" SET ").next();
            tracing::error!(
                turn,
                statement,
                expected,
                matched,
                "a guard of a commit failed"
            );
            CommitOutcome::Surprised
        }
        Refusal::Failed(error) if is_about_content(&error) => {
            tracing::error!(turn, %error, "the content of a commit was refused");
            CommitOutcome::Refused
        }
        // A full disk, say. If COMMIT itself failed, the turn may be in the log all the same: the lease row tells.
        Refusal::Failed(error) => {
            tracing::warn!(turn, %error, "outcome of a commit unknown");
            CommitOutcome::Unknown
        }
    }
}

/// A transaction that is dropped is rolled back before the connection does anything else.
async fn write(
    connection: &mut SqliteConnection,
    turn: &SealedTurn,
    term: Duration,
) -> Result<(), Refusal> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    let fenced = sqlx::query(FENCE)
        .bind::<i64>(stored("turn", turn.turn.0)?)
        .bind(turn.model_time.0)
        .bind(milliseconds(term))
        .bind::<i64>(stored("epoch", turn.epoch.0)?)
        .execute(&mut *transaction)
        .await?;
    if fenced.rows_affected() != 1 {
        return Err(Refusal::Fenced);
    }
    write_jobs(&mut transaction, turn).await?;
    let (inserted, changed) = (
        batches::new_attempts(&turn.attempts)?,
        batches::changed_attempts(&turn.attempts),
    );
    apply(&mut transaction, INSERT_ATTEMPTS, inserted).await?;
    apply(&mut transaction, UPDATE_ATTEMPTS, changed).await?;
    apply(&mut transaction, UPSERT_NODES, batches::nodes(&turn.nodes)?).await?;
    let queues = batches::queues(&turn.queues);
    apply(&mut transaction, UPSERT_QUEUES, queues).await?;
    policies::switch(&mut transaction, &turn.policy_events).await?;
    let (forgotten, learned) = batches::estimates(&turn.estimates);
    // Not counted: what is not there is forgotten.
    if forgotten.rows > 0 {
        execute(&mut transaction, FORGET, forgotten).await?;
    }
    apply(&mut transaction, UPSERT_ESTIMATES, learned).await?;
    transaction.commit().await?;
    Ok(())
}

async fn write_jobs(connection: &mut SqliteConnection, turn: &SealedTurn) -> Result<(), Refusal> {
    let (inserted, opened) = batches::new_jobs(&turn.jobs);
    apply(connection, INSERT_JOBS, inserted).await?;
    apply(connection, OPEN_JOBS, opened).await?;
    let new = turn.jobs.iter().filter_map(|row| row.new.as_deref());
    let replayed = batches::ids(new.filter_map(|new| new.replay_of));
    // Not counted: somebody may have purged it meanwhile.
    if replayed.rows > 0 {
        execute(connection, REMOVE_REPLAYED, replayed).await?;
    }
    let (updated, closed) = batches::changed_jobs(&turn.jobs);
    apply(connection, UPDATE_JOBS, updated).await?;
    apply(connection, CLOSE_JOBS, closed).await?;
    apply(connection, BURY_JOBS, batches::ids(died(&turn.jobs))).await
}

async fn apply(
    connection: &mut SqliteConnection,
    statement: &'static str,
    batch: Batch,
) -> Result<(), Refusal> {
    let expected = batch.rows;
    if expected == 0 {
        return Ok(());
    }
    let matched = execute(connection, statement, batch).await?;
    if matched == expected {
        return Ok(());
    }
    Err(Refusal::Guard {
        statement,
        expected,
        matched,
    })
}

async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
    batch: Batch,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(statement)
        .bind(batch.into_json())
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Whether the rows themselves are refused, and would be again: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH and SQLITE_RANGE in
/// the low byte of the extended code, or a value that does not fit its column.
pub(super) fn is_about_content(error: &StoreError) -> bool {
    match error {
        StoreError::TooLarge { .. } => true,
        StoreError::Database(sqlx::Error::Database(error)) => {
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            matches!(code.map(|code| code & 0xff), Some(18 | 19 | 20 | 25))
        }
        _ => false,
    }
}
