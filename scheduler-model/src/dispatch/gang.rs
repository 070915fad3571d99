//! Places for all members of a gang at once.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use smallvec::SmallVec;

use super::{
    NODES_COMPARED,
    place::{Found, Search},
    sites::Site,
};
use crate::{
    Score, Topology,
    cluster::{fit::GangFit, node::NodeSlot},
};

/// A node with room for members.
#[derive(Clone, Copy)]
struct Stand<'s> {
    node: NodeSlot,
    site: &'s Site,
    speed: u32,
    /// For how many. At least one.
    room: u32,
}

/// The same, judged.
#[derive(Clone, Copy)]
struct Scored {
    node: NodeSlot,
    is_welcome: bool,
    score: Score,
    room: u32,
}

impl Search<'_> {
    /// `room` says how many members may start on a node now. Members share a node while they fit; the better nodes are
    /// filled first. Work grows with the size and with the number of sites, not with the number of nodes.
    pub(super) fn for_gang(
        &self,
        gang: GangFit,
        sites: &[Site],
        room: impl Fn(NodeSlot) -> u32,
    ) -> Option<Found> {
        let GangFit { size, topology } = gang;
        let regions = self.regions(topology, sites);
        let stands = regions
            .iter()
            .map(|sites| self.stands(sites, size, &room))
            .collect();
        let mut regions = self.score_all(stands);
        let whole = regions
            .iter()
            .filter_map(|region| fill(region, size))
            .rev()
            // The first of the best, in the order of names.
            .max_by_key(mean_score);
        match topology {
            Topology::Any | Topology::SameRegion => whole,
            Topology::Ring => {
                let found = whole.or_else(|| {
                    // The roomiest first, so that they are few.
                    regions.sort_by_key(|region| Reverse(total(region.iter().map(|s| s.room))));
                    fill(&regions.concat(), size)
                });
                found.map(|found| self.in_order_of_names(found))
            }
        }
    }

    /// In order of names; nodes without a region count as one. One where regions do not matter.
    fn regions<'s>(&self, topology: Topology, sites: &'s [Site]) -> Vec<Vec<&'s Site>> {
        if topology == Topology::Any {
            return vec![sites.iter().collect()];
        }
        let mut by_name: BTreeMap<Option<&Arc<str>>, Vec<&Site>> = BTreeMap::new();
        for site in sites {
            let region = self.nodes.region(site.kind);
            by_name.entry(region).or_default().push(site);
        }
        by_name.into_values().collect()
    }

    /// The emptiest nodes of each site, [`NODES_COMPARED`] in all; if these have not enough room, as many as it takes.
    fn stands<'s>(
        &self,
        sites: &[&'s Site],
        size: u32,
        room: &impl Fn(NodeSlot) -> u32,
    ) -> Vec<Stand<'s>> {
        let of_each = (NODES_COMPARED / sites.len().max(1)).max(2);
        let few = self.candidates(sites, of_each, room);
        let few: Vec<Stand<'_>> = few.take(NODES_COMPARED).collect();
        if total(few.iter().map(|stand| stand.room)) >= size {
            return few;
        }
        let mut missing = size;
        let all = self.candidates(sites, usize::MAX, room);
        all.take_while(|stand| {
            let is_wanted = missing > 0;
            missing = missing.saturating_sub(stand.room);
            is_wanted
        })
        .collect()
    }

    fn candidates<'s>(
        &self,
        sites: &[&'s Site],
        of_each: usize,
        room: &impl Fn(NodeSlot) -> u32,
    ) -> impl Iterator<Item = Stand<'s>> {
        sites.iter().flat_map(move |site| {
            self.nodes
                .with_free_cpu(site.kind, self.demand.cpu_millis)
                .map(|node| (node, room(node)))
                .filter(|(_, room)| *room > 0)
                .take(of_each)
                .map(|(node, room)| Stand {
                    node,
                    site,
                    speed: self.speed(node),
                    room,
                })
        })
    }

    /// Best first within each region. Ties go to the node that joined first.
    fn score_all(&self, regions: Vec<Vec<Stand<'_>>>) -> Vec<Vec<Scored>> {
        let speeds = regions.iter().flatten().map(|stand| stand.speed);
        let fastest = speeds.max().unwrap_or(1000);
        let judge = |stand: &Stand<'_>| Scored {
            node: stand.node,
            is_welcome: !self.shunned.contains(&stand.node),
            score: self.score(stand.node, stand.site, stand.speed, fastest),
            room: stand.room,
        };
        let judge_all = |stands: Vec<Stand<'_>>| {
            let mut scored: Vec<Scored> = stands.iter().map(judge).collect();
            scored.sort_unstable_by_key(|one| {
                Reverse((one.is_welcome, one.score.total, Reverse(one.node)))
            });
            scored
        };
        regions.into_iter().map(judge_all).collect()
    }

    /// Ranks follow regions and names, so that neighbours share a node or lie next to each other.
    fn in_order_of_names(&self, mut found: Found) -> Found {
        found.places.sort_by_cached_key(|(node, _)| {
            let node = self.nodes.get(*node);
            (node.attributes.region.clone(), Arc::clone(&node.name))
        });
        found
    }
}

fn total(rooms: impl Iterator<Item = u32>) -> u32 {
    rooms.fold(0, u32::saturating_add)
}

/// Gives members the nodes in this order, each as many as it has room for.
fn fill(nodes: &[Scored], size: u32) -> Option<Found> {
    let mut rest = nodes.iter();
    let mut places = SmallVec::with_capacity(size as usize);
    let mut missing = size;
    while missing > 0 {
        let next = rest.next()?;
        let here = next.room.min(missing);
        let place = (next.node, next.score);
        places.extend(std::iter::repeat_n(place, here as usize));
        missing -= here;
    }
    Some(Found {
        places,
        runner_up: rest.next().map(|next| (next.node, next.score)),
        compared: u16::try_from(nodes.len()).unwrap_or(u16::MAX),
    })
}

/// In thousandths of a point, so that ties are rare.
fn mean_score(found: &Found) -> u64 {
    let scores = found.places.iter();
    let sum: u64 = scores.map(|(_, score)| u64::from(score.total)).sum();
    (sum * 1000)
        .checked_div(found.places.len() as u64)
        .unwrap_or(0)
}
