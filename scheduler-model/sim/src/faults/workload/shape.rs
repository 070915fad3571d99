//! The graph of a job.

use std::collections::BTreeSet;

use crate::random::Random;

/// Who needs whom.
pub(super) struct Shape {
    pub(super) needs: Vec<BTreeSet<u32>>,
    pub(super) finally: Vec<bool>,
}

impl Shape {
    pub(super) fn draw(random: &mut Random) -> Self {
        let count = random.spread(1, 16) as usize;
        let mut order: Vec<u32> = (0..count as u32).collect();
        for place in (1..count).rev() {
            order.swap(place, random.below(place as u64 + 1) as usize);
        }
        let with_finally = count > 1 && random.chance(350);
        let mut finally = vec![false; count];
        for task in order.iter().skip(1) {
            finally[*task as usize] = with_finally && random.chance(300);
        }
        let mut needs = vec![BTreeSet::new(); count];
        for (place, task) in order.iter().enumerate() {
            for _ in 0..random.below(3) {
                let Some(needed) = order[..place].get(random.below(place as u64 + 1) as usize)
                else {
                    continue;
                };
                if finally[*needed as usize] == finally[*task as usize] {
                    needs[*task as usize].insert(*needed);
                }
            }
        }
        Self { needs, finally }
    }
}
