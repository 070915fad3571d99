//! Rows of both databases to values of the model, and the checks that neither direction may skip.

use std::{collections::BTreeMap, sync::Arc};

use drover_model::{
    AttemptKey, AttemptRow, AttemptState, Intent, JobId, JobRow, JobState, NewJobRow, NodeRow,
    Resources, Timestamp, TurnNumber,
};
use sqlx::FromRow;
use uuid::Uuid;

use super::{FoundRequest, JobSummary, LogRow, StoreError, StoredJob, lease};

/// Columns of [`JobColumns`], for use in a SELECT. `jobs` or an alias must be in scope where names could clash.
macro_rules! job_columns {
    () => {
        "j.id, j.namespace, j.name, j.queue, j.priority, j.state, j.intent, j.submitted_at, j.started_at, j.ended_at, \
         j.deadline, j.message, j.request_id, j.traceparent, j.task_count, j.spec"
    };
}
macro_rules! attempt_columns {
    () => {
        "a.job_id, a.task, a.attempt, a.state, a.node, a.assigned_at, a.started_at, a.ended_at, a.exit_code, \
         a.message, a.retry_at, a.decision"
    };
}
macro_rules! node_columns {
    () => {
        "name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, disk_bytes, labels, joined_at"
    };
}
macro_rules! log_columns {
    () => {
        "job_id, task, attempt, start_offset, stream, length, data, is_end"
    };
}
/// Counts the attempts of the jobs in `page`, of each task the last one.
macro_rules! count_of_page {
    () => {
        "SELECT a.job_id, \
           sum(CASE WHEN a.state IN ('assigned', 'running', 'stopping', 'stopping_timeout') THEN 1 ELSE 0 END) \
             AS active, \
           sum(CASE WHEN a.state = 'succeeded' THEN 1 ELSE 0 END) AS succeeded, \
           sum(CASE WHEN a.state IN ('failed', 'timed_out', 'cancelled', 'lost') AND a.retry_at IS NULL \
                    THEN 1 ELSE 0 END) AS unsuccessful \
         FROM page JOIN attempts a ON a.job_id = page.id \
         WHERE NOT EXISTS (SELECT 1 FROM attempts n \
                           WHERE n.job_id = a.job_id AND n.task = a.task AND n.attempt > a.attempt) \
         GROUP BY a.job_id"
    };
}
pub(super) use {attempt_columns, count_of_page, job_columns, log_columns, node_columns};

#[derive(FromRow)]
pub(super) struct JobColumns {
    id: Uuid,
    namespace: String,
    name: String,
    queue: String,
    priority: i16,
    state: String,
    intent: String,
    submitted_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    deadline: Option<i64>,
    message: Option<String>,
    request_id: Option<String>,
    traceparent: Option<String>,
    task_count: i32,
    spec: Vec<u8>,
}

impl JobColumns {
    pub(super) fn into_job(self) -> Result<StoredJob, StoreError> {
        let row = JobRow {
            id: JobId(self.id),
            from: None,
            state: named("jobs", "state", &self.state, JobState::from_name)?,
            intent: named("jobs", "intent", &self.intent, Intent::from_name)?,
            started_at: self.started_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
            message: self.message.map(Arc::from),
            new: None,
        };
        let fixed = NewJobRow {
            namespace: self.namespace.into(),
            name: self.name.into(),
            queue: self.queue.into(),
            priority: narrowed("jobs", "priority", self.priority)?,
            submitted_at: Timestamp(self.submitted_at),
            deadline: self.deadline.map(Timestamp),
            request_id: self.request_id.map(Arc::from),
            traceparent: self.traceparent.map(Arc::from),
            task_count: narrowed("jobs", "task_count", self.task_count)?,
            stored_spec: self.spec.into(),
        };
        Ok(StoredJob {
            row,
            fixed,
            attempts: Vec::new(),
        })
    }
}

#[derive(FromRow)]
pub(super) struct SummaryColumns {
    #[sqlx(flatten)]
    job: JobColumns,
    active: i64,
    succeeded: i64,
    unsuccessful: i64,
}

impl SummaryColumns {
    pub(super) fn into_summary(self) -> Result<JobSummary, StoreError> {
        let StoredJob { row, fixed, .. } = self.job.into_job()?;
        Ok(JobSummary {
            row,
            fixed,
            active: narrowed("attempts", "count", self.active)?,
            succeeded: narrowed("attempts", "count", self.succeeded)?,
            unsuccessful: narrowed("attempts", "count", self.unsuccessful)?,
        })
    }
}

#[derive(FromRow)]
pub(super) struct AttemptColumns {
    job_id: Uuid,
    task: i32,
    attempt: i32,
    state: String,
    node: String,
    assigned_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    exit_code: Option<i32>,
    message: Option<String>,
    retry_at: Option<i64>,
    decision: Option<String>,
}

impl AttemptColumns {
    pub(super) fn into_attempt(self) -> Result<AttemptRow, StoreError> {
        Ok(AttemptRow {
            key: key("attempts", self.job_id, self.task, self.attempt)?,
            from: None,
            state: named("attempts", "state", &self.state, AttemptState::from_name)?,
            node: self.node.into(),
            assigned_at: Timestamp(self.assigned_at),
            started_at: self.started_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
            exit_code: self.exit_code,
            message: self.message.map(Into::into),
            retry_at: self.retry_at.map(Timestamp),
            decision: self.decision.map(Into::into),
        })
    }
}

