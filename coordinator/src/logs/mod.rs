//! Output of attempts: its own writer, its own followers, never the driver.

mod hub;
mod writer;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::store::{LogRow, Store};
pub(crate) use hub::{Follow, LogHub};
pub(crate) use writer::Acks;
use writer::Chunk;

/// Longest piece before compression.
pub(crate) const MAX_CHUNK_BYTES: usize = 64 * 1024;
/// Chunks of all agents that may wait for the writer. A full queue stops the reading of log streams.
const QUEUE: usize = 256;

/// Where output goes, and where it is announced.
#[derive(Clone)]
pub(crate) struct Logs {
    chunks: mpsc::Sender<Chunk>,
    pub(crate) hub: Arc<LogHub>,
}

impl Logs {
    /// Starts the writer, which ends with the last sender.
    pub(crate) fn start(store: Arc<dyn Store>) -> Self {
        let (chunks, waiting) = mpsc::channel(QUEUE);
        let hub = Arc::new(LogHub::default());
        tokio::spawn(writer::write(store, waiting, Arc::clone(&hub)));
        Self { chunks, hub }
    }

    /// Queues a chunk; `acks` hears of `sequence` once it is stored. Waits for room. False when the writer is gone.
    pub(crate) async fn append(&self, row: LogRow, sequence: u64, acks: &Acks) -> bool {
        let chunk = Chunk {
            row,
            sequence,
            acks: acks.clone(),
        };
        self.chunks.send(chunk).await.is_ok()
    }
}
