//! Learning on, from what a live cluster does.

mod anchor;
mod cost;
#[cfg(test)]
mod example;
mod judge;
mod resample;
mod slices;
mod tune;
mod worth;

pub use anchor::Anchor;
pub use cost::RecentCost;
pub use judge::{Judgement, Pair, judge};
pub use resample::Resampler;
pub use slices::Slices;
pub use tune::{TuneSettings, Tuned, tune};
pub use worth::Worth;
