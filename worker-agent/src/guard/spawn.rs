//! Starting a process that the guard knows before its program runs.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::Command,
    sync::Arc,
};

use nix::{
    errno::Errno,
    unistd::{Pid, getpid, setpgid},
};
use tokio::process::Child;

use super::{
    Guard, Terms,
    record::{self, Record},
    tell,
};

/// Why there is no process.
#[derive(Debug)]
pub(crate) enum NotStarted {
    /// The guard has gone: nothing may start without it.
    NoGuard,
    /// It is the program's fault, or the host's.
    Program(io::Error),
}

impl Guard {
    /// Starts it as the first process of a group of its own. With terms the group must not outlive the lease.
    pub(crate) fn spawn(
        &self,
        mut command: Command,
        terms: Option<Terms>,
    ) -> Result<Child, NotStarted> {
        let (ours, theirs) = UnixStream::pair().map_err(NotStarted::Program)?;
        self.protect(&mut command, theirs, terms);
        let mut command = tokio::process::Command::from(command);
        // Should the agent end in disorder: the guard cares for the rest of the group.
        let spawned = command.kill_on_drop(true).spawn();
        spawned.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPIPE | Errno::ECONNRESET) => NotStarted::NoGuard,
            _ => {
                if let Some(group) = named(ours) {
                    self.release(group);
                }
                NotStarted::Program(error)
            }
        })
    }

    /// Makes the child its own process group, which the guard knows before the program runs: there is no moment in
    /// which the agent could die and leave it alone. Before that the child says its number to `parent`: nobody else can,
    /// should the program not start.
    fn protect(&self, command: &mut Command, mut parent: UnixStream, terms: Option<Terms>) {
        let socket = Arc::clone(&self.socket);
        let unknown = Pid::from_raw(0);
        let mut record = match terms {
            Some(terms) => Record::Leased(unknown, terms).encode(),
            None => Record::Remember(unknown).encode(),
        };
        #[expect(unsafe_code, reason = "only a hook between fork and exec can do this")]
        // SAFETY: setpgid, getpid, write and send are async-signal-safe, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                let own = getpid();
                parent.write_all(&own.as_raw().to_ne_bytes())?;
                record::sign(&mut record, own);
                tell(&socket, &record).map_err(io::Error::from)
            });
        }
    }
}

/// The child's number, unless it did not come that far. It has ended.
fn named(mut ours: UnixStream) -> Option<Pid> {
    let mut number = [0; 4];
    ours.set_nonblocking(true).ok()?;
    ours.read_exact(&mut number).ok()?;
    Some(Pid::from_raw(i32::from_ne_bytes(number)))
}

#[cfg(test)]
mod tests;
