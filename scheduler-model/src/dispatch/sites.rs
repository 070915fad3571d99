//! Where a shape may run at all, by kind of node.

use crate::{
    Constraints, Term, Terms, Weights,
    cluster::nodes::{KindId, Nodes},
};

/// A kind of node that meets the constraints of a shape, with the terms that are the same for all its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) kind: KindId,
    /// The terms that differ from node to node are 0.
    pub(crate) terms: Terms,
}

/// The sites of a shape, best first by what is the same for all their nodes; ties go to the kind that is older.
pub(crate) fn sites(nodes: &Nodes, constraints: &Constraints, weights: &Weights) -> Box<[Site]> {
    let matching: Vec<_> = nodes
        .eligible_kinds()
        .filter(|(_, kind)| constraints.admits(&kind.attributes))
        .collect();
    let latency = Range::of(
        matching
            .iter()
            .map(|(_, kind)| kind.attributes.latency_ms.into()),
    );
    let cost = Range::of(
        matching
            .iter()
            .map(|(_, kind)| kind.attributes.cost_per_hour_micros),
    );
    let mut sites: Vec<Site> = matching
        .iter()
        .map(|(id, kind)| {
            let mut terms = Terms::default();
            let attributes = &kind.attributes;
            terms.set(
                Term::Latency,
                latency.nearness(attributes.latency_ms.into()),
            );
            terms.set(Term::Cost, cost.nearness(attributes.cost_per_hour_micros));
            terms.set(
                Term::Preferred,
                constraints.preferred_permille(attributes) as u16,
            );
            Site { kind: *id, terms }
        })
        .collect();
    sites.sort_by_key(|site| (std::cmp::Reverse(weights.score(&site.terms)), site.kind));
    sites.into_boxed_slice()
}

/// From the least to the most of something.
struct Range {
    least: u64,
    most: u64,
}

impl Range {
    fn of(amounts: impl Iterator<Item = u64> + Clone) -> Self {
        Self {
            least: amounts.clone().min().unwrap_or(0),
            most: amounts.max().unwrap_or(0),
        }
    }

    /// 1000 for the least, 0 for the most; 1000 if they are the same.
    fn nearness(&self, amount: u64) -> u16 {
        let span = u128::from(self.most - self.least);
        let above = u128::from(amount - self.least);
        let away = (above * 1000).checked_div(span).unwrap_or(0);
        1000 - away as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_nearest_and_equals_are_all_near() {
        let range = Range::of([20, 5, 10].into_iter());
        assert_eq!(
            [5, 10, 20].map(|amount| range.nearness(amount)),
            [1000, 667, 0]
        );
        assert_eq!(Range::of([7, 7].into_iter()).nearness(7), 1000);
        let widest = Range::of([0, u64::MAX].into_iter());
        assert_eq!(widest.nearness(u64::MAX), 0);
    }
}
