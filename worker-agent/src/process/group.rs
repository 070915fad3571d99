//! The processes of an attempt: the process group of the one that was started, and, with a cgroup, whatever left it.

use std::{sync::Arc, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use tokio::process::Child;

use crate::{cgroup::Cgroup, guard::Guard};

/// How long to wait for killed members to disappear. Zombies that nobody collects and processes that the kernel
/// holds can stay longer; they run nothing any more.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Group {
    id: Pid,
    cgroup: Option<Cgroup>,
    /// If it ends the group with the agent's lease.
    guard: Option<Arc<Guard>>,
}

impl Group {
    /// # Panics
    /// When the child has been waited for.
    pub(super) fn of(child: &Child, cgroup: Option<Cgroup>, guard: Option<Arc<Guard>>) -> Self {
        let id = child.id().expect("the child was not waited for");
        Self {
            id: Pid::from_raw(id.cast_signed()),
            cgroup,
            guard,
        }
    }

    /// It was, or is being, ended by the guard, with the lease.
    pub(super) fn was_fenced(&self) -> bool {
        let guard = self.guard.as_ref();
        guard.is_some_and(|guard| guard.has_fenced(self.id))
    }

    /// Asks to end. The first process must not have been waited for.
    pub(super) fn terminate(&self) {
        if let Some(guard) = &self.guard {
            guard.terminated(self.id);
        }
        signal_group(self.id, Signal::SIGTERM);
    }

    /// The first process must not have been waited for.
    pub(super) fn kill(&self) {
        signal_group(self.id, Signal::SIGKILL);
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
    }

    /// Kills what its first process left behind, and waits until that is gone. Returns the id, which is free then.
    pub(super) async fn end(self) -> Pid {
        self.end_group().await;
        if let Some(cgroup) = self.cgroup {
            cgroup.end().await;
        }
        self.id
    }

    async fn end_group(&self) {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_micros(500);
        while killpg(self.id, Signal::SIGKILL) != Err(Errno::ESRCH) {
            // Where the agent is the init process of a container, orphans are its to collect.
            let _ = waitpid(Pid::from_raw(-self.id.as_raw()), Some(WaitPidFlag::WNOHANG));
            if waited >= PATIENCE {
                tracing::warn!(group = %self.id, "killed processes are still listed");
                return;
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

/// To a group whose first process is there, or was a moment ago. One without members means that the first process has
/// moved itself to another one.
pub(crate) fn signal_group(group: Pid, signal: Signal) {
    if killpg(group, signal).is_err() {
        let _ = kill(group, signal);
    }
}
