//! The guard: a tiny process that ends what an agent cannot.
//!
//! It reads records from a socket that the agent and its children, before they execute their program, hold open. When the
//! last of them is gone it reads the end of the stream, sends SIGKILL to every process group that is still registered,
//! and to everything in the agent's cgroup, and ends. It lives in a session of its own, so that what a terminal sends to
//! the agent does not reach it. Until it ends it holds the lock of the agent's state directory, so that the next agent
//! starts when nothing of the last one runs any more.
//!
//! An agent that is there but does nothing, since somebody stopped it or the host starves it, does not end what must not
//! outlive its lease. The guard knows those groups and, while there are any, the end of the lease: it ends them then, and
//! says so to the agent before, which hears of it when it wakes and reports them as fenced.

mod life;
mod process;
mod record;
mod spawn;
mod ward;
mod watch;

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{SigHandler, Signal, signal},
        socket::{
            AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recv, send, setsockopt,
            shutdown, socketpair, sockopt,
        },
    },
    unistd::{Pid, getppid, setsid},
};

use crate::{AgentError, GuardCommand};
use life::Life;
use record::Record;
pub(crate) use record::{Lease, Terms};
pub(crate) use spawn::NotStarted;
use ward::Ward;

/// The body of the guard process. Its standard input is the socket.
pub fn run() -> ExitCode {
    for ignored in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        #[expect(unsafe_code, reason = "the signal API is unsafe because of handlers")]
        // SAFETY: ignoring a signal installs no handler.
        let outcome = unsafe { signal(ignored, SigHandler::SigIgn) };
        if outcome.is_err() {
            return ExitCode::FAILURE;
        }
    }
    watch::watch(io::stdin().as_fd(), Ward::of(getppid()));
    ExitCode::SUCCESS
}

/// The agent's end. When it is dropped, with all that was registered, the guard acts.
#[derive(Debug)]
pub(crate) struct Guard {
    socket: Arc<OwnedFd>,
    process: Child,
    life: Life,
    /// Those of which the guard has said so, and which were not yet released.
    fenced: Mutex<BTreeSet<Pid>>,
}

impl Guard {
    /// `lock` stays open as long as the guard lives.
    pub(crate) fn start(
        command: &GuardCommand,
        lock: io::Result<File>,
        cgroup: Option<&Path>,
    ) -> Result<Self, AgentError> {
        let launched = lock.and_then(|lock| Self::launch(command, lock, cgroup));
        launched.map_err(|source| AgentError::Guard {
            program: command.program.clone(),
            source,
        })
    }

    fn launch(command: &GuardCommand, lock: File, cgroup: Option<&Path>) -> io::Result<Self> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        // A guard that does not keep up must not stop the agent for long.
        setsockopt(&ours, sockopt::SndBuf, &(1 << 20))?;
        let mut guard = Command::new(&command.program);
        guard
            .args(&command.args)
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::from(lock))
            .stderr(Stdio::piped());
        #[expect(unsafe_code, reason = "only a hook between fork and exec can do this")]
        // SAFETY: setsid is async-signal-safe, and nothing is allocated.
        unsafe {
            guard.pre_exec(|| setsid().map(drop).map_err(io::Error::from));
        }
        if let Some(path) = cgroup {
            tell(&ours, &Record::Cgroup(path.to_owned()).encode())?;
        }
        let mut process = guard.spawn()?;
        Ok(Self {
            life: Life::of(&mut process)?,
            process,
            socket: Arc::new(ours),
            fenced: Mutex::default(),
        })
    }

    /// Waits until its process has ended, which it does by itself only after the agent.
    pub(crate) async fn ended(&self) {
        self.life.ended().await;
        // It is about to go; only then is its end of the channel closed as well.
        let _ = self.how_it_ended();
    }

    /// For people. It must be about to end, at least.
    pub(crate) fn how_it_ended(&self) -> String {
        life::how_it_ended(&self.process)
    }

    /// Until when the guard lets leased groups run. To be told before the first of them starts.
    pub(crate) fn renew(&self, lease: Lease) {
        self.tell(&Record::Lease(lease));
    }

    /// The agent sends SIGTERM to it: the guard need not.
    pub(crate) fn terminated(&self, group: Pid) {
        self.tell(&Record::Terminated(group));
    }

    /// True when the guard has ended, or is ending, the group, which has not been released.
    pub(crate) fn has_fenced(&self, group: Pid) -> bool {
        self.hear().contains(&group)
    }

    /// The group has ended; its number may be used again by others.
    pub(crate) fn release(&self, group: Pid) {
        self.hear().remove(&group);
        self.tell(&Record::Forget(group));
    }

    /// All answers that are there.
    fn hear(&self) -> MutexGuard<'_, BTreeSet<Pid>> {
        let mut fenced = self.fenced.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = [0; record::LONGEST];
        let socket = self.socket.as_raw_fd();
        // Without a guard there are none.
        while let Ok(length @ 1..) = recv(socket, &mut answer, MsgFlags::MSG_DONTWAIT) {
            fenced.extend(record::fenced(&answer[..length]));
        }
        fenced
    }

    fn tell(&self, record: &Record) {
        if let Err(error) = tell(&self.socket, &record.encode()) {
            tracing::error!(%error, "the guard process does not listen any more");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It ends when it reads the end of the stream, after it has done its duty.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Write);
        let _ = self.process.wait();
    }
}

/// One whole record, or none.
fn tell(socket: &OwnedFd, record: &[u8]) -> nix::Result<()> {
    loop {
        match send(socket.as_raw_fd(), record, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            outcome => return outcome.map(drop),
        }
    }
}
