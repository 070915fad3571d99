//! Graphs of tasks in an order in which each task comes after all that it needs.

use std::collections::BTreeSet;

/// Places, otherwise as they are. `None`: there is a circle.
pub(super) fn order(needs: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (place, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by[*need].push(place);
        }
    }
    let free = (0..needs.len()).filter(|place| missing[*place] == 0);
    let mut ready: BTreeSet<usize> = free.collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for next in &needed_by[place] {
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.insert(*next);
            }
        }
    }
    (order.len() == needs.len()).then_some(order)
}

/// The needs of each place of such an order, as ascending places of the order.
pub(super) fn renumber(needs: &[Vec<usize>], order: &[usize]) -> Vec<Box<[u32]>> {
    let mut rank = vec![0; needs.len()];
    for (place, of) in (0..).zip(order) {
        rank[*of] = place;
    }
    let places = order.iter().map(|of| {
        let ranks: BTreeSet<u32> = needs[*of].iter().map(|need| rank[*need]).collect();
        ranks.into_iter().collect()
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is where, and what it then needs.
    fn sorted(needs: &[&[usize]]) -> Option<Vec<(usize, Vec<u32>)>> {
        let needs: Vec<Vec<usize>> = needs.iter().map(|needs| needs.to_vec()).collect();
        let order = order(&needs)?;
        let renumbered = renumber(&needs, &order);
        let renumbered = renumbered.into_iter().map(<[u32]>::into_vec);
        Some(order.into_iter().zip(renumbered).collect())
    }

    #[test]
    fn needs_come_first() {
        let turned = sorted(&[&[2, 1], &[], &[1]]);
        assert_eq!(
            turned,
            Some(vec![(1, vec![]), (2, vec![0]), (0, vec![0, 1])])
        );
        let said_twice = sorted(&[&[], &[0, 0]]);
        assert_eq!(said_twice, Some(vec![(0, vec![]), (1, vec![0])]));
    }

    #[test]
    fn circles_are_found() {
        assert_eq!(sorted(&[&[1], &[0]]), None);
        assert_eq!(sorted(&[&[0]]), None);
    }
}
