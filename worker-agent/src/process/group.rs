//! A process group: the process that was started, and everything it started that did not leave.

use std::time::Duration;

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use tokio::process::Child;

/// How long to wait for killed members to disappear. Zombies that nobody collects and processes that the kernel
/// holds can stay longer; they run nothing any more.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(super) struct Group(Pid);

impl Group {
    /// # Panics
    /// When the child has been waited for.
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().expect("the child was not waited for");
        Self(Pid::from_raw(id.cast_signed()))
    }

    pub(super) fn id(self) -> Pid {
        self.0
    }

    /// Reaches nobody when the group is gone.
    pub(super) fn signal(self, signal: Signal) {
        let _ = killpg(self.0, signal);
    }

    /// Kills what its first process left behind, and waits until that is gone.
    pub(super) async fn end(self) {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_micros(500);
        while killpg(self.0, Signal::SIGKILL) != Err(Errno::ESRCH) {
            // Where the agent is the init process of a container, orphans are its to collect.
            let _ = waitpid(Pid::from_raw(-self.0.as_raw()), Some(WaitPidFlag::WNOHANG));
            if waited >= PATIENCE {
                tracing::warn!(group = %self.0, "killed processes are still listed");
                return;
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}
