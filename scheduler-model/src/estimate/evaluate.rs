//! Whether knowing the nodes brings estimates nearer to the truth, tried on history that was held out.

use std::collections::BTreeMap;

use super::{Estimator, logarithm::ln_milli, speed::on_node};
use crate::{Expected, NodeName, Timestamp};

/// A run that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub signature: u64,
    pub wide_signature: u64,
    pub node: NodeName,
    pub run_ms: u64,
    pub ended_at: Timestamp,
}

/// What estimates are worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// By name.
    pub nodes: Vec<NodeSpeed>,
    /// The oldest four fifths of the runs.
    pub trained_on: usize,
    /// Those of the rest for which there was an estimate.
    pub held_out: usize,
    /// Mean of |ln(estimate / run)| over these, in millionths: with estimates by signature alone,
    pub error_without_micros: u64,
    /// and corrected by the speed of the node.
    pub error_with_micros: u64,
}

/// How fast a node was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpeed {
    pub node: NodeName,
    /// Thousandths: 2000 is twice as fast as its peers at the same work.
    pub speed_permille: u32,
    /// Runs there, of those learned from.
    pub runs: usize,
}

/// Learns from the oldest four fifths of the runs what the coordinator would have, and estimates the rest. `history`
/// ascends by when the runs ended.
pub fn evaluate(history: &[Observation]) -> Evaluation {
    let (training, rest) = history.split_at(history.len() - history.len() / 5);
    let mut places: BTreeMap<&NodeName, (u32, usize)> = BTreeMap::new();
    let mut estimator = Estimator::default();
    for run in training {
        let next = places.len() as u32;
        let (place, runs) = places.entry(&run.node).or_insert((next, 0));
        *runs += 1;
        estimator.learn(run.ended_at, &run.expected(), *place, run.run_ms);
    }
    let mut evaluation = Evaluation {
        trained_on: training.len(),
        ..Evaluation::default()
    };
    let (mut without, mut with) = (0, 0);
    for run in rest {
        let estimate = estimator.estimate(&run.expected());
        if estimate.runs == 0 {
            continue;
        }
        let speeds = estimator.speeds(run.signature);
        let place = places.get(&run.node).map_or(u32::MAX, |(place, _)| *place);
        let corrected = on_node(estimate.median_ms, speeds.permille(place));
        let error = |estimate_ms| ln_milli(estimate_ms).abs_diff(ln_milli(run.run_ms));
        evaluation.held_out += 1;
        without += error(estimate.median_ms);
        with += error(corrected);
    }
    let mean = |sum: u64| (sum * 1000).checked_div(evaluation.held_out as u64);
    evaluation.error_without_micros = mean(without).unwrap_or(0);
    evaluation.error_with_micros = mean(with).unwrap_or(0);
    evaluation.nodes = places
        .into_iter()
        .map(|(node, (place, runs))| NodeSpeed {
            node: node.clone(),
            speed_permille: estimator.node_speed(place),
            runs,
        })
        .collect();
    evaluation
}

impl Observation {
    /// Nobody has said how long it takes.
    fn expected(&self) -> Expected {
        Expected {
            stated_ms: None,
            default_ms: 0,
            signature: self.signature,
            wide_signature: self.wide_signature,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::RandomStream;

    /// Runs of signatures of different length on nodes of these speeds; each scatters by up to 30 % either way.
    fn history(seed: u64, runs: usize, speeds_percent: &[u64]) -> Vec<Observation> {
        let mut random = RandomStream::new(seed);
        let run = |place: usize| {
            let signature = random.up_to(4);
            let node = random.up_to(speeds_percent.len() as u64 - 1) as usize;
            let typical_ms = 500 << (2 * signature);
            let scattered = typical_ms * (70 + random.up_to(60)) / 100;
            Observation {
                signature,
                wide_signature: 99,
                node: format!("n{node}").into(),
                run_ms: scattered * 100 / speeds_percent[node],
                ended_at: Timestamp(place as i64 * 1_000),
            }
        };
        (0..runs).map(run).collect()
    }

    #[test]
    fn without_history_there_is_nothing_to_say() {
        assert_eq!(evaluate(&[]), Evaluation::default());
        let one = evaluate(&history(1, 1, &[100]));
        assert_eq!((one.trained_on, one.held_out), (1, 0));
    }

    #[test]
    fn speeds_are_found() {
        let evaluation = evaluate(&history(1, 5_000, &[50, 100, 200]));
        assert_eq!((evaluation.trained_on, evaluation.held_out), (4_000, 1_000));
        let speeds: Vec<u32> = evaluation
            .nodes
            .iter()
            .map(|node| node.speed_permille)
            .collect();
        let near = |found: u32, wanted: u32| found.abs_diff(wanted) * 10 < wanted;
        assert!(
            near(speeds[0] * 2, speeds[1]) && near(speeds[1] * 2, speeds[2]),
            "{speeds:?}"
        );
        assert!(near(speeds[1], 1_000), "{speeds:?}");
        assert_eq!(
            evaluation.nodes.iter().map(|node| node.runs).sum::<usize>(),
            4_000
        );
    }

    proptest! {
        /// On nodes that differ the correction must pay.
        #[test]
        fn the_correction_pays_where_nodes_differ(seed in any::<u64>(), runs in 500_usize..3_000) {
            let evaluation = evaluate(&history(seed, runs, &[60, 100, 160]));
            let (without, with) = (evaluation.error_without_micros, evaluation.error_with_micros);
            prop_assert!(with * 10 < without * 7, "{with} of {without}");
        }

        /// On nodes that do not, shrinkage must keep noise out: even where little is known of each.
        #[test]
        fn the_correction_costs_nothing_where_nodes_are_equal(
            seed in any::<u64>(), runs in 100_usize..3_000, nodes in 1_usize..20,
        ) {
            let evaluation = evaluate(&history(seed, runs, &vec![100; nodes]));
            let (without, with) = (evaluation.error_without_micros, evaluation.error_with_micros);
            prop_assert!(with * 100 <= without * 110, "{with} of {without}");
        }
    }
}
