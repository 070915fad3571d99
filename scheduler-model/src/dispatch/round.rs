//! One round of dispatch.

use super::{
    HELD_PER_ROUND, Mode, PLACEMENTS_PER_ROUND, Reservation,
    place::{is_possible, place},
    reserve::Shadow,
    walk::{Candidate, Walk},
};
use crate::{
    Decision, Placement, Resources, Timestamp,
    cluster::{
        Cluster, Config,
        jobs::{Jobs, TaskRef},
        node::{NodeSlot, Nodes},
        ready::{Entry, Ready, ShapeId, Standing},
        task::Task,
    },
};

/// What should start now, and where.
pub(crate) fn decide(cluster: &mut Cluster, now: Timestamp) -> Decision {
    let blocked = find_blocked(&mut cluster.ready, &cluster.nodes);
    let mut round = Round {
        ready: &cluster.ready,
        jobs: &cluster.jobs,
        nodes: &mut cluster.nodes,
        config: &cluster.config,
        now,
        placements: Vec::new(),
        taken: Vec::new(),
        shut: Vec::new(),
        blocked,
        shadow: None,
        held: 0,
    };
    round.run();
    round.undo();
    let decision = Decision {
        reserved: round.reservation(),
        placements: round.placements,
    };
    for (shape, standing) in round.shut {
        cluster.ready.set_standing(shape, standing);
    }
    decision
}

/// The first parked task in order, if it could ever start. Those that could not are marked so and block nobody.
fn find_blocked(ready: &mut Ready, nodes: &Nodes) -> Option<Entry> {
    loop {
        let (entry, shape) = ready.first_parked()?;
        if is_possible(nodes, &ready.shape(shape).demand) {
            return Some(entry);
        }
        ready.set_standing(shape, Standing::Impossible);
    }
}

struct Round<'a> {
    ready: &'a Ready,
    jobs: &'a Jobs,
    nodes: &'a mut Nodes,
    config: &'a Config,
    now: Timestamp,
    placements: Vec<Placement>,
    /// Capacity given to proposals, to be given back at the end.
    taken: Vec<Taken>,
    /// Shapes found to fit nowhere.
    shut: Vec<(ShapeId, Standing)>,
    /// First in order that fits nowhere now.
    blocked: Option<Entry>,
    /// What is kept for it. Found when the first task behind it asks.
    shadow: Option<Shadow>,
    /// Tasks that fit but may not start.
    held: usize,
}

struct Taken {
    node: NodeSlot,
    demand: Resources,
    until: Timestamp,
    task: TaskRef,
}

/// What became of a candidate.
enum Verdict {
    Placed,
    /// Fits, but would delay the reservation.
    Held,
    /// No node has room for its shape.
    Shut,
}

impl Round<'_> {
    fn run(&mut self) {
        let mut walk = Walk::new(self.ready);
        while self.placements.len() < PLACEMENTS_PER_ROUND && self.held < HELD_PER_ROUND {
            let Some(candidate) = walk.next() else { return };
            let behind = self
                .blocked
                .is_some_and(|blocked| blocked < candidate.entry);
            if behind && self.config.mode == Mode::Strict {
                return;
            }
            if self.shut.iter().any(|(shape, _)| *shape == candidate.shape) {
                continue;
            }
            match self.judge(&candidate, behind && self.config.mode == Mode::Easy) {
                Verdict::Placed => walk.go_on(candidate),
                Verdict::Held => {
                    self.held += 1;
                    walk.go_on(candidate);
                }
                Verdict::Shut => self.shut(&candidate),
            }
        }
    }

    fn judge(&mut self, candidate: &Candidate<'_>, backfills: bool) -> Verdict {
        let demand = self.ready.shape(candidate.shape).demand;
        let task = self.task(candidate.entry.task);
        let (avoid, end) = (task.avoid, self.expected_end(task));
        let shadow = if backfills { self.shadow() } else { None };
        let policy = self.config.policy;
        let admitted = |node| shadow.is_none_or(|shadow| shadow.admits(node, end, &demand));
        if let Some(node) = place(self.nodes, policy, &demand, avoid, admitted) {
            self.take(candidate, node, end, demand, backfills);
            Verdict::Placed
        } else if shadow.is_some() && place(self.nodes, policy, &demand, avoid, |_| true).is_some()
        {
            Verdict::Held
        } else {
            Verdict::Shut
        }
    }

    fn take(
        &mut self,
        candidate: &Candidate<'_>,
        node: NodeSlot,
        until: Timestamp,
        demand: Resources,
        backfilled: bool,
    ) {
        if backfilled && let Some(shadow) = &mut self.shadow {
            shadow.take(node, until, &demand);
        }
        let task = candidate.entry.task;
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
        self.placements.push(Placement {
            job: candidate.entry.job,
            task: candidate.entry.place,
            node: name,
            rank: self.placements.len() as u32,
            backfilled,
        });
    }

    fn shut(&mut self, candidate: &Candidate<'_>) {
        let demand = self.ready.shape(candidate.shape).demand;
        if !is_possible(self.nodes, &demand) {
            self.shut.push((candidate.shape, Standing::Impossible));
            return;
        }
        self.shut.push((candidate.shape, Standing::Parked));
        if self.blocked.is_none_or(|blocked| candidate.entry < blocked) {
            self.blocked = Some(candidate.entry);
            self.shadow = None;
        }
    }

    /// The reservation of the blocked task, found once.
    fn shadow(&mut self) -> Option<Shadow> {
        if self.shadow.is_none() {
            let task = self.task(self.blocked?.task);
            let demand = self.ready.shape(task.shape).demand;
            let holds = |at| self.ready.shape(self.task(at).shape).demand;
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
            job: blocked.job,
            task: blocked.place,
            node: self.nodes.get(shadow.node).name.clone(),
            start: shadow.start,
        })
    }

    fn task(&self, at: TaskRef) -> &Task {
        &self.jobs.get(at.job).tasks[at.task as usize]
    }

    fn expected_end(&self, task: &Task) -> Timestamp {
        self.now
            .plus_ms(task.timeout_ms.unwrap_or(task.estimate_ms))
    }
}
