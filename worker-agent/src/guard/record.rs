//! What the agent and its children tell the guard, one record in one packet, and what the guard answers.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use drover_model::session::Elapsed;
use nix::unistd::Pid;

/// PATH_MAX, and what stands before a path.
pub(super) const LONGEST: usize = 4_096 + 9;

/// Groups that fit into one answer.
pub(super) const GROUPS_PER_ANSWER: usize = LONGEST / 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The cgroup of the agent's processes, without which there is none of any attempt.
    Cgroup(PathBuf),
    /// A process group that must not outlive the agent.
    Remember(Pid),
    /// One that must not outlive the agent's lease either.
    Leased(Pid, Terms),
    /// The agent has sent SIGTERM to it.
    Terminated(Pid),
    /// It has ended; its number may be used again by others.
    Forget(Pid),
    Lease(Lease),
}

/// How a leased group is ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) grace_ms: u32,
    /// Where more of it can be.
    pub(crate) cgroup: Option<PathBuf>,
}

/// Of the agent, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) end: Elapsed,
    /// Longest time from there to SIGKILL.
    pub(crate) fence_grace_ms: u32,
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Cgroup(path) => [b"c", path.as_os_str().as_bytes()].concat(),
            Self::Remember(group) => of_group(b'+', *group).into(),
            Self::Leased(group, terms) => {
                let cgroup = terms.cgroup.as_deref().unwrap_or(Path::new(""));
                let mut record = of_group(b's', *group).to_vec();
                record.extend(terms.grace_ms.to_ne_bytes());
                record.extend(cgroup.as_os_str().as_bytes());
                record
            }
            Self::Terminated(group) => of_group(b't', *group).into(),
            Self::Forget(group) => of_group(b'-', *group).into(),
            Self::Lease(Lease {
                end: Elapsed(end),
                fence_grace_ms,
            }) => {
                let mut record = b"l".to_vec();
                record.extend(end.to_ne_bytes());
                record.extend(fence_grace_ms.to_ne_bytes());
                record
            }
        }
    }

    /// `None` for one that is no record.
    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let (kind, content) = record.split_first()?;
        Some(match kind {
            b'c' => Self::Cgroup(path(content)),
            b'+' => Self::Remember(group(content)?.0),
            b's' => {
                let (group, content) = group(content)?;
                let (grace_ms, cgroup) = content.split_first_chunk()?;
                let terms = Terms {
                    grace_ms: u32::from_ne_bytes(*grace_ms),
                    cgroup: (!cgroup.is_empty()).then(|| path(cgroup)),
                };
                Self::Leased(group, terms)
            }
            b't' => Self::Terminated(group(content)?.0),
            b'-' => Self::Forget(group(content)?.0),
            b'l' => {
                let (end, fence_grace_ms) = content.split_first_chunk()?;
                Self::Lease(Lease {
                    end: Elapsed(u64::from_ne_bytes(*end)),
                    fence_grace_ms: u32::from_ne_bytes(fence_grace_ms.try_into().ok()?),
                })
            }
            _ => return None,
        })
    }
}

/// Fills in the group of a record that a child sends of itself. Allocates nothing.
pub(super) fn sign(record: &mut [u8], group: Pid) {
    record[1..5].copy_from_slice(&group.as_raw().to_ne_bytes());
}

/// The groups that the guard is about to signal, since the lease is over.
pub(super) fn answer(fenced: &[Pid]) -> Vec<u8> {
    let numbers = fenced.iter().flat_map(|group| group.as_raw().to_ne_bytes());
    numbers.collect()
}

pub(super) fn fenced(answer: &[u8]) -> impl Iterator<Item = Pid> {
    let (numbers, _) = answer.as_chunks();
    numbers
        .iter()
        .map(|number| Pid::from_raw(i32::from_ne_bytes(*number)))
}

fn of_group(kind: u8, group: Pid) -> [u8; 5] {
    let mut record = [kind, 0, 0, 0, 0];
    sign(&mut record, group);
    record
}

fn group(content: &[u8]) -> Option<(Pid, &[u8])> {
    let (number, rest) = content.split_first_chunk()?;
    Some((Pid::from_raw(i32::from_ne_bytes(*number)), rest))
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use drover_model::session::Elapsed;
    use nix::unistd::Pid;

    use super::{Lease, Record, Terms, answer, fenced, sign};

    #[test]
    fn records_are_read_as_they_were_written() {
        let group = Pid::from_raw(70_000);
        let terms = |cgroup: Option<&str>| Terms {
            grace_ms: 5_000,
            cgroup: cgroup.map(Into::into),
        };
        for record in [
            Record::Cgroup("/sys/fs/cgroup/a b".into()),
            Record::Remember(group),
            Record::Leased(group, terms(None)),
            Record::Leased(group, terms(Some("/sys/fs/cgroup/a b/1"))),
            Record::Terminated(group),
            Record::Forget(group),
            Record::Lease(Lease {
                end: Elapsed(1 << 40),
                fence_grace_ms: 2_500,
            }),
        ] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        for broken in [&b""[..], b"?", b"+12", b"s12345678"[..8].as_ref(), b"l1"] {
            assert_eq!(Record::decode(broken), None);
        }
    }

    #[test]
    fn a_child_signs_its_record() {
        let unsigned = Record::Leased(Pid::from_raw(0), Terms::default());
        let mut record = unsigned.encode();
        sign(&mut record, Pid::from_raw(7));
        let signed = Record::Leased(Pid::from_raw(7), Terms::default());
        assert_eq!(Record::decode(&record), Some(signed));
    }

    #[test]
    fn answers_name_groups() {
        let groups = [1, 70_000].map(Pid::from_raw);
        assert!(fenced(&answer(&groups)).eq(groups));
    }
}
