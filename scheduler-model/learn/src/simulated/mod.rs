//! The scheduler under simulated load, as a thing to be optimised.
//!
//! A seed makes a [`Drawn`] window: a family of workloads with a load, or a stretch of a log. [`SimulatedCost`] says what a network is worth
//! there by a [`Measure`], against the best of some strong rules on the very same jobs; [`starting_weights`] is where a search begins.
//! [`SimulatedStage`] takes the same windows decision by decision: `recorder` lets an actor rank what waits and remembers its
//! choices, `rewards` lays what the run cost on the moments of these.

mod cost;
mod drawn;
mod measure;
mod recorder;
mod references;
mod rewards;
mod sight;
mod stage;
mod start;

pub use cost::SimulatedCost;
pub use drawn::{Curriculum, Drawn};
pub use measure::Measure;
pub use references::{Reference, references};
pub use stage::SimulatedStage;
pub use start::{SEARCHED, STARTING_RULE, starting_weights};
