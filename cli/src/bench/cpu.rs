//! CPU time by process, from `/proc`.

use std::{
    collections::BTreeMap,
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use nix::unistd::{SysconfVar, sysconf};

use super::error::BenchError;

/// Processes whose time counts as one.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// With what they waited for.
    Processes(Vec<u32>),
    /// A server with its children: a process for each connection, and the writers.
    Tree(u32),
}

/// CPU time that groups of processes have used since they started.
pub(crate) struct Snapshot {
    micros: BTreeMap<&'static str, u64>,
}

impl Snapshot {
    pub(crate) fn take(groups: &[(&'static str, Group)]) -> Result<Self, BenchError> {
        let micros = groups
            .iter()
            .map(|(name, group)| Ok((*name, used_micros(group)?)))
            .collect::<Result<_, BenchError>>()?;
        Ok(Self { micros })
    }

    /// CPU time of every group from `self` to `later`, in microseconds.
    pub(crate) fn until(&self, later: &Self) -> BTreeMap<&'static str, u64> {
        let used = |name: &&'static str| self.micros.get(*name).copied().unwrap_or(0);
        let micros = later.micros.iter();
        micros
            .map(|(name, micros)| (*name, micros.saturating_sub(used(name))))
            .collect()
    }
}

/// A process's line in `/proc/PID/stat` (proc_pid_stat(5)).
struct Stat {
    parent: u32,
    own_ticks: u64,
    /// Of children that have ended and were waited for.
    waited_ticks: u64,
}

fn used_micros(group: &Group) -> Result<u64, BenchError> {
    let ticks = match group {
        Group::Processes(pids) => {
            let mut ticks = 0;
            for pid in pids {
                let stat = read_stat(*pid)?;
                ticks += stat.own_ticks + stat.waited_ticks;
            }
            ticks
        }
        Group::Tree(root) => {
            let root_stat = read_stat(*root)?;
            let children = pids().filter(|pid| pid != root).filter_map(|pid| {
                // A process may end between the listing and the reading; its time is then the root's.
                let stat = read_stat(pid).ok()?;
                (stat.parent == *root).then_some(stat.own_ticks + stat.waited_ticks)
            });
            children.sum::<u64>() + root_stat.own_ticks + root_stat.waited_ticks
        }
    };
    Ok(ticks * 1_000_000 / ticks_per_second())
}

fn ticks_per_second() -> u64 {
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    ticks
        .and_then(|ticks| u64::try_from(ticks).ok())
        .unwrap_or(100)
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn read_stat(pid: u32) -> Result<Stat, BenchError> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    let text =
        fs::read_to_string(&path).map_err(BenchError::io(format!("read {}", path.display())))?;
    parse_stat(&text).ok_or_else(|| BenchError::Proc {
        path,
        problem: format!("not understood: {text}"),
    })
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name in brackets may hold blanks and brackets.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own_ticks: number(11)? + number(12)?,
        waited_ticks: number(13)? + number(14)?,
    })
}

/// The process that listens on this TCP port of this machine, as far as it can be seen: only the superuser sees the
/// sockets of other users' processes. Children of a server that inherited the socket are passed over for their parent.
pub(crate) fn listener(port: u16) -> Option<u32> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holders: Vec<u32> = pids()
        .filter(|pid| holds(*pid, &sockets).unwrap_or(false))
        .collect();
    let is_child = |pid: &u32| read_stat(*pid).is_ok_and(|stat| holders.contains(&stat.parent));
    holders.iter().find(|pid| !is_child(pid)).copied()
}

fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 9 && row[1].ends_with(&suffix) && row[3] == LISTEN)
        .map(|row| row[9].to_owned())
        .collect()
}

fn holds(pid: u32, sockets: &[String]) -> io::Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let target = fs::read_link(entry?.path());
        if target.is_ok_and(|target| sockets.iter().any(|socket| target == Path::new(socket))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True for the addresses of this machine that a benchmark would use.
pub(crate) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_read_over() {
        let stat = parse_stat("7 (a b) c) S 3 7 7 0 -1 0 0 0 0 0 100 20 3 4 20 0 1 0")
            .expect("a stat line");
        assert_eq!(
            (stat.parent, stat.own_ticks, stat.waited_ticks),
            (3, 120, 7)
        );
    }

    #[test]
    fn the_listener_of_a_port_is_found() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        assert_eq!(listener(port), Some(std::process::id()));
        drop(socket);
        assert_eq!(listener(port), None);
    }

    #[test]
    fn work_is_seen() {
        let groups = [("self", Group::Processes(vec![std::process::id()]))];
        let before = Snapshot::take(&groups).expect("own times");
        let mut after = Snapshot::take(&groups).expect("own times");
        let mut sum = 0_u64;
        while before.until(&after)["self"] == 0 {
            sum = std::hint::black_box((0..1_000_000_u64).fold(sum, u64::wrapping_add));
            after = Snapshot::take(&groups).expect("own times");
        }
        assert!(after.micros["self"] > before.micros["self"]);
    }
}
