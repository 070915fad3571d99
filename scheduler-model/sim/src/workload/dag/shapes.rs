//! Graphs of stages, as batch systems run them.

use crate::random::Random;

/// What a stage is before the amount of data is known.
pub(super) struct Stage {
    /// Ascending; all lie before it.
    pub(super) needs: Vec<u32>,
    /// A single one stays single however much data there is.
    pub(super) instances: u32,
    /// Of one instance.
    pub(super) median_ms: f64,
    pub(super) cpus: u64,
}

type Shape = fn(&mut Random) -> Vec<Stage>;

pub(super) const SHAPES: [(&str, Shape); 4] = [
    ("layered", layered),
    ("fork-join", fork_join),
    ("map-reduce", map_reduce),
    ("query", query),
];

/// Three to six layers; a stage needs one to three of the layer before.
///
/// Layered random graphs are half of the Standard Task Graph Set (T. Tobita, H. Kasahara, "A standard task graph set for
/// fair evaluation of multiprocessor scheduling algorithms", Journal of Scheduling 5(5), 2002).
fn layered(random: &mut Random) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut before = 0..0;
    for _ in 0..random.between(3, 6) {
        let begin = stages.len() as u32;
        for _ in 0..random.between(1, 4) {
            let wanted = random.between(1, 3);
            let needs = (0..wanted).filter(|_| !before.is_empty());
            let width = u64::from(before.end - before.start);
            let needs = needs.map(|_| before.start + random.below(width) as u32);
            let needs = needs.collect();
            stages.push(stage(needs, (1, 8), (4_000, 30_000), random));
        }
        before = begin..stages.len() as u32;
    }
    stages
}

/// One to three times: a single task, then two to six branches, then a single task that needs all of them.
fn fork_join(random: &mut Random) -> Vec<Stage> {
    let mut stages = vec![stage(vec![], (1, 1), (1_000, 5_000), random)];
    for _ in 0..random.between(1, 3) {
        let fork = stages.len() as u32 - 1;
        let branches = random.between(2, 6) as u32;
        for _ in 0..branches {
            stages.push(stage(vec![fork], (2, 12), (5_000, 40_000), random));
        }
        let needs = (fork + 1..=fork + branches).collect();
        stages.push(stage(needs, (1, 1), (2_000, 10_000), random));
    }
    stages
}

/// One to three rounds of many short maps and fewer, longer reduces.
fn map_reduce(random: &mut Random) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    for _ in 0..random.between(1, 3) {
        let needs = (stages.len() as u32).checked_sub(1).into_iter().collect();
        stages.push(stage(needs, (10, 40), (2_000, 12_000), random));
        let maps = stages.len() as u32 - 1;
        stages.push(stage(vec![maps], (2, 8), (8_000, 40_000), random));
    }
    stages
}

/// What a decision support query becomes: scans of two to six tables, joins of two intermediate results each, of whatever
/// shape of tree, an aggregation, and often a sort by one task.
pub(super) fn query(random: &mut Random) -> Vec<Stage> {
    let mut stages = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    for table in 0..random.between(2, 6) as u32 {
        stages.push(stage(vec![], (2, 24), (2_000, 15_000), random));
        open.push(table);
    }
    while open.len() > 1 {
        let left = open.swap_remove(random.below(open.len() as u64) as usize);
        let right = open.swap_remove(random.below(open.len() as u64) as usize);
        stages.push(stage(vec![left, right], (2, 16), (3_000, 20_000), random));
        open.push(stages.len() as u32 - 1);
    }
    stages.push(stage(open, (2, 6), (2_000, 10_000), random));
    if random.chance(700) {
        let aggregate = stages.len() as u32 - 1;
        stages.push(stage(vec![aggregate], (1, 1), (1_000, 4_000), random));
    }
    stages
}

/// With its instances and times evenly between the limits; one in four takes two cores an instance.
fn stage(
    mut needs: Vec<u32>,
    (fewest, most): (u64, u64),
    (shortest_ms, longest_ms): (u64, u64),
    random: &mut Random,
) -> Stage {
    needs.sort_unstable();
    needs.dedup();
    Stage {
        needs,
        instances: random.between(fewest, most) as u32,
        median_ms: random.between(shortest_ms, longest_ms) as f64,
        cpus: if random.chance(250) { 2 } else { 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    fn sinks(stages: &[Stage]) -> usize {
        let needed = |place: usize| {
            stages
                .iter()
                .any(|stage| stage.needs.contains(&(place as u32)))
        };
        (0..stages.len()).filter(|place| !needed(*place)).count()
    }

    #[test]
    fn each_shape_has_what_it_is_named_for() {
        for seed in 0..200 {
            let mut random = Random::new(seed, Purpose::Checks);
            for (name, shape) in SHAPES {
                let stages = shape(&mut random);
                assert!((2..=30).contains(&stages.len()), "{name}, seed {seed}");
                for (place, stage) in stages.iter().enumerate() {
                    assert!(stage.needs.is_sorted_by(|left, right| left < right));
                    assert!(
                        stage.needs.iter().all(|need| (*need as usize) < place),
                        "{name}"
                    );
                }
            }
            let joined = fork_join(&mut random);
            assert_eq!(sinks(&joined), 1);
            assert!(joined.iter().any(|stage| stage.needs.len() > 1));
            let query = query(&mut random);
            assert_eq!(sinks(&query), 1);
            let scans = query.iter().filter(|stage| stage.needs.is_empty()).count();
            let joins = query.iter().filter(|stage| stage.needs.len() == 2).count();
            assert_eq!(joins, scans - 1, "seed {seed}");
        }
    }
}
