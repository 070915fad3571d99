//! What the kernel says of a process.

use std::fs;

use nix::unistd::Pid;

/// From proc_pid_stat(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) parent: Pid,
    /// It has ended, and its parent has not seen it yet.
    pub(super) is_dead: bool,
    pub(super) started: Started,
}

/// In clock ticks since the host was booted: with it a process differs from a later one of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started(u64);

/// `None` when there is none of that number.
pub(super) fn find(id: Pid) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

fn parse(stat: &str) -> Option<Process> {
    // The name, which may contain anything, stands in parentheses. The state follows as the third field.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let (state, parent) = (fields.next()?, fields.next()?);
    let started = fields.nth(17)?;
    Some(Process {
        parent: Pid::from_raw(parent.parse().ok()?),
        is_dead: matches!(state, "Z" | "X"),
        started: Started(started.parse().ok()?),
    })
}

#[cfg(test)]
impl Started {
    pub(super) fn before(self) -> Self {
        Self(self.0 - 1)
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Pid, getpid, getppid};

    use super::{Process, Started, find, parse};

    #[test]
    fn names_may_contain_anything() {
        let stat =
            "77 (a) Z (b c) S 3 77 77 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 2756608 271";
        let expected = Process {
            parent: Pid::from_raw(3),
            is_dead: false,
            started: Started(4_711),
        };
        assert_eq!(parse(stat), Some(expected));
        assert_eq!(parse("77 (a) S 3"), None);
    }

    #[test]
    fn a_process_finds_itself() {
        let own = find(getpid()).expect("it is here");
        assert_eq!((own.parent, own.is_dead), (getppid(), false));
        assert_eq!(find(getpid()), Some(own), "it starts once");
    }
}
