//! The nodes of a kind by free cpu.

use super::node::NodeSlot;

/// Nodes by (free cpu, slot), ascending. What a task takes or gives back moves one node by a few places, and moving those
/// between is cheaper than two look-ups in a tree, up to some thousand nodes of one kind.
#[derive(Debug, Default)]
pub(super) struct ByFree(Vec<(u64, NodeSlot)>);

impl ByFree {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, free: u64, node: NodeSlot) {
        let place = self.place(free, node);
        self.0.insert(place, (free, node));
    }

    pub(super) fn remove(&mut self, free: u64, node: NodeSlot) {
        let place = self.place(free, node);
        let removed = self.0.remove(place);
        assert_eq!(removed, (free, node), "the node is listed");
    }

    /// The free cpu of a node has changed.
    pub(super) fn change(&mut self, before: u64, after: u64, node: NodeSlot) {
        let old = self.place(before, node);
        let to = key((after, node));
        let is_less = |other: &(u64, NodeSlot)| key(*other) < to;
        if before < after {
            let passed = self.0[old + 1..].partition_point(is_less);
            self.0.copy_within(old + 1..=old + passed, old);
            self.0[old + passed] = (after, node);
        } else {
            let new = self.0[..old].partition_point(is_less);
            self.0.copy_within(new..old, new + 1);
            self.0[new] = (after, node);
        }
    }

    /// With at least so much, the emptiest first.
    pub(super) fn at_least(&self, cpu_millis: u64) -> impl Iterator<Item = NodeSlot> {
        let from = self.0.partition_point(|(free, _)| *free < cpu_millis);
        self.0[from..].iter().rev().map(|(_, node)| *node)
    }

    fn place(&self, free: u64, node: NodeSlot) -> usize {
        let of = key((free, node));
        self.0.partition_point(|other| key(*other) < of)
    }
}

/// In one number, which is compared without a branch: which of two comes first cannot be foretold.
fn key((free, node): (u64, NodeSlot)) -> u128 {
    u128::from(free) << 64 | u128::from(node.place())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::RandomStream;

    /// Against a tree, with many that have as much free as others.
    #[test]
    fn what_changes_finds_its_place() {
        let mut random = RandomStream::new(1);
        let mut list = ByFree::default();
        let mut tree = BTreeSet::new();
        let mut free = [0; 20];
        for (index, free) in free.iter().enumerate() {
            list.insert(*free, NodeSlot::of(index));
            tree.insert((*free, NodeSlot::of(index)));
        }
        for _ in 0..1_000 {
            let index = random.up_to(19) as usize;
            let (node, after) = (NodeSlot::of(index), random.up_to(9));
            let before = std::mem::replace(&mut free[index], after);
            list.change(before, after, node);
            tree.remove(&(before, node));
            tree.insert((after, node));
            let wanted = random.up_to(9);
            let expected = tree.iter().rev().filter(|(free, _)| *free >= wanted);
            let expected: Vec<NodeSlot> = expected.map(|(_, node)| *node).collect();
            assert_eq!(list.at_least(wanted).collect::<Vec<_>>(), expected);
        }
        for (index, free) in free.iter().enumerate() {
            list.remove(*free, NodeSlot::of(index));
        }
        assert!(list.is_empty());
    }
}
