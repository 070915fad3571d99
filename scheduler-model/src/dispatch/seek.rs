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
        ready::{Shape, ShapeId, Standing},
        task::Task,
    },
    estimate::Speeds,
    policy::Order,
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

/// A shape of which a task was refused for the sake of others.
pub(super) struct Refused {
    /// When the task would have ended; of several the earliest.
    end: Timestamp,
    /// How much had been proposed when it was found that it would fit but for the others.
    fits_at: Option<usize>,
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
        let wish = self.wish(candidate.entry.task, shape, minds);
        if minds && self.is_refused(candidate.shape, wish) {
            return None;
        }
        let found = self.seek(wish, shape, is_parked);
        if minds && found.is_none() {
            self.refuse(candidate.shape, wish);
        }
        found
    }

    fn wish(&self, at: TaskRef, shape: &'a Shape, minds: bool) -> Wish<'a> {
        Wish {
            at,
            job: self.jobs.get(at.job),
            fit: &shape.fit,
            end: self.task(at).expected_end(self.now),
            minds,
        }
    }

    fn seek(&self, wish: Wish<'a>, shape: &'a Shape, is_parked: bool) -> Option<Found> {
        let task = self.task(wish.at);
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

    /// Whether it could start somewhere if it did not mind others.
    pub(super) fn could_start(&mut self, candidate: &Candidate, shape: &'a Shape) -> bool {
        let taken = self.taken.len();
        let known = self.refused.get(&candidate.shape);
        if known.is_some_and(|refused| refused.fits_at == Some(taken)) {
            return true;
        }
        let is_parked = shape.standing() == Standing::Parked;
        if is_parked && !self.fits_freed(shape.demand()) {
            return false;
        }
        let wish = self.wish(candidate.entry.task, shape, false);
        let fits = self.is_anywhere(wish, shape, is_parked);
        if let Some(refused) = self.refused.get_mut(&candidate.shape) {
            refused.fits_at = fits.then_some(taken);
        }
        fits
    }

    /// Whether a task could start, if it minded nobody.
    pub(super) fn is_somewhere(&self, at: TaskRef, shape: &'a Shape) -> bool {
        let is_parked = shape.standing() == Standing::Parked;
        if is_parked && !self.is_room_freed(shape.demand()) {
            return false;
        }
        self.is_anywhere(self.wish(at, shape, false), shape, is_parked)
    }

    fn is_anywhere(&self, wish: Wish<'a>, shape: &'a Shape, is_parked: bool) -> bool {
        if shape.fit.gang.is_some() {
            return self.seek(wish, shape, is_parked).is_some();
        }
        let sites = shape.sites(self.nodes, &self.config.weights);
        let search = self.search(wish, self.task(wish.at), &[]);
        let allowed = |node| self.allows(wish, node);
        if is_parked {
            search.is_among(self.ready.freed.iter().copied(), &sites, allowed)
        } else {
            search.is_among_sites(&sites, allowed)
        }
    }

    /// Whether another of its shape that ends no later was refused in this round. What is kept grows and room shrinks while
    /// a round lasts, so this one would be as well. Claims are kept from all but one task.
    fn is_refused(&self, shape: ShapeId, wish: Wish<'_>) -> bool {
        let refused = self.refused.get(&shape);
        refused.is_some_and(|refused| wish.end >= refused.end && self.claims.is_empty())
    }

    fn refuse(&mut self, shape: ShapeId, wish: Wish<'_>) {
        if !self.claims.is_empty() || wish.fit.gang.is_some() {
            return;
        }
        let end = wish.end;
        let refused = self.refused.entry(shape);
        let refused = refused.or_insert(Refused { end, fits_at: None });
        refused.end = refused.end.min(end);
    }

    /// The same on one node only, for a task that has a claim on it.
    pub(super) fn find_on(&self, at: TaskRef, shape: &'a Shape, node: NodeSlot) -> Option<Found> {
        let wish = self.wish(at, shape, true);
        let sites = shape.sites(self.nodes, &self.config.weights);
        let search = self.search(wish, self.task(at), &[]);
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
        let likeness = self.payloads.likeness(task.run().payload);
        self.estimator.speeds(likeness.signature)
    }

    /// Whether a node that gave something back has room for it. Where none has, notes how much they have.
    fn fits_freed(&mut self, demand: &Resources) -> bool {
        let fits = self.is_room_freed(demand);
        if !fits && self.room.is_none() {
            self.note_room();
        }
        fits
    }

    /// It is to be found again: when something does not fit, or now, where it can save making an order.
    pub(super) fn forget_room(&mut self) {
        self.room = None;
        if self.config.policy.order() != Order::Fixed {
            self.note_room();
        }
    }

    fn note_room(&mut self) {
        let free = |slot: &NodeSlot| self.nodes.get(*slot).free();
        self.room = Some(Resources::most(self.ready.freed.iter().map(free)));
    }

    fn is_room_freed(&self, demand: &Resources) -> bool {
        let room = self.room.as_ref();
        room.is_none_or(|room| demand.fits(room)) && self.ready.fits_freed(self.nodes, demand)
    }

    /// Whether a node that has room for it may have it.
    fn allows(&self, wish: Wish<'_>, node: NodeSlot) -> bool {
        let admits = |shadow: &Shadow| shadow.admits(node, wish.end, wish.fit);
        let is_free = !wish.minds || self.kept_for_others(wish.at).all(admits);
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
