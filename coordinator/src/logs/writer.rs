//! The one writer of output: gathers chunks, stores them in one call, acknowledges.

use std::{collections::BTreeSet, sync::Arc};

use drover_model::JobId;
use drover_proto::v1;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tonic::Status;

use super::hub::LogHub;
use crate::{
    error::ApiError,
    store::{LogRow, Store},
};

/// Chunks stored in one call.
const BATCH: usize = 64;
/// What is kept of one job's output, uncompressed.
const MAX_JOB_BYTES: u64 = 64 * 1024 * 1024;
/// Jobs whose bytes are counted; beyond, counting starts anew, and the limit errs to the generous side.
const MAX_COUNTED_JOBS: usize = 16_384;

pub(crate) type Acks = mpsc::Sender<Result<v1::LogAck, Status>>;

pub(super) struct Chunk {
    pub(super) row: LogRow,
    pub(super) sequence: u64,
    pub(super) acks: Acks,
}

/// Stores what arrives until nobody can send any more.
pub(super) async fn write(
    store: Arc<dyn Store>,
    mut waiting: mpsc::Receiver<Chunk>,
    hub: Arc<LogHub>,
) {
    let mut quota = Quota::default();
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let jobs: BTreeSet<JobId> = batch
            .iter()
            .map(|chunk: &Chunk| chunk.row.key.job)
            .collect();
        let mut rows = Vec::with_capacity(batch.len());
        let mut acks: Vec<(Acks, u64)> = Vec::new();
        for chunk in batch.drain(..) {
            rows.extend(quota.admit(chunk.row));
            match acks
                .iter_mut()
                .find(|(acks, _)| acks.same_channel(&chunk.acks))
            {
                Some((_, sequence)) => *sequence = chunk.sequence.max(*sequence),
                None => acks.push((chunk.acks, chunk.sequence)),
            }
        }
        let stored = match rows.as_slice() {
            [] => Ok(()),
            rows => store.append_logs(rows).await,
        };
        if let Err(error) = &stored {
            tracing::warn!(%error, "output could not be stored; agents send it again");
            quota.take_back(&rows);
        }
        for (acks, sequence) in acks {
            let answer = match &stored {
                Ok(()) => Ok(v1::LogAck { sequence }),
                Err(_) => Err(ApiError::interrupted().into()),
            };
            // A full channel belongs to an agent that does not read: a later acknowledgement covers this one.
            let _ = acks.try_send(answer);
        }
        hub.announce(jobs.into_iter());
    }
}

/// Counts what each job has written.
#[derive(Default)]
struct Quota {
    bytes: FxHashMap<JobId, u64>,
    dropped_chunks: u64,
}

impl Quota {
    /// What is to be stored of a chunk. Beyond the limit only the end of an attempt is, without its data; readers see
    /// what is missing by the gap.
    fn admit(&mut self, row: LogRow) -> Option<LogRow> {
        if self.bytes.len() >= MAX_COUNTED_JOBS && !self.bytes.contains_key(&row.key.job) {
            self.bytes.clear();
        }
        let bytes = self.bytes.entry(row.key.job).or_default();
        let after = bytes.saturating_add(u64::from(row.length));
        if after <= MAX_JOB_BYTES {
            *bytes = after;
            return Some(row);
        }
        if self.dropped_chunks.is_multiple_of(1_000) {
            tracing::warn!(job = %row.key.job, dropped = self.dropped_chunks + 1, "output beyond the limit is dropped");
        }
        self.dropped_chunks += 1;
        row.end.then(|| LogRow {
            offset: row.offset + u64::from(row.length),
            length: 0,
            data: bytes::Bytes::new(),
            ..row
        })
    }

    /// What was not stored after all comes again, and counts then.
    fn take_back(&mut self, rows: &[LogRow]) {
        for row in rows {
            if let Some(bytes) = self.bytes.get_mut(&row.key.job) {
                *bytes = bytes.saturating_sub(u64::from(row.length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use drover_model::AttemptKey;
    use sqlx::{Connection as _, Executor as _, SqliteConnection};

    use super::*;
    use crate::store;

    fn row(job: u128, length: u32, end: bool) -> LogRow {
        LogRow {
            key: AttemptKey {
                job: JobId::from_u128(job),
                task: 0,
                attempt: 1,
            },
            offset: 10,
            stream: 1,
            length,
            data: bytes::Bytes::from_static(b"x"),
            end,
        }
    }

    #[test]
    fn beyond_the_limit_only_ends_are_kept() {
        let mut quota = Quota::default();
        let limit = u32::try_from(MAX_JOB_BYTES).unwrap();
        assert!(quota.admit(row(1, limit, false)).is_some());
        assert_eq!(quota.admit(row(1, 1, false)), None);
        let end = quota.admit(row(1, 5, true)).unwrap();
        assert_eq!((end.offset, end.length, end.end), (15, 0, true));
        assert!(end.data.is_empty());
        assert!(quota.admit(row(2, 1, false)).is_some());
        assert_eq!(quota.dropped_chunks, 2);
    }

    /// Sends a chunk to the writer; whether it was stored.
    async fn is_stored(chunks: &mpsc::Sender<Chunk>, row: LogRow) -> bool {
        let (acks, mut answers) = mpsc::channel(1);
        let chunk = Chunk {
            row,
            sequence: 1,
            acks,
        };
        chunks.send(chunk).await.expect("the writer is there");
        answers.recv().await.expect("an answer").is_ok()
    }

    #[tokio::test]
    async fn what_the_store_refused_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let store = store::open(&format!("sqlite:{}", path.display())).await;
        let store = store.unwrap();
        let (chunks, waiting) = mpsc::channel(1);
        let writer = tokio::spawn(write(Arc::clone(&store), waiting, Arc::default()));
        let mut full = SqliteConnection::connect(&path.display().to_string())
            .await
            .unwrap();
        full.execute("CREATE TRIGGER full BEFORE INSERT ON log_chunks BEGIN SELECT RAISE(ABORT, 'full'); END")
            .await
            .unwrap();
        let all_it_may = row(1, u32::try_from(MAX_JOB_BYTES).unwrap(), false);
        assert!(!is_stored(&chunks, all_it_may.clone()).await);
        full.execute("DROP TRIGGER full").await.unwrap();
        assert!(is_stored(&chunks, all_it_may.clone()).await);
        let stored = store.logs(all_it_may.key, 0, 10).await.unwrap();
        assert_eq!(stored, [all_it_may]);
        drop(chunks);
        writer.await.unwrap();
    }
}
