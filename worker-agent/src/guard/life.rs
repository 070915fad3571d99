//! How the agent sees that the guard has gone.

use std::{
    io,
    os::fd::OwnedFd,
    process::{Child, ChildStderr},
};

use nix::{
    sys::wait::{Id, WaitPidFlag, WaitStatus, waitid},
    unistd::Pid,
};
use tokio::net::unix::pipe;

/// What a guard says at most before it dies: its panic.
const WORDS: usize = 1_024;

/// The other end of what the guard writes its errors to. Nobody else has it open, so it ends with the guard.
#[derive(Debug)]
pub(super) struct Life(pipe::Receiver);

impl Life {
    pub(super) fn of(guard: &mut Child) -> io::Result<Self> {
        let stderr: Option<ChildStderr> = guard.stderr.take();
        let end = OwnedFd::from(stderr.expect("it is piped"));
        pipe::Receiver::from_owned_fd(end).map(Self)
    }

    /// May be dropped and called again.
    pub(super) async fn ended(&self) {
        let mut words = [0; WORDS];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut words) {
                Ok(length @ 1..) => {
                    let words = String::from_utf8_lossy(&words[..length]);
                    tracing::error!("the guard says: {}", words.trim());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// Leaves its status to be collected.
pub(super) fn how_it_ended(guard: &Child) -> String {
    let id = Id::Pid(Pid::from_raw(guard.id().cast_signed()));
    match waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
        Ok(WaitStatus::Exited(_, code)) => format!("exited with code {code}"),
        Ok(WaitStatus::Signaled(_, signal, _)) => format!("killed by {signal}"),
        other => format!("it is not known how: {other:?}"),
    }
}
