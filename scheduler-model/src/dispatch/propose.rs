//! What a round proposes, and how it leaves no trace.

use super::{place::Found, round::Round};
use crate::{
    Placement, Resources, RunnerUp, Score,
    cluster::{
        jobs::TaskRef,
        node::{Holding, NodeSlot},
        ready::{FREED_SEEN, Shape},
    },
};

/// Capacity given to a proposal.
pub(super) struct Taken<'a> {
    node: NodeSlot,
    demand: &'a Resources,
    pub(super) holding: Holding,
}

impl<'a> Round<'a> {
    /// Proposes that the task starts there; of a gang, that all members do.
    pub(super) fn take(
        &mut self,
        first: TaskRef,
        shape: &'a Shape,
        found: &Found,
        backfilled: bool,
    ) {
        let mut lowers_room = false;
        for (rank, (node, score)) in (0..).zip(&found.places) {
            let room = self.room.as_ref();
            let free = self.nodes.get(*node).free();
            lowers_room |= room.is_some_and(|room| free.reaches(room, shape.demand()));
            let task = TaskRef {
                task: first.task + rank,
                ..first
            };
            self.occupy(task, shape, *node);
            self.proposed.push((task.job, *node));
            let second = found.runner_up;
            self.placements.push(Placement {
                job: self.jobs.get(task.job).id,
                task: task.task,
                together: match rank {
                    0 => found.places.len() as u32,
                    _ => 1,
                },
                node: self.nodes.get(*node).name.clone(),
                rank: self.placements.len() as u32,
                backfilled,
                score: *score,
                runner_up: second.map(|(node, score)| self.runner_up(node, score)),
                compared: found.compared,
            });
        }
        if self.config.keys_change() {
            let width = shape.demand().width_millis() * found.places.len() as u64;
            *self.gained.entry(first.job).or_default() += width;
        }
        // Of many it stays as it was, which is an upper bound.
        if lowers_room && self.ready.freed.len() <= FREED_SEEN {
            self.forget_room();
        }
    }

    /// Gives it what it needs there, as far as the rest of the round is concerned.
    fn occupy(&mut self, task: TaskRef, shape: &'a Shape, node: NodeSlot) {
        let demand = shape.demand();
        let holding = Holding::of(self.jobs.get(task.job), task, self.now);
        let until = holding.until;
        if let Some(shadow) = &mut self.shadow {
            shadow.take(node, until, demand);
        }
        for claim in self.claims.iter_mut().filter(|claim| claim.task != task) {
            claim.shadow.take(node, until, demand);
        }
        self.nodes.take(node, demand);
        if let Some((_, group)) = shape.fit.apart {
            self.apart.insert((task.job, group, node));
        }
        self.taken.push(Taken {
            node,
            demand,
            holding,
        });
    }

    fn runner_up(&self, node: NodeSlot, score: Score) -> RunnerUp {
        RunnerUp {
            node: self.nodes.get(node).name.clone(),
            score,
        }
    }

    /// Nodes hold what is proposed while `ask` looks at them. Few rounds do, so they need not know otherwise.
    pub(super) fn while_held<T>(&mut self, ask: impl FnOnce(&Self) -> T) -> T {
        for taken in &self.taken {
            self.nodes.note_held(taken.node, taken.holding);
        }
        let answer = ask(self);
        for taken in &self.taken {
            self.nodes.forget_held(taken.node, taken.holding);
        }
        answer
    }

    /// Leaves the nodes as they were: nothing is decided before the cluster has validated it.
    pub(super) fn undo(&mut self) {
        for Taken { node, demand, .. } in self.taken.drain(..) {
            self.nodes.give_back(node, demand);
        }
    }
}
