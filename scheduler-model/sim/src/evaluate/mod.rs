//! What a simulation was worth, in figures: of one run ([`Figures`]), and of many policies on many workloads
//! ([`Evaluation`]), compared in pairs.
//!
//! Nothing here knows how an [`crate::simulate::Outcome`] came about, and no figure depends on the order of its jobs.

mod bootstrap;
mod comparison;
mod counted;
mod deadlines;
mod distribution;
mod fairness;
mod figures;
mod judged;
mod mean;
mod metric;
mod objective;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod synthetic;

pub use bootstrap::{Interval, PairedComparison, RESAMPLES, compare, mean_interval};
pub use comparison::{Cell, Contender, Evaluation, EvaluationError, Run};
pub use counted::{Counted, WARM_UP};
pub use deadlines::{Deadlines, Level, LevelMisses};
use distribution::quantile_of;
pub use distribution::{Distribution, quantile};
pub use fairness::jain;
pub use figures::{Figures, Starvation};
pub use judged::{JudgedDeadline, JudgedJob};
pub use metric::{Better, METRICS, Metric, Unit, metric};
pub use objective::{STARVED, STARVED_FACTOR, objective, starved_share};
