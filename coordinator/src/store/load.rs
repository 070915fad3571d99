//! Everything open, of either database.

use std::time::Duration;

use drover_model::EstimateRow;
use futures_util::{Stream, TryStreamExt as _};

use super::{
    StoreError, StoredJob, StoredSnapshot,
    cells::Cells,
    lease::LeaseColumns,
    names::Names,
    policies, queries,
    reader::Streaming,
    rows::{AttemptsOfJobs, attempt, estimate, job, node, queue},
};

/// Nothing heard for so long in the middle of a load: the database is out of reach. Long, because the attempts of many
/// jobs may have to be looked for on a slow disk before the first is found.
const SILENCE: Duration = Duration::from_secs(60);

/// From the transaction that the lease was read in.
pub(super) async fn load(
    mut transaction: impl Streaming,
    lease: &LeaseColumns,
) -> Result<StoredSnapshot, StoreError> {
    let nodes = transaction.rows(queries::NODES, vec![]).await?;
    let queues = transaction.rows(queries::ALL_QUEUES, vec![]).await?;
    let policy = policies::live(&mut transaction).await?;
    let estimates = transaction.rows(queries::ESTIMATES, vec![]).await?;
    let mut names = Names::default();
    let mut jobs = open_jobs(&mut transaction, &mut names).await?;
    attempts(&mut transaction, &mut names, &mut jobs).await?;
    Ok(StoredSnapshot {
        turn: lease.turn()?,
        model_time: lease.model_time(),
        nodes: nodes.iter().map(node).collect::<Result<_, _>>()?,
        jobs,
        queues: queues.iter().map(queue).collect::<Result<_, _>>()?,
        policy,
        estimates: in_order(&estimates)?,
    })
}

/// By signature and node: databases order neither as the model does.
fn in_order(rows: &[impl Cells]) -> Result<Vec<EstimateRow>, StoreError> {
    let mut rows: Vec<EstimateRow> = rows.iter().map(estimate).collect::<Result<_, _>>()?;
    rows.sort_unstable_by(|one, other| {
        (one.signature, &one.node).cmp(&(other.signature, &other.node))
    });
    Ok(rows)
}

async fn open_jobs(
    transaction: &mut impl Streaming,
    names: &mut Names,
) -> Result<Vec<StoredJob>, StoreError> {
    let mut rows = transaction.stream(queries::OPEN_JOBS);
    let mut jobs = Vec::new();
    while let Some(row) = next(&mut rows).await? {
        jobs.push(job(&row, names)?);
    }
    Ok(jobs)
}

async fn attempts(
    transaction: &mut impl Streaming,
    names: &mut Names,
    jobs: &mut [StoredJob],
) -> Result<(), StoreError> {
    let mut attempts_of_jobs = AttemptsOfJobs::new(jobs);
    let mut rows = transaction.stream(queries::ATTEMPTS_OF_OPEN_JOBS);
    while let Some(row) = next(&mut rows).await? {
        attempts_of_jobs.add(attempt(&row, names)?)?;
    }
    Ok(())
}

async fn next<Row>(
    rows: &mut (impl Stream<Item = Result<Row, sqlx::Error>> + Unpin),
) -> Result<Option<Row>, StoreError> {
    tokio::time::timeout(SILENCE, rows.try_next())
        .await
        .map_err(|_| StoreError::TimedOut(SILENCE))?
        .map_err(StoreError::from)
}
