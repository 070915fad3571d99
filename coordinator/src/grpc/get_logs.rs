//! What attempts have written.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use drover_model::{AttemptKey, JobId};
use drover_proto::v1;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tonic::Status;

use super::{Answers, job_id, job_not_found, selection::Selection};
use crate::{
    error::ApiError,
    logs::{Follow, MAX_CHUNK_BYTES},
    server::Parts,
    standing::Standing,
    store::{LogRow, Store, StoredJob},
    watch::Watch,
};

const CAPACITY: usize = 16;
const PAGE: u32 = 32;
/// The end of a lost attempt's output never comes; an agent sends that of others within a few seconds.
const END_GRACE: Duration = Duration::from_secs(5);
/// Chunks read for the end of an attempt's output.
const TAIL_CHUNKS: u32 = 16;

type Outgoing = mpsc::Sender<Result<v1::LogLine, Status>>;

pub(super) async fn get_logs(
    parts: &Parts,
    request: v1::GetLogsRequest,
) -> Result<Answers<v1::LogLine>, ApiError> {
    let job = job_id(&request.job_id)?;
    // Registered before anything is read, so that nothing is missed.
    let follow = if request.follow {
        Some((parts.logs.hub.follow(job), parts.watch(job)?))
    } else {
        None
    };
    let stored = read_job(&*parts.store, job).await?;
    let selection = Selection::find(&stored, &request)?;
    let mut reading = Reading {
        store: Arc::clone(&parts.store),
        standing: parts.standing(),
        job,
        selection,
        cursors: BTreeMap::new(),
    };
    let ended = reading.update(&stored);
    let (outgoing, lines) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        let outcome = match follow {
            None => reading.send_all(&outgoing).await,
            Some((follow, watch)) => reading.follow(&outgoing, &follow, watch, ended).await,
        };
        if let Err(Stop::Failed(error)) = outcome {
            let _ = outgoing.send(Err(error.into())).await;
        }
    });
    Ok(lines.into())
}

async fn read_job(store: &dyn Store, job: JobId) -> Result<StoredJob, ApiError> {
    let (_, stored) = store.job(job).await?;
    stored.ok_or_else(|| job_not_found(job))
}

/// How far one attempt has been read.
#[derive(Debug, Default)]
struct Cursor {
    offset: u64,
    ended: bool,
    /// Since when nothing but the end of the output is awaited.
    over_since: Option<Instant>,
}

struct Reading {
    store: Arc<dyn Store>,
    standing: watch::Receiver<Standing>,
    job: JobId,
    selection: Selection,
    cursors: BTreeMap<AttemptKey, Cursor>,
}

/// Why reading ends early.
enum Stop {
    /// The reader has hung up.
    Gone,
    Failed(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl Reading {
    /// Takes up new attempts. True when no other will follow.
    fn update(&mut self, stored: &StoredJob) -> bool {
        for (index, row) in stored.attempts.iter().enumerate() {
            let last = stored
                .attempts
                .get(index + 1)
                .is_none_or(|next| next.key.task != row.key.task);
            let wanted =
                self.selection.selects(row.key) && (self.selection.names_attempt() || last);
            if !wanted {
                continue;
            }
            let cursor = self.cursors.entry(row.key).or_default();
            if row.state.is_final() && cursor.over_since.is_none() {
                cursor.over_since = Some(Instant::now());
            }
        }
        stored.row.state.is_final()
    }

    /// Everything stored that has not been sent.
    async fn send_all(&mut self, outgoing: &Outgoing) -> Result<(), Stop> {
        for (key, cursor) in &mut self.cursors {
            let name = self.selection.name(key.task);
            while !cursor.ended {
                let rows = self
                    .store
                    .logs(*key, cursor.offset, PAGE)
                    .await
                    .map_err(ApiError::from)?;
                let more = rows.len() == PAGE as usize;
                for row in rows {
                    let line = line(name, &row, cursor.offset)?;
                    cursor.offset = row.offset + u64::from(row.length);
                    cursor.ended = row.end;
                    outgoing.send(Ok(line)).await.map_err(|_| Stop::Gone)?;
                }
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn follow(
        &mut self,
        outgoing: &Outgoing,
        follow: &Follow,
        mut watch: Watch,
        mut ended: bool,
    ) -> Result<(), Stop> {
        loop {
            let more = follow.more();
            self.send_all(outgoing).await?;
            let waits_until = self.waits_until();
            if ended && waits_until.is_none_or(|until| until <= Instant::now()) {
                return Ok(());
            }
            let changed = tokio::select! {
                () = more => false,
                change = watch.next(), if !ended => {
                    // Also when the watch breaks: the store then says what became of the job.
                    while watch.try_next().is_some() {}
                    if change.is_err() {
                        watch = self.watch_again(&watch).await?;
                    }
                    true
                }
                () = tokio::time::sleep_until(waits_until.unwrap_or_else(Instant::now)), if ended => false,
                () = outgoing.closed() => return Err(Stop::Gone),
            };
            if changed {
                let stored = read_job(&*self.store, self.job).await?;
                ended = self.update(&stored);
            }
        }
    }

    /// Goes on when this coordinator leads again. When another does, its agents send their output there.
    async fn watch_again(&mut self, broken: &Watch) -> Result<Watch, ApiError> {
        let known = |standing: &Standing| standing.leads || standing.leader.is_some();
        let standing = self.standing.wait_for(known).await;
        let standing = standing.map_err(|_| ApiError::not_leader(None))?;
        standing.require_leader()?;
        Ok(broken.again())
    }

    /// Until when ends of outputs may still arrive; `None` when all have.
    fn waits_until(&self) -> Option<Instant> {
        self.cursors
            .values()
            .filter(|cursor| !cursor.ended)
            .filter_map(|cursor| cursor.over_since)
            .map(|since| since + END_GRACE)
            .max()
    }
}

/// The end of what an attempt has written.
pub(super) async fn tail(
    store: &dyn Store,
    key: AttemptKey,
    limit: usize,
) -> Result<Vec<u8>, ApiError> {
    let mut text = Vec::new();
    for row in store.log_tail(key, TAIL_CHUNKS).await? {
        text.extend_from_slice(&plain(&row)?);
    }
    Ok(text.split_off(text.len().saturating_sub(limit)))
}

fn plain(row: &LogRow) -> Result<Vec<u8>, ApiError> {
    if row.data.is_empty() {
        return Ok(Vec::new());
    }
    zstd::bulk::decompress(&row.data, MAX_CHUNK_BYTES).map_err(|error| {
        tracing::error!(%error, key = ?row.key, "stored output cannot be read");
        ApiError::internal()
    })
}

/// `expected` is where the output before it ended: what lies between was dropped.
fn line(task: &str, row: &LogRow, expected: u64) -> Result<v1::LogLine, ApiError> {
    let data = plain(row)?;
    let stream = match row.stream {
        2 => v1::LogStream::Stderr,
        _ => v1::LogStream::Stdout,
    };
    Ok(v1::LogLine {
        task: task.to_owned(),
        attempt: row.key.attempt,
        stream: stream.into(),
        data: data.into(),
        end: row.end,
        dropped_bytes: row.offset.saturating_sub(expected),
    })
}
