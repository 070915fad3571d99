use std::sync::Arc;

use drover_model::{
    dispatch::Mode,
    inference::Network,
    policy::{self, Learned, Policy},
};
use drover_sim::{
    evaluate::{Counted, Figures},
    simulate::{Options, simulate},
    trace::Trace,
};

use super::{Curriculum, drawn::Drawn, references};
use crate::{direct::Objective, windows::Windows};

/// What a network costs on a window: the logarithm of its J by that of the best reference rule, more where it is worse than
/// that, and something for mean waits that grow.
///
/// A policy that wins here by letting a few wait for ever gains little: J counts who starves, and the wait is in the cost.
#[derive(Debug)]
pub struct SimulatedCost {
    curriculum: Curriculum,
    mode: Mode,
    known: Windows<Measured>,
}

#[derive(Debug)]
struct Measured {
    drawn: Drawn,
    best: Worth,
}

/// Of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Worth {
    objective: f64,
    mean_wait_s: f64,
}

/// Being worse than the reference costs so much more than being better gains.
const WORSE: f64 = 1.0;

/// Of the logarithm by which mean waits grow, from a grace on.
const WAITING: f64 = 0.1;
const WAITING_GRACE: f64 = 0.1;
const SHORT_WAIT_S: f64 = 10.0;

impl SimulatedCost {
    pub fn new(curriculum: Curriculum, mode: Mode) -> Self {
        Self {
            curriculum,
            mode,
            known: Windows::default(),
        }
    }

    /// The window of a seed, and what the references are worth there.
    fn window(&self, seed: u64) -> Arc<Measured> {
        self.known.get(seed, || self.measure(seed))
    }

    fn measure(&self, seed: u64) -> Measured {
        let drawn = self.curriculum.draw(seed);
        let worth = references(drawn.family.name).iter().map(|reference| {
            let rule = policy::find(reference.policy).expect("references are rules");
            Worth::of(&drawn.trace, rule, reference.mode)
        });
        let best = worth.min_by(|one, other| one.objective.total_cmp(&other.objective));
        let best = best.expect("every family has references");
        Measured { drawn, best }
    }

    /// ln(J / J of the best reference).
    fn compare(&self, network: &Network, window: &Measured) -> (Worth, f64) {
        let learned = Learned::by("learned", Arc::new(network.clone()));
        let worth = Worth::of(&window.drawn.trace, learned, self.mode);
        let ratio = (worth.objective / window.best.objective).ln();
        (worth, ratio)
    }

    /// The family of a seed's window, its load, and ln(J / J of the best reference) there.
    pub fn detail(&self, network: &Network, seed: u64) -> (&'static str, f64, f64) {
        let window = self.window(seed);
        let (_, ratio) = self.compare(network, &window);
        (window.drawn.family.name, window.drawn.load, ratio)
    }
}

impl Worth {
    fn of(trace: &Trace, policy: Arc<dyn Policy>, mode: Mode) -> Self {
        let outcome = simulate(trace, &Options::new(policy, mode));
        let outcome = outcome.expect("generated traces make sense");
        let figures = Figures::counting(&outcome, &Counted::AfterWarmUp);
        Self {
            objective: figures.objective,
            mean_wait_s: figures.wait_s.mean,
        }
    }
}

impl Objective for SimulatedCost {
    fn cost(&self, network: &Network, seed: u64) -> f64 {
        let window = self.window(seed);
        let (worth, ratio) = self.compare(network, &window);
        let wait = |worth: &Worth| SHORT_WAIT_S + worth.mean_wait_s;
        let longer = (wait(&worth) / wait(&window.best)).ln() - WAITING_GRACE;
        ratio + WORSE * ratio.max(0.0) + WAITING * longer.max(0.0)
    }
}
