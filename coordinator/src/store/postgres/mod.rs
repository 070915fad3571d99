//! PostgreSQL: production, with several coordinators of which one leads.
//!
//! Whatever is asked of it ends in time, also when the server does not answer: the connection is given up then.

mod call;
mod commit;
mod connect;
mod dead_letters;
mod lease;
mod load;
mod logs;
mod outcome;
mod park;
mod policies;
mod pool;
mod read;
mod reader;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use drover_model::{
    AttemptKey, AttemptRow, Epoch, JobId, PolicyEventRow, QueueRow, Timestamp, TurnNumber,
    policy::PolicySource,
    turn::{CommitOutcome, SealedTurn},
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use super::{
    Acquired, Applicant, DeadLetter, DeadLetterQuery, FoundRequest, HistoryQuery, JobQuery,
    JobSummary, Lease, LogRow, NewPolicy, PolicyEntry, PolicyEventEntry, Purge, Store, StoreError,
    StoredJob, StoredSnapshot, history, policies as registry, reads,
};
use pool::{STATEMENT_LIMIT, within};

/// For the lease, loads, look-ups of request ids and output, of which each comes one at a time.
const OWN_CONNECTIONS: u32 = 4;
/// For reads of callers. More would only queue in the database.
const CALLERS_CONNECTIONS: u32 = 8;
/// The lease row is short to read, and whoever wants it has no time.
const LEASE_LIMIT: Duration = Duration::from_secs(3);

/// What callers read has a pool of its own, so that many of them cannot keep the coordinator from its work; and commits
/// have a connection of their own.
pub(super) struct PostgresStore {
    own: PgPool,
    callers: PgPool,
    options: PgConnectOptions,
    writer: Mutex<Option<commit::Writer>>,
}

impl PostgresStore {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = connect::open(url).await?;
        Ok(Self {
            own: pool::lazily(&options, OWN_CONNECTIONS),
            callers: pool::lazily(&options, CALLERS_CONNECTIONS),
            options,
            writer: Mutex::new(None),
        })
    }
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn acquire(&self, applicant: &Applicant, term: Duration) -> Result<Acquired, StoreError> {
        // Longer than a commit in flight, which the server gives up at half of its term.
        let limit = LEASE_LIMIT.max(term);
        within(limit, lease::acquire(&self.own, applicant, term)).await
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        within(LEASE_LIMIT, lease::settled(&self.own)).await
    }

    async fn load(&self, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
        load::load(&self.own, epoch).await
    }

    async fn commit(&self, turn: &SealedTurn, term: Duration) -> CommitOutcome {
        commit::commit(&self.writer, &self.options, turn, term).await
    }

    async fn park(
        &self,
        epoch: Epoch,
        job: JobId,
        now: Timestamp,
        reason: &str,
    ) -> Result<bool, StoreError> {
        within(
            STATEMENT_LIMIT,
            park::park(&self.own, epoch, job, now, reason),
        )
        .await
    }

    async fn resign(&self, epoch: Epoch) -> Result<(), StoreError> {
        within(LEASE_LIMIT, lease::resign(&self.own, epoch)).await
    }

    async fn find_requests(
        &self,
        requests: &[(Arc<str>, Arc<str>)],
    ) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
        within(STATEMENT_LIMIT, read::find_requests(&self.own, requests)).await
    }

    async fn job(&self, id: JobId) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
        within(STATEMENT_LIMIT, read::job(&self.callers, id)).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError> {
        within(STATEMENT_LIMIT, reads::jobs(&self.callers, query)).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<JobId>, StoreError> {
        within(STATEMENT_LIMIT, history::page(&self.callers, query)).await
    }

    async fn arrivals(&self, after: JobId, limit: u32) -> Result<Vec<JobId>, StoreError> {
        within(
            STATEMENT_LIMIT,
            history::arrivals(&self.callers, after, limit),
        )
        .await
    }

    async fn successes(&self, limit: u32) -> Result<Vec<AttemptRow>, StoreError> {
        within(STATEMENT_LIMIT, reads::successes(&self.callers, limit)).await
    }

    async fn stored_specs(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Bytes)>, StoreError> {
        within(STATEMENT_LIMIT, reads::stored_specs(&self.callers, jobs)).await
    }

    async fn queues(&self, namespace: &str) -> Result<Vec<QueueRow>, StoreError> {
        within(STATEMENT_LIMIT, reads::queues(&self.callers, namespace)).await
    }

    async fn policies(&self, limit: u32) -> Result<Vec<PolicyEntry>, StoreError> {
        within(STATEMENT_LIMIT, registry::list(&self.callers, limit)).await
    }

    async fn policy(
        &self,
        version: &str,
    ) -> Result<Option<(PolicyEntry, PolicySource)>, StoreError> {
        within(STATEMENT_LIMIT, registry::find(&self.callers, version)).await
    }

    async fn add_policy(
        &self,
        new: &NewPolicy,
        event: &PolicyEventRow,
    ) -> Result<bool, StoreError> {
        within(STATEMENT_LIMIT, policies::add(&self.callers, new, event)).await
    }

    async fn policy_events(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<PolicyEventEntry>, StoreError> {
        within(
            STATEMENT_LIMIT,
            registry::events(&self.callers, before, limit),
        )
        .await
    }

    async fn policy_before(&self, version: &str) -> Result<Option<Arc<str>>, StoreError> {
        within(STATEMENT_LIMIT, registry::before(&self.callers, version)).await
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
        within(STATEMENT_LIMIT, reads::dead_letters(&self.callers, query)).await
    }

    async fn is_dead_letter(&self, job: JobId) -> Result<bool, StoreError> {
        within(STATEMENT_LIMIT, reads::is_dead_letter(&self.callers, job)).await
    }

    async fn purge_dead_letters(&self, purge: &Purge) -> Result<u64, StoreError> {
        dead_letters::purge(&self.callers, purge).await
    }

    async fn append_logs(&self, chunks: &[LogRow]) -> Result<(), StoreError> {
        within(STATEMENT_LIMIT, logs::append(&self.own, chunks)).await
    }

    async fn logs(
        &self,
        key: AttemptKey,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        within(
            STATEMENT_LIMIT,
            reads::logs(&self.callers, key, offset, limit),
        )
        .await
    }

    async fn log_tail(&self, key: AttemptKey, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        within(STATEMENT_LIMIT, reads::log_tail(&self.callers, key, limit)).await
    }

    async fn describe(&self) -> Result<Vec<(String, String)>, StoreError> {
        read::describe(&self.callers).await
    }

    async fn count_succeeded(&self) -> Result<u64, StoreError> {
        read::count_succeeded(&self.callers).await
    }
}
