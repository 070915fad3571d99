//! SQLite: the embedded default, a file.

mod batch;
mod commit;
mod connect;
mod lease;
mod logs;
mod read;

use std::{sync::Arc, time::Duration};

use drover_model::{
    AttemptKey, Epoch, JobId, TurnNumber,
    turn::{CommitOutcome, SealedTurn},
};
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::Mutex;

use super::{
    Acquired, FoundRequest, JobQuery, JobSummary, Lease, LogRow, Store, StoreError, StoredJob,
    StoredSnapshot,
};

/// SQLite lets one write at a time: all writes of this process take turns on one connection, and reads see the last
/// commit on connections of their own.
pub(super) struct SqliteStore {
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
}

impl SqliteStore {
    pub(super) async fn open(path: &str) -> Result<Self, StoreError> {
        let (writer, readers) = connect::open(path).await?;
        Ok(Self {
            writer: Mutex::new(writer),
            readers,
        })
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn acquire(&self, holder: &str, term: Duration) -> Result<Acquired, StoreError> {
        lease::acquire(&mut *self.writer.lock().await, holder, term).await
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        lease::settled(&mut *self.writer.lock().await).await
    }

    async fn load(&self, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
        read::load(&self.readers, epoch).await
    }

    async fn commit(&self, turn: &SealedTurn, term: Duration) -> CommitOutcome {
        commit::commit(&mut *self.writer.lock().await, turn, term).await
    }

    async fn resign(&self, epoch: Epoch) -> Result<(), StoreError> {
        lease::resign(&mut *self.writer.lock().await, epoch).await
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
        read::jobs(&self.readers, query).await
    }

    async fn append_logs(&self, chunks: &[LogRow]) -> Result<(), StoreError> {
        logs::append(&mut *self.writer.lock().await, chunks).await
    }

    async fn logs(
        &self,
        key: AttemptKey,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        logs::read(&self.readers, key, offset, limit).await
    }

    async fn describe(&self) -> Result<Vec<(String, String)>, StoreError> {
        read::describe(&mut *self.writer.lock().await).await
    }

    async fn count_succeeded(&self) -> Result<u64, StoreError> {
        read::count_succeeded(&self.readers).await
    }
}
