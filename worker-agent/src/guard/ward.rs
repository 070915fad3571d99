//! What the guard has to end, and when.

use std::{collections::BTreeMap, path::PathBuf};

use drover_model::session::Elapsed;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{
    process::{self, Process, Started},
    record::{Lease, Record, Terms},
};
use crate::{cgroup, process::signal_group};

#[derive(Debug)]
pub(super) struct Ward {
    agent: Pid,
    /// When the first process of each has started; `None` where it was gone already.
    groups: BTreeMap<Pid, Option<Started>>,
    /// Those of them that must not outlive the lease.
    leased: BTreeMap<Pid, Leased>,
    lease: Option<Lease>,
    cgroup: Option<PathBuf>,
}

#[derive(Debug)]
struct Leased {
    terms: Terms,
    stage: Stage,
}

/// What it was sent. A later lease does not undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Runs,
    /// SIGTERM, by the agent.
    Terminated,
    /// SIGTERM, by the guard. SIGKILL is due then.
    Fenced {
        kill_at: Elapsed,
    },
    Killed,
}

/// What is due for one group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) group: Pid,
    signal: Signal,
    /// The agent has to hear of it.
    pub(super) is_news: bool,
    cgroup: Option<PathBuf>,
}

impl Ward {
    pub(super) fn of(agent: Pid) -> Self {
        Self {
            agent,
            groups: BTreeMap::new(),
            leased: BTreeMap::new(),
            lease: None,
            cgroup: None,
        }
    }

    pub(super) fn note(&mut self, record: Record) {
        match record {
            Record::Cgroup(path) => self.cgroup = Some(path),
            Record::Remember(group) => self.remember(group),
            Record::Leased(group, terms) => {
                self.remember(group);
                let stage = Stage::Runs;
                self.leased.insert(group, Leased { terms, stage });
            }
            Record::Terminated(group) => {
                if let Some(leased) = self.leased.get_mut(&group) {
                    leased.become_terminated();
                }
            }
            Record::Forget(group) => {
                self.groups.remove(&group);
                self.leased.remove(&group);
            }
            Record::Lease(lease) => self.lease = Some(lease),
        }
    }

    fn remember(&mut self, group: Pid) {
        let first = process::find(group);
        self.groups.insert(group, first.map(|first| first.started));
        // Of another one that had this number.
        self.leased.remove(&group);
    }

    /// When [`Ward::due`] has something next, unless a record changes that.
    pub(super) fn next(&self) -> Option<Elapsed> {
        let lease = self.lease?;
        self.leased
            .values()
            .filter_map(|leased| leased.next(lease))
            .min()
    }

    /// What has to be done by now. It is given out once.
    pub(super) fn due(&mut self, now: Elapsed) -> Vec<Fence> {
        let Some(lease) = self.lease else {
            return Vec::new();
        };
        let due = self.leased.iter_mut().filter_map(|(group, leased)| {
            let is_news = leased.is_news();
            Some(Fence {
                group: *group,
                signal: leased.act(lease, now)?,
                is_news,
                cgroup: leased.terms.cgroup.clone(),
            })
        });
        let mut due: Vec<_> = due.collect();
        due.retain_mut(|fence| {
            let Some(first) = self.first_process(fence.group) else {
                return false;
            };
            // An attempt that has ended by itself was not fenced. What it left ends now.
            if first.is_dead {
                fence.signal = Signal::SIGKILL;
                fence.is_news = false;
            }
            true
        });
        due
    }

    /// Until the agent has seen its end, and may have ended the rest of the group. Processes are collected by the agent,
    /// whose children they are: while it is frozen, their numbers stay theirs.
    fn first_process(&self, group: Pid) -> Option<Process> {
        let started = (*self.groups.get(&group)?)?;
        let first = process::find(group)?;
        (first.parent == self.agent && first.started == started).then_some(first)
    }

    /// The agent has gone.
    pub(super) fn kill(self) {
        for (group, started) in self.groups {
            match process::find(group) {
                // No other process has the number as long as any has it as its group.
                None => {
                    let _ = killpg(group, Signal::SIGKILL);
                }
                Some(first) if started == Some(first.started) => {
                    signal_group(group, Signal::SIGKILL);
                }
                // A stranger.
                Some(_) => {}
            }
        }
        if let Some(path) = self.cgroup {
            cgroup::destroy(&path);
        }
    }
}

impl Leased {
    fn become_terminated(&mut self) {
        if self.stage == Stage::Runs {
            self.stage = Stage::Terminated;
        }
    }

    /// True as long as the guard has done nothing.
    fn is_news(&self) -> bool {
        matches!(self.stage, Stage::Runs | Stage::Terminated)
    }

    /// The agent comes first, if it can, so that programs hear of their end once.
    fn terminate_at(&self, lease: Lease) -> Elapsed {
        after(lease, self.grace_ms(lease) / 4)
    }

    fn kill_at(&self, lease: Lease) -> Elapsed {
        match self.stage {
            Stage::Fenced { kill_at } => kill_at,
            _ => after(lease, self.grace_ms(lease)),
        }
    }

    fn grace_ms(&self, lease: Lease) -> u32 {
        self.terms.grace_ms.min(lease.fence_grace_ms)
    }

    fn next(&self, lease: Lease) -> Option<Elapsed> {
        match self.stage {
            Stage::Runs => Some(self.terminate_at(lease)),
            Stage::Terminated | Stage::Fenced { .. } => Some(self.kill_at(lease)),
            Stage::Killed => None,
        }
    }

    fn act(&mut self, lease: Lease, now: Elapsed) -> Option<Signal> {
        if self.next(lease)? > now {
            return None;
        }
        let kill_at = self.kill_at(lease);
        if kill_at <= now {
            self.stage = Stage::Killed;
            Some(Signal::SIGKILL)
        } else {
            self.stage = Stage::Fenced { kill_at };
            Some(Signal::SIGTERM)
        }
    }
}

fn after(lease: Lease, milliseconds: u32) -> Elapsed {
    let Elapsed(end) = lease.end;
    Elapsed(end.saturating_add(u64::from(milliseconds)))
}

impl Fence {
    /// Of what leaves its group, only SIGKILL is certain to find the way.
    pub(super) fn perform(&self) {
        signal_group(self.group, self.signal);
        if let Some(cgroup) = &self.cgroup
            && self.signal == Signal::SIGKILL
        {
            cgroup::kill_all(cgroup);
        }
    }
}

#[cfg(test)]
mod tests;
