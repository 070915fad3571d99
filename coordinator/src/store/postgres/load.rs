use std::time::Duration;

use drover_model::{AttemptRow, Epoch, NodeRow, QueueRow};
use futures_util::{Stream, TryStreamExt};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgRow};

use super::{
    pool::{Borrowed, within},
    read::{LEASE, SNAPSHOT},
};
use crate::store::{
    StoreError, StoredJob, StoredSnapshot,
    lease::LeaseColumns,
    names::Names,
    queries,
    rows::{AttemptsOfJobs, NodeColumns, QueueColumns, attempt, job},
};

/// Nothing heard for so long in the middle of a load: the server is out of reach. Long, because the attempts of many jobs
/// may have to be looked for on a slow disk before the first is found.
const SILENCE: Duration = Duration::from_secs(60);

/// Rows come in order of their keys, from indices: sorting or hashing a million wide rows would go by way of the disk.
const SETTINGS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL jit = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_sort = off";

pub(super) async fn load(pool: &PgPool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut connection = Borrowed::of(pool).await?;
    let mut transaction = connection.begin_with(SNAPSHOT).await?;
    let lease: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    lease.require(epoch)?;
    sqlx::raw_sql(SETTINGS).execute(&mut *transaction).await?;
    let nodes = nodes(&mut transaction).await?;
    let queues = queues(&mut transaction).await?;
    let mut names = Names::default();
    let mut jobs = jobs(&mut transaction, &mut names).await?;
    attempts(&mut transaction, &mut names, &mut jobs).await?;
    transaction.commit().await?;
    connection.give_back();
    Ok(StoredSnapshot {
        turn: lease.turn()?,
        model_time: lease.model_time(),
        nodes,
        jobs,
        queues,
    })
}

async fn nodes(connection: &mut PgConnection) -> Result<Vec<NodeRow>, StoreError> {
    let columns: Vec<NodeColumns> = sqlx::query_as(queries::NODES).fetch_all(connection).await?;
    columns.into_iter().map(NodeColumns::into_node).collect()
}

async fn queues(connection: &mut PgConnection) -> Result<Vec<QueueRow>, StoreError> {
    let columns: Vec<QueueColumns> = sqlx::query_as(queries::ALL_QUEUES)
        .fetch_all(connection)
        .await?;
    Ok(columns.into_iter().map(QueueColumns::into_queue).collect())
}

async fn jobs(
    connection: &mut PgConnection,
    names: &mut Names,
) -> Result<Vec<StoredJob>, StoreError> {
    let mut rows = sqlx::query(queries::OPEN_JOBS).fetch(connection);
    let mut jobs = Vec::new();
    while let Some(row) = next(&mut rows).await? {
        jobs.push(job(&row, names)?);
    }
    Ok(jobs)
}

async fn attempts(
    connection: &mut PgConnection,
    names: &mut Names,
    jobs: &mut [StoredJob],
) -> Result<(), StoreError> {
    let mut attempts_of_jobs = AttemptsOfJobs::new(jobs);
    let mut rows = sqlx::query(queries::ATTEMPTS_OF_OPEN_JOBS).fetch(connection);
    while let Some(row) = next(&mut rows).await? {
        let attempt: AttemptRow = attempt(&row, names)?;
        attempts_of_jobs.add(attempt)?;
    }
    Ok(())
}

async fn next(
    rows: &mut (impl Stream<Item = Result<PgRow, sqlx::Error>> + Unpin),
) -> Result<Option<PgRow>, StoreError> {
    within(SILENCE, async { Ok(rows.try_next().await?) }).await
}
