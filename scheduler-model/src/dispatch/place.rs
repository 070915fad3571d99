//! Which node suits a task best.

use std::cmp::Reverse;

use smallvec::{SmallVec, smallvec};

use super::{NODES_COMPARED, sites::Site};
use crate::{
    Constraints, Priority, Resources, Score, Term, Weights,
    cluster::{
        node::{Node, NodeSlot},
        nodes::Nodes,
    },
    estimate::Speeds,
};

/// What is looked for.
pub(crate) struct Search<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) weights: &'a Weights,
    pub(crate) demand: &'a Resources,
    pub(crate) constraints: &'a Constraints,
    pub(crate) priority: Priority,
    /// Chosen only when there is no other: the last attempt was lost there.
    pub(crate) shunned: &'a [NodeSlot],
    /// Where the job's last task succeeded.
    pub(crate) near: Option<NodeSlot>,
    pub(crate) speeds: Speeds<'a>,
}

/// The best place, or places, and what they were compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// One; of a gang one for each member, by rank.
    pub(crate) places: SmallVec<[(NodeSlot, Score); 1]>,
    pub(crate) runner_up: Option<(NodeSlot, Score)>,
    pub(crate) compared: u16,
}

/// Whether a node is welcome, its score, and who it is. The greatest is the best.
type Rank = (bool, u16, Reverse<NodeSlot>, Score);

impl Search<'_> {
    /// Looks at the emptiest nodes of each site, at [`NODES_COMPARED`] that fit in all.
    pub(crate) fn among_sites(
        &self,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> Option<Found> {
        let of_each = (NODES_COMPARED / sites.len().max(1)).max(2);
        let fitting = sites.iter().flat_map(|site| {
            self.nodes
                .with_free_cpu(site.kind, self.demand.cpu_millis)
                .filter(|slot| self.fits(*slot) && allowed(*slot))
                .take(of_each)
                .map(move |slot| (slot, site))
        });
        self.best(fitting)
    }

    /// Looks at these nodes only.
    pub(crate) fn among(
        &self,
        nodes: impl Iterator<Item = NodeSlot>,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> Option<Found> {
        let fitting = nodes.filter_map(|slot| {
            let kind = self.nodes.get(slot).kind;
            let site = sites.iter().find(|site| site.kind == kind)?;
            let fits = self.nodes.get(slot).is_eligible() && self.fits(slot) && allowed(slot);
            fits.then_some((slot, site))
        });
        self.best(fitting)
    }

    fn fits(&self, slot: NodeSlot) -> bool {
        let node = self.nodes.get(slot);
        self.demand.fits(node.free()) && !self.constraints.avoids(&node.name)
    }

    /// Ties go to the node that joined first.
    fn best<'a>(&self, fitting: impl Iterator<Item = (NodeSlot, &'a Site)>) -> Option<Found> {
        let mut ranking: [Option<Rank>; 2] = [None, None];
        let speed = |(slot, site): (NodeSlot, &'a Site)| (slot, site, self.speed(slot));
        let compared: SmallVec<[_; NODES_COMPARED]> =
            fitting.take(NODES_COMPARED).map(speed).collect();
        let fastest = compared.iter().map(|(_, _, speed)| *speed).max()?;
        for (slot, site, speed) in compared.iter().copied() {
            let score = self.score(slot, site, speed, fastest);
            let is_welcome = !self.shunned.contains(&slot);
            let entry = Some((is_welcome, score.total, Reverse(slot), score));
            if entry > ranking[0] {
                ranking = [entry, ranking[0]];
            } else if entry > ranking[1] {
                ranking[1] = entry;
            }
        }
        let [best, second] = ranking;
        let (_, _, Reverse(node), score) = best?;
        Some(Found {
            places: smallvec![(node, score)],
            runner_up: second.map(|(_, _, slot, score)| (slot.0, score)),
            compared: compared.len() as u16,
        })
    }

    pub(crate) fn speed(&self, slot: NodeSlot) -> u32 {
        self.speeds.permille(slot.place())
    }

    /// Of a node of this speed beside others, the fastest of which has the speed `fastest`.
    pub(crate) fn score(&self, slot: NodeSlot, site: &Site, speed: u32, fastest: u32) -> Score {
        let node = self.nodes.get(slot);
        let mut terms = site.terms;
        terms.set(Term::Free, self.free(node));
        terms.set(Term::Priority, self.priority_match(node));
        terms.set(Term::Locality, self.locality(slot, node));
        terms.set(Term::Speed, (speed * 1000 / fastest).min(1000) as u16);
        Score {
            total: self.weights.score(&terms),
            terms,
        }
    }

    /// What would stay free, but not more than is idle by measurement.
    fn free(&self, node: &Node) -> u16 {
        let (free, taken, capacity) = (node.free(), self.demand, &node.capacity);
        let left = |free: u64, taken: u64, capacity| share(free.saturating_sub(taken), capacity);
        let idle = |permille: u32| 1000 - permille.min(1000) as u16;
        let cpu = left(free.cpu_millis, taken.cpu_millis, capacity.cpu_millis)
            .map(|share| share.min(idle(node.cpu_permille)));
        let memory = left(free.memory_bytes, taken.memory_bytes, capacity.memory_bytes)
            .map(|share| share.min(idle(node.memory_permille)));
        let gpus = left(free.gpus.into(), taken.gpus.into(), capacity.gpus.into());
        let disk = left(free.disk_bytes, taken.disk_bytes, capacity.disk_bytes);
        mean([cpu, memory, gpus, disk])
    }

    fn priority_match(&self, node: &Node) -> u16 {
        let free = node.free();
        let room = mean([
            share(free.cpu_millis, node.capacity.cpu_millis),
            share(free.memory_bytes, node.capacity.memory_bytes),
        ]);
        1000 - room.abs_diff(u16::from(self.priority.get()) * 10)
    }

    fn locality(&self, slot: NodeSlot, node: &Node) -> u16 {
        let Some(near) = self.near else {
            return 1000;
        };
        let region = &self.nodes.get(near).attributes.region;
        match near == slot {
            true => 1000,
            false if region.is_some() && *region == node.attributes.region => 500,
            false => 0,
        }
    }
}

/// In thousandths. `None`: there is nothing of it.
fn share(free: u64, capacity: u64) -> Option<u16> {
    let share = match free.checked_mul(1000) {
        Some(thousand) => thousand.checked_div(capacity)?,
        None => (u128::from(free) * 1000).checked_div(capacity.into())? as u64,
    };
    Some(share.min(1000) as u16)
}

fn mean<const COUNT: usize>(shares: [Option<u16>; COUNT]) -> u16 {
    let known = shares.iter().flatten();
    let (sum, count) = known.fold((0, 0), |(sum, count), share| {
        (sum + u32::from(*share), count + 1)
    });
    sum.checked_div(count).unwrap_or(0) as u16
}
