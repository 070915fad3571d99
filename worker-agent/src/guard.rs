//! The guard: a tiny process that kills the process groups of an agent that has gone.
//!
//! It reads records from a socket that the agent and its children, before they execute their program, hold open. When the
//! last of them is gone it reads the end of the stream, sends SIGKILL to every group that is still registered, and
//! ends. It lives in a session of its own, so that what a terminal sends to the agent does not reach it.

use std::{
    collections::BTreeSet,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitCode, Stdio},
    sync::Arc,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{SigHandler, Signal, killpg, signal},
        socket::{
            AddressFamily, MsgFlags, SockFlag, SockType, recv, send, setsockopt, socketpair,
            sockopt,
        },
    },
    unistd::{Pid, getpid, setpgid, setsid},
};

use crate::{AgentError, GuardCommand};

/// A group id to remember; its negative to forget.
type Record = [u8; 4];

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
    let stdin = io::stdin().as_raw_fd();
    let mut groups = BTreeSet::new();
    let mut record = Record::default();
    loop {
        match recv(stdin, &mut record, MsgFlags::empty()) {
            Ok(4) => {
                let group = i32::from_ne_bytes(record);
                if group > 0 {
                    groups.insert(group);
                } else {
                    groups.remove(&-group);
                }
            }
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => break,
        }
    }
    for group in groups {
        // It may have gone by itself.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    ExitCode::SUCCESS
}

/// The agent's end. When it is dropped, with all that was registered, the guard acts.
#[derive(Debug)]
pub(crate) struct Guard {
    socket: Arc<OwnedFd>,
    process: Child,
}

impl Guard {
    pub(crate) fn start(command: &GuardCommand) -> Result<Self, AgentError> {
        Self::launch(command).map_err(|source| AgentError::Guard {
            program: command.program.clone(),
            source,
        })
    }

    fn launch(command: &GuardCommand) -> io::Result<Self> {
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
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[expect(unsafe_code, reason = "only a hook between fork and exec can do this")]
        // SAFETY: setsid is async-signal-safe, and nothing is allocated.
        unsafe {
            guard.pre_exec(|| setsid().map(drop).map_err(io::Error::from));
        }
        Ok(Self {
            process: guard.spawn()?,
            socket: Arc::new(ours),
        })
    }

    /// Makes the child its own process group, which the guard knows before the program runs: there is no moment in
    /// which the agent could die and leave it alone.
    pub(crate) fn protect(&self, command: &mut Command) {
        let socket = Arc::clone(&self.socket);
        #[expect(unsafe_code, reason = "only a hook between fork and exec can do this")]
        // SAFETY: setpgid, getpid and send are async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                tell(&socket, getpid().as_raw()).map_err(io::Error::from)
            });
        }
    }

    /// The group has ended; its number may be used again by others.
    pub(crate) fn release(&self, group: Pid) {
        if let Err(error) = tell(&self.socket, -group.as_raw()) {
            tracing::error!(%error, "the guard process does not listen any more");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It ends when it reads the end of the stream, after it has done its duty.
        let _ =
            nix::sys::socket::shutdown(self.socket.as_raw_fd(), nix::sys::socket::Shutdown::Write);
        let _ = self.process.wait();
    }
}

/// One whole record, or none.
fn tell(socket: &OwnedFd, group: i32) -> nix::Result<()> {
    loop {
        match send(
            socket.as_raw_fd(),
            &group.to_ne_bytes(),
            MsgFlags::MSG_NOSIGNAL,
        ) {
            Err(Errno::EINTR) => {}
            outcome => return outcome.map(drop),
        }
    }
}
