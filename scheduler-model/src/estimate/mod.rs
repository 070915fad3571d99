//! How long things run, learned from how long they ran.
//!
//! Equal work has equal signatures, which come from the border. For each an [`Estimator`] keeps a histogram of run times
//! ([`histogram`]) and how much the nodes deviate from what is typical ([`speed`]). All of it is soft: it is written now
//! and then, what a crash loses is learned again, and nothing but the order in which tasks start and where depends on it.

mod evaluate;
mod histogram;
mod logarithm;
mod rows;
mod speed;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

pub use evaluate::{Evaluation, NodeSpeed, Observation, evaluate};
use histogram::{Histogram, rough_ln_milli};
pub(crate) use rows::WRITTEN_EVERY_MS;
pub(crate) use speed::Speeds;
use speed::{Between, Cell, Deviation, OfNode};

use crate::{EstimateSource, EstimateView, Expected, Timestamp};

/// Signatures beyond this push out those that ran longest ago.
const SIGNATURES: usize = 10_000;

/// Pairs of signature and node. Beyond, a signature that is new to a node is judged by the node alone.
const CELLS: usize = 100_000;

/// Fewer runs than this say nothing.
const LEAST_RUNS: u64 = 5;

/// What is learned of run times.
#[derive(Debug, Default)]
pub(crate) struct Estimator {
    works: FxHashMap<u64, Work>,
    /// Signatures by when they ran last, in units of [`WRITTEN_EVERY_MS`].
    by_use: BTreeSet<(i64, u64)>,
    /// By place of the node: what its cells say together.
    nodes: Vec<OfNode>,
    /// Number of them.
    cells: usize,
    unwritten: rows::Unwritten,
}

/// What is learned of one signature.
#[derive(Debug, Default)]
struct Work {
    runs: Histogram,
    /// Ascending by node.
    cells: Vec<Cell>,
    /// Of these.
    between: Between,
    used: i64,
    is_stored: bool,
    /// Since when it is not stored as it is now.
    changed_at: Option<Timestamp>,
}

impl Estimator {
    /// What its user says, else what the same took before, else what anything in its queue took, else its default.
    pub(crate) fn estimate(&self, expected: &Expected) -> EstimateView {
        let number = |source, ms| EstimateView {
            source,
            median_ms: ms,
            high_ms: ms,
            runs: 0,
        };
        if let Some(stated) = expected.stated_ms {
            return number(EstimateSource::Stated, stated);
        }
        let of = |source, signature| {
            let runs = self.runs(signature)?;
            Some(EstimateView {
                source,
                median_ms: runs.quantile(500),
                high_ms: runs.quantile(900),
                runs: runs.runs(),
            })
        };
        of(EstimateSource::Signature, expected.signature)
            .or_else(|| of(EstimateSource::WideSignature, expected.wide_signature))
            .unwrap_or_else(|| number(EstimateSource::Default, expected.default_ms))
    }

    /// Of a signature of which enough is known.
    fn runs(&self, signature: u64) -> Option<&Histogram> {
        let runs = &self.works.get(&signature)?.runs;
        (runs.runs() >= LEAST_RUNS).then_some(runs)
    }

    /// How fast nodes are at this.
    pub(crate) fn speeds(&self, signature: u64) -> Speeds<'_> {
        let work = self.works.get(&signature);
        Speeds {
            nodes: &self.nodes,
            cells: work.map_or(&[], |work| &work.cells),
        }
    }

    /// How fast a node is at anything.
    pub(crate) fn node_speed(&self, node: u32) -> u32 {
        let nodes = &self.nodes;
        Speeds { nodes, cells: &[] }.permille(node)
    }

    /// An attempt has succeeded on the node with this place.
    pub(crate) fn learn(&mut self, now: Timestamp, expected: &Expected, node: u32, run_ms: u64) {
        let Expected {
            signature,
            wide_signature,
            ..
        } = *expected;
        if wide_signature != signature {
            self.note_run(now, wide_signature, None, run_ms);
        }
        self.note_run(now, signature, Some(node), run_ms);
    }

    /// Something with this signature has run, on a node that it says something of.
    fn note_run(&mut self, now: Timestamp, signature: u64, node: Option<u32>, run_ms: u64) {
        let used = now.0 / WRITTEN_EVERY_MS as i64;
        let work = match self.works.get_mut(&signature) {
            Some(work) => work,
            None => {
                self.make_room();
                let never_ran = Work {
                    used: i64::MIN,
                    ..Work::default()
                };
                self.works.entry(signature).or_insert(never_ran)
            }
        };
        if work.used < used {
            self.by_use.remove(&(work.used, signature));
            self.by_use.insert((used, signature));
            work.used = used;
        }
        // Compared with those before it.
        if let Some((node, deviation)) = node.zip(work.deviation(run_ms)) {
            let of_node = node_at(&mut self.nodes, node);
            let variance = work.variance();
            of_node.add(deviation, variance);
            of_node.judge();
            if let Some(place) = work.cell(node, &mut self.cells) {
                let cell = &mut work.cells[place];
                work.between.remove(cell);
                cell.deviation.add(deviation);
                work.between.add(cell);
                cell.is_new = true;
                cell.refresh(of_node, variance);
            }
        }
        work.runs.record(run_ms);
        if work.note_change(now) {
            self.unwritten.note(now, signature);
        }
    }

    fn make_room(&mut self) {
        while self.works.len() >= SIGNATURES {
            let (_, signature) = self.by_use.pop_first().expect("each has a place there");
            let work = self.works.remove(&signature).expect("it is known");
            self.cells -= work.cells.len();
            self.unwritten
                .forget(signature, work.changed_at, work.is_stored);
        }
    }
}

