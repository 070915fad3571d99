//! What was submitted in a span of time, of either database.

use drover_model::JobId;
use uuid::Uuid;

use super::{
    HistoryQuery, StoreError,
    cells::Cells as _,
    queries,
    reader::{Reader, Value},
};

/// Ids begin with the time at which their coordinator received the job. By so much the clocks of coordinators may differ,
/// and so long a job may wait for its commit, before the ids of a span of times are not where they are looked for.
const SLACK_MS: i64 = 60 * 60 * 1_000;

const LARGEST_ID_MS: i64 = (1 << 48) - 1;

pub(super) async fn page(
    mut reader: impl Reader,
    query: &HistoryQuery,
) -> Result<Vec<JobId>, StoreError> {
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
    let rows = reader.rows(queries::HISTORY, values).await?;
    rows.iter().map(|row| Ok(JobId(row.uuid(0)?))).collect()
}

/// The first jobs behind one, of any namespace.
pub(super) async fn arrivals(
    mut reader: impl Reader,
    after: JobId,
    limit: u32,
) -> Result<Vec<JobId>, StoreError> {
    let values = vec![Value::Id(after), Value::Big(limit.into())];
    let rows = reader.rows(queries::ARRIVALS, values).await?;
    rows.iter().map(|row| Ok(JobId(row.uuid(0)?))).collect()
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
