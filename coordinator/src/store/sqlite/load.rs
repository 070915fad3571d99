use drover_model::{Epoch, NodeRow, QueueRow};
use futures_util::TryStreamExt;
use sqlx::{SqliteConnection, SqlitePool};

use super::read::{LEASE, snapshot};
use crate::store::{
    StoreError, StoredJob, StoredSnapshot,
    lease::LeaseColumns,
    names::Names,
    queries,
    rows::{AttemptsOfJobs, NodeColumns, QueueColumns, attempt, job},
};

pub(super) async fn load(readers: &SqlitePool, epoch: Epoch) -> Result<StoredSnapshot, StoreError> {
    let mut transaction = snapshot(readers).await?;
    let lease: LeaseColumns = sqlx::query_as(LEASE).fetch_one(&mut *transaction).await?;
    lease.require(epoch)?;
    let nodes = nodes(&mut transaction).await?;
    let queues = queues(&mut transaction).await?;
    let mut names = Names::default();
    let mut jobs = jobs(&mut transaction, &mut names).await?;
    attempts(&mut transaction, &mut names, &mut jobs).await?;
    Ok(StoredSnapshot {
        turn: lease.turn()?,
        model_time: lease.model_time(),
        nodes,
        jobs,
        queues,
    })
}

async fn nodes(connection: &mut SqliteConnection) -> Result<Vec<NodeRow>, StoreError> {
    let columns: Vec<NodeColumns> = sqlx::query_as(queries::NODES).fetch_all(connection).await?;
    columns.into_iter().map(NodeColumns::into_node).collect()
}

async fn queues(connection: &mut SqliteConnection) -> Result<Vec<QueueRow>, StoreError> {
    let columns: Vec<QueueColumns> = sqlx::query_as(queries::ALL_QUEUES)
        .fetch_all(connection)
        .await?;
    Ok(columns.into_iter().map(QueueColumns::into_queue).collect())
}

async fn jobs(
    connection: &mut SqliteConnection,
    names: &mut Names,
) -> Result<Vec<StoredJob>, StoreError> {
    let mut rows = sqlx::query(queries::OPEN_JOBS).fetch(connection);
    let mut jobs = Vec::new();
    while let Some(row) = rows.try_next().await? {
        jobs.push(job(&row, names)?);
    }
    Ok(jobs)
}

async fn attempts(
    connection: &mut SqliteConnection,
    names: &mut Names,
    jobs: &mut [StoredJob],
) -> Result<(), StoreError> {
    let mut attempts_of_jobs = AttemptsOfJobs::new(jobs);
    let mut rows = sqlx::query(queries::ATTEMPTS_OF_OPEN_JOBS).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        attempts_of_jobs.add(attempt(&row, names)?)?;
    }
    Ok(())
}
