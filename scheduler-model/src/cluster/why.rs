//! Why a task that could start does not.

use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
};

use super::{Cluster, facts::facts, fit::Fit, job::Job, jobs::TaskRef, node::Node, ready::Entry};
use crate::{
    PendingReason, Position, Resource, Resources, Timestamp, Unmet,
    dispatch::{Reservation, expected_reservation},
    policy::Order,
};

/// What the parts of one answer share.
#[derive(Debug)]
pub(super) struct Inquiry {
    /// How many more tasks have their place counted.
    pub(super) positions: Cell<usize>,
    /// Found when the first part needs it.
    reservation: OnceCell<Option<Reservation>>,
}

impl Inquiry {
    pub(super) fn new(positions: usize) -> Self {
        Self {
            positions: Cell::new(positions),
            reservation: OnceCell::new(),
        }
    }
}

impl Cluster {
    /// Of a queued task. The first member of a gang is queued for all of them.
    pub(super) fn why_queued(
        &self,
        now: Timestamp,
        at: TaskRef,
        inquiry: &Inquiry,
    ) -> PendingReason {
        let job = self.jobs.get(at.job);
        let shape = job.tasks[at.task as usize].run().shape;
        let fit = &self.ready.shape(shape).fit;
        if !fit.is_possible(&self.nodes) {
            return self.why_impossible(fit);
        }
        match self.preempting.victims(at) {
            0 => {}
            victims => return PendingReason::Preempts { victims },
        }
        let entry = self.jobs.entry(at).expect("a queued task is in the index");
        let position = self.position(now, &entry, inquiry);
        match self.lacks_now(job, fit) {
            Some(Lack::Apart(group)) => return PendingReason::Apart { group },
            Some(Lack::Capacity(resource)) => {
                let reservation = self.reservation(now, inquiry);
                let its = reservation.filter(|held| (held.job, held.task) == (job.id, at.task));
                return PendingReason::WaitsForCapacity {
                    resource,
                    position,
                    reserved: its.map(|held| (held.nodes.clone(), held.start.max(now))),
                };
            }
            None => {}
        }
        match &self.reservation {
            Some(held) if (held.job, held.task) != (job.id, at.task) => {
                PendingReason::HeldForReservation {
                    job: held.job,
                    task: held.task,
                }
            }
            _ => PendingReason::Outranked {
                position,
                policy: Arc::clone(&self.policy_name),
            },
        }
    }

