//! Output of attempts, on a connection of its own: whatever happens to it, no report waits and no process blocks.

mod buffers;
mod deliver;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drover_model::AttemptKey;
use drover_proto::v1::LogStream;
use tokio::{sync::Notify, time::Instant};

use buffers::Buffers;
pub(crate) use deliver::deliver;

/// Where processes leave what they write. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    buffers: Mutex<Buffers>,
    /// Something is due earlier than before.
    changed: Notify,
}

impl Logs {
    /// Never waits: what there is no room for pushes out the oldest.
    pub(crate) fn append(&self, key: AttemptKey, stream: LogStream, data: &[u8]) {
        if self.buffers().append(key, stream, data, Instant::now()) {
            self.0.changed.notify_one();
        }
    }

    /// Nothing follows from this attempt.
    pub(crate) fn end(&self, key: AttemptKey) {
        self.buffers().end(key, Instant::now());
        self.0.changed.notify_one();
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.0
            .buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
