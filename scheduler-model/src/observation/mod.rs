//! What the learned policy sees of the tasks that wait: a window of at most [`WINDOW`] candidates in plain numbers.
//!
//! [`Observer::observe`] is the one place that makes them, whether a network is trained or serves. [`layout`] names the
//! columns; weights are matched to it by name. Nearly all features are logarithms of ratios (run time against the run time
//! that slowdown is measured by, width against the cluster, slack against the remaining path), so that what was learned on
//! one cluster means the same on another.
//!
//! A feature that is equal for all candidates cannot change their order in a linear network. What is known of the whole
//! cluster enters such a network as a factor of a candidate's own features: `pressure/log_width`, `fits/free`.

mod features;
mod globals;
mod indices;
mod logarithm;
mod observer;
mod ranks;
mod sight;

pub use features::layout;
pub(crate) use features::rank_column;
pub(crate) use globals::Surroundings;
pub(crate) use observer::Observer;
pub(crate) use ranks::{RANKED_BY, RankColumns};
pub(crate) use sight::{Beside, Sight};

/// So many candidates are scored together at most.
pub const WINDOW: usize = 128;
