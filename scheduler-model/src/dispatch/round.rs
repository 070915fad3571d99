//! One round of dispatch.

use super::{
    HELD_PER_ROUND, Mode, Reservation,
    place::{is_possible, place},
    reserve::Shadow,
    walk::{Candidate, Walk},
};
use crate::{
    Decision, Placement, Resources, Timestamp,
    cluster::{
        Cluster, Config,
        jobs::{JobSlot, Jobs, TaskRef},
        node::{NodeSlot, Nodes},
        ready::{Entry, Ready, Standing},
        task::Task,
    },
};

/// With more freed nodes than this their summary is left as it was before the round, which is an upper bound.
const FREED_SUMMED: usize = 64;

/// What should start now, and where.
pub(crate) fn decide(cluster: &mut Cluster, now: Timestamp) -> Decision {
    let room = room(&cluster.ready, &cluster.nodes);
    let mut round = Round {
        ready: &cluster.ready,
        jobs: &cluster.jobs,
        nodes: &mut cluster.nodes,
        considered: &mut cluster.considered,
        config: &cluster.config,
        now,
        room,
        placements: Vec::new(),
        proposed: Vec::new(),
        taken: Vec::new(),
        blocked: None,
        shadow: None,
        held: Vec::new(),
    };
    let judged_all = round.run();
    round.undo();
    let decision = Decision {
        reserved: round.reservation(),
        placements: round.placements,
    };
    let held = round.held;
    cluster.proposed = round.proposed;
    if judged_all {
        let nodes = &cluster.nodes;
        let may_still_fit = |node: &NodeSlot| {
            held.iter()
                .any(|demand| demand.fits(&nodes.get(*node).free()))
        };
        cluster.ready.freed.retain(may_still_fit);
    }
    decision
}

/// The most of each resource that any one of the freed nodes has: what does not fit into this fits on none of them.
fn room(ready: &Ready, nodes: &Nodes) -> Resources {
    let free = ready.freed.iter().map(|slot| nodes.get(*slot).free());
    free.fold(Resources::ZERO, |room, free| room.component_max(&free))
}

struct Round<'a> {
    ready: &'a Ready,
    jobs: &'a Jobs,
    nodes: &'a mut Nodes,
    /// Whose task is being judged.
    considered: &'a mut Option<JobSlot>,
    config: &'a Config,
    now: Timestamp,
    room: Resources,
    placements: Vec<Placement>,
    /// Where each of them is in memory.
    proposed: Vec<(JobSlot, NodeSlot)>,
    /// Capacity given to proposals, to be given back at the end.
    taken: Vec<Taken>,
    /// First in order that fits nowhere now.
    blocked: Option<Entry>,
    /// What is kept for it. Found when the first task behind it asks.
    shadow: Option<Shadow>,
    /// Demands of tasks that fit but may not start.
    held: Vec<Resources>,
}

struct Taken {
    node: NodeSlot,
    demand: Resources,
    until: Timestamp,
    task: TaskRef,
}

impl<'a> Round<'a> {
    /// True when nothing more fits, except what is held; false when a bound or strict order ended the round.
    fn run(&mut self) -> bool {
        let ready = self.ready;
        let mut walk = Walk::new(ready);
        while !ready.nothing_fits(&self.room) {
            let Some(candidate) = walk.next() else {
                return true;
            };
            if self.placements.len() >= self.config.placements_per_round()
                || self.held.len() == HELD_PER_ROUND
            {
                return false;
            }
            *self.considered = Some(candidate.entry.task.job);
            let shape = ready.shape(candidate.shape);
            let (standing, demand) = (shape.standing(), shape.demand);
            if standing == Standing::Impossible {
                continue;
            }
            let backfills = self.blocked.is_some() && self.config.mode == Mode::Easy;
            if let Some(node) = self.find_node(&candidate, standing, demand, backfills) {
                self.take(&candidate, node, demand, backfills);
                walk.go_on(&candidate);
            } else if backfills && self.fits_unreserved(&candidate, standing, demand) {
                self.held.push(demand);
                walk.go_on(&candidate);
            } else {
                ready.judge(candidate.shape, self.judge_unfit(&candidate, demand));
                if self.blocked.is_some() && self.config.mode == Mode::Strict {
                    return false;
                }
            }
        }
        true
    }

