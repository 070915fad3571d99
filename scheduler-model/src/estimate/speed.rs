//! How fast nodes are, from how much shorter or longer than elsewhere runs took there.
//!
//! Of each run with signature s on node n the deviation is x = ln(typical / run), where `typical` is the geometric mean
//! of what s took on all nodes before. Means over few runs are mostly noise. So what runs deviate from what is known
//! without them (their `prior`) counts only as far as it is beyond what noise alone would do, and as if `K` more runs had
//! said that they do not deviate:
//!
//! ```text
//! S             = sum of (x - prior)
//! noise         = sum over the same runs of how runs of their signature scatter on one node, as a variance
//! shrunk(prior) = prior + (S - 9 noise / S) / (runs + K)     if S^2 > 9 noise, three standard errors, else prior
//! node(n)       = shrunk(0) over n                           towards as fast as the others
//! cell(s, n)    = shrunk(node(n)) over (s, n)                towards its node
//! speed         = e^cell
//! ```
//!
//! How runs scatter on one node is what is left of the variance of ln(run) over all nodes without what nodes differ by: the
//! mean square within groups of the analysis of variance (R. A. Fisher, "Statistical Methods for Research Workers", chapter
//! 7), with cells as groups.
//!
//! The first step is the non-negative garrote (L. Breiman, "Better Subset Regression Using the Nonnegative Garrote",
//! Technometrics 37, 1995): nothing where there may be nothing, and nearly all of what is far beyond doubt. The second is the
//! posterior mean for normal deviations with a normal prior, K = variance of one run / variance between nodes (B. Efron,
//! C. Morris, "Data Analysis Using Stein's Estimator and its Generalizations", JASA 70, 1975; the two levels as in A. Gelman
//! et al., "Bayesian Data Analysis", chapter 5). K is not estimated but fixed: with 16, runs that scatter by 40 % are
//! believed to differ by 10 % between nodes.

use super::logarithm::{LARGEST_MILLI, exp_permille};

/// Pseudo count of both levels.
const K: i64 = 16;

/// Square of how many standard errors may be noise.
const DOUBT: i64 = 9;

/// With so many runs half of them are forgotten, so that what is new counts more.
const RUNS_KEPT: u64 = 1_024;

/// Runs that deviate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deviation {
    pub(super) runs: u64,
    /// Sum of ln(typical / run), in thousandths.
    pub(super) log_sum_milli: i64,
}

impl Deviation {
    /// Of one run. Factors beyond 20 say no more than 20.
    pub(super) fn of_run(typical_ln_milli: i64, run_ln_milli: i64) -> Self {
        Self {
            runs: 1,
            log_sum_milli: (typical_ln_milli - run_ln_milli).clamp(-LARGEST_MILLI, LARGEST_MILLI),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.runs = self.runs.saturating_add(other.runs);
        self.log_sum_milli = self.log_sum_milli.saturating_add(other.log_sum_milli);
        while self.runs >= RUNS_KEPT {
            self.runs /= 2;
            self.log_sum_milli /= 2;
        }
    }

    /// Square of the mean, times the runs; in millionths.
    fn square(&self) -> i64 {
        self.log_sum_milli * self.log_sum_milli / self.runs.max(1) as i64
    }

    /// Its mean, shrunk towards `prior`, in thousandths. `noise` is the sum of the variances of its runs, in millionths.
    pub(super) fn shrunk(&self, prior: i64, noise: i64) -> i64 {
        let runs = self.runs as i64;
        let beyond = self.log_sum_milli - runs * prior;
        // Of a node that has run a hundred million tasks the square is beyond 64 bits.
        if i128::from(beyond).pow(2) <= i128::from(DOUBT * noise) {
            return prior;
        }
        prior + (beyond - DOUBT * noise / beyond) / (runs + K)
    }
}

/// How much the nodes differ at one signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Between {
    /// Runs of all cells.
    runs: u64,
    /// Sum of the squares of their means, each as often as it has runs; in millionths.
    square_sum: i64,
}

impl Between {
    pub(super) fn add(&mut self, cell: &Cell) {
        self.runs += cell.deviation.runs;
        self.square_sum += cell.deviation.square();
    }

    pub(super) fn remove(&mut self, cell: &Cell) {
        self.runs -= cell.deviation.runs;
        self.square_sum -= cell.deviation.square();
    }

    /// Of `total`, the variance over all nodes, what is left of it on one; in millionths. All of it, where no cell has more
    /// than one run.
    pub(super) fn variance_within(&self, total: i64, cells: usize) -> i64 {
        let runs = self.runs as i64;
        match runs - cells as i64 {
            ..=0 => total,
            free => ((total * runs - self.square_sum) / free).max(0),
        }
    }
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OfNode {
    /// Of all its cells together.
    deviation: Deviation,
    /// Sum of the variances of its runs, in millionths.
    noise: i64,
    shrunk_milli: i64,
    permille: u32,
}

impl Default for OfNode {
    /// As fast as the others.
    fn default() -> Self {
        Self {
            deviation: Deviation::default(),
            noise: 0,
            shrunk_milli: 0,
            permille: 1000,
        }
    }
}

impl OfNode {
    /// Runs whose logarithms scatter with this variance, in millionths. Nothing of a node is forgotten but what its cells forget:
    /// they are what is stored, and a node is the same after a load.
    pub(super) fn add(&mut self, deviation: Deviation, variance: i64) {
        self.deviation.runs += deviation.runs;
        self.deviation.log_sum_milli += deviation.log_sum_milli;
        self.noise += deviation.runs as i64 * variance;
    }