impl Work {
    /// How much a run deviates from those before it, if there are enough of them.
    fn deviation(&self, run_ms: u64) -> Option<Deviation> {
        let is_known = self.runs.runs() >= LEAST_RUNS;
        is_known.then(|| Deviation::of_run(self.runs.mean_ln_milli(), rough_ln_milli(run_ms)))
    }

    /// How the logarithms of its runs scatter on one node, in millionths.
    fn variance(&self) -> i64 {
        let total = self.runs.variance();
        self.between.variance_within(total, self.cells.len())
    }

    /// Place of what is known of it on a node; `cells` counts those of all works, of which there are not too many.
    fn cell(&mut self, node: u32, cells: &mut usize) -> Option<usize> {
        match self.cells.binary_search_by_key(&node, |cell| cell.node) {
            Ok(place) => Some(place),
            Err(_) if *cells >= CELLS => None,
            Err(place) => {
                self.cells.insert(place, Cell::new(node));
                *cells += 1;
                Some(place)
            }
        }
    }
}

/// What is known of the node with this place.
fn node_at(nodes: &mut Vec<OfNode>, place: u32) -> &mut OfNode {
    let place = place as usize;
    if place >= nodes.len() {
        nodes.resize(place + 1, OfNode::default());
    }
    &mut nodes[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn expected(signature: u64) -> Expected {
        Expected {
            stated_ms: None,
            default_ms: 60_000,
            signature,
            wide_signature: u64::MAX,
        }
    }

    fn learn(estimator: &mut Estimator, signature: u64, runs: u64, run_ms: u64) {
        (0..runs).for_each(|_| estimator.learn(NOW, &expected(signature), 0, run_ms));
    }

    #[test]
    fn the_nearest_that_is_known_counts() {
        let mut estimator = Estimator::default();
        let source = |estimator: &Estimator| {
            let estimate = estimator.estimate(&expected(1));
            (estimate.source, estimate.median_ms)
        };
        assert_eq!(source(&estimator), (EstimateSource::Default, 60_000));
        learn(&mut estimator, 1, LEAST_RUNS - 1, 8);
        assert_eq!(source(&estimator), (EstimateSource::Default, 60_000));
        learn(&mut estimator, 2, LEAST_RUNS, 2);
        assert_eq!(source(&estimator), (EstimateSource::WideSignature, 2));
        learn(&mut estimator, 1, 1, 8);
        assert_eq!(source(&estimator), (EstimateSource::Signature, 8));
        let stated = Expected {
            stated_ms: Some(70),
            ..expected(1)
        };
        assert_eq!(estimator.estimate(&stated).source, EstimateSource::Stated);
        assert_eq!(estimator.estimate(&stated).high_ms, 70);
    }

    #[test]
    fn the_spread_is_the_ninth_tenth() {
        let mut estimator = Estimator::default();
        (1..=10).for_each(|run_ms| learn(&mut estimator, 1, 1, run_ms));
        let estimate = estimator.estimate(&expected(1));
        assert_eq!(
            (estimate.median_ms, estimate.high_ms, estimate.runs),
            (5, 9, 10)
        );
    }

    #[test]
    fn those_that_ran_longest_ago_are_pushed_out() {
        let mut estimator = Estimator::default();
        for number in 0..SIGNATURES as u64 + 5 {
            let now = Timestamp::default().plus_ms(number * WRITTEN_EVERY_MS);
            estimator.learn(now, &expected(number), 0, 10);
            // One that is in use stays.
            estimator.learn(now, &expected(3), 0, 10);
        }
        assert_eq!(estimator.works.len(), SIGNATURES);
        assert_eq!(estimator.by_use.len(), SIGNATURES);
        let known = |signature| estimator.works.contains_key(&signature);
        assert!(known(3) && known(u64::MAX) && known(SIGNATURES as u64 + 4));
        assert!(!known(0) && !known(2) && !known(4));
    }

    #[test]
    fn only_nodes_that_differ_have_another_speed() {
        let mut estimator = Estimator::default();
        for _ in 0..200 {
            estimator.learn(NOW, &expected(1), 0, 1_000);
            estimator.learn(NOW, &expected(1), 1, 2_000);
            estimator.learn(NOW, &expected(2), 2, 5_000);
        }
        let speeds = estimator.speeds(1);
        let [fast, slow, other] = [0, 1, 2].map(|node| speeds.permille(node));
        assert!((1_350..1_450).contains(&fast), "{fast}");
        assert!((690..740).contains(&slow), "{slow}");
        assert_eq!(other, 1_000, "nothing else ran the same");
        // What is new to a node is judged by the rest that ran there.
        let unknown = estimator.speeds(9);
        assert!(unknown.permille(1) < 740 && unknown.permille(2) == 1_000);
    }
}
