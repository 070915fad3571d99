use std::sync::Arc;

use drover_model::{
    inference::Network,
    policy::{self, Learned},
};

use super::{Curriculum, Measure, drawn::Drawn, measure::Worth, references};
use crate::{direct::Objective, windows::Windows};

/// What a network costs on a window, by a [`Measure`], against the best of some strong rules.
///
/// A policy that wins here by letting a few wait for ever gains little: J counts who starves, and where J is not what is
/// measured, waits are in the cost.
#[derive(Debug)]
pub struct SimulatedCost {
    curriculum: Curriculum,
    measure: Measure,
    known: Windows<Measured>,
}

#[derive(Debug)]
struct Measured {
    drawn: Drawn,
    best: Worth,
}

impl SimulatedCost {
    pub fn new(curriculum: Curriculum, measure: Measure) -> Self {
        Self {
            curriculum,
            measure,
            known: Windows::default(),
        }
    }

    /// The window of a seed, and what the references are worth there.
    fn window(&self, seed: u64) -> Arc<Measured> {
        self.known.get(seed, || self.measure(seed))
    }

    fn measure(&self, seed: u64) -> Measured {
        let drawn = self.curriculum.draw(seed);
        let references = references(&drawn.name, self.measure);
        let worth = references.iter().map(|reference| {
            let rule = policy::find(reference.policy).expect("references are rules");
            let mode = reference.mode.unwrap_or(drawn.mode);
            self.measure.worth(&drawn, rule, mode)
        });
        let by_measure = |worth: &Worth| self.measure.of(worth);
        let best = worth.min_by(|one, other| by_measure(one).total_cmp(&by_measure(other)));
        let best = best.expect("everything has references");
        Measured { drawn, best }
    }

    fn run(&self, network: &Network, window: &Measured) -> Worth {
        let learned = Learned::by("learned", Arc::new(network.clone()));
        let Measured { drawn, .. } = window;
        self.measure.worth(drawn, learned, drawn.mode)
    }

    /// The family or log of a seed's window, and ln(measure / measure of the best reference) there.
    pub fn detail(&self, network: &Network, seed: u64) -> (Arc<str>, f64) {
        let window = self.window(seed);
        let worth = self.run(network, &window);
        let ratio = self.measure.ratio(&worth, &window.best);
        (Arc::clone(&window.drawn.name), ratio)
    }
}

impl Objective for SimulatedCost {
    fn cost(&self, network: &Network, seed: u64) -> f64 {
        let window = self.window(seed);
        let worth = self.run(network, &window);
        self.measure.cost(&worth, &window.best)
    }
}
