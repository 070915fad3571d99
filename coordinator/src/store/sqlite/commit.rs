//! One turn: one transaction, one statement per kind of row that it has.

use std::time::Duration;

use drover_model::{
    AttemptRow, JobRow, NodeRow,
    turn::{CommitOutcome, SealedTurn},
};
use sqlx::{Connection, SqliteConnection};

use super::{
    batch::{Batch, hex},
    lease::BEGIN,
};
use crate::store::{
    StoreError,
    lease::milliseconds,
    rows::{labels_json, stored},
};

const FENCE: &str = "UPDATE lease SET turn = $1, model_time = $2, \
    expires_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) + $3 WHERE id = 1 AND epoch = $4 AND turn = $1 - 1";

const INSERT_JOBS: &str = "INSERT INTO jobs (id, namespace, name, queue, priority, state, intent, submitted_at, \
        started_at, ended_at, deadline, message, request_id, traceparent, task_count, spec) \
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, \
        value ->> 14, unhex(value ->> 15) FROM json_each($1)";

const OPEN_JOBS: &str = "INSERT INTO open_jobs (id) SELECT unhex(value ->> 0) FROM json_each($1)";

const UPDATE_JOBS: &str = "UPDATE jobs SET state = change.value ->> 2, intent = change.value ->> 3, \
        started_at = coalesce(change.value ->> 4, started_at), ended_at = coalesce(change.value ->> 5, ended_at), \
        message = coalesce(change.value ->> 6, message) \
    FROM json_each($1) change WHERE jobs.id = unhex(change.value ->> 0) AND jobs.state = change.value ->> 1";

const CLOSE_JOBS: &str =
    "DELETE FROM open_jobs WHERE id IN (SELECT unhex(value ->> 0) FROM json_each($1))";

const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (job_id, task, attempt, state, node, assigned_at, started_at, \
        ended_at, exit_code, message, retry_at, decision) \
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
        value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11 FROM json_each($1)";

const UPDATE_ATTEMPTS: &str = "UPDATE attempts SET state = change.value ->> 4, \
        started_at = coalesce(change.value ->> 5, started_at), ended_at = coalesce(change.value ->> 6, ended_at), \
        exit_code = coalesce(change.value ->> 7, exit_code), message = coalesce(change.value ->> 8, message), \
        retry_at = coalesce(change.value ->> 9, retry_at) \
    FROM json_each($1) change \
    WHERE attempts.job_id = unhex(change.value ->> 0) AND attempts.task = change.value ->> 1 \
        AND attempts.attempt = change.value ->> 2 AND attempts.state = change.value ->> 3";

const UPSERT_NODES: &str = "INSERT INTO nodes (name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, \
        disk_bytes, labels, joined_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
        value ->> 8 FROM json_each($1) WHERE true \
    ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, agent_version = excluded.agent_version, \
        cpu_millis = excluded.cpu_millis, memory_bytes = excluded.memory_bytes, gpus = excluded.gpus, \
        disk_bytes = excluded.disk_bytes, labels = excluded.labels, joined_at = excluded.joined_at";

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

pub(super) async fn commit(
    writer: &mut SqliteConnection,
    turn: &SealedTurn,
    term: Duration,
) -> CommitOutcome {
    match write(writer, turn, term).await {
        Ok(()) => CommitOutcome::Done,
        Err(Refusal::Fenced) => CommitOutcome::Fenced,
        Err(Refusal::Guard {
            statement,
            expected,
            matched,
        }) => {
            let statement = statement.split(" SET ").next();
            tracing::error!(
                turn = turn.turn.0,
                statement,
                expected,
                matched,
                "commit refused"
            );
            CommitOutcome::Surprised
        }
        Err(Refusal::Failed(error)) if is_about_content(&error) => {
            tracing::error!(turn = turn.turn.0, %error, "commit refused");
            CommitOutcome::Surprised
        }
        // A full disk, say. If COMMIT itself failed, the turn may be in the log all the same: the lease row tells.
        Err(Refusal::Failed(error)) => {
            tracing::warn!(turn = turn.turn.0, %error, "outcome of a commit unknown");
            CommitOutcome::Unknown
        }
    }
}

/// A transaction that is dropped is rolled back before the connection does anything else.
async fn write(
    writer: &mut SqliteConnection,
    turn: &SealedTurn,
    term: Duration,
) -> Result<(), Refusal> {
    let mut transaction = writer.begin_with(BEGIN).await?;
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
    let (inserted, opened) = new_jobs(&turn.jobs);
    apply(&mut transaction, INSERT_JOBS, inserted).await?;
    apply(&mut transaction, OPEN_JOBS, opened).await?;
    let (updated, closed) = changed_jobs(&turn.jobs);
    apply(&mut transaction, UPDATE_JOBS, updated).await?;
    apply(&mut transaction, CLOSE_JOBS, closed).await?;
    apply(
        &mut transaction,
        INSERT_ATTEMPTS,
        new_attempts(&turn.attempts),
    )
    .await?;
    apply(
        &mut transaction,
        UPDATE_ATTEMPTS,
        changed_attempts(&turn.attempts),
    )
    .await?;
    apply(&mut transaction, UPSERT_NODES, nodes(&turn.nodes)?).await?;
    transaction.commit().await?;
    Ok(())
}

