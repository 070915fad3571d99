//! Connections that are shared, with a limit to everything that is done with one.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::store::{StoreError, lease::milliseconds};

/// The server gives up a statement after this, unless its transaction says otherwise. [`within`] says so to the caller,
/// also when nothing is heard of the server.
pub(super) const STATEMENT_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn lazily(options: &PgConnectOptions, size: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(STATEMENT_LIMIT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                let limit_ms = milliseconds(STATEMENT_LIMIT);
                let settings = format!("SET statement_timeout = {limit_ms}");
                sqlx::raw_sql(AssertSqlSafe(settings))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(StoreError::TimedOut(limit)))
}

/// A connection that goes back to its pool only if whoever has it says so. Dropped halfway it is closed, because nobody
/// knows what it still waits for: the pool would wait for the same, and could run out of connections by it.
pub(super) struct Borrowed(Option<PoolConnection<Postgres>>);

impl Borrowed {
    pub(super) async fn of(pool: &PgPool) -> Result<Self, StoreError> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    pub(super) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

impl Deref for Borrowed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_deref().expect("is there until it is given back")
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0
            .as_deref_mut()
            .expect("is there until it is given back")
    }
}