#[derive(FromRow)]
pub(super) struct NodeColumns {
    name: String,
    incarnation: i64,
    agent_version: String,
    cpu_millis: i64,
    memory_bytes: i64,
    gpus: i64,
    disk_bytes: i64,
    labels: String,
    joined_at: i64,
}

impl NodeColumns {
    pub(super) fn into_node(self) -> Result<NodeRow, StoreError> {
        let labels: BTreeMap<String, String> = serde_json::from_str(&self.labels)
            .map_err(|error| corrupt("nodes", "labels", &error))?;
        Ok(NodeRow {
            name: self.name.into(),
            incarnation: narrowed("nodes", "incarnation", self.incarnation)?,
            agent_version: self.agent_version.into(),
            capacity: Resources {
                cpu_millis: narrowed("nodes", "cpu_millis", self.cpu_millis)?,
                memory_bytes: narrowed("nodes", "memory_bytes", self.memory_bytes)?,
                gpus: narrowed("nodes", "gpus", self.gpus)?,
                disk_bytes: narrowed("nodes", "disk_bytes", self.disk_bytes)?,
            },
            labels,
            joined_at: Timestamp(self.joined_at),
        })
    }
}

/// A request that is known, or only the turn when none is.
#[derive(FromRow)]
pub(super) struct RequestColumns {
    turn: i64,
    namespace: Option<String>,
    request_id: Option<String>,
    id: Option<Uuid>,
    spec: Option<Vec<u8>>,
}

pub(super) fn found_requests(
    rows: Vec<RequestColumns>,
) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
    let turn = rows
        .first()
        .map_or(Err(corrupt("lease", "id", &"none")), |row| {
            lease::turn(row.turn)
        })?;
    let found = rows
        .into_iter()
        .filter_map(|row| {
            Some(FoundRequest {
                namespace: row.namespace?.into(),
                request_id: row.request_id?.into(),
                job: JobId(row.id?),
                stored_spec: row.spec?.into(),
            })
        })
        .collect();
    Ok((turn, found))
}

#[derive(FromRow)]
pub(super) struct LogColumns {
    job_id: Uuid,
    task: i32,
    attempt: i32,
    start_offset: i64,
    stream: i16,
    length: i64,
    data: Vec<u8>,
    is_end: bool,
}

impl LogColumns {
    pub(super) fn into_log(self) -> Result<LogRow, StoreError> {
        Ok(LogRow {
            key: key("log_chunks", self.job_id, self.task, self.attempt)?,
            offset: narrowed("log_chunks", "start_offset", self.start_offset)?,
            stream: narrowed("log_chunks", "stream", self.stream)?,
            length: narrowed("log_chunks", "length", self.length)?,
            data: self.data.into(),
            end: self.is_end,
        })
    }
}

/// Hands attempts, which come in order of job, to their jobs, which stand in that order.
pub(super) struct AttemptsOfJobs<'a> {
    jobs: std::slice::IterMut<'a, StoredJob>,
    current: Option<&'a mut StoredJob>,
}

impl<'a> AttemptsOfJobs<'a> {
    pub(super) fn new(jobs: &'a mut [StoredJob]) -> Self {
        let mut jobs = jobs.iter_mut();
        let current = jobs.next();
        Self { jobs, current }
    }

    pub(super) fn add(&mut self, columns: AttemptColumns) -> Result<(), StoreError> {
        let attempt = columns.into_attempt()?;
        while let Some(job) = &mut self.current {
            if job.row.id == attempt.key.job {
                job.attempts.push(attempt);
                return Ok(());
            }
            self.current = self.jobs.next();
        }
        Err(corrupt("attempts", "job_id", &attempt.key.job))
    }
}

/// The integer type of a column, or a refusal.
pub(super) fn stored<Wide, Narrow>(column: &'static str, value: Wide) -> Result<Narrow, StoreError>
where
    Wide: Copy + Into<u64>,
    Narrow: TryFrom<Wide>,
{
    value.try_into().map_err(|_| StoreError::TooLarge {
        column,
        value: value.into(),
    })
}

pub(super) fn labels_json(node: &NodeRow) -> String {
    serde_json::to_value(&node.labels)
        .expect("a map of strings is a JSON object")
        .to_string()
}

/// The unsigned value of a column, or a complaint about what is stored.
pub(super) fn narrowed<Stored, Value>(
    table: &'static str,
    column: &'static str,
    stored: Stored,
) -> Result<Value, StoreError>
where
    Stored: Copy + ToString,
    Value: TryFrom<Stored>,
{
    stored
        .try_into()
        .map_err(|_| corrupt(table, column, &stored))
}

fn named<Name>(
    table: &'static str,
    column: &'static str,
    stored: &str,
    from_name: impl Fn(&str) -> Option<Name>,
) -> Result<Name, StoreError> {
    from_name(stored).ok_or_else(|| corrupt(table, column, &stored))
}

fn key(table: &'static str, job: Uuid, task: i32, attempt: i32) -> Result<AttemptKey, StoreError> {
    Ok(AttemptKey {
        job: JobId(job),
        task: narrowed(table, "task", task)?,
        attempt: narrowed(table, "attempt", attempt)?,
    })
}

fn corrupt(table: &'static str, column: &'static str, value: &impl ToString) -> StoreError {
    StoreError::Corrupt {
        table,
        column,
        value: value.to_string(),
    }
}
