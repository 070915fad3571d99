//! The durable record. All SQL lives below this module; nothing outside knows a table.

mod cells;
mod error;
mod history;
mod lease;
mod load;
mod migrate;
mod names;
mod policies;
mod postgres;
mod queries;
mod reader;
mod reads;
mod rows;
mod sqlite;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use drover_model::{
    AttemptKey, AttemptRow, Epoch, EstimateRow, JobId, JobRow, JobState, NewJobRow, NodeRow,
    PolicyEventRow, QueueRow, Timestamp, TurnNumber,
    policy::PolicySource,
    turn::{CommitOutcome, SealedTurn},
};
use uuid::Uuid;

pub use error::StoreError;
pub use policies::{NewPolicy, Origin, PolicyEntry, PolicyEventEntry};

/// Opens `sqlite:PATH` or `postgres://...` and brings its schema up to date.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", path)) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Arc::new(sqlite::SqliteStore::open(path).await?))
        }
        Some(("postgres" | "postgresql", _)) => {
            Ok(Arc::new(postgres::PostgresStore::open(url).await?))
        }
        // Not the whole text: it may hold a password.
        Some((scheme, _)) => Err(StoreError::UnknownScheme(format!("{scheme}:..."))),
        None => Err(StoreError::UnknownScheme(url.to_owned())),
    }
}

/// Below the ids of all jobs that are received from then on, as far as the clocks of coordinators agree.
pub(crate) fn first_id(at: Timestamp) -> JobId {
    history::first_id(at.0)
}

/// Where the record is kept: `sqlite:PATH` or `postgres://...`.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Tries to become leader: takes the lease row if nobody holds it, its term is over, or the applicant holds it, and
    /// raises the epoch. Taking it waits for a commit in flight, because both lock the same row; hearing that another
    /// holds it costs one read that locks nothing.
    async fn acquire(&self, applicant: &Applicant, term: Duration) -> Result<Acquired, StoreError>;

    /// The lease row once no commit is in flight, to learn what became of one whose answer was lost.
    async fn lease(&self) -> Result<Lease, StoreError>;

    /// All that is open, and every node. Refused with [`StoreError::Fenced`] unless `epoch` is current.
    async fn load(&self, epoch: Epoch) -> Result<StoredSnapshot, StoreError>;

    /// One transaction: renews the lease for `term` and moves its turn from `turn - 1` to `turn`, then writes the rows.
    /// Every guard (old state, existing row) must match exactly, else nothing is written. Jobs that end dead become dead
    /// letters, and the dead letter of what a new job replays goes away.
    async fn commit(&self, turn: &SealedTurn, term: Duration) -> CommitOutcome;

    /// Ends an open job that the model cannot go on with: it becomes failed for this reason (or, if it was rolling back,
    /// its rollback), its active attempts lost, and it goes to the dead letters. Works also when what is stored of it
    /// makes no sense. False when it is not open.
    /// Refused with [`StoreError::Fenced`] unless `epoch` is current. Only before a load: memory is not told.
    async fn park(
        &self,
        epoch: Epoch,
        job: JobId,
        now: Timestamp,
        reason: &str,
    ) -> Result<bool, StoreError>;

    /// Gives the lease up, so that another may take it at once. A lease of another epoch is left alone.
    async fn resign(&self, epoch: Epoch) -> Result<(), StoreError>;

    /// Which of these (namespace, request id) pairs are known, and the turn that the answer reflects.
    async fn find_requests(
        &self,
        requests: &[(Arc<str>, Arc<str>)],
    ) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError>;

    /// A job with all its attempts, and the turn that the answer reflects.
    async fn job(&self, id: JobId) -> Result<(TurnNumber, Option<StoredJob>), StoreError>;

    /// A page of jobs, newest first, with the states of their attempts counted.
    async fn jobs(&self, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError>;

    /// A page of what was submitted in a span of time, oldest id first. Each job is read by itself ([`Self::job`]): one may
    /// have a hundred thousand attempts, and one that cannot be read keeps nobody from the others.
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<JobId>, StoreError>;

    /// The first jobs behind one in the order of ids, of any namespace.
    async fn arrivals(&self, after: JobId, limit: u32) -> Result<Vec<JobId>, StoreError>;

    /// Attempts that succeeded, of the newest jobs that have any: at most `limit`, newest job first.
    async fn successes(&self, limit: u32) -> Result<Vec<AttemptRow>, StoreError>;

    /// What the users of these jobs wrote. Jobs that are not there are passed over.
    async fn stored_specs(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Bytes)>, StoreError>;

    /// Queues that have settings, by name.
    async fn queues(&self, namespace: &str) -> Result<Vec<QueueRow>, StoreError>;

    /// Stored policies and rules that were in use, newest first, at most `limit`.
    async fn policies(&self, limit: u32) -> Result<Vec<PolicyEntry>, StoreError>;

    /// A stored policy with what it is made from.
    async fn policy(
        &self,
        version: &str,
    ) -> Result<Option<(PolicyEntry, PolicySource)>, StoreError>;

    /// Stores a candidate, with what its history begins with. False, with nothing stored, when the version is taken.
    async fn add_policy(&self, new: &NewPolicy, event: &PolicyEventRow)
    -> Result<bool, StoreError>;

    /// What happened to policies, newest first: at most `limit` entries older than `before`.
    async fn policy_events(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<PolicyEventEntry>, StoreError>;

    /// What was in use before this version came into use, other than by going back to it.
    async fn policy_before(&self, version: &str) -> Result<Option<Arc<str>>, StoreError>;

    /// A page of dead letters, newest job first, with what they died of.
    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError>;

    async fn is_dead_letter(&self, job: JobId) -> Result<bool, StoreError>;

    /// Takes dead letters off the list and says how many there were. The records of the jobs stay. When it fails in the
    /// middle, some are gone: purging again goes on from there.
    async fn purge_dead_letters(&self, purge: &Purge) -> Result<u64, StoreError>;

    /// Adds output. A chunk that is stored already (same attempt and offset) is passed over: agents send twice.
    async fn append_logs(&self, chunks: &[LogRow]) -> Result<(), StoreError>;

    /// Output of an attempt from `offset` on, oldest first, at most `limit` chunks.
    async fn logs(
        &self,
        key: AttemptKey,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError>;

    /// The last chunks of an attempt's output, at most `limit`, oldest first.
    async fn log_tail(&self, key: AttemptKey, limit: u32) -> Result<Vec<LogRow>, StoreError>;

    /// What the database promises: kind, version, and the settings that decide about durability. For benchmarks.
    async fn describe(&self) -> Result<Vec<(String, String)>, StoreError>;

    /// Number of attempts that ended in success, counted in the table. For benchmarks.
    async fn count_succeeded(&self) -> Result<u64, StoreError>;
}

/// Who asks for the lease.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// Under which others reach this coordinator.
    pub address: Arc<str>,
    /// The process: several may give the same address.
    pub instance: Uuid,
    /// Takes also what another process holds under the same address: one that was there before, and has died.
    pub succeeds: bool,
}

/// The lease row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub epoch: Epoch,
    pub turn: TurnNumber,
    /// Where the leader is reached; empty when somebody has resigned.
    pub holder: String,
    /// Until another may take it. Zero when nobody holds it.
    pub remaining: Duration,
}

