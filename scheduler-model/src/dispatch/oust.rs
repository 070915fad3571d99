//! Whom to stop on a node: plain numbers.

use std::cmp::Reverse;

use crate::{Resource, Resources, Timestamp, cluster::jobs::TaskRef};

/// An attempt that may be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stoppable<'a> {
    pub(super) task: TaskRef,
    pub(super) assigned_at: Timestamp,
    pub(super) demand: &'a Resources,
}

/// Whom to stop so that `wanted` fits: few, and among as few the youngest. `None` when it does not fit whoever stops.
///
/// The fewest are found greedily: each next one gives back most of what still lacks. With one kind of resource lacking
/// none could be fewer, and one alone is always found where one is enough.
pub(super) fn choose<'a>(
    wanted: &Resources,
    available: &Resources,
    mut stoppable: Vec<Stoppable<'a>>,
) -> Option<Vec<Stoppable<'a>>> {
    let mut available = available.clone();
    let mut chosen: Vec<Stoppable<'a>> = Vec::new();
    while !wanted.fits(&available) {
        let lack = wanted.saturating_sub(&available);
        let places = 0..stoppable.len();
        let gain = |place: &usize| {
            let one = &stoppable[*place];
            (covered(one.demand, &lack), one.assigned_at, one.task)
        };
        let best = places.max_by_key(gain)?;
        if covered(stoppable[best].demand, &lack) == 0 {
            return None;
        }
        let one = stoppable.swap_remove(best);
        available.add(one.demand);
        chosen.push(one);
    }
    chosen.sort_unstable_by_key(|one| (one.assigned_at, one.task));
    stoppable.sort_unstable_by_key(|one| Reverse((one.assigned_at, one.task)));
    spare(wanted, &mut available, &mut chosen);
    rejuvenate(wanted, &mut available, &mut chosen, &mut stoppable);
    // A younger one may give back so much that another need not stop.
    spare(wanted, &mut available, &mut chosen);
    Some(chosen)
}

/// Leaves those alone who need not be stopped beside the others, the oldest first.
fn spare(wanted: &Resources, available: &mut Resources, chosen: &mut Vec<Stoppable<'_>>) {
    chosen.retain(|one| {
        let without = available.saturating_sub(one.demand);
        let is_needed = !wanted.fits(&without);
        if !is_needed {
            *available = without;
        }
        is_needed
    });
}

/// Takes younger ones instead, for the oldest first.
fn rejuvenate<'a>(
    wanted: &Resources,
    available: &mut Resources,
    chosen: &mut [Stoppable<'a>],
    others: &mut [Stoppable<'a>],
) {
    for one in chosen {
        let without = available.saturating_sub(one.demand);
        let younger = others.iter_mut().find(|other| {
            let mut with = without.clone();
            with.add(other.demand);
            other.assigned_at > one.assigned_at && wanted.fits(&with)
        });
        if let Some(other) = younger {
            std::mem::swap(one, other);
            *available = without;
            available.add(one.demand);
        }
    }
}

/// How much of what lacks this gives back, in thousandths, summed over the kinds of resource.
fn covered(demand: &Resources, lack: &Resources) -> u64 {
    let plain = [
        Resource::Cpu,
        Resource::Memory,
        Resource::Gpu,
        Resource::Disk,
    ];
    let named = lack.named.iter();
    let named = named.map(|(name, lacking)| (demand.named(name), *lacking));
    let plain = plain.map(|kind| (demand.get(&kind), lack.get(&kind)));
    let kinds = plain.into_iter().chain(named);
    // Something, however little it is.
    let share = |(given, lacking): (u64, u64)| {
        let given = u128::from(given.min(lacking));
        let share = (given * 1000).div_ceil(u128::from(lacking.max(1)));
        share as u64
    };
    kinds.map(share).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::jobs::JobSlot;

    fn cpu(cores: u64) -> Resources {
        Resources {
            cpu_millis: cores * 1000,
            ..Resources::ZERO
        }
    }

    /// Sizes in the order of age, the oldest first; returns who is stopped, by place.
    fn stopped(wanted: u64, free: u64, sizes: &[u64]) -> Option<Vec<u32>> {
        let demands: Vec<Resources> = sizes.iter().map(|size| cpu(*size)).collect();
        let stoppable = (0..).zip(&demands).map(|(task, demand)| Stoppable {
            task: TaskRef {
                job: JobSlot::default(),
                task,
            },
            assigned_at: Timestamp(task.into()),
            demand,
        });
        let chosen = choose(&cpu(wanted), &cpu(free), stoppable.collect())?;
        let mut places: Vec<u32> = chosen.iter().map(|one| one.task.task).collect();
        places.sort_unstable();
        Some(places)
    }

    #[test]
    fn as_few_as_possible_and_the_youngest_of_as_few() {
        // One is enough, and the youngest such is taken.
        assert_eq!(stopped(4, 0, &[4, 4, 1, 1, 1, 1]), Some(vec![1]));
        // Two of the youngest, though the oldest is larger.
        assert_eq!(stopped(4, 0, &[3, 2, 2]), Some(vec![1, 2]));
        assert_eq!(stopped(4, 2, &[1, 1, 1]), Some(vec![1, 2]));
        // Whatever stops, there is not enough.
        assert_eq!(stopped(4, 0, &[1, 1, 1]), None);
        // What is free already need not be made.
        assert_eq!(stopped(4, 4, &[4]), Some(vec![]));
    }

    #[test]
    fn what_lacks_counts_and_nothing_else() {
        let (wanted, free) = (Resources { gpus: 1, ..cpu(1) }, cpu(4));
        let (large, small) = (cpu(8), Resources { gpus: 1, ..cpu(1) });
        let stoppable = [(0, &large), (1, &small)].map(|(task, demand)| Stoppable {
            task: TaskRef {
                job: JobSlot::default(),
                task,
            },
            assigned_at: Timestamp(-i64::from(task)),
            demand,
        });
        let chosen = choose(&wanted, &free, stoppable.into()).unwrap();
        assert_eq!(chosen, [stoppable[1]]);
    }
}