    /// Once what has been added is all.
    pub(super) fn judge(&mut self) {
        self.shrunk_milli = self.deviation.shrunk(0, self.noise);
        self.permille = exp_permille(self.shrunk_milli);
    }
}

/// What is known of a signature on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) node: u32,
    /// Not stored as it is now.
    pub(super) is_new: bool,
    /// As of its last run: looked up more often than it changes.
    permille: u32,
    pub(super) deviation: Deviation,
}

impl Cell {
    /// On the node with this place.
    pub(super) fn new(node: u32) -> Self {
        Self {
            node,
            is_new: false,
            permille: 1000,
            deviation: Deviation::default(),
        }
    }

    /// Follows its node.
    pub(super) fn refresh(&mut self, node: &OfNode, variance: i64) {
        let noise = self.deviation.runs as i64 * variance;
        self.permille = exp_permille(self.deviation.shrunk(node.shrunk_milli, noise));
    }
}

/// What is known of nodes for one signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speeds<'a> {
    /// By place of the node.
    pub(super) nodes: &'a [OfNode],
    /// Of the signature, ascending by node.
    pub(super) cells: &'a [Cell],
}

impl Speeds<'_> {
    /// Thousandths: 2000 is twice as fast as its peers at the same work.
    pub(crate) fn permille(&self, node: u32) -> u32 {
        let cell = self.cells.binary_search_by_key(&node, |cell| cell.node);
        match (cell, self.nodes.get(node as usize)) {
            (Ok(place), _) => self.cells[place].permille,
            (Err(_), Some(node)) => node.permille,
            (Err(_), None) => 1000,
        }
    }
}

/// How long what takes `estimate_ms` elsewhere takes on a node of this speed.
pub(super) fn on_node(estimate_ms: u64, speed_permille: u32) -> u64 {
    let scaled = u128::from(estimate_ms) * 1000 / u128::from(speed_permille.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deviation(runs: u64, each: i64) -> Deviation {
        let mut all = Deviation::default();
        (0..runs).for_each(|_| all.add(Deviation::of_run(each, 0)));
        all
    }

    #[test]
    fn few_runs_say_little_and_many_nearly_all() {
        assert_eq!(deviation(1, 690).shrunk(0, 0), 40);
        assert_eq!(deviation(16, 690).shrunk(0, 0), 345);
        assert_eq!(deviation(1_000, 690).shrunk(0, 0), 679);
        assert_eq!(deviation(5_000, 690).shrunk(0, 0) / 10, 67);
        assert_eq!(deviation(16, 690).shrunk(690, 0), 690);
    }

    #[test]
    fn what_may_be_noise_says_nothing() {
        // They scatter by half: the mean of 16 by an eighth.
        let noise = |runs: i64| runs * 500 * 500;
        let sixteen = |each| deviation(16, each).shrunk(0, noise(16));
        assert_eq!([sixteen(375), sixteen(-375)], [0, 0]);
        assert_eq!([sixteen(400), sixteen(-400)], [24, -24]);
        assert_eq!(deviation(16, 590).shrunk(215, noise(16)), 215);
        assert_eq!(deviation(1_000, 375).shrunk(0, noise(1_000)), 363);
    }

    #[test]
    fn what_nodes_differ_by_is_not_noise() {
        let cell = |runs, each| {
            let mut cell = Cell::new(0);
            cell.deviation = deviation(runs, each);
            cell
        };
        let mut between = Between::default();
        assert_eq!(between.variance_within(7, 0), 7, "nothing is known");
        let (fast, slow) = (cell(10, 300), cell(10, -300));
        between.add(&fast);
        between.add(&slow);
        assert_eq!(between.variance_within(90_000, 2), 0);
        assert_eq!(between.variance_within(180_000, 2), 100_000);
        assert_eq!(between.variance_within(80_000, 2), 0);
        between.remove(&slow);
        between.remove(&fast);
        assert_eq!(between, Between::default());
    }

    #[test]
    fn a_cell_is_shrunk_to_its_node_and_unknown_nodes_are_as_fast_as_others() {
        let mut nodes = [OfNode::default(); 2];
        nodes[0].add(deviation(1_000, -693), 0);
        nodes[0].judge();
        let mut cell = Cell::new(0);
        cell.deviation = deviation(16, 0);
        cell.refresh(&nodes[0], 0);
        let known = Speeds {
            nodes: &nodes,
            cells: &[cell],
        };
        assert_eq!(
            [0, 1, 2].map(|node| known.permille(node)),
            [711, 1000, 1000]
        );
        let unknown = Speeds {
            cells: &[],
            ..known
        };
        assert_eq!(unknown.permille(0), 506);
    }

    #[test]
    fn a_node_half_as_fast_takes_twice_as_long() {
        assert_eq!(on_node(10_000, 500), 20_000);
        assert_eq!(on_node(u64::MAX, 1), u64::MAX);
        assert_eq!(on_node(10_000, 0), 10_000_000);
    }
}