async fn apply(
    writer: &mut SqliteConnection,
    statement: &'static str,
    batch: Batch,
) -> Result<(), Refusal> {
    let expected = batch.rows;
    if expected == 0 {
        return Ok(());
    }
    let matched = sqlx::query(statement)
        .bind(batch.into_json())
        .execute(writer)
        .await?
        .rows_affected();
    if matched == expected {
        return Ok(());
    }
    Err(Refusal::Guard {
        statement,
        expected,
        matched,
    })
}

/// Whether the same turn would be refused again: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH and SQLITE_RANGE in
/// the low byte of the extended code, or a value that does not fit its column.
fn is_about_content(error: &StoreError) -> bool {
    match error {
        StoreError::TooLarge { .. } => true,
        StoreError::Database(sqlx::Error::Database(error)) => {
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            matches!(code.map(|code| code & 0xff), Some(18 | 19 | 20 | 25))
        }
        _ => false,
    }
}

fn new_jobs(rows: &[JobRow]) -> (Batch, Batch) {
    let (mut inserted, mut opened) = (Batch::new(), Batch::new());
    for row in rows.iter().filter(|row| row.from.is_none()) {
        let new = row
            .new
            .as_deref()
            .expect("a row that inserts a job has its fixed part");
        let id = row.id.0.simple().to_string();
        if !row.state.is_final() {
            opened.push(&[&id]);
        }
        inserted.push(&(
            id,
            &*new.namespace,
            &*new.name,
            &*new.queue,
            new.priority,
            row.state.as_str(),
            row.intent.as_str(),
            new.submitted_at.0,
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            new.deadline.map(|at| at.0),
            row.message.as_deref(),
            new.request_id.as_deref(),
            new.traceparent.as_deref(),
            new.task_count,
            hex(&new.stored_spec),
        ));
    }
    (inserted, opened)
}

fn changed_jobs(rows: &[JobRow]) -> (Batch, Batch) {
    let (mut updated, mut closed) = (Batch::new(), Batch::new());
    for (row, from) in rows.iter().filter_map(|row| Some((row, row.from?))) {
        let id = row.id.0.simple().to_string();
        if row.state.is_final() && !from.is_final() {
            closed.push(&[&id]);
        }
        updated.push(&(
            id,
            from.as_str(),
            row.state.as_str(),
            row.intent.as_str(),
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.message.as_deref(),
        ));
    }
    (updated, closed)
}

fn new_attempts(rows: &[AttemptRow]) -> Batch {
    let mut batch = Batch::new();
    for row in rows.iter().filter(|row| row.from.is_none()) {
        batch.push(&(
            row.key.job.0.simple().to_string(),
            row.key.task,
            row.key.attempt,
            row.state.as_str(),
            &*row.node,
            row.assigned_at.0,
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.exit_code,
            row.message.as_deref(),
            row.retry_at.map(|at| at.0),
            row.decision.as_deref(),
        ));
    }
    batch
}

fn changed_attempts(rows: &[AttemptRow]) -> Batch {
    let mut batch = Batch::new();
    for (row, from) in rows.iter().filter_map(|row| Some((row, row.from?))) {
        batch.push(&(
            row.key.job.0.simple().to_string(),
            row.key.task,
            row.key.attempt,
            from.as_str(),
            row.state.as_str(),
            row.started_at.map(|at| at.0),
            row.ended_at.map(|at| at.0),
            row.exit_code,
            row.message.as_deref(),
            row.retry_at.map(|at| at.0),
        ));
    }
    batch
}

/// JSON knows larger integers than a column does.
fn nodes(rows: &[NodeRow]) -> Result<Batch, StoreError> {
    let mut batch = Batch::new();
    for row in rows {
        batch.push(&(
            &*row.name,
            stored::<_, i64>("incarnation", row.incarnation)?,
            &*row.agent_version,
            stored::<_, i64>("cpu_millis", row.capacity.cpu_millis)?,
            stored::<_, i64>("memory_bytes", row.capacity.memory_bytes)?,
            row.capacity.gpus,
            stored::<_, i64>("disk_bytes", row.capacity.disk_bytes)?,
            labels_json(row),
            row.joined_at.0,
        ));
    }
    Ok(batch)
}
