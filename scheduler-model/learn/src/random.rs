//! Random orders.

use drover_sim::random::Random;

/// A random order of `0..count` (Fisher, Yates; Durstenfeld's form).
pub(crate) fn shuffled(count: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use drover_sim::random::Purpose;

    use super::*;

    #[test]
    fn an_order_has_everything_once() {
        let mut random = Random::new(2, Purpose::Search);
        let mut order = shuffled(50, &mut random);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