    /// That of the last round; else, as nobody came behind the first that waits for capacity, what that one would have.
    pub(super) fn reservation<'a>(
        &'a self,
        now: Timestamp,
        inquiry: &'a Inquiry,
    ) -> Option<&'a Reservation> {
        let expect = || expected_reservation(self, now);
        let noted = self.reservation.as_ref();
        noted.or_else(|| inquiry.reservation.get_or_init(expect).as_ref())
    }

    fn position(&self, now: Timestamp, entry: &Entry, inquiry: &Inquiry) -> Option<Position> {
        let left = inquiry.positions.get().checked_sub(1)?;
        inquiry.positions.set(left);
        let limit = Position::LIMIT as usize;
        let before = match self.config.policy.order() {
            Order::Fixed => self.ready.count_before(entry, limit),
            // What a node's score would be, or that of a window, takes a round to know.
            Order::Scored | Order::Window => return None,
            _ if self.ready.len() > limit => limit,
            _ => self.count_ranked_before(now, entry),
        };
        Some(Position(before as u32 + 1))
    }

    /// The same where keys change: by looking at all that wait.
    fn count_ranked_before(&self, now: Timestamp, entry: &Entry) -> usize {
        let rank = |entry: &Entry| {
            let facts = || facts(&self.jobs, &self.ready, entry.task, now);
            entry.ranked(&*self.config.policy, facts)
        };
        let own = rank(entry);
        let entries = self.ready.entries();
        entries.filter(|(.., other)| rank(other) < own).count()
    }

    /// The nodes that get new work could not hold it, were they empty.
    fn why_impossible(&self, fit: &Fit) -> PendingReason {
        let nodes = self.nodes.iter().map(|(_, node)| node);
        let connected: Vec<&Node> = nodes.filter(|node| node.session().is_some()).collect();
        if !fit.is_possible_on(connected.iter().copied()) {
            return fit.why_not_on(&connected);
        }
        let kept_from_work = connected.iter();
        let kept_from_work: Vec<_> = kept_from_work
            .filter(|node| fit.admits(node) && !node.is_eligible())
            .collect();
        let released = kept_from_work.iter().filter(|node| node.is_quarantined());
        match released.filter_map(|node| node.quarantined_until).min() {
            Some(until) => PendingReason::Quarantined { until },
            None => PendingReason::Draining {
                nodes: kept_from_work.len() as u32,
            },
        }
    }

    /// What the node that comes nearest lacks, for one more member of a gang; `None` when nothing lacks.
    fn lacks_now(&self, job: &Job, fit: &Fit) -> Option<Lack> {
        let admitting = self.nodes.eligible().filter(|(_, node)| fit.admits(node));
        let rooms = admitting.map(|(slot, node)| match fit.apart {
            Some((_, group)) if job.is_apart_from(group, slot) => (node, 0),
            _ => (node, fit.room(node.free())),
        });
        let rooms: Vec<(&Node, u32)> = rooms.collect();
        if fit.fitting(rooms.iter().copied()) == fit.size() {
            return None;
        }
        let lacks = rooms.iter().map(|(node, room)| {
            let taken = fit.demand.saturating_mul(*room);
            let left = node.free().saturating_sub(&taken);
            match (fit.demand.exceeds(&left), fit.apart) {
                (None, Some((_, group))) => Lack::Apart(group),
                (lack, _) => Lack::Capacity(lack.unwrap_or(Resource::Cpu)),
            }
        });
        lacks.max()
    }
}

/// What keeps a task from a node that could hold it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Lack {
    Capacity(Resource),
    Apart(u32),
}

impl Fit {
    /// Why these nodes could not hold it, were they empty.
    pub(super) fn why_not_on(&self, nodes: &[&Node]) -> PendingReason {
        let admitting = nodes.iter().filter(|node| self.admits(node));
        let fitting = self.fitting(admitting.map(|node| (*node, self.room(&node.capacity))));
        if fitting > 0 {
            return PendingReason::GangTooLarge {
                size: self.size(),
                fitting,
            };
        }
        let unmet = nodes.iter().filter_map(|node| self.unmet(node));
        let unmet: Vec<Unmet> = unmet.collect();
        if let Some(most) = unmet.iter().max().filter(|_| unmet.len() == nodes.len()) {
            return PendingReason::ConstraintUnmet {
                unmet: most.clone(),
                nodes: unmet.len() as u32,
            };
        }
        let mut meeting = nodes.iter().filter(|node| self.unmet(node).is_none());
        let Some(first) = meeting.next() else {
            return PendingReason::NoNodes;
        };
        too_small(&self.demand, first, meeting.copied())
    }
}

/// Each kind alone may fit somewhere, only not together: then it is what the node with most cpu lacks.
fn too_small<'a>(
    demand: &Resources,
    first: &'a Node,
    others: impl Iterator<Item = &'a Node> + Clone,
) -> PendingReason {
    let all = others.map(|node| &node.capacity);
    let largest = Resources::most(all.clone().chain([&first.capacity]));
    let roomiest = all.fold(&first.capacity, |roomiest, other| {
        match other.cpu_millis >= roomiest.cpu_millis {
            true => other,
            false => roomiest,
        }
    });
    let resource = demand
        .exceeds(&largest)
        .or_else(|| demand.exceeds(roomiest))
        .unwrap_or(Resource::Cpu);
    PendingReason::NoNodeFits {
        wanted: demand.get(&resource),
        largest: largest.get(&resource),
        resource,
    }
}
