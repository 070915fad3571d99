//! One turn: one call of the function `commit_turn`, one round trip.

use std::time::Duration;

use drover_model::{
    AttemptRow, JobRow, NewJobRow, NodeRow,
    turn::{CommitOutcome, SealedTurn},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions},
    query::QueryScalar,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::store::{
    StoreError,
    lease::milliseconds,
    rows::{labels_json, stored},
};

const COMMIT: &str = "SELECT commit_turn($1, $2, $3, $4, \
    $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
    $22, $23, $24, $25, $26, $27, $28, $29, \
    $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, \
    $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, \
    $52, $53, $54, $55, $56, $57, $58, $59, $60)";

/// The connection that commits.
pub(super) struct Writer {
    connection: PgConnection,
    /// What its timeouts were made for.
    term: Duration,
}

type Call<'a> = QueryScalar<'a, Postgres, bool, PgArguments>;

/// The writer leaves its slot while it works: a call that is dropped halfway takes its connection with it.
pub(super) async fn commit(
    slot: &Mutex<Option<Writer>>,
    options: &PgConnectOptions,
    turn: &SealedTurn,
    term: Duration,
) -> CommitOutcome {
    let call = match call(turn, term) {
        Ok(call) => call,
        Err(error) => return surprised(turn, &error),
    };
    let mut slot = slot.lock().await;
    // The server gives up at half the term; past three quarters it is not going to say so any more.
    let limit = term * 3 / 4;
    let attempt = async {
        let mut writer = match slot.take().filter(|writer| writer.term == term) {
            Some(writer) => writer,
            None => connect(options, term).await?,
        };
        let answer = call.fetch_one(&mut writer.connection).await;
        Ok((writer, answer))
    };
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok((writer, answer))) => {
            let outcome = outcome(turn, answer);
            if outcome != CommitOutcome::Unknown {
                *slot = Some(writer);
            }
            outcome
        }
        Ok(Err(error)) => unknown(turn, &error),
        Err(_) => unknown(turn, &StoreError::TimedOut(limit)),
    }
}

/// Plans must hold when a table has grown a thousandfold since they were made: always by index, never by reading whole
/// tables, and made once.
async fn connect(options: &PgConnectOptions, term: Duration) -> Result<Writer, StoreError> {
    let mut connection = options.connect().await?;
    let timeout_ms = (milliseconds(term) / 2).max(1);
    let settings = format!(
        "SET statement_timeout = {timeout_ms}; SET idle_in_transaction_session_timeout = {timeout_ms}; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
    );
    sqlx::raw_sql(AssertSqlSafe(settings))
        .execute(&mut connection)
        .await?;
    Ok(Writer { connection, term })
}

fn outcome(turn: &SealedTurn, answer: Result<bool, sqlx::Error>) -> CommitOutcome {
    match answer {
        Ok(true) => CommitOutcome::Done,
        Ok(false) => CommitOutcome::Fenced,
        Err(sqlx::Error::Database(error)) if is_about_content(error.code().as_deref()) => {
            surprised(turn, &sqlx::Error::Database(error).into())
        }
        Err(error) => unknown(turn, &error.into()),
    }
}

/// Whether the same turn would be refused again. Classes of SQLSTATE in which time may help, with the connection, the
/// transaction, resources, locks, an operator, the system: 08, 40, 53, 55, 57, 58, XX.
fn is_about_content(code: Option<&str>) -> bool {
    let class = code.and_then(|code| code.get(..2));
    !matches!(
        class,
        None | Some("08" | "40" | "53" | "55" | "57" | "58" | "XX")
    )
}

fn surprised(turn: &SealedTurn, error: &StoreError) -> CommitOutcome {
    tracing::error!(turn = turn.turn.0, %error, "commit refused");
    CommitOutcome::Surprised
}

fn unknown(turn: &SealedTurn, error: &StoreError) -> CommitOutcome {
    tracing::warn!(turn = turn.turn.0, %error, "outcome of a commit unknown");
    CommitOutcome::Unknown
}

fn call(turn: &SealedTurn, term: Duration) -> Result<Call<'_>, StoreError> {
    let call = sqlx::query_scalar(COMMIT)
        .bind::<i64>(stored("epoch", turn.epoch.0)?)
        .bind::<i64>(stored("turn", turn.turn.0)?)
        .bind(milliseconds(term))
        .bind(turn.model_time.0);
    let call = bind_new_jobs(call, &turn.jobs)?;
    let call = bind_jobs(call, &turn.jobs);
    let call = bind_new_attempts(call, &turn.attempts)?;
    let call = bind_attempts(call, &turn.attempts)?;
    bind_nodes(call, &turn.nodes)
}

