//! Learners of the dispatch policy.
//!
//! A [`Stage`], which is some [`Environment`]s or the simulator, asks which candidate of a window comes next; a learner finds the
//! [`drover_model::inference::Weights`] whose choices bring the most reward. Choices are made by the plain inference of
//! `drover-model`, many episodes at once; libtorch, through the crate `tch`, only computes gradients.
//!
//! - [`imitate`]: cross-entropy to what a rule chooses; where the others begin.
//! - [`ppo`]: proximal policy optimisation.
//! - [`dqn`]: double deep Q-learning, for comparison.
//! - [`direct`]: evolution of the parameters on the objective itself; needs no gradient, and so no libtorch.
//!
//! [`simulated`] is the scheduler under load, as an objective and as a stage, [`serve`] learns on beside a live cluster, and [`command`] is
//! what `drover-learner` does with all of it.
//!
//! Every learner is a value that makes one step at a time (an update, an episode, a generation), so that its caller
//! decides about workloads, evaluations and progress in between. All of its state goes into a [`Checkpoint`], and what
//! is random follows from the seed and the number of the step: a resumed training goes on as if it had not ended, and
//! equal seeds give equal weights, however many threads act.

mod act;
mod adam;
mod advantage;
mod batch;
mod best;
mod checkpoint;
pub mod command;
pub mod direct;
pub mod dqn;
mod environment;
mod error;
mod event_file;
pub mod imitate;
mod initial;
mod model;
pub mod ppo;
mod random;
mod record;
mod roll_out;
pub mod serve;
pub mod simulated;
mod stage;
mod threads;
mod watch;
mod windows;

pub use act::{Actor, Choice, Following, Greedy, Sampling, highest, lowest};
pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use environment::{Environment, Observation, Step};
pub use error::LearnError;
pub use event_file::EventFile;
pub use initial::{initial_weights, normalised};
pub use model::{Model, Output};
pub use record::Record;
pub use roll_out::{End, Episode, Plan, Transition, roll_out};
pub use stage::Stage;