    fn fits_unreserved(
        &mut self,
        candidate: &Candidate,
        standing: Standing,
        demand: Resources,
    ) -> bool {
        self.find_node(candidate, standing, demand, false).is_some()
    }

    /// Where the candidate could start: anywhere, or on what was freed if its shape fitted nowhere before. With
    /// `reserving` only where it does not delay the blocked task.
    fn find_node(
        &mut self,
        candidate: &Candidate,
        standing: Standing,
        demand: Resources,
        reserving: bool,
    ) -> Option<NodeSlot> {
        // By the shape alone where that is enough: the task itself lies somewhere cold.
        if standing == Standing::Parked && !self.fits_freed(&demand) {
            return None;
        }
        let shadow = if reserving { self.shadow() } else { None };
        let task = self.task(candidate.entry.task);
        let end = task.expected_end(self.now);
        let allowed = |node| shadow.is_none_or(|shadow| shadow.admits(node, end, &demand));
        let (nodes, policy, avoid) = (&*self.nodes, self.config.policy, task.avoid);
        if standing == Standing::Parked {
            let freed = self.ready.freed.iter().copied();
            place(nodes, freed, policy, &demand, avoid, allowed)
        } else {
            let emptiest = nodes.with_free_cpu(demand.cpu_millis);
            place(nodes, emptiest, policy, &demand, avoid, allowed)
        }
    }

    fn fits_freed(&self, demand: &Resources) -> bool {
        let mut freed = self.ready.freed.iter();
        demand.fits(&self.room) && freed.any(|slot| demand.fits(&self.nodes.get(*slot).free()))
    }

    fn take(&mut self, candidate: &Candidate, node: NodeSlot, demand: Resources, backfilled: bool) {
        let task = candidate.entry.task;
        let until = self.task(task).expected_end(self.now);
        if backfilled && let Some(shadow) = &mut self.shadow {
            shadow.take(node, until, &demand);
        }
        let name = self.nodes.update(node, |node| {
            node.used.add(&demand);
            node.held.insert((until, task));
            node.name.clone()
        });
        self.taken.push(Taken {
            node,
            demand,
            until,
            task,
        });
        if self.ready.freed.len() <= FREED_SUMMED {
            self.room = room(self.ready, self.nodes);
        }
        self.proposed.push((task.job, node));
        self.placements.push(Placement {
            job: self.jobs.get(task.job).id,
            task: task.task,
            node: name,
            rank: self.placements.len() as u32,
            backfilled,
        });
    }

    /// The first in order that fits nowhere now, but could, blocks. Those that never could block nobody.
    fn judge_unfit(&mut self, candidate: &Candidate, demand: Resources) -> Standing {
        if self.blocked.is_none() {
            if !is_possible(self.nodes, &demand) {
                return Standing::Impossible;
            }
            self.blocked = Some(candidate.entry);
        }
        Standing::Parked
    }

    /// The reservation of the blocked task, found once.
    fn shadow(&mut self) -> Option<Shadow> {
        if self.shadow.is_none() {
            let task = self.task(self.blocked?.task);
            let demand = self.ready.shape(task.run().shape).demand;
            let holds = |at| self.ready.shape(self.task(at).run().shape).demand;
            self.shadow = Shadow::find(self.nodes, self.now, &demand, holds);
        }
        self.shadow
    }

    /// Leaves the nodes as they were: nothing is decided before the cluster has validated it.
    fn undo(&mut self) {
        for Taken {
            node,
            demand,
            until,
            task,
        } in self.taken.drain(..)
        {
            self.nodes.update(node, |node| {
                node.used.subtract(&demand);
                node.held.remove(&(until, task));
            });
        }
    }

    fn reservation(&self) -> Option<Reservation> {
        let (blocked, shadow) = (self.blocked?, self.shadow?);
        Some(Reservation {
            job: self.jobs.get(blocked.task.job).id,
            task: blocked.task.task,
            node: self.nodes.get(shadow.node).name.clone(),
            start: shadow.start,
        })
    }

    fn task(&self, at: TaskRef) -> &Task {
        &self.jobs.get(at.job).tasks[at.task as usize]
    }
}
