//! SQLite: the embedded default, a file.

mod batch;
mod batches;
mod commit;
mod connect;
mod dead_letters;
mod lease;
mod load;
mod logs;
mod park;
mod policies;
mod read;
mod reader;
mod writer;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use drover_model::{
    AttemptKey, AttemptRow, Epoch, JobId, PolicyEventRow, QueueRow, Timestamp, TurnNumber,
    policy::PolicySource,
    turn::{CommitOutcome, SealedTurn},
};
use sqlx::SqlitePool;

use super::{
    Acquired, Applicant, DeadLetter, DeadLetterQuery, FoundRequest, HistoryQuery, JobQuery,
    JobSummary, Lease, LogRow, NewPolicy, PolicyEntry, PolicyEventEntry, Purge, Store, StoreError,
    StoredJob, StoredSnapshot, history, policies as registry, reads,
};
use writer::Writer;

/// Reads see the last commit, on connections of their own.
pub(super) struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteStore {
    pub(super) async fn open(path: &str) -> Result<Self, StoreError> {
        let (writer, readers) = connect::open(path).await?;
        Ok(Self { writer, readers })
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn acquire(&self, applicant: &Applicant, term: Duration) -> Result<Acquired, StoreError> {
        lease::acquire(&self.writer, &self.readers, applicant, term).await
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        lease::settled(&self.writer).await
    }

    async fn load(&self, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
        load::load(&self.readers, epoch).await
    }

    async fn commit(&self, turn: &SealedTurn, term: Duration) -> CommitOutcome {
        commit::commit(&self.writer, turn, term).await
    }

    async fn park(
        &self,
        epoch: Epoch,
        job: JobId,
        now: Timestamp,
        reason: &str,
    ) -> Result<bool, StoreError> {
        park::park(&self.writer, epoch, job, now, reason).await
    }

    async fn resign(&self, epoch: Epoch) -> Result<(), StoreError> {
        lease::resign(&self.writer, epoch).await
    }

    async fn find_requests(
        &self,
        requests: &[(Arc<str>, Arc<str>)],
    ) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
        read::find_requests(&self.readers, requests).await
    }

    async fn job(&self, id: JobId) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
        read::job(&self.readers, id).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError> {
        reads::jobs(&self.readers, query).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<JobId>, StoreError> {
        history::page(&self.readers, query).await
    }

    async fn arrivals(&self, after: JobId, limit: u32) -> Result<Vec<JobId>, StoreError> {
        history::arrivals(&self.readers, after, limit).await
    }

    async fn successes(&self, limit: u32) -> Result<Vec<AttemptRow>, StoreError> {
        reads::successes(&self.readers, limit).await
    }

    async fn stored_specs(&self, jobs: &[JobId]) -> Result<Vec<(JobId, Bytes)>, StoreError> {
        reads::stored_specs(&self.readers, jobs).await
    }

    async fn queues(&self, namespace: &str) -> Result<Vec<QueueRow>, StoreError> {
        reads::queues(&self.readers, namespace).await
    }

    async fn policies(&self, limit: u32) -> Result<Vec<PolicyEntry>, StoreError> {
        registry::list(&self.readers, limit).await
    }

    async fn policy(
        &self,
        version: &str,
    ) -> Result<Option<(PolicyEntry, PolicySource)>, StoreError> {
        registry::find(&self.readers, version).await
    }

    async fn add_policy(
        &self,
        new: &NewPolicy,
        event: &PolicyEventRow,
    ) -> Result<bool, StoreError> {
        policies::add(&self.writer, new, event).await
    }

    async fn policy_events(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<PolicyEventEntry>, StoreError> {
        registry::events(&self.readers, before, limit).await
    }

    async fn policy_before(&self, version: &str) -> Result<Option<Arc<str>>, StoreError> {
        registry::before(&self.readers, version).await
    }

    async fn dead_letters(&self, query: &DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
        reads::dead_letters(&self.readers, query).await
    }

    async fn is_dead_letter(&self, job: JobId) -> Result<bool, StoreError> {
        reads::is_dead_letter(&self.readers, job).await
    }

    async fn purge_dead_letters(&self, purge: &Purge) -> Result<u64, StoreError> {
        dead_letters::purge(&self.writer, purge).await
    }

    async fn append_logs(&self, chunks: &[LogRow]) -> Result<(), StoreError> {
        logs::append(&self.writer, chunks).await
    }

    async fn logs(
        &self,
        key: AttemptKey,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        reads::logs(&self.readers, key, offset, limit).await
    }

    async fn log_tail(&self, key: AttemptKey, limit: u32) -> Result<Vec<LogRow>, StoreError> {
        reads::log_tail(&self.readers, key, limit).await
    }

    async fn describe(&self) -> Result<Vec<(String, String)>, StoreError> {
        read::describe(&self.writer).await
    }

    async fn count_succeeded(&self) -> Result<u64, StoreError> {
        read::count_succeeded(&self.readers).await
    }
}
