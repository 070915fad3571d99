//! PostgreSQL: production, with several coordinators of which one leads.

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
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use super::{
    Acquired, FoundRequest, JobQuery, JobSummary, Lease, LogRow, Store, StoreError, StoredJob,
    StoredSnapshot,
};

/// Reads and logs share a pool; commits have a connection of their own and never wait for the pool.
pub(super) struct PostgresStore {
    pool: PgPool,
    options: PgConnectOptions,
    writer: Mutex<Option<commit::Writer>>,
}

impl PostgresStore {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let (pool, options) = connect::open(url).await?;
        Ok(Self {
            pool,
            options,
            writer: Mutex::new(None),
        })
    }
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn acquire(&self, holder: &str, term: Duration) -> Result<Acquired, StoreError> {
        lease::acquire(&self.pool, holder, term).await
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        lease::settled(&self.pool).await
    }

    async fn load(&self, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
        read::load(&self.pool, epoch).await
    }

    async fn commit(&self, turn: &SealedTurn, term: Duration) -> CommitOutcome {
        commit::commit(&self.writer, &self.options, turn, term).await
    }

    async fn resign(&self, epoch: Epoch) -> Result<(), StoreError> {
        lease::resign(&self.pool, epoch).await
    }

    async fn find_requests(
        &self,
        requests: &[(Arc<str>, Arc<str>)],
    ) -> Result<(TurnNumber, Vec<FoundRequest>), StoreError> {
        read::find_requests(&self.pool, requests).await
    }

    async fn job(&self, id: JobId) -> Result<(TurnNumber, Option<StoredJob>), StoreError> {
        read::job(&self.pool, id).await
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Vec<JobSummary>, StoreError> {
        read::jobs(&self.pool, query).await
    }

    async fn append_logs(&self, chunks: &[LogRow]) -> Result<(), StoreError> {
        logs::append(&self.pool, chunks).await
    }

    async fn logs(
        &self,
        key: AttemptKey,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<LogRow>, StoreError> {
        logs::read(&self.pool, key, offset, limit).await
    }

    async fn describe(&self) -> Result<Vec<(String, String)>, StoreError> {
        read::describe(&self.pool).await
    }

    async fn count_succeeded(&self) -> Result<u64, StoreError> {
        read::count_succeeded(&self.pool).await
    }
}
