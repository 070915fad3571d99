//! Which node suits a task best.

use smallvec::{SmallVec, smallvec};

use super::{NODES_COMPARED, sites::Site};
use crate::{
    Constraints, Priority, Resources, Score, Term, Weights,
    cluster::{
        node::{Node, NodeSlot},
        nodes::Nodes,
    },
    estimate::Speeds,
    score::{mean, share},
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

/// A node that fits, of which site, and how fast it is at the task.
type Stand<'a> = (NodeSlot, &'a Site, u32);

/// A node in the order of [`Search::rank`].
type Ranked = (u64, NodeSlot, Score);

impl Search<'_> {
    /// Looks at the emptiest nodes of each site, at [`NODES_COMPARED`] that fit in all.
    pub(crate) fn among_sites(
        &self,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> Option<Found> {
        let of_each = (NODES_COMPARED / sites.len().max(1)).max(2);
        let mut stands: SmallVec<[Stand<'_>; NODES_COMPARED]> = SmallVec::new();
        for site in sites {
            let most = of_each.min(NODES_COMPARED - stands.len());
            self.fitting(site, &allowed)
                .take(most)
                .for_each(|slot| stands.push((slot, site, self.speed(slot))));
        }
        self.best(&stands)
    }

    /// Looks at these nodes only.
    pub(crate) fn among(
        &self,
        nodes: impl Iterator<Item = NodeSlot>,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> Option<Found> {
        let mut stands: SmallVec<[Stand<'_>; NODES_COMPARED]> = SmallVec::new();
        nodes
            .filter_map(|slot| Some((slot, self.site_of(slot, sites, &allowed)?)))
            .take(NODES_COMPARED)
            .for_each(|(slot, site)| stands.push((slot, site, self.speed(slot))));
        self.best(&stands)
    }

    /// Whether it fits on any node of the sites.
    pub(crate) fn is_among_sites(
        &self,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> bool {
        sites
            .iter()
            .any(|site| self.fitting(site, &allowed).next().is_some())
    }

    /// Whether it fits on any of these nodes.
    pub(crate) fn is_among(
        &self,
        mut nodes: impl Iterator<Item = NodeSlot>,
        sites: &[Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> bool {
        nodes.any(|slot| self.site_of(slot, sites, &allowed).is_some())
    }

    /// Nodes of a site on which it fits, the emptiest first.
    fn fitting(
        &self,
        site: &Site,
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> impl Iterator<Item = NodeSlot> {
        self.nodes
            .with_free_cpu(site.kind, self.demand.cpu_millis)
            .filter(move |slot| self.fits(*slot) && allowed(*slot))
    }

    /// The site of a node on which it fits.
    fn site_of<'s>(
        &self,
        slot: NodeSlot,
        sites: &'s [Site],
        allowed: impl Fn(NodeSlot) -> bool,
    ) -> Option<&'s Site> {
        // Most that do not suit are full.
        if !self.fits(slot) {
            return None;
        }
        let node = self.nodes.get(slot);
        let site = sites.iter().find(|site| site.kind == node.kind)?;
        (node.is_eligible() && allowed(slot)).then_some(site)
    }

    fn fits(&self, slot: NodeSlot) -> bool {
        let node = self.nodes.get(slot);
        self.demand.fits(node.free()) && !self.constraints.avoids(&node.name)
    }

    fn best(&self, compared: &[Stand<'_>]) -> Option<Found> {
        let fastest = compared.iter().map(|(_, _, speed)| *speed).max()?;
        let mut best: Option<Ranked> = None;
        let mut second: Option<Ranked> = None;
        for (slot, site, speed) in compared.iter().copied() {
            let score = self.score(slot, site, speed, fastest);
            let rank = self.rank(slot, score.total);
            if best.is_none_or(|(of_best, ..)| rank > of_best) {
                second = best.replace((rank, slot, score));
            } else if second.is_none_or(|(of_second, ..)| rank > of_second) {
                second = Some((rank, slot, score));
            }
        }
        let (_, node, score) = best?;
        Some(Found {
            places: smallvec![(node, score)],
            runner_up: second.map(|(_, slot, score)| (slot, score)),
            compared: compared.len() as u16,
        })
    }

    /// Nodes in one number, the best is the greatest: first whether they are welcome, then by score; ties go to the node
    /// that joined first.
    fn rank(&self, slot: NodeSlot, score: u16) -> u64 {
        let is_welcome = !self.shunned.contains(&slot);
        u64::from(is_welcome) << 48 | u64::from(score) << 32 | u64::from(!slot.place())
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
        terms.set(Term::Speed, relative(speed, fastest));
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
        let room = node.room_permille();
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

/// In thousandths of the fastest.
fn relative(speed: u32, fastest: u32) -> u16 {
    // As long as nothing is known of nodes, which is often, they are all equally fast.
    if speed == fastest {
        return 1000;
    }
    (speed * 1000 / fastest).min(1000) as u16
}
