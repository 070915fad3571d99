use drover_model::inference::Weights;

use super::gradient::Gradient;
use crate::{Checkpoint, LearnError, Record, direct::DirectSearch, simulated::SimulatedCost};

/// A training under way, whatever its learner.
pub(in crate::command) enum Training {
    Direct {
        search: Box<DirectSearch>,
        length: u64,
    },
    Gradient(Box<Gradient>),
}

impl Training {
    /// Generations, or updates.
    pub(in crate::command) fn steps(&self) -> u64 {
        match self {
            Self::Direct { search, .. } => search.generations(),
            Self::Gradient(gradient) => gradient.updates(),
        }
    }

    pub(in crate::command) fn length(&self) -> u64 {
        match self {
            Self::Direct { length, .. } => *length,
            Self::Gradient(gradient) => gradient.length(),
        }
    }

    /// Makes a step, and says in words how it goes.
    pub(in crate::command) fn step<R: Record>(
        &mut self,
        cost: &SimulatedCost,
        record: &mut R,
    ) -> Result<String, LearnError> {
        let said = match self {
            Self::Direct { search, .. } => {
                format!("cost {:.4}", search.generation(cost, record)?)
            }
            Self::Gradient(gradient) => format!("reward {:.1}", gradient.step(cost, record)?),
        };
        Ok(format!("{said}, best {:.4}", self.best_cost()))
    }

    /// On the validation windows.
    pub(in crate::command) fn best_cost(&self) -> f64 {
        let cost = match self {
            Self::Direct { search, .. } => search.best_cost(),
            Self::Gradient(gradient) => gradient.best().cost(),
        };
        cost.unwrap_or(f64::NAN)
    }

    /// The best so far.
    pub(in crate::command) fn weights(&self) -> &Weights {
        match self {
            Self::Direct { search, .. } => search.weights(),
            Self::Gradient(gradient) => gradient.best().weights(),
        }
    }

    pub(in crate::command) fn checkpoint(&self) -> Result<Checkpoint, LearnError> {
        match self {
            Self::Direct { search, .. } => Ok(search.checkpoint()),
            Self::Gradient(gradient) => gradient.checkpoint(),
        }
    }
}
