//! What was submitted in a span of time, with all that became of it, of either database.

use drover_model::JobId;
use uuid::Uuid;

use super::{
    HistoryQuery, StoreError, StoredJob,
    names::Names,
    queries,
    reader::{Dialect, Reader, Value},
    rows::{AttemptsOfJobs, attempt, job},
};

/// Ids begin with the time at which their coordinator received the job. By so much the clocks of coordinators may differ,
/// and so long a job may wait for its commit, before the ids of a span of times are not where they are looked for.
const SLACK_MS: i64 = 60 * 60 * 1_000;

const LARGEST_ID_MS: i64 = (1 << 48) - 1;

/// All of it from one transaction.
pub(super) async fn page<R: Reader>(
    mut reader: R,
    query: &HistoryQuery,
) -> Result<Vec<StoredJob>, StoreError> {
    let first = first_id(query.from.0.saturating_sub(SLACK_MS));
    let after = query.after.map_or(first, |after| after.max(first));
    let values = vec![
        Value::Text(&query.namespace),
        Value::OptionalText(query.queue.as_deref()),
        Value::Big(query.from.0),
        Value::Big(query.until.0),
        Value::Id(after),
        Value::Id(first_id(query.until.0.saturating_add(SLACK_MS))),
        Value::Big(query.limit.into()),
    ];
    with_attempts(&mut reader, queries::HISTORY, values).await
}

/// The first jobs behind one, of any namespace. All of it from one transaction.
pub(super) async fn arrivals<R: Reader>(
    mut reader: R,
    after: JobId,
    limit: u32,
) -> Result<Vec<StoredJob>, StoreError> {
    let values = vec![Value::Id(after), Value::Big(limit.into())];
    with_attempts(&mut reader, queries::ARRIVALS, values).await
}

async fn with_attempts<R: Reader>(
    reader: &mut R,
    wanted: &'static str,
    values: Vec<Value<'_>>,
) -> Result<Vec<StoredJob>, StoreError> {
    let mut names = Names::default();
    let mut jobs = Vec::new();
    for row in &reader.rows(wanted, values).await? {
        jobs.push(job(row, &mut names)?);
    }
    if jobs.is_empty() {
        return Ok(jobs);
    }
    let ids = jobs.iter().map(|job| job.row.id).collect();
    let rows = reader.rows(R::Row::ATTEMPTS, vec![Value::Ids(ids)]).await?;
    let mut attempts = AttemptsOfJobs::new(&mut jobs);
    for row in &rows {
        attempts.add(attempt(row, &mut names)?)?;
    }
    Ok(jobs)
}

/// Below all ids of version 7 that were made at that time or later (RFC 9562, section 5.7).
pub(super) fn first_id(at_ms: i64) -> JobId {
    let at_ms = at_ms.clamp(0, LARGEST_ID_MS).unsigned_abs();
    JobId(Uuid::from_u128(u128::from(at_ms) << 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_time_are_above_its_first() {
        let at_ms = 1_700_000_000_123;
        let made = |seconds, nanos| {
            let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
            JobId(Uuid::new_v7(at))
        };
        let first = first_id(at_ms);
        assert!(made(1_700_000_000, 122_999_999) < first);
        assert!(first < made(1_700_000_000, 123_000_000));
        assert_eq!(first_id(-1), first_id(0));
        assert!(first_id(i64::MAX) > made(1_700_000_000, 0));
    }
}