/// Outcome of [`Store::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    Leader {
        epoch: Epoch,
    },
    HeldBy {
        /// Where the leader is reached.
        holder: String,
        epoch: Epoch,
        remaining: Duration,
    },
}

/// Everything open, as stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredSnapshot {
    pub turn: TurnNumber,
    pub model_time: Timestamp,
    /// By name.
    pub nodes: Vec<NodeRow>,
    /// By id.
    pub jobs: Vec<StoredJob>,
    /// By namespace and name.
    pub queues: Vec<QueueRow>,
    /// The one in use. `None`: nobody has ever said.
    pub policy: Option<PolicySource>,
    /// By signature and node.
    pub estimates: Vec<EstimateRow>,
}

/// A job as stored; `row.new` and every `from` are `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredJob {
    pub row: JobRow,
    pub fixed: NewJobRow,
    /// By task and number.
    pub attempts: Vec<AttemptRow>,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSummary {
    pub row: JobRow,
    pub fixed: NewJobRow,
    /// Tasks whose last attempt is assigned, running or stopping.
    pub active: u32,
    pub succeeded: u32,
    /// Tasks whose last attempt ended otherwise and is not retried.
    pub unsuccessful: u32,
}

/// A dead job in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    pub job: JobSummary,
    /// All attempts of the task that failed for good before any other did, and of the undo step that did, by task and
    /// number. Without those that cannot be read: a parked job says itself why it is dead.
    pub failed: Vec<AttemptRow>,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    pub namespace: Arc<str>,
    /// Empty: any.
    pub states: Vec<JobState>,
    pub queue: Option<Arc<str>>,
    /// Only jobs older than this one.
    pub before: Option<JobId>,
    pub limit: u32,
}

/// Which jobs of the past to name.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    pub namespace: Arc<str>,
    pub queue: Option<Arc<str>>,
    /// Submitted at this time or later,
    pub from: Timestamp,
    /// and before this time.
    pub until: Timestamp,
    /// Only jobs newer than this one.
    pub after: Option<JobId>,
    pub limit: u32,
}

/// Which dead letters to list.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterQuery {
    pub namespace: Arc<str>,
    pub queue: Option<Arc<str>>,
    /// Only jobs older than this one.
    pub before: Option<JobId>,
    pub limit: u32,
}

/// Which dead letters to take off the list.
#[derive(Clone, Debug)]
pub enum Purge {
    Jobs {
        namespace: Arc<str>,
        jobs: Vec<JobId>,
    },
    EndedBefore {
        namespace: Arc<str>,
        time: Timestamp,
    },
}

/// A request id that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRequest {
    pub namespace: Arc<str>,
    pub request_id: Arc<str>,
    pub job: JobId,
    /// As submitted, to tell a repeated call from a reused id.
    pub stored_spec: Bytes,
}

/// A piece of an attempt's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub key: AttemptKey,
    /// Place in everything the attempt has written, in uncompressed bytes.
    pub offset: u64,
    /// 1 stdout, 2 stderr.
    pub stream: u8,
    /// Length before compression.
    pub length: u32,
    /// zstd frame.
    pub data: Bytes,
    /// Nothing follows.
    pub end: bool,
}
