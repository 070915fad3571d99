//! What a process writes, on its way to the logs.

use std::time::Duration;

use bytes::BytesMut;
use drover_model::AttemptKey;
use drover_proto::v1::LogStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStderr, ChildStdout},
};

use crate::logs::Logs;

const READ_BYTES: usize = 8 << 10;
const TAIL_BYTES: usize = 64 << 10;

/// A process that left the group may hold its output open: that is not waited for longer than this.
const DRAIN: Duration = Duration::from_secs(1);

pub(super) struct Output {
    key: AttemptKey,
    logs: Logs,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    buffer: BytesMut,
    tail: Option<Vec<u8>>,
}

impl Output {
    /// With `keep_tail`, the last of it can be read again.
    pub(super) fn of(child: &mut Child, key: AttemptKey, logs: Logs, keep_tail: bool) -> Self {
        Self {
            key,
            logs,
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            buffer: BytesMut::new(),
            tail: keep_tail.then(Vec::new),
        }
    }

    /// Waits for ever once both streams have ended.
    pub(super) async fn read_some(&mut self) {
        self.buffer.clear();
        self.buffer.reserve(READ_BYTES);
        let mut other = BytesMut::new();
        let (stream, open) = tokio::select! {
            open = read(&mut self.stdout, &mut self.buffer) => (LogStream::Stdout, open),
            open = read(&mut self.stderr, &mut other) => (LogStream::Stderr, open),
        };
        if stream == LogStream::Stderr {
            self.buffer = other;
        }
        match (open, stream) {
            (true, _) => self.take(stream),
            (false, LogStream::Stdout) => self.stdout = None,
            (false, _) => self.stderr = None,
        }
    }

    /// Reads to the end.
    pub(super) async fn drain(&mut self) {
        let all = async {
            while self.stdout.is_some() || self.stderr.is_some() {
                self.read_some().await;
            }
        };
        // Who writes on has left the group: nobody waits for that.
        let _ = tokio::time::timeout(DRAIN, all).await;
    }

    /// Empty unless it was asked for.
    pub(super) fn tail(&self) -> &[u8] {
        self.tail.as_deref().unwrap_or_default()
    }

    fn take(&mut self, stream: LogStream) {
        self.logs.append(self.key, stream, &self.buffer);
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(&self.buffer);
            let surplus = tail.len().saturating_sub(TAIL_BYTES);
            tail.drain(..surplus);
        }
    }
}

/// False at the end. For ever when it has ended before.
async fn read(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut BytesMut) -> bool {
    match stream {
        Some(stream) => matches!(stream.read_buf(buffer).await, Ok(count) if count > 0),
        None => std::future::pending().await,
    }
}
