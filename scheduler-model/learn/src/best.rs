use drover_model::inference::{Network, Weights};

use crate::{
    Checkpoint, LearnError, Record,
    direct::{Objective, costs, validation_windows},
};

/// The best weights of a training, as far as windows say that are kept apart for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Best {
    weights: Weights,
    /// Mean over these windows, once it is known.
    cost: Option<f64>,
    windows: Vec<u64>,
    threads: usize,
}

const WEIGHTS: &str = "best";
const COST: &str = "best_cost";

impl Best {
    pub(crate) fn new(weights: &Weights, seed: u64, windows: usize, threads: usize) -> Self {
        Self {
            weights: weights.clone(),
            cost: None,
            windows: validation_windows(seed, windows),
            threads,
        }
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    pub(crate) fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// Keeps these weights if they are the best so far.
    pub(crate) fn consider<O: Objective, R: Record>(
        &mut self,
        weights: Weights,
        objective: &O,
        step: u64,
        record: &mut R,
    ) {
        let network = [Network::new(&weights)];
        let cost = costs(objective, &network, &self.windows, self.threads)[0];
        record.record(step, &[("validation/cost", cost)]);
        if self.cost.is_none_or(|best| cost < best) {
            (self.weights, self.cost) = (weights, Some(cost));
        }
    }

    /// Adds it to what a learner remembers.
    pub(crate) fn write(&self, checkpoint: &mut Checkpoint) {
        let parameters = self.weights.parameters().iter();
        let parameters = parameters.map(|value| f64::from(*value)).collect();
        checkpoint.memory.insert(WEIGHTS.to_owned(), parameters);
        let cost = Vec::from_iter(self.cost);
        checkpoint.memory.insert(COST.to_owned(), cost);
    }

    /// # Errors
    /// A checkpoint without it, or of another network.
    pub(crate) fn read(&mut self, checkpoint: &Checkpoint) -> Result<(), LearnError> {
        let parameters = checkpoint.recall(WEIGHTS)?.iter();
        let parameters: Vec<f32> = parameters.map(|value| *value as f32).collect();
        self.weights = checkpoint.weights.clone().with_parameters(&parameters)?;
        self.cost = checkpoint.recall(COST)?.first().copied();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use drover_model::inference::{Architecture, Form, Layout};

    use super::*;

    fn weights(value: f32) -> Weights {
        let architecture = Architecture {
            form: Form::Linear,
            value: None,
        };
        let layout = Layout::new(["width"], []).unwrap();
        let zero = Weights::zero("some", architecture, layout).unwrap();
        zero.with_parameters(&[value]).unwrap()
    }

    #[test]
    fn only_what_is_better_is_kept_and_a_checkpoint_keeps_it() {
        let objective = |network: &Network, _: u64| {
            let window = drover_model::inference::Window {
                candidates: &[1.0],
                globals: &[],
                eligible: &[true],
            };
            let mut scores = [0.0];
            network.score(&window, &mut Default::default(), &mut scores);
            f64::from(scores[0])
        };
        let mut best = Best::new(&weights(9.0), 1, 3, 2);
        let mut curve = Vec::new();
        for (step, value) in [3.0, 1.0, 2.0].into_iter().enumerate() {
            best.consider(weights(value), &objective, step as u64, &mut curve);
        }
        assert_eq!((best.weights(), best.cost()), (&weights(1.0), Some(1.0)));
        assert_eq!(curve.len(), 3);
        let mut checkpoint = Checkpoint {
            learner: "some".to_owned(),
            seed: 1,
            step: 3,
            weights: weights(2.0),
            memory: [].into(),
        };
        let mut read = Best::new(&weights(2.0), 1, 3, 2);
        assert!(read.read(&checkpoint).is_err());
        best.write(&mut checkpoint);
        read.read(&checkpoint).unwrap();
        assert_eq!(read, best);
    }
}
