//! The rows of a turn as arguments of `commit_turn`: an array for each column.

use std::time::Duration;

use drover_model::{
    AttemptRow, EstimateRow, JobRow, Learned, NewJobRow, NodeRow, PolicyEventRow, QueueRow,
    turn::SealedTurn,
};
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

use crate::store::{
    StoreError,
    lease::milliseconds,
    rows::{admission, died, json, named_resources, stored},
};

const COMMIT: &str = "SELECT commit_turn($1, $2, $3, $4, \
    $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
    $24, $25, $26, $27, $28, $29, $30, $31, $32, \
    $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, \
    $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, \
    $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, \
    $70, $71, $72, \
    $73, $74, $75, $76, $77, $78, \
    $79, $80, $81, $82)";

/// Messages of the protocol, and values, end at 1 GiB.
const MAX_SPEC_BYTES: usize = 512 << 20;

type Call<'a> = QueryScalar<'a, Postgres, bool, PgArguments>;

pub(super) fn call(turn: &SealedTurn, term: Duration) -> Result<Call<'_>, StoreError> {
    check_size(turn)?;
    let call = sqlx::query_scalar(COMMIT)
        .bind::<i64>(stored("epoch", turn.epoch.0)?)
        .bind::<i64>(stored("turn", turn.turn.0)?)
        .bind(milliseconds(term))
        .bind(turn.model_time.0);
    let call = bind_new_jobs(call, &turn.jobs)?;
    let call = bind_jobs(call, &turn.jobs);
    let call = bind_new_attempts(call, &turn.attempts)?;
    let call = bind_attempts(call, &turn.attempts)?;
    let call = bind_nodes(call, &turn.nodes)?;
    let call = bind_queues(call, &turn.queues);
    let call = bind_policy_events(call, &turn.policy_events);
    Ok(bind_estimates(call, &turn.estimates))
}

/// What the server could not take in one message. It would close the connection, and the turn would be sent for ever.
fn check_size(turn: &SealedTurn) -> Result<(), StoreError> {
    let specs = turn.jobs.iter().filter_map(|row| row.new.as_deref());
    let bytes: usize = specs.map(|new| new.stored_spec.len()).sum();
    if bytes > MAX_SPEC_BYTES {
        return Err(StoreError::TooLarge {
            column: "the specs of one turn",
            value: bytes as u64,
        });
    }
    Ok(())
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
    let replayed: Vec<Uuid> = rows
        .iter()
        .filter_map(|(_, new)| Some(new.replay_of?.0))
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
        .bind(column(&rows, |(_, new)| new.replay_of.map(|job| job.0)))
        .bind(open)
        .bind(replayed))
}

fn bind_jobs<'q>(call: Call<'q>, rows: &'q [JobRow]) -> Call<'q> {
    let dead: Vec<Uuid> = died(rows).map(|job| job.0).collect();
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
        .bind(dead)
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
        .bind(column(&rows, |row| row.decision.as_deref()))
        .bind::<Vec<i64>>(checked(&rows, |row| {
            stored("cost_per_hour_micros", row.rate.cost_per_hour_micros)
        })?)
        .bind::<Vec<i64>>(checked(&rows, |row| {
            stored("power_milliwatts", row.rate.power_milliwatts)
        })?))
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
        .bind(column(rows, named_resources))
        .bind(column(rows, |row| json(&row.given)))
        .bind(column(rows, |row| json(&row.overrides)))
        .bind(column(rows, |row| admission(row.admission).0))
        .bind(column(rows, |row| admission(row.admission).1))
        .bind(column(rows, |row| row.joined_at.0)))
}

fn bind_queues<'q>(call: Call<'q>, rows: &'q [QueueRow]) -> Call<'q> {
    call.bind(column(rows, |row| &*row.namespace))
        .bind(column(rows, |row| &*row.name))
        .bind(column(rows, |row| &*row.settings))
}

fn bind_policy_events<'q>(call: Call<'q>, rows: &'q [PolicyEventRow]) -> Call<'q> {
    call.bind(column(rows, |row| row.at.0))
        .bind(column(rows, |row| row.kind.as_str()))
        .bind(column(rows, |row| row.from.as_deref()))
        .bind(column(rows, |row| &*row.to))
        .bind(column(rows, |row| &*row.who))
        .bind(column(rows, |row| &*row.why))
}

fn bind_estimates<'q>(call: Call<'q>, rows: &'q [EstimateRow]) -> Call<'q> {
    let (forgotten, rows): (Vec<_>, Vec<_>) = rows
        .iter()
        .partition(|row| row.learned == Learned::Forgotten);
    call.bind(column(&forgotten, |row| row.signature.cast_signed()))
        .bind(column(&rows, |row| row.signature.cast_signed()))
        .bind(column(&rows, |row| row.node.as_deref().unwrap_or_default()))
        .bind(column(&rows, |row| json(&row.learned)))
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
