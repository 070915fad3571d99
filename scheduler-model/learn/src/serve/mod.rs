//! Learning on, from what a live cluster does.
//!
//! A turn reads what is in use ([`InUse`]) and what happened ([`Recent`]), makes of it a trace on the nodes that there are, cuts
//! that in time ([`Slices`]), searches on windows drawn from the earlier part ([`Resampler`], [`tune`]) with an anchor
//! ([`Anchor`]), and judges what it found on windows from the later part, beside the policy in use ([`judge`]). What seems
//! better is offered; whether it is used is for the coordinator's gate to say. Up to there ([`learn`]) nothing knows of
//! networks or clocks, and equal seeds and records give equal lessons. [`Service`] does that turn after turn.

mod anchor;
mod coordinator;
mod cost;
mod error;
#[cfg(test)]
mod example;
mod in_use;
mod judge;
mod lesson;
mod offer;
mod read;
mod resample;
mod service;
mod slices;
mod tune;
mod worth;

pub use anchor::Anchor;
pub use cost::RecentCost;
pub use error::ServeError;
pub use in_use::InUse;
pub use judge::{Judgement, Pair, judge};
pub use lesson::{FEWEST_JOBS, Learned, Lesson, Plan, Source, learn};
pub use offer::Naming;
pub use read::Recent;
pub use resample::Resampler;
pub use service::{ServeOptions, Service};
pub use slices::Slices;
pub use tune::{TuneSettings, Tuned, tune};
pub use worth::Worth;
