use std::sync::Arc;

use drover_model::inference::{Layout, Weights};

use crate::{Actor, Environment, Episode, LearnError, Plan, roll_out};

/// Where episodes are played: some environments, or the scheduler under simulated load.
pub trait Stage {
    /// Whether its observations have these columns.
    fn has_layout(&self, layout: &Layout) -> bool;

    /// Plays the episodes of the plan, and returns them in its order. Each follows from its seed and the actor alone.
    ///
    /// # Errors
    /// Nothing to play on.
    fn play(&mut self, actor: &Arc<dyn Actor>, plan: &Plan) -> Result<Vec<Episode>, LearnError>;
}

impl<E: Environment> Stage for [E] {
    fn has_layout(&self, layout: &Layout) -> bool {
        self.iter().all(|one| one.layout() == layout)
    }

    fn play(&mut self, actor: &Arc<dyn Actor>, plan: &Plan) -> Result<Vec<Episode>, LearnError> {
        roll_out(self, &**actor, plan)
    }
}

/// What is observed must have the columns of the weights.
pub(crate) fn same_layout<S: Stage + ?Sized>(
    stage: &S,
    weights: &Weights,
) -> Result<(), LearnError> {
    match stage.has_layout(weights.layout()) {
        true => Ok(()),
        false => Err(LearnError::Layout),
    }
}
