use tch::{Device, Kind, Tensor, no_grad};

use crate::{LearnError, Model};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Adam (Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1). That of libtorch does not
/// give its moments out, which a checkpoint needs.
#[derive(Debug)]
pub(crate) struct Adam {
    step: u64,
    first_moment: Tensor,
    second_moment: Tensor,
}

/// A gradient step that was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Length of the gradient before it was cut.
    pub(crate) norm: f64,
}

impl Adam {
    pub(crate) fn new(model: &Model) -> Self {
        let zeros = || model.parameters().detach().zeros_like();
        Self {
            step: 0,
            first_moment: zeros(),
            second_moment: zeros(),
        }
    }

    /// Moves the parameters against the gradient of the loss, which is cut to `longest`.
    ///
    /// # Errors
    /// A loss or gradient that is not finite.
    pub(crate) fn descend(
        &mut self,
        model: &mut Model,
        loss: &Tensor,
        learning_rate: f64,
        longest: f64,
    ) -> Result<Taken, LearnError> {
        let gradient = model.gradient(loss);
        let norm = gradient.norm().double_value(&[]);
        if !norm.is_finite() {
            return Err(LearnError::Diverged {
                step: self.step,
                what: "the gradient's length",
                found: norm,
            });
        }
        let gradient = gradient * (longest / (norm + 1e-6)).min(1.0);
        self.step += 1;
        let step = self.step as f64;
        no_grad(|| {
            self.first_moment = &self.first_moment * BETA_1 + &gradient * (1.0 - BETA_1);
            let square = &gradient * &gradient;
            self.second_moment = &self.second_moment * BETA_2 + square * (1.0 - BETA_2);
            let first = &self.first_moment / (1.0 - BETA_1.powf(step));
            let second = &self.second_moment / (1.0 - BETA_2.powf(step));
            let direction = first / (second.sqrt() + EPSILON);
            *model.parameters_mut() -= direction * learning_rate;
        });
        Ok(Taken { norm })
    }

    /// Number of steps, then both moments: all that the next step depends on.
    pub(crate) fn state(&self) -> Vec<f64> {
        let count = self.first_moment.numel();
        let mut state = vec![0.0; 1 + 2 * count];
        state[0] = self.step as f64;
        let (first, second) = state[1..].split_at_mut(count);
        self.first_moment
            .to_kind(Kind::Double)
            .copy_data(first, count);
        self.second_moment
            .to_kind(Kind::Double)
            .copy_data(second, count);
        state
    }

    /// # Errors
    /// A state of another model.
    pub(crate) fn from_state(model: &Model, state: &[f64]) -> Result<Self, LearnError> {
        let count = model.parameters().numel();
        if state.len() != 1 + 2 * count {
            return Err(LearnError::Checkpoint(format!(
                "it has {} numbers of the optimiser, and {} parameters need {}",
                state.len(),
                count,
                1 + 2 * count
            )));
        }
        let (first, second) = state[1..].split_at(count);
        let moment = |values: &[f64], device: Device| {
            Tensor::from_slice(values)
                .to_kind(Kind::Float)
                .to_device(device)
        };
        Ok(Self {
            step: state[0] as u64,
            first_moment: moment(first, model.device()),
            second_moment: moment(second, model.device()),
        })
    }
}