fn bind_new_jobs<'q>(call: Call<'q>, rows: &'q [JobRow]) -> Result<Call<'q>, StoreError> {
    let rows: Vec<(&JobRow, &NewJobRow)> = rows
        .iter()
        .filter(|row| row.from.is_none())
        .map(|row| {
            (
                row,
                row.new
                    .as_deref()
                    .expect("a row that inserts a job has its fixed part"),
            )
        })
        .collect();
    let open: Vec<Uuid> = rows
        .iter()
        .filter(|(row, _)| !row.state.is_final())
        .map(|(row, _)| row.id.0)
        .collect();
    Ok(call
        .bind(column(&rows, |(row, _)| row.id.0))
        .bind(column(&rows, |(_, new)| &*new.namespace))
        .bind(column(&rows, |(_, new)| &*new.name))
        .bind(column(&rows, |(_, new)| &*new.queue))
        .bind(column(&rows, |(_, new)| i16::from(new.priority)))
        .bind(column(&rows, |(row, _)| row.state.as_str()))
        .bind(column(&rows, |(row, _)| row.intent.as_str()))
        .bind(column(&rows, |(_, new)| new.submitted_at.0))
        .bind(column(&rows, |(row, _)| row.started_at.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.ended_at.map(|at| at.0)))
        .bind(column(&rows, |(_, new)| new.deadline.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.message.as_deref()))
        .bind(column(&rows, |(_, new)| new.request_id.as_deref()))
        .bind(column(&rows, |(_, new)| new.traceparent.as_deref()))
        .bind::<Vec<i32>>(checked(&rows, |(_, new)| {
            stored("task_count", new.task_count)
        })?)
        .bind(column(&rows, |(_, new)| &*new.stored_spec))
        .bind(open))
}

fn bind_jobs<'q>(call: Call<'q>, rows: &'q [JobRow]) -> Call<'q> {
    let rows: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, row.from?)))
        .collect();
    let closed: Vec<Uuid> = rows
        .iter()
        .filter(|(row, from)| row.state.is_final() && !from.is_final())
        .map(|(row, _)| row.id.0)
        .collect();
    call.bind(column(&rows, |(row, _)| row.id.0))
        .bind(column(&rows, |(_, from)| from.as_str()))
        .bind(column(&rows, |(row, _)| row.state.as_str()))
        .bind(column(&rows, |(row, _)| row.intent.as_str()))
        .bind(column(&rows, |(row, _)| row.started_at.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.ended_at.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.message.as_deref()))
        .bind(closed)
}

fn bind_new_attempts<'q>(call: Call<'q>, rows: &'q [AttemptRow]) -> Result<Call<'q>, StoreError> {
    let rows: Vec<&AttemptRow> = rows.iter().filter(|row| row.from.is_none()).collect();
    Ok(call
        .bind(column(&rows, |row| row.key.job.0))
        .bind::<Vec<i32>>(checked(&rows, |row| stored("task", row.key.task))?)
        .bind::<Vec<i32>>(checked(&rows, |row| stored("attempt", row.key.attempt))?)
        .bind(column(&rows, |row| row.state.as_str()))
        .bind(column(&rows, |row| &*row.node))
        .bind(column(&rows, |row| row.assigned_at.0))
        .bind(column(&rows, |row| row.started_at.map(|at| at.0)))
        .bind(column(&rows, |row| row.ended_at.map(|at| at.0)))
        .bind(column(&rows, |row| row.exit_code))
        .bind(column(&rows, |row| row.message.as_deref()))
        .bind(column(&rows, |row| row.retry_at.map(|at| at.0)))
        .bind(column(&rows, |row| row.decision.as_deref())))
}

fn bind_attempts<'q>(call: Call<'q>, rows: &'q [AttemptRow]) -> Result<Call<'q>, StoreError> {
    let rows: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, row.from?)))
        .collect();
    Ok(call
        .bind(column(&rows, |(row, _)| row.key.job.0))
        .bind::<Vec<i32>>(checked(&rows, |(row, _)| stored("task", row.key.task))?)
        .bind::<Vec<i32>>(checked(&rows, |(row, _)| {
            stored("attempt", row.key.attempt)
        })?)
        .bind(column(&rows, |(_, from)| from.as_str()))
        .bind(column(&rows, |(row, _)| row.state.as_str()))
        .bind(column(&rows, |(row, _)| row.started_at.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.ended_at.map(|at| at.0)))
        .bind(column(&rows, |(row, _)| row.exit_code))
        .bind(column(&rows, |(row, _)| row.message.as_deref()))
        .bind(column(&rows, |(row, _)| row.retry_at.map(|at| at.0))))
}

fn bind_nodes<'q>(call: Call<'q>, rows: &'q [NodeRow]) -> Result<Call<'q>, StoreError> {
    Ok(call
        .bind(column(rows, |row| &*row.name))
        .bind::<Vec<i64>>(checked(rows, |row| stored("incarnation", row.incarnation))?)
        .bind(column(rows, |row| &*row.agent_version))
        .bind::<Vec<i64>>(checked(rows, |row| {
            stored("cpu_millis", row.capacity.cpu_millis)
        })?)
        .bind::<Vec<i64>>(checked(rows, |row| {
            stored("memory_bytes", row.capacity.memory_bytes)
        })?)
        .bind(column(rows, |row| i64::from(row.capacity.gpus)))
        .bind::<Vec<i64>>(checked(rows, |row| {
            stored("disk_bytes", row.capacity.disk_bytes)
        })?)
        .bind(column(rows, labels_json))
        .bind(column(rows, |row| row.joined_at.0)))
}

fn column<'a, Row, T>(rows: &'a [Row], value: impl Fn(&'a Row) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

fn checked<'a, Row, T>(
    rows: &'a [Row],
    value: impl Fn(&'a Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(value).collect()
}
