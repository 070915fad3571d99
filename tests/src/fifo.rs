//! Named pipes, by which commands and tests wait for each other.

use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe::{OpenOptions, Receiver},
};

use crate::{until, within_limit};

/// The test's reading end: commands say something (`echo > FIFO`), or hold it open as long as they live
/// (`exec 3> FIFO`).
#[derive(Debug)]
pub struct Fifo {
    receiver: Receiver,
}

impl Fifo {
    /// Makes the fifo.
    ///
    /// # Panics
    /// When the directory does not allow it.
    pub fn create(directory: &Path, name: &str) -> Self {
        let path = Self::gate(directory, name);
        let receiver = OpenOptions::new()
            .open_receiver(&path)
            .expect("the fifo opens");
        Self { receiver }
    }

    /// Makes one without a reading end, before which commands wait (`read line < FIFO`) until [`Fifo::release`].
    ///
    /// # Panics
    /// When the directory does not allow it.
    pub fn gate(directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a new fifo");
        path
    }

    /// Waits until a command has written at least a byte. Others may have opened and closed the fifo before.
    pub async fn written(&mut self) {
        until("a command to write", async || {
            let read = self.receiver.try_read(&mut [0; 64]);
            read.is_ok_and(|count| count > 0).then_some(())
        })
        .await;
    }

    /// Waits until every process that has opened the fifo has ended.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        within_limit("the processes to end", self.receiver.read_to_end(&mut rest))
            .await
            .expect("readable");
    }

    /// Waits until a command waits before the gate, and gives it a line.
    ///
    /// # Panics
    /// When nobody does.
    pub async fn release(gate: &Path) {
        let mut sender = until("a command to read", async || {
            OpenOptions::new().open_sender(gate).ok()
        })
        .await;
        sender.write_all(b"\n").await.expect("somebody reads");
    }
}
