//! Where a candidate could start now.

use smallvec::SmallVec;

use super::{
    place::{Found, Search},
    reserve::Shadow,
    round::Round,
    walk::Candidate,
};
use crate::{
    Resources, Timestamp,
    cluster::{
        fit::{Fit, GangFit},
        job::Job,
        jobs::TaskRef,
        node::NodeSlot,
        ready::{Shape, Standing},
        task::Task,
    },
    estimate::Speeds,
};

/// What a candidate asks of a node besides room.
#[derive(Clone, Copy)]
struct Wish<'a> {
    at: TaskRef,
    job: &'a Job,
    fit: &'a Fit,
    end: Timestamp,
    /// Whether it leaves alone what is kept for others.
    minds: bool,
}

impl<'a> Round<'a> {
    /// Where the candidate could start: anywhere, or on what was freed if its shape fitted nowhere before. If it `minds`
    /// others, only where it does not delay those for whom capacity is kept.
    pub(super) fn find(
        &mut self,
        candidate: &Candidate,
        shape: &'a Shape,
        minds: bool,
    ) -> Option<Found> {
        let is_parked = shape.standing() == Standing::Parked;
        // By the shape alone where that is enough: the task itself lies somewhere cold.
        if is_parked && !self.fits_freed(shape.demand()) {
            return None;
        }
        if minds {
            self.find_shadow();
        }
        let at = candidate.entry.task;
        let task = self.task(at);
        let wish = Wish {
            at,
            job: self.jobs.get(at.job),
            fit: &shape.fit,
            end: task.expected_end(self.now),
            minds,
        };
        let sites = shape.sites(self.nodes, &self.config.weights);
        if let Some(gang) = shape.fit.gang {
            let shunned = self.shunned(wish, gang);
            let search = self.search(wish, task, &shunned);
            return search.for_gang(gang, &sites, |node| self.room_on(wish, node));
        }
        let search = self.search(wish, task, task.avoid.as_slice());
        let allowed = |node| self.allows(wish, node);
        if is_parked {
            search.among(self.ready.freed.iter().copied(), &sites, allowed)
        } else {
            search.among_sites(&sites, allowed)
        }
    }

    /// The same on one node only, for a task that has a claim on it.
    pub(super) fn find_on(&self, at: TaskRef, shape: &'a Shape, node: NodeSlot) -> Option<Found> {
        let task = self.task(at);
        let wish = Wish {
            at,
            job: self.jobs.get(at.job),
            fit: &shape.fit,
            end: task.expected_end(self.now),
            minds: true,
        };
        let sites = shape.sites(self.nodes, &self.config.weights);
        let search = self.search(wish, task, &[]);
        search.among([node].into_iter(), &sites, |node| self.allows(wish, node))
    }

    fn search<'s>(&'s self, wish: Wish<'s>, task: &Task, shunned: &'s [NodeSlot]) -> Search<'s> {
        Search {
            nodes: self.nodes,
            weights: &self.config.weights,
            demand: &wish.fit.demand,
            constraints: &wish.fit.constraints,
            priority: wish.job.priority,
            shunned,
            near: wish.job.near,
            speeds: self.speeds(task),
        }
    }

    /// Where members of a gang were lost.
    fn shunned(&self, wish: Wish<'_>, gang: GangFit) -> SmallVec<[NodeSlot; 4]> {
        let first = wish.at.task as usize;
        let members = &wish.job.tasks[first..first + gang.size as usize];
        let mut shunned: SmallVec<_> = members.iter().filter_map(|member| member.avoid).collect();
        shunned.sort_unstable();
        shunned.dedup();
        shunned
    }

    /// How fast nodes are at a task.
    fn speeds(&self, task: &Task) -> Speeds<'a> {
        let expected = self.payloads.expected(task.run().payload);
        self.estimator.speeds(expected.signature)
    }

    fn fits_freed(&self, demand: &Resources) -> bool {
        let mut freed = self.ready.freed.iter();
        demand.fits(&self.room) && freed.any(|slot| demand.fits(self.nodes.get(*slot).free()))
    }

    /// Whether a node that has room for it may have it.
    fn allows(&self, wish: Wish<'_>, node: NodeSlot) -> bool {
        let mut kept = self.kept_for_others(wish.at);
        let is_free = !wish.minds || kept.all(|shadow| shadow.admits(node, wish.end, wish.fit));
        is_free && self.keeps_apart(wish.at, wish.fit, node)
    }

    /// How many members of a gang a node may have.
    fn room_on(&self, wish: Wish<'_>, node: NodeSlot) -> u32 {
        let on = self.nodes.get(node);
        if wish.fit.constraints.avoids(&on.name) || !self.keeps_apart(wish.at, wish.fit, node) {
            return 0;
        }
        let room = wish.fit.room(on.free());
        if !wish.minds {
            return room;
        }
        let kept = self.kept_for_others(wish.at);
        kept.fold(room, |room, shadow| {
            shadow.room(node, wish.end, wish.fit, room)
        })
    }

    fn kept_for_others(&self, at: TaskRef) -> impl Iterator<Item = &Shadow> {
        let claims = self.claims.iter().filter(move |claim| claim.task != at);
        self.shadow.iter().chain(claims.map(|claim| &claim.shadow))
    }

    /// Whether no other of its group is on the node, or would be.
    pub(super) fn keeps_apart(&self, at: TaskRef, fit: &Fit, node: NodeSlot) -> bool {
        fit.apart.is_none_or(|(_, group)| {
            !self.jobs.get(at.job).is_apart_from(group, node)
                && !self.apart.contains(&(at.job, group, node))
        })
    }
}
